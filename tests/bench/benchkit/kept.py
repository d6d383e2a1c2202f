# SPDX-License-Identifier: Apache-2.0
"""What a long run has measured so far, so that a group that fails costs itself and not the others."""
import hashlib
import json

from benchkit import facts, figures

PROGRAMS = [f"{node}/carillon-{node}" for node in facts.NODES] + ["tools/ue/carillon-ue"]


def programs():
    """Of the programs that were measured: others give other figures."""
    digest = hashlib.sha256()
    for name in PROGRAMS:
        digest.update((facts.BUILD / name).read_bytes())
    return digest.hexdigest()


class Kept:
    """Figures by group, in a file until the run is complete."""

    def __init__(self, fresh):
        self.path = facts.RUN / "all.json"
        self.groups = {"programs": programs()}
        if fresh or not self.path.exists():
            return
        before = json.loads(self.path.read_text())
        if before["programs"] == self.groups["programs"]:
            self.groups = before
        else:
            figures.note("the programs are others than those of the earlier run: all is measured anew")

    def of(self, group, measure):
        if group not in self.groups:
            self.keep(group, [f.as_json() for f in measure()])
        return [figures.Figure.from_json(f) for f in self.groups[group]]

    def of_machine(self, name, ask):
        """The same for a plain value."""
        if name not in self.groups:
            self.keep(name, ask())
        return self.groups[name]

    def keep(self, name, value):
        self.groups[name] = value
        self.path.write_text(json.dumps(self.groups))

    def forget(self):
        self.path.unlink(missing_ok=True)
