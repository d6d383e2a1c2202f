#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Diameter applications from their description.

  diameter.py header SPEC... -o FILE    the header of the last spec; the others are those that it inherits from
  diameter.py source SPEC... -o FILE    its tables and functions
  diameter.py list SPEC... -o FILE      the table of all
  diameter.py docs ROOT [--check]       docs/diameter-NAME.md for each spec of common/dia/spec; --check writes nothing,
                                        and its exit status is 1 when one of them is not what would be made
A mistake in a spec is said with file and line, exit status 1."""
import difflib
import sys
from pathlib import Path

import dia_c
import dia_doc
from dia_spec import SpecError, read_specs


def docs(root, check):
    folder, status = Path(root) / "common/dia/spec", 0
    paths = [folder / "base.dia", *sorted(p for p in folder.glob("*.dia") if p.name != "base.dia")]
    for spec in read_specs(paths):
        page = Path(root) / "docs" / f"diameter-{spec.name}.md"
        new = dia_doc.page(spec)
        old = page.read_text(encoding="utf-8") if page.exists() else ""
        if not check:
            page.write_text(new, encoding="utf-8")
        elif old != new:
            sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), str(page),
                                                       "made anew"))
            status = 1
    return status


def write(what, paths, out):
    specs = read_specs(paths)
    text = {"header": lambda: dia_c.header(specs[-1]), "source": lambda: dia_c.source(specs[-1]),
            "list": lambda: dia_c.list_source(specs)}[what]()
    Path(out).write_text(text, encoding="utf-8")
    return 0


def main(argv):
    try:
        if len(argv) in (2, 3) and argv[0] == "docs":
            return docs(argv[1], argv[2:] == ["--check"])
        if len(argv) > 3 and argv[-2] == "-o" and argv[0] in ("header", "source", "list"):
            return write(argv[0], argv[1:-2], argv[-1])
    except SpecError as e:
        print(e, file=sys.stderr)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
