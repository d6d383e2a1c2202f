# SPDX-License-Identifier: Apache-2.0
"""The makes: a row for each, with what distinguishes its messages from those of the others. What all have in common is
written in headers.py, what a description of media looks like in sdp.py."""
from dataclasses import dataclass

ICSI = "urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"
REF = f'+g.3gpp.icsi-ref="{ICSI}"'
CELLULAR = '+g.3gpp.accesstype="cellular2"'
MID_CALL, SRVCC = "+g.3gpp.mid-call", "+g.3gpp.srvcc-alerting"
PRE_ALERTING = "+g.3gpp.ps2cs-srvcc-orig-pre-alerting"

NULL, AES, DES = "null", "aes-cbc", "des-ede3-cbc"


@dataclass(frozen=True)
class Make:
    name: str
    agent: str
    # ---- which way a message goes ----
    first: str                   # transport of the first REGISTER
    register: str = "tcp"        # of the others
    udp: frozenset = frozenset() # methods that it sends by UDP whatever their size; the others go by TCP
    udp_up_to: int = 0           # everything up to so many bytes goes by UDP, and the rest by TCP (RFC 3261 18.1.1)
    protected: bool = True       # it wants a security agreement: ports of its own for what it protects
    # ---- REGISTER ----
    order: tuple = ()            # of the first headers; the others follow as they are written
    via: str = ""                # parameters of its Via
    branch: str = "z9hG4bK"      # how its branches begin
    contact_user: str = ""       # none, "imsi", "uuid"
    contact: tuple = ()          # parameters of its Contact, {instance} among them
    contact_again: tuple = ()    # in the protected REGISTER, where that differs
    supported: str = "path,sec-agree"
    register_more: tuple = ()    # further headers
    pani_at_once: bool = False   # P-Access-Network-Info in the REGISTER that nothing protects
    algorithm_at_once: bool = False
    credentials: tuple = ()      # order of the parameters in the first Authorization
    credentials_again: tuple = ()
    new_tag: bool = False        # another From tag in the second REGISTER
    cseq: int = 1                # where it begins
    encryption: tuple = ()       # of Security-Client, in its order
    agreement: str = ""          # shape of an element of Security-Client
    joint: str = ","
    sorts: bool = False          # the parameters of what it gives back
    # ---- everything else ----
    pani: str = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=00101000100a1b01"
    call_user: str = ""          # user part of the Contact in a call: none, "uuid", "number"
    call_contact: tuple = ()
    dials: str = "local"         # "global" tel, "local" tel, "sip": with the home domain as context
    bare_ppi: bool = False       # P-Preferred-Identity without angle brackets
    call_supported: str = ""
    accept_contact: str = ""     # behind the service
    timer: str = ""              # Session-Expires
    session_id: bool = False
    routes_in_one: bool = True
    rings_reliably: bool = False # 180 with RSeq
    offer_in_prack: bool = False # the second offer goes with the PRACK
    codec: str = ""              # which offer of sdp.py
    repeats: bool = False        # its 200 to an INVITE, without waiting for the ACK
    video: bool = False          # it can be offered a video call
    # responses with Record-Route beyond those that make a dialog: "100", "200 PRACK", "486"
    copies: frozenset = frozenset()
    odd: tuple = ()              # odd headers in responses: (statuses, method or "", header)
    answers_in_one: bool = True  # Via and Record-Route of responses in one line each
    reason: str = ""             # of BYE and CANCEL
    refuses_with_reason: bool = False


_IPHONE = dict(
    order=("To", "From", "Expires", "Require", "Proxy-Require", "Call-ID", "CSeq", "Contact"),
    via=";rport", contact=(CELLULAR, REF, MID_CALL, "+g.3gpp.smsip", SRVCC, "{instance}", "audio"),
    supported="100rel,path,replaces", pani_at_once=True, new_tag=True, session_id=True,
    credentials=("nonce", "uri", "response", "username", "realm"),
    credentials_again=("uri", "nonce", "algorithm", "qop", "cnonce", "nc", "realm", "response", "username"),
    encryption=(AES, NULL), sorts=True,
    agreement="ipsec-3gpp;alg={alg};ealg={ealg};mod=trans;port-c={pc};port-s={ps};prot=esp;spi-c={sc};spi-s={ss}",
    call_contact=(REF, MID_CALL, SRVCC, PRE_ALERTING, "audio"), dials="global", bare_ppi=True,
    call_supported="100rel,path,precondition,replaces,timer", codec="iphone",
    reason='SIP;cause=200;text="User ended call"')

_QC = dict(
    first="tcp", udp=frozenset({"SUBSCRIBE", "ACK"}),
    order=("From", "To", "CSeq", "Call-ID", "Via", "Max-Forwards", "Contact"), cseq=48213907,
    contact_user="uuid", new_tag=True,
    contact=(REF, "video", "+g.3gpp.smsip", "audio", "+g.3gpp.nw-init-ussi", CELLULAR,
             '+g.3gpp.ps-data-off="inactive"', "{instance}"),
    contact_again=(REF, "{instance}", "video", "+g.3gpp.smsip", "audio", "+g.3gpp.nw-init-ussi", CELLULAR,
                   '+g.3gpp.ps-data-off="inactive"'),
    credentials=("uri", "username", "response", "realm", "nonce"),
    credentials_again=("username", "realm", "uri", "qop", "nonce", "nc", "cnonce", "algorithm", "response"),
    encryption=(DES, AES, NULL),
    agreement="ipsec-3gpp; alg={alg}; ealg={ealg}; spi-c={sc}; spi-s={ss}; port-c={pc}; port-s={ps}",
    call_user="uuid", call_contact=(REF, "audio", "video", MID_CALL, SRVCC, PRE_ALERTING),
    call_supported="timer,199,100rel,replaces,precondition,from-change,histinfo,tdialog",
    accept_contact="audio", timer="1800;refresher=uac", rings_reliably=True, video=True, repeats=True,
    odd=(("200", "INVITE", ("Require", "timer,100rel")),),
    reason='RELEASE_CAUSE ;cause=1 ;text="User ends call"')

IPHONE_11 = Make(name="iphone11", agent="iOS/27.0 iPhone", first="tcp", udp=frozenset({"SUBSCRIBE"}),
                 copies=frozenset({"100"}), **_IPHONE)
IPHONE_16 = Make(name="iphone16", agent="iOS/27.0 iPhone", first="udp", register="udp",
                 udp=frozenset({"REGISTER", "SUBSCRIBE", "INVITE", "PRACK", "UPDATE", "ACK", "CANCEL", "BYE"}),
                 copies=frozenset({"100"}), rings_reliably=True, **_IPHONE)
MOTO = Make(name="moto", agent="XT2417 IMS", dials="local", codec="moto", offer_in_prack=True, refuses_with_reason=True,
            pani="3GPP-NR-TDD;utran-cell-id-3gpp=001010001000a1b01c0de", **_QC)
CROSSCALL = Make(name="crosscall", agent="Core-Z5 IMS", codec="crosscall", **_QC)
PIXEL = Make(
    name="pixel", agent="Pixel IMS", first="tcp", order=("From", "To", "Call-ID", "CSeq", "Via", "Contact"),
    contact_user="uuid",
    contact=("audio", "+g.3gpp.smsip", REF, "{instance}", CELLULAR, "video", "+g.3gpp.nw-init-ussi", "reg-id=1"),
    register_more=(("Privacy", "none"),),
    credentials=("username", "realm", "nonce", "uri", "response"),
    credentials_again=("username", "realm", "nonce", "uri", "response", "algorithm", "cnonce", "qop", "nc"),
    encryption=(AES, DES, NULL), sorts=True,
    agreement="ipsec-3gpp;alg={alg};prot=esp;mod=trans;ealg={ealg};spi-c=2050;spi-s=2051;port-c={pc};port-s={ps}",
    call_user="number", call_contact=("audio", "video", REF),
    call_supported="100rel,199,histinfo,precondition,sec-agree,timer", accept_contact="video",
    timer="1800;refresher=uac", session_id=True, codec="pixel", video=True,
    copies=frozenset({"200 PRACK", "486"}),
    odd=(("18x", "", ("P-Preferred-Identity", "{ppi}")), ("200", "", ("P-Preferred-Identity", "{ppi}")),
         ("200", "BYE", ("Max-Forwards", "70")), ("200", "BYE", ("Accept-Contact", f'*;+g.3gpp.icsi-ref="{ICSI}"'))),
    reason='RELEASE_CAUSE;cause=1;text="User ends call"')
SAMSUNG = Make(
    name="samsung", agent="SM-A566 IMS 6.0", first="tcp", udp=frozenset({"SUBSCRIBE", "PRACK", "ACK", "BYE"}),
    order=("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact"),
    via=";rport;keep;transport=TCP", branch="z9hG4bK---", contact_user="imsi",
    contact=("q=1.0", REF, "+g.3gpp.smsip", "{instance}"), supported="path, gruu, sec-agree", algorithm_at_once=True,
    credentials=("username", "realm", "uri", "algorithm", "nonce", "response"),
    credentials_again=("nonce", "algorithm", "realm", "username", "uri", "response", "cnonce", "nc", "qop"),
    encryption=(DES, AES, NULL), joint=", ",
    agreement="ipsec-3gpp;prot=esp;mod=trans;spi-c={sc};spi-s={ss};port-c={pc};port-s={ps};alg={alg};ealg={ealg}",
    call_user="number", call_contact=(REF, "{instance}"), dials="sip",
    call_supported="timer, 100rel, precondition, gruu, sec-agree", timer="1800", routes_in_one=False,
    rings_reliably=True, codec="samsung", copies=frozenset({"486"}), answers_in_one=False,
    odd=(("", "", ("Max-Forwards", "70")),))
# A phone of the QC kind that was told not to protect anything.
PLAIN_QC = Make(
    name="plainqc", agent="QC IMS", first="udp", register="udp", udp_up_to=1300, protected=False,
    order=("From", "To", "CSeq", "Call-ID", "Via", "Max-Forwards", "Contact"), cseq=70211, contact_user="uuid",
    contact=(REF, "+g.3gpp.smsip", "{instance}"), supported="path", credentials=_QC["credentials"],
    credentials_again=_QC["credentials_again"], pani="3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=00101000100a1b02",
    call_user="uuid", call_contact=(REF, "audio"), call_supported=_QC["call_supported"], accept_contact="audio",
    timer="1800;refresher=uac", rings_reliably=True, codec="crosscall",
    odd=(("18x", "", ("Privacy", "id")), ("200", "INVITE", ("Privacy", "id")),
         ("200", "INVITE", ("Require", "timer,100rel"))))

ALL = (IPHONE_11, IPHONE_16, MOTO, CROSSCALL, PIXEL, SAMSUNG, PLAIN_QC)
