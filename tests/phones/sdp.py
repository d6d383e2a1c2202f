# SPDX-License-Identifier: Apache-2.0
"""Descriptions of media as the makes write them: codecs, bandwidths, and preconditions (RFC 3312, TS 24.229 6.1)."""

EVENTS = ["a=rtpmap:{0} telephone-event/16000", "a=fmtp:{0} 0-15", "a=rtpmap:{1} telephone-event/8000",
          "a=fmtp:{1} 0-15"]


def _events(wide, narrow):
    return [line.format(wide, narrow) for line in EVENTS]


# (user of o=, name of s=, bandwidth, payload types, lines of the codecs)
CODECS = {
    "iphone": ("-", "iPhone", 41, "110 104 102 108 105", [
        "a=rtpmap:110 EVS/16000", "a=fmtp:110 br=5.9-24.4; bw=nb-swb; max-red=0",
        "a=rtpmap:104 AMR-WB/16000", "a=fmtp:104 mode-change-capability=2; max-red=0",
        "a=rtpmap:102 AMR/8000", "a=fmtp:102 mode-change-capability=2; max-red=0", *_events(108, 105)]),
    "crosscall": ("sip:IMS_RCS-USER", "-", 41, "104 110 102 108 105 100", [
        "a=rtpmap:104 AMR-WB/16000/1", "a=fmtp:104 mode-change-capability=2;max-red=0",
        "a=rtpmap:110 AMR-WB/16000/1", "a=fmtp:110 octet-align=1;mode-change-capability=2;max-red=0",
        "a=rtpmap:102 AMR/8000/1", "a=fmtp:102 mode-change-capability=2;max-red=0",
        "a=rtpmap:108 AMR/8000/1", "a=fmtp:108 octet-align=1;mode-change-capability=2;max-red=0",
        *_events(105, 100)]),
    "moto": ("sip:IMS_RCS-USER", "-", 145, "120 121 122 104 102 105 100", [
        "a=rtpmap:120 EVS/16000/1", "a=fmtp:120 br=9.6-128;bw=swb;ch-aw-recv=2;max-red=0",
        "a=rtpmap:121 EVS/16000/1", "a=fmtp:121 br=9.6-24.4;bw=nb-wb;ch-aw-recv=2;max-red=0",
        "a=rtpmap:122 EVS/16000/1", "a=fmtp:122 evs-mode-switch=1;max-red=0",
        "a=rtpmap:104 AMR-WB/16000/1", "a=fmtp:104 mode-change-capability=2;max-red=0",
        "a=rtpmap:102 AMR/8000/1", "a=fmtp:102 mode-change-capability=2;max-red=0", *_events(105, 100)]),
    "pixel": ("-", "-", 49, "127 98 99 96 97 101 100", [
        "a=rtpmap:127 EVS/16000/1", "a=fmtp:127 br=5.9-24.4; bw=nb-swb; max-red=0",
        "a=rtpmap:98 AMR-WB/16000/1", "a=fmtp:98 octet-align=1; max-red=0",
        "a=rtpmap:99 AMR-WB/16000/1", "a=fmtp:99 max-red=0",
        "a=rtpmap:96 AMR/8000/1", "a=fmtp:96 octet-align=1; max-red=0",
        "a=rtpmap:97 AMR/8000/1", "a=fmtp:97 max-red=0", *_events(101, 100)]),
    "samsung": ("SAMSUNG-IMS-UE", "SS VOIP", 49, "127 116 107 118 96 111 110", [
        "a=rtpmap:127 EVS/16000/1", "a=fmtp:127 br=5.9-24.4;bw=nb-swb;ch-aw-recv=-1;max-red=220",
        "a=rtpmap:116 AMR-WB/16000/1", "a=fmtp:116 mode-change-capability=2;max-red=220",
        "a=rtpmap:107 AMR-WB/16000/1", "a=fmtp:107 octet-align=1;mode-change-capability=2;max-red=220",
        "a=rtpmap:118 AMR/8000/1", "a=fmtp:118 mode-set=0,2,4,7;mode-change-capability=2;max-red=220",
        "a=rtpmap:96 AMR/8000/1", "a=fmtp:96 octet-align=1;mode-set=0,2,4,7;max-red=220", *_events(111, 110)]),
}
VIDEO = ["b=AS:540", "b=RS:600", "b=RR:2000",
         "a=tcap:1 RTP/AVPF", "a=pcfg:1 t=1", "a=rtpmap:113 H265/90000", "a=fmtp:113 profile-id=1;level-id=93",
         "a=rtpmap:114 H264/90000", "a=fmtp:114 profile-level-id=42C01F;packetization-mode=1",
         "a=rtpmap:115 H264/90000", "a=fmtp:115 profile-level-id=42C01F", "a=rtcp-fb:* nack",
         "a=rtcp-fb:* ccm fir tmmbr",
         "a=imageattr:113 send [x=720,y=1280] recv [x=720,y=1280]",
         "a=imageattr:114 send [x=720,y=1280] recv [x=720,y=1280]",
         "a=extmap:7 urn:3gpp:video-orientation"]


def where(ip):
    return f"IN {'IP6' if ':' in ip else 'IP4'} {ip}"


def _qos(local, remote, des_remote, confirm, des_first):
    curr = [f"a=curr:qos local {local}", f"a=curr:qos remote {remote}"]
    des = ["a=des:qos mandatory local sendrecv", f"a=des:qos {des_remote} remote sendrecv"]
    return (des + curr if des_first else curr + des) + (["a=conf:qos remote sendrecv"] if confirm else [])


def describe(make, ip, version, qos, answer=False, video=False):
    """qos: "first" (nothing reserved yet), "second" (the bearer is there)."""
    user, name, bandwidth, payloads, codecs = CODECS[make.codec]
    if answer:  # one codec of each kind, and the events
        payloads, codecs = _chosen(payloads, codecs)
    remote = "sendrecv" if qos == "second" and answer else "none"
    lines = _qos("sendrecv" if qos == "second" else "none", remote,
                 "mandatory" if answer or qos == "second" else "optional",
                 answer and qos == "first", make.codec == "iphone")
    way = "a=inactive" if make.codec == "iphone" and qos == "first" and not answer else "a=sendrecv"
    out = ["v=0", f"o={user} 2890844526 {version} {where(ip)}", f"s={name}", f"c={where(ip)}", f"b=AS:{bandwidth}",
           "b=RS:600",
           "b=RR:2000", "t=0 0", f"m=audio 50010 RTP/AVP {payloads}", f"b=AS:{bandwidth}", *codecs, "a=ptime:20",
           "a=maxptime:240", way, *lines]
    if video:
        proto = "AVPF" if answer else "AVP"
        choice = [line for line in VIDEO if not any(word in line for word in ("pcfg", "tcap", ":113", ":115"))]
        out += [f"m=video 50020 RTP/{proto} {'114' if answer else '113 114 115'}",
                *([*choice, "a=acfg:1 t=1"] if answer else VIDEO), "a=sendrecv", *lines]
    return "\r\n".join(out) + "\r\n"


def _chosen(payloads, codecs):
    types = payloads.split()
    wanted = [types[0], types[-2], types[-1]]
    return " ".join(wanted), [c for c in codecs if c.split(":")[1].split()[0] in wanted]
