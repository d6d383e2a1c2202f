# SPDX-License-Identifier: Apache-2.0
"""Machines of their own for telephones that take a port on every address, as port 5060 is on the lab's: a network
namespace each, on one bridge with the P-CSCF."""
import contextlib
import os
import pty
import subprocess
import termios

from labrun import wait_until

NETWORK = "198.51.100"  # for documentation (RFC 5737)
P_CSCF = f"{NETWORK}.10"
BRIDGE = "gm"


def ip(*words, inside=None):
    """ip(8), in the network of process inside."""
    within = ["nsenter", "-n", "-t", str(inside)] if inside else []
    subprocess.run([*within, "ip", *words], check=True)


def other_network(pid):
    return os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")


@contextlib.contextmanager
def street():
    """The bridge with the P-CSCF's address on it, in the network of this run."""
    ip("link", "add", BRIDGE, "type", "bridge")
    try:
        ip("address", "add", f"{P_CSCF}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        yield
    finally:
        ip("link", "del", BRIDGE)


@contextlib.contextmanager
def machine(number):
    """A machine with one address on the street; the process that holds its network."""
    with subprocess.Popen(["unshare", "-n", "sleep", "infinity"]) as holder:
        try:
            # Nothing is changed before it has a network of its own: until then its network is ours.
            wait_until(lambda: other_network(holder.pid), 10, "a network of its own")
            ip("link", "add", f"gm{number}", "type", "veth", "peer", "name", "eth0", "netns", str(holder.pid))
            ip("link", "set", f"gm{number}", "master", BRIDGE, "up")
            for words in (("link", "set", "lo", "up"), ("address", "add", f"{NETWORK}.{number}/24", "dev", "eth0"),
                          ("link", "set", "eth0", "up"), ("route", "add", "default", "via", P_CSCF)):
                ip(*words, inside=holder.pid)
            yield holder.pid
            ip("link", "del", f"gm{number}")  # the kernel takes its time over a network that nobody holds
        finally:
            holder.terminate()


class Terminal:
    """A program on a terminal of ours, on a machine of its own: what it says, and what it is told. It ends without a
    terminal."""

    def __init__(self, command, folder, holder):
        self._ours, theirs = pty.openpty()
        quiet = termios.tcgetattr(theirs)
        quiet[3] &= ~termios.ECHO
        termios.tcsetattr(theirs, termios.TCSANOW, quiet)
        os.set_blocking(self._ours, False)
        self._said = b""
        self.process = subprocess.Popen(["nsenter", "-n", "-t", str(holder), *command], stdin=theirs, stdout=theirs,
                                        stderr=theirs, cwd=folder, env={**os.environ, "HOME": str(folder)},
                                        start_new_session=True)
        os.close(theirs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)

    def tell(self, line):
        """What was said from here on is the offset that comes back."""
        begin = len(self.text())
        os.write(self._ours, line.encode() + b"\n")
        return begin

    def text(self):
        with contextlib.suppress(BlockingIOError, OSError):  # nothing new; it has gone
            while piece := os.read(self._ours, 65536):
                self._said += piece
        return self._said.decode(errors="replace")

    def until(self, words, since=0, seconds=15):
        try:
            wait_until(lambda: words in self.text()[since:], seconds, f"'{words}' in what it says")
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.text()[since:][-1500:]}") from None
