# SPDX-License-Identifier: Apache-2.0
"""The simulated network (tests/sim/street.c) as the phones' network: virtual time, nothing real is opened."""
import subprocess

from phones.net import Net


class SimNet(Net):
    def __init__(self, program, seed=1):
        super().__init__()
        self._process = subprocess.Popen([program, str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._in, self._out = self._process.stdin, self._process.stdout
        self._now, self._handles, self._listeners = 0.0, 0, {}

    def now(self):
        return self._now

    def _say(self, *words, data=b""):
        self._in.write(" ".join(map(str, words)).encode() + b"\n" + data)

    def _open(self, kind, *words):
        self._handles += 1
        self._say(kind, self._handles, *words)
        return self._handles

    def open_udp(self, ip, port):
        return self._open("udp", ip, port)

    def open_tcp(self, ip, to):
        return self._open("connect", ip, *to)

    def listen(self, ip, port, owner):
        handle = self._open("listen", ip, port)
        self._listeners[handle] = (owner, (ip, port))
        return handle

    def send(self, handle, data, to):
        self._say("send", handle, len(data), *(to or ()), data=data)

    def close(self, handle):
        self.links.pop(handle, None)
        self._listeners.pop(handle, None)
        self._say("close", handle)

    def provision(self, text):
        self._say("import", len(text), data=text.encode())

    def close_all(self):
        """The core ends as well; its exit status tells what it has leaked."""
        self._in.close()
        self._out.close()
        assert self._process.wait(60) == 0

    def run(self, seconds):
        self._say("run", max(1, round(seconds * 1000)))
        self._in.flush()
        come = []
        while True:
            word, *rest = self._out.readline().decode().split() or ["end"]
            if word == "now":
                self._now = int(rest[0]) / 1000
                break
            come.append((word, rest, self._out.read(int(rest[3])) if word == "data" else None))
            assert word != "end", f"the simulated core has ended: {self._process.wait(10)}"
        for word, rest, data in come:
            self._came(word, [int(r) if r.isdigit() else r for r in rest], data)

    def _came(self, word, rest, data):
        if word == "accept" and rest[0] in self._listeners:
            owner, local = self._listeners[rest[0]]
            self.accepted(rest[1], local, owner)
        elif word == "closed":
            self.deliver(rest[0], None, None)
        elif word == "data":
            self.deliver(rest[0], data, (rest[1], rest[2]))
