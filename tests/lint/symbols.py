#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""symbols.py ARCHIVE...: no global name is defined by two libraries.

A linker that takes objects from archives picks the first definition and stays silent, so two network
functions in one test process would run each other's code."""
import collections
import subprocess
import sys


def defined(archive):
    out = subprocess.run(["nm", "-g", "--defined-only", archive], capture_output=True, text=True,
                         check=True).stdout
    fields = (line.split() for line in out.splitlines())
    return {f[2] for f in fields if len(f) == 3 and f[1] in "TDRB" and not f[2].startswith("__")}


def main(archives):
    owners = collections.defaultdict(list)
    for archive in archives:
        for name in defined(archive):
            owners[name].append(archive.rsplit("/", 1)[-1])
    twice = {n: o for n, o in owners.items() if len(o) > 1}
    for name, where in sorted(twice.items()):
        print(f"{name}: defined in {' and '.join(where)}")
    if len(owners) < 100:
        print("too few symbols seen: wrong archives?")
        return 1
    return 1 if twice else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
