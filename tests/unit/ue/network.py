# SPDX-License-Identifier: Apache-2.0
"""carillon-ue as a process, and all of a network that it sees."""
import os
import random
import re
import socket
import subprocess
import threading
import time

UE = os.environ["UE"]
NET = "127.%d.%d" % (random.randint(9, 250), random.randint(1, 250))
LOCAL, PROXY = NET + ".1", NET + ".2"
DAVE = ["--domain", "ims.example", "--impi", "dave@ims.example", "--impu", "sip:dave@ims.example",
        "--password", "secret"]


def ue(*words, local=LOCAL, proxy=PROXY):
    return subprocess.run([UE, *DAVE, "--local", local, "--proxy", proxy, *words], capture_output=True,
                          text=True, timeout=20, check=False)


class Core:
    """All of a network that a phone sees: answers each method (an INVITE inside a dialog is a re-INVITE) with a
    status, 200 unless told otherwise, None for never; and what "hang up" says, BYE at once."""

    def __init__(self, answers=None, delay=0.0, extra=()):
        self.answers, self.delay, self.extra = answers or {}, delay, list(extra)
        self.seen, self.texts, self.over = [], [], threading.Event()
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
            request = data.decode()
            method = request.split(" ")[0]
            if method == "INVITE" and "tag=r" in header(request, "To"):
                method = "re-INVITE"
            self.seen.append(method)
            self.texts.append(request)
            if method == "ACK" and "hang up" in self.answers:
                self.socket.sendto(self.bye(request), source)
            if method in ("ACK", "SIP/2.0") or self.answers.get(method, "200 OK") is None:
                continue
            time.sleep(self.delay)
            self.socket.sendto(self.answer(request, self.answers.get(method, "200 OK")), source)

    def answer(self, request, status):
        lines = [x for x in request.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", x, re.I)]
        lines = [x + ";tag=r" if x.lower().startswith("to:") and "tag=" not in x else x for x in lines]
        if request.startswith("INVITE"):
            lines.append(f"Contact: <sip:{PROXY}:5060>")
        elif "Contact:" in request:
            lines.append("Contact: " + header(request, "Contact"))
        return "\r\n".join([f"SIP/2.0 {status}", *lines, *self.extra, "Content-Length: 0", "", ""]).encode()

    def bye(self, ack):
        lines = [f"BYE sip:dave@{LOCAL}:5060 SIP/2.0", f"Via: SIP/2.0/UDP {PROXY}:5060;branch=z9hG4bKbye",
                 "From: " + header(ack, "To"), "To: " + header(ack, "From"), "Call-ID: " + header(ack, "Call-ID"),
                 "CSeq: 1 BYE", "Max-Forwards: 70", "Content-Length: 0", "", ""]
        return "\r\n".join(lines).encode()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.socket.close()


def header(message, name):
    return re.search(rf"(?im)^{name}:\s*(.*?)\r$", message).group(1)
