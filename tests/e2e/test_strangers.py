# SPDX-License-Identifier: Apache-2.0
"""Somebody whom nobody knows sends as much as he can: what the others notice of it is nothing. Bounded in number and
time, from addresses that the lab does not exempt from its limits."""
import http.client
import os
import re
import resource
import signal
import socket
import time
import urllib.request

import pytest
from labkit import facts
from labkit.facts import at
from labrun import wait_until
from rawsip import Peer

ALICE = f"sip:alice@{facts.DOMAIN}"


def metric(node, name, labels=""):
    """Sum of the samples whose labels contain the text."""
    with urllib.request.urlopen(facts.url(node), timeout=10) as r:
        text = r.read().decode()
    found = re.findall(rf"^carillon_{name}(\{{[^}}]*\}})? (\S+)$", text, re.M)
    return sum(float(v) for with_labels, v in found if labels in with_labels)


def call(lab):
    with lab.phone("bob", "register", "+", "answer") as bob:
        bob.wait_for("ready")
        lab.run_phone("alice", "register", "+", "call", f"sip:bob@{facts.DOMAIN}", "talk=0.2")
        assert bob.finish() == 0


def drain(peer):
    """Everything that has come: number of messages and bytes."""
    n = size = 0
    peer.sock.setblocking(False)
    while True:
        try:
            size += len(peer.sock.recv(65536))
            n += 1
        except BlockingIOError:
            return n, size


def connect(ip, to, n):
    return [socket.create_connection(to, timeout=10, source_address=(ip, 0)) for _ in range(n)]


def close(sockets):
    for s in sockets:
        s.close()


def test_flood_of_the_unregistered(lab):
    """Ten thousand INVITEs of five senders: none is kept, no answer is longer than its request, each source gets what
    its rate allows, and a call right afterwards goes through."""
    since = len(lab.log("pcscf"))
    sent = answered = sent_bytes = answered_bytes = 0
    peers = [Peer(at(66, 100 + i)) for i in range(5)]
    for _ in range(2000):
        for p in peers:
            text, _ = p.request(method="INVITE", uri=ALICE)
            p.send(text)
            sent, sent_bytes = sent + 1, sent_bytes + len(text)
    call(lab)
    for p in peers:
        n, size = drain(p)
        answered, answered_bytes = answered + n, answered_bytes + size
        p.sock.close()
    assert 5 <= answered < sent and answered_bytes < sent_bytes * answered / sent
    assert metric("pcscf", "sip_stranger_transactions") == 0
    assert metric("pcscf", "sip_flows", 'of="strangers"') < 20
    assert metric("pcscf", "sip_limit_reached_total", "source_rate") > 0
    lines = [t for t in lab.log("pcscf")[since:].splitlines() if any(p.ip in t for p in peers)]
    assert 1 <= len(lines) < 600
    lab.wait_log("pcscf", "log lines suppressed", since, 15)


@pytest.mark.skipif(facts.FAMILY == 4, reason="of IPv6")
def test_a_network_is_one_stranger(lab):
    """Whoever has a /64 has as many addresses as he likes, and what one source may have (docs/security.md)."""
    refused = metric("pcscf", "sip_limit_reached_total", "source_rate")
    network = at(66, 200).removesuffix("1")
    peers = [Peer(f"{network}{i:x}") for i in range(1, 401)]
    for p in peers:
        p.send(p.request(method="INVITE", uri=ALICE)[0])
    with Peer(at(66, 201)) as other:
        assert other.ask(method="INVITE", uri=ALICE).status == 403
    assert 1 <= sum(drain(p)[0] for p in peers) < len(peers)
    for p in peers:
        p.sock.close()
    assert metric("pcscf", "sip_limit_reached_total", "source_rate") > refused


def test_nothing_comes_twice(lab):
    """A refused INVITE that nobody acknowledges: RFC 3261 17.2.1 would send the refusal again after T1, for 64 of
    them. For a stranger there is no transaction that could."""
    with Peer(at(66, 2)) as eve:
        text, call_id = eve.request(method="INVITE", uri=ALICE)
        eve.send(text)
        first = eve.final(call_id)
        assert first.status == 403
        assert eve.receive(5) is None
        eve.send(text)
        assert eve.final(call_id).get("To") == first.get("To")
    lab.all_healthy()


def test_alice_is_not_locked_out_by_her_name(lab):
    """REGISTERs in her name from somewhere else use up what somewhere else may do."""
    with Peer(at(66, 3)) as eve:
        for _ in range(300):
            text, _ = eve.request(user="alice")
            eve.send(text)
        lab.run_phone("alice", "register", "+", "deregister")
    assert metric("pcscf", "pcscf_refused_total", "repeated") > 0


def test_idle_connections_do_not_keep_a_node_from_its_hss(lab):
    """The I-CSCF with descriptors for 256 and a crowd that wants more of them: the HSS that comes back is connected
    again."""
    pid, ip = lab.pid("icscf"), facts.NODES["icscf"]["ip"]
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (256, limits[1]))
    crowd = []
    try:
        for i in range(4, 7):
            crowd += connect(at(66, i), (ip, 5060), 100)
        wait_until(lambda: metric("icscf", "sip_connections_evicted_total") > 100, 10, "the crowd is there")
        assert metric("icscf", "sip_stranger_connections") <= 128
        lab.cli("restart", "hss")
        lab.all_healthy()
        lab.run_phone("alice", "register", "+", "deregister")
    finally:
        close(crowd)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def test_connections_of_one_address_are_its_own_matter(lab):
    """Eight hundred from two addresses to the P-CSCF: a phone gets in by TCP meanwhile, and those that say nothing are
    sent away."""
    ip = facts.NODES["pcscf"]["ip"]
    crowd = connect(at(66, 7), (ip, 5060), 400) + connect(at(66, 8), (ip, 5060), 400)
    try:
        with Peer(at(66, 13), tcp=True) as phone:
            assert phone.register_digest()[1].status == 200
        assert metric("pcscf", "sip_stranger_connections") <= 2 * 256 + 1
        assert metric("pcscf", "sip_connections_evicted_total") >= 2 * (400 - 256)
        with urllib.request.urlopen(facts.url("pcscf", "health"), timeout=10) as r:
            assert r.status == 200
        wait_until(lambda: metric("pcscf", "sip_stranger_connections") == 0, 30, "the silent ones have been closed")
    finally:
        close(crowd)


def test_a_crowd_at_the_metrics(lab):
    """Six hundred connections from three addresses to the page, half of them in the middle of a request: /health is
    there for everybody else, and so is the node."""
    ip = facts.NODES["scscf"]["ip"]
    crowd = [s for i in (9, 10, 11) for s in connect(at(66, i), (ip, 9090), 200)]
    for s in crowd[::2]:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
    try:
        for source in (at(2, 62), facts.loopback(), at(66, 12)):
            c = http.client.HTTPConnection(ip, 9090, timeout=10, source_address=(source, 0))
            c.request("GET", "/health")
            assert c.getresponse().status == 200
            c.close()
        call(lab)
        assert metric("scscf", "http_connections_sent_away_total") > 0
    finally:
        close(crowd)


def test_a_node_that_was_stopped_is_not_ended_by_its_watchdog(lab):
    """SIGSTOP for longer than run.watchdog proves nothing about the loop."""
    pid = lab.pid("icscf")
    lab.ctl("icscf", "status")
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(12)
    finally:
        os.kill(pid, signal.SIGCONT)
    lab.all_healthy()
    assert lab.pid("icscf") == pid
    lab.run_phone("alice", "register", "+", "deregister")
