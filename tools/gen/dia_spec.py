# SPDX-License-Identifier: Apache-2.0
"""Reads the description of a Diameter application (common/dia/spec/*.dia) and checks it.

The notation is RFC 6733's own for commands (3.2) and groups (4.4), in the sections of the .dia files that
erlang-diameter reads, with the member of the typed C struct beside each AVP. docs/diameter.md has the rules.
A mistake is a SpecError with file and line."""
import re
from dataclasses import dataclass, field
from pathlib import Path

# Type of RFC 6733 4.2 and 4.3: how libfdproto keeps it, what the struct has.
TYPES = {
    "OctetString": ("OCTETS", "struct str"), "UTF8String": ("OCTETS", "struct str"),
    "DiameterIdentity": ("OCTETS", "struct str"), "DiameterURI": ("OCTETS", "struct str"),
    "Address": ("OCTETS", "struct str"), "IPFilterRule": ("OCTETS", "struct str"),
    "Time": ("OCTETS", "uint32_t"), "Unsigned32": ("U32", "uint32_t"), "Enumerated": ("U32", "uint32_t"),
    "Integer32": ("I32", "int32_t"), "Unsigned64": ("U64", "uint64_t"), "Integer64": ("I64", "int64_t"),
    "Grouped": ("GROUPED", None),
}
LOCAL = {"str": "struct str", "u32": "uint32_t", "bool": "bool", "session": "struct dia_session *"}
NAME = r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*"
MEMBER = r"[a-z]\w*(?:\.[a-z]\w*)*"


class SpecError(Exception):
    pass


@dataclass
class Avp:
    name: str
    code: int
    vendor: int
    type: str
    mandatory: bool
    spec: "Spec"
    index: int
    line: int
    enum: "Enum" = None
    group: "Grammar" = None


@dataclass
class Enum:
    name: str    # of the C type, without "enum"
    prefix: str
    values: list = field(default_factory=list)  # (name, number, what it means)
    what: str = ""
    avp: Avp = None
    line: int = 0


@dataclass
class Field:
    avp: Avp
    bracket: str
    min: int
    max: int             # 0: any number
    line: int
    how: str = "none"    # none, plain, const, bit, when, flag, number, inline, local
    member: str = ""
    value: int = 0
    const: str = ""      # as it is written
    present: str = ""
    count: str = ""
    what: str = ""
    ctype: str = ""      # of a local member


@dataclass
class Grammar:
    name: str            # "MAR", or the group's AVP
    kind: str            # message, group
    line: int
    struct: str = ""     # "struct cx_mar"; empty for a group that is inline
    head: tuple = ()     # (member, struct) of the part that comes first
    fields: list = field(default_factory=list)
    open: bool = False   # *[ AVP ]
    what: str = ""
    code: int = 0
    flags: tuple = ()
    long: str = ""
    shared: bool = False
    m_bit: str = ""      # group: the bool that gets the M bit of what is read
    present: str = ""    # group: the bool that says that it was there
    spec: "Spec" = None


@dataclass
class Spec:
    path: str
    name: str = ""
    prefix: str = ""
    title: str = ""
    id: int = -1
    accounting: bool = False
    vendor: int = 0
    vendors: list = field(default_factory=list)
    inherits: list = field(default_factory=list)
    before: str = ""
    avps: dict = field(default_factory=dict)
    enums: list = field(default_factory=list)
    results: Enum = None
    failed: list = field(default_factory=list)   # (enumerator, AVP)
    parts: dict = field(default_factory=dict)
    messages: dict = field(default_factory=dict)
    taken: list = field(default_factory=list)    # messages of inherited specs that this application has, too
    groups: dict = field(default_factory=dict)

    def avp(self, name):
        for s in [self, *self.inherits]:
            if name in s.avps:
                return s.avps[name]
        return None

    def enum(self, name):
        return next((e for s in [self, *self.inherits] for e in s.enums if e.name == name), None)


class Reader:
    """One file. Each line belongs to the section above it, and in @messages, @grouped and @part to the grammar above
    it."""

    def __init__(self, path, known):
        self.spec = Spec(str(path))
        self.known = known      # specs that were read before, by name
        self.section, self.grammar, self.enum, self.doc = None, None, None, None
        self.goes_on = False   # the comment of doc has more than the line that it belongs to
        self.line = 0

    def fail(self, text, line=None):
        raise SpecError(f"{self.spec.path}:{line or self.line}: {text}")

    def read(self):
        for self.line, raw in enumerate(Path(self.spec.path).read_text(encoding="utf-8").split("\n"), 1):
            if raw.lstrip().startswith(";;"):
                continue
            text, _, note = (p.strip() for p in raw.partition(";"))
            if not text:
                self.more(note)
                continue
            self.doc, self.goes_on = None, False
            if text.startswith("@"):
                self.directive(text, note)
            elif self.section is None:
                self.fail(f"{text!r} stands in no section")
            else:
                getattr(self, "in_" + self.section)(text, note)
        self.line = 1
        Checker(self).check()
        return self.spec

    def more(self, note):
        """A comment on its own line goes on with the one above it."""
        if note and self.doc is not None:
            between = " " if self.goes_on else ". "
            self.doc.what, self.goes_on = self.doc.what + between + note if self.doc.what else note, True

    # ---- directives ----

    def directive(self, text, note):
        word, _, rest = text[1:].partition(" ")
        rest = rest.strip()
        self.section = self.grammar = None
        if word in ("avp_types", "messages", "shared", "grouped", "failed"):
            self.section = word
            if rest:
                self.fail(f"@{word} takes nothing behind it")
        elif hasattr(self, "at_" + word):
            getattr(self, "at_" + word)(rest, note)
        else:
            self.fail(f"unknown section @{word}")

    def once(self, what, old):
        if old not in ("", -1, 0):
            self.fail(f"@{what} stands twice")

    def at_name(self, rest, _):
        self.once("name", self.spec.name)
        if not re.fullmatch(r"[a-z][a-z0-9]*", rest):
            self.fail(f"@name is a word in lower case, not {rest!r}")
        self.spec.name, self.spec.prefix = rest, self.spec.prefix or rest

    def at_prefix(self, rest, _):
        if not re.fullmatch(r"[a-z][a-z0-9]*", rest):
            self.fail(f"@prefix is a word in lower case, not {rest!r}")
        self.spec.prefix = rest

    def at_title(self, rest, _):
        self.once("title", self.spec.title)
        self.spec.title = rest

    def number(self, text, top=0xffffffff):
        if not re.fullmatch(r"\d+", text) or int(text) > top:
            self.fail(f"{text!r} is no number from 0 to {top}")
        return int(text)

    def at_id(self, rest, _):
        self.once("id", self.spec.id)
        words = rest.split()
        if len(words) not in (1, 2) or (len(words) == 2 and words[1] not in ("auth", "acct")):
            self.fail("@id is a number and auth or acct")
        self.spec.id = self.number(words[0])
        self.spec.accounting = words[-1] == "acct"

    def at_vendor(self, rest, _):
        self.once("vendor", self.spec.vendor)
        self.spec.vendor = self.number(rest)

    def at_supported_vendors(self, rest, _):
        self.spec.vendors = [self.number(w) for w in rest.split()]
        if len(self.spec.vendors) > 2:
            self.fail("at most two @supported_vendors")

    def at_inherits(self, rest, _):
        for name in rest.split():
            if name not in self.known:
                self.fail(f"{name} is no spec that was read before this one")
            self.spec.inherits.append(self.known[name])

    def at_before(self, rest, _):
        self.spec.before = rest

    def at_enum(self, rest, note):
        m = re.fullmatch(rf"({NAME}|-) ([a-z]\w*) ([A-Z][A-Z0-9_]*_)", rest)
        if not m:
            self.fail("@enum is AVP (or -), C type, prefix of the names")
        self.section = "enum"
        self.enum = Enum(m[2], m[3], what=note, line=self.line)
        self.doc = self.enum
        if self.spec.enum(m[2]):
            self.fail(f"enum {m[2]} is there twice")
        if m[1] != "-":
            avp = self.spec.avps.get(m[1])
            if not avp or avp.type != "Enumerated":
                self.fail(f"{m[1]} is no Enumerated of this file's @avp_types")
            if avp.enum:
                self.fail(f"{m[1]} has an @enum already")
            avp.enum, self.enum.avp = self.enum, avp
        self.spec.enums.append(self.enum)

    def at_results(self, rest, note):
        self.once("results", self.spec.results or "")
        m = re.fullmatch(r"([a-z]\w*) ([A-Z][A-Z0-9_]*_)", rest)
        if not m:
            self.fail("@results is C type, prefix of the names")
        self.section = "enum"
        self.spec.results = self.enum = Enum(m[1], m[2], what=note, line=self.line)

    def at_part(self, rest, note):
        m = re.fullmatch(r"([a-z]\w*)(?: ([a-z]\w*): (struct [a-z]\w*))?", rest)
        if not m or m[1] in self.spec.parts:
            self.fail("@part is a new name, and MEMBER: struct NAME of what its members stand in")
        self.section = "part"
        self.grammar = self.spec.parts[m[1]] = Grammar(m[1], "part", self.line, what=note,
                                                        head=(m[2], m[3]) if m[2] else (), spec=self.spec)

    def at_take(self, rest, _):
        for name in rest.split():
            g = next((s.messages[name] for s in self.spec.inherits if name in s.messages), None)
            if not g or not g.shared:
                self.fail(f"{name} is no shared message of an inherited spec")
            self.spec.taken.append(g)

    # ---- lines of sections ----

    def in_avp_types(self, text, note):
        m = re.fullmatch(rf"({NAME})\s+(\d+)\s+(\w+)\s+(M?V?|-)", text)
        if not m:
            self.fail("an AVP is NAME CODE TYPE FLAGS, with flags M, V, MV or -")
        name, code, kind, flags = m[1], self.number(m[2]), m[3], m[4]
        if kind not in TYPES:
            self.fail(f"unknown type {kind}")
        if "V" in flags and not self.spec.vendor:
            self.fail("V without a @vendor")
        vendor = self.spec.vendor if "V" in flags else 0
        for s in [self.spec, *self.spec.inherits]:
            for a in s.avps.values():
                if a.name == name:
                    self.fail(f"{name} is there already ({s.path}:{a.line})")
                if (a.code, a.vendor) == (code, vendor):
                    self.fail(f"{code} of vendor {vendor} is {a.name} already ({s.path}:{a.line})")
        self.spec.avps[name] = Avp(name, code, vendor, kind, "M" in flags, self.spec, len(self.spec.avps), self.line)

    def in_enum(self, text, note):
        m = re.fullmatch(r"([A-Z][A-Z0-9_]*)\s+(\d+)", text)
        if not m:
            self.fail("a value is NAME NUMBER")
        number = self.number(m[2])
        if any(m[1] == n or number == v for n, v, _ in self.enum.values):
            self.fail(f"{m[1]} or {number} is there twice")
        if self.enum.values and number <= self.enum.values[-1][1]:
            self.fail("values stand in order")
        self.enum.values.append((m[1], number, note))

    def in_failed(self, text, note):
        m = re.fullmatch(rf"([A-Z][A-Z0-9_]*)\s+({NAME})", text)
        if not m or not self.spec.avp(m[2]):
            self.fail("a line is NAME AVP, of an AVP that is known")
        self.spec.failed.append((m[1], self.spec.avp(m[2])))

    def in_messages(self, text, note):
        m = re.fullmatch(rf"([A-Z]+|error) ::= < Diameter Header: (\d+|0)((?:, (?:REQ|PXY|ERR))*)(?:, (\d+))? >"
                         rf"\s*({NAME})?"
                         r"(?:\s+(struct [a-z]\w*))?", text)
        if not m:
            self.line_of_grammar(text, note)
            return
        if m[1] in self.spec.messages:
            self.fail(f"{m[1]} is there twice")
        if m[4] and self.number(m[4]) != self.spec.id:
            self.fail(f"{m[1]} is of application {m[4]}, and this file of {self.spec.id}")
        if not m[5]:
            self.fail(f"{m[1]} needs its long name behind the header")
        self.grammar = Grammar(m[1], "message", self.line, m[6] or f"struct {self.spec.prefix}_{m[1].lower()}",
                               what=note, code=self.number(m[2], 0xffffff), long=m[5], spec=self.spec,
                               flags=tuple(m[3].replace(",", " ").split()), shared=self.section == "shared")
        self.doc = self.grammar
        self.spec.messages[m[1]] = self.grammar

    in_shared = in_messages

    def in_grouped(self, text, note):
        m = re.fullmatch(rf"({NAME}) ::= < AVP Header: (\d+)(?: (\d+))? >\s*(?:(inline)|(struct [a-z]\w*)"
                         r"((?:, (?:m-bit|present) [a-z]\w*)*))", text)
        if not m:
            self.line_of_grammar(text, note)
            return
        avp = self.spec.avps.get(m[1])
        if not avp or avp.type != "Grouped":
            self.fail(f"{m[1]} is no Grouped of this file's @avp_types")
        if (avp.code, avp.vendor) != (int(m[2]), int(m[3] or 0)):
            self.fail(f"{m[1]} is {avp.code} of vendor {avp.vendor} in @avp_types")
        if avp.group:
            self.fail(f"{m[1]} has a grammar already")
        extra = dict(w.split() for w in (m[6] or "").split(",") if w.strip())
        self.grammar = avp.group = Grammar(m[1], "group", self.line, m[5] or "", what=note, spec=self.spec,
                                           m_bit=extra.get("m-bit", ""), present=extra.get("present", ""))
        self.doc = self.grammar
        self.spec.groups[m[1]] = self.grammar

    def in_part(self, text, note):
        self.line_of_grammar(text, note)

    # ---- lines of grammars ----

    def line_of_grammar(self, text, note):
        g = self.grammar
        if g is None:
            self.fail(f"{text!r} is no beginning of a grammar")
        if m := re.fullmatch(r"\+ ([a-z]\w*)", text):
            self.take_part(g, m[1])
            return
        if m := re.fullmatch(rf"local (\w+) ({MEMBER})", text):
            if m[1] not in LOCAL:
                self.fail(f"a local member is one of {', '.join(LOCAL)}")
            g.fields.append(Field(None, "", 0, 0, self.line, "local", m[2], what=note, ctype=LOCAL[m[1]]))
            self.doc = g.fields[-1]
            return
        m = re.fullmatch(rf"(?:(\d*)\s*(\*)\s*(\d*))?\s*"
                         rf"(?:<\s*({NAME})\s*>|\{{\s*({NAME})\s*\}}|\[\s*({NAME})\s*\])\s*(.*)", text)
        if not m:
            self.fail(f"{text!r} is no AVP of a grammar")
        self.add_field(g, m, note)

    def take_part(self, g, name):
        part = self.spec.parts.get(name)
        if not part:
            self.fail(f"there is no @part {name}")
        if part.head and g.head and g.head != part.head:
            self.fail(f"{name} has another head than what stands above it")
        g.head = g.head or part.head
        g.fields += part.fields
        g.open |= part.open

    def add_field(self, g, m, note):
        name = m[4] or m[5] or m[6]
        bracket = "<" if m[4] else "{" if m[5] else "["
        if name == "AVP":
            if not m[2] or bracket != "[" or m[7] or m[1] or m[3]:
                self.fail("what else may stand there is *[ AVP ]")
            g.open = True
            return
        avp = self.spec.avp(name)
        if not avp:
            self.fail(f"there is no AVP {name}")
        # RFC 6733 3.2: without a number at least one of what is required, and no end
        least = int(m[1]) if m[1] else 0 if bracket == "[" or (m[2] and bracket == "<") else 1
        most = (int(m[3]) if m[3] else 0) if m[2] else 1
        if (most and least > most) or (bracket == "{" and least == 0) or least > 1 or most > 255:
            self.fail(f"{name}: at least {least} and at most {most or 'any number of'} times cannot be, "
                      "or is more than is checked here")
        if any(f.avp is avp for f in g.fields):
            self.fail(f"{name} stands twice in {g.name}")
        if bracket == "<" and any(f.avp and f.bracket != "<" for f in g.fields):
            self.fail(f"< {name} > has a fixed place and comes first")
        if bracket == "[" and least:
            self.fail(f"[ {name} ] is optional and has a least number")
        f = Field(avp, bracket, least, most, self.line, what=note)
        self.mapping(f, m[7])
        g.fields.append(f)
        self.doc = f

    def mapping(self, f, text):
        words = [w.strip() for w in text.split(",")]
        m = re.fullmatch(rf"(?:= (\S+)|(inline)|(?:(bit|when) (\S+) |(flag|number of) )?({MEMBER}))", words[0])
        if not m:
            if words[0]:
                self.fail(f"{words[0]!r} is no mapping of an AVP")
            return
        if m[1]:
            f.how, f.const = "const", m[1]
        elif m[2]:
            f.how = "inline"
        else:
            f.how, f.const, f.member = m[3] or (m[5] or "plain").split()[0], m[4] or "", m[6]
        for w in words[1:]:
            x = re.fullmatch(rf"(present|count) ({MEMBER})", w)
            if not x:
                self.fail(f"{w!r} is neither `present MEMBER` nor `count MEMBER`")
            setattr(f, x[1], x[2])


class Checker:
    """What can only be told when the whole file is there."""

    def __init__(self, reader):
        self.reader, self.spec = reader, reader.spec

    def fail(self, line, text):
        self.reader.fail(text, line)

    def check(self):
        s = self.spec
        for what, value in (("name", s.name), ("title", s.title)):
            if not value:
                self.fail(1, f"no @{what}")
        if s.id < 0:
            self.fail(1, "no @id")
        for g in [*s.groups.values(), *s.messages.values()]:
            self.grammar(g)
        self.pairs()

    def pairs(self):
        for name, g in self.spec.messages.items():
            if name == "error":
                continue
            other = self.spec.messages.get(name[:-1] + ("A" if name.endswith("R") else "R"))
            if "REQ" not in g.flags and name.endswith("R") or "REQ" in g.flags and not name.endswith("R"):
                self.fail(g.line, f"{name}: a request ends in R and has the flag REQ, an answer in A")
            if not other or other.code != g.code:
                self.fail(g.line, f"{name} has no counterpart with the code {g.code}")

    def grammar(self, g):
        if not g.open:
            self.fail(g.line, f"{g.name} does not say *[ AVP ]: what nobody knows and is not mandatory is always taken")
        if g.kind == "message" and not any(f.bracket == "<" for f in g.fields if f.avp) and \
                any(f.avp and f.avp.name == "Session-Id" for f in g.fields) and g.name != "error":
            self.fail(g.line, f"{g.name}: < Session-Id > comes first")
        if len([f for f in g.fields if f.avp]) > 64:
            self.fail(g.line, f"{g.name} has more than 64 AVPs")
        self.once_each(g)
        for f in g.fields:
            if f.avp:
                self.field(g, f)
        for f in g.fields:
            if f.how == "number" and not any(x.member == f.member and x.max != 1 for x in g.fields):
                self.fail(f.line, f"{f.member} is no list of {g.name}")

    def once_each(self, g):
        """A part may bring what stands there already, or is written behind it."""
        seen = {}
        for f in g.fields:
            if f.avp and f.avp.name in seen:
                self.fail(max(f.line, seen[f.avp.name].line), f"{f.avp.name} stands twice in {g.name}")
            if f.avp:
                seen[f.avp.name] = f

    def field(self, g, f):
        kind = f.avp.type
        if f.how == "none" and f.min and f.avp.name != "Failed-AVP":
            self.fail(f.line, f"{f.avp.name} is required and has neither a member nor a value")
        if f.how == "inline" and (kind != "Grouped" or not f.avp.group or f.avp.group.struct or f.max != 1):
            self.fail(f.line, f"{f.avp.name} is no single group that is declared inline")
        if f.how == "plain" and kind == "Grouped" and f.avp.name not in ("Failed-AVP", "Experimental-Result") and \
                (not f.avp.group or not f.avp.group.struct):
            self.fail(f.line, f"{f.avp.name} has no grammar with a struct in @grouped")
        if f.how in ("bit", "when", "flag", "number"):
            if kind not in ("Unsigned32", "Enumerated") or f.max != 1:
                self.fail(f.line, f"{f.avp.name}: `{f.how}` is for a single number")
        if f.how in ("bit", "when") or (f.how == "const" and f.const != "application"):
            f.value = self.constant(f)
        if f.how == "const" and (f.max != 1 or not f.min):
            self.fail(f.line, f"{f.avp.name}: a value is for what is there just once")
        if (f.present and f.max != 1) or (f.count and f.max == 1):
            self.fail(f.line, f"{f.avp.name}: `present` is for a single one, `count` for a list")
        if f.max != 1 and f.how == "plain" and "." in f.member and f.member.split(".")[0] != (g.head or ("",))[0]:
            self.fail(f.line, f"{f.member}: a list stands in the struct itself or its head")

    def constant(self, f):
        if f.const.isdigit():
            return self.reader.number(f.const)
        for name, number, _ in f.avp.enum.values if f.avp.enum else ():
            if name == f.const:
                return number
        self.fail(f.line, f"{f.const} is no value of {f.avp.name}")


def read_specs(paths):
    """The specs of paths in their order; one inherits from those before it."""
    known = {}
    for path in paths:
        spec = Reader(path, known).read()
        if spec.name in known:
            raise SpecError(f"{path}:1: {spec.name} is the name of {known[spec.name].path}")
        known[spec.name] = spec
    return list(known.values())
