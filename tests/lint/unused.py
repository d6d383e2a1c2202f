#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""unused.py ROOT: every function of the product is of use to a program of the product.

What only tests call is a burden that looks like a feature. Read are the sources: from main, from tables and from
headers (macros, inline functions) it is followed which function names which; what is not static and not reached is an
error. The generators, and the specifications that they read, name what the code that they make calls. Names are taken as they stand, so a function whose name is also that of a struct member may be missed."""
import re
import sys
from pathlib import Path

FOLDERS = ("common", "pcscf", "icscf", "scscf", "hss", "tools")

# What no program calls yet and is there all the same, and why. One that excuses nothing is an error.
EXCEPTIONS = [
    # The simulated world, and where tests take hold of the process: they must stand beside what they replace.
    ("common/io/sim", r"sim_\w+", "the loop's second implementation, which only tests run on"),
    ("common/base/", r"log_set_sink|log_set_clock|log_admit_reset", "the log's sink, clock and limits are its own state"),
    ("common/base/mem.c", r"mem_fail_after|mem_live|mem_kept", "allocations fail, and are counted, where they are made"),
    ("common/sip/pool.c", r"sip_msg_pool_drain", "the pool is a file's own state, and would look like a leak"),
    ("common/sip/split.c", r"split_passes", "each instruction set is tested alone, not only this machine's"),
    ("hss/profile.c", r"hss_user_data_validate", "what the HSS writes is held against the schema that is compiled in there"),
    # Published interfaces of which programs use a part so far.
    ("common/store/", r"(state|statelog|keep|sorted|record|batch)_\w+", "state that survives, for the registrar and the associations"),
    ("common/base/hooks.c", r"hooks_run", "a trigger point outside of step lists, as in dialogs"),
    ("common/dia/codec/frame.c", r"dia_frame_parse", "a message without a connection, as a capture has it"),
    ("common/dia/", r"dia_(session|request_session|requests_session)\w*", "sessions, for applications that have them"),
    ("common/ims/trust.c", r"trust_rows", "the table itself, for who walks it"),
    ("common/sdp/", r"sdp_(edit|edits|write|section|line|text|crypto)\w*", "editing descriptions, for nodes that anchor media"),
    ("common/stack/event/", r"(event|record)_\w+|notifier_note", "the event core, whose packages come with the services"),
    ("common/stack/", r"pxy_get_id|pxy_find", "an owner without step lists keeps a request across a gap by its id"),
    ("common/stack/session/bridge", r"bridge_\w+", "two sessions back to back, for application servers and border nodes"),
    ("common/stack/session/", r"session_(offer|replaces)", "for those, and for calls that are handed on after a question"),
    ("common/stack/session/", r"session_(layer_count|state_name)", "what an owner may show of its sessions"),
    ("tools/ue/", r"hub_calls|hub_hang_up|phone_is_registered", "the library of phones has a second user, the simulation"),
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
    for path in sorted((Path(root) / "tools/gen").glob("*.py")) + sorted((Path(root) / "common/dia").rglob("*.dia")):
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
    unused = tree.unused()
    bad = {n: p for n, p in unused.items() if not excused(n, p)}
    idle = [row for row in EXCEPTIONS if not any(excused_by(*row[:2], n, p) for n, p in unused.items())]
    for prefix, pattern, _ in idle:
        print(f"tests/lint/unused.py: the exception for {pattern} in {prefix} excuses nothing")
    for name, path in sorted(bad.items(), key=lambda x: (x[1], x[0])):
        print(f"{path}: {name} is called by no program")
    if len(tree.public) < 500:
        print("too few functions seen: wrong folder?")
        return 1
    return 1 if bad or idle else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
