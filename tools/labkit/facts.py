# SPDX-License-Identifier: Apache-2.0
"""Addresses, names and paths of the lab."""
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CARILLON_BUILD", ROOT / "build"))
RUN = Path(os.environ.get("CARILLON_RUN", ROOT / "run"))
CONFIG = Path(os.environ.get("CARILLON_CONFIG", ROOT / "config" / "lab"))
DOMAIN = "ims.mnc001.mcc001.3gppnetwork.org"

DNS = ("127.0.1.53", 10053)
COLLECTOR = ("127.0.0.1", 9060)
# In the order of starting. The addresses are those that must be free.
NODES = {
    "hss": {"ip": "127.0.1.40", "title": "HSS", "ports": [("tcp", 3868), ("tcp", 9090)]},
    "icscf": {"ip": "127.0.1.20", "title": "I-CSCF", "ports": [("udp", 5060), ("tcp", 5060), ("tcp", 9090)]},
    "scscf": {"ip": "127.0.1.30", "title": "S-CSCF", "ports": [("udp", 5060), ("tcp", 5060), ("tcp", 9090)]},
    "pcscf": {"ip": "127.0.1.10", "title": "P-CSCF",
              "ports": [("udp", 5060), ("tcp", 5060), ("udp", 5070), ("tcp", 5070), ("tcp", 9090)]},
}
HELPERS = ["dns", "collector"]
TITLE_OF_IP = {n["ip"]: n["title"] for n in NODES.values()}

# Subscribers as config/lab/subscribers.yaml provisions them; one UE address each.
OP = "cdc202d5123e20f62b6d676ac72cb318"
UES = {
    "alice": {"ip": "127.0.2.1", "impi": f"001010000000001@{DOMAIN}", "k": "alice-lab-key-01"},
    "bob": {"ip": "127.0.2.2", "impi": f"001010000000002@{DOMAIN}", "k": "bob-lab-key-0002"},
    "carol": {"ip": "127.0.2.3", "impi": f"001010000000003@{DOMAIN}", "k": "carol-lab-key-03"},
    "dave": {"ip": "127.0.2.4", "impi": f"dave@{DOMAIN}", "password": "dave-secret"},
}
NAME_OF_UE_IP = {u["ip"]: name for name, u in UES.items()}


def ue_command(name, *steps, json_lines=True, options=()):
    """carillon-ue's command line for a lab subscriber; steps are words of its script, options come
    after those of the subscriber and so replace them."""
    u = UES[name]
    cmd = [str(BUILD / "tools" / "ue" / "carillon-ue"), "--local", u["ip"], "--proxy",
           NODES["pcscf"]["ip"] + ":5060", "--domain", DOMAIN, "--impi", u["impi"],
           "--impu", f"sip:{name}@{DOMAIN}"]
    if "k" in u:
        cmd += ["--k-ascii", u["k"], "--op", OP, "--sqn-file", str(RUN / f"{name}.sqn")]
    else:
        cmd += ["--password", u["password"]]
    if json_lines:
        cmd.append("--json")
    return [*cmd, *options, *steps]
