// SPDX-License-Identifier: Apache-2.0
// What Cx wants beyond its description (spec/cx.dia).
#include "dia/cx.h"

#include "dia/interface.h"

// What all answers begin with.
struct any_answer {
    struct cx_head head;
    struct dia_result result;
};
_Static_assert(offsetof(struct cx_uaa, result) == offsetof(struct any_answer, result) &&
                   offsetof(struct cx_saa, result) == offsetof(struct any_answer, result) &&
                   offsetof(struct cx_lia, result) == offsetof(struct any_answer, result) &&
                   offsetof(struct cx_maa, result) == offsetof(struct any_answer, result) &&
                   offsetof(struct cx_rta, result) == offsetof(struct any_answer, result) &&
                   offsetof(struct cx_ppa, result) == offsetof(struct any_answer, result),
               "answers begin with head and result");

// What a request of the command may ask for: IMSRestorationInd of an HSS, where its handler says whether it is switched on.
static uint32_t known(const struct dia_command *cmd)
{
    static const uint32_t with_restoration[] = {300, 301, 302}; // UAR, SAR, LIR
    for (size_t i = 0; i < sizeof with_restoration / sizeof *with_restoration; i++)
        if (cmd->code == with_restoration[i])
            return CX_IMS_RESTORATION;
    return 0;
}

// TS 29.229 7.2.1: features beyond Rel-5 that the request may not be done without, and that are not there, which
// the answer says.
bool cx_before(struct dia_request *q, const struct dia_command *cmd, const void *request)
{
    const struct cx_feature ours = {.vendor = DIA_VENDOR_3GPP, .list_id = 1, .list = known(cmd)};
    const struct cx_head *head = request; // each request begins with it
    bool required = false;
    for (size_t i = 0; i < head->n_features; i++) {
        const struct cx_feature *f = &head->features[i];
        bool same_list = f->vendor == ours.vendor && f->list_id == ours.list_id;
        required |= f->required && (f->list & ~(same_list ? ours.list : 0));
    }
    if (!required)
        return false;
    union {
        struct any_answer any;
        struct cx_uaa uaa;
        struct cx_saa saa;
        struct cx_lia lia;
        struct cx_maa maa;
        struct cx_rta rta;
        struct cx_ppa ppa;
    } a;
    memset(&a, 0, sizeof a);
    a.any.head.features = &ours;
    a.any.head.n_features = 1;
    a.any.result = (struct dia_result){CX_ERROR_FEATURE_UNSUPPORTED, true};
    dia_answer(q, &a);
    return true;
}
