# SPDX-License-Identifier: Apache-2.0
"""Telephones that nobody here wrote, as they are when nothing is said about transports: baresip, SIPp's own
scenarios. They know SIP Digest; dave is theirs."""
import os
import shutil
import subprocess

import pytest
import tone
from labkit import facts
from labrun import wait_until

DAVE = f"dave@{facts.DOMAIN}"
P_CSCF = facts.host(facts.NODES["pcscf"]["ip"])
IP = facts.UES["dave"]["ip"]
BARESIP = shutil.which("baresip")
SIPP = shutil.which("sipp")


class Spoken:
    """A program with a terminal of ours: what it says, and what it is told."""

    def __init__(self, command, folder):
        self.said = folder / "said"
        self._out = self.said.open("w")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self._out, stderr=subprocess.STDOUT,
                                        cwd=folder, env={**os.environ, "HOME": str(folder)}, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._out.close()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def text(self):
        return self.said.read_text(errors="replace")

    def until(self, word, seconds=15):
        wait_until(lambda: word in self.text(), seconds, f"'{word}' in what it says")


@pytest.fixture
def baresip(tmp_path):
    """No transport anywhere: not in the account, not in the way out."""
    if not BARESIP:
        pytest.skip("baresip is not installed (tools/packages ensure test)")
    (tmp_path / "config").write_text(
        "module_path /usr/lib/baresip/modules\nmodule account.so\nmodule g711.so\nmodule menu.so\nmodule stdio.so\n"
        f"module aufile.so\nnet_interface {IP}\nsip_listen {facts.place(IP, 5060)}\n"
        f"audio_player aufile,{tmp_path}/heard.wav\naudio_source aufile,{tmp_path}/tone.wav\n")
    tone.write(tmp_path / "tone.wav")
    (tmp_path / "accounts").write_text(
        f"<sip:{DAVE}>;auth_user={DAVE};auth_pass=dave-secret;outbound=\"sip:{P_CSCF}:5060\";regint=600;"
        "answermode=auto\n")
    (tmp_path / "contacts").write_text("")
    return lambda *words: Spoken([BARESIP, "-f", str(tmp_path), "-t", "40", *words], tmp_path)


def test_baresip_is_called(lab, baresip):
    with baresip() as phone:
        phone.until("200 OK")
        lab.run_phone("alice", "register", "+", "call", f"sip:{DAVE}", "talk=0.5", "expect-tone=440", "tone=880",
                      "+", "deregister")


def test_baresip_calls(lab, baresip):
    with lab.phone("bob", "register", "+", "answer", "talk=0.5", "expect-tone=440", "tone=880", "+",
                   "deregister") as bob:
        bob.wait_for("ready")
        with baresip() as phone:
            phone.until("200 OK")
            phone.tell(f"/dial sip:bob@{facts.DOMAIN}")
            assert bob.finish(30) == 0, (bob.trouble(), phone.text()[-1500:])


@pytest.mark.skipif(not SIPP, reason="sip-tester is not installed (tools/packages ensure test)")
@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_sipp_uac(lab, tmp_path, transport):
    """The scenario that SIPp has built in is a caller who is not registered: 403 (TS 24.229 5.2.6.3.1), which is
    answered and acknowledged, and SIPp counts a failed call."""
    r = subprocess.run([SIPP, "-sn", "uac", f"{P_CSCF}:5060", "-i", facts.at(2, 66), "-p", "5066", "-s", "bob",
                        "-t", transport, "-m", "1", "-timeout", "20", "-nostdin", "-trace_err"],
                       cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    errors = "".join(p.read_text(errors="replace") for p in tmp_path.glob("*errors.log"))
    assert r.returncode == 1 and "403" in errors, (r.returncode, errors[-1500:])
