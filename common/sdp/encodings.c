// SPDX-License-Identifier: Apache-2.0
// Encodings by number and by name.
#include "base/mem.h"
#include "sdp/sdp.h"

// RFC 3551 tables 4 and 5. Type 2 is reserved there and still used for what it was last.
static const struct sdp_format static_types[] = {
    {.payload_type = 0, .encoding = STR_INIT("PCMU"), .rate = 8000},
    {.payload_type = 2, .encoding = STR_INIT("G726-32"), .rate = 8000},
    {.payload_type = 3, .encoding = STR_INIT("GSM"), .rate = 8000},
    {.payload_type = 4, .encoding = STR_INIT("G723"), .rate = 8000},
    {.payload_type = 5, .encoding = STR_INIT("DVI4"), .rate = 8000},
    {.payload_type = 6, .encoding = STR_INIT("DVI4"), .rate = 16000},
    {.payload_type = 7, .encoding = STR_INIT("LPC"), .rate = 8000},
    {.payload_type = 8, .encoding = STR_INIT("PCMA"), .rate = 8000},
    {.payload_type = 9, .encoding = STR_INIT("G722"), .rate = 8000},
    {.payload_type = 10, .encoding = STR_INIT("L16"), .rate = 44100, .channels = 2},
    {.payload_type = 11, .encoding = STR_INIT("L16"), .rate = 44100},
    {.payload_type = 12, .encoding = STR_INIT("QCELP"), .rate = 8000},
    {.payload_type = 13, .encoding = STR_INIT("CN"), .rate = 8000},
    {.payload_type = 14, .encoding = STR_INIT("MPA"), .rate = 90000},
    {.payload_type = 15, .encoding = STR_INIT("G728"), .rate = 8000},
    {.payload_type = 16, .encoding = STR_INIT("DVI4"), .rate = 11025},
    {.payload_type = 17, .encoding = STR_INIT("DVI4"), .rate = 22050},
    {.payload_type = 18, .encoding = STR_INIT("G729"), .rate = 8000},
    {.payload_type = 25, .encoding = STR_INIT("CelB"), .rate = 90000},
    {.payload_type = 26, .encoding = STR_INIT("JPEG"), .rate = 90000},
    {.payload_type = 28, .encoding = STR_INIT("nv"), .rate = 90000},
    {.payload_type = 31, .encoding = STR_INIT("H261"), .rate = 90000},
    {.payload_type = 32, .encoding = STR_INIT("MPV"), .rate = 90000},
    {.payload_type = 33, .encoding = STR_INIT("MP2T"), .rate = 90000},
    {.payload_type = 34, .encoding = STR_INIT("H263"), .rate = 90000},
};

// Registered names (RFC 4855) that are met in IMS and beside it, other than those of the static types.
static const struct str dynamic_types[] = {
    STR_INIT("AMR"), STR_INIT("AMR-WB"), STR_INIT("AMR-WB+"), STR_INIT("AV1"), STR_INIT("BV16"), STR_INIT("BV32"),
    STR_INIT("CLEARMODE"), STR_INIT("EVRC"), STR_INIT("EVRC0"), STR_INIT("EVRCB"), STR_INIT("EVRCB0"),
    STR_INIT("EVRCNW"),
    STR_INIT("EVRCWB"), STR_INIT("EVS"), STR_INIT("flexfec"), STR_INIT("G719"), STR_INIT("G7221"), STR_INIT("G726-16"),
    STR_INIT("G726-24"), STR_INIT("G726-40"), STR_INIT("G7291"), STR_INIT("G729D"), STR_INIT("G729E"),
    STR_INIT("GSM-EFR"),
    STR_INIT("GSM-HR-08"), STR_INIT("H263-1998"), STR_INIT("H263-2000"), STR_INIT("H264"), STR_INIT("H264-RCDO"),
    STR_INIT("H264-SVC"),
    STR_INIT("H265"), STR_INIT("H266"), STR_INIT("iLBC"), STR_INIT("IVAS"), STR_INIT("L8"), STR_INIT("L20"),
    STR_INIT("L24"),
    STR_INIT("MP4A-LATM"), STR_INIT("MP4V-ES"), STR_INIT("mpeg4-generic"), STR_INIT("opus"), STR_INIT("parityfec"),
    STR_INIT("PCMA-WB"),
    STR_INIT("PCMU-WB"), STR_INIT("raw"), STR_INIT("red"), STR_INIT("rtx"), STR_INIT("SMV"), STR_INIT("SMV0"),
    STR_INIT("speex"),
    STR_INIT("t140"), STR_INIT("t140c"), STR_INIT("telephone-event"), STR_INIT("theora"), STR_INIT("tone"),
    STR_INIT("ulpfec"),
    STR_INIT("VMR-WB"), STR_INIT("vorbis"), STR_INIT("VP8"), STR_INIT("VP9"),
};

struct sdp_format sdp_static_format(uint8_t payload_type)
{
    struct sdp_format f = {.payload_type = payload_type};
    for (size_t i = 0; i < ARRAY_LEN(static_types); i++)
        if (static_types[i].payload_type == payload_type)
            f = static_types[i];
    f.channels = f.channels ? f.channels : 1;
    return f;
}

bool sdp_encoding_is_known(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(static_types); i++)
        if (str_ieq(static_types[i].encoding, name))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(dynamic_types); i++)
        if (str_ieq(dynamic_types[i], name))
            return true;
    return false;
}
