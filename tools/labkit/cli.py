# SPDX-License-Identifier: Apache-2.0
"""tools/lab COMMAND"""
import argparse
import os
import sys

from labkit import core, demo, facts, ladder, procs, trace
from labkit.procs import LabError, UsageError

COMMANDS = {
    "demo": "build, start the core, let phones register and call, show the ladders; takes what up takes",
    "up": "build and start the core; harmless when it runs. --pcscf N, --icscf N, --scscf N, --hss N: several of one; "
          "--ipv6",
    "down": "end what up started",
    "restart": "restart NF: end one node (scscf, scscf2 where there are two) and start it again",
    "status": "what runs, on which address, since when",
    "logs": "logs NF [-f] [-n LINES]: the log of one node (or of dns, collector)",
    "ladder": "ladder [--last | --call-id X | --subscriber NAME] [--svg FILE]: message flows",
    "ue": "ue NAME STEP [+ STEP]...: a phone of alice, bob, carol or dave; ue alice --help tells the steps",
    "exec": "exec COMMAND [WORD]...: runs it in the lab's network, which on IPv6 is one of its own",
    "build": "build only",
    "help": "this text",
}


def usage(out=sys.stdout):
    print("tools/lab COMMAND: a whole IMS core on loopback\n", file=out)
    for name, text in COMMANDS.items():
        print(f"  {name:9} {text}", file=out)
    print(f"\nfiles of a run (logs, sockets, database): {facts.RUN}", file=out)


def how_many(name, args):
    """--scscf 2 and its like, for up and demo."""
    p = argparse.ArgumentParser(prog=f"tools/lab {name}", epilog="--ipv6: all of it on IPv6")
    for kind, of in facts.KINDS.items():
        p.add_argument(f"--{kind}", type=int, choices=range(1, facts.INSTANCES_MAX + 1), metavar="N",
                       help=f"how many {of['title']}s, 1 to {facts.INSTANCES_MAX}; as many as there are, else 1")
    return {kind: n for kind, n in vars(p.parse_args(args)).items() if n}


def cmd_logs(args):
    p = argparse.ArgumentParser(prog="tools/lab logs")
    p.add_argument("nf", choices=[*facts.NODES, *facts.HELPERS])
    p.add_argument("-f", "--follow", action="store_true")
    p.add_argument("-n", "--lines", type=int, default=200)
    a = p.parse_args(args)
    path = procs.log_path(a.nf)
    if not path.exists():
        raise LabError(f"{a.nf} has no log yet; it was never started")
    if a.follow:
        os.execvp("tail", ["tail", "-n", str(a.lines), "-F", str(path)])
    print("\n".join(procs.tail(a.nf, a.lines)))
    return 0


def cmd_ladder(args):
    p = argparse.ArgumentParser(prog="tools/lab ladder")
    which = p.add_mutually_exclusive_group()
    which.add_argument("--last", action="store_true", help="the newest flow (default)")
    which.add_argument("--call-id", metavar="X")
    which.add_argument("--subscriber", metavar="NAME", help="every flow of alice, sip:alice@..., a number")
    p.add_argument("--svg", metavar="FILE", help="write a picture instead of text")
    a = p.parse_args(args)
    if a.call_id:
        calls = [a.call_id]
    elif a.subscriber:
        name = a.subscriber.split(":")[-1].split("@")[0]
        calls = trace.calls(name)
    else:
        calls = trace.calls()[-1:]
    flows = [(c, trace.by_call_id(c)) for c in calls]
    flows = [(c, m) for c, m in flows if m]
    if not flows:
        raise LabError("no such flow was recorded")
    if a.svg:
        try:
            with open(a.svg, "w") as f:
                f.write(ladder.svg(flows, f"{len(flows)} flows of {a.subscriber}"))
        except OSError as e:
            raise LabError(f"cannot write {a.svg}: {e.strerror}") from None
        print(f"wrote {a.svg}")
        return 0
    for call_id, messages in flows:
        print(f"\nCall-ID {call_id}")
        print(ladder.text(messages, sys.stdout.isatty()))
    return 0


def cmd_ue(args):
    if not args or args[0] not in facts.UES:
        raise UsageError("ue NAME STEP [+ STEP]...: NAME is one of " + ", ".join(facts.UES)
                       + "; tools/lab ue alice --help tells the steps")
    command = facts.ue_command(args[0], *args[1:], json_lines=False)
    if not os.path.exists(command[0]):
        raise LabError("carillon-ue is not built yet: tools/lab build")
    os.execv(command[0], command)


def cmd_exec(args):
    if not args:
        raise UsageError("exec COMMAND [WORD]...")
    try:
        os.execvp(args[0], args)
    except OSError as e:
        raise LabError(f"{args[0]}: {e.strerror}") from None


# Those that speak with the nodes by their addresses.
IN_THE_NETWORK = ("demo", "up", "restart", "status", "ue", "exec")


def run(name, args):
    if args and name in ("build", "down", "status"):
        raise UsageError(f"{name} takes no arguments")
    asked = how_many(name, args) if name in ("demo", "up") else {}
    if facts.FAMILY == 6 and name in IN_THE_NETWORK:
        core.join_network(begins=name in ("demo", "up"))
    if name == "demo":
        return demo.main(asked)
    if name == "up":
        core.build()
        core.up(asked=asked)
    elif name == "build":
        core.build()
    elif name == "down":
        core.down()
    elif name == "restart":
        if len(args) != 1:
            raise UsageError("restart NF: one of " + ", ".join(facts.NODES))
        core.restart(args[0])
    elif name == "status":
        return 0 if core.status() else 3
    else:
        return {"logs": cmd_logs, "ladder": cmd_ladder, "ue": cmd_ue, "exec": cmd_exec}[name](args)
    return 0


def main(argv):
    name, args = (argv[0], argv[1:]) if argv else ("help", [])
    if name in ("help", "--help", "-h"):
        usage()
        return 0
    if name not in COMMANDS:
        usage(sys.stderr)
        print(f"\ntools/lab: no command '{name}'", file=sys.stderr)
        return 2
    try:
        return run(name, args)
    except LabError as e:
        print(f"tools/lab: {e}", file=sys.stderr)
        for line in procs.tail(e.log) if e.log else []:
            print(f"  {e.log}: {line}", file=sys.stderr)
        return 2 if isinstance(e, UsageError) else 1
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        print("\ntools/lab: interrupted" + ("; the core runs on, `tools/lab down` ends it" if core.is_up() else ""),
              file=sys.stderr)
        return 130
