# SPDX-License-Identifier: Apache-2.0
"""Mistakes that people make in a configuration, over all nodes: what cannot work is refused by --check and by
the start, with the line, the value, what is wrong and how it should look; what is hardly meant so is a warning.

A row is (node, {option: YAML, or None to leave it out}, option that is blamed, words of the finding)."""
import os
import re
import subprocess

import pytest

D = "ims.example.org"
PEER = f"[{{host: hss.{D}, address: 127.0.3.4}}]"
CSCF = {
    "domain": D,
    "sip.trusted": "[127.0.3.0/24]",
    "diameter.realm": D,
    "diameter.hss": f"hss.{D}",
    "diameter.peers": PEER,
    "dns.servers": "[127.0.3.53]",
}
GOOD = {
    "pcscf": {
        "access.listen": "[127.0.3.1:5060]",
        "core.listen": "[127.0.3.1:5070]",
        "core.host": f"pcscf.{D}",
        "core.trusted": "[127.0.3.0/24]",
        "home.domains": f"[{D}]",
        "network.visited": D,
        "network.ioi": D,
    },
    "icscf": {
        **CSCF,
        "name": f"sip:icscf.{D}:5060",
        "sip.udp": "[127.0.3.2:5060]",
        "sip.tcp": "[127.0.3.2:5060]",
        "diameter.identity": f"icscf.{D}",
        "selection.scscfs": f"[{{name: 'sip:scscf.{D}:5060'}}]",
    },
    "scscf": {
        **CSCF,
        "name": f"sip:scscf.{D}:5060",
        "sip.udp": "[127.0.3.3:5060]",
        "sip.tcp": "[127.0.3.3:5060]",
        "diameter.identity": f"scscf.{D}",
    },
    "hss": {
        "diameter.identity": f"hss.{D}",
        "diameter.realm": D,
        "diameter.listen": "[127.0.3.4:3868]",
        "diameter.peers": f"[{{host: icscf.{D}}}, {{host: scscf.{D}}}]",
        "store.path": "{run}/hss.db",
        "store.key_file": "{run}/store.key",
    },
}
for common in GOOD.values():
    common.update({"http.listen": "127.0.3.9:9090", "control.socket": "{run}/node.ctl",
                   "run.pidfile": "{run}/node.pid"})

NAME_MISTAKES = {
    "sip:node.example.org": "is a URI",
    "http://node.example.org": "is a URI",
    "node.example.org:5060": "has a port",
    "node.example.org.": "ends in a dot",
    "node..example.org": "has an empty part",
    "node example.org": "has a blank",
    "*.example.org": "has a wildcard",
    "alice@example.org": "has a user part",
    "example.org/24": "has a slash",
    "a.example.org,b.example.org": "is more than one name",
    "node_1.example!": "has a character that no host name has",
    "-node.example.org": "begins or ends with a hyphen",
    "192.0.2": "ends in a number, and is no IP address",
    "${NODE}.example.org": "${...} in it, which a template has left",
    "@NODE@.example.org": "@...@ in it, which a template has left",
    "<node>.example.org": "<...> in it, which a template has left",
    "{{ node }}.example.org": "{{...}} in it",
    "CHANGEME.example.org": "CHANGEME in it",
}
NAME_OPTIONS = [
    ("pcscf", "core.host", "{}"), ("pcscf", "home.domains", "[{}]"), ("icscf", "domain", "{}"),
    ("scscf", "domain", "{}"), ("scscf", "diameter.identity", "{}"), ("icscf", "diameter.realm", "{}"),
    ("hss", "diameter.identity", "{}"), ("hss", "diameter.realm", "{}"),
]
URI_MISTAKES = {
    "node.example.org": "does not begin with sip:",
    "tel:+15550001": "another scheme",
    "http://node.example.org": "another scheme",
    "sips:node.example.org": "asks for TLS, which is not supported",
    "sip:node.example.org;transport=tls": "a transport other than udp and tcp",
    "sip:0.0.0.0:5060": "is the wildcard address",
    "sip:node..example.org": "empty part",
    "sip:node.example.org.": "ends in a dot",
    "sip:": "is no SIP URI",
    "sip:node.example.org:70000": "is no SIP URI",
    "sip:@NODE@": "@...@ in it",
    "<sip:node.example.org>": "<...> in it",
}
URI_OPTIONS = [("icscf", "name", "{}"), ("scscf", "name", "{}"), ("pcscf", "home.entry", "{}"),
               ("icscf", "selection.scscfs", "[{{name: {}}}]")]

REFUSED = [
    *((node, {option: form.format(f'"{value}"')}, option, words)
      for node, option, form in NAME_OPTIONS for value, words in NAME_MISTAKES.items()),
    *((node, {option: form.format(f'"{value}"')}, option, words)
      for node, option, form in URI_OPTIONS for value, words in URI_MISTAKES.items()),
    # names
    ("pcscf", {"core.host": "0.0.0.0"}, "core.host", "is the wildcard address"),
    ("pcscf", {"core.host": D}, "core.host", "is a home domain"),
    ("pcscf", {"home.domains": "[192.0.2.1]"}, "home.domains[1]", "is an IP address; expected a domain name"),
    ("pcscf", {"home.domains": "[]"}, "home.domains", "needs a domain"),
    ("pcscf", {"home.domains": D}, "home.domains", f'expected a list, found "{D}"; write [{D}]'),
    ("icscf", {"domain": f"[{D}]"}, "domain", "expected one value, found a list"),
    ("pcscf", {"network.visited": '""'}, "network.visited", "may not be empty"),
    ("pcscf", {"network.visited": '"  "'}, "network.visited", "is blank"),
    ("pcscf", {"network.visited": "'\"visited\"'"}, "network.visited", "has a quote"),
    ("pcscf", {"network.visited": '"a\\nb"'}, "network.visited", "has a control character"),
    ("pcscf", {"network.visited": "sip:example.org"}, "network.visited", "is a URI"),
    ("pcscf", {"network.ioi": '"my network"'}, "network.ioi", "has a character that ends a name"),
    ("scscf", {"ioi": '"a;b"'}, "ioi", "has a character that ends a name"),
    ("icscf", {"sip.leg_timeout.scscf": "8 s"}, "selection.timeout", "leaves no time for a second S-CSCF"),
    ("scscf", {"sip.leg_timeout.originating": "19 s"}, "sip.leg_timeout.terminating",
     "is not less than sip.leg_timeout.originating"),
    ("pcscf", {"sip.leg_timeout.ue": "28 s"}, "sip.leg_timeout.ue", "is not less than sip.leg_timeout.core"),
    ("scscf", {"diameter.identity": "scscf"}, "diameter.identity", "has no domain"),
    ("scscf", {"diameter.identity": f"aaa://scscf.{D}:3868"}, "diameter.identity", "is a URI"),
    ("hss", {"diameter.identity": "127.0.3.4"}, "diameter.identity", "is an IP address"),
    ("hss", {"charging.primary_ccf": "http://ccf.example.org"}, "charging.primary_ccf", "another scheme"),
    ("hss", {"charging.primary_ccf": "aaa://ccf.example.org:x"}, "charging.primary_ccf", "port that is no number"),
    ("hss", {"digest.qop": "none"}, "digest.qop", "expected auth or auth-int"),
    # what is known of access networks
    ("pcscf", {"access.network_info": "[IEEE-802.11]"}, "access.network_info", "has no value behind the network"),
    ("pcscf", {"access.network_info": "['10.0.0.0/8 IEEE-802.11', 'lan IEEE-802.11']"}, "access.network_info",
     '"lan IEEE-802.11" does not begin with an address or a network'),
    ("pcscf", {"access.network_info": "['10.0.0.0/8 a;b=\"']"}, "access.network_info",
     "no value of P-Access-Network-Info"),
    ("pcscf", {"access.network_info": "['10.0.0.0/8 a;network-provided']"}, "access.network_info", "which is added"),
    # entry points of the home network
    ("pcscf", {"home.entry": "sip:127.0.3.1:5070"}, "home.entry", "is this node"),
    ("pcscf", {"home.further_entries": f"[sip:icscf.{D}, sip:pcscf.{D}]"}, "home.further_entries[2]", "is this node"),
    ("pcscf", {"home.further_entries": "['sip:[2001:db8::1]']"}, "home.further_entries[1]",
     "no address of core.listen"),
    ("pcscf", {"home.further_entries": f"[{', '.join(8 * [f'sip:icscf.{D}'])}]"}, "home.further_entries", "7 at most"),
    # addresses to listen on
    ("pcscf", {"core.listen": "[0.0.0.0:5070]", "core.host": None}, "core.listen", "give its name in core.host"),
    ("pcscf", {"core.listen": "['[::]:5070']", "core.host": '""'}, "core.listen", "give its name in core.host"),
    ("pcscf", {"access.listen": "[0.0.0.0:5060]"}, "access.listen[1]", "is the wildcard address"),
    ("pcscf", {"access.listen": "[127.0.3.1:5060, 0.0.0.0:5062]", "access.advertise": "[a.example]"},
     "access.listen[2]",
     "is the wildcard address"),
    ("pcscf", {"access.advertise": "[a.example, b.example]"}, "access.advertise",
     "has more entries than access.listen"),
    ("pcscf", {"access.advertise": "['2001:db8::1']"}, "access.advertise", "is of another family"),
    ("pcscf", {"access.listen": "[127.0.3.1:5060, 127.0.3.1:5061, 127.0.3.1:5062, 127.0.3.1:5063, 127.0.3.1:5064, "
               "127.0.3.1:5065, 127.0.3.1:5066, 127.0.3.1:5067]"}, "access.listen", "8 addresses, 7 at most"),
    ("pcscf", {"access.listen": "['[::]:5060']"}, "access.listen[1]", "is the wildcard address"),
    ("icscf", {"sip.udp": "[0.0.0.0]"}, "sip.udp[1]", "is the wildcard address"),
    ("scscf", {"sip.tcp": "['::']"}, "sip.tcp[1]", "is the wildcard address"),
    ("scscf", {"sip.udp": "[]", "sip.tcp": "[]"}, "sip.udp", "no address to listen on"),
    ("pcscf", {"access.listen": "[]"}, "access.listen", "needs an address"),
    ("pcscf", {"core.listen": "[]"}, "core.listen", "needs an address"),
    ("hss", {"diameter.listen": "[]"}, "diameter.listen", "needs an address"),
    ("pcscf", {"access.listen": "127.0.3.1:5060"}, "access.listen", "write [127.0.3.1:5060]"),
    ("pcscf", {"access.listen": "[127.0.3.1:0]"}, "access.listen[1]", "has port 0"),
    ("scscf", {"sip.udp": "[127.0.3.3:65536]"}, "sip.udp[1]", "its port must be from 1 to 65535"),
    ("scscf", {"sip.udp": "[127.0.3.3:sip]"}, "sip.udp[1]", "its port is no number"),
    ("scscf", {"sip.udp": "['2001:db8::1:5060:x']"}, "sip.udp[1]", "in brackets: [2001:db8::1]:5060"),
    ("scscf", {"sip.udp": "[localhost:5060]"}, "sip.udp[1]", "a name is not looked up here"),
    ("scscf", {"sip.udp": "['udp:127.0.3.3:5060']"}, "sip.udp[1]", "without a scheme"),
    ("scscf", {"sip.udp": "[127.0.3.0/24]"}, "sip.udp[1]", "one address, not a network"),
    ("scscf", {"sip.udp": "['127.0.3.3:5060, 127.0.3.4:5060']"}, "sip.udp[1]", "one address in each entry"),
    ("scscf", {"sip.udp": "[224.0.1.75:5060]"}, "sip.udp[1]", "is no address of one machine"),
    ("scscf", {"sip.udp": "[255.255.255.255]"}, "sip.udp[1]", "is no address of one machine"),
    ("scscf", {"sip.udp": "['[fe80::1]:5060']"}, "sip.udp[1]", "is link-local"),
    ("scscf", {"sip.udp": "['[fe80::1%eth0]:5060']"}, "sip.udp[1]", "a link-local address, which takes an interface"),
    *((node, {"limits.source_prefix": bits}, "limits.source_prefix", "must be from 32 to 128")
      for node in ("pcscf", "icscf", "scscf") for bits in ("24", "129")),
    ("hss", {"charging.primary_ccf": "'aaa://[2001:db8::1]:3868;transport=tcp'"}, "charging.primary_ccf",
     "is an IP address"),
    ("scscf", {"sip.udp": "[127.0.3.3:5060, 127.0.3.3:5060]"}, "sip.udp[2]", "is taken by sip.udp[1] already"),
    ("pcscf", {"core.listen": "[127.0.3.1:5060]"}, "core.listen[1]", "is taken by access.listen[1] already"),
    ("pcscf", {"core.listen": "[0.0.0.0:5060]"}, "core.listen[1]", "is taken by access.listen[1] already"),
    ("scscf", {"http.listen": "127.0.3.3:5060"}, "sip.tcp[1]", "127.0.3.3:5060/tcp is taken by http.listen already"),
    ("hss", {"http.listen": "0.0.0.0:3868"}, "diameter.listen[1]", "is taken by http.listen already"),
    ("hss", {"http.listen": "http://127.0.3.4:9090"}, "http.listen", "without a scheme"),
    # other nodes
    ("scscf", {"dns.servers": "[0.0.0.0]"}, "dns.servers[1]", "expected that of the other side"),
    ("scscf", {"dns.servers": "[127.0.3.53:0]"}, "dns.servers[1]", "has port 0"),
    ("scscf", {"dns.servers": "[ns.example.org]"}, "dns.servers[1]", "a name is not looked up here"),
    ("scscf", {"dns.servers": "127.0.3.53"}, "dns.servers", "write [127.0.3.53]"),
    ("scscf", {"trace.collector": "0.0.0.0:9060"}, "trace.collector", "expected that of the other side"),
    ("pcscf", {"home.entry": "sip:127.0.3.1:5070"}, "home.entry", "is this node; expected the I-CSCF"),
    ("pcscf", {"home.entry": f"sip:pcscf.{D}"}, "home.entry", "is this node; expected the I-CSCF"),
    ("pcscf", {"home.entry": "'sip:[2001:db8::1]:5060'"}, "home.entry", "no address of core.listen is of its family"),
    ("icscf", {"selection.scscfs": f"[{{name: 'sip:icscf.{D}'}}]"}, "selection.scscfs[1].name", "is this node"),
    ("icscf", {"selection.scscfs": "[{name: 'sip:127.0.3.2'}]"}, "selection.scscfs[1].name", "is this node"),
    ("icscf", {"selection.scscfs": "[{name: 'sip:s.a.org'}, {name: 'sip:s.A.org:5060'}]"},
     "selection.scscfs[2].name", "is selection.scscfs[1] already"),
    ("icscf", {"selection.scscfs": "[]"}, "selection.scscfs", "needs at least 1 entry"),
    ("icscf", {"selection.scscfs": f"[{{name: 'sip:s.{D}', capabilities: [a]}}]"},
     "selection.scscfs[1].capabilities[1]", "expected a number"),
    ("scscf", {"diameter.peers": "[]"}, "diameter.peers", "needs at least 1 entry"),
    ("scscf", {"diameter.peers": f"[hss.{D}]"}, "diameter.peers[1]", 'such as "host: ..."'),
    ("scscf", {"diameter.peers": f"[{{host: hss.{D}}}]"}, "diameter.peers[1].address", "required, but not given"),
    ("scscf", {"diameter.peers": f"[{{host: hss.{D}, address: hss.{D}}}]"}, "diameter.peers[1].address",
     "a name is not looked up here"),
    ("scscf", {"diameter.peers": f"[{{host: hss.{D}, address: '127.0.3.4:0'}}]"}, "diameter.peers[1].address",
     "has port 0"),
    ("scscf", {"diameter.peers": f"[{{host: hss.{D}, address: 0.0.0.0}}]"}, "diameter.peers[1].address",
     "is the wildcard address"),
    ("scscf", {"diameter.peers": f"[{{host: scscf.{D}, address: 127.0.3.4, relay: true}}]"},
     "diameter.peers[1].host", "is this node itself"),
    ("scscf", {"diameter.peers": f"[{{host: hss.{D}, address: 127.0.3.4}}, {{host: HSS.{D}, address: 127.0.3.5}}]"},
     "diameter.peers[2].host", "is diameter.peers[1] already"),
    ("icscf", {"diameter.peers": f"[{{host: hss.{D}, address: 127.0.3.4}}, {{host: h.{D}, address: 127.0.3.4}}]"},
     "diameter.peers[2].address", "one node has one identity"),
    ("scscf", {"diameter.hss": f"hss2.{D}"}, "diameter.hss", "is none of diameter.peers"),
    ("scscf", {"diameter.local": "'[::1]:0'"}, "diameter.peers[1].address", "of the other address family"),
    ("hss", {"diameter.peers": f"[{{host: hss.{D}}}]"}, "diameter.peers[1].host", "is this node itself"),
    ("hss", {"diameter.peers": f"[{{host: i.{D}}}, {{host: i.{D}}}]"}, "diameter.peers[2].host", "already"),
    ("hss", {"diameter.peers": f"[{{host: i.{D}, address: 127.0.3.4}}]"}, "diameter.peers[1].address",
     "is this node itself"),
    # the trust domain
    *((node, {option: f'["{value}"]'}, f"{option}[1]", words)
      for node, option in (("pcscf", "core.trusted"), ("icscf", "sip.trusted"), ("scscf", "sip.trusted"))
      for value, words in (("127.0.3.7/24", "a host and its network in one"), ("0.0.0.0/0", "is everybody"),
                           ("::/0", "is everybody"), ("127.0.3.0/33", "a prefix length that cannot be"),
                           ("core.example.org", "neither an IP address nor a network"),
                           ("127.0.3.1:5060", "neither an IP address nor a network"),
                           ("127.0.3.0/255.255.255.0", "a prefix length that cannot be"),
                           ("0.0.0.0", "from which nothing comes"))),
    # files
    *((node, {"control.socket": '"@RUN@/x.ctl"'}, "control.socket", "@...@ in it, which a template has left")
      for node in GOOD),
    ("hss", {"store.path": '"${STATE}/hss.db"'}, "store.path", "${...} in it"),
    ("hss", {"store.path": '"/nowhere/hss.db"'}, "store.path", "its folder /nowhere: No such file or directory"),
    ("hss", {"store.path": "{run}"}, "store.path", "is a folder; expected the path of a file"),
    ("hss", {"store.path": "{run}/"}, "store.path", "is the name of a folder"),
    ("hss", {"store.path": "~/hss.db"}, "store.path", "which only a shell knows"),
    ("hss", {"store.path": "file:///var/lib/hss.db"}, "store.path", "is a URI"),
    ("hss", {"store.path": "{run}/store.key"}, "store.key_file", "is the path of store.path too"),
    ("hss", {"store.key_file": "{run}/none.key"}, "store.key_file", "none.key: there is none"),
    ("hss", {"store.key_file": "{run}/open.key"}, "store.key_file", "others may read it (chmod 600)"),
    ("hss", {"store.key_file": "{run}/bad.key"}, "store.key_file", "it must hold 64 hexadecimal digits"),
    ("hss", {"store.key_file": "{run}"}, "store.key_file", "it is no regular file"),
    ("hss", {"store.path": "{run}/old.db", "store.key_file": "{run}/none.key", "store.key_create": "true"},
     "store.key_file", "a new key would not open it"),
    ("pcscf", {"control.socket": "/nowhere/x.ctl"}, "control.socket", "its folder /nowhere: No such file"),
    ("pcscf", {"control.socket": "{run}/" + 108 * "x"}, "control.socket", "a socket's has 107 at most"),
    ("pcscf", {"control.socket": "{run}/store.key"}, "control.socket", "is there and is no socket"),
    ("pcscf", {"control.socket": "unix:/run/x.ctl"}, "control.socket", "is a URI"),
    ("pcscf", {"run.pidfile": "{run}/store.key/x.pid"}, "run.pidfile", "Not a directory"),
    ("pcscf", {"run.pidfile": "{run}/node.ctl"}, "run.pidfile", "is the path of control.socket too"),
    *((node, {"keys.file": "{run}/" + name}, "keys.file", words) for node in ("pcscf", "scscf") for name, words in (
        ("bad.key", "it is no key ring of this version"), ("open.key", "others may read it (chmod 600)"),
        ("none/ring", "its folder"), ("node.ctl", "is the path of control.socket too"))),
    ("pcscf", {"keys.rotate": "30 s"}, "keys.rotate", "30 s is too often"),
    ("pcscf", {"keys.rotate": "1 min", "keys.wait": "60 s"}, "keys.wait", "the newest would never sign"),
    ("scscf", {"keys.wait": "5 s"}, "keys.wait", "must be from 12 to 604800 s"),
    ("scscf", {"keys.keep": "0"}, "keys.keep", "must be from 1 to 15"),
    # numbers and words
    ("scscf", {"diameter.timeout": "-1"}, "diameter.timeout", 'expected a whole number (of ms), found "-1"'),
    ("scscf", {"diameter.timeout": "0"}, "diameter.timeout", "must be from 100 to 60000 ms, found 0"),
    ("scscf", {"diameter.timeout": "5"}, "diameter.timeout", "must be from 100 to 60000 ms, found 5"),
    ("scscf", {"diameter.timeout": "5 sec"}, "diameter.timeout", "(of ms, or with a unit: ms, s, min, h)"),
    ("scscf", {"diameter.timeout": "1.5 s"}, "diameter.timeout", 'expected a whole number (of ms'),
    ("scscf", {"diameter.timeout": "5 kB"}, "diameter.timeout", 'expected a whole number (of ms'),
    ("scscf", {"diameter.timeout": "99999999999"}, "diameter.timeout", "must be from 100 to 60000 ms"),
    ("pcscf", {"limits.registrations": "0"}, "limits.registrations", "must be from 1 to"),
    ("pcscf", {"limits.registrations": "1e6"}, "limits.registrations", "expected a whole number"),
    ("pcscf", {"limits.registrations": "1,000,000"}, "limits.registrations", "expected a whole number"),
    ("scscf", {"registration.min_expires": "2 h", "registration.max_expires": "1 h"}, "registration.min_expires",
     "7200 s is more than registration.max_expires, 3600 s"),
    ("pcscf", {"access.security": "ipsec"}, "access.security", "expected one of required, optional, off"),
    ("pcscf", {"log.level": "warning"}, "log.level", "expected one of error, warn, info, debug, trace"),
    ("scscf", {"sip.prefer_tcp": "1"}, "sip.prefer_tcp", "expected true or false"),
    ("scscf", {"sip.listen": "[127.0.3.3]"}, "sip.listen", "unknown option; the nearest known one is"),
    ("pcscf", {"core.hosts": f"pcscf.{D}"}, "core.hosts", "unknown option; the nearest known one is core.host"),
    ("hss", {"diameter.peers": f"[{{name: icscf.{D}}}]"}, "diameter.peers[1].name", "unknown option"),
    ("icscf", {"name": None}, "name", "required, but not given"),
    *((node, {"numbering.country_code": code}, "numbering.country_code", words)
      for node in ("pcscf", "icscf", "scscf", "hss")
      for code, words in (("+49", "expected digits"), ("049", "no country code begins with 0"))),
    ("scscf", {"numbering.national_prefix": "0"}, "numbering.country_code", "is needed for national numbers"),
    ("hss", {"numbering.country_code": "49", "numbering.national_prefix": "zero"}, "numbering.national_prefix",
     "expected digits; found \"zero\""),
    ("icscf", {"numbering.international_prefixes": "[00, '+']"}, "numbering.international_prefixes", "expected digits"),
    ("scscf", {"numbering.contexts": "['+49']"}, "numbering.contexts", "expected domain names"),
    ("scscf", {"numbering.short_codes": "[1y2]"}, "numbering.short_codes", "with x for any of them"),
    ("hss", {"home.domains": "[sip:example.org]"}, "home.domains", "is a URI"),
]

WARNED = [
    ("scscf", {"sip.udp": "[192.0.2.77:5060]"}, "sip.udp[1]", "no interface of this machine has 192.0.2.77"),
    ("hss", {"diameter.listen": "[192.0.2.77:3868]"}, "diameter.listen[1]", "no interface of this machine has"),
    ("scscf", {"diameter.local": "192.0.2.77:0"}, "diameter.local", "no interface of this machine has"),
    ("scscf", {"diameter.local": "127.0.3.3:5555"}, "diameter.local", "one connection at a time"),
    ("scscf", {"diameter.realm": "other.org"}, "diameter.realm", "is not the domain"),
    ("scscf", {"diameter.identity": "scscf.other.org"}, "diameter.identity", "is not within diameter.realm"),
    ("scscf", {"diameter.peers": "[{host: hss.other.org, address: 127.0.3.4}]", "diameter.hss": None},
     "diameter.peers[1].host", "is not within diameter.realm"),
    ("hss", {"diameter.peers": "[{host: icscf.other.org}]"}, "diameter.peers[1].host", "no realm of its own"),
    ("hss", {"diameter.identity": "hss.other.org"}, "diameter.identity", "is not within diameter.realm"),
    ("hss", {"diameter.peers": "[]"}, "diameter.peers", "nobody may connect"),
    ("hss", {"digest.qop": "auth-int"}, "digest.qop", "checks auth only"),
    ("icscf", {"name": f"sip:icscf.{D}:5080"}, "name", "no address of sip.udp or sip.tcp is there"),
    ("scscf", {"name": "sip:127.0.3.7"}, "name", "no address of sip.udp or sip.tcp is there"),
    ("scscf", {"name": f"sip:{D}"}, "name", "is the domain"),
    ("scscf", {"sip.trusted": "[]"}, "sip.trusted", "nobody is trusted"),
    ("scscf", {"sip.udp": "[192.0.2.77:5060]", "sip.trusted": None}, "sip.trusted", "only this machine is trusted"),
    ("scscf", {"sip.udp": "[127.0.3.3, '[::1]:5060']", "sip.trusted": "[127.0.3.0/24]"}, "sip.trusted",
     "nobody is trusted whose address is of IPv6"),
    ("pcscf", {"core.listen": "['[::1]:5070']", "core.trusted": "[127.0.3.0/24]"}, "core.trusted",
     "nobody is trusted whose address is of IPv6"),
    ("icscf", {"diameter.timeout": "9 s"}, "selection.timeout", "given up for dead"),
    ("scscf", {"registration.default_expires": "60", "registration.min_expires": "1 h"},
     "registration.default_expires", "60 s is not from"),
    ("scscf", {"keys.file": "{run}/new.keys", "keys.rotate": "10 min", "keys.keep": "5"}, "keys.rotate",
     "is not as long as registration.max_expires"),
    ("pcscf", {"home.domains": f"[{D}, {D.upper()}]"}, "home.domains", "is there twice"),
    ("pcscf", {"media.codecs": "[AMR-WB, CN, AMRWB]"}, "media.codecs", "AMRWB is no encoding name"),
    ("scscf", {"media.codecs": "[amr, G.711]"}, "media.codecs", "G.711 is no encoding name"),
    ("scscf", {"home.domains": f"[{D.upper()}]"}, "home.domains", "is there twice"),
    ("hss", {"home.domains": f"[{D}, {D}]"}, "home.domains", "is there twice"),
]

# As they have to be: none of these is a mistake.
FINE = [
    ("pcscf", {"keys.file": "{run}/new.keys", "keys.rotate": "1 h", "keys.keep": "15", "keys.node": "7"}),
    *((node, {}) for node in GOOD),
    ("pcscf", {"core.listen": "[0.0.0.0:5070]"}),
    ("pcscf", {"core.host": "127.0.3.1"}),
    ("pcscf", {"access.listen": "[127.0.3.1:5060, 127.0.3.2:5060]"}),
    ("pcscf", {"access.listen": "[0.0.0.0:5061]", "access.advertise": "[pcscf.example.org]"}),
    ("pcscf", {"access.listen": "[127.0.3.1:5060, '[::1]:5060']", "core.host": None}),
    ("pcscf", {"home.entry": f"sip:icscf.{D};transport=tcp"}),
    ("pcscf", {"network.visited": '"Visited network #1"'}),
    ("pcscf", {"control.socket": "none"}),
    ("scscf", {"sip.trusted": '[127.0.3.0/24, "::1", "2001:db8::/32", 127.0.0.1/32]'}),
    ("scscf", {"diameter.hss": f"hss.{D}", "diameter.peers": f"[{{host: dra.{D}, address: 127.0.3.5, relay: true}}]"}),
    ("scscf", {"name": "sip:127.0.3.3"}),
    ("hss", {"home.domains": f"[{D}, operator.example]", "numbering.country_code": "49",
             "numbering.national_prefix": "0", "numbering.international_prefixes": "[00]",
             "numbering.contexts": '["*.example.org"]', "numbering.short_codes": "[112, 8xx]"}),
    ("hss", {"store.path": '":memory:"'}),
    ("hss", {"store.key_file": "{run}/none.key", "store.key_create": "true"}),
    ("hss", {"charging.primary_ccf": "aaa://ccf.example.org:3868;transport=tcp"}),
    ("hss", {"diameter.listen": "[0.0.0.0]"}),
]


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    for name, text, mode in (("store.key", 64 * "a", 0o600), ("open.key", 64 * "a", 0o644),
                             ("bad.key", "secret", 0o600), ("old.db", "", 0o600)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    return tmp_path


def written(run, node, changes):
    """(path, line of each option)"""
    options = {k: v for k, v in {**GOOD[node], **changes}.items() if v is not None}
    path = run / f"{node}.yaml"
    path.write_text("".join(f"{k}: {v.replace('{run}', str(run))}\n" for k, v in options.items()))
    return path, {k: i + 1 for i, k in enumerate(options)}


def ask(node, *words):
    r = subprocess.run([os.environ[node.upper()], *words], capture_output=True, text=True, timeout=20, check=False)
    return r.returncode, r.stderr.splitlines()


def head_of(path, lines, option, kind=""):
    """What a finding about the option begins with; one that was not given has no line."""
    line = next((n for o, n in lines.items() if option == o or option.startswith((o + "[", o + "."))), None)
    return f"{path}:{f'{line}:' if line else ''} {kind}{option}"


def ids(rows):
    return [f"{node}-{'-'.join(f'{k}={v}' for k, v in changes.items())}"[:100] for node, changes, *_ in rows]


@pytest.mark.parametrize("node, changes, option, words", REFUSED, ids=ids(REFUSED))
def test_refused(run, node, changes, option, words):
    path, lines = written(run, node, changes)
    status, said = ask(node, "--check", "--config", str(path))
    wanted = head_of(path, lines, option)
    assert status == 1 and [x for x in said if x.startswith(wanted) and words in x], "\n".join([wanted, *said])


@pytest.mark.parametrize("node, changes, option, words", WARNED, ids=ids(WARNED))
def test_warned(run, node, changes, option, words):
    path, lines = written(run, node, changes)
    status, said = ask(node, "--check", "--config", str(path))
    wanted = head_of(path, lines, option, "warning: ")
    assert status == 0 and [x for x in said if x.startswith(wanted) and words in x], "\n".join([wanted, *said])


@pytest.mark.parametrize("node, changes", FINE, ids=ids(FINE))
def test_fine(run, node, changes):
    path, _ = written(run, node, changes)
    assert ask(node, "--check", "--config", str(path)) == (0, [])


@pytest.mark.parametrize("node, changes, option, words", [next(r for r in REFUSED if r[0] == n) for n in GOOD],
                         ids=list(GOOD))
def test_the_start_refuses_the_same(run, node, changes, option, words):
    path, lines = written(run, node, changes)
    status, log = ask(node, "--config", str(path))
    wanted = f" ERROR {node} {head_of(path, lines, option)}"
    assert status == 1 and [x for x in log if wanted in x and words in x], "\n".join([wanted, *log])


def test_the_value_and_an_example_are_named(run):
    path, lines = written(run, "pcscf", {"core.host": "sip:pcscf.example.org:5070"})
    _, said = ask("pcscf", "--check", "--config", str(path))
    assert said == [f'{path}:{lines["core.host"]}: core.host: "sip:pcscf.example.org:5070" is a URI; expected a '
                    "host name or an IP address without a port, such as pcscf.ims.example.org"]


def test_enough_mistakes():
    assert len({(node, option, re.sub(r"\W", "", words)) for node, _, option, words in REFUSED + WARNED}) >= 200
