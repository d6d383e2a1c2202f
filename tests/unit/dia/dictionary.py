# SPDX-License-Identifier: Apache-2.0
"""Our Diameter tables against Wireshark's dictionary: names, codes, vendors, types, flags, commands.

usage: dictionary.py DUMP_PROGRAM
Exit status 77 (skipped) when Wireshark's files are not there.
"""
import pathlib
import re
import subprocess
import sys

WHERE = pathlib.Path("/usr/share/wireshark/diameter")
VENDORS = {None: 0, "None": 0, "TGPP": 10415}
TYPES = {
    "octets": {"OctetString", "OctetStringOrUTF8", "UTF8String", "DiameterIdentity", "DiameterURI",
               "IPAddress", "Time"},
    # Wireshark has Authorization-Lifetime as Integer32; RFC 6733 8.9 says Unsigned32
    "u32": {"Unsigned32", "Enumerated", "VendorId", "AppId", "Integer32"},
    "u64": {"Unsigned64"},
    "grouped": {"Grouped"},
}
# Wireshark prefixes or abbreviates names that clash in its flat name space, or has an older name.
RENAMED = {"Cx-User-Data": "User-Data", "Digest-Qop": "Digest-QoP",
           "Wildcarded-PSI": "Wildcarded-Public-Identity",
           "Associated-Registered-Identities": "Associated-Registered-Groups",
           "Accounting-Multi-Session-Id": "Acct-Multi-Session-Id"}
# TS 29.229 table 6.3.1 has no M bit here; Wireshark's file lags behind.
NOT_MANDATORY = {628, 629, 630, 631, 632, 634, 653, 654, 655, 657, 658}
# Newer than Wireshark 4.0.
UNKNOWN_TO_WIRESHARK = {(659, 10415), (660, 10415), (661, 10415), (662, 10415), (663, 10415)}


def wireshark():
    avps, commands = {}, {}
    for name in ("dictionary.xml", "TGPP.xml"):
        text = (WHERE / name).read_text(errors="replace")
        for attributes, body in re.findall(r"<avp\s([^>]*)>(.*?)</avp>", text, re.S):
            a = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
            kind = re.search(r'type-name="(\w+)"', body)
            kind = "Grouped" if "<grouped" in body else kind.group(1) if kind else "?"
            vendor = VENDORS.get(a.get("vendor-id"))
            if vendor is not None:
                avps[int(a["code"]), vendor] = (a["name"], kind, a.get("mandatory"))
        for attributes in re.findall(r"<command\s([^>]*)/>", text):
            a = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
            commands[int(a["code"])] = a["name"]
    return avps, commands


def check_avp(words, avps, wrong):
    code, vendor, name, kind, flags = int(words[0]), int(words[1]), words[2], words[3], int(words[4])
    if bool(flags & 0x80) != bool(vendor):
        wrong.append(f"{name}: V bit without vendor, or vendor without it")
    if (code, vendor) in UNKNOWN_TO_WIRESHARK:
        return
    if (code, vendor) not in avps:
        wrong.append(f"{name}: Wireshark knows no AVP {code} of vendor {vendor}")
        return
    theirs, their_kind, mandatory = avps[code, vendor]
    theirs = RENAMED.get(theirs, theirs)
    if theirs.removeprefix("3GPP-") != name:
        wrong.append(f"{code}: we say {name}, Wireshark {theirs}")
    if their_kind not in TYPES[kind]:
        wrong.append(f"{name}: we say {kind}, Wireshark {their_kind}")
    must = bool(flags & 0x40)
    if mandatory == "must" and not must and not (vendor and code in NOT_MANDATORY):
        wrong.append(f"{name}: Wireshark says the M bit must be set")
    if mandatory == "mustnot" and must:
        wrong.append(f"{name}: Wireshark says the M bit must not be set")


def main():
    if not (WHERE / "dictionary.xml").exists():
        print("no Wireshark dictionary here")
        return 77
    out = subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True).stdout
    avps, commands = wireshark()
    wrong, n = [], 0
    for line in out.splitlines():
        what, *words = line.split()
        n += 1
        if what == "avp":
            check_avp(words, avps, wrong)
            continue
        app, code, request, answer = int(words[0]), int(words[1]), words[2], words[3]
        base = request.removesuffix("-Request")
        theirs = commands.get(code, "?").removeprefix("3GPP-")
        if answer != base + "-Answer" or theirs != base:
            wrong.append(f"command {code} of {app}: we say {base}, Wireshark {theirs}")
    print("\n".join(wrong) or f"{n} rows agree")
    return 1 if wrong or n < 100 else 0


sys.exit(main())
