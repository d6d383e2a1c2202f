# SPDX-License-Identifier: Apache-2.0
"""Addresses, names and paths of the lab."""
import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CARILLON_BUILD", ROOT / "build"))
RUN = Path(os.environ.get("CARILLON_RUN", ROOT / "run"))
CONFIG = Path(os.environ.get("CARILLON_CONFIG", ROOT / "config" / "lab"))
DOMAIN = "ims.mnc001.mcc001.3gppnetwork.org"

# The address plan: the last number of each; the second instance of a kind is 100 further on, the third 200.
LAST = {"pcscf": 10, "icscf": 20, "scscf": 30, "hss": 40, "dns": 53}
INSTANCES_MAX = 3


def kind_of(name):
    """scscf of scscf, scscf2 and scscf3."""
    return name.rstrip("0123456789")


def number_of(name):
    return int(name[len(kind_of(name)):] or 1)


def instance(kind, number):
    """The name of one: scscf, scscf2, scscf3."""
    return kind if number == 1 else f"{kind}{number}"


def address(name):
    """Where an instance is."""
    return f"127.0.1.{LAST[kind_of(name)] + 100 * (number_of(name) - 1)}"


DNS = (address("dns"), 10053)
COLLECTOR = ("127.0.0.1", 9060)
# In the order of starting. The addresses are those that must be free.
KINDS = {
    "hss": {"title": "HSS", "ports": [("tcp", 3868), ("tcp", 9090)]},
    "icscf": {"title": "I-CSCF", "ports": [("udp", 5060), ("tcp", 5060), ("tcp", 9090)]},
    "scscf": {"title": "S-CSCF", "ports": [("udp", 5060), ("tcp", 5060), ("tcp", 9090)]},
    "pcscf": {"title": "P-CSCF",
              "ports": [("udp", 5060), ("tcp", 5060), ("udp", 5070), ("tcp", 5070), ("tcp", 9090)]},
}
HELPERS = ["dns", "collector"]
LAYOUT = RUN / "instances.json"  # how many there are of each kind, while the lab is up
NODES, TITLE_OF_IP = {}, {}      # of all instances; lay_out fills them in


def layout():
    """How many of each kind the lab that is up has; one of each when none is."""
    try:
        kept = json.loads(LAYOUT.read_text())
    except (OSError, ValueError):
        kept = {}
    return {kind: kept.get(kind, 1) for kind in KINDS}


def counts():
    """How many of each kind there are."""
    return {kind: sum(kind_of(n) == kind for n in NODES) for kind in KINDS}


def lay_out(of_each):
    """of_each: how many by kind."""
    NODES.clear()
    TITLE_OF_IP.clear()
    for kind, of in KINDS.items():
        for number in range(1, of_each[kind] + 1):
            name = instance(kind, number)
            NODES[name] = {**of, "ip": address(name),
                           "title": of["title"] if number == 1 else f"{of['title']} {number}"}
    TITLE_OF_IP.update({n["ip"]: n["title"] for n in NODES.values()})


lay_out(layout())

# Subscribers as config/lab/subscribers.yaml provisions them; one UE address each.
OP = "cdc202d5123e20f62b6d676ac72cb318"
UES = {
    "alice": {"ip": "127.0.2.1", "impi": f"001010000000001@{DOMAIN}", "k": "alice-lab-key-01"},
    "bob": {"ip": "127.0.2.2", "impi": f"001010000000002@{DOMAIN}", "k": "bob-lab-key-0002"},
    "carol": {"ip": "127.0.2.3", "impi": f"001010000000003@{DOMAIN}", "k": "carol-lab-key-03"},
    "dave": {"ip": "127.0.2.4", "impi": f"dave@{DOMAIN}", "password": "dave-secret"},
}
NAME_OF_UE_IP = {u["ip"]: name for name, u in UES.items()}


def proxy_of(name):
    """The P-CSCF of a phone: they take turns where there are several."""
    proxies = [n for n in NODES if kind_of(n) == "pcscf"]
    return proxies[list(UES).index(name) % len(proxies)]


def ue_command(name, *steps, json_lines=True, options=()):
    """carillon-ue's command line for a lab subscriber; steps are words of its script, options come
    after those of the subscriber and so replace them."""
    u = UES[name]
    cmd = [str(BUILD / "tools" / "ue" / "carillon-ue"), "--local", u["ip"], "--proxy",
           NODES[proxy_of(name)]["ip"] + ":5060", "--domain", DOMAIN, "--impi", u["impi"],
           "--impu", f"sip:{name}@{DOMAIN}"]
    if "k" in u:
        cmd += ["--k-ascii", u["k"], "--op", OP, "--sqn-file", str(RUN / f"{name}.sqn")]
    else:
        cmd += ["--password", u["password"]]
    if json_lines:
        cmd.append("--json")
    return [*cmd, *options, *steps]
