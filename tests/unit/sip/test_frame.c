// SPDX-License-Identifier: Apache-2.0
#include "check.h"
#include "corpus.h"
#include "tests/common/wire.h"

static int frame(const char *s, size_t *skip, size_t *len)
{
    return wire_frame(str_from(s), skip, len);
}

static void cases(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
        size_t skip, len;
    } rows[] = {
        {"", ERR_MORE, 0, 0},
        {"\r\n", ERR_MORE, 0, 0},
        {"\r\n\r\n", 0, 4, 0},
        {"\r\n\r\nA b\r\nl:0\r\n\r\n", 0, 4, 0},
        {"\r\nA b\r\nl:0\r\n\r\n", 0, 2, 12},
        {"A b\r\nContent-Length: 3\r\n\r\nabcd", 0, 0, 29},
        {"A b\r\nContent-Length: 3\r\n\r\nab", ERR_MORE, 0, 0},
        {"A b\r\nCONTENT-LENGTH\t :\r\n 3\r\n\r\nabc", 0, 0, 33},
        {"A b\r\nl:1\r\nContent-Length:1\r\n\r\nx", 0, 0, 31},
        {"A b\r\nl:1\r\nContent-Length:2\r\n\r\nxy", ERR_BAD, 0, 0},
        {"A b\r\nVia: x\r\n\r\n", ERR_BAD, 0, 0},
        {"A b\r\nl: -1\r\n\r\n", ERR_BAD, 0, 0},
        {"A b\r\nl: 99999\r\n\r\n", ERR_TOOBIG, 0, 0},
        {"A b\nl: 0\n\n", ERR_BAD, 0, 0},
        {"\x16\x03\x01", ERR_BAD, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t skip = 77, len = 77;
        int e = frame(rows[i].text, &skip, &len);
        if (e != rows[i].err || (!e && (skip != rows[i].skip || len != rows[i].len))) {
            print_error("row %zu: %s, %zu, %zu\n", i, err_name(e), skip, len);
            fail();
        }
        if (e) // outputs are written on success only
            assert_true(skip == 77 && len == 77);
    }
}

// Byte by byte, with what is known kept: the same result as at once, for every beginning.
static void in_pieces(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\r\nA b\r\nl:0\r\n\r\n",
        "\r\n\r\n",
        "A b\r\nCONTENT-LENGTH\t :\r\n 3\r\nX: y\r\n\t\r\n z\r\n\r\nabc",
        "A b\r\nl:1\r\nContent-Length:2\r\n\r\nxy",
        "A b\nl: 0\n\n",
        "A b\r\nl: 99999\r\n\r\n",
        "A b\r\nVia: x\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str text = str_from(texts[i]);
        struct sip_framer k = {0};
        int last = ERR_MORE;
        for (size_t n = 0; n <= text.n && last == ERR_MORE; n++) {
            size_t skip = 77, len = 77, want_skip = 77, want_len = 77;
            last = sip_framer_next(&k, str_head(text, n), &skip, &len);
            assert_int_equal(last, wire_frame(str_head(text, n), &want_skip, &want_len));
            assert_true(skip == want_skip && len == want_len);
        }
        assert_int_not_equal(last, ERR_MORE);
    }
}

// Every beginning of a stream wants more, the whole gives its first message.
static void beginnings(void **state)
{
    (void)state;
    struct corpus_file files[16];
    size_t n = corpus_read("ims", files, ARRAY_LEN(files)), skip, len;
    assert_int_equal(n, 12);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < files[i].bytes.n; k++)
            assert_int_equal(wire_frame(str_head(files[i].bytes, k), &skip, &len), ERR_MORE);
        assert_int_equal(wire_frame(files[i].bytes, &skip, &len), 0);
        assert_int_equal(len, files[i].bytes.n);
    }
    corpus_free(files, n);
}

static void endless(void **state)
{
    (void)state;
    static char line[SIP_MSG_MAX + 10];
    size_t skip, len;
    memset(line, 'a', sizeof line);
    assert_int_equal(wire_frame(str_make(line, SIP_MSG_MAX - 1), &skip, &len), ERR_MORE);
    assert_int_equal(wire_frame(str_make(line, sizeof line), &skip, &len), ERR_TOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases),
        cmocka_unit_test(in_pieces),
        cmocka_unit_test(beginnings),
        cmocka_unit_test(endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
