# SPDX-License-Identifier: Apache-2.0
"""A run leaves nothing behind, however it ends. Small runs of their own, with what outlives its parent."""
import os
import signal
import subprocess
import sys
from pathlib import Path

import keeper
import pytest
from labrun import wait_until

# What the small run starts: detached as the daemons of the lab are, and a capture as the tests with peers have.
STARTED = """
import subprocess, time
NULL = subprocess.DEVNULL
subprocess.Popen(["sleep", "300"], start_new_session=True, stdout=NULL, stderr=NULL)
subprocess.Popen(["dumpcap", "-q", "-i", "lo", "-w", {pcap!r}], stdout=NULL, stderr=NULL)
print("started", flush=True)
"""
ENDS = {
    "crash in setup": ("\n@pytest.fixture\ndef broken():\n    start()\n    raise OSError\n\n"
                       "def test_it(broken):\n    pass\n", None),
    "failed test": ("\ndef test_it():\n    start()\n    assert False\n", None),
    "interrupt": ("\ndef test_it():\n    start()\n    time.sleep(60)\n", signal.SIGINT),
    "SIGTERM": ("\ndef test_it():\n    start()\n    time.sleep(60)\n", signal.SIGTERM),
    "kill -9": ("\ndef test_it():\n    start()\n    time.sleep(60)\n", signal.SIGKILL),
}


def write_run(folder, body):
    start = "def start():\n" + "".join(f"    {line}\n" for line in
                                       STARTED.format(pcap=str(folder / "x.pcapng")).strip().splitlines())
    (folder / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('outer', {str(Path(__file__).parent / 'conftest.py')!r})\n"
        "outer = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(outer)\n"
        "pytest_sessionstart = outer.pytest_sessionstart\npytest_sessionfinish = outer.pytest_sessionfinish\n")
    (folder / "test_small.py").write_text(f"import pytest, time\n{start}\n{body}")


def names(mark):
    return {os.path.basename((keeper.command_of(pid).split() or [""])[0]) for pid in keeper.marked(mark)}


@pytest.mark.parametrize("how", ENDS)
def test_nothing_is_left_behind(tmp_path, how):
    body, signo = ENDS[how]
    write_run(tmp_path, body)
    with subprocess.Popen([sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(tmp_path)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path) as run:
        mark = f"{run.pid}-{keeper.start_time(run.pid)}"
        said = ""
        while "started" not in said:
            line = run.stdout.readline()
            assert line, said
            said += line
        wait_until(lambda: {"sleep", "dumpcap"} <= names(mark), 10, "both run")
        if signo:
            run.send_signal(signo)
        said += run.stdout.read()
    wait_until(lambda: not keeper.marked(mark), 15, f"what it started has ended: {said}")
    assert run.returncode != 0
    if how not in ("SIGTERM", "kill -9"):  # then nobody is there to say so
        assert "left behind, and ended now" in said


def test_a_clean_run_stays_clean(tmp_path):
    write_run(tmp_path, "\ndef test_it():\n    pass\n")
    r = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
                       capture_output=True, text=True, cwd=tmp_path, check=False)
    assert r.returncode == 0 and "left behind" not in r.stdout, r.stdout
