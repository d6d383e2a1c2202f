// SPDX-License-Identifier: Apache-2.0
// Registered contacts as they lie on the disk. What can be read is written again to the same bytes.
#include "base/arena.h"
#include "base/err.h"
#include "fuzz.h"
#include "pcscf/contact_record.h"

void fuzz_contact_record(struct str input)
{
    static char room[CONTACT_RECORD_MAX];
    struct arena a;
    struct contact_record r;
    arena_init(&a, NULL, 0);
    if (contact_record_read(&a, input, &r) == 0) {
        struct writer w = writer_init(room, sizeof room);
        MUST(r.id && r.n_identities && r.uri.n && r.impi.n);
        MUST(contact_record_write(&r, &w) == 0);
        MUST(str_eq(writer_done(&w), input));
    }
    arena_done(&a);
}
