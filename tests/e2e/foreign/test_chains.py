# SPDX-License-Identifier: Apache-2.0
"""Chains of which some nodes are Kamailio's and the others ours: registration with AKA, a call each way, a refusal, a
caller who gives up, and the end of the registration."""
import pytest
from kamailio import Kamailio, missing
from labkit import facts

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
CHAINS = [["pcscf"], ["icscf"], ["scscf"], ["icscf", "scscf"], ["pcscf", "icscf", "scscf"]]


@pytest.fixture(scope="module", params=CHAINS, ids="+".join, name="chain")
def fixture_chain(request, lab):
    with Kamailio(lab, request.param) as k:
        yield k


def uri(name):
    return f"sip:{name}@{facts.DOMAIN}"


def called(lab, name, *steps):
    phone = lab.phone(name, "register", "+", *steps)
    return phone


def test_registration(lab, chain):
    p = lab.run_phone("alice", "register", "+", "register", "+", "deregister")
    first = p.event("registered")
    assert uri("alice") in first["associated"] and first["service_route"], first


@pytest.mark.parametrize("names", [("alice", "bob"), ("bob", "alice")], ids="-".join)
def test_call(lab, chain, names):
    with called(lab, names[1], "answer", "+", "deregister") as b:
        b.wait_for("ready")
        lab.run_phone(names[0], "register", "+", "call", uri(names[1]), "talk=0.3", "+", "deregister")
        assert b.finish() == 0, b.trouble()


def test_refused(lab, chain):
    with called(lab, "bob", "refuse", "+", "deregister") as b:
        b.wait_for("ready")
        lab.run_phone("alice", "register", "+", "call", uri("bob"), "expect=486", "+", "deregister")
        assert b.finish() == 0, b.trouble()


def test_given_up(lab, chain):
    with called(lab, "bob", "answer", "after=20", "expect=487", "+", "deregister") as b:
        b.wait_for("ready")
        lab.run_phone("alice", "register", "+", "call", uri("bob"), "cancel-after=0.5", "expect=487", "+", "deregister")
        assert b.finish() == 0, b.trouble()


def test_not_registered(lab, chain):
    lab.run_phone("alice", "register", "+", "call", uri("carol"), "expect=4xx", "+", "deregister")
