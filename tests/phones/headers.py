# SPDX-License-Identifier: Apache-2.0
"""Headers that all makes write, each in its own way (makes.py)."""
import base64
import secrets

from rawsip import md5

ALLOW = "INVITE,ACK,CANCEL,BYE,UPDATE,PRACK,MESSAGE,REFER,NOTIFY,INFO,OPTIONS"
MMTEL = "urn:urn-7:3gpp-service.ims.icsi.mmtel"


def values(lines):
    """The values of a header that may stand in several lines or in one."""
    out, depth, quoted, one = [], 0, False, ""
    for ch in ",".join(lines):
        quoted ^= ch == '"'
        depth += (ch == "<") - (ch == ">") if not quoted else 0
        if ch == "," and not depth and not quoted:
            out.append(one.strip())
            one = ""
        else:
            one += ch
    return [v for v in [*out, one.strip()] if v]


def uri(value):
    """The URI of a name-addr or addr-spec."""
    return value.split("<")[1].split(">")[0] if "<" in value else value.split(";")[0]


def in_order(pairs, names):
    return [p for n in names for p in pairs if p[0] == n] + [p for p in pairs if p[0] not in names]


def text(first, pairs, body=""):
    lines = [first, *(f"{n}: {v}" for n, v in pairs), f"Content-Length: {len(body.encode())}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def via(ph, proto, branch):
    return f"SIP/2.0/{proto.upper()} {ph.host}:{ph.port};branch={branch}" + ph.make.via.replace("TCP", proto.upper())


def branch(ph):
    return ph.make.branch + secrets.token_hex(10)


def _sorted(value):
    first, *rest = [p.strip() for p in value.split(";")]
    return ";".join([first, *sorted(rest)])


def security_client(ph):
    m = ph.make
    ports = {"pc": ph.client_port, "ps": ph.server_port, "sc": ph.spi, "ss": ph.spi + 1}
    return m.joint.join(m.agreement.format(alg=a, ealg=e, **ports)
                        for a in ("hmac-md5-96", "hmac-sha-1-96") for e in m.encryption)


def security_verify(ph):
    """What the network said, or would have said."""
    said = ph.security_server or "ipsec-3gpp;q=0.1;prot=esp;mod=trans;spi-c=4001;spi-s=4002;port-c=5064;port-s=5063;" \
                                 "alg=hmac-sha-1-96;ealg=null"
    return _sorted(said) if ph.make.sorts else said


def agreement(ph):
    """Of a protected request behind the REGISTER."""
    if not ph.make.protected:
        return []
    return [("Require", "sec-agree"), ("Proxy-Require", "sec-agree"), ("Security-Verify", security_verify(ph))]


def authorization(ph, home):
    m = ph.make
    said = {"username": f'"{ph.impi}"', "realm": f'"{home}"', "uri": f'"sip:{home}"', "nonce": '""', "response": '""'}
    if m.algorithm_at_once:
        said["algorithm"] = "AKAv1-MD5"
    order = m.credentials
    if ph.challenge:
        c = ph.challenge
        said |= {"nonce": f'"{c["nonce"]}"', "realm": f'"{c["realm"]}"', "algorithm": "AKAv1-MD5", "qop": "auth",
                 "nc": f"{c['nc']:08x}", "cnonce": f'"{c["cnonce"]}"', "response": f'"{_response(ph, home)}"'}
        if "auts" in c:
            said["auts"] = f'"{base64.b64encode(c["auts"]).decode()}"'
        if "opaque" in c:
            said["opaque"] = f'"{c["opaque"]}"'
        order = m.credentials_again
    return "Digest " + ",".join(f"{k}={v}" for k, v in in_order(list(said.items()), order))


def _response(ph, home):
    """RFC 2617 3.2.2 over RES, which may be any bytes (RFC 3310 3.3)."""
    c = ph.challenge
    a1 = ph.impi.encode() + b":" + c["realm"].encode() + b":" + c["res"]
    ha1, ha2 = md5(a1.decode("latin-1"), "latin-1"), md5(f"REGISTER:sip:{home}")
    return md5(f"{ha1}:{c['nonce']}:{c['nc']:08x}:{c['cnonce']}:auth:{ha2}")


def contact(ph, user, params):
    who = {"": "", "imsi": ph.imsi + "@", "uuid": ph.uuid + "@", "number": ph.number + "@"}[user]
    return ";".join([f"<sip:{who}{ph.host}:{ph.port}>", *(p.format(instance=ph.instance) for p in params)])


def register(ph, home, again, expires):
    m = ph.make
    params = m.contact_again if again and m.contact_again else m.contact
    me = f"<sip:{ph.imsi}@{home}>"
    pairs = [("Via", ""), ("Max-Forwards", "70"), ("From", f"{me};tag={ph.from_tag}"), ("To", me),
             ("Call-ID", ph.call_id), ("CSeq", f"{ph.cseq} REGISTER"), ("Contact", contact(ph, m.contact_user, params)),
             ("Expires", str(expires)), ("Supported", m.supported), ("Allow", ALLOW), *m.register_more]
    if m.protected:
        pairs += [("Require", "sec-agree"), ("Proxy-Require", "sec-agree"), ("Security-Client", security_client(ph))]
    if again and m.protected:
        pairs.append(("Security-Verify", security_verify(ph)))
    if again or m.pani_at_once:
        pairs.append(("P-Access-Network-Info", m.pani))
    if m.session_id:
        pairs.append(("Session-ID", ph.session_id))
    pairs += [("Authorization", authorization(ph, home)), ("User-Agent", m.agent)]
    return in_order(pairs, m.order)


def routes(ph, further):
    """Route lines: values in one line, or each in its own."""
    all_of_them = list(further)
    joint = ", " if ph.make.name.startswith("iphone") else ","
    return [("Route", joint.join(all_of_them))] if ph.make.routes_in_one and all_of_them \
        else [("Route", r) for r in all_of_them]


def preferred(ph):
    return ph.default if ph.make.bare_ppi else f"<{ph.default}>"


def subscribe(ph, call_id, tag, cseq):
    m = ph.make
    who = ph.default if m.bare_ppi else f"<{ph.default}>"
    plain = ph.make.name == "samsung" and contact(ph, "number", ()) or contact(ph, m.call_user, ())
    pairs = [("Via", ""), ("Max-Forwards", "70"), *routes(ph, [ph.proxy_route, *ph.service_route]),
             ("From", f"<{ph.default}>;tag={tag}"), ("To", f"<{ph.default}>"), ("Call-ID", call_id),
             ("CSeq", f"{cseq} SUBSCRIBE"), ("Contact", uri(plain) if m.bare_ppi else plain), ("Event", "reg"),
             ("Expires", "600000"), ("P-Preferred-Identity", who), ("P-Access-Network-Info", m.pani), *agreement(ph)]
    if "tdialog" not in m.call_supported:  # the QC kind says nothing of what it takes
        pairs += [("Accept", "application/reginfo+xml"), ("Allow", ALLOW), ("Supported", m.call_supported)]
    return in_order(pairs, m.order)


def message(ph, target, call_id, tag):
    pairs = [("Via", ""), ("Max-Forwards", "70"), *routes(ph, [ph.proxy_route, *ph.service_route]),
             ("From", f"<{ph.default}>;tag={tag}"), ("To", f"<{target}>"), ("Call-ID", call_id), ("CSeq", "1 MESSAGE"),
             ("P-Preferred-Identity", preferred(ph)), ("P-Access-Network-Info", ph.make.pani), *agreement(ph),
             ("Content-Type", "text/plain")]
    return in_order(pairs, ph.make.order)


def invite(ph, target, call):
    m = ph.make
    service = '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"'
    pairs = [("Via", ""), ("Max-Forwards", "70"), *routes(ph, [ph.proxy_route, *ph.service_route]),
             ("From", f"<{ph.default}>;tag={call.local_tag}"), ("To", f"<{target}>"), ("Call-ID", call.call_id),
             ("CSeq", f"{call.cseq} INVITE"), ("Contact", call.contact), ("P-Preferred-Identity", preferred(ph)),
             ("P-Preferred-Service", MMTEL), ("P-Early-Media", "supported"), ("Allow", ALLOW),
             ("Supported", m.call_supported), ("Accept", "application/sdp,application/3gpp-ims+xml"),
             ("Accept-Contact", service), ("P-Access-Network-Info", m.pani), ("User-Agent", m.agent), *agreement(ph)]
    if m.accept_contact:
        pairs.append(("Accept-Contact", f"*;{m.accept_contact}"))
    if m.timer:
        pairs += [("Session-Expires", m.timer), ("Min-SE", "90")]
    if call.session_id:
        pairs.append(("Session-ID", call.session_id))
    return in_order([*pairs, ("Content-Type", "application/sdp")], m.order)


def inside(ph, call, method, cseq):
    """A request inside a dialog, ACK of a 2xx included."""
    m, apple, galaxy = ph.make, ph.make.name.startswith("iphone"), ph.make.name == "samsung"
    pairs = [("Via", ""), ("Max-Forwards", "70"), *routes(ph, call.route), ("From", call.local), ("To", call.remote),
             ("Call-ID", call.call_id), ("CSeq", f"{cseq} {method}"), ("User-Agent", m.agent)]
    if method == "UPDATE" or apple or (m.name == "pixel" and method == "BYE"):
        pairs.append(("Contact", call.contact))
    if galaxy or method == "BYE":
        pairs.append(("P-Preferred-Identity", preferred(ph)))
    if method != "ACK" or not (apple or galaxy):
        pairs.append(("P-Access-Network-Info", m.pani))
    if call.session_id:
        pairs.append(("Session-ID", call.session_id))
    if method == "BYE" and m.reason:
        pairs.append(("Reason", m.reason))
    said = agreement(ph)
    if method == "ACK" and m.accept_contact == "audio":
        said = [p for p in said if p[0] != "Security-Verify"]
    return in_order([*pairs, *said], m.order)


def response(ph, request, status, reason, tag, more=()):
    m, method = ph.make, request.get("CSeq").split()[1]
    kept = [("Via", v) for v in request.all("Via")]
    dialog = status in (180, 183, 200) and method in ("INVITE", "UPDATE") or status == 200 and method == "NOTIFY"
    if dialog or m.copies & {str(status), f"{status} {method}"}:
        kept += [("Record-Route", v) for v in request.all("Record-Route")]
    if m.answers_in_one:
        kept = [(n, ",".join(v for k, v in kept if k == n)) for n in dict.fromkeys(k for k, _ in kept)]
    to = request.get("To")
    if tag and ";tag=" not in to:
        to += f";tag={tag}"
    pairs = [*kept, ("From", request.get("From")), ("To", to), ("Call-ID", request.get("Call-ID")),
             ("CSeq", request.get("CSeq")), *more]
    if status > 100:
        pairs.append(("P-Access-Network-Info", m.pani))
        if (echo := request.get("Session-ID")) and m.name in ("moto", "crosscall", "iphone11", "iphone16", "pixel"):
            pairs.append(("Session-ID", echo))
    for when, of, (name, value) in m.odd:
        if when in ("", str(status), f"{status // 10}x") and of in ("", method) and status > 100:
            pairs.append((name, value.format(ppi=f"<{ph.default}>")))
    return f"SIP/2.0 {status} {reason}", pairs
