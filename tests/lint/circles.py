#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""circles.py ROOT ARCHIVE...: no file needs, by whatever way round, one that needs it.

A file needs another when it calls or reads what that one defines (`nm` on the objects of a library), a header
another when it includes it. Circles that were there before the rule are in KNOWN: they may only shrink, and one that has
shrunk or gone must be written down as it is now. Within common/stack and common/dia a layer needs no symbol of one above it either."""
import collections
import os
import re
import subprocess
import sys
from pathlib import Path

import layers
from tree import files_of

# Files of one folder that need each other, as they were found; what a line leaves out is ".c".
KNOWN_TEXT = """
common/app: conf_value config
common/base: log log_limit
common/io: sim_conn sim_listen sim_net sim_tcp
common/sdp: media parse
common/sip: split split_avx2 split_avx512 split_plain split_sse2
common/stack/proxy: proxy proxy_check proxy_context proxy_reply
common/stack/transport: answer flow guard transport_in transport_tcp
common/stack/txn: fsm_client fsm_server txn txn_client txn_server txn_target
"""
KNOWN = tuple(tuple(f"{folder}/{name}.c" for name in names.split())
              for folder, names in (line.split(": ") for line in KNOWN_TEXT.split("\n") if line))


def sources_of(root, archive):
    """Source by object name, as meson names objects: folders of the source become underscores."""
    folder = archive_folder(archive)
    names = [n for n in files_of(root) if n.startswith(folder + "/") and n.endswith(".c")]
    return {n[len(folder) + 1:].replace("/", "_") + ".o": n for n in names}


def archive_folder(archive):
    """common/stack of .../build/common/stack/libstack.a"""
    parts = Path(archive).resolve().parent.parts
    tops = [i for i, p in enumerate(parts) if p == "common" or p == "tools" or p in layers.NFS]
    return "/".join(parts[tops[-1]:]) if tops else ""


def symbols(root, archive):
    """(defined, needed): sets of symbols by source."""
    sources = sources_of(root, archive)
    defined, needed = collections.defaultdict(set), collections.defaultdict(set)
    out = subprocess.run(["nm", "-A", archive], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        where, _, rest = line.rpartition(":")
        source = sources.get(re.split(r"[:/]", where)[-1])
        fields = rest.split()
        if source and fields[0] in "Uw":
            needed[source].add(fields[1])
        elif source and len(fields) == 3 and fields[1] in "TDRBV":
            defined[source].add(fields[2])
    return defined, needed


def edges_of(defined, needed):
    """{file: {file that it needs: symbols}}"""
    owner = {s: source for source, all_of in defined.items() for s in all_of}
    edges = collections.defaultdict(lambda: collections.defaultdict(set))
    for source, wanted in needed.items():
        for s in wanted:
            if owner.get(s, source) != source:
                edges[source][owner[s]].add(s)
    return edges


def include_edges(root):
    """The same for headers, by their text."""
    names = {n for n in files_of(root) if n.endswith(".h")}
    edges = {}
    for name in names:
        found = {}
        for included in layers.INCLUDE.findall(layers.read(root, name)):
            for candidate in (included, "common/" + included, "tools/" + included,
                              str(Path(name).parent / included)):
                if candidate in names:
                    found[candidate] = {included}
                    break
        edges[name] = found
    return edges


def circles(edges):
    """Strongly connected files (Tarjan), each circle sorted."""
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in edges.get(v, ()):
            if w not in index:
                visit(w)
            if w in stack:
                low[v] = min(low[v], low[w])
        if low[v] == index[v]:
            circle = stack[stack.index(v):]
            del stack[stack.index(v):]
            if len(circle) > 1:
                found.append(tuple(sorted(circle)))

    for v in sorted(edges):
        if v not in index:
            visit(v)
    return sorted(found)


def way_round(circle, edges):
    for name in circle:
        for other in circle:
            if other in edges.get(name, ()):
                yield f"    {name} needs {', '.join(sorted(edges[name][other])[:4])} of {other}"


def written(circle):
    folder = os.path.commonpath(circle)
    return f"{folder}: {' '.join(name[len(folder) + 1:-2] for name in circle)}"


def judge(found, known, edges):
    """Complaints about the circles found, given those known."""
    allowed = {tuple(sorted(k)) for k in known}
    for circle in found:
        if circle in allowed:
            continue
        of = [k for k in allowed if set(circle) <= set(k)]
        if of:
            yield f"a known circle has shrunk (good): write it down as {written(circle)}"
        else:
            yield "\n".join([f"a circle of {len(circle)} files:", *way_round(circle, edges)])
    for k in sorted(allowed - set(found)):
        if not any(set(c) <= set(k) for c in found):
            yield f"no circle any more (good): take it out of KNOWN: {written(k)}"


def upward(edges):
    """A layer of a nested folder that needs a symbol of one that it must not know."""
    for source in sorted(edges):
        for other in sorted(edges[source]):
            if not layers.may_know(source, other):
                yield f"{source} may not need {', '.join(sorted(edges[source][other]))} of {other}"


def main(root, archives):
    edges, n = {}, 0
    for archive in archives:
        of = edges_of(*symbols(root, archive))
        n += sum(len(x) for x in of.values())
        for source in of:
            edges[source] = of[source]
    problems = list(upward(edges))
    for graph, known in ((edges, KNOWN), (include_edges(root), ())):
        problems += judge(circles(graph), known, graph)
    for p in problems:
        print(p)
    if n < 100:
        print("too few needs seen: wrong archives?")
        return 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
