# SPDX-License-Identifier: Apache-2.0
"""carillon-ue from outside: what it refuses before it starts, and what its exit status is worth."""
import os
import random
import re
import socket
import subprocess
import threading

import pytest

UE = os.environ["UE"]
NET = "127.%d.%d" % (random.randint(9, 250), random.randint(1, 250))
LOCAL, PROXY = NET + ".1", NET + ".2"
DAVE = ["--domain", "ims.example", "--impi", "dave@ims.example", "--impu", "sip:dave@ims.example",
        "--password", "secret"]


def ue(*words, local=LOCAL, proxy=PROXY):
    return subprocess.run([UE, *DAVE, "--local", local, "--proxy", proxy, *words], capture_output=True,
                          text=True, timeout=20, check=False)


class Registrar:
    """Answers every REGISTER with one status, until it is left."""

    def __init__(self, status):
        self.status, self.over = status, threading.Event()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((PROXY, 5060))
        self.socket.settimeout(0.05)
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        while not self.over.is_set():
            try:
                data, source = self.socket.recvfrom(65535)
            except socket.timeout:
                continue
            self.socket.sendto(self.answer(data.decode()), source)

    def answer(self, request):
        lines = [x for x in request.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq|Contact):", x, re.I)]
        lines = [x + ";tag=r" if x.lower().startswith("to:") and "tag=" not in x else x for x in lines]
        return "\r\n".join([f"SIP/2.0 {self.status}", *lines, "Content-Length: 0", "", ""]).encode()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.socket.close()


@pytest.mark.parametrize("answer, steps, status", [
    ("200 OK", "register", 0),
    ("200 OK", "register expect=200", 0),
    ("200 OK", "register expect=403", 1),
    ("403 Forbidden", "register expect=403", 0),
    ("403 Forbidden", "register expect=404", 1),
    ("403 Forbidden", "register", 1),
    ("200 OK", "register + deregister", 0),
    ("200 OK", "register + deregister expect=500", 1),
])
def test_exit_status(answer, steps, status):
    """A refusal that was wanted and did not come is a failure, as is one that was not wanted."""
    with Registrar(answer):
        r = ue(*steps.split())
    assert r.returncode == status, r.stdout + r.stderr


@pytest.mark.parametrize("words, message", [
    ("", "no steps"),
    ("dance", "no step 'dance'"),
    ("register + call", "what to 'call'"),
    ("register + call bob", "SIP or tel URI, not 'bob'"),
    ("register + call http://x", "SIP or tel URI, not 'http://x'"),
    ("register + sleep soon", "'soon' is no number"),
    ("register exepct=403", "no parameter 'exepct=403'"),
    ("register expect=no", "'expect=no' is no number"),
    ("register wrong-res=yes", "'wrong-res=yes' is no number"),
    ("deregister all=0", "only be told 1 in 'all=0'"),
    ("register + answer after=1s", "'after=1s' is no number"),
    ("register + call sip:bob@x talk=", "'talk=' is no number"),
    ("--transport sctp register", "--transport: sctp"),
    ("--load", "requires an argument"),
])
def test_wrong_usage_starts_nothing(words, message):
    r = ue(*words.split())
    assert r.returncode == 2 and message in r.stderr and not r.stdout, r.stdout + r.stderr


def test_addresses_of_two_families():
    r = ue("register", local="[::1]:5062")
    assert r.returncode == 2 and "both IPv4 or both IPv6" in r.stderr, r.stderr


def test_address_that_cannot_be_had_is_named():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOCAL, 5060))
        r = ue("register")
    assert r.returncode == 1 and f"cannot start on {LOCAL}:5060: " in r.stderr, r.stderr
