# SPDX-License-Identifier: Apache-2.0
"""The C of a Diameter application: header with enumerations, structs and prototypes; tables and typed functions."""
from dia_spec import TYPES, SpecError

BASE = "dia_"
# Well-known AVPs of a message that the node itself reads and writes: member of struct dia_places.
PLACES = {"Session-Id": "session_id", "Origin-Host": "origin_host", "Origin-Realm": "origin_realm",
          "Destination-Host": "dest_host", "Destination-Realm": "dest_realm", "Result-Code": "result",
          "Failed-AVP": "failed"}
RESULTS = ("Result-Code", "Experimental-Result")


def upper(name):
    return name.upper().replace("-", "_")


def lower(name):
    return name.lower().replace("-", "_")


def is_list(f):
    return f.max != 1 and f.how == "plain" and f.avp.name != "Failed-AVP"


def count_of(f):
    """Where the number of a list stands: head.impus -> head.n_impus."""
    if f.count:
        return f.count
    path, dot, last = f.member.rpartition(".")
    return f"{path}{dot}n_{last}"


def ctype(f):
    if f.how == "local":
        return f.ctype
    if f.how in ("bit", "when", "flag"):
        return "bool"
    if f.avp.name in RESULTS and f.avp.spec.name == "base":
        return "struct dia_result"
    if f.avp.name == "Failed-AVP":
        return "struct str"
    if f.avp.type == "Grouped":
        return f.avp.group.struct
    if f.avp.enum:
        return f"enum {f.avp.enum.name}"
    return TYPES[f.avp.type][1]


# ---- structs ----

class Struct:
    def __init__(self, name, path):
        self.name, self.path, self.members, self.what = name, path, {}, ""

    def add(self, f, member, kind, what):
        old = self.members.get(member)
        if old and old[0] != kind:
            raise SpecError(f"{self.path}:{f.line}: {self.name} has {member} as {old[0]} already, not as {kind}")
        if not old or (what and not old[1]):
            self.members[member] = (kind, what)


class Structs:
    """The structs of one spec: what several grammars say of one of them is put together."""

    def __init__(self, spec):
        self.spec, self.all = spec, {}
        grammars = [*spec.groups.values(), *spec.messages.values()]
        for g in grammars:
            if g.struct:
                self.fill(g)

    def struct(self, name):
        return self.all.setdefault(name, Struct(name, self.spec.path))

    def fill(self, g):
        if g.head:
            self.struct(g.head[1])
        s = self.struct(g.struct)
        notes = " ".join(w for w in (g.what,) if w)
        s.what = f"{s.what}\n{g.name}: {notes}".strip() if notes else s.what
        if g.head:
            s.add(g, g.head[0], g.head[1], "")
        if g.present:
            s.add(g, g.present, "bool", "it was there")
        for f in g.fields:
            self.member(g, s, f)
        if g.m_bit:
            s.add(g, g.m_bit, "bool", "")

    def member(self, g, s, f):
        if f.how == "inline":
            for x in f.avp.group.fields:
                self.member(g, s, x)
        if f.how in ("none", "const", "inline", "number"):
            return
        where, member = s, f.member
        if g.head and member.startswith(g.head[0] + "."):
            where, member = self.struct(g.head[1]), member.split(".", 1)[1]
        if "." in member:
            raise SpecError(f"{self.spec.path}:{f.line}: {f.member} is in no struct that is made here")
        if f.how != "local" and is_list(f):
            where.add(f, member, f"const {ctype(f)} *", f.what)
            where.add(f, count_of(f).rpartition(".")[2], "size_t", "")
            return
        where.add(f, member, ctype(f), f.what)
        if f.present:
            where.add(f, f.present, "bool", "")

    def in_order(self):
        """Those first that others have as members; a list needs its element only by name."""
        done, out = set(), []

        def visit(s):
            if s.name in done:
                return
            done.add(s.name)
            for kind, _ in s.members.values():
                inner = kind.removeprefix("const ").removesuffix(" *")
                if inner in self.all:
                    visit(self.all[inner])
            out.append(s)

        for s in self.all.values():
            visit(s)
        return out


def declare(kind, member):
    return f"{kind}{'' if kind.endswith('*') else ' '}{member};"


def comment(text, indent=""):
    """Comment lines of at most 100 columns."""
    lines, line = [], ""
    for word in text.split():
        if len(indent) + len(line) + len(word) + 4 > 100:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [f"{indent}// {x}" for x in [*lines, line] if x]


def struct_lines(s):
    out = [l for part in s.what.split("\n") for l in comment(part)]
    out.append(f"{s.name} {{")
    for member, (kind, what) in s.members.items():
        line = f"    {declare(kind, member)}"
        out += [f"{line} // {what}"] if what and len(line) + len(what) < 96 else [*comment(what, "    "), line]
    return out + ["};"]


def enum_lines(e):
    out = comment(e.what) + [f"enum {e.name} {{"]
    for name, number, what in e.values:
        out.append(f"    {e.prefix}{name} = {number}," + (f" // {what}" if what else ""))
    return out + ["};"]


# ---- header ----

def pairs(spec):
    """(request, answer) of the spec's own messages and of those that it takes over."""
    own = [g for g in spec.messages.values() if "REQ" in g.flags and not g.shared]
    for r in own + spec.taken:
        answers = r.spec.messages
        if r.name.endswith("R"):
            yield r, answers[r.name[:-1] + "A"]


HEADER_SEND = """
// ---- requests ----
// Each sends the request, returns 0 and calls cb exactly once from the loop, never before it returns: err 0
// with an answer, ERR_TIMEOUT, ERR_REFUSED (no open peer), ERR_FULL (too many pending) or ERR_BAD (an answer
// that breaks the grammar); answer is NULL unless err is 0. Any other return (ERR_NOMEM, ERR_TOOBIG, ERR_INVAL)
// means that nothing was sent and cb is not called. A request whose peer goes is sent to the next one, or
// again when the peer is back, until its time is over. Freeing the node drops what is pending without a
// callback. arg should be an id, not a pointer to something that may go. timeout_ms 0: 5000. Slices and lists
// in an answer live until the callback returns.
typedef uint64_t {p}_arg;"""

HEADER_SERVE = """
// ---- requests of others ----
// A handler answers now or later, exactly once, with {p}_answer_*; a request whose peer has gone is answered
// into nothing. A retransmission (T flag, same Origin-Host and End-to-End-Id) that is still pending or was
// answered in the last minutes never reaches the handler twice. A handler that is NULL answers
// DIAMETER_COMMAND_UNSUPPORTED. ops lives as long as the node; a request does not outlive it. Slices and lists
// in a request live until the handler returns."""


def header(spec):
    s, p = Structs(spec), spec.prefix
    source = spec.path.rsplit("/", 1)[-1]
    out = ["// SPDX-License-Identifier: Apache-2.0", f"// {spec.title}. Made from {source}; do not edit.",
           "#pragma once", "",
           '#include "dia/node.h"' if spec.id else '#include "dia/codec/avp.h"']
    out += [f'#include "dia/{i.name}.h"' for i in spec.inherits]
    out += ["", "struct dia_session;", "struct arena;", ""]
    if spec.id:
        out += [f"enum {{ DIA_APP_{spec.name.upper()} = {spec.id} }};", ""]
    codes = ", ".join(f"{p.upper()}_{g.name} = {g.code}" for g in spec.messages.values() if "REQ" in g.flags)
    if codes:
        out += [f"enum {{ {codes} }};", ""]
    for e in [*spec.enums, *([spec.results] if spec.results else [])]:
        out += enum_lines(e) + [""]
    for x in s.in_order():
        out += struct_lines(x) + [""]
    out += [f"extern const struct dia_avp dia_{spec.name}_avps[];",
            f"extern const struct dia_interface dia_{spec.name};"]
    out += [f"extern const struct dia_grammar {p}_{lower(g.name)}_grammar;" for g in spec.messages.values()
            if g.shared or g.name == "error"]
    both = list(pairs(spec)) if spec.id else []
    if spec.failed:
        out += ["",
                "// What a refusal is about (RFC 6733 7.5), for an answer's head.failed: an AVP of the request with "
                "the value",
                "// that is wrong or too many, or without value one that is missing. In a; empty without memory.",
                f"enum {p}_avp {{ {', '.join(f'{p.upper()}_AVP_{n}' for n, _ in spec.failed)} }};",
                f"struct str {p}_failed_text(struct arena *a, enum {p}_avp which, struct str value);",
                f"struct str {p}_failed_number(struct arena *a, enum {p}_avp which, uint32_t value);"]
    if not both:
        return "\n".join(out) + "\n"
    out += HEADER_SEND.replace("{p}", p).split("\n")
    out += [f"typedef void (*{p}_{a.name.lower()}_cb)(void *nf, {p}_arg arg, int err, const {a.struct} *a);"
            for _, a in both]
    out += [""]
    for r, a in both:
        out += [f"int {p}_send_{r.name.lower()}(struct dia_node *n, const {r.struct} *r, uint32_t timeout_ms,",
                f"    {p}_{a.name.lower()}_cb cb, void *nf, {p}_arg arg);"]
    out += HEADER_SERVE.replace("{p}", p).split("\n") + [f"struct {p}_server {{"]
    out += [f"    void (*{r.name.lower()})(void *arg, struct dia_request *q, const {r.struct} *r);" for r, _ in both]
    out += ["};", f"int {p}_serve(struct dia_node *n, const struct {p}_server *ops, void *arg);"]
    out += [f"void {p}_answer_{a.name.lower()}(struct dia_request *q, const {a.struct} *a);" for _, a in both]
    if spec.before:
        out += ["", "// Sees each request before its handler; true when it has answered.",
                f"bool {spec.before}(struct dia_request *q, const struct dia_command *cmd, const void *request);"]
    return "\n".join(out) + "\n"


# ---- tables ----

class Tables:
    def __init__(self, spec):
        self.spec, self.out, self.made = spec, [], {}

    def avp(self, a):
        return f"&dia_{a.spec.name}_avps[{a.index}]"

    def avps(self):
        self.out += [f"const struct dia_avp dia_{self.spec.name}_avps[] = {{"]
        for a in self.spec.avps.values():
            flags = " | ".join((["DIA_AVP_V"] if a.vendor else []) + (["DIA_AVP_M"] if a.mandatory else [])) or "0"
            self.out.append(f'    {{.code = {a.code}, .vendor = {a.vendor}, .flags = {flags}, '
                            f'.type = DIA_{TYPES[a.type][0]}, .name = "{a.name}"}},')
        self.out += ["};", ""]

    def grammar(self, g, struct, symbol, visible=False):
        """Writes the grammar of g within struct; its name."""
        if symbol in self.made:
            return symbol
        self.made[symbol] = True
        rows = [r for r in (self.row(g, f, struct) for f in g.fields if f.avp) if r]
        self.out += [f"static const struct dia_field {symbol}_fields[] = {{", *rows, "};" if rows else "    {0}};"]
        places = self.places(g, struct) if g.kind == "message" else ", {0}"
        n = len(rows)
        bits = sum(1 << i for i, f in enumerate(x for x in g.fields if x.avp and x.how != "none") if f.min)
        self.out += [f"{'' if visible else 'static '}const struct dia_grammar {symbol} = {{{symbol}_fields, {n}, "
                     f"sizeof({struct}), {bits:#x}{places}}};", ""]
        return symbol

    def places(self, g, struct):
        out = []
        for f in g.fields:
            if f.avp and f.how == "plain" and f.avp.name in PLACES and f.avp.spec.name == "base":
                out.append(f".{PLACES[f.avp.name]} = DIA_PLACE({struct}, {f.member})")
        return f", {{{', '.join(out)}}}" if out else ", {0}"

    def row(self, g, f, struct):
        a = f.avp
        if f.how == "none":
            return None
        words = [f".avp = {self.avp(a)}", f".key = DIA_KEY({a.code}, {a.vendor})", f".min = {f.min}", f".max = {f.max}"]
        kind, more = self.kind(g, f, struct)
        words.append(f".kind = DIA_KIND_{kind}")
        if f.member and f.how not in ("number",) and not (f.how == "inline"):
            if is_list(f):
                words += [f".at = offsetof({struct}, {f.member})", f".stride = sizeof({ctype(f)})",
                          f".count_at = offsetof({struct}, {count_of(f)})"]
            else:
                words.append(f".at = offsetof({struct}, {f.member})")
        if f.present:
            words.append(f".present_at = DIA_PLACE({struct}, {f.present})")
        elif f.how == "plain" and f.max == 1 and a.group and a.group.present:
            words.append(f".present_at = DIA_PLACE({struct}, {f.member}.{a.group.present})")
        return "    {" + ", ".join(words + more) + "},"

    def kind(self, g, f, struct):
        a = f.avp
        if f.how == "inline":
            return "GROUP", [f".group = &{self.grammar(a.group, struct, f'{lower(a.name)}_in_{struct.split()[1]}')}"]
        if f.how == "const":
            if f.const == "application":
                return self.application(a)
            return "CONST", [f".value = {f.value}"]
        if f.how == "bit":
            return "BIT", [f".value = {f.value}"]
        if f.how == "when":
            return "SWITCH", [f".value = {f.value}"]
        if f.how == "flag":
            return "BOOL", []
        if f.how == "number":
            list_field = next(x for x in g.fields if x.member == f.member and x.max != 1)
            return "COUNTER", [f".at = offsetof({struct}, {count_of(list_field)})"]
        if a.name == "Failed-AVP":
            return "FAILED", []
        if a.name == "Result-Code" and a.spec.name == "base":
            return "RESULT", []
        if a.name == "Experimental-Result":
            return "EXPERIMENTAL", [f".value = {self.spec.vendor or 10415}"]
        if a.type == "Grouped":
            symbol = self.grammar(a.group, a.group.struct, f"{lower(a.name)}_group")
            m_bit = [f".value = DIA_PLACE({a.group.struct}, {a.group.m_bit})"] if a.group.m_bit else []
            return "GROUP", [f".group = &{symbol}", *m_bit]
        return self.number(a)

    def number(self, a):
        if a.type == "Time":
            return "TIME", []
        if a.enum:
            return "NUM", [f".low = {a.enum.values[0][1]}", f".value = {a.enum.values[-1][1]}"]
        return {"U32": ("NUM", []), "I32": ("NUM", []), "U64": ("NUM64", []), "I64": ("NUM64", [])}.get(
            TYPES[a.type][0], ("STR", []))

    def application(self, a):
        """The application's id, or Vendor-Specific-Application-Id with it."""
        if a.name != "Vendor-Specific-Application-Id":
            return "APPLICATION", []
        if "application" not in self.made:
            self.made["application"] = True
            app = "Acct-Application-Id" if self.spec.accounting else "Auth-Application-Id"
            self.out += ["static const struct dia_field application_fields[] = {"]
            # Taken without the second one, RFC 6733 6.11.
            for name, value in (("Vendor-Id", self.spec.vendor), (app, self.spec.id)):
                x = self.spec.avp(name)
                self.out.append(f"    {{.avp = {self.avp(x)}, .key = DIA_KEY({x.code}, {x.vendor}), .min = 1, "
                                f".max = 1, .kind = DIA_KIND_CONST, .value = {value}}},")
            self.out += ["};", "static const struct dia_grammar application = {application_fields, 2, 0, 0x1, {0}};",
                         ""]
        return "GROUP", [".group = &application"]

    def sizes(self):
        """What is received is put into a room of one size, whatever it is."""
        for s in dict.fromkeys(g.struct for g in self.spec.messages.values()):
            self.out.append(f'_Static_assert(sizeof({s}) <= DIA_TYPED_MAX, "{s} is larger than DIA_TYPED_MAX");')
        self.out.append("")

    def command(self, r, a):
        p = r.spec.prefix
        flags = "DIA_CMD_P" if "PXY" in r.flags else "0"
        session = any(f.how == "local" and f.ctype.startswith("struct dia_session") for f in r.fields)
        return (f'    {{{r.code}, {flags}, "{r.long}", "{a.long}", &{p}_{lower(r.name)}_grammar, '
                f"&{p}_{lower(a.name)}_grammar, {'true' if session else 'false'}}},")

    def interface(self, both):
        s = self.spec
        if s.results:
            self.out += ["static const struct dia_name results[] = {"]
            self.out += [f'    {{{v}, "DIAMETER_{n}"}},' for n, v, _ in s.results.values] + ["};", ""]
        if s.inherits:
            inherited = ", ".join(f"&dia_{i.name}" for i in s.inherits)
            self.out += [f"static const struct dia_interface *const inherits[] = {{{inherited}}};", ""]
        self.out += ["static const struct dia_command commands[] = {", *[self.command(r, a) for r, a in both], "};", ""]
        self.out += [f"const struct dia_interface dia_{s.name} = {{",
                     f"    .app = {s.id}, .vendor = {s.vendor}, .accounting = {'true' if s.accounting else 'false'},"]
        if s.vendors:
            self.out += [f"    .vendors = {{{', '.join(map(str, s.vendors))}}},"]
        self.out += [f'    .name = "{s.title}",', f"    .avps = dia_{s.name}_avps, .n_avps = {len(s.avps)},",
                     f"    .commands = commands, .n_commands = {len(both)},"]
        if s.inherits:
            self.out += [f"    .inherits = inherits, .n_inherits = {len(s.inherits)},"]
        if s.results:
            self.out += [f"    .results = results, .n_results = {len(s.results.values)},"]
        self.out += ["};", ""]


def functions(spec, both):
    p, out = spec.prefix, []
    index = {r.name: i for i, (r, _) in enumerate(both)}
    for r, a in both:
        rn, an = r.name.lower(), a.name.lower()
        local = {f.member.split(".")[-1]: f.member for f in r.fields if f.how == "local"}
        more = "".join(f", .{n} = r->{local[n]}" for n in ("correlation", "session") if n in local)
        out += [f"static void deliver_{an}(const struct dia_done *d)", "{",
                f"    (({p}_{an}_cb)d->cb)(d->nf, d->arg, d->err, d->answer);", "}", "",
                f"int {p}_send_{rn}(struct dia_node *n, const {r.struct} *r, uint32_t timeout_ms,",
                f"    {p}_{an}_cb cb, void *nf, {p}_arg arg)", "{", f"    {r.struct} copy = *r;",
                f"    struct dia_send s = {{.iface = &dia_{spec.name}, .command = &commands[{index[r.name]}], "
                ".request = &copy,",
                f"        .timeout_ms = timeout_ms, .deliver = deliver_{an}, .cb = (dia_fn)cb, .nf = nf, "
                f".arg = arg{more}}};",
                "    return dia_request_send(n, &s);", "}", "",
                f"void {p}_answer_{an}(struct dia_request *q, const {a.struct} *a)", "{", f"    {a.struct} copy = *a;",
                "    dia_answer(q, &copy);", "}", ""]
    out += ["static void handle(void *ctx, struct dia_request *q, const struct dia_command *cmd, const void *request)",
            "{",
            f"    const struct {p}_server *ops = dia_request_ops(q);"]
    if spec.before:
        out += [f"    if ({spec.before}(q, cmd, request))", "        return;"]
    out += ["    switch (cmd->code) {"]
    for r, _ in both:
        out += [f"    case {r.code}:", f"        if (!ops->{r.name.lower()})", "            break;",
                f"        ops->{r.name.lower()}(ctx, q, request);", "        return;"]
    out += ["    default:", "        break;", "    }", "    dia_refuse(q, DIAMETER_COMMAND_UNSUPPORTED);", "}", "",
            f"int {p}_serve(struct dia_node *n, const struct {p}_server *ops, void *arg)", "{",
            f"    return dia_serve(n, &dia_{spec.name}, handle, ops, arg);", "}", ""]
    if spec.failed:
        out += failed_functions(spec)
    return out


def failed_functions(spec):
    p = spec.prefix
    rows = ", ".join(f"&dia_{a.spec.name}_avps[{a.index}]" for _, a in spec.failed)
    return [f"static const struct dia_avp *const failed[] = {{{rows}}};", "",
            f"struct str {p}_failed_text(struct arena *a, enum {p}_avp which, struct str value)", "{",
            "    return dia_avp_text(a, failed[which], value);", "}", "",
            f"struct str {p}_failed_number(struct arena *a, enum {p}_avp which, uint32_t value)", "{",
            "    return dia_avp_number(a, failed[which], value);", "}", ""]


def source(spec):
    t = Tables(spec)
    name = spec.path.rsplit("/", 1)[-1]
    folder = "dia/" if spec.path.rsplit("/", 2)[-2:-1] == ["spec"] else ""  # beside the source, elsewhere
    t.out = ["// SPDX-License-Identifier: Apache-2.0", f"// {spec.title}. Made from {name}; do not edit.",
             f'#include "{folder}{spec.name}.h"', "", "#include <stddef.h>", "",
             '#include "dia/codec/codec.h"', '#include "dia/interface.h"', ""]
    t.avps()
    for g in spec.messages.values():
        t.grammar(g, g.struct, f"{spec.prefix}_{lower(g.name)}_grammar", g.shared or g.name == "error")
    t.sizes()
    both = [(r, a) for r, a in pairs(spec)]
    t.interface(both)
    if spec.id:
        t.out += functions(spec, both)
    return "\n".join(t.out).rstrip("\n") + "\n"


def list_source(specs):
    """All interfaces of a build."""
    names = [s.name for s in specs]
    table = ", ".join("&dia_" + n for n in names)
    return "\n".join(["// SPDX-License-Identifier: Apache-2.0",
                      "// All applications. Made from the specs; do not edit.",
                      *[f'#include "dia/{n}.h"' for n in names], "",
                      f"const struct dia_interface *const dia_interfaces[] = {{{table}, 0}};", ""])
