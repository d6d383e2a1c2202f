# SPDX-License-Identifier: Apache-2.0
"""Media that a subscription does not allow: SubscribedMediaProfileId from the HSS to the S-CSCF's answer
(TS 24.229 6.3, TS 29.228 annex B)."""
import re
import urllib.request

import pytest
from labkit import facts
from labkit.facts import at
from labrun import wait_until
from rawsip import Peer

AT = "@" + facts.DOMAIN
SECRET = "mia-secret"
SERVICE = ("<ServiceProfile><CoreNetworkServicesAuthorization><SubscribedMediaProfileId>7</SubscribedMediaProfileId>"
           "</CoreNetworkServicesAuthorization></ServiceProfile>")
MEDIA = "media:\n  profiles:\n    - id: 7\n      types: [audio]\n      codecs: [AMR-WB, PCMU, telephone-event]\n"
AUDIO = "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
VIDEO = "m=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"


def description(media):
    where = f"IN IP{facts.FAMILY} {at(2, 1)}"
    return f"v=0\r\no=- 1 1 {where}\r\ns=-\r\nc={where}\r\nt=0 0\r\n" + media


@pytest.fixture(scope="module", name="phones")
def fixture_phones(lab, tmp_path_factory):
    """dave, who may have everything, and mia, whose profile is for audio."""
    conf = facts.RUN / "scscf.yaml"
    text = conf.read_text()
    service = tmp_path_factory.mktemp("media") / "audio.xml"
    service.write_text(SERVICE)
    lab.ctl("hss", "profile", "set", "audio", str(service))
    lab.ctl("hss", "subscriber", "add", f"mia{AT}", f"password={SECRET}", f"impus=sip:mia{AT}", "profile=audio",
            f"visited={facts.DOMAIN}")
    since = len(lab.log("scscf"))
    conf.write_text(text + MEDIA)
    lab.ctl("scscf", "reload")
    wait_until(lambda: "configuration" in lab.log("scscf")[since:], 5, "the profiles have been read")
    try:
        with Peer(at(2, 63)) as dave, Peer(at(2, 64)) as mia:
            assert dave.register_digest()[1].status == 200
            assert mia.register_digest(user="mia", password=SECRET)[1].status == 200
            yield dave, mia
            assert dave.ask(expires="0").status in (200, 401)
    finally:
        conf.write_text(text)
        lab.ctl("scscf", "reload")
        lab.ctl("hss", "subscriber", "delete", f"mia{AT}")
        lab.ctl("hss", "profile", "delete", "audio")


def invite(peer, user, uri, media):
    return peer.request(method="INVITE", user=user, uri=uri, to=uri, body=description(media),
                        content_type="application/sdp")


def refused(peer, asked):
    peer.send(asked[0])
    m = peer.final(asked[1])
    assert m.status == 488 and m.get("Content-Type") == "application/sdp"
    assert m.all("Warning")[0].startswith("304 ")
    body = m.body.decode()
    assert "m=audio 0 RTP/AVP 0 101\r\n" in body and "telephone-event" in body and "m=video" not in body


def arrives(sender, receiver, asked):
    sender.send(asked[0])
    arrived = receiver.incoming("INVITE")
    receiver.answer(arrived, "486 Busy Here")
    assert sender.final(asked[1]).status == 486
    return arrived


def test_what_she_offers(phones):
    dave, mia = phones
    refused(mia, invite(mia, "mia", f"sip:dave{AT}", AUDIO + VIDEO))
    assert b"telephone-event" in arrives(mia, dave, invite(mia, "mia", f"sip:dave{AT}", AUDIO)).body


def test_what_she_is_offered(phones):
    dave, mia = phones
    refused(dave, invite(dave, "dave", f"sip:mia{AT}", AUDIO + VIDEO))
    arrives(dave, mia, invite(dave, "dave", f"sip:mia{AT}", AUDIO))


def test_counted(phones):
    _, mia = phones
    refused(mia, invite(mia, "mia", f"sip:dave{AT}", AUDIO + VIDEO))
    with urllib.request.urlopen(facts.url("scscf"), timeout=5) as page:
        lines = page.read().decode().splitlines()
    assert any(re.fullmatch(r"carillon_scscf_media_refused_total [1-9]\d*", line) for line in lines)
