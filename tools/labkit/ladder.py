# SPDX-License-Identifier: Apache-2.0
"""Ladders: one column per node, one arrow per message; as text for a terminal and as SVG."""
from html import escape

ORDER = ["P-CSCF", "I-CSCF", "S-CSCF", "HSS"]
WIDTH, TIME = 19, 11  # characters


def columns(messages):
    """UEs that speak first on the left, the core in its order, other UEs on the right."""
    titles = {t for m in messages for t in (m.src, m.dst)}
    ues = []
    for m in messages:
        for t in (m.src, m.dst):
            if t not in ORDER and t not in ues:
                ues.append(t)
    return ues[:1] + [t for t in ORDER if t in titles] + ues[1:]


def text(messages, color=False):
    if not messages:
        return "no messages recorded"
    cols = columns(messages)
    t0 = messages[0].at_us
    head = " " * TIME + "".join(c.center(WIDTH) for c in cols)
    rail = " " * TIME + "".join("|".center(WIDTH) for _ in cols)
    lines = [head.rstrip(), rail.rstrip()]
    for m in messages:
        lines.append(_arrow(m, cols, t0, color))
    lines.append(rail.rstrip())
    return "\n".join(lines)


def _arrow(m, cols, t0, color):
    centre = [TIME + i * WIDTH + WIDTH // 2 - (0 if WIDTH % 2 else 1) for i in range(len(cols))]
    row = [" "] * (TIME + WIDTH * len(cols))
    for c in centre:
        row[c] = "|"
    a, b = centre[cols.index(m.src)], centre[cols.index(m.dst)]
    left, right = min(a, b) + 1, max(a, b) - 1
    if left > right:  # a node that sends to itself
        label = f" {m.label} (to itself)"
        row[a + 1:a + 1 + len(label)] = label
    else:
        room = right - left + 1
        row[left:right + 1] = m.label[:room - 4].center(room, "-" if m.proto == "sip" else "=")
        row[right if b > a else left] = ">" if b > a else "<"
    stamp = f"{(m.at_us - t0) / 1000:8.2f} ms"
    line = stamp + "".join(row)[len(stamp):]
    return _paint(line.rstrip(), m) if color else line.rstrip()


def _paint(line, m):
    code = "36" if m.proto == "diameter" else "0"
    if m.label[:1] in "456" and m.label[:3].isdigit():
        code = "31"
    elif m.label[:1] == "2" and m.label[:3].isdigit():
        code = "32"
    return f"\033[{code}m{line}\033[0m"


def svg(messages, title):
    """A picture of its own: hovering over a message shows its headers."""
    cols = columns(messages)
    step, top, left, gap = 200, 70, 110, 30
    width, height = left + step * len(cols), top + gap * (len(messages) + 1)
    x = {c: left + step * i + step // 2 for i, c in enumerate(cols)}
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           'font-family="sans-serif" font-size="12">',
           f"<title>{escape(title)}</title>",
           '<style>.m:hover line{stroke-width:3}.m:hover text{font-weight:bold}</style>',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="10" y="20" font-size="14">{escape(title)}</text>']
    for c in cols:
        out.append(f'<rect x="{x[c] - 50}" y="32" width="100" height="24" rx="4" fill="#e8eef7" '
                   f'stroke="#4a6fa5"/><text x="{x[c]}" y="49" text-anchor="middle">{escape(c)}</text>'
                   f'<line x1="{x[c]}" y1="56" x2="{x[c]}" y2="{height}" stroke="#bbb"/>')
    t0 = messages[0].at_us if messages else 0
    for i, m in enumerate(messages):
        out.append(_svg_arrow(m, x, top + gap * (i + 1), t0))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def _svg_arrow(m, x, y, t0):
    a, b = x[m.src], x[m.dst]
    colour = "#0b7285" if m.proto == "diameter" else "#222"
    if m.label[:3].isdigit():
        colour = {"2": "#2b8a3e", "4": "#c92a2a", "5": "#c92a2a", "6": "#c92a2a"}.get(m.label[0], colour)
    if a == b:
        b = a + 60
    tip = 8 if b > a else -8
    dash = ' stroke-dasharray="6 3"' if m.proto == "diameter" else ""
    hover = escape("\n".join(m.detail)[:4000])
    return (f'<g class="m"><title>{hover}</title>'
            f'<text x="8" y="{y + 4}" fill="#666" font-size="11">{(m.at_us - t0) / 1000:.2f} ms</text>'
            f'<line x1="{a}" y1="{y}" x2="{b}" y2="{y}" stroke="{colour}"{dash}/>'
            f'<path d="M{b} {y} l{-tip} -4 v8 z" fill="{colour}"/>'
            f'<text x="{(a + b) / 2}" y="{y - 4}" text-anchor="middle" fill="{colour}">'
            f"{escape(m.label[:60])}</text></g>")
