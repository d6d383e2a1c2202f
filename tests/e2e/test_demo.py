# SPDX-License-Identifier: Apache-2.0
"""tools/lab as its users meet it: the demo, up and down, status, logs, ladders."""
import os
import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ET

import pytest
from labkit import core, facts, procs, trace
from labkit.phones import Phone
from labrun import wait_until

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module", name="demo")
def fixture_demo(lab):
    return lab.cli("demo")


@pytest.mark.parametrize("line", [
    r"ok: alice registered with AKA in [\d.]+ ms",
    r"ok: bob registered with AKA in [\d.]+ ms",
    r"ok: carol with a wrong RES refused: 403 .*wrong response",
    r"ok: dave registered with SIP Digest in [\d.]+ ms",
    r"ok: alice called bob: 18[03] after [\d.]+ ms, 200 after [\d.]+ ms",
    r"ok: alice heard bob's tone of 880 Hz: sent \d+, received [1-9]\d*, lost 0, jitter [\d.]+ ms",
    r"ok: bob heard alice's tone of 440 Hz: sent \d+, received [1-9]\d*, lost 0, jitter [\d.]+ ms",
    r"ok: bob refuses: 486",
    r"ok: carol's phone is off: 480",
    r"ok: a number nobody has: 404",
    r"ok: alice cancelled while bob's phone rang: 487",
    r"Summary: (\d+) of \1 in \d+ s",
    r"tools/lab ladder --subscriber alice",
])
def test_demo_says(demo, line):
    assert re.search(line, demo), f"no /{line}/ in\n{demo}"


def ladders(text):
    """Each ladder of the text as its list of lines; the first one names the columns."""
    found, current = [], None
    for line in text.splitlines():
        if "P-CSCF" in line and "S-CSCF" in line:
            current = [line]
            found.append(current)
        elif current is not None and re.match(r"\s*(\d+\.\d\d ms)?.*\|", line):
            current.append(line)
        else:
            current = None
    return found


def in_order(wanted, got):
    rest = iter(got)
    return all(any(w in g for g in rest) for w in wanted)


def test_registration_ladder(demo):
    """Both rounds with their Cx procedures, through every node (TS 24.229 5.4.1.2, TS 29.228 6.1)."""
    first = next(x for x in ladders(demo) if "alice" in x[0])
    for column in ("alice", "P-CSCF", "I-CSCF", "S-CSCF", "HSS"):
        assert column in first[0]
    flow = ["REGISTER", "UAR", "UAA 2001", "REGISTER", "MAR", "MAA 2001", "401", "401", "401",
            "REGISTER", "UAR", "UAA 2002", "SAR REGISTR", "SAA 2001", "200 OK", "200 OK", "200 OK"]
    text = [line.split(" ms", 1)[-1] for line in first[2:-1]]
    assert in_order(flow, text), "\n".join(first)
    assert sum("REGISTER" in line for line in text) == 6, "each message once\n" + "\n".join(first)


def test_call_ladder(demo):
    call = next(x for x in ladders(demo) if "alice" in x[0] and "bob" in x[0])
    flow = ["INVITE", "LIR", "LIA 2001", "INVITE", "180", "200 OK", "ACK", "BYE", "200 OK"]
    assert in_order(flow, [line.split(" ms", 1)[-1] for line in call[2:-1]]), "\n".join(call)


def test_every_demo_flow_has_a_ladder(demo):
    assert len(ladders(demo)) == 9, demo


def test_failing_step_ends_the_demo(lab):
    """Exit status 1, the step, the refusal and the lines of the log that explain it."""
    impi = facts.UES["dave"]["impi"]
    lab.ctl("hss", "subscriber", "set", impi, "password=not-what-dave-has")
    try:
        out = lab.cli("demo", status=1)
    finally:
        lab.ctl("hss", "subscriber", "set", impi, f"password={facts.UES['dave']['password']}")
    assert "FAILED: dave could not register" in out
    assert '"status": 403' in out
    assert re.search(r"scscf: .*wrong response", out)
    assert "Summary" not in out
    lab.run_phone("dave", "register")


def test_interrupted_demo_says_what_runs(lab):
    """Ctrl-C: no traceback, no phone left, and the core runs on."""
    before = {n: lab.pid(n) for n in facts.NODES}
    with subprocess.Popen([str(facts.ROOT / "tools" / "lab"), "demo"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=os.environ,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as p:
        for line in p.stdout:
            if "alice registered" in line:
                break
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=30)
    assert p.returncode == 130 and "Traceback" not in err
    assert "the core runs on" in err
    assert {n: lab.pid(n) for n in facts.NODES} == before


def test_up_twice_is_harmless(lab):
    before = {n: lab.pid(n) for n in facts.NODES}
    out = lab.cli("up")
    for node in ["dns", *facts.NODES]:
        assert re.search(rf"{node}\s+running already", out)
    assert {n: lab.pid(n) for n in facts.NODES} == before


def test_up_tells_of_what_has_changed_since(lab, tmp_path, monkeypatch):
    """A node that runs is left alone, but not without a word when its configuration is newer."""
    before = lab.pid("scscf")
    shutil.copytree(facts.CONFIG, tmp_path / "lab")
    (tmp_path / "lab" / "scscf.yaml").touch()
    monkeypatch.setattr(facts, "CONFIG", tmp_path / "lab")
    said = []
    core.up(said.append)
    assert "scscf    running already, as it was before it was configured anew: tools/lab restart scscf" in said
    assert "icscf    running already" in said
    assert lab.pid("scscf") == before


def test_second_lab_names_the_busy_address(lab, tmp_path):
    out = lab.cli("up", status=1, env={"CARILLON_RUN": str(tmp_path)})
    assert re.search(re.escape(facts.place(*facts.DNS)) + "/udp.*dns.*in use", out), out
    assert lab.cli("down", env={"CARILLON_RUN": str(tmp_path)}).strip() == "nothing was running"
    lab.all_healthy()


def test_nothing_is_done_where_nothing_was_started(lab, tmp_path):
    fresh = {"CARILLON_RUN": str(tmp_path / "never")}
    assert lab.cli("down", env=fresh).strip() == "nothing was running"
    assert "the lab is not up" in lab.cli("restart", "hss", status=1, env=fresh)
    assert "never started" in lab.cli("logs", "hss", status=1, env=fresh)
    assert not (tmp_path / "never").exists()
    lab.all_healthy()


@pytest.mark.parametrize("words", [["up", "now"], ["down", "scscf"], ["status", "-v"], ["restart"],
                                   ["restart", "nobody"], ["ue"], ["ue", "nobody", "register"]])
def test_wrong_words(lab, words):
    lab.cli(*words, status=2)
    lab.all_healthy()


def test_status(lab):
    out = lab.cli("status")
    for node, facts_of in facts.NODES.items():
        assert re.search(rf"^{node}\s+up\s+{re.escape(facts_of['ip'])}\s+pid {lab.pid(node)}\b", out, re.M)
    other = lab.cli("status", status=3, env={"CARILLON_RUN": str(facts.RUN / "nothing")})
    assert "down" in other


@pytest.mark.parametrize("node", ["pcscf", "icscf"])
def test_restart(lab, node):
    before = {n: lab.pid(n) for n in facts.NODES}
    assert f"{node} restarted" in lab.cli("restart", node)
    after = {n: lab.pid(n) for n in facts.NODES}
    assert [n for n in facts.NODES if after[n] != before[n]] == [node]
    lab.all_healthy()
    lab.run_phone("alice", "register")


def test_restart_comes_back_with_its_neighbours(lab):
    """The CSCFs have lost their HSS for a moment: the next registration finds them connected again."""
    lab.cli("restart", "hss")
    for node in facts.NODES:
        assert procs.health(node)[0] == "up"
    lab.run_phone("alice", "register")


def test_restart_keeps_a_node_from_a_bad_configuration(lab, tmp_path, monkeypatch):
    before = lab.pid("icscf")
    shutil.copytree(facts.CONFIG, tmp_path / "lab")
    with open(tmp_path / "lab" / "icscf.yaml", "a") as f:
        f.write("nmae: x\n")
    monkeypatch.setattr(facts, "CONFIG", tmp_path / "lab")
    with pytest.raises(procs.LabError, match=r"icscf\.yaml:\d+: nmae: unknown option"):
        core.restart("icscf")
    assert lab.pid("icscf") == before


def test_reload_names_what_needs_a_restart(lab):
    """carillon-ctl reload of a node that takes over nothing at run time."""
    path, since = facts.RUN / "pcscf.yaml", len(lab.log("pcscf"))
    text = path.read_text()
    path.write_text(text.replace("security: optional", "security: off"))
    try:
        lab.ctl("pcscf", "reload")
        line = lab.wait_log("pcscf", r".*needs a restart.*", since)
        assert "option=access.security" in line
    finally:
        path.write_text(text)
        lab.ctl("pcscf", "reload")


def test_diameter_peers_are_listed(lab):
    """The two machines of each peer (RFC 6733 5.6, RFC 3539 3.4.1), at both ends of Cx."""
    dials, takes = lab.ctl("scscf", "diameter", "peers"), lab.ctl("hss", "diameter", "peers")
    assert " usable   I-Open " in dials and " OKAY     Tw " in dials and dials.endswith("1 of 1\n"), dials
    assert " usable   R-Open " in takes and " OKAY     Tw " in takes, takes
    assert "usage: diameter peers" in lab.ctl("icscf", "diameter", "peers", "0", status=2)


def test_logs(lab):
    lab.run_phone("alice", "register", "+", "deregister")
    out = lab.cli("logs", "scscf", "-n", "50")
    assert re.search(r"registered.*001010000000001@", out)
    assert "usage" in lab.cli("logs", "nobody", status=2)


def last_call(lab):
    p = lab.run_phone("alice", "register")
    call_id = p.event("registered")["call_id"]
    wait_until(lambda: any(m.label.startswith("200") and m.dst == "alice" for m in trace.by_call_id(call_id)),
               5, "the collector has the last message")
    return call_id


def test_ladder_by_call_id_subscriber_and_last(lab):
    call_id = last_call(lab)
    by_id = lab.cli("ladder", "--call-id", call_id)
    assert "REGISTER" in by_id and "SAA 2001" in by_id and "alice" in by_id
    assert lab.cli("ladder", "--last") == by_id
    assert call_id in lab.cli("ladder", "--subscriber", "alice")
    assert "no such flow" in lab.cli("ladder", "--call-id", "nobody@nowhere", status=1)


def test_ladder_as_a_picture(lab, tmp_path):
    """Well-formed, one group a message, with its headers as title."""
    call_id, path = last_call(lab), tmp_path / "flow.svg"
    lab.cli("ladder", "--call-id", call_id, "--svg", str(path))
    root = ET.parse(path).getroot()
    assert root.tag == SVG + "svg"
    messages = [g for g in root.iter(SVG + "g") if g.get("class") == "m"]
    assert len(messages) == len(trace.by_call_id(call_id)) >= 16
    hover = [g.find(SVG + "title").text for g in messages]
    assert all(hover)
    assert any("WWW-Authenticate" in h for h in hover) and any("Server-Name" in h for h in hover)


def test_several_flows_in_one_picture(lab, tmp_path):
    """Each with its Call-ID above it and a clock that begins at zero."""
    last_call(lab)
    path = tmp_path / "alice.svg"
    lab.cli("ladder", "--subscriber", "alice", "--svg", str(path))
    texts = [t.text for t in ET.parse(path).getroot().iter(SVG + "text")]
    flows = [t for t in texts if t.startswith("Call-ID ")]
    assert len(flows) == len(set(flows)) > 1 and texts.count("0.00 ms") >= len(flows)
    assert f"{len(flows)} flows of alice" in texts
    assert "cannot write /nowhere/x.svg" in lab.cli("ladder", "--svg", "/nowhere/x.svg", status=1)


def test_called_phone_counts_from_the_invite(lab):
    """Its waiting for the call is no part of the time to answer, which lies within the caller's."""
    with Phone("bob", "register", "+", "answer") as bob:
        bob.wait_for("ready")
        alice = lab.run_phone("alice", "register", "+", "call", "sip:bob@" + facts.DOMAIN, "talk=0.2")
        assert bob.finish() == 0
    took = [p.event("call-established")["ms_answer"] for p in (bob, alice)]
    assert 0 < took[0] <= took[1]


def test_ue_by_hand(lab):
    out = lab.cli("ue", "bob", "register", "+", "deregister")
    assert re.search(r"^registered ms=", out, re.M) and re.search(r"^deregistered", out, re.M)
    assert "no step" in lab.cli("ue", "bob", "dance", status=2)


def test_help_names_every_command(lab):
    out = lab.cli("help")
    for word in ("demo", "up", "down", "restart", "status", "logs", "ladder", "ue"):
        assert re.search(rf"^  {word} ", out, re.M)
    assert "no command" in lab.cli("dance", status=2)
    assert os.access(facts.ROOT / "tools" / "lab", os.X_OK)
