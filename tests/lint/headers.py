#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone and twice. Usage: headers.py ROOT COMPILER [FLAG]..."""
import subprocess
import sys
import tempfile
from pathlib import Path

from tree import files_of

PACKAGES = ("libuv", "libcares", "libcrypto", "sqlite3", "libxml-2.0", "yaml-0.1", "libmicrohttpd", "jansson")


def main(root, compiler):
    headers = [n for n in files_of(root) if n.endswith(".h") and not n.startswith("tests/")]
    flags = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as tmp:
        sources = []
        for i, name in enumerate(headers):
            source = Path(tmp) / f"{i}.c"
            source.write_text(f'#include "{name}"\n#include "{name}"\n')
            sources.append(str(source))
        # Options that an implementation asks for (-Werror) do not belong to a header's own sins.
        command = [*compiler, "-std=gnu17", "-D_GNU_SOURCE", '-DCARILLON_VERSION="0"', "-fsyntax-only", "-Wall",
                   "-Werror", "-Wstrict-prototypes", "-I", root, "-I", f"{root}/common", "-I", f"{root}/tools",
                   *flags.stdout.split()]
        result = subprocess.run(command + sources, capture_output=True, text=True)
    print(f"{len(headers)} headers\n{result.stderr}")
    return 1 if result.returncode or not headers else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
