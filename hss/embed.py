# SPDX-License-Identifier: Apache-2.0
"""embed.py INPUT OUTPUT NAME: a text file as a C array, NUL-terminated."""
import sys

source, target, name = sys.argv[1:4]
data = open(source, "rb").read() + b"\0"
with open(target, "w", encoding="ascii") as out:
    out.write(f"// Made from {source.rsplit('/', 1)[-1]}\nextern const char {name}[];\nconst char {name}[] = {{")
    for i in range(0, len(data), 20):
        out.write("\n    " + ", ".join(str(b if b < 128 else b - 256) for b in data[i:i + 20]) + ",")
    out.write("\n};\n")
