# SPDX-License-Identifier: Apache-2.0
"""carillon-NF --check on the lab's configuration, as it is and with what no option can see alone."""
import os
import re
import subprocess
from pathlib import Path

import pytest

LAB = Path(__file__).resolve().parents[3] / "config" / "lab"


def check(node, path, *options):
    r = subprocess.run([os.environ[node.upper()], *options, "--config", str(path)], capture_output=True,
                       text=True, timeout=20, check=False)
    return r.returncode, r.stderr.splitlines()


def written(node, tmp_path, old="", new=""):
    text = (LAB / f"{node}.yaml").read_text().replace("@RUN@", str(tmp_path))
    changed = re.sub(old, new, text, flags=re.M) if old else text
    assert not old or changed != text
    path = tmp_path / f"{node}.yaml"
    path.write_text(changed)
    return path


@pytest.mark.parametrize("node", ["pcscf", "icscf", "scscf"])
def test_lab_configuration_is_good(node, tmp_path):
    assert check(node, written(node, tmp_path), "--check") == (0, [])


@pytest.mark.parametrize("node, old, new, finding", [
    ("icscf", r"^name: .*", "name: icscf", "name: expected a SIP URI, such as sip:node.example.org:5060"),
    ("scscf", r"^name: .*", "name: tel:+1", "name: expected a SIP URI, such as sip:node.example.org:5060"),
    ("icscf", r"^  (udp|tcp): .*", r"  \1: []", "sip.udp: no address to listen on, neither here nor in sip.tcp"),
    ("scscf", r"^  (udp|tcp): .*", r"  \1: []", "sip.udp: no address to listen on, neither here nor in sip.tcp"),
    ("icscf", r"(    - name: sip.*)", r"\1\n      capabilities: [a]",
     "selection.scscfs[].capabilities: expected numbers"),
    ("icscf", r"    - name: sip.*", r"    - name: here",
     "selection.scscfs[].name: expected a SIP URI, such as sip:node.example.org:5060"),
    ("scscf", r"\A", "registration: {min_expires: 1 h, max_expires: 60}\n",
     "registration.min_expires: is more than registration.max_expires"),
    ("pcscf", r"listen: \[127.0.1.10:5060\]", "listen: []", "access.listen: needs an address"),
    ("pcscf", r"listen: \[127.0.1.10:5070\]", "listen: []", "core.listen: needs an address"),
    *((node, r"trusted: .*", "trusted: [127.0.1.0/99]",
       f"{option}: expected addresses and networks, such as 192.0.2.0/24")
      for node, option in (("icscf", "sip.trusted"), ("scscf", "sip.trusted"), ("pcscf", "core.trusted"))),
    ("icscf", r"^sip:", "sip:\n  leg_timeout: {scscf: 8 s}",
     "selection.timeout: leaves no time for a second S-CSCF in sip.leg_timeout.scscf"),
    ("scscf", r"^sip:", "sip:\n  leg_timeout: {originating: 19 s}",
     "sip.leg_timeout.terminating: is not less than sip.leg_timeout.originating: the called side has to give up first"),
    ("pcscf", r"^home:", "sip:\n  leg_timeout: {ue: 28 s}\nhome:",
     "sip.leg_timeout.ue: is not less than sip.leg_timeout.core: the called side has to give up first"),
    ("pcscf", r"domains: .*", "domains: []", "home.domains: needs a domain"),
    ("pcscf", r"^home:", "home:\n  entry: icscf", "home.entry: expected a SIP URI, such as sip:node.example.org:5060"),
])
def test_what_the_start_would_refuse(node, old, new, finding, tmp_path):
    path = written(node, tmp_path, old, new)
    assert check(node, path, "--check") == (1, [f"{path}: {finding}"])
    status, log = check(node, path)
    assert status == 1 and log[-1].endswith(f" ERROR {node} {path}: {finding}")
