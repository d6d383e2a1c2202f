# SPDX-License-Identifier: Apache-2.0
"""The description of a Diameter application: each mistake is refused, with its file and line."""
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools" / "gen"))

import dia_c  # noqa: E402
import dia_doc  # noqa: E402
from dia_spec import SpecError, read_specs  # noqa: E402

BASE = ROOT / "common" / "dia" / "spec" / "base.dia"
GOOD = """@name x
@title Example
@id 77 auth
@vendor 10415
@inherits base
@avp_types
   A-Name  9001 UTF8String MV
   A-Kind  9002 Enumerated MV
   A-Group 9003 Grouped    V
@enum A-Kind x_kind X_
   ONE 1
   TWO 2
@grouped
   A-Group ::= < AVP Header: 9003 10415 > struct x_group
         [ A-Name ] name
        *[ AVP ]
@part head head: struct x_head
         < Session-Id >  head.session_id
         { Origin-Host } head.origin_host
@messages
   XXR ::= < Diameter Header: 999, REQ, PXY, 77 > Example-Request
         + head
         { A-Kind }   kind
        *[ A-Name ]   names
         [ A-Group ]  group
        *[ AVP ]
   XXA ::= < Diameter Header: 999, PXY, 77 > Example-Answer
         + head
         [ Result-Code ] result
        *[ AVP ]
"""


def specs(tmp_path, text):
    path = tmp_path / "x.dia"
    path.write_text(text)
    return read_specs([BASE, path])


def test_good(tmp_path):
    spec = specs(tmp_path, GOOD)[-1]
    header, source, page = dia_c.header(spec), dia_c.source(spec), dia_doc.page(spec)
    assert "    const struct str *names;\n    size_t n_names;\n" in header
    assert "    enum x_kind kind;\n" in header
    assert ".low = 1, .value = 2" in source
    assert "< XXR > ::= < Diameter Header: 999, REQ, PXY, 77 >" in page


@pytest.mark.parametrize("old,new,line,said", [
    ("@title Example\n", "", 1, "no @title"),
    ("@name x", "@name X", 1, "lower case"),
    ("@id 77 auth", "@id 77 both", 3, "auth or acct"),
    ("@id 77 auth", "@id 4294967296", 3, "no number"),
    ("@inherits base", "@inherits rx", 5, "no spec that was read before"),
    ("@avp_types", "@avps", 6, "unknown section @avps"),
    ("   A-Name  9001 UTF8String MV", "   A-Name  9001 UTF8 MV", 7, "unknown type UTF8"),
    ("   A-Name  9001 UTF8String MV", "   A-Name  9001 UTF8String X", 7, "with flags M, V, MV or -"),
    ("   A-Name  9001", "   User-Name 9001", 7, "User-Name is there already"),
    ("   A-Kind  9002", "   A-Kind  9001", 8, "9001 of vendor 10415 is A-Name already"),
    ("@enum A-Kind", "@enum A-Name", 10, "no Enumerated"),
    ("   TWO 2", "   TWO 1", 12, "is there twice"),
    ("   TWO 2", "   TWO 0", 12, "values stand in order"),
    ("9003 10415 >", "9004 10415 >", 14, "A-Group is 9003"),
    ("         [ A-Name ] name", "         [ A-Nam ] name", 15, "no AVP A-Nam"),
    ("         [ A-Name ] name\n        *[ AVP ]", "         [ A-Name ] name", 14, "does not say *[ AVP ]"),
    ("         < Session-Id >  head.session_id", "         < Session-Id  head.session_id", 18, "no AVP of a grammar"),
    ("PXY, 77 > Example-Request", "PXY, 78 > Example-Request", 21, "is of application 78"),
    ("PXY, 77 > Example-Request", "PXY, 77 >", 21, "needs its long name"),
    ("999, REQ, PXY, 77", "998, REQ, PXY, 77", 21, "no counterpart with the code 998"),
    ("999, REQ, PXY, 77", "999, PXY, 77", 21, "has the flag REQ"),
    ("         + head\n         { A-Kind }", "         + tail\n         { A-Kind }", 22, "no @part tail"),
    ("{ A-Kind }   kind", "{ A-Kind }", 23, "neither a member nor a value"),
    ("{ A-Kind }   kind", "{ A-Kind }   = THREE", 23, "THREE is no value of A-Kind"),
    ("{ A-Kind }   kind", "{ A-Kind }   Kind", 23, "no mapping"),
    ("*[ A-Name ]   names", "2*[ A-Name ]   names", 24, "cannot be"),
    ("*[ A-Name ]   names", "*[ A-Name ]   names, present there", 24, "`present` is for a single one"),
    ("*[ A-Name ]   names", "*[ A-Name ]   flag names", 24, "`flag` is for a single number"),
    ("[ A-Group ]  group", "[ A-Kind ]  group", 25, "stands twice"),
    ("[ A-Group ]  group", "[ A-Group ]  inline", 25, "declared inline"),
    ("[ A-Group ]  group", "[ A-Group ]  number of group", 25, "single number"),
    ("[ A-Group ]  group", "< User-Name > user", 25, "comes first"),
    # An AVP twice through a part: behind it, before it, in two of them.
    ("*[ A-Name ]   names", "[ Origin-Host ] host", 24, "Origin-Host stands twice in XXR"),
    ("         + head\n         { A-Kind }", "         { Origin-Host } host\n         + head\n         { A-Kind }", 22,
     "Origin-Host stands twice in XXR"),
    ("         + head\n         { A-Kind }", "         + head\n         + head\n         { A-Kind }", 18,
     "Session-Id stands twice in XXR"),
    ("@messages", "@take STX\n@messages", 20, "no shared message"),
])
def test_mistakes(tmp_path, old, new, line, said):
    assert old in GOOD
    with pytest.raises(SpecError) as e:
        specs(tmp_path, GOOD.replace(old, new, 1))
    assert str(e.value).startswith(f"{tmp_path}/x.dia:{line}: ")
    assert said in str(e.value)


def test_sizes(tmp_path):
    source = dia_c.source(specs(tmp_path, GOOD)[-1])
    for name in ("struct x_xxr", "struct x_xxa"):
        assert f"_Static_assert(sizeof({name}) <= DIA_TYPED_MAX, " in source


@pytest.mark.parametrize("old,new,said", [
    ("[ A-Group ]  group", "[ A-Group ]  kind", "has kind as enum x_kind already, not as struct x_group"),
    ("[ A-Group ]  group", "[ A-Group ]  there.group", "in no struct that is made here"),
])
def test_members(tmp_path, old, new, said):
    with pytest.raises(SpecError) as e:
        dia_c.header(specs(tmp_path, GOOD.replace(old, new, 1))[-1])
    assert str(e.value).startswith(f"{tmp_path}/x.dia:25: ")
    assert said in str(e.value)
