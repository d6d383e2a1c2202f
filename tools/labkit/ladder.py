# SPDX-License-Identifier: Apache-2.0
"""Ladders: one column per node, one arrow per message; as text for a terminal and as SVG."""
import re
import shutil
import sys
from html import escape

ORDER = ["P-CSCF", "I-CSCF", "S-CSCF", "HSS"]  # a second instance beside the first
TIME = 11  # characters of the time in front
NARROWEST, WIDEST = 15, 24  # characters of a column


def columns(messages):
    """UEs that speak first on the left, the core in its order, other UEs on the right."""
    titles = {t: None for m in messages for t in (m.src, m.dst)}  # in the order of their first message
    nodes = sorted((t for t in titles if is_node(t)), key=lambda t: (ORDER.index(t.split(" ")[0]), t))
    ues = [t for t in titles if not is_node(t)]
    return ues[:1] + nodes + ues[1:]


def is_node(title):
    return title.split(" ")[0] in ORDER


# ---- text ----

def text(messages, color=False):
    if not messages:
        return "no messages recorded"
    cols = columns(messages)
    width = _column_width(messages, cols)
    t0 = messages[0].at_us
    head = " " * TIME + "".join(c.center(width) for c in cols)
    rail = " " * TIME + "".join("|".center(width) for _ in cols)
    lines = [head.rstrip(), rail.rstrip()]
    for m in messages:
        lines.append(_arrow(m, cols, width, t0, color))
    lines.append(rail.rstrip())
    return "\n".join(lines)


def _column_width(messages, cols):
    """Wide enough for the labels between neighbours, where the terminal has the room."""
    at = {c: i for i, c in enumerate(cols)}
    longest = max((len(_cut(m.label, WIDEST - 5)) for m in messages if abs(at[m.src] - at[m.dst]) == 1),
                  default=0)
    width = min(max(longest + 5, NARROWEST), WIDEST)
    if sys.stdout.isatty():
        room = (shutil.get_terminal_size().columns - TIME) // len(cols)
        width = max(min(width, room), NARROWEST)
    return width


def _cut(label, room):
    """The label, or as many of its words as there is room for."""
    while len(label) > room and " " in label:
        label = label.rsplit(" ", 1)[0]
    return label[:room]


def _arrow(m, cols, width, t0, color):
    centre = [TIME + i * width + (width - 1) // 2 for i in range(len(cols))]
    row = [" "] * (TIME + width * len(cols))
    for c in centre:
        row[c] = "|"
    a, b = centre[cols.index(m.src)], centre[cols.index(m.dst)]
    left, right = min(a, b) + 1, max(a, b) - 1
    if left > right:  # a node that sends to itself
        label = f" {m.label} (to itself)"
        row[a + 1:a + 1 + len(label)] = label
    else:
        room = right - left + 1
        row[left:right + 1] = _cut(m.label, room - 3).center(room, "-" if m.proto == "sip" else "=")
        row[right if b > a else left] = ">" if b > a else "<"
    stamp = f"{(m.at_us - t0) / 1000:8.2f} ms"
    line = stamp + "".join(row)[len(stamp):]
    return _paint(line.rstrip(), m) if color else line.rstrip()


def _paint(line, m):
    codes = {"diameter": "36", "success": "32", "challenge": "33", "failure": "31"}
    return f"\033[{codes.get(_kind(m), '0')}m{line}\033[0m"


def _kind(m):
    """What a message is to the eye."""
    if m.proto == "diameter":
        return "diameter"
    if not re.match(r"[1-6]\d\d\b", m.label):
        return "request"
    if m.label[:3] in ("401", "407"):
        return "challenge"
    return {"1": "request", "2": "success"}.get(m.label[0], "request" if m.label[0] == "3" else "failure")


# ---- SVG ----

STEP, TOP, LEFT, GAP = 190, 78, 92, 28
LETTER = 7.3  # widest usual letter of a label
COLOURS = {"diameter": "#0b7285", "success": "#2b8a3e", "challenge": "#a65f00", "failure": "#c92a2a",
           "request": "#222"}
# Text is painted over a white rim, so that a lifeline behind it does not strike it through.
STYLE = (".m:hover line{stroke-width:3}.m:hover text{font-weight:bold}"
         "text{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}"
         ".plain{stroke:none}")


def _step(messages, cols):
    """Between two columns: as much as the longest label between neighbours needs."""
    at = {c: i for i, c in enumerate(cols)}
    longest = max((len(m.label[:60]) for m in messages if abs(at[m.src] - at[m.dst]) == 1), default=0)
    return max(STEP, int(longest * LETTER) + 24)


def svg(flows, title):
    """A picture of (Call-ID, messages): in a browser, hovering over a message shows its headers. Several
    flows stand below each other, each with its Call-ID and a clock of its own."""
    cols = columns([m for _, messages in flows for m in messages])
    step = _step([m for _, messages in flows for m in messages], cols)
    if len(flows) == 1:
        title = "Call-ID " + flows[0][0]
    rows = sum(len(messages) for _, messages in flows) + (len(flows) * 2 if len(flows) > 1 else 0)
    width, height = LEFT + step * len(cols), TOP + GAP * (rows + 1) + 20
    x = {c: LEFT + step * i + step // 2 for i, c in enumerate(cols)}
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
           f'height="{height}" font-family="DejaVu Sans, Verdana, Arial, sans-serif" font-size="12">',
           f"<title>{_xml(title)}</title>", f"<style>{STYLE}</style>",
           f'<rect width="{width}" height="{height}" fill="#fff"/>',
           f'<text x="12" y="24" font-size="14" class="plain">{_xml(title)}</text>',
           f'<text x="12" y="{height - 10}" font-size="11" fill="#666" class="plain">'
           'solid: SIP, dashed: Diameter</text>']
    for c in cols:
        out.append(f'<line x1="{x[c]}" y1="64" x2="{x[c]}" y2="{height - 30}" stroke="#bbb"/>'
                   f'<rect x="{x[c] - 55}" y="40" width="110" height="24" rx="4" fill="#e8eef7" '
                   f'stroke="#4a6fa5"/><text x="{x[c]}" y="57" text-anchor="middle" class="plain">'
                   f"{_xml(c)}</text>")
    y = TOP
    for call_id, messages in flows:
        if len(flows) > 1:
            y += 2 * GAP
            out.append(f'<text x="12" y="{y - 6}" font-weight="bold">Call-ID {_xml(call_id)}</text>')
        for m in messages:
            y += GAP
            out.append(_svg_arrow(m, x, y, messages[0].at_us, width))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def _xml(s):
    """Escaped, without the characters that XML does not know."""
    return escape(re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", s))


def _svg_arrow(m, x, y, t0, width):
    a, b = x[m.src], x[m.dst]
    colour = COLOURS[_kind(m)]
    tip = 8 if b > a else -8
    dash = ' stroke-dasharray="6 3"' if m.proto == "diameter" else ""
    hover = _xml("\n".join(m.detail)[:4000])
    line = f'<line x1="{a}" y1="{y}" x2="{b - tip // 2}" y2="{y}" stroke="{colour}"{dash}/>'
    middle = (a + b) / 2
    if a == b:  # a node that sends to itself
        line = f'<path d="M{a} {y - 8} h34 v8 h-30" fill="none" stroke="{colour}"{dash}/>'
        middle, tip = a + 66, -8
    return (f'<g class="m"><title>{hover}</title>'
            f'<rect x="0" y="{y - 18}" width="{width}" height="{GAP}" fill="#fff" fill-opacity="0"/>'
            f'<text x="{LEFT - 14}" y="{y + 4}" text-anchor="end" fill="#666" font-size="11">'
            f"{(m.at_us - t0) / 1000:.2f} ms</text>"
            f'{line}<path d="M{b} {y} l{-tip} -4 v8 z" fill="{colour}"/>'
            f'<text x="{middle:g}" y="{y - (0 if a == b else 5)}" text-anchor="middle" fill="{colour}">'
            f"{_xml(m.label[:60])}</text></g>")
