# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests. CARILLON_BUILD names the build folder (default: build), CARILLON_FAMILY=6 has the
lab on IPv6."""
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
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests")]
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from keeper import Keeper  # noqa: E402
from labkit import facts  # noqa: E402
from network import own_network  # noqa: E402

ORDER = ["test_demo.py", "test_sipp.py", "test_requests.py", "test_phones.py", "test_phones_words.py",
         "test_bad_days.py", "test_torture.py",
         "test_ue_verdicts.py", "test_strangers.py", "test_cost.py", "test_budget.py",
         "test_in_anothers_name.py", "test_judge.py"]


def pytest_collection_modifyitems(items):
    """The judge looks at what the others have left behind: it comes last."""
    def place(item):
        name = Path(str(item.fspath)).name
        return ORDER.index(name) if name in ORDER else -1
    items.sort(key=place)
    if facts.FAMILY == 6 and not Path("/proc/net/if_inet6").exists():
        for item in items:
            item.add_marker(pytest.mark.skip(reason="this machine has no IPv6"))


LABS = []  # the lab, while it runs


@pytest.fixture(scope="module", autouse=True)
def nodes_leave_in_peace(request):
    """After each module the nodes are ended and started again: what they leak, or cannot end, is told
    beside the tests that made it. The judge does the same for the last time."""
    yield
    if not LABS or request.module.__name__.endswith("test_judge"):
        return
    LABS[0].start_again()
    assert not LABS[0].bad_exits()
    assert not LABS[0].sanitizer_reports()


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
        LABS.append(one)
        yield one
    finally:
        LABS.clear()
        one.finish()
        if request.session.testsfailed == failed and not os.environ.get("CARILLON_KEEP"):
            shutil.rmtree(run)
        else:
            print(f"\nlogs and capture are kept in {run}")


@pytest.fixture(scope="module")
def everybody(lab, tmp_path_factory):
    """The street of phones of all makes (tests/phones); scripts.ready registers those that a test needs."""
    from labkit import facts  # pylint: disable=import-outside-toplevel
    from phones import makes, street  # pylint: disable=import-outside-toplevel
    from phones.net import RealNet  # pylint: disable=import-outside-toplevel
    who = {m.name: street.subscriber(m, i) for i, m in enumerate(makes.ALL, 1)}
    table = tmp_path_factory.mktemp("phones") / "phones.csv"
    table.write_text(street.provisioning(who.values(), facts.DOMAIN))
    lab.ctl("hss", "subscriber", "import", str(table))
    s = street.Street(RealNet(), facts.DOMAIN, (facts.NODES["pcscf"]["ip"], 5060), facts.at(2, 171))
    try:
        for m in makes.ALL:
            s.phone(m, who[m.name])
        yield s
    finally:
        s.net.close_all()
        for one in who.values():
            lab.ctl("hss", "subscriber", "delete", f"{one.imsi}@{facts.DOMAIN}")
