# SPDX-License-Identifier: Apache-2.0
"""Messages that are made to cost more than they are long. KINDS: name -> (node, message of some n bytes)."""
import secrets

from labkit import facts

HOME = f"sip:{facts.DOMAIN}"
P_CSCF = facts.host(facts.NODES["pcscf"]["ip"])


def message(method, uri, to, lines, sender):
    mark = secrets.token_hex(6)
    head = [f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/UDP {sender};branch=z9hG4bK{mark};rport",
            "Max-Forwards: 70", f"From: <sip:alice@{facts.DOMAIN}>;tag={mark}", f"To: <{to}>",
            f"Call-ID: {mark}", f"CSeq: 1 {method}", f"Contact: <sip:{sender}>", *lines, "Content-Length: 0"]
    return ("\r\n".join(head) + "\r\n\r\n").encode()


def repeated(header, piece, n, first=""):
    return header + ": " + first + ",".join([piece] * max(1, (n - len(first)) // (len(piece) + 1)))


def numbered(pattern, n, separator):
    pieces, size, i = [], 0, 0
    while size < n:
        pieces.append(pattern.format(i))
        size += len(pieces[-1]) + len(separator)
        i += 1
    return pieces, separator


def joined(pattern, n, separator):
    pieces, separator = numbered(pattern, n, separator)
    return separator.join(pieces)


def two_contacts(n):
    """The same parameters twice, in reverse order."""
    pieces, _ = numbered("p{}=1", n // 2, ";")
    here = f"<sip:a@{facts.host(facts.at(66, 9))};"
    return "Contact: " + here + ";".join(pieces) + ">, " + here + ";".join(reversed(pieces)) + ">"


DIGEST = (f'Digest username="001010000000001@{facts.DOMAIN}", realm="{facts.DOMAIN}", nonce="", uri="{HOME}", '
          'response="", integrity-protected=yes, ')
REGISTER, MESSAGE = ("REGISTER", HOME), ("MESSAGE", f"sip:bob@{facts.DOMAIN}")
KINDS = {
    "auth": ("pcscf", REGISTER, lambda n: ["Authorization: " + DIGEST + joined("a{}=b", n, ",")]),
    "require": ("pcscf", REGISTER, lambda n: [repeated("Require", "a", n)]),
    "secagree": ("pcscf", REGISTER, lambda n: [repeated("Supported", "sec-agree", n)]),
    "proxyrequire": ("pcscf", REGISTER, lambda n: [repeated("Proxy-Require", "sec-agree", n)]),
    "pani": ("pcscf", REGISTER, lambda n: [repeated("P-Access-Network-Info", "a;network-provided", n)]),
    "routes": ("pcscf", REGISTER, lambda n: [f"Route: <sip:{P_CSCF};lr>"] * (n // (18 + len(P_CSCF)))),
    "contact": ("pcscf", REGISTER, lambda n: [two_contacts(n)]),
    "fields": ("pcscf", REGISTER, lambda n: ["X-A: b"] * (n // 8)),
    "rr": ("icscf", MESSAGE, lambda n: ["Record-Route: " + joined("<sip:r{}.example;lr>", n, ",")]),
    "rr-malformed": ("icscf", MESSAGE, lambda n: ["Record-Route: x"]),
    "via": ("icscf", MESSAGE, lambda n: [f"Via: SIP/2.0/UDP h.example;branch=z9hG4bK{i}" for i in range(n // 48)]),
    "uri": ("scscf", ("MESSAGE", "sip:bob@" + facts.DOMAIN + ";a=" + "b" * 3000), lambda n: []),
}


def make(kind, n, sender):
    """(node, bytes)"""
    node, (method, uri), lines = KINDS[kind]
    to = f"sip:alice@{facts.DOMAIN}" if method == "REGISTER" else f"sip:bob@{facts.DOMAIN}"
    return node, message(method, uri, to, lines(n), sender)
