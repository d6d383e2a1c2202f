# SPDX-License-Identifier: Apache-2.0
"""What calls have beyond RFC 3261, through the whole core: carillon-ue on both sides, and SIPp as a called phone
that wants everything done reliably."""
import subprocess
import time

import pytest
import wire
from labkit import facts
from labkit.facts import at
from labrun import wait_until
from test_sipp import listening

ALICE, BOB, CAROL = (f"sip:{name}@{facts.DOMAIN}" for name in ("alice", "bob", "carol"))


def pair(lab, call, answer, seconds=40):
    """alice calls bob with these words; both phones with their events."""
    with lab.phone("bob", "register", "+", "answer", *answer, "+", "deregister") as bob:
        bob.wait_for("ready")
        alice = lab.run_phone("alice", "register", "+", "call", BOB, *call, "+", "deregister", seconds=seconds)
        assert bob.finish(seconds) == 0, (bob.trouble(), bob.events)
        return alice, bob


def on_the_wire(lab, start):
    """The messages since start, when the capture has come as far as the answers to the BYE."""
    found = []

    def whole():
        try:
            found[:] = [m for m in wire.sip_messages(lab.pcap) if m.at >= start]
        except AssertionError:  # it ends within a packet
            return False
        return any(m.status == 200 and m.cseq[1] == "BYE" for m in found)

    wait_until(whole, 20, "the capture has the call")
    return found


def has_body(m):
    return int(m.get("Content-Length") or m.get("l") or 0) > 0


@pytest.mark.parametrize("ours, theirs", [("supported", "supported"), ("required", "supported"), ("required", None)])
def test_reliable_provisional_responses(lab, ours, theirs):
    """RFC 3262 through P-, I- and S-CSCF, INVITE to PRACK; a phone that is asked for them has them."""
    start = time.time()
    alice, _ = pair(lab, [f"100rel={ours}", "talk=0.3", "expect-tone=880"], [f"100rel={theirs}"] if theirs else [])
    assert 180 in [e["status"] for e in alice.events if e["event"] == "progress"]
    seen = on_the_wire(lab, start)
    ringing = [m for m in seen if m.status == 180]
    assert ringing and all("100rel" in m.get("Require") and m.get("RSeq") for m in ringing)
    assert {m.get("RAck") for m in seen if m.what == "PRACK"} == {f"{m.get('RSeq')} {m.get('CSeq')}" for m in ringing}
    assert [m for m in seen if m.status == 200 and m.cseq[1] == "PRACK"]


def test_preconditions(lab):
    """TS 24.229 5.1.3.1, 5.1.4.1: nobody rings before both sides have their resources."""
    words = ["100rel=supported", "preconditions=1", "resources-after=0.3"]
    alice, _ = pair(lab, [*words, "talk=0.3", "expect-tone=880"], words)
    assert [e["status"] for e in alice.events if e["event"] == "progress" and e["status"] > 100] == [183, 180]


def test_late_offer(lab):
    """RFC 3264 4, RFC 6337 2.2: the offer in the 200, the answer in the ACK, media in both directions."""
    pair(lab, ["late-offer=1", "talk=0.5", "expect-tone=880"], ["expect-tone=440"])


def test_late_offer_answered_by_prack(lab):
    """RFC 3261 13.2.1, RFC 3262 5: the offer in the first reliable response, the answer in its PRACK."""
    start = time.time()
    pair(lab, ["late-offer=1", "100rel=required", "talk=0.5", "expect-tone=880"],
         ["expect-tone=440", "100rel=supported"])
    seen = on_the_wire(lab, start)
    for what, body in ("INVITE", False), ("180", True), ("PRACK", True), ("ACK", False):
        assert {has_body(m) for m in seen if m.what == what} == {body}, what


@pytest.mark.parametrize("refresher, ours", [("me", "local"), ("peer", "remote")])
def test_session_timer_is_agreed(lab, refresher, ours):
    """RFC 4028 7.1, 9. What happens when it runs out is shown on the simulated clock."""
    alice, bob = pair(lab, ["session-expires=600", f"refresher={refresher}", "talk=0.2"], [])
    assert alice.event("session-timer")["refresher"] == ours and alice.event("session-timer")["seconds"] == 600
    assert bob.event("session-timer")["refresher"] != ours


def test_session_interval_that_is_too_small(lab):
    """RFC 4028 7.3: 422, and the INVITE again with what is wanted."""
    alice, _ = pair(lab, ["session-expires=100", "talk=0.2"], ["session-expires=900", "min-se=900"])
    assert alice.event("session-timer")["seconds"] == 900


def test_dtmf(lab):
    """RFC 4733, both ways."""
    start = time.time()
    pair(lab, ["dtmf=12#", "expect-dtmf=98*", "talk=2", "instance=1"], ["dtmf=98*", "expect-dtmf=12#"])
    invites = [m for m in on_the_wire(lab, start) if m.what == "INVITE"]
    assert invites and all('+sip.instance="<urn:uuid:' in m.get("Contact") for m in invites)


def test_digits_that_are_not_there(lab):
    with lab.phone("bob", "register", "+", "answer", "expect-dtmf=5") as bob:
        bob.wait_for("ready")
        lab.run_phone("alice", "register", "+", "call", BOB, "dtmf=4", "talk=1", "+", "deregister")
        assert bob.finish(30) == 1 and bob.events[-1]["got"] == "other digits"


@pytest.mark.parametrize("more", [[], ["norefersub=1"]])
def test_refer(lab, more):
    """RFC 3515: alice asks bob to call carol, and leaves; RFC 4488: without being told of it."""
    with lab.phone("carol", "register", "+", "answer", "+", "deregister") as carol:
        carol.wait_for("ready")
        with lab.phone("bob", "register", "+", "answer", "obey-refer=1", "talk=1", "+", "deregister") as bob:
            bob.wait_for("ready")
            alice = lab.run_phone("alice", "register", "+", "call", BOB, f"refer={CAROL}", *more, "+", "deregister")
            assert bob.finish(40) == 0, (bob.trouble(), bob.events)
            assert carol.finish(40) == 0, (carol.trouble(), carol.events)
    assert bob.event("asked-to-call")["target"] == CAROL
    last = [e for e in alice.events if e["event"] == "referred"][-1]
    assert last["over"] and last["status"] == (202 if more else 200)


def test_refer_is_refused(lab):
    with lab.phone("bob", "register", "+", "answer") as bob:
        bob.wait_for("ready")
        alice = lab.run_phone("alice", "register", "+", "call", BOB, f"refer={CAROL}", status=1)
        assert alice.events[-1]["got"] == "603"


def test_message(lab):
    """RFC 3428, TS 24.229 5.1.2A."""
    with lab.phone("bob", "register", "+", "receive", "+", "deregister") as bob:
        bob.wait_for("ready")
        lab.run_phone("alice", "register", "+", "message", BOB, "text=good morning", "+", "deregister")
        assert bob.finish(20) == 0, (bob.trouble(), bob.events)
    assert bob.event("message")["text"] == "good morning"
    lab.run_phone("alice", "register", "+", "message", f"sip:nobody@{facts.DOMAIN}", "expect=404", "+", "deregister")


# ---- somebody else's phone ----

REINVITE = """  <recv request="INVITE">
    <action><ereg regexp="600;refresher=uac" search_in="hdr" header="Session-Expires:" check_it="true"
      assign_to="3"/></action>
  </recv>
  <Reference variables="3"/>
  <send retrans="500"><![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Require: timer
      Session-Expires: 600;refresher=uac
      Contact: <sip:[local_ip]:[local_port]>
      Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=- 1 2 IN IP[media_ip_type] [media_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio 30002 RTP/AVP 0
      a=recvonly
  ]]></send>
  <recv request="ACK"/>
"""

SIPP_PHONE = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="reliable">
  <recv request="INVITE" rrs="true">
    <action><ereg regexp="100rel" search_in="hdr" header="Require:" check_it="true" assign_to="1"/>
            <ereg regexp=" .*" search_in="hdr" header="Via:" check_it="true" assign_to="4"/></action>
  </recv>
  <Reference variables="1"/>
  <send retrans="500"><![CDATA[
      SIP/2.0 183 Session Progress
      [last_Via:]
      [last_Record-Route:]
      [last_From:]
      [last_To:];tag=s
      [last_Call-ID:]
      [last_CSeq:]
      Require: 100rel
      RSeq: 7
      Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE
      Contact: <sip:[local_ip]:[local_port]>
      Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=- 1 1 IN IP[media_ip_type] [media_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio 30002 RTP/AVP 0
  ]]></send>
  <recv request="PRACK">
    <action><ereg regexp="7 1 INVITE" search_in="hdr" header="RAck:" check_it="true" assign_to="2"/></action>
  </recv>
  <Reference variables="2"/>
  <send><![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

  ]]></send>
  <pause milliseconds="100"/>
  <send retrans="500"><![CDATA[
      SIP/2.0 200 OK
      Via:[$4]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      CSeq: 1 INVITE
      Require: timer
      Session-Expires: 600;refresher=uac
      Contact: <sip:[local_ip]:[local_port]>
      Content-Length: 0

  ]]></send>
  <recv request="ACK"/>
{reinvite}{reinvite}  <recv request="BYE"/>
  <send><![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

  ]]></send>
</scenario>
"""


def test_sipp_with_everything(tmp_path):
    """100rel with RAck, a session timer, a re-INVITE that keeps its roles. SIPp answers as written, and
    fails at anything that comes in another order or without what is looked for."""
    ip, phone = at(66, 67), at(66, 68)  # no core between them: nothing for the judge
    (tmp_path / "uas.xml").write_text(SIPP_PHONE.replace("{reinvite}", REINVITE))
    command = ["sipp", "-sf", "uas.xml", "-i", ip, "-p", "5060", "-m", "1", "-nostdin", "-timeout", "20s",
               "-timeout_error",
               "-trace_err", "-error_file", "errors"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL) as sipp:
        try:
            wait_until(listening(ip), 10, "SIPp listens")
            r = subprocess.run([facts.BUILD / "tools" / "ue" / "carillon-ue", "--impi", "x@example.org",
                                "--impu", "sip:x@example.org", "--domain", "example.org",
                                "--password", "x", "--local", phone, "--proxy", ip, "--json",
                                "call", "sip:y@example.org", "100rel=required", "session-expires=600",
                                "hold=0.2", "talk=0.2"],
                               capture_output=True, text=True, timeout=30, check=False)
            status = sipp.wait(15)
        finally:
            if sipp.poll() is None:
                sipp.kill()
    errors = (tmp_path / "errors").read_text(errors="replace")[-2000:] if (tmp_path / "errors").exists() else ""
    assert r.returncode == 0 and status == 0, (r.stdout[-2000:], status, errors)
