// SPDX-License-Identifier: Apache-2.0
#include "scscf/note_record.h"

#include "base/err.h"
#include "base/pack.h"

enum { VERSION = 1 };

void note_record_write(const struct outbox_note *n, uint64_t until_ms, struct writer *w)
{
    pack_u8(w, VERSION);
    pack_u8(w, n->type);
    pack_u8(w, n->by_pattern);
    pack_u64(w, until_ms);
    pack_text(w, n->call_id);
    pack_text(w, n->impi);
    pack_text(w, n->impu);
}

int note_record_read(struct str key, struct str value, uint64_t *ret_seq, struct outbox_note *ret_note,
                     uint64_t *ret_until_ms)
{
    struct unpack u = unpack_from(value);
    uint8_t version = unpack_u8(&u), type = unpack_u8(&u), by_pattern = unpack_u8(&u);
    uint64_t until_ms = unpack_u64(&u);
    struct outbox_note n = {.type = (enum cx_sar_type)type, .by_pattern = by_pattern, .call_id = unpack_text(&u)};
    n.impi = unpack_text(&u);
    n.impu = unpack_text(&u);
    if (version > VERSION)
        return ERR_UNSUPPORTED;
    if (!version || !unpack_done(&u) || by_pattern > 1 || type > CX_DEREGISTRATION_TOO_MUCH_DATA || !n.impu.n ||
        pack_read_name(key, ret_seq))
        return ERR_BAD;
    *ret_note = n;
    *ret_until_ms = until_ms;
    return 0;
}
