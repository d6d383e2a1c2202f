// SPDX-License-Identifier: Apache-2.0
// Hostile input: truncation, a guard page behind the input, failing allocation, mutations.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "corpus.h"
#include "exercise.h"
#include "sip/split.h"
#include "sip/uri.h"

static struct corpus_file files[96];
static size_t n_files;

static char *guarded; // a page that ends where none may be read
enum { PAGES = 5 };

// The input moved against the guard page.
static struct str against_guard(struct str s)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    assert_true(s.n <= PAGES * page);
    char *p = guarded + PAGES * page - s.n;
    memcpy(p, s.p, s.n);
    return str_make(p, s.n);
}

static void every_truncation(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_files; i++)
        for (size_t n = 0; n <= files[i].bytes.n; n++)
            exercise_msg(against_guard(str_head(files[i].bytes, n)));
}

static void uris_against_the_guard(void **state)
{
    (void)state;
    struct str s = STR("sip:al%20ice:p@[2001:db8::1]:70;transport=tcp;lr;x=%41?h=1&i=2");
    for (size_t n = 0; n <= s.n; n++)
        exercise_uri(against_guard(str_head(s, n)));
    s = STR("tel:+1-(555).000-0001;isub=1;phone-context=+1");
    for (size_t n = 0; n <= s.n; n++)
        exercise_uri(against_guard(str_head(s, n)));
}

// The n-th allocation fails, for every n: an error, no crash, no leak.
static void allocation_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_files; i++) {
        int e = ERR_NOMEM;
        for (long n = 0; e == ERR_NOMEM; n++) {
            struct sip_msg *m = NULL;
            struct sip_parse_error err;
            sip_msg_pool_drain();
            long live = mem_live();
            mem_fail_after(n);
            e = sip_msg_parse(files[i].bytes, &m, &err);
            for (unsigned id = 1; m && id < SIP_H_COUNT; id++) {
                if (sip_iter_init(m, (enum sip_hid)id).err == ERR_NOMEM)
                    e = ERR_NOMEM;
            }
            mem_fail_after(-1);
            sip_msg_unref(m);
            sip_msg_pool_drain();
            assert_int_equal(mem_live(), live);
            assert_true(n < 100);
        }
    }
}

static void edits_fail(void **state)
{
    (void)state;
    struct sip_msg *m = check_parse(corpus_get(files, n_files, "05-invite.sip"));
    int e = ERR_NOMEM;
    for (long n = 0; e == ERR_NOMEM; n++) {
        struct arena a;
        struct sip_edits edits;
        char out[4096];
        struct writer w = writer_init(out, sizeof out);
        arena_init(&a, NULL, 0);
        mem_fail_after(n);
        sip_edits_init(&edits, &a, m);
        sip_edit_remove_at(&edits, SIP_H_ROUTE, 0);
        sip_edit_set(&edits, SIP_H_MAX_FORWARDS, STR("68"));
        sip_edit_body(&edits, STR("a/b"), STR("c"));
        e = sip_msg_write(m, &edits, &w);
        mem_fail_after(-1);
        arena_done(&a);
    }
    assert_int_equal(e, 0);
    sip_msg_unref(m);
}

static uint64_t seed = 20261122;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static const char *const interesting[] = {
    "\r\n", "\r", "\n", "\r\n ", "\r\n\r\n", "\"", "\\", "<", ">", ";", ",", "=", "?", "@", ":", "%",
    "%41", "%4", "[", "]", "[::1]", "*", " ", "\t", "(", ")", "\x01", "\x80\xff", "Via: ", "v:",
    "Content-Length: 5\r\n", "Route: <sip:x;lr>\r\n", "Contact: *\r\n", "sip:", "tel:+1", "SIP/2.0",
    "4294967296", "99999999999999999999", ";lr", ";tag=", "To: x\r\n", "CSeq: 1 INVITE\r\n",
};

// Replaces, removes, doubles or inserts something somewhere.
static size_t mutate(char *p, size_t n, size_t cap)
{
    for (uint32_t times = 1 + draw(3); times; times--) {
        const char *text = interesting[draw(ARRAY_LEN(interesting))];
        size_t at = draw((uint32_t)n + 1), k = strlen(text), gone = draw(2) ? 0 : draw(20);
        if (draw(4) == 0) { // a piece of the message itself
            k = draw(30);
            at = k < n ? draw((uint32_t)(n - k)) : 0;
            text = p + at;
            k = k < n ? k : 0;
        }
        if (gone > n - at)
            gone = n - at;
        if (n - gone + k > cap)
            continue;
        char piece[64];
        memcpy(piece, text, k);
        memmove(p + at + k, p + at + gone, n - at - gone);
        memcpy(p + at, piece, k);
        n = n - gone + k;
    }
    return n;
}

static void mutations(void **state)
{
    (void)state;
    enum { MUTATIONS = 200000, CAP = 8192 };
    static char text[CAP];
    for (int i = 0; i < MUTATIONS; i++) {
        struct str s = files[draw((uint32_t)n_files)].bytes;
        if (s.n > CAP / 2)
            continue;
        memcpy(text, s.p, s.n);
        exercise_msg(str_make(text, mutate(text, s.n, CAP)));
    }
}

static void uri_mutations(void **state)
{
    (void)state;
    static const char *const uris[] = {
        "sip:al%20ice:p@[2001:db8::1]:70;transport=tcp;lr;x=%41?h=1&i=2",
        "sip:+1-555-0001;phone-context=+1@home1.net;user=phone",
        "tel:7042;phone-context=home1.net;isub=1",
        "urn:service:sos.police",
    };
    char text[512];
    for (int i = 0; i < 100000; i++) {
        const char *u = uris[draw(ARRAY_LEN(uris))];
        memcpy(text, u, strlen(u));
        exercise_uri(str_make(text, mutate(text, strlen(u), sizeof text)));
    }
}

// What a first pass leaves behind, and what it says.
struct split_result {
    int e;
    char what[32];
    size_t offset, n_fields, headers, blank, body;
    struct sip_field fields[512];
    uint16_t first[SIP_H_COUNT];
    uint64_t delim[SIP_MSG_MAX / SPLIT_BLOCK + 3];
};

static void split_by(sip_split_fn *pass, struct sip_msg *m, struct split_result *ret_result)
{
    memset(ret_result, 0, sizeof *ret_result);
    memset(m->first, 0, sizeof m->first);
    struct sip_parse_error err = {.what = NULL};
    ret_result->e = pass(m, &err);
    (void)snprintf(ret_result->what, sizeof ret_result->what, "%s", err.what ? err.what : "");
    ret_result->offset = err.offset;
    ret_result->n_fields = m->n_fields;
    ret_result->headers = m->headers;
    ret_result->blank = m->blank;
    ret_result->body = m->body.n;
    assert_true(m->n_fields < ARRAY_LEN(ret_result->fields));
    memcpy(ret_result->fields, m->fields, m->n_fields * sizeof *m->fields);
    memcpy(ret_result->first, m->first, sizeof m->first);
    memcpy(ret_result->delim, m->delim, m->blank / SPLIT_BLOCK * sizeof *m->delim);
}

// Each instruction set sees the same message, and that is the one that was parsed.
static void agree(struct str text)
{
    static struct split_result plain, other;
    sip_split_fn *passes[SPLIT_PASSES];
    size_t n = split_passes(passes);
    struct sip_msg *m = NULL;
    struct sip_parse_error err;
    (void)sip_msg_parse(text, &m, &err);
    if (!m)
        return;
    // uncut again: the passes run before the length is looked at
    while (str_starts(text, STR("\r\n")))
        text = str_skip(text, 2);
    char *copy = calloc(1, text.n + 2 * SPLIT_BLOCK);
    memcpy(copy, text.p, text.n);
    m->bytes = str_make(copy, text.n);
    split_by(sip_split_plain, m, &plain);
    for (size_t k = 0; k < n; k++) {
        split_by(passes[k], m, &other);
        assert_memory_equal(&other, &plain, sizeof plain);
    }
    free(copy);
    sip_msg_unref(m);
}

static void first_passes_agree(void **state)
{
    (void)state;
    enum { MUTATIONS = 20000, CAP = 8192 };
    static char text[CAP];
    for (size_t i = 0; i < n_files; i++)
        agree(files[i].bytes);
    for (int i = 0; i < MUTATIONS; i++) {
        struct str s = files[draw((uint32_t)n_files)].bytes;
        if (s.n > CAP / 2)
            continue;
        memcpy(text, s.p, s.n);
        agree(str_make(text, mutate(text, s.n, CAP)));
    }
}

// Many fields, long lists, deep folds: linear work, and all of it found.
static void large(void **state)
{
    (void)state;
    static char text[SIP_MSG_MAX];
    struct writer w = writer_init(text, sizeof text);
    writer_lit(&w, "OPTIONS sip:h SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
                   "f: <sip:a@h>;tag=1\r\nt: <sip:b@h>\r\ni: c\r\nCSeq: 1 OPTIONS\r\nk: ");
    for (int i = 0; i < 10000; i++)
        writer_lit(&w, "a,");
    writer_lit(&w, "a\r\n");
    for (int i = 0; i < 4000; i++)
        writer_lit(&w, "u:b\r\n \r\n");
    writer_lit(&w, "\r\n");
    assert_false(w.failed);
    struct sip_msg *m = check_parse(writer_done(&w));
    assert_int_equal(sip_msg_count(m, SIP_H_SUPPORTED), 10001);
    assert_int_equal(sip_msg_count(m, SIP_H_ALLOW_EVENTS), 4000);
    struct sip_edits e;
    static char out[2 * SIP_MSG_MAX];
    struct writer ow = writer_init(out, sizeof out);
    sip_edits_init(&e, sip_msg_arena(m), m);
    sip_edit_append(&e, SIP_H_EXPIRES, STR("1"));
    sip_edit_remove(&e, SIP_H_ALLOW_EVENTS);
    assert_int_equal(sip_msg_write(m, &e, &ow), 0);
    sip_msg_unref(m);
    m = check_parse(writer_done(&ow));
    assert_false(sip_msg_has(m, SIP_H_ALLOW_EVENTS));
    sip_msg_unref(m);
}

static int setup(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    guarded = mmap(NULL, (PAGES + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);
    if (guarded == MAP_FAILED || mprotect(guarded + PAGES * page, page, PROT_NONE))
        return -1;
    n_files = corpus_read("ims", files, ARRAY_LEN(files));
    n_files += corpus_read("rfc4475", files + n_files, ARRAY_LEN(files) - n_files);
    n_files += corpus_read("rfc5118", files + n_files, ARRAY_LEN(files) - n_files);
    return n_files > 50 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    corpus_free(files, n_files);
    sip_msg_pool_drain();
    return mem_live() != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation), cmocka_unit_test(uris_against_the_guard),
        cmocka_unit_test(allocation_fails), cmocka_unit_test(edits_fail),
        cmocka_unit_test(mutations),        cmocka_unit_test(uri_mutations),
        cmocka_unit_test(first_passes_agree), cmocka_unit_test(large),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
