# SPDX-License-Identifier: Apache-2.0
"""What carillon-ue says, and what it does when the network says something out of the ordinary (TS 24.229 5.1)."""
import base64
import hashlib
import json
import re
import secrets
import signal
import socket
import subprocess
import threading

import pytest
from network import DAVE, LOCAL, PROXY, UE, Core, header, ue

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


# ---- 407 ----

def asks(nonce, more=""):
    return f'Proxy-Authenticate: Digest realm="ims.example", nonce="{nonce}", algorithm=MD5, qop="auth"{more}'


class Proxy(Network):
    """Answers the n-th INVITE with the n-th of challenges (None: it passes), and each one after them with the last."""

    def __init__(self, *challenges, **kw):
        super().__init__(**kw)
        self.challenges = challenges

    def answer(self, request, status):
        if not request.startswith("INVITE"):
            return super().answer(request, status)
        asked = self.challenges[min(self.seen.count("INVITE"), len(self.challenges)) - 1]
        self.more["INVITE 407"] = [asked]
        return super().answer(request, "407 Proxy Authentication Required" if asked else status)


def credentials(text):
    return dict(re.findall(r'(\w+)="?([^",\s]*)', header(text, "Proxy-Authorization"))) \
        if has(text, "Proxy-Authorization") else None


def is_right(text):
    """RFC 7616 3.4.1, with qop auth."""
    c, h = credentials(text), lambda s: hashlib.md5(s.encode()).hexdigest()
    method, uri = text.split(" ")[:2]
    parts = (h("dave@ims.example:ims.example:secret"), c["nonce"], c["nc"], c["cnonce"], "auth", h(f"{method}:{uri}"))
    return c["uri"] == uri and c["response"] == h(":".join(parts))


def numbers(core):
    return [(credentials(t) or {}).get("nonce", "") + (credentials(t) or {}).get("nc", "")[-1:] for t in of(core, "INVITE")]


def test_challenged_by_a_proxy():
    """RFC 3261 22.3: the same request with the next CSeq; its ACK has the credentials, that of the 407 is its transaction's."""
    with Proxy(asks("n"), None) as core:
        r = ue("--json", "register", "+", "call", CALL)
    assert r.returncode == 0, r.stdout + r.stderr
    first, second = of(core, "INVITE")
    assert not credentials(first) and is_right(second) and credentials(second)["nc"] == "00000001"
    for name in ("Call-ID", "From", "To", "Contact", "Route"):
        assert header(first, name) == header(second, name)
    assert [header(t, "CSeq") for t in (first, second)] == ["1 INVITE", "2 INVITE"]
    assert first.partition("\r\n\r\n")[2] == second.partition("\r\n\r\n")[2]
    branch = [re.search(r"branch=([^;\s]+)", header(t, "Via")).group(1) for t in (first, second)]
    refused, accepted = of(core, "ACK")
    assert branch[0] != branch[1] and branch[0] in header(refused, "Via") and header(refused, "CSeq") == "1 ACK"
    assert header(accepted, "CSeq") == "2 ACK" and credentials(accepted) == credentials(second)
    assert header(of(core, "BYE")[0], "CSeq") == "3 BYE"


@pytest.mark.parametrize("challenges, sent, status", [
    ((asks("n"), None), ["", "n1", "n3"], 200),  # the BYE and the next call have the nonce, counted on
    ((asks("n"), None, asks("m", ", stale=true"), None), ["", "n1", "n3", "m1"], 200),
    ((asks("n"), None, asks("m"), None), ["", "n1", "n3", "m1"], 200),  # a proxy that does not say stale
    ((asks("n"), None, asks("n"), None), ["", "n1", "n3"], 407),  # the one that it has refused
])
def test_nonce_of_a_proxy_serves_the_next_call(challenges, sent, status):
    with Proxy(*challenges) as core:
        r = ue("--json", "register", "+", "call", CALL, "+", "call", CALL, f"expect={status}")
    assert r.returncode == 0, r.stdout + r.stderr
    assert numbers(core) == sent and all(is_right(t) for t in of(core, "INVITE")[1:])


@pytest.mark.parametrize("challenges, sent, status", [
    ((asks("n"), asks("m", ", stale=TRUE"), None), ["", "n1", "m1"], 200),
    ((asks("n"), asks("m", ", stale=true"), asks("k", ", stale=true"), None), ["", "n1", "m1"], 407),
    ((asks("n"), asks("m"), None), ["", "n1"], 407),  # a wrong password
    ((asks("n"), asks("n", ", stale=true"), None), ["", "n1"], 407),
    ((asks("n").replace("MD5", "MD4"), None), [""], 407),
    ((asks("n").replace("MD5", "SHA-256"), None), ["", "n1"], 200),
    (("Proxy-Authenticate: Basic realm=x", None), [""], 407),
    (("X-Other: 1", None), [""], 407),
])
def test_proxy_that_asks_again(challenges, sent, status):
    """RFC 7616 3.3: only a stale nonce is a reason to try once more, and never without end."""
    with Proxy(*challenges) as core:
        r = ue("--json", "register", "+", "call", CALL, f"expect={status}")
    assert r.returncode == 0, r.stdout + r.stderr
    assert numbers(core) == sent


def test_refused_nonce_is_not_kept():
    with Proxy(asks("n"), asks("m"), asks("k"), None) as core:
        r = ue("--json", "register", "+", "call", CALL, "expect=407", "+", "call", CALL)
    assert r.returncode == 0, r.stdout + r.stderr
    assert numbers(core) == ["", "n1", "", "k1"]


@pytest.mark.parametrize("password, sent, status", [([], [""], 407), (["--password", "secret"], ["", "n1"], 200)])
def test_proxy_asks_a_phone_with_a_key(password, sent, status):
    """IMS-AKA alone is no answer to a proxy (TS 33.203 N.2.1)."""
    words = [w for w in DAVE if w not in ("--password", "secret")] + password
    with Proxy(asks("n"), None) as core:
        r = subprocess.run([UE, *words, "--k-ascii", "0123456789abcdef", "--op", "00" * 16, "--local", LOCAL, "--proxy",
                            PROXY, "--json", "register", "+", "call", CALL, f"expect={status}"], capture_output=True,
                           text=True, timeout=20, check=False)
    assert r.returncode == 0, r.stdout + r.stderr
    assert numbers(core) == sent and all(is_right(t) for t in of(core, "INVITE")[1:])


def test_shows_what_is_open():
    """On SIGUSR1, and when a step does not end in time: what is there, and what it waits for."""
    with registering(answers={"INVITE": "180 Ringing"}) as core:
        p = subprocess.Popen([UE, *DAVE, "--local", LOCAL, "--proxy", PROXY, "--json", "register", "+", "call", CALL,
                              "timeout=2"], stdout=subprocess.PIPE, text=True)
        events = []
        for line in p.stdout:
            events.append(json.loads(line))
            if events[-1]["event"] == "progress" and events[-1]["status"] == 180:
                p.send_signal(signal.SIGUSR1)
        assert p.wait(timeout=20) == 1
    assert of(core, "INVITE")
    names = [e["event"] for e in events]
    shown = [e for e in events if e["event"] == "session"]
    assert len(shown) == 2 and names.index("session") < names.index("timeout")
    assert shown[0]["state"] == "Early" and shown[0]["side"] == "caller" and shown[0]["dialogs"] == 1
    assert shown[0]["machines"] == [{"name": "session", "state": "Early"}]
    assert {"invite-client", "request-client"} >= {e["machine"] for e in events if e["event"] == "transaction"}
