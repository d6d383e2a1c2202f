// SPDX-License-Identifier: Apache-2.0
#include "sdp/limits.h"

const struct sdp_limits sdp_limits_default = {
    .bytes = 65535, .lines = 1024, .media = 32, .attributes = 256, .formats = 64};

const struct sdp_limit_row sdp_limit_rows[SDP_LIMIT_COUNT] = {
    [SDP_LIMIT_NONE] = {"none", ""},
    [SDP_LIMIT_BYTES] = {"size", "session description longer than message.sdp.size allows"},
    [SDP_LIMIT_LINES] = {"lines",
                         "session description with more lines than message.sdp.lines allows"},
    [SDP_LIMIT_MEDIA] = {"media",
                         "session description with more media than message.sdp.media allows"},
    [SDP_LIMIT_ATTRIBUTES] = {"attributes",
                              "medium with more attributes than message.sdp.attributes allows"},
    [SDP_LIMIT_FORMATS] = {"formats", "medium with more formats than message.sdp.formats allows"},
};
