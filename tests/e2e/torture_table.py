# SPDX-License-Identifier: Apache-2.0
"""What becomes of each message of RFC 4475 and RFC 5118 at a running node: the section, the RFC's verdict, and
the status codes that carry it out here.

The verdict is about syntax. A message that is accepted is then refused for what it wants, since its sender is
a stranger and its target lives elsewhere: 403 (not registered, TS 24.229 5.2.6.3.2; not trusted, 5.4.1), 404
(nobody of that name), 481 (no such dialog), and so on. None of these is 400, 416, 420, 483, 505 or 513, which
would be a word about the message itself."""

# Answers to a message that was understood.
POLICY = frozenset({401, 403, 404, 405, 407, 408, 480, 481, 501, 504, 604})
# Where the way on was tried and led nowhere: a 503 is not passed on but becomes 500 (RFC 3261 16.7).
UNREACHABLE = POLICY | {500, 503}
BAD = frozenset({400})
DROPPED = frozenset()  # a response that nobody waits for: nothing is said, nothing passed on (RFC 6026 7.3)


class Row:
    """udp, tcp: the statuses of which each final response has to be one; DROPPED: there is none. n: how many
    messages are answered. waits: the stream goes on, for the message has not ended (RFC 3261 18.3). lost: it
    may be on its way to an address where nobody is, and be answered later than a test waits."""

    def __init__(self, section, udp, tcp=None, n_tcp=1, waits=False, closes=False, lost=False, has=None):
        self.section, self.udp, self.n_tcp, self.waits, self.closes = section, udp, n_tcp, waits, closes
        self.lost = lost
        self.tcp = DROPPED if waits else udp if tcp is None else tcp
        self.has = has or {}


# accept: valid, or to be treated as valid; the policy of the node decides then.
def accept(section, statuses=POLICY, **kw):
    return Row(section, statuses, **kw)


def bad(section, **kw):
    return Row(section, BAD, **kw)


def response(section):
    return Row(section, DROPPED)


RFC4475 = {
    "wsinv": accept("3.1.1.1", UNREACHABLE),  # its Route leads to a name that DNS does not know
    "intmeth": accept("3.1.1.2"),
    "esc01": accept("3.1.1.3"),
    "escnull": accept("3.1.1.4"),
    "esc02": accept("3.1.1.5"),
    "lwsdisp": accept("3.1.1.6"),
    "longreq": accept("3.1.1.7"),
    # A datagram ends with the first request. On a stream there are two, and behind the second one byte more
    # than its Content-Length says, which is the beginning of nothing.
    "dblreq": accept("3.1.1.8", n_tcp=2, closes=True),
    "semiuri": accept("3.1.1.9"),
    "transports": accept("3.1.1.10"),
    "mpart01": accept("3.1.1.11"),
    "unreason": response("3.1.1.12"),
    "noreason": response("3.1.1.13"),
    "badinv01": bad("3.1.2.1"),
    "clerr": bad("3.1.2.2", waits=True),
    "ncl": bad("3.1.2.3", closes=True),
    "scalar02": bad("3.1.2.4"),
    "scalarlg": response("3.1.2.5"),
    "quotbal": bad("3.1.2.6"),
    "ltgtruri": bad("3.1.2.7"),
    "lwsruri": bad("3.1.2.8"),
    "lwsstart": bad("3.1.2.9"),
    "trws": bad("3.1.2.10"),
    "escruri": bad("3.1.2.11"),
    "baddate": accept("3.1.2.12"),  # may be ignored, as by every element that needs no Date
    # A registrar says 400; one that is not asked as such, by a stranger or for another domain, may say so first
    # (RFC 3261 10.3 step 1).
    "regbadct": Row("3.1.2.13", BAD | {403}),
    "badaspec": bad("3.1.2.14"),
    "baddn": bad("3.1.2.15", waits=True),  # as it circulates it lacks the blank line
    "badvers": Row("3.1.2.16", frozenset({505})),
    "mismatch01": bad("3.1.2.17"),
    "mismatch02": Row("3.1.2.18", frozenset({400, 501})),
    "bigcode": response("3.1.2.19"),
    "badbranch": accept("3.2.1"),  # a transaction by the rules of RFC 2543
    "insuf": bad("3.3.1"),
    "unkscm": Row("3.3.2", frozenset({416})),
    "novelsc": Row("3.3.3", frozenset({416})),
    "unksm2": Row("3.3.4", POLICY | BAD),  # a registrar of that domain says 400, a proxy nothing
    "bext01": Row("3.3.5", frozenset({420}),
                  has={"Unsupported": {"noproxiessupportthis", "nordoanyproxiessupportthis"}}),
    "invut": accept("3.3.6"),  # 415 is for the called phone to say
    "regaut01": accept("3.3.7"),
    "multi01": bad("3.3.8"),
    "mcl01": bad("3.3.9", closes=True),
    "bcast": response("3.3.10"),  # and nothing to 255.255.255.255
    "zeromf": Row("3.3.11", frozenset({483, 200})),
    "cparam01": accept("3.3.12"),
    "cparam02": accept("3.3.13"),
    "regescrt": accept("3.3.14"),
    "sdp01": accept("3.3.15"),  # 406 is for the called phone to say
    # RFC 2543 frames by the end of the connection, RFC 3261 20.14 no more.
    "inv2543": Row("3.4.1", POLICY, tcp=BAD, closes=True),
}

RFC5118 = {
    "ipv6-good": accept("4.1"),
    "ipv6-bad": bad("4.2"),
    "port-ambiguous": accept("4.3"),
    "port-unambiguous": accept("4.4"),
    "via-received-param-with-delim": accept("4.5", UNREACHABLE, lost=True),
    "via-received-param-no-delim": accept("4.5", UNREACHABLE),
    "ipv6-in-sdp": bad("4.6", waits=True),  # the text says 268 where 251 bytes follow; see below
    "mult-ip-in-header": accept("4.7", UNREACHABLE, lost=True),
    # Two more texts that are longer than they say: what is left over begins no message (4.8), or may (4.9).
    "mult-ip-in-sdp": accept("4.8", UNREACHABLE, closes=True),
    "ipv4-mapped-ipv6": accept("4.9", UNREACHABLE),
    "ipv6-bug-abnf-3-colons": accept("4.10", UNREACHABLE),
    "ipv6-correct-abnf-2-colons": accept("4.10", UNREACHABLE),
}
# What section 4.6 is about, with the length that its body has.
MENDED = {"ipv6-in-sdp": accept("4.6", UNREACHABLE)}
