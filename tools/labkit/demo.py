# SPDX-License-Identifier: Apache-2.0
"""The demo: phones register and talk, and everything that can be refused is refused, each with its ladder."""
import sys
import time

from labkit import core, facts, ladder, procs, trace
from labkit.phones import Phone
from labkit.procs import LabError

AT = "@" + facts.DOMAIN


class Demo:
    def __init__(self):
        self.done = []
        self.color = sys.stdout.isatty()

    def say(self, text):
        print(text, flush=True)

    def title(self, text):
        self.say("\n" + ("\033[1m" + text + "\033[0m" if self.color else text))

    def ok(self, text):
        self.done.append(text)
        self.say("  ok: " + text)

    def show(self, call_id, what):
        """Prints the ladder of a call, once the last message of it has been recorded."""
        messages = settled(call_id)
        if not messages:
            raise LabError(f"no message of the {what} was recorded", log="collector")
        self.say("")
        self.say(ladder.text(messages, self.color))

    # ---- registrations ----

    def register(self, name, how):
        with Phone(name, "register") as p:
            status = p.finish()
            e = p.event("registered")
            if status or not e:
                raise LabError(f"{name} could not register: {p.trouble()}", log="scscf")
            self.ok(f"{name} registered with {how} in {e['ms']:.1f} ms")
            self.show(e["call_id"], "registration")

    def wrong_res(self):
        with Phone("carol", "register", "wrong-res=1") as p:
            status = p.finish()
            e = p.event("register-failed")
            if status == 0 or not e:
                raise LabError("carol gave a wrong RES and was not refused", log="scscf")
            self.ok(f"carol with a wrong RES refused: {reason(e)}")
            self.show(e["call_id"], "refused registration")

    # ---- calls ----

    def talk(self):
        with Phone("bob", "register", "+", "answer", "after=0.3", "tone=880", "expect-tone=440") as bob:
            bob.wait_for("ready")
            with Phone("alice", "register", "+", "call", "sip:bob" + AT, "talk=2", "tone=440",
                       "expect-tone=880") as alice:
                status = alice.finish()
                e = alice.event("call-established")
                if status or not e:
                    raise LabError(f"alice could not call bob: {alice.trouble()}", log="scscf")
                if bob.finish():
                    raise LabError(f"bob's side of the call failed: {bob.trouble()}", log="scscf")
                self.ok(f"alice called bob: {e['provisional']} after {e['ms_provisional']:.1f} ms, "
                        f"200 after {e['ms_answer']:.1f} ms")
                self.media(alice, bob)
                self.media(bob, alice)
                self.show(e["call_id"], "call")

    def media(self, phone, other):
        m = phone.event("media")
        if not m or not m["detected"]:
            raise LabError(f"{phone.name} did not hear {other.name}: {m}")
        self.ok(f"{phone.name} heard {other.name}'s tone of {m['tone_hz']:.0f} Hz: sent {m['sent']}, received "
                f"{m['received']}, lost {m['lost']}, jitter {m['jitter_ms']:.2f} ms")

    def failing_call(self, target, want, what, *callee):
        """A call by alice that must end with status want; callee: name and steps of the other phone."""
        if callee:
            with Phone(callee[0], "register", "+", *callee[1:]) as other:
                other.wait_for("ready")
                self.call_refused(target, want, what)
                other.finish()
        else:
            self.call_refused(target, want, what)

    def call_refused(self, target, want, what):
        with Phone("alice", "register", "+", "call", target, f"expect={want}") as alice:
            status = alice.finish()
            e = alice.event("call-failed")
            if status or not e or e["status"] != want:
                raise LabError(f"{what}: expected {want}: {alice.trouble()}", log="scscf")
            self.ok(f"{what}: {reason(e)}")
            self.show(e["call_id"], what)

    def cancel(self):
        with Phone("bob", "register", "+", "answer", "after=5", "expect=487") as bob:
            bob.wait_for("ready")
            with Phone("alice", "register", "+", "call", "sip:bob" + AT, "cancel-after=0.5",
                       "expect=487") as alice:
                status = alice.finish()
                e = alice.event("call-failed")
                if status or not e:
                    raise LabError(f"cancelled call: {alice.trouble()}", log="scscf")
                if bob.finish():
                    raise LabError(f"bob's side of the cancelled call: {bob.trouble()}", log="scscf")
                self.ok(f"alice cancelled while bob's phone rang: {reason(e)}")
                self.show(e["call_id"], "cancelled call")

    def run(self):
        self.title("Registrations")
        self.register("alice", "AKA")
        self.register("bob", "AKA")
        self.wrong_res()
        self.register("dave", "SIP Digest")
        self.title("A call with voice")
        self.talk()
        self.title("Calls that do not come about")
        self.failing_call("sip:bob" + AT, 486, "bob refuses", "bob", "refuse", "status=486")
        self.failing_call("sip:carol" + AT, 480, "carol's phone is off")
        self.failing_call("sip:nobody" + AT, 404, "a number nobody has")
        self.cancel()


def reason(e):
    cause = f" ({e['cause']})" if e.get("cause") else ""
    return f"{e['status']} {e.get('reason', '')}{cause}"


def settled(call_id, patience=3.0):
    """The messages of a call once none has come for a while."""
    end, last = time.time() + patience, []
    while time.time() < end:
        time.sleep(0.2)
        now = trace.by_call_id(call_id)
        if now and len(now) == len(last):
            return now
        last = now
    return last


def main(asked=None):
    """asked: how many of each kind there shall be."""
    demo, t0 = Demo(), time.time()
    try:
        core.build()
        demo.title("Core")
        core.up(demo.say, asked)
        demo.run()
    except LabError as e:
        print(f"\nFAILED: {e}", file=sys.stderr)
        for line in procs.tail(e.log) if e.log else []:
            print(f"  {e.log}: {line}", file=sys.stderr)
        return 1
    demo.title(f"Summary: {len(demo.done)} of {len(demo.done)} in {time.time() - t0:.0f} s")
    for text in demo.done:
        demo.say("  " + text)
    demo.say(NEXT)
    return 0


# On IPv6 the lab may have a network of its own.
CURL = ("" if facts.FAMILY == 4 else "tools/lab exec ") + \
    f"curl -g {facts.url('scscf')}"
NEXT = f"""
The core stays up. What to try next:
  tools/lab status                          what runs where
  tools/lab ladder --subscriber alice       every flow of alice
  tools/lab ladder --last --svg call.svg    the last flow as a picture, headers on hover
  tools/lab ue alice register               one phone by hand (tools/lab ue alice --help)
  tools/lab ue bob register + answer        ... and call it: tools/lab ue alice register + call sip:bob{AT}
  tools/carillon-ctl hss subscriber show alice
  {CURL:41} the S-CSCF's figures
  any SIP phone: account dave{AT}, password dave-secret, proxy {facts.host(facts.NODES["pcscf"]["ip"])}
  tools/lab down                            ends what was started"""
