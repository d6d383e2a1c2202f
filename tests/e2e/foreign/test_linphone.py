# SPDX-License-Identifier: Apache-2.0
"""linphone with its own transports and its own port: what stands in its file is the account. Each has a machine of its
own, since it takes port 5060 of every address. They know SIP Digest; erin is there for them beside dave."""
import contextlib
import re
import shutil
import subprocess

import machines
import pytest
from labkit import facts
from labrun import wait_until
from network import own_network

LINPHONE = shutil.which("linphonec")
D = facts.DOMAIN
WHERE = {"dave": 21, "erin": 22}

pytestmark = pytest.mark.skipif(not LINPHONE,
                                reason="linphone-cli is not installed: 75 packages, too many for the list of tests")


@pytest.fixture(scope="module", autouse=True)
def gm(lab, tmp_path_factory):
    """A second P-CSCF of the lab, which the phones' machines can reach."""
    if not own_network():
        pytest.skip("machines of their own need root")
    folder = tmp_path_factory.mktemp("gm")
    text = (facts.RUN / "pcscf.yaml").read_text()
    for old, new in (("  listen: [127.0.1.10:5060]\n", f"  listen: [{machines.P_CSCF}:5060]\n"),
                     ("127.0.1.10:", "127.0.1.15:"),
                     (str(facts.RUN), str(folder))):
        assert old in text
        text = text.replace(old, new)
    text = "".join(line for line in text.splitlines(True) if not line.startswith("  host:"))
    (folder / "pcscf.yaml").write_text(text)
    lab.ctl("hss", "subscriber", "add", f"erin@{D}", "password=erin-secret", f"impus=sip:erin@{D} tel:+15550000005")
    with contextlib.ExitStack() as stack:
        stack.callback(lab.ctl, "hss", "subscriber", "delete", f"erin@{D}")
        stack.enter_context(machines.street())
        log = stack.enter_context(open(folder / "log", "w"))
        process = stack.enter_context(subprocess.Popen(
            [str(facts.BUILD / "pcscf" / "carillon-pcscf"), "--config", str(folder / "pcscf.yaml")],
            stdout=log, stderr=log))
        stack.callback(process.terminate)
        wait_until((folder / "pcscf.ctl").exists, 10, "the P-CSCF of the street is there")
        yield
    assert process.returncode == 0, (folder / "log").read_text()[-1500:]


def logged_since(lab, since, words, who):
    lab.wait_log("scscf", rf"scscf {words} .*impi={who}@", since, 20)


class Linphone(machines.Terminal):
    def __init__(self, lab, name, folder, holder):
        self.lab, self.name = lab, name
        self._begin = len(lab.log("scscf"))
        (folder / ".local" / "share" / "linphone").mkdir(parents=True)  # it makes no folder, and does not start without
        (folder / ".linphonerc").write_text(
            f"[sip]\ndefault_proxy=0\n[proxy_0]\nreg_proxy=<sip:{machines.P_CSCF}>\n"
            f"reg_route=<sip:{machines.P_CSCF};lr>\n"
            f"reg_identity=sip:{name}@{D}\nreg_sendregister=1\n"
            f"[auth_info_0]\nusername={name}\nuserid={name}@{D}\nrealm={D}\npasswd={name}-secret\n")
        super().__init__([LINPHONE], folder, holder)

    def ready(self):
        logged_since(self.lab, self._begin, "registered", self.name)
        wait_until(self._knows, 15, "it knows that it is registered")

    def _knows(self):
        begin = self.tell("status register")
        self.until("registered", begin)
        return "registered, identity=" in self.text()[begin:]

    def leave(self):
        begin = len(self.lab.log("scscf"))
        self.tell("unregister")
        logged_since(self.lab, begin, "deregistered", self.name)
        self.tell("quit")
        assert self.process.wait(10) == 0

    def call(self, other):
        begin = self.tell(f"call sip:{other.name}@{D}")
        self.until("ringing.", begin)
        return begin


def contacts(lab, name):
    return re.findall(r"sip:[^\s<>]*@198\.51\.100\.\d+", lab.ctl("scscf", "registrations", f"sip:{name}@{D}"))


@pytest.fixture
def phones(lab, tmp_path):
    with contextlib.ExitStack() as stack:
        made = {}
        for name, number in WHERE.items():
            (tmp_path / name).mkdir()
            holder = stack.enter_context(machines.machine(number))
            made[name] = stack.enter_context(Linphone(lab, name, tmp_path / name, holder))
        for one in made.values():
            one.ready()
        yield made["dave"], made["erin"]
        for one in made.values():
            one.leave()


@pytest.mark.parametrize("ends", ["caller", "callee"])
def test_calls_both_ways(phones, ends):
    for caller, callee in (phones, phones[::-1]):
        seen = len(callee.text())
        begin = caller.call(callee)
        callee.until(f"incoming call from sip:{caller.name}@{D}", seen)
        callee.tell("answer")
        for one, since in ((caller, begin), (callee, seen)):
            one.until("Media streams established", since)
        (caller if ends == "caller" else callee).tell("terminate")
        for one, since in ((caller, begin), (callee, seen)):
            one.until("ended (No error)", since)


def test_refuses(phones):
    dave, erin = phones
    seen = len(erin.text())
    begin = dave.call(erin)
    erin.until("incoming call", seen)
    erin.tell("terminate")
    for one, since in ((dave, begin), (erin, seen)):
        one.until("ended (Call declined)", since)


def test_gives_up(phones):
    dave, erin = phones
    seen = len(erin.text())
    begin = dave.call(erin)
    erin.until("incoming call", seen)
    dave.tell("terminate")
    for one, since in ((dave, begin), (erin, seen)):
        one.until("ended (", since)


def test_registers_and_leaves(lab, phones):
    """One contact, that of its machine; none when it has left (phones leave after each test, as the log tells)."""
    for one in phones:
        assert contacts(lab, one.name) == [f"sip:{one.name}@{machines.NETWORK}.{WHERE[one.name]}"]
