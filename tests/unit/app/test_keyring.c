// SPDX-License-Identifier: Apache-2.0
// The ring, its text, and its file.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/keyfile.h"
#include "base/err.h"

static struct keyring ring_of(uint8_t secret, uint32_t id)
{
    return keyring_make(&(struct keyring_seed){.names = {1}, .first = {secret}, .id = id}, 1000);
}

static void add(struct keyring *r, uint8_t secret, size_t keep)
{
    uint8_t all[KEYRING_SECRET] = {secret};
    keyring_add(r, all, keep, 2000);
}

// ---- keys ----

static void newest_signs_older_verify(void **state)
{
    (void)state;
    struct keyring r = ring_of(1, 7);
    uint16_t first, id;
    uint64_t old = keyring_sign(&r, KEY_FLOW, &first)[0];
    add(&r, 2, 2);
    assert_true(keyring_sign(&r, KEY_FLOW, &id)[0] != old);
    assert_int_not_equal(id, first);
    assert_true(keyring_verify(&r, KEY_FLOW, first)[0] == old);
    add(&r, 3, 2);
    assert_int_equal(r.n, 3);
    assert_non_null(keyring_verify(&r, KEY_FLOW, first));
    add(&r, 4, 2);
    assert_int_equal(r.n, 3);
    assert_null(keyring_verify(&r, KEY_FLOW, first));
    assert_null(keyring_verify(&r, KEY_FLOW, 0));
    // However many are wanted.
    for (uint8_t i = 0; i < 40; i++)
        add(&r, i, 100);
    assert_int_equal(r.n, KEYRING_MAX);
}

static void each_purpose_has_its_own(void **state)
{
    (void)state;
    struct keyring r = ring_of(1, 7);
    uint16_t id;
    const uint64_t *a = keyring_sign(&r, KEY_FLOW, &id), *b = keyring_sign(&r, KEY_ICID, &id);
    const uint64_t *c = keyring_sign(&r, KEY_SERVICE_ROUTE, &id);
    assert_true(a[0] != b[0] && b[0] != c[0] && a[0] != c[0] && a[1] != b[1] && a[0] != a[1]);
    assert_true(a[0] != r.keys[0].secret[0]);
}

// The short id 0 means none.
static void ids_go_round(void **state)
{
    (void)state;
    struct keyring r = ring_of(1, 0xffffffff);
    add(&r, 2, 4);
    assert_int_equal(r.keys[0].id, 1);
    r = ring_of(1, 0x1ffff);
    add(&r, 2, 4);
    assert_int_equal(r.keys[0].id, 0x20001);
    assert_int_not_equal(key_short(&ring_of(1, 0).keys[0]), 0);
}

// ---- text ----

static struct str text_of(const struct keyring *r, char buf[KEYRING_TEXT_MAX])
{
    struct writer w = writer_init(buf, KEYRING_TEXT_MAX);
    keyring_write(r, &w);
    assert_false(w.failed);
    return writer_done(&w);
}

static void text_round_trip(void **state)
{
    (void)state;
    struct keyring r = ring_of(1, 7), back;
    char buf[KEYRING_TEXT_MAX];
    for (size_t i = 0; i < KEYRING_MAX; i++) {
        assert_int_equal(keyring_parse(text_of(&r, buf), &back), 0);
        assert_memory_equal(&back, &r, sizeof r);
        add(&r, (uint8_t)i, KEYRING_MAX - 1);
    }
}

// Every piece of it is known for one, and every changed character is seen.
static void pieces_and_changes(void **state)
{
    (void)state;
    struct keyring r = ring_of(1, 7), back;
    char buf[KEYRING_TEXT_MAX], copy[KEYRING_TEXT_MAX];
    add(&r, 2, 4);
    struct str t = text_of(&r, buf);
    for (size_t i = 0; i < t.n; i++)
        if (keyring_parse(str_head(t, i), &back) != ERR_MORE)
            fail_msg("%zu of %zu bytes", i, t.n);
    for (size_t i = 0; i < t.n; i++) {
        memcpy(copy, t.p, t.n);
        copy[i] = copy[i] == '1' ? '2' : '1';
        if (keyring_parse(str_make(copy, t.n), &back) == 0)
            fail_msg("character %zu", i);
    }
    memcpy(copy, t.p, t.n);
    copy[t.n] = '\n';
    assert_int_equal(keyring_parse(str_make(copy, t.n + 1), &back), ERR_BAD);
    assert_int_equal(keyring_parse(STR("-----BEGIN PRIVATE KEY-----\n"), &back), ERR_BAD);
}

// ---- file ----

static char folder[] = "/tmp/carillon-test-keys.XXXXXX", path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/ring", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder); // nothing else is left in it
}

static void write_raw(const char *text, size_t n, mode_t mode)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    assert_true(fd >= 0 && write(fd, text, n) == (ssize_t)n);
    close(fd);
}

static void file_is_made_once(void **state)
{
    (void)state;
    struct keyring r = ring_of(1, 7), other = ring_of(2, 8), back;
    struct keyfile_stamp a, b;
    struct stat st;
    assert_int_equal(keyfile_read(path, false, &back, NULL), ERR_NOTFOUND);
    assert_int_equal(keyfile_create(path, &r), 0);
    assert_int_equal(keyfile_create(path, &other), ERR_EXISTS);
    assert_int_equal(keyfile_read(path, false, &back, &a), 0);
    assert_memory_equal(&back, &r, sizeof r);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(keyfile_replace(path, &other), 0);
    assert_int_equal(keyfile_look(path, &b), 0);
    assert_true(a.inode != b.inode || a.changed_ns != b.changed_ns);
    assert_int_equal(keyfile_read(path, false, &back, NULL), 0);
    assert_memory_equal(&back, &other, sizeof other);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void one_lock(void **state)
{
    (void)state;
    struct keyring r = ring_of(1, 7);
    int fd, second;
    (void)unlink(path);
    assert_int_equal(keyfile_lock(path, &fd), ERR_NOTFOUND);
    assert_int_equal(keyfile_create(path, &r), 0);
    assert_int_equal(keyfile_lock(path, &fd), 0);
    assert_int_equal(keyfile_lock(path, &second), ERR_INUSE);
    keyfile_unlock(fd);
    assert_int_equal(keyfile_lock(path, &fd), 0);
    keyfile_unlock(fd);
}

static void wrong_files(void **state)
{
    (void)state;
    char buf[KEYRING_TEXT_MAX], much[KEYRING_TEXT_MAX + 10] = {0};
    struct keyring r = ring_of(1, 7), back;
    struct str t = text_of(&r, buf);
    write_raw(t.p, t.n, 0640);
    assert_int_equal(keyfile_read(path, false, &back, NULL), ERR_DENIED);
    write_raw(t.p, t.n, 0604);
    assert_int_equal(keyfile_read(path, true, &back, NULL), ERR_DENIED);
    write_raw(t.p, t.n / 2, 0600);
    assert_int_equal(keyfile_read(path, false, &back, NULL), ERR_MORE);
    write_raw("", 0, 0600);
    assert_int_equal(keyfile_read(path, false, &back, NULL), ERR_MORE);
    write_raw("hello\n", 6, 0600);
    assert_int_equal(keyfile_read(path, false, &back, NULL), ERR_BAD);
    write_raw(much, sizeof much, 0600);
    assert_int_equal(keyfile_read(path, false, &back, NULL), ERR_TOOBIG);
    assert_int_equal(keyfile_read(folder, false, &back, NULL), ERR_INVAL);
    if (geteuid() == 0) {
        write_raw(t.p, t.n, 0600);
        assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
        assert_int_equal(keyfile_read(path, false, &back, NULL), ERR_REFUSED);
        assert_int_equal(keyfile_read(path, true, &back, NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_signs_older_verify),
        cmocka_unit_test(each_purpose_has_its_own),
        cmocka_unit_test(ids_go_round),
        cmocka_unit_test(text_round_trip),
        cmocka_unit_test(pieces_and_changes),
        cmocka_unit_test(file_is_made_once),
        cmocka_unit_test(one_lock),
        cmocka_unit_test(wrong_files),
    };
    return cmocka_run_group_tests_name("app_keyring", tests, make_folder, remove_folder);
}
