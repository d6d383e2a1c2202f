# SPDX-License-Identifier: Apache-2.0
"""What tshark says about a capture: every SIP and Diameter message with its fields, and every complaint."""
import json
import re
import subprocess
from dataclasses import dataclass

DECODE = ["-d", "tcp.port==3868,diameter", "-d", "tcp.port==5070,sip", "-d", "udp.port==5070,sip"]
SIP_TITLE = re.compile(r"Session Initiation Protocol \((\S+)\)")


def tshark(pcap, *words):
    r = subprocess.run(["tshark", "-r", str(pcap), *DECODE, *words], capture_output=True, text=True,
                       errors="replace", timeout=300, check=False)
    assert r.returncode == 0, r.stderr[-2000:]
    return r.stdout


def rows(pcap, display, *fields):
    """One dict of field -> list of values for each packet that the display filter lets pass."""
    words = ["-Y", display, "-T", "json"]
    for f in fields:
        words += ["-e", f]
    text = tshark(pcap, *words)
    return [p["_source"]["layers"] for p in json.loads(text or "[]")]


ENDS = ("ip.src", "ip.dst", "ipv6.src", "ipv6.dst")


def ends(p):
    """Source and destination of a packet of either family."""
    return [(p.get(f"ip.{end}") or p[f"ipv6.{end}"])[0] for end in ("src", "dst")]


@dataclass
class Sip:
    frame: int
    at: float
    src: str
    dst: str
    what: str      # method or status
    text: str      # the header lines

    @property
    def status(self):
        return int(self.what) if self.what.isdigit() else 0

    def all(self, name):
        """Values of a header, each line one."""
        return re.findall(rf"(?im)^{name}[ \t]*:[ \t]*(.*?)\r?$", self.text)

    def get(self, name):
        return next(iter(self.all(name)), "")

    @property
    def call_id(self):
        return self.get("Call-ID") or self.get("i")

    @property
    def cseq(self):
        number, _, method = self.get("CSeq").partition(" ")
        return number, method.strip()

    @property
    def branch(self):
        """Of the topmost Via: with the method it names the transaction (RFC 3261 17.1.3)."""
        via = self.get("Via") or self.get("v")
        m = re.search(r";\s*branch=([^;,\s]+)", via)
        return m.group(1) if m else ""


def sip_messages(pcap):
    """Every SIP message in order, also several of one TCP segment."""
    found = []
    for p in rows(pcap, "sip", "frame.number", "frame.time_epoch", *ENDS, "sip", "sip.msg_hdr"):
        whats = [m.group(1) for t in p["sip"] for m in [SIP_TITLE.search(t)] if m]
        for what, text in zip(whats, p.get("sip.msg_hdr", [])):
            text = text.partition("\r\n\r\n")[0]  # of several in a segment, the first one's goes on
            found.append(Sip(int(p["frame.number"][0]), float(p["frame.time_epoch"][0]),
                             *ends(p), what, text))
    return found


@dataclass
class Diameter:
    frame: int
    at: float
    stream: str
    request: bool
    command: int
    hop: str


def diameter_messages(pcap):
    found = []
    for p in rows(pcap, "diameter", "frame.number", "frame.time_epoch", "tcp.stream", "diameter.flags.request",
                  "diameter.cmd.code", "diameter.hopbyhopid"):
        for flag, code, hop in zip(p["diameter.flags.request"], p["diameter.cmd.code"],
                                   p["diameter.hopbyhopid"]):
            found.append(Diameter(int(p["frame.number"][0]), float(p["frame.time_epoch"][0]),
                                  p["tcp.stream"][0], flag in ("1", "True", "true"), int(code), hop))
    return found


def complaints(pcap, display):
    """(frame, source, destination, messages) of packets that tshark finds malformed or in error."""
    bad = f"({display}) && (_ws.malformed || _ws.expert.severity == error)"
    return [(p["frame.number"][0], *ends(p),
             p.get("_ws.expert.message", ["malformed"]), p.get("_ws.col.Info", [""]))
            for p in rows(pcap, bad, "frame.number", *ENDS, "_ws.expert.message", "_ws.col.Info")]
