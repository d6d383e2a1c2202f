# SPDX-License-Identifier: Apache-2.0
"""Sockets of many phones in one thread, and what comes over them as SIP messages. simnet.py has the same for the
simulated network."""
import re
import selectors
import socket
import time

from rawsip import Message

SIZE = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)")


class Link:
    """A way to somebody: a UDP socket, or one TCP connection."""

    def __init__(self, net, handle, tcp, local):
        self.net, self.handle, self.tcp, self.local, self.open, self._in = net, handle, tcp, local, True, b""

    def send(self, data, to=None):
        self.net.send(self.handle, data, None if self.tcp else to)

    def close(self):
        self.open = False
        self.net.close(self.handle)

    def take(self, data):
        """Whole messages of a stream; of a datagram, itself."""
        if not self.tcp:
            return [data]
        self._in = (self._in + data).lstrip(b"\r\n")
        out = []
        while b"\r\n\r\n" in self._in:
            head = self._in.index(b"\r\n\r\n") + 4
            size = SIZE.search(self._in[:head])
            end = head + int(size.group(1))
            if len(self._in) < end:
                break
            out.append(self._in[:end])
            self._in = self._in[end:]
        return out


class Net:
    """Who opens a socket gives an owner: owner.received(message, link, source, size), and owner.lost(link)."""

    def __init__(self):
        self.links = {}  # handle -> (link, owner)

    def udp(self, ip, port, owner):
        return self._keep(self.open_udp(ip, port), False, (ip, port), owner)

    def connect(self, ip, to, owner):
        return self._keep(self.open_tcp(ip, to), True, (ip, 0), owner)

    def _keep(self, handle, tcp, local, owner):
        link = Link(self, handle, tcp, local)
        self.links[handle] = (link, owner)
        return link

    def deliver(self, handle, data, source):
        if handle not in self.links:
            return
        link, owner = self.links[handle]
        if data is None:
            link.open = False
            self.close(handle)
            owner.lost(link)
            return
        for one in link.take(data):
            if one.strip():
                owner.received(Message(one), link, source, len(one))

    def accepted(self, handle, local, owner):
        self._keep(handle, True, local, owner)


class RealNet(Net):
    def __init__(self):
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._listeners = []

    @staticmethod
    def now():
        return time.monotonic()

    def _socket(self, kind, ip, port):
        s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((ip, port))
        return s

    def open_udp(self, ip, port):
        s = self._socket(socket.SOCK_DGRAM, ip, port)
        self._selector.register(s, selectors.EVENT_READ)
        return s

    def open_tcp(self, ip, to):
        s = self._socket(socket.SOCK_STREAM, ip, 0)
        s.settimeout(5)
        s.connect(to)
        self._selector.register(s, selectors.EVENT_READ)
        return s

    def listen(self, ip, port, owner):
        s = self._socket(socket.SOCK_STREAM, ip, port)
        s.listen(16)
        self._selector.register(s, selectors.EVENT_READ, owner)
        self._listeners.append(s)
        return s

    def send(self, handle, data, to):
        if to:
            handle.sendto(data, to)
        else:
            handle.sendall(data)

    def close(self, handle):
        self.links.pop(handle, None)
        if handle.fileno() >= 0:
            self._selector.unregister(handle)
            handle.close()

    def close_all(self):
        for handle in [*self.links, *self._listeners]:
            self.close(handle)

    def run(self, seconds):
        """Takes what comes; ends after the first of it, or when the time is over."""
        for key, _ in self._selector.select(max(seconds, 0)):
            if key.data is not None:
                s, _ = key.fileobj.accept()
                s.settimeout(5)
                self._selector.register(s, selectors.EVENT_READ)
                self.accepted(s, key.fileobj.getsockname(), key.data)
            elif key.fileobj in self.links:
                self._read(key.fileobj)

    def _read(self, s):
        try:
            data, source = s.recvfrom(65536)
        except ConnectionRefusedError:
            return  # somebody's closed port answered a datagram
        except OSError:
            data, source = b"", None
        tcp = self.links[s][0].tcp
        self.deliver(s, None if tcp and not data else data, source)
