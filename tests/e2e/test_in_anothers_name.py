# SPDX-License-Identifier: Apache-2.0
"""Strangers in a user's name, and UEs that name targets which are none of their business."""
import re
import secrets
import socket
import threading
import time
import urllib.request

import pytest
from labkit import facts
from labkit.facts import at
from labrun import wait_until
from rawsip import P_CSCF, Peer, authorization, challenge

AT = "@" + facts.DOMAIN
HOME = f"sip:{facts.DOMAIN}"
P, S, HSS = (facts.NODES[n]["ip"] for n in ("pcscf", "scscf", "hss"))


def counter(node, name, labels=""):
    page = urllib.request.urlopen(facts.url(node), timeout=5).read().decode()
    return sum(float(v) for k, v in re.findall(rf"^carillon_{name}(\{{.*\}}|) (\S+)$", page, re.M) if labels in k)


class Attack:
    """REGISTERs in alice's name from many addresses, in a thread, for as long as the block lasts."""

    def __init__(self, per_second, sources):
        self.gap, self.sent, self.stop = 1 / per_second, 0, threading.Event()
        self.socks = []
        for i in range(sources):
            s = socket.socket(facts.AF(P), socket.SOCK_DGRAM)
            s.bind((at(66, 1 + i % 250), 0))
            s.setblocking(False)
            self.socks.append(s)
        self.thread = threading.Thread(target=self.run, daemon=True)

    def text(self, sender):
        impi, tag = facts.UES["alice"]["impi"], secrets.token_hex(8)
        return (f"REGISTER {HOME} SIP/2.0\r\nVia: SIP/2.0/UDP {sender};branch=z9hG4bK{tag}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:alice{AT}>;tag={tag}\r\nTo: <sip:alice{AT}>\r\n"
                f"Call-ID: {tag}\r\nCSeq: 1 REGISTER\r\nContact: <sip:alice@{sender}>\r\n"
                f'Authorization: Digest username="{impi}",realm="{facts.DOMAIN}",uri="{HOME}",nonce="",response=""\r\n'
                "Content-Length: 0\r\n\r\n").encode()

    def run(self):
        start = time.monotonic()
        while not self.stop.is_set() and self.sent < 20000:
            s = self.socks[self.sent % len(self.socks)]
            s.sendto(self.text(facts.place(*s.getsockname()[:2])), P_CSCF)
            self.sent += 1
            ahead = start + self.sent * self.gap - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        for s in self.socks:
            s.close()


@pytest.mark.parametrize("per_second,sources", [(30, 1), (300, 1), (30, 200), (300, 200)])
def test_alice_registers_while_others_do_in_her_name(lab, per_second, sources):
    """Each asked for a challenge that took the place of hers; now they have places of their own."""
    before = counter("scscf", "scscf_challenges_evicted_total", "others")
    with Attack(per_second, sources) as attack:
        wait_until(lambda: attack.sent >= per_second, 10, "the attack is under way")
        for _ in range(2):
            p = lab.run_phone("alice", "register", "+", "deregister")
            assert p.event("registered")["challenges"] == 1
    assert counter("scscf", "scscf_challenges_evicted_total", "others") == before
    lab.all_healthy()


def guess(eve, password):
    """Statuses of one guess at dave's password: of the REGISTER, and of the answer to its challenge."""
    first = eve.ask(user="dave")
    if first.status != 401:
        return [first]
    auth = authorization(f"dave{AT}", password, challenge(first), HOME)
    return [first, eve.ask(user="dave", call_id=first.get("Call-ID"), authorization=auth)]


def test_passwords_are_guessed_slowly_and_dave_is_not_locked_out(lab):
    """Five at once, then one in ten seconds; whoever is dave registers meanwhile."""
    with Peer(at(66, 30)) as eve, Peer(at(2, 52)) as phone:
        answers = [m for i in range(9) for m in guess(eve, f"guess-{i}")]
        statuses = [m.status for m in answers]
        assert statuses.count(403) in (5, 6) and 500 in statuses and set(statuses) <= {401, 403, 500}, statuses
        held = next(m for m in answers if m.status == 500)
        assert held.reason == "Too Many Attempts" and int(held.get("Retry-After")) > 0
        assert phone.register_digest()[1].status == 200
        assert phone.ask(expires="0").status in (200, 401)
    assert counter("scscf", "scscf_held_up_total", "one source") > 0


def hss_sees(lab):
    return len(lab.log("hss")), counter("hss", "dia_bad_messages")


@pytest.mark.parametrize("target", [facts.place(HSS, 3868), facts.place(HSS, 3868) + ";transport=tcp",
                                    facts.place(HSS, 9090) + ";transport=tcp", facts.place(S, 5060),
                                    "hss." + facts.DOMAIN + ":3868", facts.DOMAIN + ";maddr=" + facts.host(HSS),
                                    "example.org"])
def test_a_ue_names_a_target_that_is_none_of_its_business(lab, target):
    """TS 24.229 5.4.3.2 with the routing policy; RFC 3261 21.4.5."""
    with Peer(at(2, 53)) as phone:
        assert phone.register_digest()[1].status == 200
        before = hss_sees(lab)
        answer = phone.ask(method="MESSAGE", uri=f"sip:x@{target}", to=f"sip:x@{facts.DOMAIN}")
        assert answer.status == 404, answer.start
        assert hss_sees(lab) == before
        assert phone.ask(expires="0").status in (200, 401)


def test_nobody_is_sent_what_a_ue_directs_at_him(lab):
    """An address that nobody configured, with a listener that would tell."""
    with Peer(at(2, 54)) as phone, Peer(at(66, 31)) as victim:
        assert phone.register_digest()[1].status == 200
        uri = f"sip:x@{victim.host}:{victim.port}"
        assert phone.ask(method="MESSAGE", uri=uri, to=f"sip:x@{facts.DOMAIN}").status == 404
        assert victim.receive(0.3) is None
        assert phone.ask(expires="0").status in (200, 401)
