# SPDX-License-Identifier: Apache-2.0
"""Numbers as phones dial them and identities as people write them: TS 24.229 5.4.3.2, TS 23.003 13.4, RFC 3966 5.1.4.
What each form means is in tests/unit/ims and tests/sim/test_numbers.c; here the lab's own numbering plan is at work."""
import pytest
from labkit import facts
from labkit.facts import at
from rawsip import Peer

D = facts.DOMAIN
AT = "@" + D
SECRET = "gina-secret"
IMPUS = f"sip:gina{AT} tel:+15550000077 tel:7042;phone-context={D}"


@pytest.fixture(scope="module", name="phones")
def fixture_phones(lab):
    """dave, who dials, and gina, who has a number and a short one."""
    lab.ctl("hss", "subscriber", "add", f"gina{AT}", f"password={SECRET}", f"impus={IMPUS}", f"visited={D}")
    with Peer(at(2, 60)) as dave, Peer(at(2, 61)) as gina:
        assert dave.register_digest()[1].status == 200
        assert gina.register_digest(user="gina", password=SECRET)[1].status == 200
        yield dave, gina
        assert dave.ask(expires="0").status in (200, 401)  # what is left expires by itself
    lab.ctl("hss", "subscriber", "delete", f"gina{AT}")


FORMS = [
    "tel:+15550000077", "tel:+1-555-000-0077", f"tel:15550000077;phone-context={D}",
    f"tel:5550000077;phone-context={D}",
    "tel:01115550000077", "tel:5550000077;phone-context=+1", f"sip:15550000077;phone-context={D}{AT};user=phone",
    f"sip:15550000077{AT};user=phone", f"sip:+15550000077{AT};user=phone", f"sip:+15550000077{AT}",
    f"tel:7042;phone-context={D}", "tel:7042", f"sip:7042;phone-context={D}{AT};user=phone", f"sip:7042{AT};user=phone",
    f"sip:7042{AT}", f"sip:gina{AT}:5060", f"sip:g%69na{AT}.;user=phone", f"sip:gina@{D.upper()};transport=tcp",
]


@pytest.mark.parametrize("uri", FORMS)
def test_every_form_reaches_her(phones, uri):
    dave, gina = phones
    text, call_id = dave.request(method="MESSAGE", uri=uri, to=uri)
    dave.send(text)
    arrived = gina.incoming("MESSAGE")
    gina.answer(arrived)
    final = dave.final(call_id)
    assert final.status == 200
    asserted = " ".join(final.all("P-Asserted-Identity"))
    assert "sip:" in asserted and "tel:" in asserted  # TS 24.229 5.4.3.3: with her alias


@pytest.mark.parametrize("uri, status", [("tel:+15550000078", 404), ("tel:7043", 404), ("tel:011", 484),
                                         ("tel:7042;phone-context=else.example", 404)])
def test_nobody_is_there(phones, uri, status):
    dave, _ = phones
    text, call_id = dave.request(method="MESSAGE", uri=uri, to=uri)
    dave.send(text)
    assert dave.final(call_id).status == status


@pytest.mark.parametrize("impu, why", [
    ("tel:0711", "RFC 3966 5.1.4"), ("tel:15550000077", "RFC 3966 5.1.4"), ("sip:h@else.example", "no home domain"),
    ("tel:1;phone-context=else.example", "phone-context"), (f"sip:h!.*!{AT}", "comes first in its set"),
    (f"sip:15550000077{AT}", "mixed up"),
])
def test_the_hss_refuses_what_nobody_reaches(lab, phones, impu, why):
    said = lab.ctl("hss", "subscriber", "add", f"hugo{AT}", "password=hugo-secret", f"impus={impu}", status=1)
    assert why in said and impu in said
