# SPDX-License-Identifier: Apache-2.0
"""A daemon's shell from outside: the dummy network function as a real process."""
import http.client
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.request

import pytest

DUMMY, CTL = os.environ["DUMMY"], os.environ["CTL"]
os.environ["CARILLON_STATE"] = "/tmp"  # for --check; a daemon that runs has a folder of its own
WAIT = 20  # seconds until a step counts as failed; nothing is measured with it


def until(check, what):
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"never: {what}")


class Daemon:
    """The dummy on addresses of its own; more is YAML appended to its configuration."""

    def __init__(self, tmp, more="", env=None):
        self.ip = "127.%d.%d.%d" % (random.randint(9, 250), random.randint(1, 250), random.randint(1, 250))
        self.collector = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.collector.bind((self.ip, 0))
        self.collector.settimeout(WAIT)
        self.tmp, self.log_path = tmp, tmp / "log"
        self.conf = tmp / "dummy.yaml"
        self.write(more)
        self.env = dict(os.environ, CARILLON_RUN=str(tmp), CARILLON_STATE=str(tmp), **(env or {}))
        self.process = None

    def write(self, more=""):
        self.conf.write_text(f"dummy.listen: {self.ip}:5060\nhttp: {{listen: {self.ip}}}\n{more}\n")

    def start(self):
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([DUMMY, "--config", self.conf], env=self.env, stderr=log)
        return self

    def log(self):
        return self.log_path.read_text()

    def wait_log(self, text):
        until(lambda: text in self.log() or self.process.poll() is not None, f"{text!r} in the log")
        assert text in self.log()

    def up(self):
        self.start()
        self.wait_log(" ready ")
        return self

    def signal(self, signo):
        self.process.send_signal(signo)

    def wait(self):
        return self.process.wait(WAIT)

    def get(self, path, method="GET"):
        request = urllib.request.Request(f"http://{self.ip}:9090{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=WAIT) as r:
                return r.status, r.headers, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read().decode()

    def ctl(self, *words, stdin=b""):
        r = subprocess.run([CTL, "dummy", *words], input=stdin, capture_output=True, env=self.env,
                           timeout=WAIT)
        return r.returncode, r.stdout.decode(), r.stderr.decode()

    def close(self):
        self.collector.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def daemon(tmp_path):
    made = []

    def make(more="", env=None):
        made.append(Daemon(tmp_path, more, env))
        return made[-1]
    yield make
    for d in made:
        d.close()


def run(*args, env=None):
    r = subprocess.run([DUMMY, *args], capture_output=True, text=True, timeout=WAIT, env=env)
    return r.returncode, r.stdout, r.stderr


# ---- command line ----

def test_help_names_every_option():
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert out.startswith("Usage: carillon-dummy [OPTION]...\nEchoes datagrams.\n")
    for word in ("--config FILE", "--check", "--print-config-reference", "--version", "log.level",
                 "(required) Where datagrams are echoed."):
        assert word in out


def test_version():
    assert re.fullmatch(r"carillon-dummy \d+\.\d+\.\d+\n", run("--version")[1])


@pytest.mark.parametrize("args,message", [
    (["--nonsense"], "unrecognized option"),
    (["--config"], "requires an argument"),
    (["stray"], '"stray" is not expected here'),
    (["--config", "x" * 300], "not a usable file name"),
])
def test_wrong_usage(args, message):
    status, _, err = run(*args)
    assert status == 2 and message in err and "--help" in err


def test_check_lists_every_mistake(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("log:\n  level: loud\nhtp.listen: 1.2.3.4\nrun.drain: 90000\n")
    status, out, err = run("--check", "--config", str(bad))
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        f'{bad}:2: log.level: expected one of error, warn, info, debug, trace; found "loud"',
        f"{bad}:3: htp.listen: unknown option; the nearest known one is http.listen",
        f"{bad}:4: run.drain: must be from 0 to 86400 s, found 90000",
        f"{bad}: dummy.listen: required, but not given",
    ]


def test_check_good(tmp_path):
    good = tmp_path / "good.yaml"
    good.write_text("dummy.listen: 127.0.0.1\n")
    assert run("--check", "--config", str(good)) == (0, f"{good}: configuration is good\n", "")


def test_check_asks_the_nf_too(tmp_path):
    """What no row can see alone; the start refuses it with the same words."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("dummy: {listen: 127.0.0.1, ready: 1 h, greeting: bye}\n")
    findings = [f"{bad}:1: dummy.ready: is more than ten minutes", f"{bad}:1: dummy.greeting: is no greeting"]
    status, out, err = run("--check", "--config", str(bad))
    assert (status, out, err.splitlines()) == (1, "", findings)
    status, _, err = run("--config", str(bad))
    assert status == 1 and [line.split(" dummy ", 1)[1] for line in err.splitlines()] == findings


def test_missing_file_ends_the_start(tmp_path):
    status, _, err = run("--config", str(tmp_path / "none.yaml"))
    assert status == 1 and f"{tmp_path}/none.yaml: No such file or directory" in err


def test_reference_page():
    _, out, _ = run("--print-config-reference")
    own, common = out.split("## Every daemon")
    assert own.startswith("## carillon-dummy\n\n| option | value | default | meaning |\n")
    assert "| `dummy.listen` | IP:port, port 5060 if none is given | required |" in own
    assert "| `run.drain` | number (s), 0 to 86400 | `30` s |" in common
    for line in out.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 5


# ---- life ----

def test_ready_health_and_drain(daemon):
    d = daemon("dummy: {ready: 300 ms, drain: 500 ms}").start()
    d.wait_log(" starting ")
    status, headers, body = until(lambda: try_health(d), "an answer on /health")
    assert status == 503 and headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"status": "unavailable", "nf": "dummy",
                                "why": 'waiting for "the" clock'}
    d.wait_log(" ready ")
    assert json.loads(d.get("/health")[2]) == {"status": "ok", "nf": "dummy", "why": None}
    d.signal(signal.SIGTERM)
    d.wait_log("draining because=SIGTERM")
    status, _, body = d.get("/health")
    assert status == 503 and json.loads(body)["why"] == "draining"
    assert json.loads(body)["left"] == {"calls": 0, "transactions": 1}
    assert d.wait() == 0
    assert "stopping because=drained" in d.log()
    assert not (d.tmp / "dummy.ctl").exists()


def try_health(d):
    try:
        return d.get("/health")
    except OSError:
        return None


def test_drain_is_bounded(daemon):
    d = daemon("dummy: {drain: 1 h}\nrun: {drain: 1 s}").up()
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    assert 'stopping because="work in progress outlasted run.drain"' in d.log()


def test_drain_that_is_over_is_cut(daemon):
    """What has to be kept is, before the end."""
    d = daemon("dummy: {drain: 1 h, calls: 2}\nrun: {drain: 1 s}").up()
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    assert "what is left is not waited for any longer calls=2 transactions=1" in d.log()
    assert "cut short" in d.log()


def test_drain_tells_what_is_left(daemon):
    d = daemon("dummy: {drain: 1 h, calls: 2}\nrun: {drain: 20 s}").up()
    assert "left: " not in d.ctl("status")[1]
    for words in (["drain", "soon"], ["drain", "86401"], ["drain", "1", "2"]):
        assert d.ctl(*words)[0] == 2
    assert re.fullmatch(r"left: 2 calls, 1 transaction, at most \d+ s more\n", d.ctl("drain")[1])
    status, said = d.ctl("status")[:2]
    assert status == 1 and "state: draining" in said and "left: 2 calls, 1 transaction, at most" in said
    assert "carillon_draining 1" in d.ctl("stats")[1]
    # Another time is counted from now on.
    assert re.fullmatch(r"left: 2 calls, 1 transaction, at most \d{4} s more\n", d.ctl("drain", "3600")[1])
    assert re.search(r"at most \d{4} s more", d.ctl("drain")[1])
    d.ctl("drain", "0")
    assert d.wait() == 0


def test_second_signal_stops_at_once(daemon):
    d = daemon("dummy: {drain: 1 h}").up()
    d.signal(signal.SIGINT)
    d.wait_log("draining because=SIGINT")
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    assert 'stopping because="second signal"' in d.log()


def test_reload(daemon):
    d = daemon().up()
    assert d.ctl("greet")[1] == "hello as greet\n"
    d.write("dummy.greeting: good day\nlog: {level: debug, format: json}\ncontrol.socket: elsewhere")
    d.signal(signal.SIGHUP)
    d.wait_log("configuration reloaded")
    assert d.ctl("greet")[1] == "good day as greet\n"
    assert d.ctl("log", "level")[1] == "debug\n"
    lines = [json.loads(line) for line in d.log().splitlines() if line.startswith("{")]
    assert {"level": "warn", "msg": "changed option needs a restart",
            "option": "control.socket"}.items() <= lines[0].items()
    d.conf.write_text(d.conf.read_text().replace(":5060", ":5070"))
    assert d.ctl("reload")[0] == 0
    assert [json.loads(x)["option"] for x in d.log().splitlines() if "needs a restart" in x][-2:] == [
        "control.socket", "dummy.listen"]
    d.write("dummy.greetings: no")
    assert d.ctl("reload")[0] == 1
    assert "unknown option; the nearest known one is dummy.greeting" in d.log()
    assert d.ctl("greet")[1] == "good day as greet\n"
    d.signal(signal.SIGTERM)
    assert d.wait() == 0


@pytest.mark.parametrize("kind,proto,port", [
    (socket.SOCK_DGRAM, "udp", 5060), (socket.SOCK_STREAM, "tcp", 9090)])
def test_busy_address(daemon, kind, proto, port):
    d = daemon()
    with socket.socket(socket.AF_INET, kind) as busy:
        busy.bind((d.ip, port))
        if kind == socket.SOCK_STREAM:
            busy.listen()
        d.start()
        assert d.wait() == 1
    assert f"{d.ip}:{port}/{proto} is in use" in d.log()
    assert not (d.tmp / "dummy.ctl").exists()


def test_pidfile(daemon, tmp_path):
    pidfile = tmp_path / "pid"
    d = daemon(f"run: {{pidfile: {pidfile}}}").up()
    assert pidfile.read_text() == f"{d.process.pid}\n"
    second = tmp_path / "second.yaml"
    second.write_text(f"dummy.listen: {d.ip}:5061\ncontrol.socket: none\nrun.pidfile: {pidfile}\n")
    status, _, err = run("--config", str(second), env=d.env)
    assert status == 1 and f"already running pidfile={pidfile} pid={d.process.pid}" in err
    d.signal(signal.SIGTERM)
    assert d.wait() == 0 and not pidfile.exists()


def test_systemd(daemon, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(WAIT)
        d = daemon("dummy: {ready: 100 ms}",
                   {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"}).start()
        told = []
        while not {"READY=1", "WATCHDOG=1"} <= set(told) or told.count("WATCHDOG=1") < 3:
            told += notify.recv(4096).decode().splitlines()
        assert 'STATUS=not ready: waiting for "the" clock' in told[:told.index("READY=1")]
        d.signal(signal.SIGTERM)
        while "STOPPING=1" not in told:
            told += notify.recv(4096).decode().splitlines()
        assert d.wait() == 0


def test_systemd_hears_of_a_drain(daemon, tmp_path):
    """A drain may take longer than the service manager would wait."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(WAIT)
        d = daemon("dummy: {drain: 1 h, calls: 2}", {"NOTIFY_SOCKET": path}).up()
        d.signal(signal.SIGTERM)
        told = []
        while "STATUS=draining 2 calls, 1 transaction" not in told:
            told += notify.recv(4096).decode().splitlines()
        assert "EXTEND_TIMEOUT_USEC=10000000" in told
        d.signal(signal.SIGTERM)
        assert d.wait() == 0


def test_journal_lines_have_priorities(daemon, tmp_path):
    d = daemon()
    log = tmp_path / "journal"
    with open(log, "w") as f:
        st = os.fstat(f.fileno())
        env = dict(d.env, JOURNAL_STREAM=f"{st.st_dev}:{st.st_ino}")
        d.process = subprocess.Popen([DUMMY, "--config", d.conf], env=env, stderr=f)
    until(lambda: "ready" in log.read_text(), "ready")
    assert log.read_text().startswith("<6>INFO dummy starting ")


# ---- control ----

def test_commands(daemon, tmp_path):
    d = daemon().up()
    assert d.ctl("greet", "a b", "", "c") == (0, "hello [a b] [] [c] as greet\n", "")
    assert d.ctl("greet", "twice", "more") == (0, "hello [more] as greet twice\n", "")
    assert d.ctl("fail") == (42, "to stdout\n", "to stderr\n")
    assert d.ctl("slow") == (7, "slept\n", "")
    assert d.ctl("nothing")[0] == 2 and 'no command "nothing"' in d.ctl("nothing")[2]
    assert d.ctl("log") == (2, "", "usage: log level [LEVEL]\n")
    assert d.ctl("log", "level", "loud")[0] == 2
    assert d.ctl("log", "level", "warn") == (0, "warn\n", "")
    assert "  sum FILE..." in d.ctl("help")[1] and "  drain " in d.ctl("help")[1]
    status, out, _ = d.ctl("status")
    assert status == 0 and f"pid: {d.process.pid}\nstate: serving\nready: yes\n" in out
    assert 'dummy.greeting: "hello"\n' in d.ctl("config", "show")[1]
    assert "carillon_ready 1\n" in d.ctl("stats")[1]
    assert d.ctl("sip", "transactions") == (0, "0 of 0\n", "")
    assert d.ctl("sip", "transactions", "0")[0] == 2 and d.ctl("sip", "transactions", "1001")[0] == 2
    assert d.ctl("drain")[0] == 0
    assert d.wait() == 0
    assert d.ctl("status")[0] == 3


def test_keys(daemon, tmp_path):
    """Ids and ages, never what is in the file; an older key of the file is there after a restart."""
    path = tmp_path / "ring"
    d = daemon(f"keys: {{file: {path}}}").up()
    assert path.stat().st_mode & 0o7777 == 0o600
    status, out, _ = d.ctl("keys", "list")
    first = out.splitlines()[1].split()[0]
    assert status == 0 and out.splitlines()[1].endswith(" signs") and f", {path}" in out
    status, out, _ = d.ctl("keys", "rotate")
    assert status == 0 and [line.split()[-1] for line in out.splitlines()[1:3]] == ["waits", "signs"]
    assert out.splitlines()[2].startswith(first)
    secrets = {line.split()[-1] for line in path.read_text().splitlines()[1:]}
    assert len(secrets) == 4 and not any(s in out or s in d.log() for s in secrets)
    assert d.ctl("keys", "rotate", "now")[0] == 2 and d.ctl("keys", "list", "all")[0] == 2
    assert d.ctl("keys")[:2] == (2, "") and "usage: keys list" in d.ctl("keys")[2]
    path.chmod(0o644)
    assert d.ctl("keys", "rotate")[0] == 1
    assert "key ring cannot be rotated" in d.log() and "chmod 600" in d.log()
    path.chmod(0o600)
    d.signal(signal.SIGKILL)
    d.wait()
    d.up()
    assert first in d.ctl("keys", "list")[1]


@pytest.mark.parametrize("text, mode, why", [
    ("carillon-keys 1\nnames 0011", 0o600, "it is cut short"), ("", 0o600, "it is cut short"),
    ("0123456789\n", 0o600, "it is no key ring of this version"), ("x", 0o640, "others may read it")])
def test_wrong_keys(tmp_path, daemon, text, mode, why):
    path = tmp_path / "ring"
    path.write_text(text)
    path.chmod(mode)
    d = daemon(f"keys: {{file: {path}}}")
    status, out, err = run("--config", d.conf, "--check", env=d.env)
    assert status == 1 and "keys.file" in err and str(path) in err and why in err
    assert d.start().wait() == 1
    assert sum(why in line for line in d.log().splitlines()) == 1
    assert path.read_text() == text


def sum_of(*texts):
    total, lines = 0, []
    for name, text in texts:
        for b in text:
            total = (total * 31 + b) & (2**64 - 1)
        lines.append(f"{name} {len(text)} {total}\n")
    return "".join(lines)


def test_files_are_sent(daemon, tmp_path):
    d = daemon().up()
    small, big = tmp_path / "small", tmp_path / "big"
    small.write_bytes(b"one\ntwo\0three")
    big.write_bytes(random.Random(1).randbytes(300_000))
    want = sum_of((small, small.read_bytes()), (big, big.read_bytes()), ("-", b"from stdin"))
    assert d.ctl("sum", str(small), str(big), "-", stdin=b"from stdin") == (0, want, "")
    status, out, err = d.ctl("sum", str(tmp_path / "absent"))
    assert (status, out) == (1, "") and "absent: No such file or directory" in err


def test_much_output_and_slow_client(daemon):
    d = daemon().up()
    lines = 200_000
    reader = subprocess.Popen([CTL, "dummy", "big", str(lines)], env=d.env, stdout=subprocess.PIPE)
    first = reader.stdout.readline()  # the rest waits in the daemon, which goes on serving
    assert d.ctl("greet")[0] == 0
    rest = reader.stdout.read().decode().splitlines()
    assert first == b"line 0 of a long list\n"
    assert len(rest) == lines - 1 and rest[-1] == f"line {lines - 1} of a long list"
    assert reader.wait() == 0


def test_client_that_leaves_and_clients_that_talk_nonsense(daemon):
    d = daemon().up()
    for data in (b"", b"GET / HTTP/1.1\r\n\r\n", b"a 99999999\n", b"a 3\nabc", b"a 0\n", b"f 1\nx",
                 b"a -1\n", b"x" * 100, b"a 5\ngreet", b"a 130\n" + b"x\0" * 65):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(d.tmp / "dummy.ctl"))
            s.settimeout(WAIT)
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(4096):
                pass
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(d.tmp / "dummy.ctl"))
        s.sendall(b"a 5\nslow\0")
    d.ctl("slow")
    until(lambda: d.ctl("slow")[0] == 7, "the abandoned command to finish")
    d.signal(signal.SIGTERM)
    assert d.wait() == 0


def test_daemon_that_does_not_answer(daemon):
    """Stopped, or stuck: the client says so and ends."""
    d = daemon().up()
    d.signal(signal.SIGSTOP)
    r = subprocess.run([CTL, "--timeout", "1", "dummy", "status"], capture_output=True, env=d.env,
                       timeout=WAIT, check=False)
    d.signal(signal.SIGCONT)
    assert r.returncode == 3 and b"has not answered for 1 s" in r.stderr
    assert d.ctl("status")[0] == 0


def test_stale_socket_is_taken_over_and_live_one_is_not(daemon, tmp_path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(tmp_path / "dummy.ctl"))
    d = daemon().up()
    assert (tmp_path / "dummy.ctl").stat().st_mode & 0o777 == 0o660
    second = tmp_path / "second.yaml"
    second.write_text(f"dummy.listen: {d.ip}:5061\n")
    status, _, err = run("--config", str(second), env=d.env)
    assert status == 1 and "dummy.ctl: is in use by a running daemon" in err
    assert d.ctl("greet")[0] == 0


# ---- pages ----

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? '
                    r'(NaN|[+-]Inf|-?[0-9.]+(?:e[+-][0-9]+)?)')


def check_exposition(text):
    """The rules of the text format 0.0.4; samples by family."""
    assert text.endswith("\n")
    families, current = {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert current not in families, f"{current} comes twice"
            assert not line.endswith(" Events since the start."), f"nobody says what {current} is"
            families[current] = {"type": None, "samples": []}
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current and families[name]["type"] is None
            assert kind in ("counter", "gauge", "histogram", "summary")
            assert (kind == "counter") == name.endswith("_total"), line
            families[name]["type"] = kind
        else:
            m = SAMPLE.fullmatch(line)
            assert m, line
            base = re.sub("_(bucket|sum|count)$", "", m[1]) \
                if families[current]["type"] == "histogram" else m[1]
            assert base == current, f"{m[1]} stands among {current}"
            families[current]["samples"].append((m[1], m[2], m[3]))
    return families


def test_metrics(daemon):
    d = daemon().up()
    status, headers, text = d.get("/metrics")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = check_exposition(text)
    if shutil.which("promtool"):
        judge = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert judge.returncode == 0, judge.stderr + judge.stdout
    assert families["carillon_dummy_datagrams_total"]["samples"] == [
        ("carillon_dummy_datagrams_total", 'kind="in"', "0"),
        ("carillon_dummy_datagrams_total", 'kind="out"', "3e+18")]
    assert families["carillon_dummy_odd"]["samples"] == [
        ("carillon_dummy_odd", r'path="a\\b\"c\nd",x="y"', "0.25")]
    assert families["carillon_dummy_delay_seconds"]["type"] == "histogram"
    assert families["carillon_sip_requests_in_total"]["type"] == "counter"
    for gauge in ("sip_transactions", "sip_transactions_spare", "sip_requests_held", "sip_requests_spare",
                  "sip_messages_spare", "sip_names_known", "sip_dns_answers_known"):
        assert families["carillon_" + gauge]["type"] == "gauge"
    one = {name: f["samples"][0][2] for name, f in families.items()}
    assert float(one["process_resident_memory_bytes"]) > 1e6
    assert float(one["process_cpu_seconds_total"]) >= 0
    assert abs(float(one["process_start_time_seconds"]) - time.time()) < 3600
    assert 3 < int(one["process_open_fds"]) < int(one["process_max_fds"])


def test_http_errors(daemon):
    d = daemon().up()
    assert d.get("/")[0] == 404
    status, headers, _ = d.get("/metrics", "POST")
    assert status == 405 and headers["Allow"] == "GET, HEAD"
    status, headers, body = d.get("/health", "HEAD")
    assert status == 200 and int(headers["Content-Length"]) > 0 and body == ""


def test_http_survives_a_crowd(daemon):
    """More connections than are served at once, all idle, from three sources: the page is there again
    afterwards."""
    d = daemon().up()
    idle = [socket.create_connection((d.ip, 9090), source_address=(f"127.8.0.{1 + i % 3}", 0))
            for i in range(90)]
    until(lambda: len(os.listdir(f"/proc/{d.process.pid}/fd")) > 64, "64 connections accepted")
    for s in idle:
        s.close()
    assert until(lambda: try_health(d), "/health")[0] == 200


def test_http_serves_beside_a_crowd(daemon):
    """Hundreds that say nothing, or half a request: who asks properly is answered while they are there, a
    scraper's open connection outlives them, and they are sent away."""
    d = daemon().up()
    scraper = http.client.HTTPConnection(d.ip, 9090, timeout=WAIT)
    crowd = []
    for i in range(300):
        crowd.append(socket.create_connection((d.ip, 9090), timeout=WAIT))
        crowd[-1].sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: " if i % 2 else b"")
        if i % 20 == 0:
            scraper.request("GET", "/health")
            assert scraper.getresponse().read()
    assert d.get("/health")[0] == 200
    assert crowd[0].recv(1) == b""
    assert len(os.listdir(f"/proc/{d.process.pid}/fd")) < 120
    for s in crowd:
        s.close()
    d.signal(signal.SIGTERM)
    assert d.wait() == 0


def test_http_crowd_of_one_source_takes_its_own_places(daemon):
    """Whoever fills the page's places from one or two addresses loses his own connections for it: one that
    somebody else has kept open for longer than all of them is still served."""
    d = daemon().up()
    operator = http.client.HTTPConnection(d.ip, 9090, timeout=WAIT, source_address=("127.8.0.9", 0))
    operator.request("GET", "/health")
    assert operator.getresponse().read()
    crowd = [socket.create_connection((d.ip, 9090), timeout=WAIT, source_address=(f"127.8.0.{1 + i % 2}", 0))
             for i in range(300)]
    until(lambda: int(re.search(r"sent_away_total (\d+)", d.get("/metrics")[2])[1]) >= 300 - 64,
          "the crowd sent away")
    operator.request("GET", "/health")
    assert operator.getresponse().read()
    assert sum(gone(s) for s in crowd) >= 300 - 64
    for s in crowd:
        s.close()
    operator.close()


def gone(s):
    """The other side has closed this connection."""
    s.setblocking(False)
    try:
        return s.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_many_pages_in_one_second_are_one_page(daemon):
    d = daemon().up()
    c = http.client.HTTPConnection(d.ip, 9090, timeout=WAIT)
    pages = []
    for _ in range(200):
        c.request("GET", "/metrics")
        pages.append(c.getresponse().read())
    assert len(set(pages)) < 200 and all(b"process_cpu_seconds_total" in p for p in pages)
    c.close()


def test_idle_control_clients_do_not_keep_the_operator_out(daemon):
    d = daemon().up()
    idle = []
    for _ in range(40):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(d.tmp / "dummy.ctl"))
        idle.append(s)
    assert d.ctl("greet")[0] == 0
    for s in idle:
        s.close()


def test_http_without_descriptors(daemon):
    """Connections that cannot be taken wait; the loop does not spin meanwhile, and they are served afterwards."""
    d = daemon().up()
    used = len(os.listdir(f"/proc/{d.process.pid}/fd"))
    limits = resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE, (used, limits[1]))
    waiting = [socket.create_connection((d.ip, 9090), timeout=WAIT) for _ in range(3)]
    for s in waiting:
        s.sendall(b"GET /health HTTP/1.0\r\n\r\n")
    command = subprocess.Popen([CTL, "dummy", "status"], env=d.env, stdout=subprocess.DEVNULL)
    before = ticks(d)
    time.sleep(1)
    assert ticks(d) - before < 10
    for name in ("http", "control"):
        d.wait_log(f'connections cannot be accepted socket={name} reason="Too many open files"')
    resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE, limits)
    for s in waiting:
        assert s.recv(100).startswith(b"HTTP/1.")
        s.close()
    assert command.wait(WAIT) == 0


def test_what_cannot_be_listened_on_says_why(daemon):
    d = daemon()
    d.conf.write_text(f"dummy.listen: {d.ip}:5060\nhttp: {{listen: '192.0.2.77:9090'}}\n")
    d.start()
    assert d.wait() != 0
    assert "192.0.2.77:9090/tcp cannot be opened: Cannot assign requested address" in d.log()


def ticks(d):
    """Processor time used, in hundredths of a second."""
    with open(f"/proc/{d.process.pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


# ---- watchdog, descriptors ----

def test_loop_that_does_not_turn_ends_the_process(daemon):
    d = daemon("run.watchdog: 1").up()
    asked = subprocess.Popen([CTL, "dummy", "spin"], env=d.env, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    assert d.wait() == -signal.SIGABRT
    asked.wait(WAIT)
    assert re.search(r' ERROR dummy watchdog: the loop has not turned, ending doing="input"\n', d.log())
    assert re.search(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ERROR dummy watchdog", d.log(), re.M)
    assert "carillon" in d.log().split("watchdog:", 1)[1] or "dummy" in d.log().split("ending", 1)[1]


def test_watchdog_speaks_json_too(daemon):
    d = daemon("run.watchdog: 1\nlog.format: json").start()
    d.wait_log('"msg":"ready"')
    asked = subprocess.Popen([CTL, "dummy", "spin"], env=d.env, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    assert d.wait() == -signal.SIGABRT
    asked.wait(WAIT)
    line = next(json.loads(t) for t in d.log().splitlines() if "watchdog:" in t)
    assert (line["level"], line["nf"], line["doing"]) == ("error", "dummy", "input")


def test_watchdog_leaves_who_is_stopped_or_busy_alone(daemon):
    """A process that was stopped for longer than the watchdog waits has not been running; one that is busy
    for less long turns again."""
    d = daemon("run.watchdog: 2").up()
    asked = subprocess.Popen([CTL, "dummy", "spin", "1"], env=d.env, stdout=subprocess.PIPE)
    before = ticks(d)
    until(lambda: ticks(d) > before + 10, "processor time in the middle of a turn")
    d.signal(signal.SIGSTOP)
    time.sleep(7)
    d.signal(signal.SIGCONT)
    assert asked.communicate(timeout=WAIT)[0] == b"spun\n"
    assert d.ctl("greet")[0] == 0
    d.signal(signal.SIGSTOP)
    time.sleep(3)
    d.signal(signal.SIGCONT)
    assert d.ctl("greet")[0] == 0
    d.signal(signal.SIGTERM)
    assert d.wait() == 0


def test_descriptors_are_raised(daemon):
    d = daemon()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        d.up()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE)[0] == min(hard, 1 << 20)
    d.signal(signal.SIGTERM)
    assert d.wait() == 0
    e = daemon(f"run.descriptors: {min(hard, 300)}").up()
    assert resource.prlimit(e.process.pid, resource.RLIMIT_NOFILE)[0] == min(hard, 300)


# ---- trace ----

def chunks_of(packet):
    assert packet[:4] == b"HEP3" and struct.unpack(">H", packet[4:6])[0] == len(packet)
    at, chunks = 6, {}
    while at < len(packet):
        vendor, kind, n = struct.unpack(">HHH", packet[at:at + 6])
        assert vendor == 0 and kind not in chunks and n >= 6
        chunks[kind] = packet[at + 6:at + n]
        at += n
    assert at == len(packet)
    return chunks


OPTIONS = (b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
           b"From: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: call-1@dummy\r\nCSeq: 1 OPTIONS\r\n"
           b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
SIP = b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: call-1@dummy\r\nContent-Length: 0\r\n\r\n"


def test_trace(daemon):
    d = daemon()
    port = d.collector.getsockname()[1]
    d.write(f"trace: {{collector: '{d.ip}:{port}', node: dummy-1, id: 77}}")
    d.up()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ue:
        ue.bind((d.ip, 0))
        ue.settimeout(WAIT)
        before = time.time()
        ue.sendto(SIP, (d.ip, 5060))
        assert ue.recv(2048) == SIP
        own = ue.getsockname()[1]
    first, second = (chunks_of(d.collector.recv(65535)) for _ in range(2))
    ip = socket.inet_aton(d.ip)
    u16 = lambda v: struct.pack(">H", v)
    assert {k: first[k] for k in (1, 2, 3, 4, 7, 8, 11, 12, 15, 17, 19)} == {
        1: b"\x02", 2: b"\x11", 3: ip, 4: ip, 7: u16(own), 8: u16(5060), 11: b"\x01",
        12: struct.pack(">I", 77), 15: SIP, 17: b"call-1@dummy", 19: b"dummy-1"}
    seconds, micros = (struct.unpack(">I", first[k])[0] for k in (9, 10))
    assert before - 1 <= seconds + micros / 1e6 <= time.time() and micros < 1_000_000
    assert {k: second[k] for k in (2, 7, 8, 11, 17)} == {
        2: b"\x06", 7: u16(5060), 8: u16(own), 11: b"\x38", 17: b"session;1"}


@pytest.mark.skipif(not shutil.which("sngrep") or not shutil.which("tshark"), reason="no judge")
def test_trace_as_sngrep_and_tshark_see_it(daemon, tmp_path):
    """sngrep takes our packets as a HEP3 collector and writes a capture that tshark decodes."""
    d = daemon()
    pcap, port = tmp_path / "seen.pcap", d.collector.getsockname()[1]
    d.collector.close()
    judge = subprocess.Popen(["sngrep", "-N", "-q", "-L", f"udp:{d.ip}:{port}", "-O", pcap],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=dict(d.env, TERM="dumb"))
    try:
        until(lambda: bound(d.ip, port), "sngrep's socket")
        d.write(f"trace.collector: '{d.ip}:{port}'")
        d.up()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ue:
            ue.bind((d.ip, 0))
            own = ue.getsockname()[1]
            ue.sendto(OPTIONS, (d.ip, 5060))
            seen = until(lambda: decoded(pcap), "a packet in the capture")
    finally:
        judge.kill()
        judge.wait()
    assert seen == f"{d.ip};{own};{d.ip};5060;OPTIONS;call-1@dummy"


def bound(ip, port):
    want = "%08X:%04X" % (struct.unpack("<I", socket.inet_aton(ip))[0], port)
    with open("/proc/net/udp") as f:
        return any(line.split()[1] == want for line in f)


def decoded(pcap):
    fields = ("ip.src", "udp.srcport", "ip.dst", "udp.dstport", "sip.Method", "sip.Call-ID")
    command = ["tshark", "-r", pcap, "-T", "fields", "-E", "separator=;"]
    for field in fields:
        command += ["-e", field]
    out = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return out.stdout.splitlines()[0] if out.stdout.strip() else None


def test_no_collector_no_trace(daemon):
    d = daemon().up()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ue:
        ue.bind((d.ip, 0))
        ue.settimeout(WAIT)
        ue.sendto(SIP, (d.ip, 5060))
        assert ue.recv(2048) == SIP
    d.collector.setblocking(False)
    with pytest.raises(BlockingIOError):
        d.collector.recv(65535)
