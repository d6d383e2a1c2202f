#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""summary.py BROKEN JUNIT...: adds up JUnit results, names what failed or was skipped, prints the closing line.

BROKEN is 1 when a step before the tests failed. Exit status 0 only when something ran and nothing failed."""
import sys
import xml.etree.ElementTree as ET


def cases(path):
    """(name, state, why) of each test case in one JUnit file."""
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname') or ''} {case.get('name')}".strip()
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        skipped = case.find("skipped")
        if bad is not None:
            yield name, "failed", bad.get("message") or ""
        elif skipped is not None:
            yield name, "skipped", skipped.get("message") or (skipped.text or "").strip()
        else:
            yield name, "passed", ""


def main(broken, paths):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        for name, state, why in cases(path):
            count[state] += 1
            if state != "passed":
                print(f"{state}: {path.rsplit('/', 1)[-1]}: {name}: {why}")
    if broken:
        count["failed"] += 1
        print("failed: a step before the tests, see above")
    if count["passed"] + count["failed"] == 0:
        count["failed"] = 1
        print("failed: no test ran")
    tail = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{tail}")
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
