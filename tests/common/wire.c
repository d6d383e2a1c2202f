// SPDX-License-Identifier: Apache-2.0
#include "tests/common/wire.h"

#include "base/arena.h"
#include "base/writer.h"
#include "sip/edit.h"
#include "tests/common/must.h"

struct str wire_text(const char *text, char *room, size_t n)
{
    struct writer w = writer_init(room, n);
    for (; *text; text++) {
        if (*text == '\n')
            writer_chr(&w, '\r');
        writer_chr(&w, *text);
    }
    must(w.failed ? ERR_TOOBIG : 0, "a message's text");
    return writer_done(&w);
}

int wire_answer(const struct sip_msg *request, unsigned status, const char *to_tag, const char *lines, struct writer *w)
{
    struct arena arena;
    struct sip_edits extra;
    arena_init(&arena, NULL, 0);
    sip_edits_init(&extra, &arena, NULL);
    for (struct str rest = str_from(lines); rest.n;) {
        struct str line = str_split(&rest, '\n'), name = str_trim(str_split(&line, ':'));
        if (name.n)
            sip_edit_append_named(&extra, name, str_trim(line));
    }
    int err = sip_write_response(request, status, STR_NONE, str_from(to_tag), &extra, w);
    arena_done(&arena);
    return err;
}
