# SPDX-License-Identifier: Apache-2.0
"""The page of a Diameter application: commands and groups in the notation of RFC 6733, with the members beside them."""
from dia_c import count_of, is_list


def element(f):
    close = {"<": ">", "{": "}", "[": "]"}[f.bracket]
    name = f"{f.bracket} {f.avp.name} {close}"
    if f.max == 1:
        return f"  {name}"
    least = "" if f.min == (1 if f.bracket == "{" else 0) else str(f.min)
    return f"{least}*{f.max or ''}{name}" if f.max or least else f" *{name}"


def mapping(f):
    if f.how == "none":
        return ""
    if f.how == "const":
        return f"= {f.const}"
    if f.how == "inline":
        return "its members stand here"
    if f.how == "number":
        return f"the number of {f.member}"
    text = {"bit": f"{f.member}: bit {f.value}", "when": f"{f.member}: when it is {f.const}",
            "flag": f"{f.member}: 0 or 1"}.get(f.how, f.member)
    if is_list(f):
        text += f", {count_of(f)}"
    return text + (f" ({f.present}: it is there)" if f.present else "")


def grammar(g, head):
    rows = [(element(f), mapping(f), f.what) for f in g.fields if f.avp]
    w1, w2 = max((len(r[0]) for r in rows), default=0), max((len(r[1]) for r in rows), default=0)
    out = ["```", head]
    for name, member, what in rows:
        out.append(f"    {name:<{w1}}  {member:<{w2}}{'  ; ' + what if what else ''}".rstrip())
    return out + ["     *[ AVP ]", "```", ""]


def messages(spec):
    out = []
    for g in spec.messages.values():
        flags = "".join(f", {f}" for f in g.flags)
        app = f", {spec.id}" if spec.id else ""
        out += [f"### {g.name}: {g.long}", "", f"`{g.struct}`" + (f". {g.what}" if g.what else ""), ""]
        out += grammar(g, f"< {g.name} > ::= < Diameter Header: {g.code}{flags}{app} >")
    return out


def groups(spec):
    out = []
    for g in spec.groups.values():
        a = spec.avps[g.name]
        where = f"`{g.struct}`" if g.struct else "Its members stand in the struct of what holds it"
        out += [f"### {g.name}", "", where + (f". {g.what}" if g.what else ""), ""]
        out += grammar(g, f"{g.name} ::= < AVP Header: {a.code}{' ' + str(a.vendor) if a.vendor else ''} >")
    return out


def page(spec):
    kind = "accounting" if spec.accounting else "authorization"
    out = [f"# Diameter: {spec.title}", "",
           f"Made from `common/dia/spec/{spec.name}.dia` by `tools/gen/diameter.py`; do not edit. How such a file is "
           "written, and how",
           "an application is added: [diameter.md](diameter.md#an-application-from-its-description).", ""]
    if spec.id:
        out += [f"Application {spec.id} ({kind})" + (f" of vendor {spec.vendor}" if spec.vendor else "") + ".", ""]
    if spec.taken:
        out += [f"Taken over from the base protocol: {', '.join(g.name for g in spec.taken if g.name.endswith('R'))}.",
                ""]
    out += ["## Messages", "", *messages(spec)]
    if spec.groups:
        out += ["## Groups", "", *groups(spec)]
    out += ["## AVPs", "", "| code | AVP | type | flags |", "| --- | --- | --- | --- |"]
    for a in spec.avps.values():
        flags = ("M" if a.mandatory else "") + ("V" if a.vendor else "")
        out.append(f"| {a.code} | {a.name} | {a.type} | {flags} |")
    out += [""]
    for e in [*spec.enums, *([spec.results] if spec.results else [])]:
        name = e.avp.name if e.avp else e.name
        out += [f"## {name}", "", *([e.what + ".", ""] if e.what else []), f"| `enum {e.name}` | value |",
                "| --- | --- |"]
        out += [f"| {e.prefix}{n} | {v} |" for n, v, _ in e.values] + [""]
    return "\n".join(out).rstrip("\n") + "\n"
