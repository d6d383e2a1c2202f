# SPDX-License-Identifier: Apache-2.0
"""Addresses, names and sizes of the benchmarks. They share nothing with a lab that runs."""
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("CARILLON_BUILD", ROOT / "build")).resolve()
RUN = BUILD / "bench"
DOMAIN = "ims.mnc001.mcc001.3gppnetwork.org"

NODES = ("hss", "icscf", "scscf", "pcscf")
NET = "127.3.1."             # Carillon's nodes: the lab's addresses with this in place of 127.0.1.
UE_NET = "127.3.2.0/24"   # where they live: exempt from limits
UE = "127.3.2.1"             # all phones, when one address is enough
PEER_NET = "127.3.3."        # the peer's nodes
PEER_UE = "127.4.0.1"        # the peer's phones, one address each from here upwards

OP = "cdc202d5123e20f62b6d676ac72cb318"
KEY = "load-users-key-1"
FIRST_IMSI = 1011000000000
SUBSCRIBERS = 400000
STATE_RECORDS = "100000"     # of bench_state

SERVER_CORE, LOAD_CORE = 0, 1
