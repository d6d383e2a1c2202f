# SPDX-License-Identifier: Apache-2.0
"""Goodput beyond the maximum: what is served in time when two, four and eight times as much comes."""
from benchkit import facts, load
from benchkit.figures import Figure, highest_rate, note, number, REG_START, REG_TOP, CALL_START, CALL_TOP
from benchkit.system import BenchError

TIMES = (1, 2, 4, 8)
SECONDS, HOLD_S = 5, 1
RUNS = 3
KINDS = {"registrations": ("reg", REG_START, REG_TOP), "calls": ("call", CALL_START, CALL_TOP)}


def goodput(session, kind, rate):
    """Units that ended well each second while `rate` came, not later; also what was really offered, and the
    report."""
    users = rate * SECONDS if kind == "registrations" else 2 * int(rate * 2.5 + 10)
    core = session.ready(users)
    r = load.run(core, kind, rate, SECONDS, hold_ms=1000 * HOLD_S).report
    # A call ends HOLD_S after it was answered: those of the last second do not count either way.
    seconds = r["offered_s"] - (HOLD_S if kind == "calls" else 0)
    return r["served"] / seconds, r["started"] / r["offered_s"], r


def curve(session, kind, runs=RUNS):
    """Figures KIND_goodput_Nx in per cent of the highest rate, each with its spread."""
    short, start, top = KINDS[kind]
    best, _ = highest_rate(session, kind, start, top)
    found = [Figure(f"{short}_overload_max", [best], "per_s", "the highest clean rate; 100 %")]
    for times in TIMES:
        shares, texts = [], []
        for _ in range(runs):
            session.stop()      # no run works off what another left
            good, offered, r = goodput(session, kind, best * times)
            shares.append(100 * good / best)
            texts.append(f"{number(offered)}/s offered, {number(good)}/s served, p50 {r['p50_ms']:.0f} ms, "
                         f"p99 {r['p99_ms']:.0f} ms, statuses {r['statuses']}")
            note(f"{kind} {times} times: {texts[-1]}")
        found.append(Figure(f"{short}_goodput_{times}x", shares, "%", texts[len(texts) // 2]))
    return found


# ---- the picture ----

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 320, 60, 20, 20, 50
COLOURS = {"reg": "#1f6fb2", "call": "#c2571a"}
NAMES = {"reg": "registrations", "call": "calls"}


def x_of(times):
    return LEFT + (WIDTH - LEFT - RIGHT) * TIMES.index(times) / (len(TIMES) - 1)


def y_of(percent):
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(percent, 200) / 200)


def picture(found):
    """An SVG of the goodput figures by name, as text."""
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
           'font-size="12">', '<rect width="100%" height="100%" fill="white"/>']
    for percent in range(0, 201, 20):
        y = y_of(percent)
        colour = "#888" if percent == 100 else "#ddd"
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}"/>'
                   f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>')
    for times in TIMES:
        out.append(f'<text x="{x_of(times):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{times} ×</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">offered, as a multiple '
               'of the highest clean rate</text>')
    for i, (short, colour) in enumerate(COLOURS.items()):
        points = [(x_of(t), found[f"{short}_goodput_{t}x"]) for t in TIMES if f"{short}_goodput_{t}x" in found]
        if not points:
            continue
        line = " ".join(f"{x:.1f},{y_of(f.median):.1f}" for x, f in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, f in points:
            out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y_of(f.values[0]):.1f}" y2="{y_of(f.values[-1]):.1f}" '
                       f'stroke="{colour}"/><circle cx="{x:.1f}" cy="{y_of(f.median):.1f}" r="3" fill="{colour}"/>')
        out.append(f'<text x="{LEFT + 12 + 130 * i}" y="{HEIGHT - BOTTOM - 10}" fill="{colour}">{NAMES[short]}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def write_picture(found):
    path = facts.ROOT / "docs" / "img" / "overload.svg"
    if not any("_goodput_" in name for name in found):
        raise BenchError("no goodput was measured")
    path.write_text(picture(found))
    return path
