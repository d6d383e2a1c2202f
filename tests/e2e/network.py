# SPDX-License-Identifier: Apache-2.0
"""The network of a test run: one of its own where that is permitted, so that neither another lab nor the
machine's interfaces matter."""
import ctypes
import functools
import json
import subprocess

import pytest
from labkit import facts
from labkit import network as lab_network

CLONE_NEWNET = 0x40000000
# freeDiameter refuses loopback addresses as its own. This one is for documentation (RFC 5737) and stands on
# the own network's loopback interface, which needs no further interface and no kernel module.
OWN_ADDRESS = "192.0.2.1"


@functools.cache
def own_network():
    """Moves this process into a network namespace of its own, once; False where that is not permitted."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        if facts.FAMILY == 6:
            pytest.exit("the tests on IPv6 need a network of their own, and so root", 2)
        return False
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", f"{OWN_ADDRESS}/32", "dev", "lo"], check=True)
    if facts.FAMILY == 6:
        subprocess.run(["sh", "-c", lab_network.PROVIDE], check=True)
        # Whoever takes an address from the interfaces only finds dave's.
        subprocess.run(["ip", "address", "add", f"{facts.UES['dave']['ip']}/128", "dev", "lo"], check=True)
    return True


@functools.cache
def outside_address():
    """An IPv4 address of this network that is not of 127.0.0.0/8, or None."""
    if own_network():
        return OWN_ADDRESS
    shown = subprocess.run(["ip", "-json", "-4", "address", "show", "up"], capture_output=True, text=True, check=True)
    found = [a["local"] for link in json.loads(shown.stdout) for a in link["addr_info"]]
    return next((a for a in found if not a.startswith("127.")), None)
