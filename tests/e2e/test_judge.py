# SPDX-License-Identifier: Apache-2.0
"""The last word: tshark reads everything that was said during the run, and the daemons are asked to leave."""
import contextlib
import ipaddress
import os
import re
import sqlite3
from collections import defaultdict

import pytest
import wire
from labkit import facts

UE_NET, BAD_NET = ipaddress.ip_network(facts.network(2)), ipaddress.ip_network(facts.network(facts.STRANGERS))
P, I, S, HSS = (facts.NODES[n]["ip"] for n in ("pcscf", "icscf", "scscf", "hss"))
GRACE_S = 40  # a node that was killed may leave its neighbours waiting for this long


def is_ue(ip):
    return ipaddress.ip_address(ip) in UE_NET


def is_bad(ip):
    return ipaddress.ip_address(ip) in BAD_NET


@pytest.fixture(scope="module", name="pcap")
def fixture_pcap(lab):
    lab.stop_capture()
    return lab.pcap


# What was said while nodes of others stood among ours is not judged, nor is its rest: an answer may come just after.
@pytest.fixture(scope="module", name="sip")
def fixture_sip(lab, pcap):
    seen = wire.sip_messages(pcap)
    mixed = {m.call_id for m in seen if lab.was_mixed(m.at)}
    return [m for m in seen if not is_bad(m.src) and not is_bad(m.dst) and m.call_id not in mixed]


@pytest.fixture(scope="module", name="diameter")
def fixture_diameter(lab, pcap):
    seen = wire.diameter_messages(pcap)
    mixed = {(m.stream, m.hop) for m in seen if lab.was_mixed(m.at)}
    return [m for m in seen if (m.stream, m.hop) not in mixed]


def names_scscf(value):
    return (f"scscf.{facts.DOMAIN}" in value or f"@{facts.place(S, 5060)}" in value) and ";lr" in value


def to_core(sip, method):
    return [m for m in sip if m.what == method and is_ue(m.src) and m.dst == P]


def between(sip, src, dst, what):
    return [m for m in sip if m.src == src and m.dst == dst and m.what == what]


def test_there_was_something_to_judge(sip, diameter):
    methods = {m.what for m in sip}
    assert {"REGISTER", "200", "401"} <= methods
    assert len(to_core(sip, "REGISTER")) >= 2
    assert {m.command for m in diameter} >= {257, 300, 301, 303}


def test_tshark_has_no_complaint(pcap):
    """Every SIP and Diameter message decodes without malformed or expert-error marks."""
    # An answer to rubbish has the sender's rubbish in what it copies, as the Via of RFC 4475 3.1.2.1.
    # tshark takes a number alone in Retry-After, though it may have a comment and parameters (RFC 3261 20.33).
    found = [c for c in wire.complaints(pcap, "sip || diameter") if not is_bad(c[1]) and not is_bad(c[2]) and
             c[3] != ["Invalid retry_after value"]]
    assert not found, found[:20]


def test_every_sip_request_is_answered(lab, sip):
    """RFC 3261 17: a final response for each transaction. A request that met a killed node is excused."""
    final = {(m.branch, m.cseq, m.call_id) for m in sip if m.status >= 200}
    open_ = {(m.branch, m.cseq, m.call_id): m for m in sip
             if not m.status and m.what != "ACK" and (m.branch, m.cseq, m.call_id) not in final}
    left = [(m.what, m.src, m.dst, m.call_id, m.frame) for m in open_.values()
            if m.call_id not in lab.unanswered and not met_a_killed_node(lab, m.at)]
    assert not left, left[:20]


def met_a_killed_node(lab, at):
    return any(-GRACE_S < at - kill < GRACE_S / 2 for kill in lab.kills)


def test_every_diameter_request_is_answered(lab, diameter):
    answers = {(m.stream, m.hop) for m in diameter if not m.request}
    left = [m for m in diameter if m.request and (m.stream, m.hop) not in answers
            and m.command != 282 and not met_a_killed_node(lab, m.at)]
    assert not left, left[:20]


def test_no_answer_without_a_request(diameter):
    requests = {(m.stream, m.hop) for m in diameter if m.request}
    assert not [m for m in diameter if not m.request and (m.stream, m.hop) not in requests]


def test_keys_stay_in_the_network(sip):
    """TS 24.229 5.4.1.2.1: ck and ik go to the P-CSCF; 5.2.2.1: it takes them off."""
    keys = re.compile(r'[,\s](ck|ik)\s*=\s*"?[0-9a-f]{32}', re.I)
    assert any(keys.search(m.get("WWW-Authenticate")) for m in sip if m.what == "401" and m.dst == P)
    seen = [m for m in sip if (is_ue(m.src) or is_ue(m.dst))
            and any(keys.search(v) for v in m.all("WWW-Authenticate") + m.all("Authorization"))]
    assert not seen, seen[:3]


def test_keys_are_not_in_the_trace(lab):
    """TS 33.203 6.1, 7.1: what the nodes traced shows no key, and nobody else reads it."""
    path = facts.RUN / "trace.db"
    assert path.stat().st_mode & 0o077 == 0
    keys = re.compile(rb'[,\s](ck|ik)\s*=\s*"?[0-9a-f]{32}', re.I)
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT payload FROM message WHERE proto = 'sip'").fetchall()
    assert any(b'ck="****' in payload for payload, in rows)
    assert not [payload for payload, in rows if keys.search(payload)][:1]


@pytest.mark.parametrize("header", ["P-Charging-Vector", "P-Charging-Function-Addresses", "P-Served-User",
                                    "P-Profile-Key", "P-User-Database", "Cellular-Network-Info", "Resource-Priority",
                                    "P-Access-Network-Info", "Attestation-Info", "Authorization",
                                    "P-Preferred-Service", "P-Asserted-Service"])
def test_headers_of_the_trust_domain_do_not_reach_ues(sip, header):
    """TS 24.229 4.4, 5.2.6.4; RFC 7315 5."""
    assert not [m for m in sip if is_ue(m.dst) and m.all(header)]


def test_charging_vector_inside(sip):
    """TS 24.229 4.5.2: one icid for a dialog or registration attempt, on each hop of it."""
    for m in between(sip, P, I, "REGISTER") + initial(between(sip, P, S, "INVITE")):
        assert re.search(r"icid-value=", m.get("P-Charging-Vector")), m
    by_call = defaultdict(set)
    for m in sip:
        if m.what == "INVITE" and m.all("P-Charging-Vector"):
            icid = re.search(r'icid-value="?([^";]+)', m.get("P-Charging-Vector")).group(1)
            by_call[m.call_id, m.cseq].add(icid)
    assert by_call and all(len(icids) == 1 for icids in by_call.values())


def test_register_from_the_p_cscf(sip):
    """TS 24.229 5.2.2.1: Path, Require: path, P-Visited-Network-ID; 5.2.2.5: integrity-protected."""
    seen = between(sip, P, I, "REGISTER")
    assert seen
    for m in seen:
        assert f"pcscf.{facts.DOMAIN}" in m.get("Path") and ";lr" in m.get("Path"), m
        assert "path" in " ".join(m.all("Require")), m
        assert facts.DOMAIN in m.get("P-Visited-Network-ID"), m
        for auth in m.all("Authorization"):
            assert len(re.findall("integrity-protected=", auth)) == 1, m


def test_register_from_the_i_cscf(sip):
    """TS 24.229 5.3.1.2: the S-CSCF's name is the Request-URI's; Path passes."""
    seen = between(sip, I, S, "REGISTER")
    assert seen and all(m.get("Path") for m in seen)


def test_accepted_registrations_say_what_the_clause_wants(sip):
    """TS 24.229 5.4.1.2.2F: Service-Route, P-Associated-URI and Path in the 200 (OK) with a binding."""
    seen = [m for m in sip if m.what == "200" and m.cseq[1] == "REGISTER" and m.src == P
            and m.all("Contact") and not re.search(r"expires=0\b", m.get("Contact"))]
    assert seen
    for m in seen:
        assert names_scscf(m.get("Service-Route")), m
        assert facts.DOMAIN in " ".join(m.all("P-Associated-URI")), m
        assert "pcscf" in m.get("Path"), m


def initial(messages):
    return [m for m in messages if ";tag=" not in m.get("To") and not re.search(r";\s*tag=", m.get("To"))]


def test_originating_requests(sip):
    """TS 24.229 5.2.6.3.3: asserted identity, Service-Route as Route, own Record-Route; 5.4.3.6: who is not
    asserted proves who he is, or is asked to."""
    seen = initial(between(sip, P, S, "INVITE"))
    asked = {(m.call_id, m.cseq[0]) for m in sip if m.what == "407" and m.src == S}
    assert [m for m in seen if m.get("P-Asserted-Identity")]
    for m in seen:
        assert names_scscf(m.get("Route")) and "pcscf" in m.get("Record-Route"), m
        if m.get("P-Asserted-Identity"):
            assert f"@{facts.DOMAIN}" in m.get("P-Asserted-Identity"), m
            assert not m.all("P-Preferred-Identity"), m
        else:
            assert m.get("Proxy-Authorization") or (m.call_id, m.cseq[0]) in asked, m


def test_terminating_requests(sip):
    """TS 24.229 5.4.3.3: P-Called-Party-ID; 5.2.6.4.3: Record-Route of the P-CSCF's access side; no Route left."""
    seen = initial([m for m in sip if m.what == "INVITE" and m.src == P and is_ue(m.dst)])
    assert seen
    for m in seen:
        assert facts.DOMAIN in m.get("P-Called-Party-ID") or "tel:" in m.get("P-Called-Party-ID"), m
        assert P in m.get("Record-Route") and not m.all("Route"), m


def test_no_vector_is_given_twice(sip):
    """TS 33.102 6.3.2, C.1.1: RAND and SQN are fresh in each challenge, also after a kill -9 of the HSS."""
    nonces = defaultdict(set)
    for m in sip:
        if m.what == "401" and m.src == S and "AKAv1" in m.get("WWW-Authenticate"):
            nonces[re.search(r'nonce="([^"]+)"', m.get("WWW-Authenticate")).group(1)].add((m.call_id, m.cseq))
    assert len(nonces) >= 2
    assert not {n: who for n, who in nonces.items() if len(who) > 1}


def test_hops_are_counted(sip):
    """RFC 3261 16.6 step 3: each node takes one off Max-Forwards."""
    hops = defaultdict(dict)
    for m in initial(sip):
        if m.what in ("INVITE", "REGISTER") and m.get("Max-Forwards"):
            hops[m.call_id, m.cseq][len(m.all("Via"))] = int(m.get("Max-Forwards"))
    chains = [h for h in hops.values() if len(h) > 1]
    assert chains
    for h in chains:
        assert len({vias + left for vias, left in h.items()}) == 1, h


def test_daemons_leave_in_peace(lab):
    """SIGTERM: each node drains and ends with status 0, and has nothing to confess."""
    lab.down()
    lab.note()
    assert {e[0] for e in lab.exits} >= set(facts.NODES)
    bad = [(n, pid, os.WEXITSTATUS(s) if os.WIFEXITED(s) else f"signal {os.WTERMSIG(s)}")
           for n, pid, s in lab.bad_exits() if n in facts.NODES]
    assert not bad, {n: lab.log(n)[-2000:] for n, _, _ in bad}


def test_logs_hold_no_sanitizer_report(lab):
    assert not lab.sanitizer_reports()
