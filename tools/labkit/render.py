# SPDX-License-Identifier: Apache-2.0
"""Configurations of the lab's instances. The files in config/lab are those of a lab with one node of each kind; what
several of a kind need beyond that is put in here:
- an item of a list that names a node of another kind (a Diameter peer, an S-CSCF to choose) is there for each instance;
- an instance has its own name, address, socket and state; keys and the HSS's store are those of the first one;
- where there are several HSSs nobody asks a certain one, and they share the store;
- the S-CSCF number N has the capability N, so that a subscriber can be provisioned for one of them;
- DNS names both P-CSCFs for phones and both I-CSCFs for the home domain."""
import re

from labkit import facts

ITEM = re.compile(r"( *)- ")
OWN_FILES = "ctl|pid|state"  # of @RUN@/KIND.*; others are shared


def _name(kind, number=1):
    return f"{facts.instance(kind, number)}.{facts.DOMAIN}"


def _another(text, kind, number):
    """The text, of or about the first of a kind, for another one."""
    other = facts.address(facts.instance(kind, number))
    text = re.sub(rf"(?<![\w.-]){re.escape(_name(kind))}", _name(kind, number), text)
    return re.sub(rf"(?<![\d.]){re.escape(facts.address(kind))}(?!\d)", other, text)


def _blocks(lines):
    """Items of lists with what belongs to them; every other line for itself."""
    at = 0
    while at < len(lines):
        end, item = at + 1, ITEM.match(lines[at])
        while item and end < len(lines) and re.match(item[1] + r" +[^ -]", lines[end]):
            end += 1
        yield bool(item), lines[at:end]
        at = end


def _for_each(lines, own_kind, counts):
    out = []
    for is_item, block in _blocks(lines):
        text = "\n".join(block)
        about = [k for k in facts.KINDS if is_item and k != own_kind and counts[k] > 1 and _name(k) in text]
        for kind in about[:1]:
            out += [_about(text, own_kind, kind, number) for number in range(1, counts[kind] + 1)]
        if not about:
            out += block
    return "\n".join(out)


def _about(text, own_kind, kind, number):
    text = _another(text, kind, number)
    if own_kind == "icscf" and kind == "scscf":
        indent = ITEM.match(text)[1]
        text += f"\n{indent}  capabilities: [{number}]"
    return text


def config(name, text, counts):
    """The configuration of an instance, from that of the only one."""
    kind, number = facts.kind_of(name), facts.number_of(name)
    text = _for_each(text.split("\n"), kind, counts)
    if counts["hss"] > 1 and kind == "hss":
        text = re.sub(r"(?m)^( +)(path: .*)$", r"\1\2\n\1shared: true", text)
    elif counts["hss"] > 1:
        text = re.sub(rf"(?m)^ +hss: {re.escape(_name('hss'))}\n", "", text)
    if number == 1:
        return text
    text = _another(text, kind, number)
    text = re.sub(rf"@RUN@/{kind}\.({OWN_FILES})\b", rf"@RUN@/{name}.\1", text)
    text = re.sub(r"(?m)^  node: .*\n", "", text)
    return text.replace("trace:\n", f"trace:\n  node: {facts.NODES[name]['title']}\n")


# ---- names ----

def _records(text):
    """(owner, lines) of each name."""
    groups = []
    for line in text.split("\n"):
        if groups and re.match(r"\s+IN\s", line):
            groups[-1][1].append(line)
        else:
            groups.append((line.split(" ")[0] if " IN " in line else "", [line]))
    return groups


def _zone_name(text, kind, number):
    text = _another(text, kind, number)
    return re.sub(rf"(?<![\w-]){kind}(?![\w-])", facts.instance(kind, number), text)


def zone(text, counts):
    """A name of an instance leads to it alone, with or without a port; but a service (the home domain's SIP, Diameter,
    the P-CSCF of who looks for one) leads to all of them, the same share to each."""
    out = []
    for owner, lines in _records(text):
        kind = owner.split(".")[-1]
        service = re.match(r"_\w+\._\w+", owner) and kind not in ("icscf", "scscf", "hss")
        out += lines
        for number in range(2, counts.get(kind, 1) + 1) if not service else ():
            mine = lines if kind != "pcscf" else lines[:1]
            out += [_zone_name(line, kind, number) for line in mine]
        target = lines[0].split(" ")[-1] if service else ""
        out += [f"{lines[0][:-len(target)]}{facts.instance(target, n)}" for n in range(2, counts.get(target, 1) + 1)]
    return "\n".join(out)
