# SPDX-License-Identifier: Apache-2.0
"""Where the phones are: one thread that waits for all of them, and an eye on everything that reaches one."""
import re
from dataclasses import dataclass

from labkit import facts
from phones import headers
from phones.phone import Phone

OP = bytes.fromhex("cdc202d5123e20f62b6d676ac72cb318")
KEY = "phones-own-key-1"
DATAGRAM_MAX = 1300  # TS 24.229 4.2A

# What belongs to the network, or to the first hop alone: no phone gets to see it (TS 24.229 4.4, 4.5, RFC 3329 2.3.1).
WITHHELD = ("P-Access-Network-Info", "P-Charging-Vector", "P-Charging-Function-Addresses", "P-Preferred-Identity",
            "P-Preferred-Service", "P-Served-User", "P-Profile-Key", "P-Visited-Network-ID", "P-User-Database",
            "Security-Client", "Security-Verify", "Proxy-Require", "Authorization", "Path", "Cellular-Network-Info")


@dataclass(frozen=True)
class Subscriber:
    name: str
    imsi: str
    number: str  # with country code and +
    k: bytes = KEY.encode()
    op: bytes = OP

    def identities(self, domain):
        return f"sip:{self.number}@{domain} tel:{self.number}"


def subscriber(make, n):
    return Subscriber(make.name, f"0010100000007{n:02d}", f"+155500007{n:02d}")


def provisioning(subscribers, domain):
    """As `carillon-ctl hss subscriber import` takes it."""
    lines = ["impi,k_ascii,op,impus,barred"]
    for s in subscribers:
        lines.append(f"{s.imsi}@{domain},{s.k.decode()},{s.op.hex()},{s.identities(domain)} sip:{s.imsi}@{domain},"
                     f"sip:{s.imsi}@{domain}")
    return "\n".join(lines) + "\n"


class Street:
    """net: RealNet or SimNet. proxy: the P-CSCF's address and port. first: of the phones' addresses."""

    def __init__(self, net, domain, proxy, first):
        self.net, self.domain, self.proxy, self.complaints, self.phones = net, domain, proxy, [], {}
        self._prefix, last = re.fullmatch(r"(.*[.:])(\d+)", first).groups()
        self._next = int(last)

    def address(self):
        self._next += 1
        return f"{self._prefix}{self._next - 1}"

    def phone(self, make, who):
        ph = Phone(self, make, who, self.address())
        self.phones[make.name] = ph
        return ph

    def taken_over(self, ph, other):
        """The sockets of a phone have another owner now."""
        self.net.links = {h: (link, other if owner is ph else owner) for h, (link, owner) in self.net.links.items()}

    def until(self, condition, what, seconds=10.0):
        """Waits for what phones do; their own errors surface here."""
        end = self.net.now() + seconds
        while not condition():
            left = end - self.net.now()
            assert left > 0, f"{what}: not within {seconds} s"
            self.net.run(left)

    def quiet(self, seconds):
        """Lets so much time pass."""
        end = self.net.now() + seconds
        while (left := end - self.net.now()) > 0:
            self.net.run(left)

    def complain(self, ph, m, what):
        self.complaints.append(f"{ph.make.name}: {m.start}: {what}")

    def blameless(self):
        told, self.complaints = list(dict.fromkeys(self.complaints)), []
        assert not told, "\n".join(told)

    # ---- what every message that reaches a phone must be like ----

    def look_at(self, ph, m, tcp, size):
        for name in WITHHELD:
            if m.get(name) is None or (name == "Path" and m.status):  # RFC 3327 5.3: the 200 to REGISTER has it
                continue
            self.complain(ph, m, f"{name}: {m.get(name)}")
        if not m.status:
            self._look_at_request(ph, m, tcp, size)

    def _look_at_request(self, ph, m, tcp, size):
        if not tcp and size > DATAGRAM_MAX:
            self.complain(ph, m, f"{size} bytes by UDP")
        if "sec-agree" in str(m.all("Require") + m.all("Proxy-Require")):
            self.complain(ph, m, "sec-agree is asked of the called phone")
        proto = "TCP" if tcp else "UDP"
        if proto not in headers.values(m.all("Via"))[0].split()[0]:
            self.complain(ph, m, f"Via says another transport than {proto}")
        if ";tag=" not in m.get("To") and m.method not in ("CANCEL", "ACK"):
            self._look_at_initial(ph, m)

    def _look_at_initial(self, ph, m):
        target = m.start.split()[1]
        wanted = f"{ph.host}:{ph.port}"
        if wanted not in target:
            self.complain(ph, m, f"not for the contact {wanted}")
        if not m.get("P-Called-Party-ID"):
            self.complain(ph, m, "no P-Called-Party-ID")
        if m.method == "INVITE":
            first = (headers.values(m.all("Record-Route")) or [""])[0]
            if facts.place(*self.proxy) not in first:
                self.complain(ph, m, f"the way back is not the P-CSCF: {first}")
