# SPDX-License-Identifier: Apache-2.0
"""carillon-ue from outside: what it refuses before it starts, and what its exit status is worth."""
import json
import signal
import socket
import subprocess
import time

import pytest
from network import DAVE, LOCAL, PROXY, UE, Core, ue


def registrar(status):
    return Core({"REGISTER": status})


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
    with registrar(answer):
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
    ("register expect=20", "'expect=20' is no number of a status"),
    ("register expect=700", "'expect=700' is no number of a status"),
    ("register expect=2000", "'expect=2000' is no number of a status"),
    ("register expect=7xx", "'expect=7xx' is no number of a status"),
    ("register expect=403 expect=404", "expect= stands there twice"),
    ("register expect-cause=", "'expect-cause=' says nothing"),
    ("register exepct=403", "did you mean expect=?"),
    ("register talk=3", "has no parameter 'talk=3'"),
    ("registre", "did you mean register?"),
    ("register +", "a step behind the last +"),
    ("refuse status=200", "'status=200' is no number of a refusal"),
    ("refuse status=4xx", "'status=4xx' is no number of a refusal"),
    ("answer calls=0", "'calls=0' is no number from 1 upwards"),
    ("answer calls=1.5", "'calls=1.5' is no number from 1 upwards"),
    ("answer expect=404", "answer ends with 200, or with 487"),
    ("call sip:b@x expect=486 expect-tone=880", "there is no expect-tone in a call that is to end with '486'"),
    ("call sip:b@x tone=0", "'tone=0' is no number of hertz"),
    ("--rate 3 register", "only load has this option, and it needs --users: rate"),
    ("--expires 0 register", "--expires: 0"),
    ("--passwort x register", "did you mean --password?"),
    ("deregister all=0", "only be told 1 in 'all=0'"),
    ("register + answer after=1s", "'after=1s' is no number"),
    ("register + call sip:bob@x talk=", "'talk=' is no number"),
    ("--transport sctp register", "--transport: sctp"),
    ("--load", "requires an argument"),
])
def test_wrong_usage_starts_nothing(words, message):
    r = ue(*words.split())
    assert r.returncode == 2 and message in r.stderr and not r.stdout, r.stdout + r.stderr


def verdict(r):
    """The one verdict of a run with --json, which is its last line."""
    events = [json.loads(line) for line in r.stdout.splitlines()]
    assert [e["event"] for e in events].count("verdict") == 1 and events[-1]["event"] == "verdict", r.stdout
    v = events[-1]
    assert set(v) == {"event", "verdict", "step", "expected", "got", "cause", "call_id", "ms"}
    assert v["verdict"] == ("fail" if r.returncode else "pass"), (r.returncode, v)
    return v


def test_wrong_usage_has_a_verdict():
    for words in ("--json register expect=20", "register expect=20 --json", "--nonsense --json register"):
        r = ue(*words.split())
        v = verdict(r) if words.startswith("--") else None
        assert r.returncode == 2 and (not v or v["step"] == "usage" and v["cause"] in r.stderr), r.stdout + r.stderr


def test_late_answer_changes_nothing():
    """The step has failed once its time is over: the answer that comes then is an event, and no step follows."""
    with Core(delay=0.05) as core:
        r = ue("--json", "register", "timeout=0.001", "+", "register")
    v = verdict(r)
    assert r.returncode == 1 and v["step"] == "register" and v["got"] == "timeout" and v["expected"] == "200"
    assert core.seen.count("REGISTER") == 1, core.seen


@pytest.mark.parametrize("answer, steps, status, got", [
    ("200 OK", "register", 0, "200"),
    ("200 OK", "register expect=2xx", 0, "200"),
    ("403 Forbidden", "register expect=4xx", 0, "403"),
    ("403 Forbidden", "register expect=5xx", 1, "403"),
    ("403 Forbidden", "register expect=2xx", 1, "403"),
    ("403 Forbidden", "register expect=403 expect-cause=BARRED", 0, "403"),
    ("403 Forbidden", "register expect=403 expect-cause=unknown", 1, "403"),
    ("403 Forbidden", "register expect-cause=barred", 1, "403"),
    ("200 OK", "register expect-cause=barred", 1, "200"),
])
def test_verdict_of_a_status(answer, steps, status, got):
    with Core({"REGISTER": answer}, extra=['Warning: 399 core "this user is barred"'] if answer[0] == "4" else []):
        r = ue("--json", *steps.split())
    v = verdict(r)
    assert r.returncode == status and v["got"] == got and v["step"] == "register" and v["call_id"], r.stdout + r.stderr
    assert v["cause"] == ("this user is barred" if got == "403" else "")


def test_reason_is_a_cause():
    with Core({"REGISTER": "480 No"}, extra=['Reason: SIP;cause=480;text="gone fishing"']):
        assert verdict(ue("--json", "register", "expect=480", "expect-cause=fishing"))["cause"] == "gone fishing"


def test_nobody_there():
    """A closed port of a TCP proxy is no connection; nobody is said to have kept silent."""
    v = verdict(ue("--json", "--transport", "tcp", "register"))
    assert v["got"] == "503" and v["cause"] == "no connection"


CALL = "call sip:bob@ims.example"


@pytest.mark.parametrize("answers, steps, status, got, cause", [
    ({}, f"{CALL} talk=0.1", 0, "200", ""),
    ({"BYE": "481 Gone"}, f"{CALL} talk=0.1", 1, "481", "the BYE was not accepted"),
    ({"re-INVITE": "488 No"}, f"{CALL} hold=0.1", 1, "488", "the call could not be held"),
    ({}, f"{CALL} hold=0.1", 0, "200", ""),
    ({"re-INVITE": None}, f"{CALL} hold=0.1 timeout=0.6", 1, "timeout", "the step did not end in time"),
    ({}, f"{CALL} talk=0.4 expect-tone=880", 1, "no tone", "no tone of 880 Hz in 0 RTP packets"),
    ({"hang up": "yes"}, f"{CALL} talk=5", 1, "BYE", "the other side hung up"),
    ({"hang up": "yes"}, f"{CALL} talk=5 timeout=0.001", 1, "timeout", ""),
    ({"INVITE": "486 Busy"}, f"{CALL} expect=486", 0, "486", ""),
    ({"INVITE": "486 Busy"}, CALL, 1, "486", ""),
    ({}, f"{CALL} expect=486", 1, "200", ""),
    ({"INVITE": None}, f"{CALL} timeout=0.3", 1, "timeout", ""),
])
def test_verdict_of_a_call(answers, steps, status, got, cause):
    with Core(answers) as core:
        r = ue("--json", *steps.split(), "+", "sleep", "0.01")
    v = verdict(r)
    assert r.returncode == status, r.stdout + r.stderr
    if status:
        assert v["step"] == "call" and v["got"] == got and cause in v["cause"] and v["call_id"], v
    else:
        assert v["step"] == "sleep"
    if got == "timeout" and answers.get("INVITE", "") is None:
        assert "CANCEL" in core.seen or "INVITE" in core.seen  # cleaned up after, as far as there is anything


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", ["sleep 30", "answer", "--users 2 --rate 1 --seconds 60 --k-ascii 0123456789abcdef "
                                   "--opc 00112233445566778899aabbccddeeff"])
def test_signals(signo, words):
    with Core({"REGISTER": "403 No"}):
        options = DAVE[:2] if "--users" in words else DAVE
        with subprocess.Popen([UE, *options, "--local", LOCAL, "--proxy", PROXY, "--json", *words.split()],
                              stdout=subprocess.PIPE, text=True) as p:
            if "sleep" not in words:
                assert json.loads(p.stdout.readline())["event"] in ("ready", "measuring")
            else:
                time.sleep(0.5)  # nothing says that it sleeps
            p.send_signal(signo)
            out = p.communicate(timeout=20)[0]
    v = verdict(subprocess.CompletedProcess([], p.returncode, "".join(out)))
    assert p.returncode == 128 + signo
    assert v["got"] == signo.name or v["cause"] == f"ended by {signo.name}", v


@pytest.mark.parametrize("answer, status", [("403 No", 1), ("200 OK", 0)])
def test_verdict_of_load(answer, status):
    with Core({"REGISTER": answer}):
        r = subprocess.run([UE, *DAVE[:2], "--local", LOCAL, "--proxy", PROXY, "--json", "--users", "4", "--rate", "20",
                            "--seconds", "1", "--k-ascii", "0123456789abcdef", "--opc", "00" * 16],
                           capture_output=True, text=True, timeout=30, check=False)
    v = verdict(r)
    assert r.returncode == status and v["step"] == "load", v
    if status:
        assert v["cause"] == "most often status 403"


def test_sequence_numbers_that_are_none(tmp_path):
    """A new USIM accepts whatever comes, so a file that holds no numbers must not make one."""
    (tmp_path / "sqn").write_text("hello")
    r = ue("--json", "--sqn-file", str(tmp_path / "sqn"), "register")
    assert verdict(r)["step"] == "start" and r.returncode == 1 and "holds no sequence numbers" in r.stderr


def test_addresses_of_two_families():
    r = ue("register", local="[::1]:5062")
    assert r.returncode == 2 and "both IPv4 or both IPv6" in r.stderr, r.stderr


def test_address_that_cannot_be_had_is_named():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOCAL, 5060))
        r = ue("--json", "register")
    assert r.returncode == 1 and f"cannot start on {LOCAL}:5060: " in r.stderr, r.stderr
    v = verdict(r)
    assert v["step"] == "start" and v["cause"] in r.stderr
