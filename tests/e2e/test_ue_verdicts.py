# SPDX-License-Identifier: Apache-2.0
"""carillon-ue against the running core: a verdict is final and true."""
import pytest
from labkit import facts

BOB = f"sip:bob@{facts.DOMAIN}"


def verdict(phone):
    """The one verdict, which comes last."""
    assert [e["event"] for e in phone.events].count("verdict") == 1, phone.events
    assert phone.events[-1]["event"] == "verdict", phone.events
    return phone.events[-1]


def run(lab, name, *steps, status=1):
    v = verdict(lab.run_phone(name, *steps, status=status))
    assert v["verdict"] == ("fail" if status else "pass")
    return v


def test_time_that_is_over(lab):
    """The core answers long after a millisecond; the step has failed, and no other begins."""
    p = lab.run_phone("carol", "register", "timeout=0.001", "+", "deregister", status=1)
    v = verdict(p)
    assert (v["step"], v["expected"], v["got"]) == ("register", "200", "timeout") and v["call_id"] and v["ms"] > 0
    assert p.event("timeout") and not p.event("deregistered")


@pytest.mark.parametrize("steps,got", [
    (["register", "+", "deregister"], "200"),
    (["register", "wrong-res=1", "expect=4xx"], "403"),
    (["register", "+", "call", f"sip:nobody@{facts.DOMAIN}", "expect=404"], "404"),
])
def test_pass(lab, steps, got):
    assert run(lab, "carol", *steps, status=0)["got"] == got


def test_cause(lab):
    steps = ["register", "+", "call", f"sip:nobody@{facts.DOMAIN}", "expect=404"]
    cause = run(lab, "carol", *steps, status=0)["cause"]
    assert cause
    assert run(lab, "carol", *steps, f"expect-cause={cause.upper()}", status=0)["got"] == "404"
    v = run(lab, "carol", *steps, "expect-cause=the moon is full")
    assert v["got"] == "404" and v["cause"] == cause and "the moon is full" in v["expected"]


def test_hung_up_by_the_other_side(lab):
    with lab.phone("bob", "register", "+", "answer", "talk=0.2") as bob:
        bob.wait_for("ready")
        v = run(lab, "alice", "register", "+", "call", BOB, "talk=20")
        assert v["step"] == "call" and v["got"] == "BYE" and "hung up" in v["cause"]
        assert bob.finish() == 0 and verdict(bob)["got"] == "200"


def test_tone_that_is_not_there(lab):
    with lab.phone("bob", "register", "+", "answer", "tone=600") as bob:
        bob.wait_for("ready")
        v = run(lab, "alice", "register", "+", "call", BOB, "talk=1", "expect-tone=880")
        assert v["got"] == "no tone" and "880 Hz" in v["cause"]
        assert bob.finish() == 0


@pytest.mark.parametrize("expect,status", [([], 1), (["expect=487"], 0)])
def test_call_that_was_given_up_is_none(lab, expect, status):
    with lab.phone("bob", "register", "+", "answer", "after=20", *expect) as bob:
        bob.wait_for("ready")
        assert run(lab, "alice", "register", "+", "call", BOB, "cancel-after=0.3", "expect=487", status=0)
        assert bob.finish() == status and verdict(bob)["got"] == "487"


def test_leaves_nobody_on_the_line(lab):
    """A run that ends in a call, by its time or by a signal, hangs up."""
    for end in (["timeout=1"], []):
        with lab.phone("bob", "register", "+", "answer") as bob:
            bob.wait_for("ready")
            with lab.phone("alice", "register", "+", "call", BOB, "talk=20", *end) as alice:
                alice.wait_for("call-established")
                if not end:
                    alice.process.terminate()
                assert alice.finish() == (1 if end else 143)
                assert verdict(alice)["got"] == ("timeout" if end else "SIGTERM")
            assert bob.finish() == 0 and bob.event("call-ended")["by"] == "remote"
