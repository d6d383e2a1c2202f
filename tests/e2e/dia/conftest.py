# SPDX-License-Identifier: Apache-2.0
"""Fixtures: our client and server programs, and the daemons, among foreign Diameter peers."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from foreign import BUILD, Core, Lab  # noqa: E402

CLIENT = BUILD / "tests/e2e/dia/cx_client"
SERVER = BUILD / "tests/e2e/dia/cx_server"


class Programs(Lab):
    def server(self, port, *more, host="hss.test"):
        p = self.run("server", SERVER, "--host", host, "--realm", "test", "--listen",
                     f"127.0.0.1:{port}", *more)
        p.wait_for("ready")
        return p

    def client(self, peer, port, *more, at="127.0.0.1"):
        return self.run("client", CLIENT, "--host", "cli.test", "--realm", "test", "--peer",
                        f"{peer}={at}:{port}", *more)


@pytest.fixture
def lab(tmp_path):
    for needed in (CLIENT, SERVER):
        if not needed.exists():
            pytest.fail(f"{needed} is not built")
    the_lab = Programs(tmp_path)
    yield the_lab
    the_lab.close()


@pytest.fixture
def core(tmp_path):
    the_core = Core(tmp_path)
    yield the_core
    the_core.close()
