# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests. CARILLON_BUILD names the build folder (default: build)."""
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# labkit reads these when it is imported; a control socket's path must stay under 108 characters.
os.environ["CARILLON_BUILD"] = str(ROOT / os.environ.get("CARILLON_BUILD", "build"))
os.environ["CARILLON_RUN"] = os.path.join(tempfile.gettempdir(), f"carillon-e2e.{os.getpid()}")
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from keeper import Keeper  # noqa: E402
from network import own_network  # noqa: E402

ORDER = ["test_demo.py", "test_sipp.py", "test_requests.py", "test_bad_days.py", "test_torture.py",
         "test_ue_verdicts.py", "test_strangers.py", "test_judge.py"]


def pytest_collection_modifyitems(items):
    """The judge looks at what the others have left behind: it comes last."""
    def place(item):
        name = Path(str(item.fspath)).name
        return ORDER.index(name) if name in ORDER else -1
    items.sort(key=place)


def pytest_sessionstart(session):
    session.config.keeper = Keeper()


def pytest_sessionfinish(session):
    """A run that leaves processes behind has failed, whatever its tests say."""
    keeper = session.config.keeper
    left = keeper.leftovers()
    keeper.finish()
    if left:
        print("\nleft behind, and ended now:", *left, sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def network():
    own_network()


@pytest.fixture(scope="session")
def lab(request):
    from labrun import Lab  # pylint: disable=import-outside-toplevel
    run = Path(os.environ["CARILLON_RUN"])
    run.mkdir(mode=0o700)
    one = Lab(request.config.keeper)
    failed = request.session.testsfailed
    try:
        one.start()
        yield one
    finally:
        one.finish()
        if request.session.testsfailed == failed and not os.environ.get("CARILLON_KEEP"):
            shutil.rmtree(run)
        else:
            print(f"\nlogs and capture are kept in {run}")
