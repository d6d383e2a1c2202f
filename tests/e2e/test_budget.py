# SPDX-License-Identifier: Apache-2.0
"""Phones and nodes that say nothing, or are gone: what the other side hears, in which order, and that nobody else
pays for it (docs/timers.md)."""
import itertools
import os
import re
import select
import signal
import socket
import threading
import time

import pytest
from labkit import facts
from labkit.facts import at
from labrun import wait_until
from rawsip import Message, Peer

AT = "@" + facts.DOMAIN
SECRET = "frida-secret"
SERIAL = itertools.count(1)


class Caller(Peer):
    """dave, who calls frida; her phones are the tests' own. Her private identity has SIP Digest: it may have
    several."""
    callee = ""

    @property
    def uri(self):
        return f"sip:{self.callee}{AT}"

    def phone(self, ip, tcp=False):
        phone = Peer(ip, tcp=tcp)
        assert phone.register_digest(user=self.callee, password=SECRET)[1].status == 200
        return phone


@pytest.fixture(name="dave")
def fixture_dave(lab):
    name = f"frida{next(SERIAL)}"  # a new one for each test: what she leaves bound is in nobody's way
    lab.ctl("hss", "subscriber", "add", f"{name}{AT}", f"password={SECRET}", f"impus=sip:{name}{AT}",
            f"visited={facts.DOMAIN}")
    with Caller(at(2, 60)) as dave:
        dave.callee = name
        assert dave.register_digest()[1].status == 200
        yield dave
    lab.ctl("hss", "subscriber", "delete", f"{name}{AT}")


def ask(lab, dave, method):
    """A request to frida that she may leave without an answer; its Call-ID."""
    text, call_id = dave.request(method=method, uri=dave.uri, to=dave.uri)
    lab.unanswered.add(call_id)
    dave.send(text)
    return call_id


def acknowledge(dave, final):
    via = final.all("Via")[0]
    dave.send("\r\n".join([f"ACK {dave.uri} SIP/2.0", f"Via: {via}", "Max-Forwards: 70",
                           f"From: {final.get('From')}", f"To: {final.get('To')}",
                           f"Call-ID: {final.get('Call-ID')}", "CSeq: " + final.get("CSeq").split()[0] + " ACK",
                           "Content-Length: 0"]) + "\r\n\r\n")


def requests_heard(phone, method):
    """Datagrams that have arrived so far."""
    heard = []
    while (m := phone.receive(0.2)):
        if m.method == method:
            heard.append(m)
    return heard


def test_message_to_a_silent_phone(lab, dave):
    """The P-CSCF of the called phone gives up first and everybody hears of it: one answer, no second try by another
    transport or node, one transaction's datagrams at the phone (RFC 4320 4.2)."""
    with dave.phone(at(2, 61)) as phone:
        call_id = ask(lab, dave, "MESSAGE")
        final = dave.final(call_id, seconds=40)
        assert final.status == 480, final.start
        heard = requests_heard(phone, "MESSAGE")
        assert 1 <= len(heard) <= 11
        assert len({m.all("Via")[0] for m in heard}) == 1
        # The silence was hers: the next request goes the same way and is answered.
        text, next_id = dave.request(method="MESSAGE", uri=dave.uri, to=dave.uri)
        dave.send(text)
        phone.answer(phone.incoming("MESSAGE"))
        assert dave.final(next_id).status == 200


def test_port_that_is_closed(lab, dave):
    """ICMP: the phone was killed, its host is up. The answer is there long before any timer."""
    phone = dave.phone(at(2, 62))
    phone.sock.close()
    for method in ("MESSAGE", "INVITE"):
        since = len(lab.log("pcscf"))
        final = dave.final(ask(lab, dave, method), seconds=10)
        assert final.status == 480, final.start
        if method == "INVITE":
            acknowledge(dave, final)
        lab.wait_log("pcscf", "the UE's flow is gone", since)


def test_connection_that_is_closed(lab, dave):
    """The same over TCP, and nothing listens where the Contact says."""
    phone = dave.phone(at(2, 63), tcp=True)
    phone.sock.close()
    final = dave.final(ask(lab, dave, "MESSAGE"), seconds=10)
    assert final.status == 480, final.start


def test_busy_beside_a_silent_contact(lab, dave):
    """The living phone is busy, the other one says nothing: the caller hears of the busy one at once."""
    with dave.phone(at(2, 64)) as dead, dave.phone(at(2, 65)) as living:
        call_id = ask(lab, dave, "INVITE")
        living.answer(living.incoming("INVITE"), "486 Busy Here")
        assert dead.incoming("INVITE")
        final = dave.final(call_id, seconds=10)  # the silent branch has 16 s
        assert final.status == 486, final.start
        acknowledge(dave, final)


def test_contact_that_is_left_behind_goes(lab, dave):
    """A phone that was killed and came back on another port: its old contact costs nothing, and goes."""
    phone = dave.phone(at(2, 66))
    phone.sock.close()
    since = len(lab.log("scscf"))
    with dave.phone(at(2, 66)) as living:
        for _ in range(3):
            call_id = ask(lab, dave, "INVITE")
            living.answer(living.incoming("INVITE"), "486 Busy Here")
            final = dave.final(call_id, seconds=10)
            assert final.status == 486, final.start
            acknowledge(dave, final)
        line = lab.wait_log("scscf", "contact unbound, it cannot be reached", since)
        assert f":{phone.port}" in line and f":{living.port}" not in line


class OtherScscf:
    """An S-CSCF that refuses whoever it is asked about; it is enough to see that it was asked."""

    def __init__(self, ip):
        self.heard, self._stop = [], threading.Event()
        self.sock = socket.socket(facts.AF(ip), socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((ip, 5060))
        self.sock.listen(4)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        conns, data = [], {}
        while not self._stop.is_set():
            for s in select.select([self.sock, *conns], [], [], 0.1)[0]:
                if s is self.sock:
                    conns.append(s.accept()[0])
                    data[conns[-1]] = b""
                elif not (got := s.recv(65536)):
                    conns.remove(s)
                    s.close()
                else:
                    data[s] = self._answer(s, data[s] + got)
        for s in conns:
            s.close()

    def _answer(self, s, data):
        while b"\r\n\r\n" in data:
            head, _, data = data.partition(b"\r\n\r\n")
            m = Message(head + b"\r\n\r\n")
            data = data[int(m.get("Content-Length") or 0):]
            if m.method and m.method != "ACK":
                self.heard.append(m)
                lines = ["SIP/2.0 403 Not Here", *(f"Via: {v}" for v in m.all("Via")),
                         *(f"{n}: {m.get(n)}" for n in ("From", "Call-ID", "CSeq")), f"To: {m.get('To')};tag=other",
                         "Content-Length: 0"]
                s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return data

    def close(self):
        self._stop.set()
        self.thread.join()
        self.sock.close()


def test_scscf_that_is_stopped(lab):
    """SIGSTOP: the I-CSCF waits for it once, by one transport, chooses another one, and chooses that one at once for
    the requests that follow (TS 24.229 5.3.1.3)."""
    conf, other = facts.RUN / "icscf.yaml", OtherScscf(at(1, 130))
    text, third = conf.read_text(), facts.place(at(1, 130), 5060)
    name = f"    - name: sip:scscf.{facts.DOMAIN}:5060\n"
    assert name in text
    icscf, scscf = lab.pid("icscf"), lab.pid("scscf")
    since = len(lab.log("icscf"))
    try:
        conf.write_text(text.replace(name, name + f"      priority: 1\n    - name: sip:{third}\n      priority: 2\n"))
        os.kill(icscf, signal.SIGHUP)
        wait_until(lambda: at(1, 130) in lab.ctl("icscf", "scscfs"), 10, "the table has been read")
        lab.kills.append(time.time())  # for the judge: it may leave Diameter's watchdog without an answer
        os.kill(scscf, signal.SIGSTOP)
        with Peer(at(2, 67)) as first, Peer(at(2, 68)) as second:
            # Its silence is longer than a phone of RFC 3261 repeats itself, shorter than it waits.
            assert first.ask(seconds=30).status == 403
            assert len(other.heard) == 1
            waited = lab.log("icscf")[since:].count("S-CSCF fails, choosing another")
            assert waited == 1
            assert second.ask(seconds=5).status == 403
            assert len(other.heard) == 2
            assert lab.log("icscf")[since:].count("S-CSCF fails, choosing another") == 1
        assert re.search(r"scscf=sip:scscf\S+ status=408", lab.log("icscf")[since:])
    finally:
        os.kill(scscf, signal.SIGCONT)
        lab.kills.append(time.time())
        conf.write_text(text)
        other.close()
        lab.restart("icscf")  # with nothing held against anybody
    lab.run_phone("carol", "register", "+", "deregister")
