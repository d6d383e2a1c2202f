# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in the field: bad input, bad credentials, dead neighbours, full disks. The peer gets the
response that the clause names, everybody else notices nothing."""
import os
import re
import secrets
import signal
import socket
import subprocess
import time

import pytest
from labkit import facts, procs, trace
from labkit.facts import at
from labrun import wait_until
from rawsip import Peer, authorization, challenge

AT = "@" + facts.DOMAIN
DAVE = "dave" + AT
HOME = f"sip:{facts.DOMAIN}"


def alive(lab):
    """Everything runs and a phone can register: the way each of these tests ends."""
    lab.all_healthy()
    lab.run_phone("carol", "register", "+", "deregister")


# ---- malformed messages ----

MALFORMED = [
    ("CSeq", {"cseq": "one REGISTER"}),
    ("CSeq", {"cseq": "7 INVITE"}),
    ("From", {"from": "<sip:dave@"}),
    ("To", {"to_": "<<<>>>"}),
    ("Call-ID", {"call_id_": ""}),
    ("Max-Forwards", {"max_forwards": "many"}),
    ("Contact", {"contact": f"<sip:dave@{facts.host(at(66, 1))}"}),
    ("Content-Length", {"content_length": "-3"}),
    ("Request-URI", {"uri": "sip:"}),
]


def spoilt(peer, change):
    """A REGISTER with one thing wrong; names ending in _ replace a header that request() has a word for."""
    change = dict(change)
    text, call_id = peer.request(uri=change.pop("uri", None),
                                 **{k: v for k, v in change.items() if not k.endswith("_")})
    for word, header in (("to_", "To"), ("call_id_", "Call-ID")):
        if word in change:
            line = f"{header}: {change[word]}\r\n" if change[word] is not None else ""
            text = re.sub(rf"{header}: .*\r\n", line, text, count=1)
    return text, call_id


# Over TCP a Content-Length that is too large announces bytes still to come: only a datagram lies so.
ON_BOTH = [(tcp, f, c) for f, c in MALFORMED for tcp in (False, True)] + [
    (False, "Content-Length", {"content_length": "4000"})]


@pytest.mark.parametrize("tcp,field,change", ON_BOTH, ids=[f"{f}-{n}" for n, (_, f, _) in enumerate(ON_BOTH)])
def test_malformed_request_is_answered_400(lab, tcp, field, change):
    """RFC 3261 8.2, 18.3, 21.4.1: 400, and the reason phrase says which field."""
    with Peer(at(66, 1), tcp=tcp) as peer:
        text, _ = spoilt(peer, change)
        # What a stranger's datagram gets back is no longer than it was (docs/security.md): here is room for words.
        text = text.replace("\r\n\r\n", "\r\nSubject: " + 80 * "x" + "\r\n\r\n", 1)
        peer.send(text)
        answer = peer.receive()
        assert answer is not None, "no answer"
        assert answer.status == 400
        assert field.lower() in answer.reason.lower(), answer.start


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("field", ["From", "To", "Call-ID", "CSeq"])
def test_missing_header_is_answered_400(lab, field, tcp):
    """RFC 4475 3.3.1: 400, whose reason phrase says which one; what there is to copy is copied."""
    with Peer(at(66, 2), tcp=tcp) as peer:
        text = re.sub(rf"{field}: .*\r\n", "", peer.request()[0])
        peer.send(text)
        answer = peer.receive()
        assert answer is not None and answer.status == 400, answer
        assert answer.reason == f"Bad Request: Missing {field}"
        assert answer.get("Via") and not answer.get(field)
    lab.wait_log("pcscf", f"malformed request answered 400.*what={field}")


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("what", ["response", "ack", "no-Via", "no-sip"])
def test_malformed_and_not_answerable_is_dropped(lab, what, tcp):
    """RFC 3261 17.1.1.3, 18.1.2: nothing is ever sent for a response or an ACK; 18.2.2: without Via there is no
    way back."""
    with Peer(at(66, 2), tcp=tcp) as peer:
        text, _ = peer.request(cseq="none")
        if what == "response":
            text = re.sub(r"^.*?\r\n", "SIP/2.0 200 OK\r\n", text, count=1)
        elif what == "ack":
            text, _ = peer.request(method="ACK", cseq="none")
        elif what.startswith("no-") and what != "no-sip":
            text = re.sub(rf"{what[3:]}: .*\r\n", "", peer.request()[0])
        else:
            text = "hello, is this the P-CSCF?\r\n\r\n"
        peer.send(text)
        assert peer.receive(0.5) is None
    with Peer(at(66, 3)) as peer:
        assert peer.ask(user="dave").status == 401


def test_noise(lab):
    """Bytes at random, among them zero bytes and empty datagrams (RFC 5626 keep-alives are no messages)."""
    with Peer(at(66, 4)) as peer:
        for n in (0, 1, 2, 3, 4, 12, 100, 1500, 60000):
            peer.send(os.urandom(n))
        peer.send(b"\r\n\r\n")
        assert peer.ask(user="dave").status == 401
    alive(lab)


def test_oversize_over_tcp(lab):
    """A body beyond the limit is not awaited: 513 (RFC 3261 21.5.7), and the connection ends."""
    with Peer(at(66, 5), tcp=True) as peer:
        text, _ = peer.request(content_length="10000000")
        peer.send(text + "x" * 70000)
        answer = peer.receive()
        assert answer is not None and answer.status == 513, answer
        assert peer.closed()
    alive(lab)


def test_endless_header_over_tcp(lab):
    with Peer(at(66, 6), tcp=True) as peer:
        text, _ = peer.request()
        try:
            peer.send(text[:-2] + "X-Endless: " + "x" * 400000)
        except OSError:
            pass  # closed while we were talking
        answer = peer.receive()
        assert answer is None or answer.status == 513
        assert peer.closed()
    alive(lab)


def test_largest_datagram(lab):
    """60 kB of headers in one datagram: refused or served, never ignored."""
    with Peer(at(66, 7)) as peer:
        text, call_id = peer.request(extra=[f"X-Filler-{i}: {'y' * 1000}" for i in range(58)])
        peer.send(text)
        assert peer.final(call_id).status in (401, 513)


def test_content_length_that_lies(lab):
    """RFC 3261 18.3: UDP: surplus bytes are no part of the message; TCP: they are the next message."""
    with Peer(at(66, 8)) as peer:
        text, call_id = peer.request(body="surplus", content_length="0")
        peer.send(text)
        assert peer.final(call_id).status == 401
    with Peer(at(66, 8), tcp=True) as peer:
        text, call_id = peer.request(body="surplus\r\n\r\n", content_length="0")
        peer.send(text)
        answer = peer.receive()
        assert answer is None or (answer.status, answer.get("Call-ID")) == (401, call_id)
        assert peer.closed()
    alive(lab)


def test_half_a_tcp_message_then_silence(lab):
    """Nobody waits for it, and after a while the connection is given up."""
    with Peer(at(66, 9), tcp=True) as peer:
        since = len(lab.log("pcscf"))
        text, _ = peer.request()
        peer.send(text[:len(text) // 2])
        lab.run_phone("carol", "register", "+", "deregister", options=["--transport", "tcp"])
        lab.run_phone("carol", "register", "+", "deregister")
        assert peer.receive(0.2) is None
        assert peer.closed(40)
        lab.wait_log("pcscf", "message not completed in time", since)


def test_flood_of_connections(lab):
    """Two hundred that say nothing take nothing away from others."""
    idle = [Peer(at(66, 10), tcp=True) for _ in range(200)]
    try:
        alive(lab)
    finally:
        for peer in idle:
            peer.sock.close()


# ---- identities and credentials ----

def test_foreign_domain(lab):
    """TS 24.229 5.2.2.1: no entry point of a home network that is not served here."""
    with Peer(at(2, 40)) as peer:
        answer = peer.ask(uri="sip:ims.mnc999.mcc999.3gppnetwork.org")
        assert answer.status == 403
        lab.wait_log("pcscf", "status=403.*not served here")


def test_foreign_public_identity(lab):
    with Peer(at(2, 40)) as peer:
        assert peer.ask(to="sip:dave@example.com").status in (403, 404)


@pytest.mark.parametrize("to,username", [("bob", DAVE), ("dave", facts.UES["bob"]["impi"])])
def test_identities_that_do_not_belong_together(lab, to, username):
    """TS 29.228 6.1.1: IDENTITIES_DONT_MATCH; TS 24.229 5.3.1.2: 403."""
    since = len(lab.log("icscf"))
    with Peer(at(2, 41)) as peer:
        auth = f'Digest username="{username}", realm="{facts.DOMAIN}", nonce="", uri="{HOME}", response=""'
        answer = peer.ask(user=to, authorization=auth)
        assert answer.status == 403
    line = lab.wait_log("icscf", "IDENTITIES_DONT_MATCH", since)
    assert answer.get("Call-ID") in line and to in line


def test_another_identity_than_the_challenged_one(lab):
    """dave's answer, offered for carol's identity."""
    with Peer(at(2, 42)) as peer:
        first = peer.ask(user="dave")
        auth = authorization(DAVE, "dave-secret", challenge(first), HOME)
        assert peer.ask(user="carol", call_id=first.get("Call-ID"), authorization=auth).status == 403


def test_sip_digest(lab):
    """TS 33.203 annex N: a plain phone without Authorization at first, found by its IMPU."""
    with Peer(at(2, 43)) as peer:
        first, answer, c = peer.register_digest()
        assert c["realm"] == facts.DOMAIN and c["qop"] == "auth" and c.get("algorithm", "MD5") == "MD5"
        assert answer.status == 200, answer.start
        assert answer.get("Service-Route") and answer.get("P-Associated-URI")
        assert "sip:dave" + AT in answer.get("P-Associated-URI") + " ".join(answer.all("P-Associated-URI"))


def test_unknown_nonce_gets_a_new_challenge(lab):
    """TS 24.229 5.4.1.2.2A: an expired nonce is no wrong password."""
    with Peer(at(2, 43)) as peer:
        c = {"realm": facts.DOMAIN, "nonce": secrets.token_hex(16)}
        answer = peer.ask(authorization=authorization(DAVE, "dave-secret", c, HOME))
        assert answer.status == 401
        new = challenge(answer)
        assert new["nonce"] != c["nonce"] and new.get("stale", "").lower() == "true"
        again = peer.ask(call_id=answer.get("Call-ID"),
                         authorization=authorization(DAVE, "dave-secret", new, HOME))
        assert again.status == 200, again.start


def test_replayed_response_gets_a_new_challenge(lab):
    """RFC 2617 3.2.2: the same nonce count twice is a replay."""
    with Peer(at(2, 44)) as peer:
        first, answer, c = peer.register_digest()
        assert answer.status == 200
        auth = authorization(DAVE, "dave-secret", c, HOME, nc=1)
        with Peer(at(2, 45)) as thief:
            got = thief.ask(authorization=auth)
            assert got.status == 401
            assert challenge(got)["nonce"] != c["nonce"]


def test_replayed_aka_response_gets_a_new_challenge(lab):
    """The REGISTER of alice, taken from the wire and sent again by somebody else."""
    p = lab.run_phone("alice", "register")
    call_id = p.event("registered")["call_id"]

    def sent():
        return [m for m in trace.by_call_id(call_id) if m.label == "REGISTER" and m.src == "alice"]
    wait_until(lambda: len(sent()) == 2, 5, "both REGISTERs are recorded")
    old = re.search(r"(?im)^Authorization: (.*?)\r?$", sent()[1].wire[4].decode()).group(1)
    with Peer(at(2, 46)) as thief:
        got = thief.ask(user="alice", call_id=call_id, authorization=old)
        assert got.status == 401
        assert challenge(got)["nonce"] not in old


def test_wrong_res(lab):
    """TS 24.229 5.4.1.2.3; the registration that exists stays as it is."""
    since = len(lab.log("scscf"))
    lab.run_phone("carol", "register")
    bad = lab.run_phone("carol", "register", "wrong-res=1", status=1)
    e = bad.event("register-failed")
    assert e["status"] == 403
    line = lab.wait_log("scscf", "wrong response to the challenge", since)
    assert e["call_id"] in line and "carol" in line
    assert "sip:carol" in lab.ctl("scscf", "registrations")
    alive(lab)


def test_wrong_key(lab):
    """A UE with another K finds the MAC wrong and says so with an empty response (TS 24.229 5.1.1.5.3)."""
    p = lab.run_phone("carol", "register", status=1, options=["--k-ascii", "not-carols-key-0"])
    assert p.event("register-failed")
    alive(lab)


def sqn_of(lab, name):
    return int(re.search(r"^sqn: ([0-9a-f]{12})", lab.ctl("hss", "subscriber", "show", name), re.M).group(1), 16)


def test_resynchronisation(lab):
    """A USIM ahead of the HSS: AUTS, a new vector, and both numbers in one line (TS 33.102 6.3.5)."""
    before, path = sqn_of(lab, "alice"), facts.RUN / "alice-ahead.sqn"
    ahead = (before >> 5) + 1000
    path.write_text("".join(f"{ahead + i}\n" for i in range(32)))
    since = len(lab.log("hss"))
    p = lab.run_phone("alice", "register", options=["--sqn-file", str(path)])
    e = p.event("registered")
    assert (e["challenges"], e["resyncs"]) == (2, 1)
    line = lab.wait_log("hss", "SQN resynchronised", since)
    assert facts.UES["alice"]["impi"] in line
    numbers = [int(x, 16) for x in re.findall(r"(?:ue_sqn|hss_sqn)=\"?([0-9a-f]{12})", line)]
    assert len(numbers) == 2 and numbers[0] >> 5 >= ahead > numbers[1] >> 5
    assert sqn_of(lab, "alice") >> 5 > ahead
    again = lab.run_phone("alice", "register", options=["--sqn-file", str(path)]).event("registered")
    assert (again["challenges"], again["resyncs"]) == (1, 0)
    os.replace(path, facts.RUN / "alice.sqn")  # the USIM of the tests that follow


def test_barred_identity(lab):
    """TS 23.228 4.3.3.4: it may register, it is not told as associated, and nobody reaches it."""
    barred = f"sip:001010000000001{AT}"
    e = lab.run_phone("alice", "register", "+", "sleep", "0.2", options=["--impu", barred]).event("registered")
    assert barred not in e["associated"] and f"sip:alice{AT}" in e["associated"]
    p = lab.run_phone("bob", "register", "+", "call", barred, "expect=404")
    assert p.event("call-failed")["status"] == 404


# ---- calls ----

@pytest.mark.parametrize("target,status", [(f"sip:nobody{AT}", 404), (f"sip:carol{AT}", 480),
                                           ("tel:+19995550000", 404)])
def test_calls_to_nobody(lab, target, status):
    lab.run_phone("carol", "register", "+", "deregister")
    p = lab.run_phone("bob", "register", "+", "call", target, f"expect={status}")
    assert p.event("call-failed")["status"] == status


def test_call_by_telephone_number(lab):
    """TS 24.229 5.4.3.2: a tel URI of the home network finds its subscriber."""
    with lab.phone("bob", "register", "+", "answer") as bob:
        bob.wait_for("ready")
        lab.run_phone("alice", "register", "+", "call", "tel:+15550000002", "talk=0.2")
        assert bob.finish() == 0


def test_call_from_a_phone_that_is_not_registered(lab):
    """TS 24.229 5.2.6.3.1."""
    with Peer(at(2, 47)) as peer:
        answer = peer.ask(method="OPTIONS", uri=f"sip:bob{AT}")
        assert answer.status == 403


def test_two_phones_of_one_user_ring(lab):
    """RFC 3261 16.6, 16.7: phones that share an account of SIP Digest both ring, one answers, the other is
    cancelled."""
    second = ["--local", at(2, 14)]
    with lab.phone("dave", "register", "+", "answer", "after=0.6") as one:
        one.wait_for("ready")
        with lab.phone("dave", "register", "+", "answer", "after=20", options=second) as two:
            two.wait_for("ready")
            lab.run_phone("alice", "register", "+", "call", f"sip:dave{AT}", "talk=0.3")
            assert two.finish() == 0 and one.finish() == 0, (one.events, two.events)
            assert two.event("incoming") and two.event("call-failed") and not two.event("call-established")
            assert one.event("call-established")
    lab.run_phone("dave", "register", "+", "deregister", "all=1")
    assert "sip:dave" not in lab.ctl("scscf", "registrations")


def test_card_in_another_phone(lab):
    """TS 24.229 5.4.1.2.2: one identity module is one UE; where it was before is not called any more."""
    lab.run_phone("bob", "register", options=["--local", at(2, 12)])
    with lab.phone("bob", "register", "+", "answer") as bob:
        bob.wait_for("ready")
        lab.run_phone("alice", "register", "+", "call", f"sip:bob{AT}", "talk=0.3")
        assert bob.finish() == 0 and bob.event("call-established")
    contacts = lab.ctl("scscf", "registrations", f"sip:bob{AT}")
    assert contacts.count("  contact ") == 1 and at(2, 12) not in contacts
    lab.run_phone("bob", "register", "+", "deregister", "all=1")


def test_phones_over_tcp(lab):
    tcp = ["--transport", "tcp"]
    with lab.phone("bob", "register", "+", "answer", options=tcp) as bob:
        bob.wait_for("ready")
        lab.run_phone("alice", "register", "+", "call", f"sip:bob{AT}", "talk=0.3", options=tcp)
        assert bob.finish() == 0, bob.events


def baresip_config(folder):
    (folder / "config").write_text(
        "module_path /usr/lib/baresip/modules\nmodule account.so\nmodule g711.so\nmodule menu.so\n"
        f"module stdio.so\nsip_listen {facts.place(at(2, 4), 5060)}\nnet_interface {at(2, 4)}\n"
        "audio_player aufile,/dev/null\naudio_source ausine,440\nmodule ausine.so\n")
    (folder / "accounts").write_text(
        f"<sip:{DAVE};transport=udp>;auth_user={DAVE};auth_pass=dave-secret;outbound=\"sip:"
        f"{facts.place(facts.NODES['pcscf']['ip'], 5060)};transport=udp\";regint=600\n")


@pytest.mark.skipif(not os.path.exists("/usr/bin/baresip"), reason="baresip-core is not installed")
def test_baresip_registers(lab, tmp_path):
    """A phone nobody here wrote, with SIP Digest, without any knowledge of IMS."""
    baresip_config(tmp_path)
    said = tmp_path / "said"
    with said.open("w") as out, subprocess.Popen(["/usr/bin/baresip", "-f", str(tmp_path), "-t", "12"],
                                                 stdin=subprocess.PIPE, stdout=out,
                                                 stderr=subprocess.STDOUT) as phone:
        try:
            # What the S-CSCF lists may be left from another phone of dave's: baresip itself has to say it.
            wait_until(lambda: "200 OK" in said.read_text(), 10, "baresip is registered")
            assert f"sip:{DAVE}" in lab.ctl("scscf", "registrations")
        finally:
            phone.terminate()
            phone.wait(15)


# ---- carillon-ue where nobody answers ----

def test_ue_in_front_of_silence(lab):
    """The run ends with status 1, and the JSON says which step was not answered."""
    silent = ["--local", at(2, 60), "--proxy", facts.place(at(66, 90), 5060)]
    with socket.socket(facts.AF(at(66, 90)), socket.SOCK_DGRAM) as nobody:
        nobody.bind((at(66, 90), 5060))  # a closed port would not be silent (RFC 3261 18.4)
        p = lab.run_phone("carol", "register", "timeout=1", status=1, options=silent)
        e = p.event("timeout")
        assert e["step"] == "register" and e["call_id"] and e["ms"] >= 1000


NOWHERE = (["register"], ["--local", "198.51.100.77"], 1, "198.51.100.77:5060.*no such address")


@pytest.mark.parametrize("words,options,status,trouble", [
    pytest.param(*NOWHERE, marks=pytest.mark.skipif(facts.FAMILY == 6, reason="there any address may be bound")),
    (["sleep", "soon"], [], 2, "'soon' is no number"),
    (["register", "expect=ok"], [], 2, "'expect=ok' is no number"),
    (["register", "timeout=-1"], [], 2, "'timeout=-1' is no number"),
])
def test_ue_says_what_is_wrong(lab, words, options, status, trouble):
    assert re.search(trouble, lab.run_phone("carol", *words, status=status, options=options).trouble())


WHERE = f"IN IP{facts.FAMILY} {at(66, 91)}"
SDP = f"v=0\r\no=- 1 1 {WHERE}\r\ns=-\r\nc={WHERE}\r\nt=0 0\r\n" "m={} 40000 RTP/AVP 0\r\n"


def test_ue_in_front_of_a_bad_peer(lab):
    """RFC 3261 8.2.1, 8.2.3, 13.3.1.3, 15.1.2: what the phone itself refuses, and how."""
    bob = f"sip:bob@{facts.place(facts.UES['bob']['ip'], 5060)}"
    with lab.phone("bob", "register", "+", "answer", "talk=0.1") as phone:
        phone.wait_for("ready")
        with Peer(at(66, 91), to=(facts.UES["bob"]["ip"], 5060)) as peer:
            def invite(body, kind):
                return peer.ask(method="INVITE", uri=bob, to=bob, body=body, content_type=kind)
            answer = invite(SDP.format("audio"), "text/plain")
            assert (answer.status, answer.get("Accept")) == (415, "application/sdp")
            assert invite("v=0\r\nm=audio\r\n", "application/sdp").status == 488
            assert invite(SDP.format("video"), "application/sdp").status == 488
            assert peer.ask(method="BYE", uri=bob, to=bob).status == 481
            answer = peer.ask(method="REGISTER", uri=bob, to=bob)
            assert answer.status == 405 and "INVITE" in answer.get("Allow")
            assert not phone.event("incoming")
            assert invite(SDP.format("audio"), "application/sdp; charset=utf-8").status == 200


# ---- neighbours that die ----

def test_hss_killed(lab):
    """An HSS that is down is never 403: the I-CSCF's query cannot be completed, 480 (TS 24.229 5.3.1.3), and the
    P-CSCF, which has no other entry point, answers 504 (TS 24.229 5.2.2.1). The logs say so, and afterwards no
    vector is given twice."""
    lab.run_phone("alice", "register")
    before, since = sqn_of(lab, "alice"), len(lab.log("icscf"))
    lab.kill("hss")
    try:
        e = lab.run_phone("alice", "register", status=1).event("register-failed")
        assert e["status"] == 504 and "480" in e["cause"], e
        assert "HSS" in lab.wait_log("icscf", re.escape(e["call_id"]), since)
    finally:
        lab.restart("hss")
    assert sqn_of(lab, "alice") >= before
    e = lab.run_phone("alice", "register").event("registered")
    assert e["resyncs"] == 0 and e["challenges"] == 1
    assert sqn_of(lab, "alice") > before


def test_hss_killed_during_registrations(lab):
    """kill -9 under load: each registration succeeds or is refused, and no USIM sees a number twice."""
    began, results = time.monotonic(), []
    killed = False

    def enough():
        good = [e["event"] == "registered" for e in results]
        return killed and sum(good) >= 6 and good[-1] and good[-2]

    while time.monotonic() < began + 6 or (not enough() and time.monotonic() < began + 60):
        with lab.phone("alice", "register") as a, lab.phone("bob", "register") as b:
            if not killed and len(results) >= 4:
                lab.kill("hss")
                killed = True
            for p in (a, b):
                p.finish(40)
                results.append(p.event("registered") or p.event("register-failed"))
        if killed and not procs.alive(procs.load().get("hss")):
            lab.restart("hss")
    assert all(results)
    assert {e["status"] for e in results if e["event"] == "register-failed"} <= {480, 504}
    good = [e for e in results if e["event"] == "registered"]
    assert len(good) >= 6 and not any(e["resyncs"] for e in good)
    assert results[-1]["event"] == results[-2]["event"] == "registered"


def test_scscf_restarted(lab):
    """Its registrations are on the disk: nobody has to register again, calls come and go at once. A call that stands
    goes on."""
    with lab.phone("bob", "register", "+", "answer", "talk=20") as bob:
        bob.wait_for("ready")
        with lab.phone("alice", "register", "+", "call", f"sip:bob{AT}", "talk=4") as alice:
            alice.wait_for("call-established")
            lab.restart("scscf")
            assert alice.finish() == 0, alice.trouble()
            assert bob.finish() == 0, bob.trouble()
            assert alice.event("call-ended") and bob.event("call-ended")["by"] == "remote"
    with lab.phone("bob", "register", "+", "answer", "talk=20") as bob:
        bob.wait_for("ready")
        with lab.phone("alice", "register", "+", "sleep", "6", "+", "call", f"sip:bob{AT}", "talk=1") as alice:
            alice.wait_for("registered")
            lab.kill("scscf")
            lab.restart("scscf")
            assert alice.finish() == 0, alice.trouble()
            assert bob.finish() == 0, bob.trouble()
    alive(lab)


def test_pcscf_killed(lab):
    lab.run_phone("alice", "register")
    lab.kill("pcscf")
    lab.restart("pcscf")
    lab.run_phone("alice", "register")
    alive(lab)


def test_a_call_outlives_its_pcscf(lab):
    """The tokens of its dialog are of a ring in a file (docs/keys.md): kill -9, and the caller's BYE arrives."""
    with lab.phone("bob", "register", "+", "answer", "talk=20") as bob:
        bob.wait_for("ready")
        with lab.phone("alice", "register", "+", "call", f"sip:bob{AT}", "talk=4") as alice:
            alice.wait_for("call-established")
            keys = lab.ctl("pcscf", "keys", "list")
            lab.kill("pcscf")
            lab.restart("pcscf")
            assert lab.ctl("pcscf", "keys", "list").split()[3] == keys.split()[3]
            assert alice.finish() == 0, alice.trouble()
            assert bob.finish() == 0, bob.trouble()
            assert alice.event("call-ended") and bob.event("call-ended")["by"] == "remote"
    alive(lab)


@pytest.mark.parametrize("how", ["silent", "gone"])
def test_dns_down(lab, how):
    """Without names the P-CSCF finds no home network: 504 (TS 24.229 5.2.2.1), long before anybody's timer runs
    out, and the log has the name. One failure blacklists nothing: once the names are back REGISTER succeeds."""
    dns = lab.pid("dns")
    os.killpg(dns, signal.SIGSTOP if how == "silent" else signal.SIGKILL)
    if how == "gone":
        lab.killed.add(dns)
    try:
        lab.cli("restart", "pcscf")  # with what it has cached gone
        with Peer(at(2, 48)) as peer:
            since = len(lab.log("pcscf"))
            answer = peer.ask(seconds=15)
            assert answer.status == 504, answer.start
        line = lab.wait_log("pcscf", re.escape(answer.get("Call-ID")))
        assert "entry point" in line and DAVE in line
        lab.wait_log("pcscf", f"name not resolved.*name={facts.DOMAIN}", since)
    finally:
        if how == "silent":
            os.killpg(dns, signal.SIGCONT)
        else:
            lab.cli("restart", "dns")
    with Peer(at(2, 48)) as peer:
        wait_until(lambda: peer.ask().status == 401, 20, "names are asked for again")
    alive(lab)


def test_names_known_survive_an_outage(lab):
    """RFC 8767: a DNS server that falls silent takes nothing from a core that has known its neighbours."""
    lab.run_phone("carol", "register", "+", "deregister")
    dns, since = lab.pid("dns"), len(lab.log("pcscf"))
    os.killpg(dns, signal.SIGSTOP)
    try:
        def stale():
            lab.run_phone("carol", "register", "+", "deregister")
            return "its last known addresses are used" in lab.log("pcscf")[since:]
        wait_until(stale, 120, "the TTL has run out")
    finally:
        os.killpg(dns, signal.SIGCONT)


def test_full_disk(lab):
    """Nothing can be written: no vector without a durable SQN (MAR refused), nothing corrupted, and all is well
    when there is room again. The file-size limit stands for the disk."""
    pid, log = lab.pid("hss"), procs.log_path("hss")
    before = sqn_of(lab, "alice")
    (facts.RUN / "hss.log.1").write_text(log.read_text())
    os.truncate(log, 0)  # else the limit would silence the log as well
    subprocess.run(["prlimit", "--pid", str(pid), "--fsize=4096:"], check=True)
    try:
        e = lab.run_phone("alice", "register", status=1).event("register-failed")
        assert e["status"] in (500, 504), e
        lab.wait_log("hss", "full|too large|store|disk")
    finally:
        subprocess.run(["prlimit", "--pid", str(pid), "--fsize=unlimited:"], check=True)
    assert lab.pid("hss") == pid and procs.alive(procs.load()["hss"])
    e = lab.run_phone("alice", "register").event("registered")
    assert e["resyncs"] == 0
    assert sqn_of(lab, "alice") > before
    alive(lab)
