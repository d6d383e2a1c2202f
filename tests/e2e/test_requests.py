# SPDX-License-Identifier: Apache-2.0
"""Requests other than plain calls, and what the network believes of what a UE says about itself."""
import re

import pytest
from labkit import facts
from labkit.facts import at
from rawsip import Peer

AT = "@" + facts.DOMAIN
SECRET = "erin-secret"


@pytest.fixture(scope="module", name="phones")
def fixture_phones(lab):
    """dave and erin, two plain phones on sockets of the test."""
    lab.ctl("hss", "subscriber", "add", f"erin{AT}", f"password={SECRET}", f"impus=sip:erin{AT}",
            f"visited={facts.DOMAIN}")
    with Peer(at(2, 50)) as dave, Peer(at(2, 51)) as erin:
        assert dave.register_digest()[1].status == 200
        assert erin.register_digest(user="erin", password=SECRET)[1].status == 200
        yield dave, erin
        # What is left expires by itself; after a restart nothing is.
        assert dave.ask(expires="0").status in (200, 401, 403, 481)
    lab.ctl("hss", "subscriber", "delete", f"erin{AT}")


def exchange(phones, method="MESSAGE", answer="200 OK", **kw):
    """A request from dave to erin: as it arrives, and the answer as it comes back."""
    dave, erin = phones
    text, call_id = dave.request(method=method, uri=f"sip:erin{AT}", to=f"sip:erin{AT}", **kw)
    dave.send(text)
    arrived = erin.incoming(method)
    erin.answer(arrived, answer)
    return arrived, dave.final(call_id)


@pytest.mark.parametrize("method", ["MESSAGE", "OPTIONS", "INFO", "PUBLISH", "NEWMETHOD"])
def test_requests_outside_dialogs_pass(phones, method):
    """RFC 3261 16.3: a proxy forwards what it does not know, the body and unknown headers with it."""
    arrived, final = exchange(phones, method, body="hello", extra=["Content-Type: text/plain", "X-Odd: a;b=\"c\""])
    assert final.status == 200
    assert arrived.body == b"hello" and arrived.get("X-Odd") == 'a;b="c"'
    assert arrived.get("Max-Forwards") == "65"


@pytest.mark.parametrize("node,port", [(at(1, 10), 5060), (at(1, 10), 5070), (at(1, 20), 5060),
                                       (at(1, 30), 5060)])
@pytest.mark.parametrize("tcp", [False, True])
def test_probes_are_answered(lab, phones, node, port, tcp):
    """RFC 3261 11.2, 16.3: an OPTIONS for the node itself, from a monitor and from a registered phone."""
    with Peer(at(2, 53), tcp=tcp, to=(node, port)) as monitor:
        for uri, forwards in ((f"sip:{facts.place(node, port)}", "70"), (f"sip:{facts.host(node)}", "70"),
                              (f"sip:erin{AT}", "0")):
            answer = monitor.ask(method="OPTIONS", uri=uri, max_forwards=forwards)
            assert answer.status == 200, (uri, answer.start)
            if tcp:  # a datagram gets back no more than it was
                assert "INVITE" in answer.get("Allow") and answer.get("Accept") and answer.get("Supported") is not None
    if port == 5060 and node == at(1, 10):
        assert phones[0].ask(method="OPTIONS", uri=f"sip:{facts.host(node)}").status == 200


TAGS = ('+g.3gpp.accesstype="cellular2";video;audio;+g.3gpp.smsip;q=1.0;'
        '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel";'
        '+sip.instance="<urn:gsma:imei:86000000-000000-0>"')


def test_contact_comes_back_whole(lab, phones):
    """TS 24.229 5.4.1.2.2F: a phone sees confirmed what it said of itself, and nobody gets a week."""
    with Peer(at(2, 54)) as phone:
        contact = f"<sip:dave@{phone.host}:{phone.port};transport=udp>"
        answer = phone.register_digest(contact=f"{contact};{TAGS}", expires="600000")[1]
        mine = [c for c in ",".join(answer.all("Contact")).split("<sip:") if f"{phone.host}:{phone.port}" in c]
        assert answer.status == 200 and len(mine) == 1, answer.all("Contact")
        assert TAGS in mine[0] and int(re.search(r"expires=(\d+)", mine[0]).group(1)) <= 3600
        left = phone.register_digest(contact=contact, expires="0")[1]
        assert left.status == 200
        assert any(contact in c and "expires=0" in c for c in left.all("Contact")), left.all("Contact")
        assert phone.register_digest(contact=contact, expires="0")[1].status == 481


@pytest.mark.parametrize("uri", [f"sip:dave{AT}", "tel:+15550000004"])
def test_subscription_does_not_come_back(phones, uri):
    """RFC 6665 4.2.1.1: the first thing that a phone asks for; as long as nobody serves it, it is refused."""
    dave, _ = phones
    text, call_id = dave.request(method="SUBSCRIBE", uri=uri, to=uri, expires="600000",
                                 extra=["Event: reg", "Accept: application/reginfo+xml"])
    dave.send(text)
    answer = dave.receive(10)
    while answer and answer.status == 100:
        answer = dave.receive(10)
    assert answer and answer.status == 489 and answer.get("Call-ID") == call_id, answer and answer.start
    assert answer.get("Allow-Events")


@pytest.mark.parametrize("answer", ["404 Not Here", "486 Busy Here", "603 Decline"])
def test_refusals_come_back_as_they_are(phones, answer):
    _, final = exchange(phones, answer=answer)
    assert final.start == f"SIP/2.0 {answer}"


def test_identity_is_asserted_by_the_network(phones):
    """TS 24.229 5.2.6.3.1, RFC 3325 8: what the UE asserts is dropped, the network's word takes its place."""
    arrived, _ = exchange(phones, extra=[f"P-Asserted-Identity: <sip:alice{AT}>"])
    said = " ".join(arrived.all("P-Asserted-Identity"))
    assert f"sip:dave{AT}" in said and "alice" not in said


def test_preferred_identity(phones):
    """TS 24.229 5.2.6.3.1: an identity of the implicit set may be preferred, another's may not."""
    own, _ = exchange(phones, extra=["P-Preferred-Identity: <tel:+15550000004>"])
    assert "tel:+15550000004" in " ".join(own.all("P-Asserted-Identity"))
    assert not own.all("P-Preferred-Identity")
    other, _ = exchange(phones, extra=[f"P-Preferred-Identity: <sip:alice{AT}>"])
    assert "alice" not in " ".join(other.all("P-Asserted-Identity"))


def test_privacy(phones):
    """RFC 3323 4.2, RFC 3325 7: with Privacy: id nobody outside the trust domain learns who it was."""
    arrived, _ = exchange(phones, extra=["Privacy: id"])
    assert not arrived.all("P-Asserted-Identity")


@pytest.mark.parametrize("header,value", [
    ("P-Charging-Vector", 'icid-value="forged"'), ("P-Served-User", f"<sip:alice{AT}>"),
    ("P-Called-Party-ID", f"<sip:alice{AT}>"), ("P-Associated-URI", f"<sip:alice{AT}>"),
    ("P-Access-Network-Info", "IEEE-802.11;network-provided"),
    ("Cellular-Network-Info", "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=0010100010019b01;cell-info-age=0"),
    ("Resource-Priority", "ets.0"), ("Feature-Caps", "*;+g.3gpp.trf"), ("Attestation-Info", "A"),
    ("Origination-Id", "123e4567-e89b-12d3-a456-426655440000"), ("Additional-Identity", f"<sip:alice{AT}>"),
    ("P-Private-Network-Indication", "corp.example"), ("Restoration-Info", "noresponse"), ("Relayed-Charge", "a=b"),
    ("Service-Interact-Info", "SIID=1"), ("Priority-Share", "allowed"), ("Response-Source", "x"),
    ("P-Early-Media", "sendrecv"), ("P-Asserted-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel"),
    ("P-Preferred-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel"),
    ("Authorization", 'Digest username="001010000000004",realm="x"')])
def test_what_a_ue_may_not_say(phones, header, value):
    """TS 24.229 4.4, 5.2.6.3.1: it does not reach the other side."""
    arrived, final = exchange(phones, extra=[f"{header}: {value}"])
    assert final.status == 200
    assert value not in arrived.all(header)


@pytest.mark.parametrize("uri", ["urn:service:sos", "tel:112", f"sip:911{AT};user=phone"])
def test_emergency_call(phones, uri):
    """TS 24.229 5.2.10, 7.6: elsewhere, and the UE sees that it is its P-CSCF who says so."""
    dave, _ = phones
    answer = dave.ask(method="INVITE", uri=uri)
    assert answer.status == 380 and answer.get("Content-Type") == "application/3gpp-ims+xml"
    assert b"<type>emergency</type>" in answer.body
    path = rf"<sip:[^@>]+@pcscf\.{re.escape(AT[1:])}:5070;lr>"     # of the registration
    assert re.fullmatch(path, answer.get("P-Asserted-Identity"))


def test_called_party(phones):
    """TS 24.229 5.4.3.3: the Request-URI is the contact now, the identity that was called is still told."""
    arrived, _ = exchange(phones)
    assert arrived.get("P-Called-Party-ID") == f"<sip:erin{AT}>"
    assert re.match(rf"MESSAGE sip:erin@{re.escape(phones[1].host)}:\d+ ", arrived.start)


def test_preloaded_route_is_replaced(phones):
    """TS 24.229 5.2.6.3.3: the stored Service-Route is the way, whatever the UE thinks."""
    route = ", ".join(f"<sip:{facts.host(ip)};lr>" for ip in (at(1, 10), at(2, 200)))
    arrived, final = exchange(phones, extra=[f"Route: {route}"])
    assert final.status == 200 and not arrived.all("Route")


def test_only_the_networks_way_inside_a_dialog(phones):
    """TS 24.229 5.2.6.3.5: a To tag of one's own and other Route values do not lead past the S-CSCF's checks."""
    dave, erin = phones
    invite, call_id = dave.request(method="INVITE", uri=f"sip:erin{AT}", to=f"sip:erin{AT}")
    dave.send(invite)
    erin.answer(erin.incoming("INVITE"), extra=[f"Contact: <sip:erin@{erin.host}:{erin.port}>"])
    ok = dave.final(call_id)
    way = [r.strip() for line in ok.all("Record-Route") for r in line.split(",")][::-1]
    assert len(way) == 4 and f"@{facts.place(at(1, 10), 5060)}" in way[0]
    target, sender = f"sip:erin@{erin.host}:{erin.port}", re.search(r"(?m)^From: (.*)\r$", invite).group(1)

    def inside(method, route, to=ok.get("To")):
        text, _ = dave.request(method=method, uri=target, call_id=call_id, route=", ".join(route),
                               **{"from": sender})
        dave.send(re.sub(r"(?m)^To: .*\r$", f"To: {to}\r", text))

    inside("ACK", way)
    assert erin.incoming("ACK").get("Call-ID") == call_id
    for bad in (way[:2], way[:1], way + [f"<sip:{facts.host(at(1, 20))};lr>"], [way[0], way[2], way[1], way[3]]):
        inside("MESSAGE", bad)
        assert dave.final(call_id).status == 400
    inside("MESSAGE", way, to=f"<sip:erin{AT}>;tag=made-up")
    assert dave.final(call_id).status == 403
    inside("MESSAGE", way[1:])
    assert dave.final(call_id).status == 403
    inside("BYE", way)
    erin.answer(erin.incoming("BYE"))
    assert dave.final(call_id).status == 200


@pytest.mark.parametrize("change,status", [
    ({"max_forwards": "0"}, 483), ({"max_forwards": "2"}, 483),
    ({"extra": ["Proxy-Require: magic"]}, 420)])
def test_refused_on_the_way(phones, change, status):
    """RFC 3261 16.3."""
    dave, _ = phones
    answer = dave.ask(method="MESSAGE", uri=f"sip:erin{AT}", to=f"sip:erin{AT}", **change)
    assert answer.status == status
    if status == 420:
        assert answer.get("Unsupported") == "magic"


def test_unknown_uri_scheme(phones):
    dave, _ = phones
    assert dave.ask(method="MESSAGE", uri="news:comp.dcom").status == 416


@pytest.mark.parametrize("node", ["icscf", "scscf"])
def test_outsider_is_not_a_p_cscf(lab, node):
    """TS 24.229 5.3.1.2, 4.4: who is not in sip.trusted may not say integrity-protected."""
    claim = (f'Digest username="dave{AT}", realm="{facts.DOMAIN}", nonce="", uri="sip:{facts.DOMAIN}", '
             'response="", integrity-protected="ip-assoc-yes"')
    with Peer(at(66, 20), to=(facts.NODES[node]["ip"], 5060)) as eve:
        answer = eve.ask(authorization=claim)
    assert answer.status == 403
    assert "outside the trust domain" in answer.get("Warning")


def test_outsider_asserts_nothing(lab, phones):
    """RFC 3325 5, TS 24.229 5.3.2.1: the request goes through, the identity it claims does not."""
    _, erin = phones
    with Peer(at(66, 21), to=(facts.NODES["icscf"]["ip"], 5060)) as eve:
        text, call_id = eve.request(method="MESSAGE", uri=f"sip:erin{AT}", to=f"sip:erin{AT}", extra=[
            f"P-Asserted-Identity: <sip:alice{AT}>", 'P-Charging-Vector: icid-value="forged"'])
        eve.send(text)
        arrived = erin.incoming("MESSAGE")
        erin.answer(arrived)
        assert eve.final(call_id).status == 200
        assert not arrived.all("P-Asserted-Identity")
        answer = eve.ask(method="MESSAGE", uri=f"sip:erin{AT}", to=f"sip:erin{AT}", extra=[
            f"Route: <sip:{facts.host(eve.to[0])};lr;orig>", f"P-Asserted-Identity: <sip:alice{AT}>"])
        assert answer.status == 403


def test_hold_and_resume(lab):
    """re-INVITE inside a dialog, both ways through all nodes (TS 24.229 5.2.6.3.5, 5.2.6.4.5)."""
    with lab.phone("bob", "register", "+", "answer") as bob:
        bob.wait_for("ready")
        alice = lab.run_phone("alice", "register", "+", "call", f"sip:bob{AT}", "hold=0.3", "talk=0.3")
        assert bob.finish() == 0
    changes = [e for e in alice.events if e["event"] == "modified"]
    assert [e["status"] for e in changes] == [200, 200]


def test_reregistration(lab):
    """TS 24.229 5.4.1.2.2: the second one of a UE is a refresh; expiry as asked for, within the limits."""
    p = lab.run_phone("carol", "register", "+", "register", "+", "deregister", options=["--expires", "3600"])
    both = [e for e in p.events if e["event"] == "registered"]
    assert [e["expires"] for e in both] == [3600, 3600]


def test_too_brief_registration(lab):
    """RFC 3261 10.3 step 7: 423 with Min-Expires; the UE asks again with that."""
    p = lab.run_phone("carol", "register", "+", "deregister", options=["--expires", "5"])
    assert p.event("registered")["expires"] == 60
