# SPDX-License-Identifier: Apache-2.0
"""What a phone says that the other one must not hear (TS 24.229 4.4), how it dials, how the operator changes its
number, and what it asks its next hop."""
import contextlib
import dataclasses

import pytest
from labkit import facts
from labkit.facts import at
from phones import headers, makes, scripts, street
from rawsip import Peer

HOME = facts.DOMAIN
CELL = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=00101000100a1b77"
# As TS 24.229 4.4.2 to 4.4.23, 4.5 and RFC 7315 have them: a UE is outside of the trust domain.
NOT_A_PHONES = [
    ("P-Asserted-Identity", "<sip:somebody@example.org>"), ("P-Access-Network-Info", CELL),
    ("Cellular-Network-Info", CELL + ";cell-info-age=2"),
    ("P-Asserted-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel"),
    ("P-Preferred-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel"), ("Resource-Priority", "wps.0"),
    ("P-Profile-Key", "<sip:!.*!@example.org>"),
    ("P-Served-User", "<sip:somebody@example.org>;sescase=orig;regstate=reg"),
    ("P-Private-Network-Indication", "corp.example.org"), ("Feature-Caps", '*;+g.3gpp.trf="<sip:trf.example.org>"'),
    ("Restoration-Info", '"001010000000001"'), ("Relayed-Charge", "icid=abc"), ("Service-Interact-Info", "siid=1"),
    ("Attestation-Info", '"A"'), ("Origination-Id", "0e5c1b7a-6a55-4d43-9a4e-3f6d5c0b7a11"),
    ("Additional-Identity", "<sip:other@example.org>"), ("Priority-Share", "allowed"),
    ("P-Charging-Vector", "icid-value=mine;orig-ioi=example.org"), ("P-Charging-Function-Addresses", "ccf=192.0.2.77"),
    ("P-User-Database", "<aaa://hss.example.org>"), ("P-Visited-Network-ID", "example.org"),
    ("P-Called-Party-ID", "<sip:somebody@example.org>"), ("Path", "<sip:p.example.org;lr>"),
    ("Service-Route", "<sip:s.example.org;lr>"), ("P-Associated-URI", "<sip:somebody@example.org>"),
    ("Authorization", 'Digest username="001010000000701",realm="x",nonce="",uri="sip:x",response=""'),
]
IN_RESPONSES = [h for h in NOT_A_PHONES if h[0] in (
    "P-Asserted-Identity", "P-Access-Network-Info", "Cellular-Network-Info", "P-Charging-Vector", "Feature-Caps",
    "Restoration-Info", "P-Charging-Function-Addresses", "Relayed-Charge", "Service-Interact-Info")]


def names(header):
    return header[0]


@pytest.fixture
def two(everybody):
    """A caller, a called phone, and the street."""
    return *scripts.ready(everybody, everybody.phones["pixel"], everybody.phones["samsung"]), everybody


def delivered(s, a, b, target, more=(), **replaced):
    """The MESSAGE as b got it, None when it did not, and the final response."""
    before = len(b.heard)
    got = a.message(target, more, **replaced)
    s.until(lambda: got, f"a MESSAGE to {target} is answered", 40)
    heard = next((m for m, _, _ in b.heard[before:] if m.method == "MESSAGE"), None)
    return heard, got[0]


@pytest.mark.parametrize("header", NOT_A_PHONES, ids=names)
def test_a_phone_says_what_only_the_network_says(two, header):
    a, b, s = two
    heard, answer = delivered(s, a, b, f"tel:{b.number}", [header])
    assert heard and answer.status == 200, (answer.start, answer.get("Warning"))
    assert header[1] not in heard.all(header[0])
    s.complaints.clear()


@pytest.mark.parametrize("header", IN_RESPONSES, ids=names)
def test_the_same_in_a_response(two, header):
    a, b, s = two
    b.says_too = [header]
    try:
        heard, answer = delivered(s, a, b, f"tel:{b.number}")
    finally:
        b.says_too = []
    assert heard and answer.status == 200, answer.start
    assert header[1] not in answer.all(header[0])


def test_parameters_of_the_asserted_identity(two):
    """TS 24.229 4.4.12: cpc and oli are the network's words."""
    a, b, s = two
    who = f"<{a.default};cpc=operator;oli=27>"
    heard, answer = delivered(s, a, b, f"tel:{b.number}", p_preferred_identity=who)
    assert answer.status == 200 and "cpc" not in str(heard.all("P-Asserted-Identity"))


def test_the_service_is_asserted(two):
    """RFC 6050 4.1, TS 24.229 5.4.3.2, 5.4.3.3: what the phone prefers steers the core and does not reach the other
    phone, nor does what the core made of it."""
    a, b, s = two
    scripts.call(s, a, b)
    invite = next(m for m, _, _ in reversed(b.heard) if m.method == "INVITE")
    assert not invite.all("P-Preferred-Service") and not invite.all("P-Asserted-Service")


# ---- numbers ----

FORMS = ["tel:+{n}", "tel:{n};phone-context={home}", "sip:{n};phone-context={home}@{home};user=phone",
         "sip:+{n}@{home};user=phone", "sip:{n}@{home};user=phone", "sip:+{n}@{home}:5060;user=phone"]


@pytest.mark.parametrize("form", FORMS)
def test_a_number_in_the_forms_that_phones_dial(two, form):
    """RFC 3966 5.1.4, TS 24.229 5.4.3.2, TS 23.003 13.4."""
    a, b, s = two
    target = form.format(n=b.number.lstrip("+"), home=HOME)
    heard, answer = delivered(s, a, b, target)
    assert heard and answer.status == 200, (target, answer.start, answer.get("Warning"))


def impi(n):
    return f"0010100000008{n:02d}@{HOME}"


def identities(n, impus):
    """With the one that the phone registers with, from its IMSI (TS 23.003 13.4B), which is barred."""
    return [f"impus={impus} sip:{impi(n)}", f"barred=sip:{impi(n)}"]


def add(lab, n, impus, status=0):
    return lab.ctl("hss", "subscriber", "add", impi(n), f"k_ascii={street.KEY}", f"op={street.OP.hex()}",
                   *identities(n, impus), status=status)


@pytest.mark.parametrize("impus", ["tel:15550000801", "tel:0711"])
def test_what_can_never_be_reached_is_refused(lab, impus):
    """RFC 3966 5.1.4: a local number is none without its context."""
    try:
        said = add(lab, 1, f"sip:zoe@{HOME} {impus}", status=1)
        assert impus in said or "phone-context" in said, said
    finally:
        with contextlib.suppress(AssertionError):
            lab.ctl("hss", "subscriber", "delete", impi(1))


@pytest.fixture
def zoe(lab, everybody):
    """A subscriber whose identities a test changes."""
    who = street.Subscriber("zoe", impi(2).split("@")[0], "+15550000802")
    add(lab, 2, who.identities(HOME))
    ph = everybody.phone(dataclasses.replace(makes.PLAIN_QC, name="zoe"), who)
    scripts.register(everybody, ph)
    yield ph
    scripts.deregister(everybody, ph)
    ph.vanish()
    del everybody.phones["zoe"]
    lab.ctl("hss", "subscriber", "delete", impi(2))


def test_a_number_that_is_changed_under_a_registered_phone(lab, two, zoe):
    """TS 29.228 6.1.2: what the operator changes reaches the S-CSCF with the next SAR at the latest, so the next
    registration has it; the old number is nobody's."""
    a, _, s = two
    old, new = "+15550000802", "+15550000899"
    assert delivered(s, a, zoe, f"tel:{old}")[1].status == 200
    lab.ctl("hss", "subscriber", "set", impi(2), *identities(2, f"sip:{new}@{HOME} tel:{new}"))
    zoe.start_registration()
    s.until(lambda: zoe.answer is not None, "zoe registers again")
    assert f"tel:{new}" in zoe.associated, zoe.associated
    assert delivered(s, a, zoe, f"tel:{new}")[1].status == 200
    assert delivered(s, a, zoe, f"tel:{old}")[1].status == 404


# ---- the next hop itself ----

@pytest.mark.parametrize("uri", ["sip:{ip}:5060", "sip:{ip}", "sip:pcscf." + HOME])
def test_options_to_the_p_cscf(two, uri):
    """RFC 3261 11.2, 16.3: a proxy that is asked itself answers, to a registered phone as to a monitor."""
    a, _, s = two
    got = []
    target = uri.format(ip=facts.host(facts.NODES["pcscf"]["ip"]))
    pairs = headers.message(a, target, f"ping-{len(a.heard)}@{a.ip}", "ping")
    pairs = [(n, "1 OPTIONS" if n == "CSeq" else v) for n, v in pairs if n not in ("Route", "Content-Type")]
    a.send("OPTIONS", target, pairs, done=lambda r: got.append(r) if r.status >= 200 else None)
    s.until(lambda: got, "the OPTIONS is answered")
    assert got[0].status == 200, (got[0].start, got[0].get("Warning"))


@pytest.mark.parametrize("node,port", [("pcscf", 5070), ("icscf", 5060), ("scscf", 5060)])
def test_options_of_a_monitor(lab, node, port):
    """Inside of the trust domain, each node."""
    ip = facts.NODES[node]["ip"]
    with Peer(at(1, 98), to=(ip, port)) as monitor:
        assert monitor.ask(method="OPTIONS", uri=f"sip:{facts.place(ip, port)}", user="monitor",
                           to=f"sip:{facts.host(ip)}").status == 200
