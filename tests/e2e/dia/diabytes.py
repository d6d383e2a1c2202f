# SPDX-License-Identifier: Apache-2.0
"""Diameter peers made of bytes, which say what no library would."""
import contextlib
import select
import socket
import struct
import time

CX, TGPP = 16777216, 10415
CER, DWR, DPR, UAR, SAR, LIR, MAR = 257, 280, 282, 300, 301, 302, 303
R, P, E, T = 0x80, 0x40, 0x20, 0x10


def avp(code, data, vendor=0, flags=0x40):
    data = {str: lambda: data.encode(), int: lambda: struct.pack("!I", data)}.get(type(data), lambda: data)()
    head = struct.pack("!II", code, (flags | (0x80 if vendor else 0)) << 24 | len(data) + (12 if vendor else 8))
    return head + (struct.pack("!I", vendor) if vendor else b"") + data + bytes(-len(data) % 4)


class Frame:
    def __init__(self, data):
        first, second, self.app, self.hop, self.end = struct.unpack("!IIIII", data[:20])
        self.flags, self.code = second >> 24, second & 0xffffff
        self.avps, rest = [], data[20:first & 0xffffff]
        while len(rest) >= 8:
            code, word = struct.unpack("!II", rest[:8])
            n = word & 0xffffff
            self.avps.append((code, rest[12 if word >> 31 else 8:n]))
            rest = rest[n + -n % 4:]

    def get(self, code):
        return next((d for c, d in self.avps if c == code), None)

    @property
    def result(self):
        d = self.get(268)
        return struct.unpack("!I", d)[0] if d else None


class Dia:
    """A connection of a peer called host in realm."""

    def __init__(self, sock, host, realm):
        self.sock, self.host, self.realm, self.data = sock, host, realm, b""

    @classmethod
    def dial(cls, host, realm, ip, to):
        s = socket.socket()
        s.bind((ip, 0))
        s.connect(to)
        return cls(s, host, realm)

    def origin(self):
        return avp(264, self.host) + avp(296, self.realm)

    @staticmethod
    def application():
        return avp(260, avp(266, TGPP) + avp(258, CX))

    def capabilities(self):
        ip = b"\0\1" + socket.inet_aton(self.sock.getsockname()[0])
        return self.origin() + avp(257, ip) + avp(266, 0) + avp(269, "bytes", flags=0) + self.application()

    def send(self, code, body, flags=R | P, app=CX, hop=1, end=1):
        head = struct.pack("!IIIII", 1 << 24 | len(body) + 20, flags << 24 | code, app, hop, end)
        self.sock.sendall(head + body)

    def answer(self, f, body, flags=0):
        self.send(f.code, body, flags | f.flags & P, f.app, f.hop, f.end)

    def receive(self, seconds=5.0):
        """The next message that is no watchdog; None when there is none, or the connection ended."""
        end = time.monotonic() + seconds
        while True:
            if len(self.data) >= 4 and len(self.data) >= (n := struct.unpack("!I", self.data[:4])[0] & 0xffffff):
                f, self.data = Frame(self.data[:n]), self.data[n:]
                if f.code == DWR and f.flags & R:
                    self.answer(f, avp(268, 2001) + self.origin())
                    continue
                return f
            if not select.select([self.sock], [], [], max(0, end - time.monotonic()))[0]:
                return None
            try:
                data = self.sock.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                return None
            self.data += data

    def introduce(self, more=b""):
        self.send(CER, self.capabilities() + more, R, 0)
        return self.receive()

    def ask(self, code, body, **kw):
        session = avp(263, f"{self.host};1;{kw.get('end', 1)}")
        self.send(code, session + self.application() + avp(277, 1) + self.origin() + avp(283, self.realm) + body, **kw)
        return self.receive()

    def close(self):
        self.sock.close()


class Hss:
    """Something that listens where an HSS is expected."""

    def __init__(self, host, realm, ip, port=3868):
        self.host, self.realm = host, realm
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((ip, port))
        self.listener.listen(8)

    def accept(self, seconds=10.0):
        """The next connection, its CER answered; None when nobody comes."""
        self.listener.settimeout(seconds)
        with contextlib.suppress(socket.timeout):
            d = Dia(self.listener.accept()[0], self.host, self.realm)
            f = d.receive()
            d.answer(f, avp(268, 2001) + d.capabilities())
            return d
        return None

    def close(self):
        self.listener.close()
