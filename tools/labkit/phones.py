# SPDX-License-Identifier: Apache-2.0
"""carillon-ue processes as phones: events as they come, and what went wrong."""
import json
import queue
import subprocess
import threading
import time

from labkit import facts
from labkit.procs import LabError


class Run:
    """One carillon-ue run. Use as a context manager: leaving it ends the process."""

    def __init__(self, name, command):
        self.name, self.events, self._queue = name, [], queue.Queue()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self._errors = []
        self._readers = [threading.Thread(target=self._read, daemon=True),
                         threading.Thread(target=self._read_errors, daemon=True)]
        for t in self._readers:
            t.start()

    def _read(self):
        for line in self.process.stdout:
            try:
                self._queue.put(json.loads(line))
            except ValueError:
                self._errors.append(line)
        self._queue.put(None)

    def _read_errors(self):
        self._errors.extend(self.process.stderr)

    def wait_for(self, *kinds, seconds=10):
        """The next event of one of these kinds."""
        end = time.time() + seconds
        while True:
            try:
                event = self._queue.get(timeout=max(0.01, end - time.time()))
            except queue.Empty:
                raise LabError(f"{self.name}: no {' or '.join(kinds)} within {seconds} s") from None
            if event is None:
                raise LabError(f"{self.name} ended without {' or '.join(kinds)}: {self.trouble()}")
            self.events.append(event)
            if event.get("event") in kinds:
                return event

    def finish(self, seconds=15):
        """Exit status; all further events are collected."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name}: still running after {seconds} s") from None
        for t in self._readers:
            t.join(2)
        while not self._queue.empty():
            event = self._queue.get()
            if event:
                self.events.append(event)
        return status

    def event(self, kind):
        return next((e for e in self.events if e.get("event") == kind), None)

    def trouble(self):
        """What it said on stderr, and the event that its verdict is about."""
        last = next((e for e in reversed(self.events) if e.get("event") != "verdict"),
                    self.events[-1] if self.events else {})
        return " ".join(["".join(self._errors[-5:]).strip(), json.dumps(last) if last else ""]).strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Phone(Run):
    """A lab subscriber's phone that works through its steps."""

    def __init__(self, name, *steps, options=()):
        super().__init__(name, facts.ue_command(name, *steps, options=options))
