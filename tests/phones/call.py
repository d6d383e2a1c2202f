# SPDX-License-Identifier: Apache-2.0
"""One call of a phone, either side of it: offer and answer with preconditions (RFC 3312), reliable provisional
responses (RFC 3262), UPDATE (RFC 3311), in the order in which phones do it."""
import secrets

from phones import headers, sdp

REASONS = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 486: "Busy Here",
           487: "Request Terminated",
           480: "Temporarily Unavailable", 481: "No Such Call Here", 580: "Precondition Failure"}
NO_BEARER = "v=0\r\no=- 2890844526 2 {0}\r\ns=-\r\nc={0}\r\nt=0 0\r\nm=audio 0 RTP/AVP 104\r\n" \
            "a=curr:qos local none\r\na=curr:qos remote none\r\na=des:qos failure local sendrecv\r\n" \
            "a=des:qos mandatory remote sendrecv\r\n"


class Call:
    def __init__(self, phone, outgoing, target=None, request=None, video=False):
        self.phone, self.make, self.outgoing, self.video = phone, phone.make, outgoing, video
        self.local_tag, self.target, self.cseq = secrets.token_hex(5), target, 1
        self.state, self.status, self.final, self.offered = "calling" if outgoing else "ringing", 0, None, 0
        self.progress, self.route, self.remote_target, self.acknowledged = [], [], None, set()
        self.rseq, self.unacknowledged, self.bye_status, self.way_in = 0, None, 0, []
        self.call_id = request.get("Call-ID") if request else f"{secrets.token_hex(10)}@{phone.ip}"
        self.session_id = secrets.token_hex(16) if phone.make.session_id else ""
        self.contact = headers.contact(phone, phone.make.call_user, phone.make.call_contact)
        self.request_in, self.peer_contact, self.version = request, None, 0
        self.local = f"<{phone.default}>;tag={self.local_tag}"
        self.remote = f"<{target}>" if target else ""
        if request:
            self.local, self.remote = f"{request.get('To')};tag={self.local_tag}", request.get("From")
            self.route = headers.values(request.all("Record-Route"))
            self._target(request)

    def mine(self, m):
        if m.get("Call-ID") != self.call_id:
            return False
        return ";tag=" not in m.get("To") and m.method == "CANCEL" or f"tag={self.local_tag}" in m.get("To")

    def _target(self, m):
        if c := m.get("Contact"):
            self.peer_contact, self.remote_target = c, headers.uri(c)

    def media(self, qos, answer=False):
        self.version += 1
        return sdp.describe(self.make, self.phone.ip, self.version, qos, answer, self.video)

    # ---- the caller ----

    def invite(self):
        self.link, self.branch = self.phone.send("INVITE", self.target, headers.invite(self.phone, self.target, self),
                                                 self.media("first"), self.response)
        self.progress.append(("INVITE", self.link[1]))

    def cancel(self):
        """The same Request-URI, branch and Route (RFC 3261 9.1)."""
        pairs = self._beside_the_invite("CANCEL")
        self.phone.send("CANCEL", self.target, pairs, done=lambda r: self.progress.append((r.status, "CANCEL")),
                        link=self.link, branch=self.branch)

    def _beside_the_invite(self, method):
        said = [p for p in headers.invite(self.phone, self.target, self)
                if p[0] in ("Via", "Max-Forwards", "Route", "From", "To", "Call-ID")]
        if self.make.accept_contact != "audio":  # the QC kind says nothing of an agreement here
            said += headers.agreement(self.phone)
        if method == "CANCEL" and self.make.reason:
            said.append(("Reason", self.make.reason))
        return [*said, ("CSeq", f"1 {method}")]

    def response(self, m):
        self.progress.append((m.status, "INVITE"))
        if m.status >= 300:
            pairs = [(n, m.get("To") if n == "To" else v) for n, v in self._beside_the_invite("ACK")]
            self.phone.send("ACK", self.target, pairs, link=self.link, branch=self.branch)
            self._over(m)
        elif m.status > 100:
            self._dialog(m)
            if m.status >= 200:
                self._accepted(m)
            elif "100rel" in (m.get("Require") or ""):
                self._provisional(m)

    def _dialog(self, m):
        self.remote = m.get("To")
        self._target(m)
        self.route = list(reversed(headers.values(m.all("Record-Route"))))

    def _provisional(self, m):
        rseq = m.get("RSeq")
        if rseq in self.acknowledged:
            return
        self.acknowledged.add(rseq)
        settled = m.body and not self.offered
        self.cseq += 1
        second = settled and self.make.offer_in_prack
        if settled:
            self.offered = 1
        pairs = [*headers.inside(self.phone, self, "PRACK", self.cseq), ("RAck", f"{rseq} 1 INVITE")]
        self._inside("PRACK", pairs, self.media("second") if second else "",
                     lambda r: self._prack_answered(r, settled and not second))

    def _prack_answered(self, r, settled):
        self.progress.append((r.status, "PRACK"))
        if r.status == 200 and settled:
            self.cseq += 1
            pairs = [*headers.inside(self.phone, self, "UPDATE", self.cseq), ("Supported", self.make.call_supported),
                     ("Allow", headers.ALLOW)]
            self._inside("UPDATE", pairs, self.media("second"), lambda a: self.progress.append((a.status, "UPDATE")))

    def _inside(self, method, pairs, body="", done=None):
        if body:
            pairs = [*pairs, ("Content-Type", "application/sdp")]
        (_, proto), _ = self.phone.send(method, self.remote_target, pairs, body, done)
        self.progress.append((method, proto))

    def _accepted(self, m):
        if self.state == "over":
            return
        self._inside("ACK", headers.inside(self.phone, self, "ACK", 1))
        self.state, self.status, self.final = "up", m.status, m

    # ---- the called ----

    def rings(self, link):
        """The order of TS 24.229 5.1.4: 100, 183 with the answer, then what the caller sends."""
        self.link_in = link
        self.video = b"m=video" in self.request_in.body and self.make.video
        self.way_in.append("tcp" if link.tcp else "udp")
        self._answer(100)
        if self.phone.plan in (486, 481):
            more = [("Reason", 'RELEASE_CAUSE;cause=2;text="Busy"')] if self.make.refuses_with_reason else []
            self.finish(self.phone.plan, [*more, *([("Contact", self.contact)] if self.make.name == "samsung" else [])])
            return
        self._reliable(183, self.media("first", True), [("Content-Type", "application/sdp")])

    def _answer(self, status, more=(), body="", request=None, link=None):
        request, link = request or self.request_in, link or self.link_in
        self.phone.respond(request, link, status, REASONS[status], self.local_tag if status > 100 else None, more, body)

    def _reliable(self, status, body="", more=()):
        self.rseq += 1
        self.unacknowledged = status
        self._answer(status, [("Contact", self.contact), ("Require", "100rel"), ("RSeq", str(self.rseq)),
                              ("Allow", headers.ALLOW), *more], body)

    def _settled(self):
        """Both sides have what they need: it rings."""
        if self.make.rings_reliably:
            self._reliable(180)
            return
        self._answer(180, [("Contact", self.contact), ("Allow", headers.ALLOW)])
        self._rung()

    def _rung(self):
        self.state = "rung"
        if self.phone.plan == "answer":
            self.answer_it()
        elif self.phone.plan == 480:
            self.finish(480, [("Reason", 'SIP;cause=480;text="Temporarily Unavailable"')])

    def answer_it(self):
        more = [("Contact", self.contact), ("Allow", headers.ALLOW), ("Supported", self.make.call_supported)]
        if self.request_in.get("Session-Expires"):
            more += [("Session-Expires", "1800;refresher=uac")]
            if not any(h[0] == "Require" for s, _, h in self.make.odd if s == "200"):
                more += [("Require", "timer")]
        self._answer(200, more)
        if self.make.repeats:
            self._answer(200, more)
        self.state = "answered"

    def finish(self, status, more=(), body=""):
        """Refused, or given up."""
        self._answer(status, more, body)
        self.state, self.status = "over", status

    # ---- either ----

    def request(self, m, link):
        self.progress.append((m.method, "tcp" if link.tcp else "udp"))
        {"PRACK": self._prack, "UPDATE": self._update, "ACK": self._ack, "BYE": self._bye,
         "CANCEL": self._cancelled}.get(
            m.method, self._other)(m, link)

    def _prack(self, m, link):
        body = self.media("second", True) if m.body else ""
        self._answer(200, [("Content-Type", "application/sdp")] if body else (), body, m, link)
        acknowledged, self.unacknowledged = self.unacknowledged, None
        if self.phone.plan == 580:
            self.finish(580, [("Content-Type", "application/sdp")], NO_BEARER.format(sdp.where(self.phone.ip)))
        elif acknowledged == 180:
            self._rung()
        elif body:
            self._settled()

    def _update(self, m, link):
        if self.state == "over":
            self.phone.respond(m, link, 481, REASONS[481], self.local_tag)
            return
        self._target(m)
        self._answer(200, [("Contact", self.contact), ("Content-Type", "application/sdp")], self.media("second", True),
                     m, link)
        if self.state == "ringing":
            self._settled()

    def _ack(self, _m, _link):
        if self.state == "answered":
            self.state = "up"

    def _cancelled(self, m, link):
        self._answer(200, (), "", m, link)
        if self.state != "over":
            self.finish(487)

    def _bye(self, m, link):
        self._answer(200, (), "", m, link)
        self.state = "over"

    def _other(self, m, link):
        self._answer(200, (), "", m, link)

    def bye(self):
        self.cseq += 1
        self._inside("BYE", headers.inside(self.phone, self, "BYE", self.cseq), done=self._bye_answered)

    def _bye_answered(self, r):
        if r.status >= 200:
            self.bye_status, self.state = r.status, "over"

    def _over(self, m):
        self.state, self.status, self.final = "over", m.status, m
