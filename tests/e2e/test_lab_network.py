# SPDX-License-Identifier: Apache-2.0
"""The lab's network on IPv6, where nobody has provided its addresses: made by an ordinary user, entered by the commands
that come later, and a clear word where it cannot be had."""
import os
import shutil
import subprocess
import sys
import tempfile

import pytest
from labkit import facts
from network import own_network

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
MAKE = """
import socket
from labkit import facts, network
assert not network.usable()
network.enter(make=True)
with socket.create_server((facts.at(1, 10), 5060), family=socket.AF_INET6):
    socket.create_connection((facts.at(1, 10), 5060), source_address=(facts.at(2, 1), 0)).close()
print(facts.at(1, 10))
"""
LATER = """
from labkit import facts, network, procs
network.enter()
assert network.usable()
assert procs.stop(network.NAME)
print("left")
"""


@pytest.fixture(name="run")
def fixture_run():
    """Runs Python as nobody, in a network that has nothing."""
    if not own_network():
        pytest.skip("to become somebody else takes root")
    folder = tempfile.mkdtemp(prefix="carillon-net.")
    os.chmod(folder, 0o777)

    def run(code, **env):
        env = {**os.environ, "CARILLON_FAMILY": "6", "CARILLON_RUN": folder, "PYTHONPATH": str(facts.ROOT / "tools"),
               "PYTHONDONTWRITEBYTECODE": "1", **env}
        words = [shutil.which("unshare"), "--net", *NOBODY, sys.executable, "-c", code]
        return subprocess.run(words, capture_output=True, text=True, env=env, cwd="/", timeout=60, check=False)

    if run("import labkit").returncode:
        pytest.skip("nobody may not read this tree")
    yield run
    shutil.rmtree(folder)


def test_an_ordinary_user_has_one(run):
    probe = "import subprocess as s, sys\nsys.exit(s.run(['unshare', '--user', '--net', 'true']).returncode)"
    if run(probe).returncode:
        pytest.skip("this machine gives ordinary users no namespaces")
    made = run(MAKE)
    assert made.returncode == 0 and made.stdout.split()[-1] == f"{facts.PREFIX}:1::10", made
    later = run(LATER)
    assert later.returncode == 0 and later.stdout.split()[-1] == "left", later


def test_where_it_cannot_be_had(run):
    """No user namespaces, or none of this program: what would help is said, and nothing is left running."""
    fake = tempfile.mkdtemp(prefix="carillon-net.")
    os.chmod(fake, 0o755)
    with open(os.path.join(fake, "unshare"), "w") as f:
        f.write("#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
    os.chmod(f.name, 0o755)
    try:
        said = run("from labkit import network\nnetwork.enter(make=True)", PATH=f"{fake}:{os.environ['PATH']}")
    finally:
        shutil.rmtree(fake)
    assert said.returncode == 1 and "unprivileged_userns_clone" in said.stderr
    assert "ip -6 route replace local" in said.stderr
    assert run("from labkit import procs\nassert not procs.load()").returncode == 0
