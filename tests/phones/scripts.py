# SPDX-License-Identifier: Apache-2.0
"""What is done with phones, whatever network they are on. Each script leaves them as it found them: registered, without
a call."""
from phones import headers


def register(street, ph):
    ph.start_registration()
    street.until(lambda: ph.answer is not None, f"{ph.make.name} registers")
    assert ph.answer.status == 200, (ph.make.name, ph.answer.start, ph.answer.get("Warning"))
    own = f"{ph.host}:{ph.port}"
    mine = [c for c in ph.granted if own in headers.uri(c)]
    assert len(mine) == 1, f"{ph.make.name}: {own} stands not once in {ph.granted}"
    assert ph.associated[0] == f"sip:{ph.number}@{ph.home}" and f"tel:{ph.number}" in ph.associated, ph.associated
    assert not any(ph.imsi in i for i in ph.associated), "a barred identity is told (TS 24.229 5.4.1.2.2F)"
    return mine[0]


def ready(street, *phones):
    """Registered, without a call, and about to answer; whatever a test before has left."""
    for ph in phones:
        ph.calls, ph.plan = [], "answer"
        if not ph.registered:
            register(street, ph)
    return phones


def deregister(street, ph):
    ph.refresh(expires=0)
    street.until(lambda: ph.answer is not None, f"{ph.make.name} leaves")
    assert ph.answer.status == 200, ph.answer.start


def whole_contact(street, ph):
    """RFC 3840 and TS 24.229 5.4.1.2.2F: what a phone said of itself is kept, and told to it."""
    mine = register(street, ph)
    said = {p.split("=")[0].lower() for p in ph.make.contact if not p.startswith("{")} - {"reg-id"}
    kept = {p.split("=")[0].strip().lower() for p in mine.partition(">")[2].split(";")[1:]}
    assert said | {"+sip.instance"} <= kept, f"{ph.make.name}: forgotten: {sorted(said - kept)}"


def granted_seconds(street, ph):
    mine = register(street, ph)
    return int(mine.partition(";expires=")[2].split(";")[0] or ph.answer.get("Expires"))


def subscribe(street, ph):
    """RFC 6665 4.2.1.1: an event that nobody serves is refused by the network, and no phone hears of it."""
    others = [o for o in street.phones.values() if o is not ph]
    before = [len(o.heard) for o in others]
    got = ph.subscribe()
    street.until(lambda: got, f"{ph.make.name}'s SUBSCRIBE is answered")
    assert got[0].status == 489, (ph.make.name, got[0].start, got[0].get("Warning"))
    assert [len(o.heard) for o in others] == before and not any(m.method == "SUBSCRIBE" for m, _, _ in ph.heard)


def _incoming(b, c):
    return next((x for x in b.calls if x.call_id == c.call_id), None)


def _over(*calls):
    for c in list(calls):
        if c in c.phone.calls:
            c.phone.calls.remove(c)
            c.phone.past.append(c)


def establish(street, a, b, target=None, video=False):
    b.plan = "answer"
    c = a.call(target or a.dial(b.number), video)
    street.until(lambda: c.state in ("up", "over"), f"{a.make.name} calls {b.make.name}: {c.progress}", 15)
    assert c.state == "up", f"{a.make.name} calls {b.make.name}: {c.final.start} ({c.final.get('Warning')})"
    d = _incoming(b, c)
    street.until(lambda: d.state == "up", f"{b.make.name} gets the ACK of {a.make.name}: {c.progress} {d.progress}")
    return c, d


def call(street, a, b, target=None, by_called=False, video=False):
    """A call with each side's own transports, ended by one of them."""
    c, d = establish(street, a, b, target, video)
    statuses = list(dict.fromkeys(s for s, m in c.progress if m == "INVITE"))  # a 200 may come twice
    assert statuses[-3:] == [183, 180, 200] or statuses[-2:] == [183, 200], statuses
    assert ("PRACK", "tcp") in d.progress or ("PRACK", "udp") in d.progress, d.progress
    asserted = headers.values(d.request_in.all("P-Asserted-Identity"))
    assert f"sip:{a.number}@{a.home}" in str(asserted), asserted
    assert d.peer_contact == c.contact and c.peer_contact == d.contact, "the Contact of the call is another one now"
    first, second = (d, c) if by_called else (c, d)
    first.bye()
    street.until(lambda: first.bye_status and second.state == "over",
                 f"{first.make.name} ends the call with {second.make.name}")
    assert first.bye_status == 200, first.bye_status
    _over(c, d)


def refuse(street, a, b):
    """At once (486), after it has rung (480 with a Reason), without a bearer (580 with SDP)."""
    for b.plan in (486, 480, 580):
        c = a.call(a.dial(b.number))
        street.until(lambda call=c: call.state == "over", f"{b.make.name} refuses {a.make.name}")
        assert c.status == b.plan, c.final.start
        _over(c, *b.calls)
    b.plan = "answer"


def crossed(street, a, b):
    """A CANCEL that crosses the refusal, wherever they meet: it is answered, and the refusal stands (RFC 3261 9.2)."""
    b.plan = 580
    c = a.call(a.dial(b.number))
    street.until(lambda: c.state == "over" or (_incoming(b, c) and _incoming(b, c).state == "over"),
                 f"{b.make.name} refuses")
    d = _incoming(b, c)
    c.cancel()
    street.until(lambda: c.state == "over" and (200, "CANCEL") in c.progress, f"both end: {c.progress}")
    assert c.status == 580, (c.status, d.progress)
    b.plan = "answer"
    _over(c, d)


def itself(street, ph):
    """Who calls himself gets what his phone says of it."""
    ph.plan = 481
    c = ph.call(ph.dial(ph.number))
    street.until(lambda: c.state == "over", f"{ph.make.name} calls itself")
    assert c.status in (481, 486), c.final.start
    ph.plan = "answer"
    _over(*ph.calls)


def cancel(street, a, b):
    b.plan = "ring"
    c = a.call(a.dial(b.number))
    street.until(lambda: c.state == "over" or (_incoming(b, c) and _incoming(b, c).state == "rung"),
                 f"{b.make.name} rings")
    assert c.state != "over", c.final.start
    c.cancel()
    street.until(lambda: c.state == "over" and _incoming(b, c).state == "over", f"{a.make.name} gives up")
    assert c.status == 487 and (200, "CANCEL") in c.progress, c.progress
    b.plan = "answer"
    _over(c, *b.calls)


def refresh(street, ph):
    """The old nonce with nc=2, another offer of an agreement (TS 24.229 5.1.1.4)."""
    ph.refresh()
    street.until(lambda: ph.answer is not None, f"{ph.make.name} refreshes")
    assert ph.answer.status == 200, (ph.make.name, ph.answer.start, ph.answer.get("Warning"))
    assert len(ph.granted) == 1, ph.granted


def move(street, ph, caller):
    """Out of coverage without a word, and back with another address. The old contact is gone (RFC 5626 6, TS 24.229
    5.4.1.2.2F), and nothing waits for it: a call arrives at once."""
    ph.move(street.address())
    register(street, ph)
    assert len(ph.granted) == 1, ph.granted
    call(street, caller, ph)


def old_address(street, ph, called):
    """A phone that has moved: who has its old address now does not speak as its user (TS 24.229 5.2.5.2,
    RFC 3261 10.3), though nobody has deregistered there."""
    old = ph.ghost()
    ph.move(street.address())
    register(street, ph)
    got = old.message(f"tel:{called.number}")
    street.until(lambda: got, "the old address is answered")
    assert got[0].status == 403, got[0].start
    old.vanish()


def reconnected(street, ph, called):
    """The connection has gone, and another one comes from another port (TS 33.203 N.2.1: the address counts)."""
    ph.tcp().close()
    ph.connection = None
    call(street, ph, called)


def another_port(street, ph, called):
    """A datagram from a port that nobody has seen before."""
    link = ph.net.udp(ph.ip, 40777, ph)
    got = ph.message(f"tel:{called.number}", link=(link, "udp"))
    street.until(lambda: got, f"{ph.make.name} is answered")
    assert got[0].status == 200, (got[0].start, got[0].get("Warning"))
    link.close()


def vanished(street, caller, ph):
    """Nobody is there any more, and no address answers: the caller hears 480 (TS 24.229 5.2.6.4, RFC 5626 5.3.1), or
    that nobody answered in time."""
    ph.vanish()
    c = caller.call(caller.dial(ph.number))
    street.until(lambda: c.state == "over", f"{caller.make.name} hears that {ph.make.name} is gone", 200)
    assert c.status in (480, 408), c.final.start
    _over(c)
