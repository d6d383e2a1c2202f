# SPDX-License-Identifier: Apache-2.0
"""Half of the load for a long time: each node's memory is drawn, and must be flat once it has warmed up.

The same users register and call again and again, so what is kept for them is bounded; what grows all the same is not
given back. Samples, graph and figures are in bench/soak-*.{csv,svg} of the build folder."""
import threading
import time

from benchkit import facts, load
from benchkit.core import Carillon
from benchkit.system import BenchError

MINUTES, REGISTRATIONS, CALLS = 30, 2000, 1200   # about half of what a quiet machine serves at most; SCALE fits others
SLICE_S, SAMPLE_S = 20, 2
GROWTH, SLACK = 0.05, 2 << 20                   # of the last quarter over the second one: share, and bytes
WIDTH, HEIGHT, MARGIN = 900, 420, 60
COLOURS = {"hss": "#7a5195", "icscf": "#ef5675", "scscf": "#003f5c", "pcscf": "#ffa600"}


class Sampler(threading.Thread):
    """Private memory of each node, every SAMPLE_S seconds."""

    def __init__(self, core):
        super().__init__(daemon=True)
        self.core, self.began, self.samples, self.ended = core, time.time(), [], threading.Event()

    def run(self):
        while not self.ended.wait(SAMPLE_S):
            try:
                self.samples.append((time.time() - self.began, self.core.memory()))
            except OSError:
                return      # a node that has gone is seen by the load

    def stop(self):
        self.ended.set()
        self.join()


def median(values):
    return sorted(values)[len(values) // 2]


def growth(samples, node):
    """Bytes in the middle of the second and of the last quarter."""
    n = len(samples)
    return tuple(median([m[node] for _, m in part]) for part in (samples[n // 4:n // 2], samples[3 * n // 4:]))


def write_csv(path, samples):
    with open(path, "w") as f:
        f.write("seconds," + ",".join(facts.NODES) + "\n")
        for at, memory in samples:
            f.write(f"{at:.0f}," + ",".join(str(memory[n]) for n in facts.NODES) + "\n")


def write_svg(path, samples):
    last = max(at for at, _ in samples) or 1
    top = max(max(m.values()) for _, m in samples) * 1.1 / 2**20
    x = lambda at: MARGIN + at / last * (WIDTH - 2 * MARGIN)
    y = lambda mib: HEIGHT - MARGIN - mib / top * (HEIGHT - 2 * MARGIN)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
           f'font-size="13"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for i in range(5):
        mib, at = top * i / 4, last * i / 4
        out.append(f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y(mib):.1f}" y2="{y(mib):.1f}" stroke="#ddd"/>'
                   f'<text x="{MARGIN - 8}" y="{y(mib) + 4:.1f}" text-anchor="end">{mib:.0f}</text>'
                   f'<text x="{x(at):.1f}" y="{HEIGHT - MARGIN + 20}" text-anchor="middle">{at / 60:.0f} min</text>')
    out.append(f'<text x="{MARGIN}" y="30">Private memory, MiB</text>')
    for i, node in enumerate(facts.NODES):
        points = " ".join(f"{x(at):.1f},{y(m[node] / 2**20):.1f}" for at, m in samples)
        out.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[node]}" stroke-width="2"/>'
                   f'<text x="{WIDTH - MARGIN - 330 + 90 * i}" y="30" fill="{COLOURS[node]}">{node}</text>')
    path.write_text("\n".join(out) + "\n</svg>\n")


def work(core, seconds, scale):
    """Slices of registrations and calls in turn until the time is over; what failed in them."""
    end, done, failed, again, kinds = time.time() + seconds, 0, 0, 0, ("registrations", "calls")
    while time.time() < end:
        for kind, rate in zip(kinds, (REGISTRATIONS, CALLS)):
            core.next_user = 0      # the same users again
            left = max(5, min(SLICE_S, int(end - time.time())))
            r = load.run(core, kind, max(1, int(rate * scale)), left)
            done += r.done
            failed += r.report["failed"] + r.report["unfinished"]
            again += r.again
    return done, failed, again


def run(args):
    minutes = float(args[0]) if args else MINUTES
    scale = float(args[1]) if len(args) > 1 else 1.0
    core = Carillon()
    sampler = Sampler(core)
    try:
        sampler.start()
        done, failed, again = work(core, minutes * 60, scale)
    finally:
        sampler.stop()
        core.stop()
    samples = sampler.samples
    if len(samples) < 8:
        raise BenchError("too short: there are not enough samples")
    write_csv(facts.RUN / "soak.csv", samples)
    write_svg(facts.RUN / "soak.svg", samples)
    grew = []
    for node in facts.NODES:
        before, after = growth(samples, node)
        print(f"figure soak_{node}_memory {after / 2**20:.1f} MiB", flush=True)
        if after > before * (1 + GROWTH) + SLACK:
            grew.append(f"{node} grew from {before / 2**20:.1f} to {after / 2**20:.1f} MiB")
    print(f"figure soak_done {done} operations\nfigure soak_failed {failed} operations\n"
          f"figure soak_retransmissions {again:.0f} messages\n# graph: {facts.RUN / 'soak.svg'}")
    if grew:
        raise BenchError("; ".join(grew))
