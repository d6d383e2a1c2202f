#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""summary.py RESULTS [STEP...] -- SUITE...: adds up what tools/check has run, names what failed or was skipped
and why, tells how long each took, and prints the closing line.

RESULTS has NAME.status ("STATUS SECONDS") for each step and suite that was run, and NAME.xml (JUnit) for each
suite. A step or suite that is asked for and has no result has failed. Exit status 0 only when every suite ran
something and nothing failed."""
import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def cases(path):
    """(name, state, why) of each test case in one JUnit file."""
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname') or ''} {case.get('name')}".strip()
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        skipped = case.find("skipped")
        if bad is not None:
            yield name, "failed", bad.get("message") or ""
        elif skipped is not None:
            yield name, "skipped", skipped.get("message") or (skipped.text or "").strip() or "no reason given"
        else:
            yield name, "passed", ""


class Summary:
    def __init__(self, results):
        self.results = Path(results)
        self.count = {"passed": 0, "failed": 0, "skipped": 0}

    def failed(self, name, why):
        self.count["failed"] += 1
        print(f"failed: {name}: {why}")

    def status(self, name):
        """(exit status, seconds); None when it was not run or did not come to its end."""
        try:
            status, seconds = (self.results / f"{name}.status").read_text().split()
            return int(status), int(seconds)
        except (OSError, ValueError):
            return None

    def step(self, name):
        got = self.status(name)
        if got is None:
            self.failed(name, "was not run to its end")
        elif got[0]:
            self.failed(name, f"exit status {got[0]}, see above")

    def suite(self, name):
        """A suite is judged by its cases, and by its exit status where these say nothing bad."""
        own = {"passed": 0, "failed": 0, "skipped": 0}
        try:
            for case, state, why in cases(self.results / f"{name}.xml"):
                own[state] += 1
                if state != "passed":
                    print(f"{state}: {name}: {case}: {why}")
        except (OSError, ET.ParseError) as e:
            own["failed"] += 1
            print(f"failed: {name}: it gave no result ({type(e).__name__})")
        for state, n in own.items():
            self.count[state] += n
        got = self.status(name)
        if not own["failed"]:
            if not own["passed"]:
                self.failed(name, "no test ran")
            elif got is None:
                self.failed(name, "did not come to its end")
            elif got[0]:
                self.failed(name, f"every test passed, yet it ended with status {got[0]}")

    def times(self, names):
        told = [f"{name} {got[1]} s" for name in names for got in [self.status(name)] if got]
        print("took: " + ", ".join(told))

    def close(self):
        if not self.count["passed"] + self.count["failed"]:
            self.failed("tools/check", "no test ran")
        skipped = f", {self.count['skipped']} skipped" if self.count["skipped"] else ""
        print(f"{self.count['passed']} passed, {self.count['failed']} failed{skipped}")
        return 1 if self.count["failed"] else 0


def main(words):
    results, steps, suites = words[0], words[1:words.index("--")], words[words.index("--") + 1:]
    s = Summary(results)
    for name in steps:
        s.step(name)
    for name in suites:
        s.suite(name)
    s.times(steps + suites)
    return s.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
