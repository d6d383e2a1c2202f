# SPDX-License-Identifier: Apache-2.0
"""linphone with its own transports and its own port: what stands in its file is the account. Each has a machine of its
own, since it takes port 5060 of every address. They know SIP Digest; erin is there for them beside dave."""
import contextlib
import functools
import re
import shutil
import subprocess

import machines
import pytest
import tone
from labkit import facts
from labrun import wait_until
from network import own_network

LINPHONE = shutil.which("linphonec")
BARESIP = shutil.which("baresip")
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
                     ("127.0.1.10:5070", "127.0.1.15:5070"), ("127.0.1.10:9090", "127.0.1.15:9090"),
                     (str(facts.RUN), str(folder))):
        old, new = facts.in_plan(old), facts.in_plan(new)
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
        wait_until(lambda: " ready pid=" in (folder / "log").read_text(), 10, "the P-CSCF of the street is there")
        yield
    assert process.returncode == 0, (folder / "log").read_text()[-1500:]


def logged_since(lab, since, words, who):
    lab.wait_log("scscf", rf"scscf {words} .*impi={who}@", since, 20)


class Linphone(machines.Terminal):
    """way: what its account says of the transport, after the proxy's address; expires: of the registration's length."""

    def __init__(self, lab, name, folder, holder, way="", expires=3600):
        self.lab, self.name = lab, name
        self._begin = len(lab.log("scscf"))
        (folder / ".local" / "share" / "linphone").mkdir(parents=True)  # it makes no folder, and does not start without
        (folder / ".linphonerc").write_text(
            f"[sip]\ndefault_proxy=0\n[proxy_0]\nreg_proxy=<sip:{machines.P_CSCF}{way}>\n"
            f"reg_route=<sip:{machines.P_CSCF}{way};lr>\nreg_identity=sip:{name}@{D}\nreg_expires={expires}\n"
            "reg_sendregister=1\n"
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


class Baresip(machines.Terminal):
    """A phone of another make, on a machine as theirs are."""

    def __init__(self, lab, name, folder, holder):
        self.lab, self.name = lab, name
        self._begin = len(lab.log("scscf"))
        (folder / "config").write_text(
            "module_path /usr/lib/baresip/modules\nmodule account.so\nmodule g711.so\nmodule menu.so\nmodule stdio.so\n"
            f"module aufile.so\nsip_listen {machines.NETWORK}.{WHERE[name]}:5060\n"
            f"audio_player aufile,{folder}/heard.wav\naudio_source aufile,{folder}/tone.wav\n")
        tone.write(folder / "tone.wav")
        (folder / "accounts").write_text(
            f"<sip:{name}@{D}>;auth_user={name}@{D};auth_pass={name}-secret;outbound=\"sip:{machines.P_CSCF}:5060\";"
            "regint=600;answermode=auto\n")
        (folder / "contacts").write_text("")
        super().__init__([BARESIP, "-f", str(folder)], folder, holder)

    def ready(self):
        logged_since(self.lab, self._begin, "registered", self.name)

    def leave(self):
        begin = len(self.lab.log("scscf"))
        self.tell("/quit")
        logged_since(self.lab, begin, "deregistered", self.name)
        assert self.process.wait(10) == 0


@contextlib.contextmanager
def on_machines(lab, folder, makers):
    """A phone of each maker, by the name of its user; all of them registered, and gone again afterwards."""
    with contextlib.ExitStack() as stack:
        made = []
        for name, make in makers.items():
            (folder / name).mkdir()
            holder = stack.enter_context(machines.machine(WHERE[name]))
            made.append(stack.enter_context(make(lab, name, folder / name, holder)))
        for one in made:
            one.ready()
        yield made
        for one in made:
            one.leave()


@pytest.fixture
def phones(lab, tmp_path):
    with on_machines(lab, tmp_path, {name: Linphone for name in WHERE}) as made:
        yield made


@pytest.fixture
def tcp_phones(lab, tmp_path):
    make = functools.partial(Linphone, way=";transport=tcp")
    with on_machines(lab, tmp_path, {name: make for name in WHERE}) as made:
        yield made


def talk(caller, callee, ends):
    """A call between two linphones."""
    seen = len(callee.text())
    begin = caller.call(callee)
    callee.until(f"incoming call from sip:{caller.name}@{D}", seen)
    callee.tell("answer")
    for one, since in ((caller, begin), (callee, seen)):
        one.until("Media streams established", since)
    (caller if ends == "caller" else callee).tell("terminate")
    for one, since in ((caller, begin), (callee, seen)):
        one.until("ended (No error)", since)


@pytest.mark.parametrize("ends", ["caller", "callee"])
def test_calls_both_ways(phones, ends):
    for caller, callee in (phones, phones[::-1]):
        talk(caller, callee, ends)


def test_chosen_tcp(lab, tcp_phones):
    """Both say transport=tcp: registered and reached over the connections that they have opened, and no other."""
    for one in tcp_phones:
        assert re.search(r"transport=tcp", lab.ctl("scscf", "registrations", f"sip:{one.name}@{D}"), re.I)
    for caller, callee in (tcp_phones, tcp_phones[::-1]):
        talk(caller, callee, "caller")


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


@pytest.fixture
def brief(lab):
    """An S-CSCF that lets registrations be short, so that nobody has to wait for a refresh."""
    conf = facts.RUN / "scscf.yaml"
    text = conf.read_text()

    def reload(words):
        since = len(lab.log("scscf"))
        conf.write_text(words)
        lab.ctl("scscf", "reload")
        lab.wait_log("scscf", "configuration", since)
    reload(text + "registration:\n  min_expires: 5 s\n")
    yield
    reload(text)


def test_refreshes(lab, tmp_path, brief):
    """It refreshes before the registration ends, with the binding that it has, and can be called afterwards."""
    make = functools.partial(Linphone, expires=10)
    with on_machines(lab, tmp_path, {"dave": make, "erin": Linphone}) as (dave, erin):
        begin = len(lab.log("scscf"))
        for _ in range(2):
            line = lab.wait_log("scscf", rf"re-registered .*impi=dave@{D}", begin, 30)
            begin = lab.log("scscf").index(line, begin) + len(line)
        assert contacts(lab, "dave") == [f"sip:dave@{machines.NETWORK}.{WHERE['dave']}"]
        talk(erin, dave, "caller")


@pytest.mark.skipif(not BARESIP, reason="baresip is not installed (tools/packages ensure test)")
def test_with_another_make(lab, tmp_path):
    """linphone and baresip, each with its own transports, call each other; each ends a call."""
    with on_machines(lab, tmp_path, {"dave": Baresip, "erin": Linphone}) as (dave, erin):
        seen = len(dave.text())
        begin = erin.call(dave)
        erin.until("Media streams established", begin)
        dave.until("established", seen)
        erin.tell("terminate")
        dave.until("session closed", seen)
        seen = len(erin.text())
        begin = dave.tell(f"/dial sip:erin@{D}")
        erin.until(f"incoming call from sip:dave@{D}", seen)
        erin.tell("answer")
        dave.until("established", begin)
        erin.until("Media streams established", seen)
        dave.tell("/hangup")
        erin.until("ended (No error)", seen)
