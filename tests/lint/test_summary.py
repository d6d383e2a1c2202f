# SPDX-License-Identifier: Apache-2.0
"""The verdict of tools/check: what did not run has not passed."""
import subprocess
import sys
from pathlib import Path

import pytest

SUMMARY = Path(__file__).resolve().parents[1] / "summary.py"
GOOD = '<testsuites><testsuite><testcase classname="a" name="b"/></testsuite></testsuites>'
BAD = GOOD.replace("/></", '><failure message="it broke"/></testcase></')
SKIPPED = GOOD.replace("/></", '/><testcase name="c"><skipped message="no tool"/></testcase></')
EMPTY = "<testsuites/>"


@pytest.mark.parametrize("files, last, said", [
    ({"build.status": "0 9", "a.status": "0 5", "a.xml": GOOD}, "1 passed, 0 failed", "took: build 9 s, a 5 s"),
    ({"build.status": "0 9", "a.status": "0 5", "a.xml": SKIPPED}, "1 passed, 0 failed, 1 skipped",
     "skipped: a: c: no tool"),
    ({"build.status": "0 9", "a.status": "1 5", "a.xml": BAD}, "0 passed, 1 failed", "failed: a: a b: it broke"),
    ({"build.status": "0 9", "a.status": "1 5", "a.xml": GOOD}, "1 passed, 1 failed",
     "failed: a: every test passed, yet it ended with status 1"),
    ({"build.status": "0 9", "a.xml": GOOD}, "1 passed, 1 failed", "failed: a: did not come to its end"),
    ({"build.status": "0 9", "a.status": "0 5", "a.xml": EMPTY}, "0 passed, 1 failed", "failed: a: no test ran"),
    ({"build.status": "0 9", "a.status": "0 5"}, "0 passed, 1 failed", "failed: a: it gave no result"),
    ({"build.status": "0 9", "a.status": "0 5", "a.xml": GOOD[:40]}, "0 passed, 1 failed",
     "failed: a: it gave no result (ParseError)"),
    ({"build.status": "1 9"}, "0 passed, 2 failed", "failed: build: exit status 1, see above"),
    ({"a.status": "0 5", "a.xml": GOOD}, "1 passed, 1 failed", "failed: build: was not run to its end"),
])
def test_verdict(tmp_path, files, last, said):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    r = subprocess.run([sys.executable, SUMMARY, tmp_path, "build", "--", "a"], capture_output=True, text=True,
                       check=False)
    assert r.stdout.splitlines()[-1] == last
    assert said in r.stdout
    assert (r.returncode == 0) == (" 0 failed" in last)


def test_nothing_at_all(tmp_path):
    r = subprocess.run([sys.executable, SUMMARY, tmp_path, "--"], capture_output=True, text=True, check=False)
    assert (r.returncode, r.stdout.splitlines()[-1]) == (1, "0 passed, 1 failed")
