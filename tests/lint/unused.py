#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""unused.py ROOT: every function of the product is of use to a program of the product.

What only tests call is a burden that looks like a feature. Read are the sources: from main, from tables and from
headers (macros, inline functions) it is followed which function names which; what is not static and not reached is an
error. The generators name what the code that they make calls. Names are taken as they stand, so a function whose name is also that of a struct member may be missed."""
import re
import sys
from pathlib import Path

FOLDERS = ("common", "pcscf", "icscf", "scscf", "hss", "tools")

# What is there for tests, or for users who are not in this tree, and why.
EXCEPTIONS = [
    ("common/io/sim", r"sim_\w+", "the simulated loop is for tests"),
    ("common/base/", r"log_set_sink|log_set_clock|log_admit_reset|mem_fail_after|mem_live|mem_kept",
     "where tests take hold of the log and the heap"),
    ("common/base/bucket.c", r"bucket_count|bucket_refused", "what tests look at"),
    ("common/base/hooks.c", r"hooks_run", "a trigger point outside of step lists"),
    ("common/app/config.c", r"conf_load(_text)?", "a configuration without a process, for tests"),
    ("common/sip/", r"sip_msg_pool_drain|split_passes|sip_frame", "leak checks; each instruction set alone; framing of tests"),
    ("common/sip/", r"sip_(via|auth|auth_info)_parse|sip_names_place", "a value alone, for round trips"),
    ("common/sdp/", r"sdp_(edit|edits|write|section|line|text|crypto|precondition)\w*",
     "for nodes that anchor media, and for preconditions"),
    ("common/dia/codec/frame.c", r"dia_frame_parse", "a frame alone, for round trips"),
    ("common/dia/cx.c", r"cx_before", "the specification file has it called by what is made"),
    ("common/dia/", r"dia_(session|request_session|requests_session)\w*", "sessions, for applications that have them"),
    ("common/stack/event/", r"(event|subscriber)_\w+", "the event core, whose packages come with the services"),
    ("common/stack/session/bridge.c", r"bridge_\w+", "two sessions back to back, for application servers and border nodes"),
    ("common/stack/session/", r"session_(offer|replaces)", "for those, and for calls that are handed on after a question"),
    ("common/stack/session/", r"session_(layer_count|state_name)", "what tests look at"),
    ("common/ims/identity.c", r"ims_\w+|plmn_parse", "identities of a phone without an ISIM"),
    ("common/ims/trust", r"trust_rows|trust_side_name", "the table as tests walk it"),
    ("common/ims/wildcard.c", r"wildcard_\w+", "for wildcarded identities in the S-CSCF"),
    ("common/xml/profile.c", r"profile_size", "what tests look at"),
    ("common/store/sqlite.c", r"store_part_\w+", "parts of a transaction"),
    ("common/stack/", r"(stack|txn|pxy|resolve)_\w+", "what tests look at"),
    ("hss/", r"hss_import|hss_user_data_validate", "an import without a process, for tests"),
    ("icscf/icscf.c", r"icscf_stack", "what tests look at"),
    ("pcscf/", r"association_impi|association_user|registry_remove", "what tests look at"),
    ("scscf/", r"scscf_(bindings|challenges|registrations|stack)", "what tests look at"),
    ("scscf/registrar.c", r"registrar_find_\w+", "for wildcarded identities"),
    ("tools/ue/", r"(hub|phone)_\w+", "the library of phones, for tests"),
]

WORD = re.compile(r"[A-Za-z_]\w*")
NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
# The head of a definition: at the margin, up to its opening brace at the margin.
DEFINITION = re.compile(r"^(?P<head>[A-Za-z_][^;{}#=]*?\b(?P<name>\w+)\s*\([^;{}]*\)[^;{}()]*)\n\{\n(?P<body>.*?)^\}", re.M | re.S)
PROTOTYPE = re.compile(r"^(?!typedef|#|static)[A-Za-z_][^;{}#=]*?\([^;{}]*\)[^;{}]*;", re.M | re.S)


MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)\(([^)]*)\)((?:[^\n]*\\\n)*[^\n]*)", re.M)
PASTED = re.compile(r"\w+(?:\s*##\s*\w+)+")


def invoked(name, maker, text):
    """What the macro pastes together where the text calls it."""
    params, pasted = maker
    for args in re.findall(rf"\b{name}\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)", text):
        given = dict(zip(params, (a.strip() for a in args.split(","))))
        for parts in pasted:
            yield "##".join(given.get(p, p) for p in re.split(r"\s*##\s*", parts))


class Tree:
    """Which function names which."""

    def __init__(self):
        self.bodies, self.public, self.roots = {}, {}, {"main"}
        self.macros, self.text = {}, []

    def add_macros(self, text):
        """Names that a macro makes of its arguments, itself or by another one."""
        for name, params, body in MACRO.findall(text):
            self.macros[name] = ([p.strip() for p in params.split(",")], body)
        self.text.append(MACRO.sub(" ", text))

    def expand(self):
        makers = {n: (params, PASTED.findall(body)) for n, (params, body) in self.macros.items() if "##" in body}
        for _ in range(3):
            for name, (params, body) in self.macros.items():
                made = [p for maker in list(makers) for p in invoked(maker, makers[maker], body)]
                if made and name not in makers:
                    makers[name] = (params, made)
        for name, maker in makers.items():
            for text in self.text:
                self.roots.update(re.sub(r"\s*##\s*", "", made) for made in invoked(name, maker, text))

    def add_code(self, path, text):
        text = NOISE.sub(" ", text)
        self.add_macros(text)
        for m in DEFINITION.finditer(text):
            self.bodies.setdefault(m["name"], set()).update(WORD.findall(m["body"]))
            if not re.search(r"\bstatic\b", m["head"]):
                self.public[m["name"]] = path
        rest = DEFINITION.sub(" ", text)
        self.roots |= set(WORD.findall(PROTOTYPE.sub(" ", re.sub(r"^static [^;{}=]*\([^;{}]*\);", " ", rest, flags=re.M))))

    def add_header(self, text):
        text = NOISE.sub(" ", text)
        self.add_macros(text)
        text = PROTOTYPE.sub(" ", text)
        self.roots |= set(WORD.findall(text))

    def unused(self):
        seen, todo = set(), [n for n in self.roots if n in self.bodies]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += [n for n in self.bodies[name] if n in self.bodies and n not in seen]
        return {name: path for name, path in self.public.items() if name not in seen}


def read(root):
    tree = Tree()
    for path in sorted((Path(root) / "tools/gen").glob("*.py")):
        tree.roots |= set(WORD.findall(path.read_text(encoding="utf-8")))
    for folder in FOLDERS:
        for path in sorted((Path(root) / folder).rglob("*")):
            if path.suffix == ".c" or path.suffix == ".inc":
                tree.add_code(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
            elif path.suffix == ".h":
                tree.add_header(path.read_text(encoding="utf-8"))
    tree.expand()
    return tree


def excused_by(prefix, pattern, name, path):
    return path.startswith(prefix) and re.fullmatch(pattern, name) is not None


def excused(name, path):
    return any(excused_by(prefix, pattern, name, path) for prefix, pattern, _ in EXCEPTIONS)


def main(root):
    tree = read(root)
    bad = {n: p for n, p in tree.unused().items() if not excused(n, p)}
    for name, path in sorted(bad.items(), key=lambda x: (x[1], x[0])):
        print(f"{path}: {name} is called by no program")
    if len(tree.public) < 500:
        print("too few functions seen: wrong folder?")
        return 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
