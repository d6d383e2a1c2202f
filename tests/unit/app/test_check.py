# SPDX-License-Identifier: Apache-2.0
"""carillon-NF --check on the lab's configuration."""
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


@pytest.mark.parametrize("node", ["pcscf", "icscf", "scscf", "hss"])
def test_lab_configuration_is_good(node, tmp_path):
    (tmp_path / "store.key").write_text(64 * "a")
    (tmp_path / "store.key").chmod(0o600)
    assert check(node, written(node, tmp_path), "--check") == (0, [])
