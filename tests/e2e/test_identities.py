# SPDX-License-Identifier: Apache-2.0
"""The identities of a registration at the P-CSCF: names that the HSS knows, numbers however they are written (TS 24.229
5.2.2.1, 5.2.6.3.1). What each form means is in tests/scenario/pcscf/test_identities.c."""
import pytest
from labkit import facts
from labkit.facts import at
from rawsip import Peer

D = facts.DOMAIN
AT = "@" + D
SECRET = "ida-secret"


@pytest.fixture(scope="module", name="phones")
def fixture_phones(lab):
    lab.ctl("hss", "subscriber", "add", f"ida{AT}", f"password={SECRET}", f"impus=sip:ida{AT} tel:+15550000088",
            "display_name=Ida \"I\" Lovelace", f"visited={D}")
    with Peer(at(2, 64)) as dave, Peer(at(2, 65)) as ida:
        assert dave.register_digest()[1].status == 200
        assert ida.register_digest(user="ida", password=SECRET)[1].status == 200
        yield dave, ida
        assert ida.ask(user="ida", expires="0").status in (200, 401)
        assert dave.ask(expires="0").status in (200, 401)
    lab.ctl("hss", "subscriber", "delete", f"ida{AT}")


def asserted_to_dave(phones, preferred):
    dave, ida = phones
    extra = [f"P-Preferred-Identity: {preferred}"] if preferred else []
    text, call_id = ida.request(method="MESSAGE", user="ida", uri=f"sip:dave{AT}", to=f"sip:dave{AT}", extra=extra)
    ida.send(text)
    arrived = dave.incoming("MESSAGE")
    dave.answer(arrived)
    assert ida.final(call_id).status == 200
    return arrived.all("P-Asserted-Identity")


def test_the_name_is_the_home_networks(phones):
    assert '"Ida \\"I\\" Lovelace"' in asserted_to_dave(phones, None)[0]
    assert '"Ida \\"I\\" Lovelace"' in asserted_to_dave(phones, f'"Dave" <sip:ida{AT}>')[0]


@pytest.mark.parametrize("number", ["tel:+1-555-000-0088", "tel:5550000088", f"sip:15550000088{AT};user=phone",
                                    f"tel:01115550000088;phone-context={D}"])
def test_a_number_is_hers_however_it_is_written(phones, number):
    assert "tel:+15550000088" in asserted_to_dave(phones, f"<{number}>")[0]


def test_what_is_kept_of_her_is_shown(lab, phones):
    said = lab.ctl("pcscf", "registration", f"sip:ida{AT}")
    assert f'identity "Ida \\"I\\" Lovelace" <sip:ida{AT}>' in said
    assert "<tel:+15550000088>" in said
    assert "service-route <sip:orig." in said and "home-network " in said
