# SPDX-License-Identifier: Apache-2.0
"""The lints find what they are for, in trees made to break each rule."""
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "gen"))

import circles
import headers
import layers
import pytest
import spec_map
import tree as sources
import unused

LICENSE = "// SPDX-License-Identifier: Apache-2.0\n"
SPDX_PAGE = "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"


def tree(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(tmp_path)


def found(check, root):
    report = layers.Report()
    layers.CHECKS[check](root, report)
    return report.errors


@pytest.mark.parametrize("name,include,ok", [
    ("common/sip/a.c", "base/str.h", True),
    ("common/sip/a.c", "sip/b.h", True),
    ("common/sip/a.c", "io/loop.h", False),
    ("common/base/a.c", "sip/msg.h", False),
    ("common/io/a.h", "stack/stack.h", False),
    ("common/stack/a.c", "sip/msg.h", True),
    ("common/stack/a.c", "dia/cx.h", False),
    ("common/stack/a.c", "stack/txn/txn.h", True),
    ("common/stack/transport/a.c", "stack/transport/a_priv.h", True),
    ("common/stack/transport/a.h", "stack/txn/txn.h", False),
    ("common/stack/transport/a.c", "stack/stack.h", False),
    ("common/stack/txn/a.c", "stack/transport/flow.h", True),
    ("common/stack/txn/a.c", "stack/transport/a_priv.h", False),
    ("common/stack/txn/a.c", "stack/proxy/proxy.h", False),
    ("common/stack/txn/a.c", "sip/msg.h", True),
    ("common/stack/proxy/a.c", "stack/session/ua.h", False),
    ("common/stack/session/a.c", "stack/txn/txn.h", True),
    ("common/stack/session/a.c", "stack/proxy/proxy.h", False),
    ("common/stack/event/a.c", "stack/session/dialog.h", True),
    ("common/stack/event/a.c", "stack/session/session.h", False),
    ("common/stack/other/a.c", "base/str.h", False),
    ("common/ims/a.c", "stack/proxy/proxy.h", True),
    ("scscf/a.c", "stack/txn/txn_priv.h", False),
    ("common/dia/a.c", "ims/aka.h", False),
    ("common/dia/link/a.c", "dia/codec/codec.h", True),
    ("common/dia/link/a.c", "dia/base.h", True),
    ("common/dia/link/a.c", "dia/peer/peer.h", False),
    ("common/dia/link/a.c", "dia/node.h", False),
    ("common/dia/peer/a.c", "dia/link/link.h", True),
    ("common/dia/peer/a.c", "dia/link/link_priv.h", False),
    ("common/dia/peer/a.c", "dia/request/request.h", False),
    ("common/dia/request/a.c", "dia/peer/peer.h", True),
    ("common/dia/a.c", "dia/link/link_priv.h", True),
    ("common/ims/a.c", "dia/cx.h", True),
    ("common/ims/aka.c", "ims/aka.h", True),
    ("common/ims/aka_priv.h", "base/str.h", True),
    ("common/ims/aka.c", "sip/msg.h", False),
    ("common/ims/digest.c", "ims/profile.h", False),
    ("common/ims/a.c", "app/app.h", False),
    ("common/app/a.c", "hss/hss.h", False),
    ("common/app/a.c", "stack/stack_priv.h", False),
    ("common/new/a.c", "base/str.h", False),
    ("scscf/a.c", "app/app.h", True),
    ("scscf/a.c", "scscf/scscf.h", True),
    ("scscf/a.c", "hss/hss.h", False),
    ("scscf/a.c", "scscf.h", False),
    ("tests/unit/a.c", "anything.h", True),
])
def test_includes(tmp_path, name, include, ok):
    root = tree(tmp_path, {name: f'{LICENSE}#include "{include}"\n#include <stdio.h>\n'})
    assert bool(found("includes", root)) != ok


@pytest.mark.parametrize("lines,ok", [(100, True), (101, False)])
def test_sizes(tmp_path, lines, ok):
    body = "    x();\n" * (lines - 2)
    root = tree(tmp_path, {"a.c": f"{LICENSE}static int long_one(int a,\n    int b)\n{{\n{body}}}\n"})
    errors = found("sizes", root)
    assert errors == ([] if ok else ["a.c:4: long_one has 101 lines; 100 at most"])


@pytest.mark.parametrize("name,text,ok", [
    ("common/a.c", LICENSE, True),
    ("common/a.c", "int a;\n", False),
    ("tool", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n", True),
    ("tool", "#!/bin/sh\n", False),
    ("README.md", "no licence line\n", True),
    ("README.md", "see /" "home/me/x\n", False),
    ("common/a.c", LICENSE + 'p("/' 'tmp/x");\n', False),
    ("tests/a.c", LICENSE + 'p("/' 'tmp/x");\n', True),
    ("common/a.c", LICENSE + "// TO" "DO later\n", False),
    ("common/a.c", LICENSE + "p = malloc(3);\n", False),
    ("common/a.c", LICENSE + "p = mem_alloc(3); q->free(p); // free(p)\n", True),
    ("common/base/mem.c", LICENSE + "p = malloc(3);\n", True),
    ("scscf/a.c", LICENSE + "t = time(NULL);\n", False),
    ("common/io/a.c", LICENSE + "t = time(NULL);\n", True),
    ("tools/a.c", LICENSE + "t = time(NULL);\n", True),
    ("hss/a.c", LICENSE + "usleep(1);\n", False),
    ("pcscf/a.c", LICENSE + "all = all.n ? ARENA_CAT(a, all, part) : part;\n", False),
    ("pcscf/a.c", LICENSE + "all = ARENA_CAT(a, other, part);\n", True),
    ("pcscf/a.c", LICENSE + "for (i = 0; (v = sip_msg_at(m, id, i)); i++)\n", False),
    ("pcscf/a.c", LICENSE + "for (i = 0; i < n; i++)\n    v = 0;\nw = sip_msg_at(m, id, 0);\n", True),
    ("a.c", LICENSE + "// " + "word " * 23 + "\n", True),
    ("a.c", LICENSE + "// " + "word " * 24 + "\n", False),
    ("tests/corpus/a.py", LICENSE + "// " + "word " * 24 + "\n", True),
    ("meson.build", LICENSE + "# " + "word " * 24 + "\n", False),
    ("tool", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n# " + "word " * 24 + "\n", False),
    ("docs/a.md", SPDX_PAGE + "word " * 23 + "\n", True),
    ("docs/a.md", SPDX_PAGE + "word " * 25 + "\n", False),
    ("docs/a.md", SPDX_PAGE + "- " + "word " * 25 + "\n", False),
    ("docs/a.md", SPDX_PAGE + "| " + "word " * 25 + "|\n", True),
    ("docs/a.md", SPDX_PAGE + "```\n" + "word " * 25 + "\n```\n", True),
    ("docs/a.md", SPDX_PAGE + "```\nmake\n```\n" + "word " * 25, False),
])
def test_text(tmp_path, name, text, ok):
    assert bool(found("text", tree(tmp_path, {name: text}))) != ok


@pytest.mark.parametrize("text,ok", [
    ("#pragma once\n#include <stddef.h>\nsize_t f(void);\n", True),
    ("#pragma once\nsize_t f(void);\n", False),
    ("struct twice { int a; };\n", False),
])
def test_headers(tmp_path, text, ok):
    root = tree(tmp_path, {"common/x/a.h": LICENSE + text})
    assert (headers.main(root, [shutil.which("cc")]) == 0) == ok


def archive(tmp_path, folder, files):
    """Libraries as the build makes them: FOLDER/libx.a of the sources below FOLDER."""
    root = tree(tmp_path / "src", {f"{folder}/{name}": LICENSE + text for name, text in files.items()})
    build = tmp_path / "build" / folder
    (build / "libx.a.p").mkdir(parents=True)
    objects = []
    for name in files:
        objects.append(str(build / "libx.a.p" / (name.replace("/", "_") + ".o")))
        subprocess.run(["cc", "-c", f"{root}/{folder}/{name}", "-o", objects[-1]], check=True)
    subprocess.run(["ar", "rcsT", str(build / "libx.a"), *objects], check=True)
    return root, str(build / "libx.a")


def complaints(tmp_path, folder, files, known=()):
    root, lib = archive(tmp_path, folder, files)
    edges = circles.edges_of(*circles.symbols(root, lib))
    return [*circles.upward(edges), *circles.judge(circles.circles(edges), known, edges)]


A_B = {"a.c": "int b(void);\nint a(void) { return b(); }\n", "b.c": "int b(void) { return 1; }\n"}
CIRCLE = {**A_B, "b.c": "int c(void);\nint b(void) { return c(); }\n",
          "c.c": "int a(void);\nint c(void) { return a(); }\n"}
NAMES = ("common/x/a.c", "common/x/b.c", "common/x/c.c")


def test_a_way_is_no_circle(tmp_path):
    assert complaints(tmp_path, "common/x", A_B) == []


def test_a_circle_is_found_with_its_way_round(tmp_path):
    found_one, = complaints(tmp_path, "common/x", CIRCLE)
    assert found_one.splitlines() == ["a circle of 3 files:",
                                      "    common/x/a.c needs b of common/x/b.c",
                                      "    common/x/b.c needs c of common/x/c.c",
                                      "    common/x/c.c needs a of common/x/a.c"]


def test_a_known_circle_passes_and_must_be_kept_true(tmp_path):
    assert complaints(tmp_path / "1", "common/x", CIRCLE, [NAMES]) == []
    shrunk, = complaints(tmp_path / "2", "common/x", CIRCLE, [(*NAMES, "common/x/d.c")])
    assert "has shrunk" in shrunk
    gone, = complaints(tmp_path / "3", "common/x", A_B, [NAMES])
    assert "no circle any more" in gone
    grown = complaints(tmp_path / "4", "common/x", CIRCLE, [NAMES[:2]])[0]
    assert grown.startswith("a circle of 3 files")


def test_a_layer_that_calls_upward_is_found(tmp_path):
    files = {"txn/a.c": "int up(void);\nint a(void) { return up(); }\n", "proxy/b.c": "int up(void) { return 1; }\n"}
    assert complaints(tmp_path, "common/stack", files) == [
        "common/stack/txn/a.c may not need up of common/stack/proxy/b.c"]
    files = {"proxy/a.c": files["txn/a.c"], "txn/b.c": files["proxy/b.c"]}
    assert complaints(tmp_path / "down", "common/stack", files) == []


def test_headers_in_a_circle(tmp_path):
    root = tree(tmp_path, {"common/x/a.h": '#include "x/b.h"\n', "common/x/b.h": '#include "x/c.h"\n',
                           "common/x/c.h": '#include "x/a.h"\n', "common/x/d.h": '#include "x/a.h"\n'})
    assert circles.circles(circles.include_edges(root)) == [("common/x/a.h", "common/x/b.h", "common/x/c.h")]


FILES = ["a.c", ".ci/run", "common/sip/build.c", "tests/a.py", "tools/run"]
IGNORED = ["build/a.c", "build-x/a.h", "run/a.c", "tests/__pycache__/a.py", "a.o", "x.pcap"]


def planted(tmp_path):
    return tree(tmp_path, {name: LICENSE for name in FILES + IGNORED})


def test_files_without_git(tmp_path, monkeypatch):
    """A clone on a machine that has no git, and a source folder that never was one."""
    root = planted(tmp_path)
    assert sources.files_of(root) == sorted(FILES)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "b.c").write_text("int a;")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sources.files_of(root) == sorted(FILES)


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed, and nothing else needs it")
def test_files_with_git(tmp_path):
    root = planted(tmp_path / "clone")
    shutil.copy(Path(__file__).resolve().parents[2] / ".gitignore", root)
    for words in (["init", "-q", str(tmp_path)], ["init", "-q", root]):
        subprocess.run(["git", *words], check=True)
    assert sources.files_of(root) == sorted([*FILES, ".gitignore"])


def test_a_source_folder_inside_of_another_repository(tmp_path):
    """Its files are nobody's business of the outer one, which may ignore them."""
    (tmp_path / ".git").mkdir()
    root = planted(tmp_path / "unpacked")
    assert sources.files_of(root) == sorted(FILES)


def test_a_stale_page_is_found(tmp_path, capsys):
    root = tree(tmp_path, {"common/a.c": LICENSE + "// RFC 3261 17.1.1\nint a(void);\n"})
    page = tmp_path / "docs" / "spec-map.md"
    assert spec_map.main(["--same", root]) == 1  # there is none
    assert spec_map.main([root]) == 0
    assert spec_map.main(["--same", root]) == 0
    before = page.read_text()
    tree(tmp_path, {"common/b.c": LICENSE + "// RFC 3261 17.1.2\nint b(void);\n"})
    capsys.readouterr()
    assert spec_map.main(["--same", root]) == 1
    assert "+| 17.1.2 | common/b.c: `b` |  |" in capsys.readouterr().out
    assert page.read_text() == before


@pytest.mark.parametrize("code,header,names", [
    ("int a(void)\n{\n    return 0;\n}\n", "int a(void);\n", ["a"]),
    ("int main(void)\n{\n    return a();\n}\nint a(void)\n{\n    return 0;\n}\n", "int a(void);\n", []),
    ("int a(void)\n{\n    return b();\n}\nint b(void)\n{\n    return a();\n}\n", "", ["a", "b"]),
    ("static int s(void)\n{\n    return 0;\n}\n", "", []),
    ("int a(void)\n{\n    return 0;\n}\nstatic const fn table[] = {a};\n", "", []),
    ("int a(void)\n{\n    return 0;\n}\n", "static inline int b(void)\n{\n    return a();\n}\n", []),
    ("int a(void)\n{\n    return 0;\n}\n// a();\nstatic const char t[] = \"a\";\n", "// a()\n", ["a"]),
    ("int x_new(void)\n{\n    return 0;\n}\nHOOKS(x)\n", "#define MAKE(nf) nf##_new\n#define HOOKS(n) MAKE(n)\n", []),
    ("int y_new(void)\n{\n    return 0;\n}\nHOOKS(x)\n", "#define HOOKS(nf) nf##_new\n", ["y_new"]),
])
def test_unused(tmp_path, code, header, names):
    root = tree(tmp_path, {"common/x/a.c": code, "common/x/a.h": header})
    assert sorted(unused.read(root).unused()) == names

