# SPDX-License-Identifier: Apache-2.0
"""State of a daemon as an operator meets it: the dummy network function keeps words on its disk."""
import os
import re
import resource
import signal
import subprocess

import pytest

from test_daemon import DUMMY, daemon, run, until  # noqa: F401 (a fixture)


def figures(node):
    return dict(re.findall(r"^carillon_(state_[^ ]+) (\S+)$", node.get("/metrics")[2], re.M))


def check(tmp_path, state_dir):
    conf = tmp_path / "check.yaml"
    conf.write_text(f"dummy.listen: 127.0.0.1:5060\nstate.dir: {state_dir}\n")
    status, _, err = run("--check", "--config", str(conf))
    return status, err.replace(f"{conf}:2: ", "").strip()


def test_what_was_kept_outlives_a_kill(daemon, tmp_path):
    d = daemon().up()
    assert d.ctl("keep", "one") == (0, "kept\n", "")
    assert d.ctl("keep", "two") == (0, "kept\n", "")
    d.signal(signal.SIGKILL)
    d.wait()
    d.up()
    assert d.ctl("kept")[1].split() == ["one", "two"]
    assert " state opened " in d.log() and "records=3" in d.log()
    status, out, err = d.ctl("state")
    assert (status, err) == (0, "")
    assert out.startswith(f"folder: {tmp_path}/dummy\nrecords: 3, ")
    assert "at the start: 2 loaded, 0 of no use any more, 0 damaged" in out
    assert "last snapshot: none since the start\nlast error: none since the start\nfailing: no\n" in out
    assert os.stat(tmp_path / "dummy").st_mode & 0o777 == 0o700
    for name in os.listdir(tmp_path / "dummy"):
        assert os.stat(tmp_path / "dummy" / name).st_mode & 0o777 == 0o600


def test_drain_writes_what_is_left(daemon):
    d = daemon().up()
    d.ctl("keep", "one")
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    assert d.up().ctl("kept")[1] == "one\n"


def test_nothing_is_kept(daemon):
    d = daemon("state.dir: none").up()
    assert d.ctl("keep", "one") == (0, "not waited for\n", "")
    assert d.ctl("state") == (0, "folder: none, nothing is kept\n", "")
    assert not figures(d)
    assert "after a restart each phone has to register anew" in d.log()


def test_two_processes_cannot_have_one_folder(daemon, tmp_path):
    first = daemon(f"state.dir: {tmp_path}/own\ncontrol.socket: none").up()
    second = daemon(f"state.dir: {tmp_path}/own\ncontrol.socket: none")
    second.log_path = tmp_path / "second.log"
    second.start()
    assert second.wait() == 1
    assert re.search(r"ERROR dummy state cannot be opened option=state.dir folder=\S+/own "
                     r'cause="another process has it open"', second.log())
    assert first.process.poll() is None


def test_damage_is_named_and_can_be_left_out(daemon, tmp_path):
    d = daemon().up()
    for word in ("one", "two", "three"):
        d.ctl("keep", word)
    d.signal(signal.SIGKILL)
    d.wait()
    path = tmp_path / "dummy" / "00000001.log"
    data = bytearray(path.read_bytes())
    data[data.index(b"word/two")] ^= 0xff
    path.write_bytes(data)
    d.start()
    assert d.wait() == 1
    assert re.search(r'cause="00000001.log is damaged at byte \d+, sound again at \d+ of \d+"', d.log())
    d.write("state.salvage: yes")
    d.up()
    assert d.ctl("kept")[1].split() == ["one", "three"]
    assert figures(d)["state_damaged_total"] == "1"


def limited(d, size):
    """A disk that is full: no file may become longer, the log neither, and nothing ends because of it."""
    with open(d.log_path, "w") as log:
        d.process = subprocess.Popen([DUMMY, "--config", d.conf], env=d.env, stderr=log,
                                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)))
    d.wait_log(" ready ")
    return d


def test_full_disk_is_seen_and_survived(daemon):
    d = limited(daemon(), 2000)
    n = 0
    while d.ctl("keep", f"word-{n}") == (0, "kept\n", ""):
        n += 1
    assert 0 < n < 2000
    assert d.ctl("keep", "one-more") == (1, "", "ERR_FULL\n")
    assert 'state store refuses writes cause="the disk is full"' in d.log()
    status, out, _ = d.ctl("state")
    assert status == 1
    assert "not written yet: 2\n" in out and "the disk is full\n" in out
    assert re.search(r"failing: since \d+ s, the disk is full, or state.max_size is reached\n", out)
    assert d.get("/health")[0] == 503
    assert "registrations cannot be written: the disk is full" in d.get("/health")[2]
    f = figures(d)
    assert f["state_failing"] == "1" and f["state_unwritten"] == "2" and int(f["state_failed_total"]) >= 2
    resource.prlimit(d.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    until(lambda: figures(d)["state_unwritten"] == "0", "everything is written")
    assert d.ctl("state")[0] == 0 and figures(d)["state_failing"] == "0"
    until(lambda: d.get("/health")[0] == 200, "ready again")
    d.signal(signal.SIGKILL)
    d.wait()
    assert len(d.up().ctl("kept")[1].split()) == n + 2


def test_who_does_not_promise_is_ready_all_the_same(daemon):
    d = limited(daemon("registration.durable: no"), 2000)
    while d.ctl("keep", "word" + os.urandom(8).hex())[0] == 0:
        pass
    assert d.ctl("state")[0] == 1
    assert d.get("/health")[0] == 200


def test_metrics(daemon):
    d = daemon().up()
    d.ctl("keep", "one")
    text = d.get("/metrics")[2]
    f = figures(d)
    assert f["state_records"] == "2" and f['state_operations_total{kind="put"}'] == "2"
    assert f["state_write_seconds_count"] == f['state_write_seconds_bucket{le="+Inf"}'] != "0"
    assert "# TYPE carillon_state_write_seconds histogram" in text
    assert text.count("# HELP carillon_state_bytes ") == 1


@pytest.mark.parametrize("make,where,what", [
    (None, "{}/nowhere/own", "is not there and cannot be made: {}/nowhere No such file or directory"),
    ("file", "{}/file", "{}/file is no folder"),
    ("file", "{}/file/own", "{}/file/own: Not a directory"),
    (None, "/" + 300 * "x", "has more than 255 characters"),
])
def test_check_refuses_what_cannot_be_opened(tmp_path, make, where, what):
    if make:
        (tmp_path / make).write_text("")
    status, err = check(tmp_path, where.format(tmp_path))
    assert status == 1 and err.startswith("state.dir: ") and what.format(tmp_path) in err


def test_check_takes_what_can(tmp_path):
    (tmp_path / "own").mkdir(mode=0o700)
    assert check(tmp_path, f"{tmp_path}/new") == (0, "")
    assert check(tmp_path, f"{tmp_path}/own/") == (0, "")
    (tmp_path / "own").chmod(0o755)
    status, err = check(tmp_path, f"{tmp_path}/own")
    assert status == 0 and "has mode 755" in err and "expected 700" in err
    status, err = check(tmp_path, "none")
    assert status == 0 and "nothing is kept" in err


@pytest.mark.skipif(os.getuid() == 0, reason="root writes everywhere")
def test_check_refuses_what_may_not_be_written(tmp_path):
    (tmp_path / "own").mkdir(mode=0o500)
    status, err = check(tmp_path, f"{tmp_path}/own")
    assert status == 1 and "cannot be read and written by this user" in err
    status, err = check(tmp_path, f"{tmp_path}/own/deeper")
    assert status == 1 and "cannot be made" in err
