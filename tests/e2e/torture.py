# SPDX-License-Identifier: Apache-2.0
"""Messages of the torture corpora, sent as they are to a running node; what came back. A message names the
place for its answers itself (RFC 3261 18.2.2): the sender's address, and the port of its top Via or 5060."""
import re
import select
import socket
import time
from pathlib import Path

from rawsip import Message

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
REPLY_PORTS = (5060, 5050, 6050, 19823)  # of the top Vias of both corpora
ANSWER_S, SILENCE_S = 10.0, 1.0  # a verdict takes until then at most; nothing by then is silence


def corpus(folder):
    return {p.stem: p.read_bytes() for p in sorted((CORPUS / folder).glob("*.dat"))}


def messages_in(data):
    """The messages of one TCP stream, framed by Content-Length."""
    while b"\r\n\r\n" in data:
        head, _, rest = data.partition(b"\r\n\r\n")
        m = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
        n = int(m.group(1)) if m else 0
        yield Message(head + b"\r\n\r\n" + rest[:n])
        data = rest[n:]


class Shot:
    """One message on its way to one node, from an address of its own."""

    def __init__(self, data, source, to, tcp):
        self.tcp, self.closed, self.answers, self._in = tcp, False, [], b""
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        self.sockets = [self._socket(family, source, port) for port in ((0,) if tcp else REPLY_PORTS)]
        if tcp:
            self.sockets[0].settimeout(10)
            self.sockets[0].connect(to)
            self.sockets[0].sendall(data)
        else:
            self.sockets[0].sendto(data, to)

    def _socket(self, family, source, port):
        s = socket.socket(family, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((source, port))
        return s

    def read(self, s):
        try:
            data = s.recv(65536)
        except ConnectionError:
            data = b""
        if not self.tcp:
            self.answers.append(Message(data))
        elif not data:
            self.closed = True
        else:
            self._in += data
            self.answers = list(messages_in(self._in))

    def close(self):
        for s in self.sockets:
            s.close()


def wait_for(shots, enough, seconds):
    """Reads until enough(name, shot) is true of each, or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not all(enough(n, s) for n, s in shots.items()):
        of = {sock: s for s in shots.values() for sock in s.sockets if not s.closed}
        ready, _, _ = select.select(list(of), [], [], min(0.2, max(0, end - time.monotonic())))
        for sock in ready:
            of[sock].read(sock)


def fire(messages, node, tcp, sources, enough, silent):
    """Sends every message (a dict by name) to node, all at once, and waits until enough(name, shot) is true
    of each but the silent ones, which have SILENCE_S to say something after all. The shots by name."""
    shots = {}
    try:
        for (name, data), source in zip(messages.items(), sources):
            shots[name] = Shot(data, source, node, tcp)
        wait_for({n: s for n, s in shots.items() if n not in silent}, enough, ANSWER_S)
        if silent:
            wait_for(shots, lambda n, s: False, SILENCE_S)
    finally:
        for s in shots.values():
            s.close()
    return shots
