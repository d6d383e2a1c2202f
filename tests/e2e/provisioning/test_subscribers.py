# SPDX-License-Identifier: Apache-2.0
"""carillon-ctl and a running carillon-hss: what an operator does with subscribers."""
import time

import pytest

from foreign import DOMAIN, OP, ROOT

K, OPC, CHECK = "465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf", "ad29eedadbfaa264"
ALICE = f"001010000000001@{DOMAIN}"
PASSWORD = "a-secret-of-dave"
CSV = "impi,k,opc,impus\n"


def row(n, key=K):
    return f"0010100000001{n:02}@{DOMAIN},{key},{OPC},sip:user{n}@{DOMAIN}\n"


def ctl(core, *words, **more):
    return core.ctl("hss", *words, **more)


def add(core, impi=ALICE, *more, check=True):
    return ctl(core, "subscriber", "add", impi, f"k={K}", f"opc={OPC}",
               f"impus=sip:alice@{DOMAIN} tel:+15550000001", *more, check=check)


def refused(core, *words, **more):
    r = ctl(core, *words, check=False, **more)
    assert r.returncode != 0, r.stdout
    return r.stderr


def listed(core):
    return ctl(core, "subscriber", "list").stdout.splitlines()


def test_add_show_set_list_delete(hss):
    add(hss, ALICE, "display_name=Alice", f"visited={DOMAIN}", f"check={CHECK}")
    for name in (ALICE, f"sip:alice@{DOMAIN}", "tel:+15550000001", "alice"):
        shown = ctl(hss, "subscriber", "show", name).stdout
        assert f"impi: {ALICE}" in shown and "scheme: AKA (Milenage), amf 8000" in shown
        assert f"impu: sip:alice@{DOMAIN} (set" in shown and "impu: tel:+15550000001 (set" in shown
        assert f"visited networks: {DOMAIN}" in shown and "not registered" in shown
    assert listed(hss) == [f"{ALICE} sip:alice@{DOMAIN} AKA"]
    ctl(hss, "subscriber", "set", ALICE, "visited=far.example", "mandatory=1 2",
        "registration=denied")
    shown = ctl(hss, "subscriber", "show", ALICE).stdout
    assert "visited networks: far.example" in shown and "registration: denied" in shown
    assert "mandatory capabilities: 1 2" in shown
    ctl(hss, "subscriber", "set", ALICE, f"k={K}", f"op={OP}", "amf=b9b9", f"check={CHECK}")
    assert "amf b9b9" in ctl(hss, "subscriber", "show", ALICE).stdout
    ctl(hss, "subscriber", "delete", ALICE)
    assert listed(hss) == []
    assert f"there is no IMPI {ALICE}" in refused(hss, "subscriber", "delete", ALICE)
    assert "there is no subscriber alice" in refused(hss, "subscriber", "show", "alice")


def test_what_exists_is_not_added_again(hss):
    add(hss)
    assert "exists already" in add(hss, check=False).stderr
    assert "belongs to a subscriber already" in add(hss, f"other@{DOMAIN}", check=False).stderr
    assert len(listed(hss)) == 1


@pytest.mark.parametrize("words, problem", [
    (["k=12"], "k must be 32 hexadecimal digits"),
    ([f"k={K}"], "exactly one of op and opc"),
    ([f"k={K}", f"op={OP}", f"opc={OPC}"], "exactly one of op and opc"),
    ([f"k={K}", f"opc={OPC}", f"password={PASSWORD}"], "both a key and a password"),
    ([f"k={K}", f"opc={OPC}"], "exactly one of impus and join"),
    ([f"k={K}", f"opc={OPC}", "impus=mailto:x@y"], "is not a sip, sips or tel URI"),
    ([f"k={K}", f"opc={OPC}", f"impus=sip:x@{DOMAIN}", "colour=red"], 'unknown field "colour"'),
    ([f"k={K}", f"opc={OPC}", f"impus=sip:x@{DOMAIN}", "profile=none"], 'there is no profile "none"'),
    ([f"k={K}", f"opc={OPC}", f"impus=sip:x@{DOMAIN}", "mandatory=one"], "mandatory must be numbers"),
    ([K], "is not field=value"),
    ([f"{K}=k"], "unknown field"),
])
def test_mistakes_are_named_and_change_nothing(hss, words, problem):
    said = refused(hss, "subscriber", "add", ALICE, *words)
    assert problem in said
    assert K not in said and PASSWORD not in said
    assert listed(hss) == []


def test_op_in_the_place_of_opc_is_caught(hss):
    as_opc = [f"k={K}", f"opc={OP}", f"check={CHECK}", f"impus=sip:alice@{DOMAIN}"]
    assert "opc is an OP, not an OPc: give it as op" in refused(hss, "subscriber", "add", ALICE, *as_opc)
    as_op = [f"k={K}", f"op={OPC}", f"check={CHECK}", f"impus=sip:alice@{DOMAIN}"]
    assert "op is an OPc already: give it as opc" in refused(hss, "subscriber", "add", ALICE, *as_op)
    wrong = [f"k={'0' * 32}", f"op={OP}", f"check={CHECK}", f"impus=sip:alice@{DOMAIN}"]
    assert "check does not fit" in refused(hss, "subscriber", "add", ALICE, *wrong)
    assert listed(hss) == []
    ctl(hss, "subscriber", "add", ALICE, f"k={K}", f"op={OP}", f"check={CHECK}", f"impus=sip:alice@{DOMAIN}")
    assert len(listed(hss)) == 1


def test_import_of_the_lab(hss):
    said = ctl(hss, "subscriber", "import", ROOT / "config/lab/subscribers.yaml").stdout
    assert said == "4 subscribers imported\n"
    assert len(listed(hss)) == 4
    assert f"impu: sip:001010000000001@{DOMAIN} barred" in ctl(hss, "subscriber", "show", "alice").stdout
    assert "scheme: SIP Digest, MD5" in ctl(hss, "subscriber", "show", "dave").stdout


def test_a_csv_mistake_in_line_7_names_line_7(hss):
    path = hss.folder / "many.csv"
    path.write_text(CSV + "".join(row(n, K[1:] if n == 7 else K) for n in range(2, 12)))
    said = refused(hss, "subscriber", "import", path)
    assert f"{path}:7: k must be 32 hexadecimal digits" in said and K[1:] not in said
    assert listed(hss) == []
    path.write_text(CSV + "".join(row(n) for n in range(2, 12)))
    assert ctl(hss, "subscriber", "import", path).stdout == "10 subscribers imported\n"
    assert f"{path}:2: IMPI" in refused(hss, "subscriber", "import", path)
    assert ctl(hss, "subscriber", "import", "--replace", path).stdout == "10 subscribers imported\n"
    assert len(listed(hss)) == 10


def test_a_yaml_mistake_in_line_7_names_line_7(hss):
    text = ("subscribers:\n"
            f"  - impi: {ALICE}\n    k: {K}\n    opc: {OPC}\n    impus: sip:alice@{DOMAIN}\n"
            f"  - impi: dave@{DOMAIN}\n    pasword: {PASSWORD}\n    impus: sip:dave@{DOMAIN}\n")
    said = refused(hss, "subscriber", "import", "-", stdin=text)
    assert ':7: unknown field "pasword"' in said and PASSWORD not in said
    assert listed(hss) == []
    ctl(hss, "subscriber", "import", "-", stdin=text.replace("pasword", "password"))
    assert len(listed(hss)) == 2


def test_a_file_that_is_not_there(hss):
    assert "/nowhere.csv" in refused(hss, "subscriber", "import", "/nowhere.csv")


def test_sqn_show_and_set(hss):
    add(hss, ALICE, "sqn=21")
    assert ctl(hss, "sqn", "show", ALICE).stdout.endswith("sqn: 000000000021 (SEQ 1, IND 1)\n")
    ctl(hss, "sqn", "set", "alice", "00000000a009")
    assert "sqn: 00000000a009" in ctl(hss, "subscriber", "show", "alice").stdout
    assert "12 hexadecimal digits" in refused(hss, "sqn", "set", "alice", "1234567890abc")
    assert "12 hexadecimal digits" in refused(hss, "sqn", "set", "alice", "xyz")
    assert refused(hss, "sqn", "show", "nobody")
    assert "sqn: 00000000a009" in ctl(hss, "sqn", "show", "alice").stdout


def test_keys_are_nowhere(hss):
    """Neither in what commands print, nor in the log at its most talkative, nor in the store."""
    ctl(hss, "log", "level", "trace")
    add(hss)
    ctl(hss, "subscriber", "add", f"dave@{DOMAIN}", f"password={PASSWORD}", f"impus=sip:dave@{DOMAIN}")
    ctl(hss, "subscriber", "import", "-", stdin=CSV + row(5))
    ctl(hss, "subscriber", "set", ALICE, f"k={K}", f"op={OP}")
    said = "".join(ctl(hss, *words).stdout for words in (
        ["subscriber", "show", "alice"], ["subscriber", "show", "dave"], ["subscriber", "list"],
        ["config", "show"], ["stats"], ["status"], ["help"]))
    assert f"impi: {ALICE}" in said
    hss.nodes["hss"].kill(15)
    files = [p for p in hss.folder.iterdir() if p.is_file() and p.name != "store.key"]
    assert any(p.name == "hss.db" for p in files)
    secrets = [s for hexes in (K, OPC, OP) for s in (hexes.encode(), bytes.fromhex(hexes))]
    for secret in secrets + [PASSWORD.encode(), (hss.folder / "store.key").read_bytes().strip()]:
        assert secret not in said.encode()
        assert not [p.name for p in files if secret in p.read_bytes()]


def test_the_store_outlives_the_daemon(hss):
    add(hss, ALICE, "sqn=21")
    hss.nodes["hss"].kill()
    hss.start("hss")
    assert "sqn: 000000000021" in ctl(hss, "subscriber", "show", "alice").stdout


def test_import_of_100000(hss):
    path = hss.folder / "all.csv"
    with path.open("w") as f:
        f.write(CSV)
        for n in range(100000):
            f.write(f"{1011000000000 + n:015}@{DOMAIN},{K},{OPC},sip:{n}@{DOMAIN} tel:+1{n:010}\n")
    began = time.monotonic()
    assert ctl(hss, "subscriber", "import", path).stdout == "100000 subscribers imported\n"
    print(f"\n100,000 subscribers imported in {time.monotonic() - began:.1f} s")
    assert f"impu: sip:99999@{DOMAIN}" in ctl(hss, "subscriber", "show", "tel:+10000099999").stdout
