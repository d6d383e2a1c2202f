# SPDX-License-Identifier: Apache-2.0
"""A phone: its sockets, its registration (TS 24.229 5.1.1), and what belongs to no call."""
import base64
import copy
import secrets

from phones import headers
from phones.call import Call
from phones.usim import OutOfRange, Usim
from labkit import facts
from rawsip import challenge as challenge_of
from rawsip import where

PLAIN_PORT = 5060  # of what nothing protects


class Phone:
    def __init__(self, street, make, subscriber, ip):
        self.street, self.net, self.make, self.ip = street, street.net, make, ip
        self.home, self.imsi, self.number = street.domain, subscriber.imsi, subscriber.number
        self.impi = f"{self.imsi}@{self.home}"
        self.usim = Usim(subscriber.k, subscriber.op)
        self.instance = f'+sip.instance="<urn:gsma:imei:86012300-{self.imsi[-6:]}-0>"'
        self.client_port, self.server_port, self.spi = 40001, 40000 if make.protected else PLAIN_PORT, 3735928559
        self.uuid = self.call_id = self.from_tag = self.session_id = ""
        self.cseq, self.challenge, self.registered = make.cseq - 1, None, False
        self.security_server = self.default = self.answer = None
        self.service_route, self.associated, self.granted = [], [], []
        self.waiting = {}     # (branch, method) -> whom the responses are for
        self.answered = {}    # (branch, CSeq) -> how a request was answered, for when it comes again
        self.calls, self.past, self.notified = [], [], []
        self.plan = "answer"  # what becomes of a call that comes in
        self.says_too = []    # headers that go into every response
        self.heard = []       # every message: (message, over TCP, bytes)
        self.closed = False
        self.port = PLAIN_PORT
        self._open()

    # ---- sockets ----

    def _open(self):
        self.connection = None  # the one that this phone has opened
        self.udp = {PLAIN_PORT: self.net.udp(self.ip, PLAIN_PORT, self)}
        listening = {PLAIN_PORT, self.server_port}
        if self.make.protected:
            self.udp |= {p: self.net.udp(self.ip, p, self) for p in (self.server_port, self.client_port)}
        self.listeners = [self.net.listen(self.ip, p, self) for p in sorted(listening)]

    def vanish(self):
        """No more coverage: nothing is said, nothing is heard."""
        self.closed = True
        for link, owner in list(self.net.links.values()):
            if owner is self:
                link.close()
        for listener in self.listeners:
            self.net.close(listener)
        self.listeners = []
        self.registered, self.connection = False, None

    def ghost(self):
        """Somebody who has this phone's address when it has moved, and says what it said."""
        other = copy.copy(self)
        other.calls, other.past, other.waiting, other.answered = [], [], {}, {}
        self.listeners = []
        self.street.taken_over(self, other)
        return other

    def move(self, ip):
        """Another address, the same instance; the Call-ID of the registration goes on."""
        self.vanish()
        self.ip, self.closed, self.port = ip, False, PLAIN_PORT
        self.challenge, self.calls = None, []
        self._open()

    def lost(self, link):
        if link is self.connection:
            self.connection = None

    @property
    def proxy_route(self):
        return f"<sip:{facts.place(*self.street.proxy)};lr>"

    @property
    def host(self):
        return facts.host(self.ip)

    def way(self, method, size, first=False):
        """The link for a request: (link, protocol)."""
        m = self.make
        if first:
            udp = m.first == "udp"
        elif m.udp_up_to:
            udp = size <= m.udp_up_to
        else:
            udp = method in m.udp or (method == "REGISTER" and m.register == "udp")
        if udp:
            return self.udp[self.client_port if m.protected and not first else PLAIN_PORT], "udp"
        return self.tcp(), "tcp"

    def tcp(self):
        if not self.connection or not self.connection.open:
            self.connection = self.net.connect(self.ip, self.street.proxy, self)
        return self.connection

    # ---- requests ----

    def send(self, method, uri, pairs, body="", done=None, first=False, link=None, branch=None):
        """Sends a request; done gets its responses. Returns the link and the branch."""
        branch = branch or headers.branch(self)
        size = len(headers.text(f"{method} {uri} SIP/2.0", pairs, body)) + 90
        link, proto = link or self.way(method, size, first)
        pairs = [(n, headers.via(self, proto, branch) if n == "Via" else v) for n, v in pairs]
        if done:
            self.waiting[branch, method] = done
        link.send(headers.text(f"{method} {uri} SIP/2.0", pairs, body), self.street.proxy)
        return (link, proto), branch

    # ---- registration ----

    def start_registration(self, expires=600000, done=None):
        """The initial registration, or one after a move."""
        if self.make.contact_user == "uuid":
            self.uuid = f"{secrets.token_hex(4)}-{secrets.token_hex(2)}-4{secrets.token_hex(1)}0-" \
                        f"8{secrets.token_hex(1)}0-{secrets.token_hex(6)}"
        self.call_id = self.call_id or f"{secrets.token_hex(9)}@{self.ip}"
        self.session_id = secrets.token_hex(16)
        self.challenge, self.port, self.security_server = None, PLAIN_PORT, None
        self._register(expires, True)

    def refresh(self, expires=600000):
        """Inside of what protects the phone: the nonce again, counted on; a new offer of a security agreement."""
        assert self.registered and self.challenge
        self.challenge["nc"] += 1
        self.spi += 16
        self._register(expires, False)

    def _register(self, expires, first):
        again = not first
        self.registered, self.answer = False, None
        self.cseq += 1
        if first or self.make.new_tag:
            self.from_tag = secrets.token_hex(5)
        pairs = headers.register(self, self.home, again, expires)
        self.send("REGISTER", f"sip:{self.home}", pairs, first=first,
                  done=lambda r: self._registering(r, expires))

    def _registering(self, response, expires):
        if response.status == 401:
            self._challenged(response)
            self.port = self.server_port
            self._register(expires, False)
        elif response.status >= 200:
            self.answer = response
            self.registered = response.status == 200 and expires > 0
            if self.registered:
                self._take(response)

    def _challenged(self, response):
        c = challenge_of(response)
        nonce = base64.b64decode(c["nonce"])
        c |= {"nc": 1, "cnonce": secrets.token_hex(8), "res": b""}
        try:
            c["res"] = self.usim.answer(nonce)
        except OutOfRange as e:
            c["auts"] = e.auts
        for secret in ("ck", "ik"):
            if secret in c:
                self.street.complain(self, response, f"{secret} reached the phone")
        self.challenge = c
        self.security_server = response.get("Security-Server")

    def _take(self, response):
        self.associated = [headers.uri(v) for v in headers.values(response.all("P-Associated-URI"))]
        self.service_route = headers.values(response.all("Service-Route"))
        self.granted = headers.values(response.all("Contact"))
        self.default = self.associated[0] if self.associated else None

    def subscribe(self):
        """The reg event package (RFC 3680), for which a phone asks as soon as it is registered; a list that gets the
        final response."""
        got = []
        self.send("SUBSCRIBE", self.default, headers.subscribe(self, f"{secrets.token_hex(8)}@{self.ip}",
                                                               secrets.token_hex(4), 1),
                  done=lambda r: got.append(r) if r.status >= 200 else None)
        return got

    def message(self, target, more=(), link=None, **replaced):
        """A MESSAGE with further headers, of which some are replaced; a list that gets the final response."""
        got, call_id = [], f"{secrets.token_hex(8)}@{self.ip}"
        pairs = headers.message(self, target, call_id, secrets.token_hex(4))
        pairs = [(n, replaced.get(n.lower().replace("-", "_"), v)) for n, v in pairs]
        self.send("MESSAGE", target, [*pairs, *more], "hello", lambda r: got.append(r) if r.status >= 200 else None,
                  link=link)
        return got

    # ---- calls ----

    def dial(self, number):
        """What this make turns a number with country code into."""
        local = number.lstrip("+")
        return {"global": f"tel:+{local}", "local": f"tel:{local};phone-context={self.home}",
                "sip": f"sip:{local};phone-context={self.home}@{self.home};user=phone"}[self.make.dials]

    def call(self, target, video=False):
        c = Call(self, outgoing=True, target=target, video=video)
        self.calls.append(c)
        c.invite()
        return c

    # ---- what comes ----

    def received(self, m, link, source, size):
        self.heard.append((m, link.tcp, size))
        self.street.look_at(self, m, link.tcp, size)
        if m.status:
            self._response(m)
        else:
            self._request(m, link)

    def _response(self, m):
        via = headers.values(m.all("Via"))[0]
        branch = via.split("branch=")[1].split(";")[0]
        done = self.waiting.get((branch, m.get("CSeq").split()[1]))
        if done:
            done(m)

    def respond(self, request, link, status, reason, tag=None, more=(), body=""):
        """By the connection that the request came on, or to the address that its Via names (RFC 3261 18.2.2)."""
        first, pairs = headers.response(self, request, status, reason, tag, [*more, *self.says_too])
        data = headers.text(first, pairs, body)
        to = where(headers.values(request.all("Via"))[0].split()[1].split(";")[0])
        out = link if link.tcp else self.udp[self.client_port if self.make.protected else PLAIN_PORT]
        key = (headers.values(request.all("Via"))[0], request.get("CSeq"))
        self.answered[key] = (out, data, to)
        if out.open:
            out.send(data, to)

    def _request(self, m, link):
        key = (headers.values(m.all("Via"))[0], m.get("CSeq"))
        if m.method != "ACK" and key in self.answered:  # it came again (RFC 3261 17.2)
            out, data, to = self.answered[key]
            if out.open:
                out.send(data, to)
            return
        call = next((c for c in self.calls + self.past if c.mine(m)), None)
        if call:
            call.request(m, link)
        elif m.method == "INVITE":
            self.calls.append(Call(self, outgoing=False, request=m))
            self.calls[-1].rings(link)
        elif m.method == "NOTIFY":
            self.notified.append(m)
            self.respond(m, link, 200, "OK")
        elif m.method in ("MESSAGE", "OPTIONS"):
            self.respond(m, link, 200, "OK", secrets.token_hex(4))
        elif m.method != "ACK":
            self.respond(m, link, 481, "Call/Transaction Does Not Exist", secrets.token_hex(4))
