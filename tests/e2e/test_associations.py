# SPDX-License-Identifier: Apache-2.0
"""A UE is not a flow (TS 33.203 N.2.1, Q.1): other ports and transports, several connections, a NAT, a phone that
moves, large requests both ways, several access addresses."""
import re
import secrets
import socket
import subprocess

import pytest
from labkit import facts
from labkit.facts import at
from labrun import wait_until
from rawsip import Message, Peer, authorization, challenge

AT = "@" + facts.DOMAIN
DAVE, ERIN = f"sip:dave{AT}", f"sip:erin{AT}"
SECRETS = {"dave": "dave-secret", "erin": "erin-secret"}
LONG = "x" * 1500


@pytest.fixture(scope="module", name="erin", autouse=True)
def fixture_erin(lab):
    """erin beside dave, for as long as this file's tests last."""
    lab.ctl("hss", "subscriber", "add", f"erin{AT}", "password=erin-secret", f"impus=sip:erin{AT}",
            f"visited={facts.DOMAIN}")
    yield lab
    lab.ctl("hss", "subscriber", "delete", f"erin{AT}")


def enter(peer, name, **kw):
    ok = peer.register_digest(user=name, password=SECRETS[name], **kw)[1]
    assert ok.status == 200, ok.start
    return ok


def leave(peer, name, **kw):
    first = peer.ask(user=name, contact="*", expires="0", **kw)
    if first.status == 401:
        auth = authorization(name + AT, SECRETS[name], challenge(first), f"sip:{facts.DOMAIN}")
        first = peer.ask(user=name, contact="*", expires="0", call_id=first.get("Call-ID"), authorization=auth, **kw)
    assert first.status == 200, first.start


def in_dialog(peer, method, response, cseq, caller=True, body=""):
    """Text of a request inside the dialog of a 2xx, from either of its parties."""
    routes = [r.strip() for v in response.all("Record-Route") for r in v.split(",")]
    target = re.search(r"<(.*?)>", response.get("Contact")).group(1)
    ends = (response.get("From"), response.get("To"))
    proto = "TCP" if peer.tcp else "UDP"
    lines = [f"{method} {target} SIP/2.0",
             f"Via: SIP/2.0/{proto} {peer.host}:{peer.port};branch=z9hG4bK{secrets.token_hex(8)};rport",
             "Max-Forwards: 70",
             *(f"Route: {r}" for r in (routes[::-1] if caller else routes)),
             f"From: {ends[0 if caller else 1]}", f"To: {ends[1 if caller else 0]}",
             f"Call-ID: {response.get('Call-ID')}", f"CSeq: {cseq} {method}", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def message(frm, name, to, body="hi", **kw):
    text, call_id = frm.request(method="MESSAGE", user=name, uri=to, to=to, body=body,
                                extra=["Content-Type: text/plain"],
                                **kw)
    frm.send(text)
    return call_id


def passes(frm, name, called, to, **kw):
    """A MESSAGE that reaches the called phone and is answered; as it arrived."""
    call_id = message(frm, name, to, **kw)
    arrived = called.incoming("MESSAGE")
    called.answer(arrived)
    assert frm.final(call_id).status == 200
    return arrived


def test_long_requests_and_other_ports(lab):
    """RFC 3261 18.1.1: registered by UDP, 1.5 kB go by TCP; and so do another port, a second connection, a
    reconnect."""
    with Peer(at(2, 71)) as erin, Peer(at(2, 70)) as dave:
        enter(erin, "erin")
        enter(dave, "dave")
        for tcp in (True, False, True):
            with Peer(at(2, 70), tcp=tcp) as other:
                arrived = passes(other, "dave", erin, ERIN, body=LONG if tcp else "hi")
                assert DAVE in arrived.get("P-Asserted-Identity")
        leave(dave, "dave")
        with Peer(at(2, 70), tcp=True) as dave:
            enter(dave, "dave", contact=f"<sip:dave@{dave.host}:5060;transport=tcp>")
        with Peer(at(2, 70), tcp=True) as dave:
            passes(dave, "dave", erin, ERIN)
            leave(dave, "dave")
        leave(erin, "erin")


def test_a_dialog_is_not_tied_to_a_connection(lab):
    """ACK by UDP where the INVITE went by TCP; the BYE of the called phone on a connection of its own."""
    with Peer(at(2, 71)) as erin, Peer(at(2, 70)) as dave, Peer(at(2, 70), tcp=True) as conn:
        enter(erin, "erin")
        enter(dave, "dave")
        text, call_id = conn.request(method="INVITE", user="dave", uri=ERIN, to=ERIN)
        conn.send(text)
        invite = erin.incoming("INVITE")
        routes = [f"Record-Route: {v}" for v in invite.all("Record-Route")]
        erin.answer(invite, extra=[*routes, f"Contact: <sip:erin@{erin.host}:{erin.port}>"])
        ok = conn.final(call_id)
        dave.send(in_dialog(dave, "ACK", ok, 1))
        assert erin.incoming("ACK").get("Call-ID") == call_id
        tag = re.search(r";tag=\S+", ok.get("To")).group()
        invite.headers = [(n, v + tag if n == "to" else v) for n, v in invite.headers]
        with Peer(at(2, 71), tcp=True) as own:
            own.send(in_dialog(own, "BYE", invite, 1, caller=False))
            conn.answer(conn.incoming("BYE"))
            assert own.final(call_id).status == 200
        leave(dave, "dave")
        leave(erin, "erin")


def test_who_has_moved_is_a_stranger_at_the_old_address(lab):
    """RFC 3261 10.3: the 200 lists the bindings that there are; the old address may be given to somebody else."""
    inst = ';+sip.instance="<urn:gsma:imei:86000000-000000-0>"'
    with Peer(at(2, 71)) as erin, Peer(at(2, 72)) as old, Peer(at(2, 73)) as new:
        enter(erin, "erin")
        enter(old, "dave", contact=f"<sip:dave@{old.host}:{old.port}>{inst}")
        ok = enter(new, "dave", contact=f"<sip:dave@{new.host}:{new.port}>{inst}")
        assert len(ok.all("Contact")) == 1
        assert old.final(message(old, "dave", ERIN)).status == 403
        passes(new, "dave", erin, ERIN)
        assert old.host not in lab.ctl("pcscf", "registrations")
        leave(new, "dave")
        leave(erin, "erin")


# ---- behind a NAT ----

def natted(peer, inner):
    """Keywords of a request of a phone that only knows its inner address (TS 24.229 F.2)."""
    proto = "TCP" if peer.tcp else "UDP"
    return {"via": f"SIP/2.0/{proto} {inner};branch=z9hG4bK{secrets.token_hex(8)};rport", "contact": f"<sip:x@{inner}>"}


def proxy_authorization(name, password, c, uri, nc=1, method="MESSAGE"):
    return authorization(name + AT, password, c, uri, method=method, nc=nc)


def proxy_challenge(m):
    text = m.get("Proxy-Authenticate")
    return {k.lower(): v.strip('"') for k, v in re.findall(r'(\w+)=("[^"]*"|[^\s,]+)', text)}


def test_two_phones_behind_a_nat(lab):
    """Each is known on the flow that it registered on. From another one only the password tells (5.4.3.6), and nobody
    speaks as the other."""
    nat, d_in, e_in = at(2, 74), "10.1.1.1:5060", "10.1.1.2:5060"
    with Peer(nat) as dave, Peer(nat) as erin, Peer(nat, tcp=True) as tcp, Peer(nat) as eve:
        for phone, name, inner in ((dave, "dave", d_in), (erin, "erin", e_in)):
            first = phone.ask(user=name, **natted(phone, inner))
            auth = authorization(name + AT, SECRETS[name], challenge(first), f"sip:{facts.DOMAIN}")
            ok = phone.ask(user=name, call_id=first.get("Call-ID"), authorization=auth, **natted(phone, inner))
            assert ok.status == 200, ok.start
        # On his own flow he is himself, whatever he says.
        arrived = passes(dave, "erin", erin, ERIN, **natted(dave, d_in))
        assert DAVE in arrived.get("P-Asserted-Identity") and "erin" not in arrived.get("P-Asserted-Identity")
        # A connection of his behind the NAT: he is asked, and served.
        call_id = message(tcp, "dave", ERIN, body=LONG, **natted(tcp, d_in))
        asked = tcp.final(call_id)
        assert asked.status == 407, asked.start
        c = proxy_challenge(asked)
        good = {"proxy_authorization": proxy_authorization("dave", SECRETS["dave"], c, ERIN)}
        arrived = passes(tcp, "dave", erin, ERIN, body=LONG, call_id=call_id, **good, **natted(tcp, d_in))
        assert DAVE in arrived.get("P-Asserted-Identity") and not arrived.all("Proxy-Authorization")
        # The same once more is a replay; the next count is not.
        assert tcp.final(message(tcp, "dave", ERIN, **good, **natted(tcp, d_in))).status == 407
        good = {"proxy_authorization": proxy_authorization("dave", SECRETS["dave"], c, ERIN, nc=2)}
        passes(tcp, "dave", erin, ERIN, **good, **natted(tcp, d_in))
        # Eve is behind the same NAT: no password, erin's credentials for dave's name, a name that is not here.
        assert eve.final(message(eve, "dave", ERIN)).status == 407
        good = {"proxy_authorization": proxy_authorization("erin", SECRETS["erin"], c, ERIN)}
        assert eve.final(message(eve, "dave", ERIN, **good)).status == 407
        bad = {"proxy_authorization": proxy_authorization("dave", "guessed", c, ERIN, nc=3)}
        assert eve.final(message(eve, "dave", ERIN, **bad)).status in (403, 407)
        assert eve.final(message(eve, "alice", ERIN)).status == 403
        assert erin.receive(0.5) is None
        leave(dave, "dave", via=natted(dave, d_in)["via"])
        leave(erin, "erin", via=natted(erin, e_in)["via"])


def test_a_stranger_behind_the_nat_of_one_phone(lab):
    """The NAT's address is not the phone's."""
    with Peer(at(2, 71)) as erin, Peer(at(2, 75)) as dave, Peer(at(2, 75)) as eve:
        enter(erin, "erin")
        inner = natted(dave, "10.1.1.1:5060")
        first = dave.ask(user="dave", **inner)
        auth = authorization("dave" + AT, SECRETS["dave"], challenge(first), f"sip:{facts.DOMAIN}")
        assert dave.ask(user="dave", call_id=first.get("Call-ID"), authorization=auth,
                        **natted(dave, "10.1.1.1:5060")).status == 200
        assert eve.final(message(eve, "dave", ERIN)).status == 407
        assert eve.final(message(eve, "alice", ERIN)).status == 403
        assert erin.receive(0.5) is None
        leave(dave, "dave", via=natted(dave, "10.1.1.1:5060")["via"])
        leave(erin, "erin")


def test_a_phone_answers_407(lab):
    """carillon-ue beside another phone at one address: a call too large for a datagram leaves its flow
    (RFC 3261 18.1.1), so that only its password tells who calls (5.4.3.6). The second call has the nonce already,
    counted on."""
    def options(name, port):
        return ["--impi", name + AT, "--impu", f"sip:{name}{AT}", "--password", SECRETS[name], "--local",
                facts.place(at(2, 78), port)]

    with lab.phone("dave", "register", "+", "answer", "calls=2", options=options("dave", 5060)) as dave:
        dave.wait_for("ready")
        call = ["+", "call", f"{DAVE};x={'a' * 500}"]
        erin = lab.run_phone("dave", "register", *call, *call, "+", "deregister", options=options("erin", 5061))
        assert dave.finish() == 0 and ERIN in dave.event("incoming")["from"]
    first, second = [lab.cli("ladder", "--call-id", e["call_id"])
                     for e in erin.events if e["event"] == "call-established"]
    assert "407" in first and "407" not in second, first + second


# ---- to a phone ----

def test_large_requests_to_a_phone_go_over_tcp(lab):
    """TS 24.229 4.2A, RFC 3261 18.1.1: to where it listens; back to UDP where nobody does."""
    with Peer(at(2, 71)) as erin, Peer(at(2, 70)) as dave, socket.socket(facts.AF(at(2, 71))) as listening:
        enter(erin, "erin")
        enter(dave, "dave")
        arrived = passes(dave, "dave", erin, ERIN, body=LONG)
        assert "SIP/2.0/UDP" in arrived.all("Via")[0]
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((erin.ip, erin.port))
        listening.listen()
        listening.settimeout(5)
        enter(erin, "erin")  # it was remembered that nobody listened
        call_id = message(dave, "dave", ERIN, body=LONG)
        conn, _ = listening.accept()
        with conn, Peer(at(2, 71)) as over:
            over.sock.close()
            over.sock, over.tcp = conn, True
            arrived = over.incoming("MESSAGE")
            assert "SIP/2.0/TCP" in arrived.all("Via")[0] and len(arrived.body) == len(LONG)
            over.answer(arrived)
            assert dave.final(call_id).status == 200
        leave(dave, "dave")
        leave(erin, "erin")


def test_a_tcp_phone_that_is_gone_is_480_at_once(lab):
    with Peer(at(2, 70)) as dave:
        enter(dave, "dave")
        with Peer(at(2, 71), tcp=True) as erin:
            enter(erin, "erin")
        assert dave.final(message(dave, "dave", ERIN), seconds=5).status == 480
        leave(dave, "dave")
    with Peer(at(2, 71)) as erin:
        leave(erin, "erin")


@pytest.fixture(name="second_pcscf")
def fixture_second_pcscf(lab, tmp_path):
    """Another P-CSCF of the same core, with two access addresses, one of them the wildcard."""
    text = (facts.RUN / "pcscf.yaml").read_text()
    wildcard = "0.0.0.0:5066" if facts.FAMILY == 4 else '"[::]:5066"'
    for old, new in (("  listen: [127.0.1.10:5060]\n", f"  listen: [127.0.1.15:5060, {wildcard}]\n"
                      "  advertise: [127.0.1.15, pcscf2.example.org]\n"),
                     ("127.0.1.10:5070", "127.0.1.15:5070"), ("127.0.1.10:9090", "127.0.1.15:9090"),
                     (str(facts.RUN), str(tmp_path))):
        old, new = facts.in_plan(old), facts.in_plan(new)
        assert old in text
        text = text.replace(old, new)
    text = "".join(line for line in text.splitlines(True) if not line.startswith("  host:"))
    (tmp_path / "pcscf.yaml").write_text(text)
    with open(tmp_path / "log", "w") as log, subprocess.Popen(
            [str(facts.BUILD / "pcscf" / "carillon-pcscf"), "--config", str(tmp_path / "pcscf.yaml")],
            stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: " ready pid=" in (tmp_path / "log").read_text(), 10, "the second P-CSCF is there")
            yield lab
        finally:
            process.terminate()
            assert process.wait(10) == 0


def test_two_access_addresses_and_the_wildcard(second_pcscf):
    """Record-Route and Path name the address that the flow came in on, by the name that is given for it."""
    first = at(1, 15), 5060
    for to, named in ((first, f"@{facts.place(*first)}"), ((at(1, 16), 5066), "@pcscf2.example.org:5066")):
        with Peer(at(2, 71), to=to) as erin, Peer(at(2, 70), to=to) as dave:
            enter(erin, "erin")
            enter(dave, "dave")
            text, call_id = dave.request(method="INVITE", user="dave", uri=ERIN, to=ERIN)
            dave.send(text)
            invite = erin.incoming("INVITE")
            assert named in invite.all("Record-Route")[0]
            erin.answer(invite, extra=[*(f"Record-Route: {v}" for v in invite.all("Record-Route")),
                                       f"Contact: <sip:erin@{erin.host}:{erin.port}>"])
            ok = dave.final(call_id)
            assert named in ok.all("Record-Route")[-1].split(",")[-1]
            dave.send(in_dialog(dave, "ACK", ok, 1))
            assert erin.incoming("ACK")
            dave.send(in_dialog(dave, "BYE", ok, 2))
            erin.answer(erin.incoming("BYE"))
            assert dave.final(call_id).status == 200
            leave(dave, "dave")
            leave(erin, "erin")
