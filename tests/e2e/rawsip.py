# SPDX-License-Identifier: Apache-2.0
"""A SIP peer that says whatever a test wants: bytes out, messages in. It keeps no rule by itself."""
import hashlib
import re
import secrets
import select
import socket
import time

from labkit import facts

P_CSCF = (facts.NODES["pcscf"]["ip"], 5060)
COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length"}


def where(hostport):
    """Address and port of "192.0.2.1:5070", "[2001:db8::1]:5070", or of either without a port."""
    ip, port = re.fullmatch(r"\[?([^\]]*?)\]?(?::(\d+))?", hostport).groups()
    return ip, int(port or 5060)


class Message:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\r\n")
        self.start, self.headers = lines[0], []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            self.headers.append((COMPACT.get(name, name), value.strip()))
        self.status = int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0
        self.reason = self.start.split(" ", 2)[2] if self.status else ""
        self.method = self.start.split(" ")[0] if not self.status else ""

    def all(self, name):
        return [v for n, v in self.headers if n == name.lower()]

    def get(self, name):
        return next(iter(self.all(name)), None)

    def __repr__(self):
        return f"<{self.start}>"


def challenge(message):
    """Parameters of a WWW-Authenticate header."""
    text = message.get("WWW-Authenticate")
    return {k.lower(): v.strip('"') for k, v in re.findall(r'(\w+)=("[^"]*"|[^\s,]+)', text)}


def md5(text, encoding="utf-8"):
    return hashlib.md5(text.encode(encoding)).hexdigest()


def authorization(user, password, c, uri, method="REGISTER", nc=1):
    """RFC 2617 3.2.2 with qop auth and MD5."""
    cnonce, count = secrets.token_hex(8), f"{nc:08x}"
    ha1, ha2 = md5(f"{user}:{c['realm']}:{password}"), md5(f"{method}:{uri}")
    response = md5(f"{ha1}:{c['nonce']}:{count}:{cnonce}:auth:{ha2}")
    return (f'Digest username="{user}", realm="{c["realm"]}", nonce="{c["nonce"]}", uri="{uri}", '
            f'response="{response}", algorithm=MD5, qop=auth, nc={count}, cnonce="{cnonce}"')


class Peer:
    """One socket on an address of its own. Frames TCP by Content-Length."""

    def __init__(self, ip, tcp=False, to=P_CSCF):
        self.ip, self.host, self.tcp, self.to, self._in = ip, facts.host(ip), tcp, to, b""
        self.sock = socket.socket(facts.AF(ip), socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((ip, 0))
        if tcp:
            self.sock.settimeout(10)
            self.sock.connect(to)
        self.port = self.sock.getsockname()[1]
        self.cseq = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        if self.tcp:
            self.sock.sendall(data)
        else:
            self.sock.sendto(data, self.to)

    def _framed(self):
        head, sep, rest = self._in.partition(b"\r\n\r\n")
        if not sep:
            return None
        m = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
        n = int(m.group(1)) if m else 0
        if len(rest) < n:
            return None
        self._in = rest[n:]
        return Message(head + sep + rest[:n])

    def receive(self, seconds=5.0):
        """The next message, or None when there is none in time or the connection was closed."""
        end = time.monotonic() + seconds
        while True:
            if self.tcp and (m := self._framed()):
                return m
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                return None
            if not self.tcp:
                return Message(data)
            if not data:
                return None
            self._in += data

    def closed(self, seconds=5.0):
        """True once the other side has closed the connection."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.sock], [], [], left)[0]:
                return False
            try:
                if not self.sock.recv(65536):
                    return True
            except ConnectionResetError:
                return True
        return False

    def final(self, call_id, seconds=10.0):
        """The final response with this Call-ID."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            m = self.receive(left)
            if m is None:
                break
            if m.status >= 200 and m.get("Call-ID") == call_id:
                return m
        raise AssertionError(f"no final response to {call_id} within {seconds} s")

    def request(self, method="REGISTER", uri=None, user="dave", to=None, call_id=None, extra=(), body="",
                **changed):
        """Text of a request and its Call-ID. changed: header_name=value replaces a header, None removes
        it; extra: whole header lines."""
        self.cseq += 1
        aor = f"sip:{user}@{facts.DOMAIN}"
        uri = uri or (f"sip:{facts.DOMAIN}" if method == "REGISTER" else aor)
        call_id = call_id or f"{secrets.token_hex(8)}@{self.ip}"
        proto = "TCP" if self.tcp else "UDP"
        headers = {
            "Via": f"SIP/2.0/{proto} {self.host}:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport",
            "Max-Forwards": "70",
            "From": f"<{aor}>;tag={secrets.token_hex(4)}",
            "To": f"<{to or aor}>",
            "Call-ID": call_id,
            "CSeq": f"{self.cseq} {method}",
            "Contact": f"<sip:{user}@{self.host}:{self.port}>",
            "Content-Length": str(len(body)),
        }
        if method == "REGISTER":
            headers["Expires"] = "600"
        names = {n.lower().replace("-", "_"): n for n in headers}
        for name, value in changed.items():
            name = names.get(name, name.replace("_", "-").title())
            if value is None:
                headers.pop(name)
            else:
                headers[name] = value
        lines = [f"{method} {uri} SIP/2.0", *(f"{n}: {v}" for n, v in headers.items()), *extra]
        return "\r\n".join(lines) + "\r\n\r\n" + body, headers["Call-ID"] if "Call-ID" in headers else None

    def ask(self, seconds=10.0, **kw):
        """Sends a request and returns its final response."""
        text, call_id = self.request(**kw)
        self.send(text)
        return self.final(call_id, seconds)

    def incoming(self, method, seconds=10.0):
        """The next request with this method."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            m = self.receive(left)
            if m is None:
                break
            if m.method == method:
                return m
        raise AssertionError(f"no {method} within {seconds} s")

    def answer(self, request, status="200 OK", extra=()):
        """RFC 3261 8.2.6.2."""
        lines = [f"SIP/2.0 {status}"]
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            lines += [f"{name}: {v}" for v in request.all(name)]
        tag = "" if ";tag=" in request.get("To") else f";tag={secrets.token_hex(4)}"
        lines = [line + tag if line.startswith("To: ") else line for line in lines]
        self.send("\r\n".join([*lines, *extra, "Content-Length: 0"]) + "\r\n\r\n")

    def register_digest(self, user="dave", password="dave-secret", **kw):
        """Challenge and answer; both responses and the challenge's parameters."""
        first = self.ask(user=user, **kw)
        assert first.status == 401, first
        c = challenge(first)
        auth = authorization(f"{user}@{facts.DOMAIN}", password, c, f"sip:{facts.DOMAIN}")
        return first, self.ask(user=user, call_id=first.get("Call-ID"), authorization=auth, **kw), c
