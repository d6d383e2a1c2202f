#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds docs/spec-map.md: which function implements a clause, and which test speaks of it.

  spec_map.py [ROOT]          writes ROOT/docs/spec-map.md
  spec_map.py --check ROOT    only reads: exit status 1 for a citation that is not well formed
  spec_map.py --same ROOT     only reads: exit status 1 also when ROOT/docs/spec-map.md is another one

A citation is `TS 24.229 5.2.2.1`, `TS 33.203 annex N`, `RFC 3261 17.1.1.2`; further clauses of the
same document may follow after a comma or "and".
"""
import difflib
import re
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "lint"))

from tree import files_of  # noqa: E402

CLAUSE = r"(?:annex [A-Z](?:\.\d+)*|(?:table|figure) [\w.]*\d|[A-Z]?\d+(?:\.\d+[A-Z]*)*[A-Z]?(?:\.\d+)*)"
# RFC numbers without a clause and quantities ("RFC 3261 timers") are mentions, not citations.
CITATION = re.compile(rf"\b(TS \d\d\.\d{{3}}|RFC \d{{3,5}}) ({CLAUSE}(?:(?:, | and |, and ){CLAUSE})*)(?![\w])")
# What people write by mistake and the map would miss.
MALFORMED = re.compile(r"\b(TS\d\d\.\d{3}|TS \d{5}\b|RFC\d{4}|3GPP TS|"
                       r"(?:TS \d\d\.\d{3}|RFC \d{4}),? (?:§|section|clause|sec\.))")
SOURCES = (".c", ".h", ".py", ".dia")


def sources_of(root):
    return [n for n in files_of(root) if n.endswith(SOURCES) and not n.startswith("tools/gen/")]


# ---- where in a file ----

C_NAME = (
    re.compile(r"^\s*(?:static |const |extern |inline |_Noreturn )*(?:struct|enum|union)\s+(\w+)\s*\{"),
    re.compile(r"^[^=(]*?\b(\w+)(?:\[[^\]]*\])*\s*=\s*\{"),
    re.compile(r"^\s*#\s*define\s+(\w+)"),
    re.compile(r"^\s*typedef\b.*\(\s*\*?\s*(\w+)\s*\)?\s*\("),
    re.compile(r"^(?!\s*(?:return|if|for|while|switch|else)\b)[^=;(]*?\b(\w+)\s*\((?!\*)"),
    re.compile(r"^[^=(]*?\b(\w+)(?:\[[^\]]*\])*\s*(?:=|;)"),
)


def c_starts(lines):
    """(line, name) of each thing at the outermost level."""
    starts, depth = [], 0
    for i, line in enumerate(lines):
        code = re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'', '""', line)
        code = re.sub(r"//.*", "", code)
        if depth == 0 and code.strip() and not code.startswith(("}", "{", "#include", "#pragma", ")")) \
                and not (code[0] in " \t"):
            name = next((m[1] for m in (p.match(code) for p in C_NAME) if m), None)
            if name:
                starts.append((i, name))
        depth += code.count("{") - code.count("}")
    return starts


def py_starts(lines):
    names = ((i, re.match(r"(?:def|class) (\w+)", line)) for i, line in enumerate(lines))
    return [(i, m[1]) for i, m in names if m]


def dia_place(line):
    """The message, group or section of a Diameter description (common/dia/spec) that the line begins."""
    m = re.match(r"\s*([\w-]+) ::=|\s*@\w+ ([\w-]+)", line)
    return (m[1] or m[2]) if m else ""


def place_of(i, lines, starts):
    """The thing that line i is in, or the thing that its comment stands above; "" for the file."""
    j = i
    while j < len(lines) and lines[j].lstrip().startswith(("//", "#", "@")) and not lines[j].startswith("#define"):
        j += 1
    inside = [name for at, name in starts if at <= j]
    if not inside:
        return ""
    if j > i or any(at == i for at, _ in starts):
        exact = [name for at, name in starts if at == j]
        return exact[0] if exact else inside[-1]
    return inside[-1]


def clauses_of(text):
    return re.findall(CLAUSE, text)


def citations(name, text):
    """(document, clause, place) of each citation of a file."""
    lines = text.split("\n")
    of_dia = name.endswith(".dia")
    starts = [] if of_dia else py_starts(lines) if name.endswith(".py") else c_starts(lines)
    for i, line in enumerate(lines):
        for m in CITATION.finditer(line):
            place = dia_place(line) if of_dia else place_of(i, lines, starts)
            for clause in clauses_of(m[2]):
                yield m[1], clause, place


# ---- the page ----

def natural(s):
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.findall(r"\d+|[^\d.]+", s)]


def cell(places):
    by_file = defaultdict(list)
    for name, place in sorted(places):
        if place not in by_file[name]:
            by_file[name].append(place)
    texts = []
    for name, names in by_file.items():
        shown = ", ".join(f"`{n}`" for n in names if n)
        texts.append(f"{name}{': ' if shown else ''}{shown}")
    return "<br>".join(texts)


def page(found):
    out = ["# Clauses, where they are implemented and where they are tested", "",
           "Made by `tools/gen/spec_map.py` from the citations in the sources; do not edit.", ""]
    for document in sorted(found, key=natural):
        out += [f"## {document}", "", "| clause | code | tests |", "| --- | --- | --- |"]
        for clause in sorted(found[document], key=natural):
            places = found[document][clause]
            code = [p for p in places if not p[0].startswith("tests/")]
            tests = [p for p in places if p[0].startswith("tests/")]
            out.append(f"| {clause} | {cell(code)} | {cell(tests)} |")
        out.append("")
    return "\n".join(out)


def collect(root):
    found = defaultdict(lambda: defaultdict(set))
    bad = []
    for name in sources_of(root):
        text = (Path(root) / name).read_text(encoding="utf-8", errors="replace")
        for document, clause, place in citations(name, text):
            found[document][clause].add((name, place))
        for m in MALFORMED.finditer(text):
            line = text.count("\n", 0, m.start()) + 1
            bad.append(f"{name}:{line}: write \"{m[0]}\" as TS nn.nnn x.y or RFC nnnn x.y")
    return found, bad


def difference(target, text):
    """What a diff of the page and what it should be says; empty when they are the same."""
    old = target.read_text() if target.is_file() else ""
    return "".join(difflib.unified_diff(old.splitlines(True), text.splitlines(True), str(target), "made now", n=0))


def main(argv):
    mode = argv[0] if argv[:1] in (["--check"], ["--same"]) else ""
    rest = argv[1:] if mode else argv
    root = rest[0] if rest else str(Path(__file__).resolve().parents[2])
    found, bad = collect(root)
    for b in bad:
        print(f"error: {b}")
    target = Path(root) / "docs" / "spec-map.md"
    stale = mode == "--same" and difference(target, page(found))
    if stale:
        print(f"{stale}error: {target} is not what `ninja docs` makes")
    if not mode:
        target.parent.mkdir(exist_ok=True)
        target.write_text(page(found))
        print(f"{target}: {sum(len(c) for c in found.values())} clauses of {len(found)} documents")
    return 1 if bad or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
