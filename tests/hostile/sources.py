#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sources of the core and of the phones, one a line: they are built once more for the hostile-cost
tests, with every branch counted. A new file needs a line in a meson.build, and that runs this again."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["common", "pcscf", "icscf", "scscf", "hss", "tools/ue"]
# Entry points, and the passes that need an instruction set of their own (split_plain.c does their work).
LEFT_OUT = {"main.c", "split_sse2.c", "split_avx2.c", "split_avx512.c"}
# Of tools/ue only the library; the rest is the command carillon-ue.
UE_COMMAND = {"load.c", "options.c", "report.c", "script.c", "usim.c"}


def sources():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.c")):
            if path.name in LEFT_OUT or (folder == "tools/ue" and path.name in UE_COMMAND):
                continue
            yield path.relative_to(ROOT)


if __name__ == "__main__":
    sys.stdout.write("\n".join(str(p) for p in sources()) + "\n")
