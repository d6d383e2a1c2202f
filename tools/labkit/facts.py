# SPDX-License-Identifier: Apache-2.0
"""Addresses, names and paths of the lab."""
import json
import os
import re
import socket
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CARILLON_BUILD", ROOT / "build"))
RUN = Path(os.environ.get("CARILLON_RUN", ROOT / "run"))
CONFIG = Path(os.environ.get("CARILLON_CONFIG", ROOT / "config" / "lab"))
DOMAIN = "ims.mnc001.mcc001.3gppnetwork.org"

# The lab runs on one family: that of CARILLON_FAMILY, or of the lab that is up. Addresses are written as those of IPv4
# everywhere; on IPv6 127.0.N.X is PREFIX:N::X, under a prefix whose global identifier was drawn (RFC 4193 3.2).
PREFIX = "fdce:9d19:97c5"
FAMILY_FILE = RUN / "family"  # while a lab on IPv6 is up


def family_of_run():
    try:
        return int(FAMILY_FILE.read_text())
    except (OSError, ValueError):
        return 4


FAMILY = int(os.environ.get("CARILLON_FAMILY") or family_of_run())


STRANGERS = 66  # the net of those whom nobody knows; on IPv6 each has a /64, as subscribers of strange networks have


def at(net, number):
    """An address of the plan: at(1, 10) is 127.0.1.10 or fdce:9d19:97c5:1::10."""
    if FAMILY == 4:
        return f"127.0.{net}.{number}"
    return f"{PREFIX}:{STRANGERS}{number:02x}::1" if net == STRANGERS else f"{PREFIX}:{net}::{number}"


def network(net):
    """All of a net."""
    if FAMILY == 4:
        return f"127.0.{net}.0/24"
    return f"{PREFIX}:{STRANGERS}00::/56" if net == STRANGERS else f"{PREFIX}:{net}::/64"


def loopback():
    return "127.0.0.1" if FAMILY == 4 else "::1"


def url(node, path="metrics"):
    """A page of a node."""
    return f"http://{place(NODES[node]['ip'], 9090)}/{path}"


def everything():
    """All addresses of the plan."""
    return "127.0.0.0/16" if FAMILY == 4 else f"{PREFIX}::/48"


def AF(ip):  # pylint: disable=invalid-name
    """The family of a socket for an address."""
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def host(ip):
    """An address as the host of a URI (RFC 3986 3.2.2)."""
    return f"[{ip}]" if ":" in ip else ip


def place(ip, port):
    """An address with a port, as text."""
    return f"{host(ip)}:{port}"


_PLAN = re.compile(r'(?P<before>[:@]|\bA\s+)?(?P<quote>"?)127\.0\.(?P<net>\d+)\.(?P<number>\d+)'
                   r'(?P<after>:\d+|/24|@\d+)?(?P=quote)')


def _in_plan(m):
    """A value of YAML gets quotes, since brackets and colons mean something there; a host of a URI, an address of a
    zone file, and one of nsd ("address@port") do not."""
    net, number, after = int(m["net"]), int(m["number"]), m["after"] or ""
    ip = loopback() if (net, number) == (0, 1) else at(net, number)
    if after == "/24":
        return f'"{network(net)}"'
    if after.startswith("@"):
        return ip + after
    if m["before"] in (":", "@"):
        return m["before"] + m["quote"] + host(ip) + after + m["quote"]
    if m["before"]:
        return "AAA" + m["before"] + ip
    return f'"{place(ip, after[1:])}"' if after else f'"{ip}"'


def in_plan(text):
    """A configuration or zone with the plan's addresses of this lab's family."""
    return text if FAMILY == 4 else _PLAN.sub(_in_plan, text)


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
    return at(1, LAST[kind_of(name)] + 100 * (number_of(name) - 1))


DNS = (address("dns"), 10053)
COLLECTOR = (loopback(), 9060)
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
    "alice": {"ip": at(2, 1), "impi": f"001010000000001@{DOMAIN}", "k": "alice-lab-key-01"},
    "bob": {"ip": at(2, 2), "impi": f"001010000000002@{DOMAIN}", "k": "bob-lab-key-0002"},
    "carol": {"ip": at(2, 3), "impi": f"001010000000003@{DOMAIN}", "k": "carol-lab-key-03"},
    "dave": {"ip": at(2, 4), "impi": f"dave@{DOMAIN}", "password": "dave-secret"},
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
           place(NODES[proxy_of(name)]["ip"], 5060), "--domain", DOMAIN, "--impi", u["impi"],
           "--impu", f"sip:{name}@{DOMAIN}"]
    if "k" in u:
        cmd += ["--k-ascii", u["k"], "--op", OP, "--sqn-file", str(RUN / f"{name}.sqn")]
    else:
        cmd += ["--password", u["password"]]
    if json_lines:
        cmd.append("--json")
    return [*cmd, *options, *steps]
