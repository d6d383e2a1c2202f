# SPDX-License-Identifier: Apache-2.0
"""The recorded messages: reading them back, naming their ends, one line for each."""
import re
import sqlite3
import struct
from dataclasses import dataclass, field

from labkit import facts

COMMANDS = {257: ("CER", "CEA"), 280: ("DWR", "DWA"), 282: ("DPR", "DPA"), 300: ("UAR", "UAA"),
            301: ("SAR", "SAA"), 302: ("LIR", "LIA"), 303: ("MAR", "MAA"), 304: ("RTR", "RTA"),
            305: ("PPR", "PPA")}
AVP_NAMES = {1: "User-Name", 263: "Session-Id", 264: "Origin-Host", 268: "Result-Code",
             283: "Destination-Realm", 293: "Destination-Host", 296: "Origin-Realm",
             298: "Experimental-Result-Code", 600: "Visited-Network-Identifier",
             601: "Public-Identity", 602: "Server-Name", 606: "User-Data",
             607: "SIP-Number-Auth-Items", 608: "SIP-Authentication-Scheme", 612: "SIP-Auth-Data-Item",
             614: "Server-Assignment-Type", 623: "User-Authorization-Type",
             624: "User-Data-Already-Available"}
GROUPED = {297, 612, 260, 604, 603, 618, 632}
NUMBERS = {268, 298, 607, 614, 623, 624, 277}
SAR_TYPES = ["NO_ASSIGNMENT", "REGISTRATION", "RE_REGISTRATION", "UNREGISTERED_USER",
             "TIMEOUT_DEREGISTRATION", "USER_DEREGISTRATION",
             "TIMEOUT_DEREGISTRATION_STORE_SERVER_NAME", "USER_DEREGISTRATION_STORE_SERVER_NAME",
             "ADMINISTRATIVE_DEREGISTRATION", "AUTHENTICATION_FAILURE", "AUTHENTICATION_TIMEOUT"]


@dataclass
class Message:
    at_us: int
    src: str          # column title
    dst: str
    proto: str
    call_id: str
    label: str        # "REGISTER", "401 Unauthorized", "MAR", "MAA 2001"
    detail: list = field(default_factory=list)  # lines for the hover
    wire: tuple = ()


def _title(ip, port, node, other_ip):
    if ip in facts.TITLE_OF_IP:
        return facts.TITLE_OF_IP[ip]
    if ip in facts.NAME_OF_UE_IP:
        return facts.NAME_OF_UE_IP[ip]
    # A client socket without an address of its own: it is the node that captured the message.
    if node and facts.TITLE_OF_IP.get(other_ip) not in (None, node):
        return node
    return facts.place(ip, port)


def avps(data):
    """(code, value) of each AVP, grouped ones followed by their members."""
    at = 0
    while at + 8 <= len(data):
        code, flags_len = struct.unpack(">II", data[at:at + 8])
        length, head = flags_len & 0xffffff, 12 if flags_len >> 31 else 8
        if length < head or at + length > len(data):
            return
        value = data[at + head:at + length]
        yield code, value
        if code in GROUPED:
            yield from avps(value)
        at += (length + 3) & ~3


def describe_diameter(data):
    if len(data) < 20:
        return "Diameter?", []
    code = struct.unpack(">I", data[4:8])[0] & 0xffffff
    request = bool(data[4] & 0x80)
    names = COMMANDS.get(code, (f"request {code}", f"answer {code}"))
    lines, result, note = [], "", ""
    for avp, value in avps(data[20:]):
        name = AVP_NAMES.get(avp)
        if not name or avp in GROUPED:
            continue
        text = str(struct.unpack(">I", value)[0]) if avp in NUMBERS and len(value) == 4 \
            else value.decode(errors="replace")
        lines.append(f"{name}: {text[:300]}")
        if avp in (268, 298):
            result = " " + text
        if avp == 614 and int(text) < len(SAR_TYPES):
            note = " " + SAR_TYPES[int(text)]
    return names[0] + note if request else names[1] + result, lines


def describe_sip(data):
    lines = data.decode(errors="replace").split("\r\n")
    first = lines[0]
    if first.startswith("SIP/2.0 "):
        return first[8:], lines
    return first.split(" ")[0], lines


def _to_message(row):
    at_us, node, proto, src, sport, dst, dport, call_id, payload = row
    label, detail = (describe_sip if proto == "sip" else describe_diameter)(payload)
    return Message(at_us, _title(src, sport, node, dst), _title(dst, dport, node, src), proto,
                   call_id, label, detail, (src, sport, dst, dport, payload))


def _open():
    path = facts.RUN / "trace.db"
    if not path.exists():
        return None
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


COLUMNS = "at_us, node, proto, src, sport, dst, dport, call_id, payload"


def by_call_id(call_id):
    """Messages of one Call-ID in order, Diameter included, each once although both ends saw it."""
    db = _open()
    if not db:
        return []
    rows = db.execute(f"SELECT {COLUMNS} FROM message WHERE call_id = ? ORDER BY at_us, id",
                      (call_id,)).fetchall()
    sessions = {m for r in rows if r[2] == "diameter" for m in _session(r[8])}
    for s in sessions:
        rows += db.execute(f"SELECT {COLUMNS} FROM message WHERE call_id = ?", (s,)).fetchall()
    rows.sort(key=lambda r: r[0])
    return _once([_to_message(r) for r in rows])


def _session(payload):
    return [v.decode(errors="replace") for code, v in avps(payload[20:]) if code == 263][:1]


def _once(messages):
    """Drops the second sighting of a message: the sender saw it leave, the receiver saw it come. Ports do
    not count: the sender of a connection's first message knew no port of its own yet."""
    seen, kept = {}, []
    for m in messages:
        key = (m.wire[4], m.wire[0], m.wire[2])
        if m.at_us - seen.get(key, -10**12) < 400_000 and key in seen:
            del seen[key]
            continue
        seen[key] = m.at_us
        kept.append(m)
    return kept


def calls(subscriber=None):
    """Call-IDs in order of their first message; of one subscriber when a name or identity is given."""
    db = _open()
    if not db:
        return []
    rows = db.execute("SELECT call_id, payload FROM message WHERE proto = 'sip' AND call_id != '' "
                      "ORDER BY at_us, id").fetchall()
    wanted = re.compile(rb"(?im)^(from|to|f|t|p-asserted-identity|contact|m)\s*:.*[:<\"]"
                        + re.escape(subscriber.encode()) + rb"[@;>\"]") if subscriber else None
    order = {}
    for call_id, payload in rows:
        order.setdefault(call_id, wanted is None)
        if wanted and not order[call_id] and wanted.search(payload):
            order[call_id] = True
    return [c for c, ok in order.items() if ok]
