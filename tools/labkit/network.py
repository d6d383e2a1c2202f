# SPDX-License-Identifier: Apache-2.0
"""The network of a lab on IPv6. Loopback has one IPv6 address, and nodes that are told apart by their addresses need
more: where nobody has provided the plan's, the lab makes a network for itself, which an ordinary user may do inside a
user namespace (user_namespaces(7)). A process holds it; whoever has to speak with the lab joins it."""
import contextlib
import ctypes
import os
import socket

from labkit import facts, procs
from labkit.procs import LabError

NAME = "network"  # of the process that holds it
# All of the plan is local, and may be bound although no interface lists it, as with 127.0.0.0/8.
PROVIDE = (f"ip link set lo up && ip -6 route replace local {facts.PREFIX}::/48 dev lo && "
           "echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind")
HELP = f"""the addresses of the lab on IPv6 ({facts.PREFIX}::/48) are not here, and a network with them cannot be made.
Either permit user namespaces (`sysctl kernel.unprivileged_userns_clone`, on Ubuntu also
`kernel.apparmor_restrict_unprivileged_userns`), or provide the addresses as root, until the next boot:
  ip -6 route replace local {facts.PREFIX}::/48 dev lo && sysctl -w net.ipv6.ip_nonlocal_bind=1
A machine without IPv6 (`sysctl net.ipv6.conf.all.disable_ipv6`) has neither."""


def usable():
    """Can an address of the plan be used as it is?"""
    try:
        with socket.socket(facts.AF(facts.DNS[0]), socket.SOCK_DGRAM) as s:
            s.bind((facts.DNS[0], 0))
    except OSError:
        return False
    return True


def _unshare():
    own = ["--net"] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps", "--net"]
    return ["unshare", *own, "sh", "-c", f"{PROVIDE} && echo ready && exec sleep infinity"]


def _make():
    before = procs.log_path(NAME).stat().st_size if procs.log_path(NAME).exists() else 0
    procs.start(NAME, _unshare())
    try:
        procs.wait_until(lambda: "ready" in procs.log_path(NAME).read_text()[before:], 10, NAME, "its start")
    except LabError:
        procs.stop(NAME)
        raise LabError(HELP, log=NAME) from None


def _join(pid):
    """The holder's user namespace first, if it has one: that gives the right to enter the network."""
    libc = ctypes.CDLL(None, use_errno=True)
    with contextlib.ExitStack() as stack:
        ours = {kind: os.stat(f"/proc/self/ns/{kind}").st_ino for kind in ("user", "net")}
        theirs = {kind: stack.enter_context(open(f"/proc/{pid}/ns/{kind}", "rb")) for kind in ours}
        for kind, f in theirs.items():
            if os.fstat(f.fileno()).st_ino != ours[kind] and libc.setns(f.fileno(), 0):
                raise LabError(f"cannot enter the lab's network: {os.strerror(ctypes.get_errno())}")


def enter(make=False):
    """Moves this process, and what it starts from now on, into the network of the lab that is up or begins. Not for
    a process that has threads."""
    if usable():
        return
    if make and not procs.alive(procs.load().get(NAME)):
        _make()
    entry = procs.load().get(NAME)
    if procs.alive(entry):
        _join(entry["pid"])
    if make and not usable():
        raise LabError(HELP)
