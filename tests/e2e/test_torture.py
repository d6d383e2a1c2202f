# SPDX-License-Identifier: Apache-2.0
"""The torture messages of RFC 4475 and RFC 5118 against each running node, by UDP and TCP, IPv4 and IPv6. The
verdicts are in torture_table.py."""
import re
import secrets
import shutil
import socket

import pytest
import torture
from labkit import facts
from labkit.facts import at
from rawsip import Peer
from torture_table import MENDED, T4475, T5118

SENDERS = [at(66, n) for n in range(100, 100 + len(T4475))]
NODES = {"pcscf": ("pcscf", 5060), "pcscf-core": ("pcscf", 5070), "icscf": ("icscf", 5060), "scscf": ("scscf", 5060)}
IP6 = {"pcscf": 5161, "pcscf-core": 5162, "icscf": 5163, "scscf": 5164}
BOTH = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
EACH = pytest.mark.parametrize("node", list(NODES))


def call_ids(data):
    return {v.strip() for v in re.findall(rb"(?im)^(?:call-id|i)\s*:(.*?)\r\n", data)}


def complaints(row, data, shot, tcp):
    """What is not as the table has it."""
    due = row.tcp if tcp else row.udp
    finals = [m for m in shot.answers if m.status >= 200]
    if not due and shot.answers:
        yield f"{shot.answers} instead of silence"
    if due and not finals:
        if not row.lost:
            yield "no answer"
        return
    for m in finals:
        if m.status not in due:
            yield f"{m.start} is not one of {sorted(due)}"
        if m.get("Call-ID") and m.get("Call-ID").encode() not in call_ids(data):
            yield f"an answer to {m.get('Call-ID')}"
        for name, tokens in row.has.items():
            if {t.strip().lower() for v in m.all(name) for t in v.split(",")} != tokens:
                yield f"{name}: {m.all(name)}"
    if tcp and due and len({m.get("Call-ID") for m in finals}) != row.n_tcp:
        yield f"{len(finals)} answers, not {row.n_tcp}"
    if tcp and not row.waits and shot.closed != row.closes:  # a half message is waited for, and not for ever
        yield "the connection was closed" if shot.closed else "the connection stayed open"


def judge(table, messages, shots, tcp):
    wrong = [f"section {table[n].section} {n}: {c}" for n in table
             for c in complaints(table[n], messages[n], shots[n], tcp)]
    assert not wrong, "\n".join(wrong)


def fire(table, messages, to, tcp, senders):
    def enough(name, shot):
        row = table[name]
        if tcp and row.closes:
            return shot.closed
        return len({m.get("Call-ID") for m in shot.answers if m.status >= 200}) >= (row.n_tcp if tcp else 1)
    silent = {n for n, row in table.items() if not (row.tcp if tcp else row.udp)}
    return torture.fire(messages, to, tcp, senders, enough, silent)


@BOTH
@EACH
def test_rfc4475(lab, node, tcp):
    """RFC 4475, byte for byte, all at once."""
    name, port = NODES[node]
    messages = torture.corpus("rfc4475")
    assert set(messages) == set(T4475)
    shots = fire(T4475, messages, (facts.NODES[name]["ip"], port), tcp, SENDERS)
    judge(T4475, messages, shots, tcp)
    lab.all_healthy()


# ---- RFC 5118 ----

def rfc5118():
    """The messages of the text share Via and Call-ID and would be taken for each other's retransmissions: the
    branches are made different. And one with the length put right."""
    messages = torture.corpus("rfc5118")
    assert set(messages) == set(T5118)
    mended = messages["ipv6-in-sdp"].replace(b"Content-Length: 268", b"Content-Length: 251")

    def unique(data):
        return re.sub(rb"branch=z9hG4bK(as3-111|as3|bh19)", b"branch=z9hG4bK" + secrets.token_hex(8).encode(), data)
    return {n: unique(d) for n, d in messages.items()}, {"ipv6-in-sdp": unique(mended)}


def shoot_5118(to, tcp, senders):
    messages, mended = rfc5118()
    judge(T5118, messages, fire(T5118, messages, to, tcp, senders), tcp)
    judge(MENDED, mended, fire(MENDED, mended, to, tcp, senders), tcp)


@BOTH
@EACH
def test_rfc5118(lab, node, tcp):
    """By the lab's own family."""
    name, port = NODES[node]
    shoot_5118((facts.NODES[name]["ip"], port), tcp, SENDERS)


def with_ip6(name, text):
    """The lab's configuration of a node with listeners on ::1 besides."""
    if name == "pcscf":
        text = text.replace("listen: [127.0.1.10:5060]", f'listen: [127.0.1.10:5060, "[::1]:{IP6["pcscf"]}"]')
        return text.replace("listen: [127.0.1.10:5070]", f'listen: [127.0.1.10:5070, "[::1]:{IP6["pcscf-core"]}"]')
    ip = facts.NODES[name]["ip"]
    return re.sub(rf"(udp|tcp): \[{ip}:5060\]", rf'\1: [{ip}:5060, "[::1]:{IP6[name]}"]', text)


def has_ip6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.fixture(scope="module", name="ip6_lab")
def fixture_ip6_lab(lab):
    if facts.FAMILY == 6:
        pytest.skip("the lab itself is on IPv6")
    if not has_ip6():
        pytest.skip("this machine has no ::1")
    folder = facts.RUN / "config-ip6"
    shutil.copytree(facts.CONFIG, folder)
    for name in ("pcscf", "icscf", "scscf"):
        text = (folder / f"{name}.yaml").read_text()
        assert with_ip6(name, text) != text
        (folder / f"{name}.yaml").write_text(with_ip6(name, text))
        lab.cli("restart", name, env={"CARILLON_CONFIG": str(folder)})
    lab.all_healthy()
    yield lab
    for name in ("pcscf", "icscf", "scscf"):
        lab.restart(name)


@BOTH
@EACH
def test_rfc5118_over_ipv6(ip6_lab, node, tcp):
    """From ::1 there is one sender only, so over UDP one message after the other."""
    to = ("::1", IP6[node])
    if tcp:
        shoot_5118(to, True, ["::1"] * len(T5118))
        return
    messages, mended = rfc5118()
    for table, those in ((T5118, messages), (MENDED, mended)):
        for name, data in those.items():
            judge({name: table[name]}, {name: data}, fire({name: table[name]}, {name: data}, to, False, ["::1"]), False)
    ip6_lab.all_healthy()


# ---- a message that outgrows a datagram on its way ----

def test_outgrown(lab):
    """RFC 3261 18.1.1, 21.5.7: what a node adds makes the request larger than anything can carry. The answer is
    513 and says so, and so does the log; the next hop's health is not in question."""
    with Peer(at(66, 99)) as peer:
        text, call_id = peer.request(user="dave")
        room = 65480 - len(text)
        lines = [f"X-Padding-{n}: {'x' * 1000}\r\n" for n in range(room // 1018)]
        text = text.replace("Content-Length:", "".join(lines) + "Content-Length:")
        text = text.replace("Content-Length:", f"X-Last: {'x' * (65490 - len(text) - 10)}\r\nContent-Length:")
        since = len(lab.log("pcscf"))
        peer.send(text)
        final = peer.final(call_id)
        assert final.status == 513 and "too large" in final.get("Warning"), (final, final.headers)
    lab.wait_log("pcscf", "request failed.*status=513.*too large", since)
    with Peer(at(66, 99)) as peer:
        assert peer.ask(user="dave").status == 401
