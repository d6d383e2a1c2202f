// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "tools/ue/tool.h"

static json_t *or_empty(json_t *j)
{
    return j ? j : json_string("");
}

void verdict_report(const struct options *o, const struct verdict *v)
{
    report_event(o, "verdict",
                 json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:f}", "verdict",
                           v->pass ? "pass" : "fail", "step", v->step, "expected",
                           or_empty(v->expected), "got", or_empty(v->got), "cause",
                           or_empty(v->cause), "call_id", or_empty(v->call_id), "ms", v->ms));
}

void usage_exit(const struct options *o, const char *what)
{
    fprintf(stderr, "carillon-ue: %s (see --help)\n", what);
    if (o->json) {
        struct verdict v = {.step = "usage", .got = json_string("wrong usage"),
                            .cause = report_str(str_from(what))};
        verdict_report(o, &v);
    }
    exit(EXIT_USAGE);
}

int cannot_start(const struct options *o, const char *on, int err)
{
    char what[256];
    (void)snprintf(what, sizeof what, "cannot start%s: %s", on, err_text(err));
    fprintf(stderr, "carillon-ue: %s\n", what);
    struct verdict v = {.step = "start", .got = json_string(err_name(err)),
                        .cause = report_str(str_from(what))};
    verdict_report(o, &v);
    return EXIT_FAILED;
}
