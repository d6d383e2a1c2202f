# SPDX-License-Identifier: Apache-2.0
"""What carillon-ue says, and what it does when the network says something out of the ordinary (TS 24.229 5.1)."""
import base64
import json
import secrets
import socket
import threading

import pytest
from network import LOCAL, PROXY, Core, header, ue

S_CSCF = "sip:orig@scscf.ims.example;lr"
CALL = "sip:bob@ims.example"
RESTORATION = ('<?xml version="1.0"?><ims-3gpp version="1"><alternative-service><type>{}</type><reason/><action>{}'
               "</action></alternative-service></ims-3gpp>")


class Network(Core):
    """A Core whose answers to one method have more headers, and a body."""

    def __init__(self, more=None, body=None, **kw):
        super().__init__(**kw)
        self.more, self.body = more or {}, body or {}

    def answer(self, request, status):
        method, n = request.split(" ")[0], self.seen.count(request.split(" ")[0])
        status = status.split("|")[min(n, status.count("|") + 1) - 1]  # the first, the second, ... and then the last
        head, _, _ = super().answer(request, status).decode().partition("Content-Length")
        code = status.split()[0]
        body = self.body.get(f"{method} {code}", "")
        lines = "".join(x + "\r\n" for x in self.more.get(f"{method} {code}", []))
        return f"{head}{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def of(core, method):
    return [t for t in core.texts if t.startswith(method + " ")]


def has(text, name):
    return f"\r\n{name}:" in text.partition("\r\n\r\n")[0]


def registering(**kw):
    more = {"REGISTER 200": [f"Service-Route: <{S_CSCF}>", "Path: <sip:token@pcscf.ims.example;lr>"]}
    more.update(kw.pop("more", {}))
    return Network(more=more, **kw)


@pytest.mark.parametrize("asserted, kind, action, again", [
    (f"<{S_CSCF}>", "restoration", "initial-registration", True),
    ("<sip:token@pcscf.ims.example;lr>", "restoration", "initial-registration", True),
    ("<sip:orig@elsewhere.example;lr>", "restoration", "initial-registration", False),
    (f"<{S_CSCF}>", "emergency", "initial-registration", False),
    (f"<{S_CSCF}>", "restoration", "emergency-registration", False),
    (None, "restoration", "initial-registration", False),
])
def test_restoration(asserted, kind, action, again):
    """TS 24.229 5.1.2A.1.6: who has lost the registration asks for it, and only he."""
    said = ["Content-Type: application/3gpp-ims+xml"] + ([f"P-Asserted-Identity: {asserted}"] if asserted else [])
    with registering(answers={"INVITE": "504 Server Time-out|200 OK"}, more={"INVITE 504": said},
                     body={"INVITE 504": RESTORATION.format(kind, action)}) as core:
        r = ue("--json", "register", "+", "call", CALL, "expect=504", "+", "call", CALL)
    assert r.returncode == 0, r.stdout + r.stderr
    assert len(of(core, "REGISTER")) == (2 if again else 1)
    failed = next(e for e in map(json.loads, r.stdout.splitlines()) if e["event"] == "call-failed")
    assert failed.get("restoring", False) == again


def test_no_route_in_register():
    """TS 24.229 5.1.1.2.1: the P-CSCF is where it is sent to, and the Service-Route is for what follows."""
    with registering() as core:
        assert ue("register", "+", "call", CALL).returncode == 0
    assert not has(of(core, "REGISTER")[0], "Route")
    assert S_CSCF in header(of(core, "INVITE")[0], "Route")


@pytest.mark.parametrize("options, wanted", [([], "3GPP-"), (["--access", "IEEE-802.3"], "IEEE-802.3"), (["--access", ""], None)])
def test_access(options, wanted):
    """TS 24.229 5.1.1.2.1, 5.1.2A.1.1: not to whom the phone does not know yet, and not in an ACK."""
    nonce = 'WWW-Authenticate: Digest realm="ims.example", nonce="1", algorithm=MD5, qop="auth"'
    with registering(answers={"REGISTER": "401 Unauthorized|200 OK"}, more={"REGISTER 401": [nonce]}) as core:
        r = ue(*options, "register", "+", "call", CALL)
    assert r.returncode == 0, r.stdout + r.stderr
    first, second = of(core, "REGISTER")
    assert not has(first, "P-Access-Network-Info") and not has(of(core, "ACK")[0], "P-Access-Network-Info")
    for text in (second, of(core, "INVITE")[0], of(core, "BYE")[0]):
        assert has(text, "P-Access-Network-Info") == bool(wanted), text
        assert not wanted or header(text, "P-Access-Network-Info").startswith(wanted)


@pytest.mark.parametrize("listed, who", [
    ("<sip:dave@ims.example>, <tel:+15550000004>", "sip:dave@ims.example"),
    ("<tel:+15550000004>, <sip:dave@ims.example>", "sip:dave@ims.example"),
    ("<sip:other@ims.example>, <tel:+15550000009>", "sip:other@ims.example"),
    (None, "sip:dave@ims.example"),
])
def test_identity(listed, who):
    """TS 24.229 5.1.1.2.1: a barred identity, which the 200 (OK) does not list, is for the REGISTER alone."""
    more = {"REGISTER 200": [f"P-Associated-URI: {listed}"]} if listed else {}
    with registering(more=more) as core:
        assert ue("register", "+", "call", CALL, "+", "register").returncode == 0
    invite = of(core, "INVITE")[0]
    assert f"<{who}>" in header(invite, "From") and header(invite, "P-Preferred-Identity") == f"<{who}>"
    assert "sip:dave@ims.example" in header(of(core, "REGISTER")[1], "From")


def test_service():
    """TS 24.229 5.1.1.2.1, 5.1.3.1."""
    with registering() as core:
        assert ue("register", "+", "call", CALL).returncode == 0
    invite = of(core, "INVITE")[0]
    assert "+g.3gpp.icsi-ref" in header(of(core, "REGISTER")[0], "Contact")
    assert "+g.3gpp.icsi-ref" in header(invite, "Contact") and "+g.3gpp.icsi-ref" in header(invite, "Accept-Contact")
    assert "3gpp-ims+xml" in header(invite, "Accept") and has(invite, "P-Early-Media")
    assert header(invite, "P-Preferred-Service") == "urn:urn-7:3gpp-service.ims.icsi.mmtel"


def test_invalid_challenges():
    """TS 24.229 5.1.1.5.3: two of them in a row are responded to, without RES; the third ends the attempt."""
    nonce = base64.b64encode(secrets.token_bytes(32)).decode()
    said = f'WWW-Authenticate: Digest realm="ims.example", nonce="{nonce}", algorithm=AKAv1-MD5, qop="auth"'
    key = ["--k-ascii", "0123456789abcdef", "--op", "00" * 16]
    with Network(answers={"REGISTER": "401 Unauthorized"}, more={"REGISTER 401": [said]}) as core:
        r = ue(*key, "--json", "register", "expect-cause=in a row that are invalid", "expect=401")
    assert r.returncode == 0, r.stdout + r.stderr
    sent = of(core, "REGISTER")
    assert len(sent) == 3 and all('response=""' in header(t, "Authorization") for t in sent)


def test_large_requests_go_by_tcp():
    """RFC 3261 18.1.1, TS 24.229 4.2A: above 1300 bytes, though the phone speaks UDP."""
    got = []

    def serve(listener, core):
        connection, _ = listener.accept()
        with connection:
            text = connection.recv(65536).decode()
            got.append(text)
            connection.sendall(core.answer(text, "486 Busy Here"))
            got.append(connection.recv(65536).decode())

    with registering() as core, socket.create_server((PROXY, 5060)) as listener:
        thread = threading.Thread(target=serve, args=(listener, core))
        thread.start()
        r = ue("register", "+", "call", f"sip:{'b' * 1300}@ims.example", "expect=486")
        thread.join(10)
    assert r.returncode == 0, r.stdout + r.stderr
    assert got[0].startswith("INVITE") and f"SIP/2.0/TCP {LOCAL}" in header(got[0], "Via") and got[1].startswith("ACK")
    assert not of(core, "INVITE")
