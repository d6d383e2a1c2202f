#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rules of the house that a compiler does not check. Usage: layers.py CHECK ROOT

  includes   the layer rule: base <- {sip, sdp, xml, io} <- {stack, dia} <- ims <- app <- NF, inside of stack
             transport <- txn <- {proxy, session, event}, and inside of dia codec <- link <- peer <- request
  sizes      functions of at most 100 lines (60 and files of 600 are warned about)
  text       SPDX line, paths of one machine, leftovers, heap and clock only through their doors,
             prose of at most 120 columns
"""
import re
import sys
from pathlib import Path

from tree import files_of

# What a folder of common/ may include besides itself. docs/architecture.md draws it.
PURE = ("base",)
CORE = ("base", "sip", "sdp", "xml", "io")
LAYERS = {
    "base": (), "sip": PURE, "sdp": PURE, "xml": PURE, "io": PURE, "store": ("base", "io"),
    "media": ("base", "io"),
    "stack": ("base", "sip", "sdp", "io"),
    "dia": ("base", "io"),
    "ims": CORE + ("stack", "dia"),
    "app": CORE + ("stack", "dia", "ims", "store"),
}
# These are needed by nodes, tools and tests that have no network beneath them.
LEAF_FILES = {"common/ims/aka": PURE, "common/ims/digest": PURE, "common/ims/identity": PURE}
# The layers inside of a folder: what each may include of its neighbours (a folder, one file in it, or with "/" before it a
# file beside them: dia/base.h is made from a specification). Other files beside them wire them together and may include all.
NESTED = {
    "stack": {
        "transport": (),
        "txn": ("transport",),
        "proxy": ("transport", "txn"),
        "session": ("transport", "txn"),
        "event": ("transport", "txn", "session/dialog", "session/ua"),
    },
    "dia": {
        "codec": ("/base",),
        "link": ("codec", "/base"),
        "peer": ("codec", "link", "/base"),
        "request": ("codec", "link", "peer", "/base"),
    },
}
NFS = ("pcscf", "icscf", "scscf", "hss", "bgcf", "mrf", "ibcf", "as", "cdf")

FUNCTION_ERROR, FUNCTION_WARN, FILE_WARN = 100, 60, 600
CODE = (".c", ".h")
WIDTH = 120
GENERATED = tuple(f"docs/{page}.md" for page in ("benchmarks", "configuration", "spec-map", "diameter-base",
                                                 "diameter-cx"))


class Report:
    def __init__(self):
        self.errors, self.warnings = [], []

    def error(self, where, what):
        self.errors.append(f"{where}: {what}")

    def warn(self, where, what):
        self.warnings.append(f"{where}: {what}")


def read(root, name):
    return (Path(root) / name).read_text(encoding="utf-8", errors="replace")


# ---- includes ----

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def allowed_for(name):
    """Folders that the file may include, and its own; None when the rule does not reach it."""
    parts = name.split("/")
    if parts[0] == "common" and len(parts) > 2:
        own = parts[1]
        for prefix, allowed in LEAF_FILES.items():
            if re.fullmatch(prefix + r"(_\w+)?\.[ch]", name):
                return own, allowed
        return own, LAYERS.get(own)
    if parts[0] in NFS:
        return parts[0], tuple(LAYERS)
    return None


def nested_of(name):
    """(folder with layers, layer, file in it without suffix) of a path below common/; None when it is in no layer."""
    parts = name.removeprefix("common/").split("/")
    if len(parts) < 3 or parts[0] not in NESTED:
        return None
    return parts[0], parts[1], re.sub(r"\.\w+$", "", "/".join(parts[1:]))


def may_know(name, other):
    """May a file know another, as far as the layers inside of a folder go? Both with or without common/."""
    own, its = nested_of(name), nested_of(other)
    if not own or own[0] != other.removeprefix("common/").split("/")[0]:
        return True
    rules = NESTED[own[0]].get(own[1], ())
    if not its:  # the wiring, or a file that it may know
        return re.sub(r".*/(\w+)\.\w+$", r"/\1", other) in rules
    return own[1] == its[1] or its[1] in rules or its[2] in rules


def check_includes(root, report):
    for name in files_of(root):
        rule = allowed_for(name) if name.endswith(CODE) else None
        if rule is None:
            continue
        own, allowed = rule
        if allowed is None:
            report.error(name, f"common/{own} has no place in the layers of tests/lint/layers.py")
            continue
        for included in INCLUDE.findall(read(root, name)):
            check_include(name, own, allowed, included, report)


def check_include(name, own, allowed, included, report):
    folder = included.split("/")[0]
    nested, other = nested_of(name), nested_of(included)
    if nested and nested[1] not in NESTED[own]:
        report.error(name, f"common/{own}/{nested[1]} has no place in the layers of tests/lint/layers.py")
    elif not may_know(name, included):
        report.error(name, f'{own}/{nested[1]} may not include "{included}"')
    elif nested and other and nested[1] != other[1] and re.search(r"_priv\.h$", included):
        report.error(name, f'"{included}" is private to {own}/{other[1]}')
    leaf = any(name.startswith(p) for p in LEAF_FILES) and folder == own
    if "/" not in included:
        report.error(name, f'"{included}" is included without its folder')
    elif leaf and not any(f"common/{included}".startswith(p) for p in LEAF_FILES):
        report.error(name, f'may not include "{included}": it depends on base only')
    elif folder != own and folder not in allowed:
        report.error(name, f'{own} may not include "{included}": allowed are '
                           f'{", ".join(sorted(allowed)) or "none"}')
    elif folder != own and re.search(r"_priv\.h$", included):
        report.error(name, f'"{included}" is private to {folder}')


# ---- sizes ----

def functions_of(text):
    """(first line, length, name) of each function: its braces stand in column 0."""
    lines = text.split("\n")
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            head = " ".join(lines[max(0, start - 4):start])
            names = re.findall(r"(\w+)\s*\(", head)
            yield start + 1, i - start + 1, names[-1] if names else "?"
            start = None


def check_sizes(root, report):
    for name in files_of(root):
        if not name.endswith(CODE):
            continue
        text = read(root, name)
        n_lines = text.count("\n")
        if n_lines > FILE_WARN:
            report.warn(name, f"{n_lines} lines; {FILE_WARN} are aimed at")
        for line, length, function in functions_of(text):
            if length > FUNCTION_ERROR:
                report.error(f"{name}:{line}", f"{function} has {length} lines; {FUNCTION_ERROR} at most")
            elif length > FUNCTION_WARN:
                report.warn(f"{name}:{line}", f"{function} has {length} lines; {FUNCTION_WARN} are aimed at")


# ---- text ----

# What a fuzzer starts from is data, byte for byte.
FUZZ_SEEDS = "tests/fuzz/corpus/"
SPDX_NAMES = re.compile(r"(\.(c|h|py|sh|asn|xsd|ya?ml)|meson\.build|meson_options\.txt)$")
C_CODE = r"^(common|%s|tools)/.*\.[ch]$" % "|".join(NFS)
LOGIC = r"^(common|%s)/.*\.[ch]$" % "|".join(NFS)
# Pattern, files it applies to, files where it may stand, whether comments count, what is wrong.
WORDS = (
    (r"(?<![\w.$}])/(work|home|root)/", r"", r"^tests/lint/", True, "a path of one machine"),
    (r"/tmp/", r"\.(c|h|py|sh)$|^tools/", r"^tests/", True, "temporary files are made with mkstemp or mktemp"),
    (r"\b(TODO|FIXME|XXX|HACK)\b", r"\.(c|h|py|sh|build)$", r"^tests/lint/", True, "unfinished work"),
    (r"^(<{7}|>{7}) ", r"", r"", True, "conflict marker"),
    # libfdproto hands over bytes of malloc and takes such.
    (r"(?<![\w.>])(malloc|calloc|realloc|strdup|strndup|free)\s*\(", C_CODE, r"^common/(base/mem\.[ch]|dia/)",
     False, "heap only through base/mem.h"),
    (r"(?<![\w.>])(clock_gettime|gettimeofday|time|rand|random|getrandom|RAND_bytes)\s*\(", LOGIC,
     r"^common/(base/log\.c|io/|app/)", False, "time and randomness only from the loop"),
    (r"(?<![\w.>])(\*?\w+) = [^;]*\bARENA_CAT\(\s*[^,;]+,\s*\1\b", C_CODE, r"", False,
     "copies all that was there before; pieces go into an arena_buf"),
    (r"\b(for|while) \([^{}\n]*?\bsip_msg_(at|count)\([^{}\n]*?\{?$", C_CODE, r"^common/sip/", False,
     "values are walked with a sip_iter"),
    (r"(?<![\w.>])(sleep|usleep|nanosleep)\s*\(", LOGIC, r"", False, "a daemon never sleeps"),
)


def without_comments(name, text):
    """C code alone; comments may speak of anything."""
    if not name.endswith(CODE):
        return text
    return re.sub(r"//[^\n]*|/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)


def check_spdx(name, text, report):
    first = text.split("\n", 2)[:2]
    if (SPDX_NAMES.search(name) or text.startswith("#!")) and not name.startswith(FUZZ_SEEDS) and \
            not any("SPDX-License-Identifier: Apache-2.0" in line for line in first):
        report.error(name, "no SPDX-License-Identifier: Apache-2.0 in the first line")


def check_words(name, text, report):
    code = without_comments(name, text)
    for pattern, where, excused, comments, what in WORDS:
        if not re.search(where, name) or (excused and re.search(excused, name)):
            continue
        source = text if comments else code
        for m in re.finditer(pattern, source, re.M):
            line = source.count("\n", 0, m.start()) + 1
            report.error(f"{name}:{line}", f"{m[0].strip()!r}: {what}")


def check_width(name, text, report):
    """Prose of the documents; tables, code, HTML comments and what is generated are as wide as they have to be."""
    if not name.endswith(".md") or name in GENERATED:
        return
    code = False
    for i, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            code = not code
        elif len(line) > WIDTH and not code and not re.match(r"\s*(\||<|    |\[[^]]+\]:)", line):
            report.error(f"{name}:{i}", f"{len(line)} columns, {WIDTH} at most")


def check_text(root, report):
    for name in files_of(root):
        raw = (Path(root) / name).read_bytes()
        if b"\0" in raw[:4096]:
            continue
        text = raw.decode("utf-8", errors="replace")
        check_spdx(name, text, report)
        check_words(name, text, report)
        check_width(name, text, report)


CHECKS = {"includes": check_includes, "sizes": check_sizes, "text": check_text}


def main(argv):
    if len(argv) != 3 or argv[1] not in CHECKS:
        print(__doc__, file=sys.stderr)
        return 2
    report = Report()
    CHECKS[argv[1]](argv[2], report)
    for w in report.warnings:
        print(f"warning: {w}")
    for e in report.errors:
        print(f"error: {e}")
    return 1 if report.errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
