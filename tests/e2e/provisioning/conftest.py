# SPDX-License-Identifier: Apache-2.0
"""Fixture: a carillon-hss with an empty store, and carillon-ctl towards it."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "dia"))

from foreign import Core  # noqa: E402


@pytest.fixture
def core(tmp_path):
    the_core = Core(tmp_path)
    yield the_core
    the_core.close()


@pytest.fixture
def hss(core):
    core.start("hss")
    return core
