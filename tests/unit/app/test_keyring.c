// SPDX-License-Identifier: Apache-2.0
// The ring, its text, and its file.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

#define WAIT 12

static void youngest_that_is_old_enough_signs(void **state)
{
    (void)state;
    struct keyring r = ring_of(1, 7); // made at 1000
    keyring_choose(&r, WAIT, 1000);
    assert_int_equal(r.signer, 0); // there is no other
    add(&r, 2, 4);                 // at 2000
    keyring_choose(&r, WAIT, 2000 + WAIT - 1);
    assert_int_equal(r.signer, 1);
    keyring_choose(&r, WAIT, 2000 + WAIT);
    assert_int_equal(r.signer, 0);
    keyring_choose(&r, 0, 2000);
    assert_int_equal(r.signer, 0);
    // Two of them wait.
    add(&r, 3, 4);
    keyring_choose(&r, WAIT, 2001);
    assert_int_equal(r.signer, 2);
    // All of them: the oldest.
    r.keys[2].made_s = 2000;
    keyring_choose(&r, WAIT, 2001);
    assert_int_equal(r.signer, 2);
    // A clock that goes back by a little changes nothing, by much is no reason to wait.
    r.keys[2].made_s = 1000;
    keyring_choose(&r, WAIT, 2000 - WAIT + 1);
    assert_int_equal(r.signer, 2);
    keyring_choose(&r, WAIT, 2000 - WAIT);
    assert_int_equal(r.signer, 0);
}

static void due_by_age(void **state)
{
    (void)state;
    struct keyring r = ring_of(1, 7);
    assert_false(keyring_due(&r, 100, 1000));
    assert_false(keyring_due(&r, 100, 1099));
    assert_true(keyring_due(&r, 100, 1100));
    assert_false(keyring_due(&r, 100, 900));
    assert_true(keyring_due(&r, 100, 899));
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

static struct keyfile_rotation rotation(uint8_t secret)
{
    return (struct keyfile_rotation){.secret = {secret}, .keep = KEYRING_MAX - 1, .now_s = 5000};
}

// What a process left that died while it wrote goes with the next rotation; other names are
// nobody's.
static void left_behind(void **state)
{
    char beside[80];
    struct keyring r = ring_of(1, 7), got;
    struct keyfile_rotation how = rotation(9);
    struct keyfile_stamp stamp;
    (void)state;
    (void)unlink(path);
    assert_int_equal(keyfile_create(path, &r), 0);
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0 && write(fd, "carillon-ke", 11) == 11);
    close(fd);
    assert_int_equal(keyfile_rotate(path, &how, &got, &stamp), 0);
    assert_int_equal(got.n, 2);
    assert_int_equal(access(beside, F_OK), -1);
}

static void only_when_due(void **state)
{
    struct keyring r = ring_of(1, 7), got;
    struct keyfile_rotation how = rotation(9);
    struct keyfile_stamp stamp;
    (void)state;
    (void)unlink(path);
    assert_int_equal(keyfile_create(path, &r), 0);
    how.due_s = 4001;
    assert_int_equal(keyfile_rotate(path, &how, &got, &stamp), 0);
    assert_int_equal(got.n, 1);
    how.due_s = 4000;
    assert_int_equal(keyfile_rotate(path, &how, &got, &stamp), 0);
    assert_int_equal(got.n, 2);
}

// The file that a link names is changed, where other instances have it.
static void link_stays_a_link(void **state)
{
    char other[80];
    struct keyring r = ring_of(1, 7), got, there;
    struct keyfile_rotation how = rotation(9);
    struct keyfile_stamp stamp;
    struct stat st;
    (void)state;
    (void)unlink(path);
    assert_int_equal(keyfile_create(path, &r), 0);
    (void)snprintf(other, sizeof other, "%s/link", folder);
    assert_int_equal(symlink(path, other), 0);
    assert_int_equal(keyfile_rotate(other, &how, &got, &stamp), 0);
    assert_int_equal(lstat(other, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(keyfile_read(path, false, &there, NULL), 0);
    assert_int_equal(there.n, 2);
    assert_int_equal(unlink(other), 0);
}

// A change of mode is seen like one of the contents: who may read it now is to be told.
static void changes_are_seen(void **state)
{
    struct keyring r = ring_of(1, 7), back;
    struct keyfile_stamp a, b;
    (void)state;
    (void)unlink(path);
    assert_int_equal(keyfile_create(path, &r), 0);
    assert_int_equal(keyfile_read(path, false, &back, &a), 0);
    do { // until the file system's clock has gone on
        assert_int_equal(chmod(path, 0644), 0);
        assert_int_equal(keyfile_look(path, &b), 0);
    } while (a.changed_ns == b.changed_ns);
    assert_int_equal(keyfile_read(path, false, &back, NULL), ERR_DENIED);
}

// A limit on the size of files stands for a disk that has no room.
static void full_disk(void **state)
{
    struct rlimit before, tight;
    struct keyring r = ring_of(1, 7), got;
    struct keyfile_rotation how = rotation(9);
    struct keyfile_stamp stamp;
    (void)state;
    (void)unlink(path);
    assert_int_equal(keyfile_create(path, &r), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (rlim_t room = 0; room < 100; room += 99) {
        tight = (struct rlimit){room, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        int err = keyfile_rotate(path, &how, &got, &stamp),
            first = keyfile_create("/tmp/carillon-test-none", &r);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(err, ERR_FULL);
        assert_int_equal(first, ERR_FULL);
        assert_int_equal(access("/tmp/carillon-test-none", F_OK), -1);
        assert_int_equal(keyfile_read(path, false, &got, NULL), 0);
        assert_memory_equal(&got, &r, sizeof r);
    }
}

enum { PROCESSES = 4, TURNS = 60 };

// Adds keys as fast as it can until it has added TURNS of them, or is killed.
static pid_t busy_process(uint8_t secret)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    struct keyfile_rotation how = rotation(secret);
    struct keyfile_stamp stamp;
    struct keyring r;
    for (int done = 0; done < TURNS;) {
        int err = keyfile_rotate(path, &how, &r, &stamp);
        if (err && err != ERR_INUSE)
            _exit(1);
        done += !err;
    }
    _exit(0);
}

// Each reads a whole ring at any moment, and no key of any is lost.
static void many_processes(void **state)
{
    struct keyring r = ring_of(0, 1);
    int left = PROCESSES, status;
    (void)state;
    (void)unlink(path);
    assert_int_equal(keyfile_create(path, &r), 0);
    for (uint8_t i = 0; i < PROCESSES; i++)
        assert_true(busy_process((uint8_t)(i + 1)) > 0);
    while (left) {
        assert_int_equal(keyfile_read(path, false, &r, NULL), 0);
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
            continue;
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        left--;
    }
    assert_int_equal(keyfile_read(path, false, &r, NULL), 0);
    assert_int_equal(r.keys[0].id, 1 + PROCESSES * TURNS);
    for (size_t i = 0; i + 1 < r.n; i++)
        assert_int_equal(r.keys[i].id, r.keys[i + 1].id + 1);
}

// Wherever in its work a process is killed: the ring is whole, its lock is free, and the next one
// goes on.
static void killed_while_writing(void **state)
{
    struct keyring r = ring_of(0, 1), got;
    struct keyfile_rotation how = rotation(9);
    struct keyfile_stamp stamp;
    (void)state;
    (void)unlink(path);
    assert_int_equal(keyfile_create(path, &r), 0);
    for (int i = 0; i < 40; i++) {
        uint32_t id;
        assert_int_equal(keyfile_read(path, false, &r, NULL), 0);
        id = r.keys[0].id;
        pid_t pid = busy_process(5);
        for (int reads = 0; reads < 20 * i && r.keys[0].id == id; reads++)
            assert_int_equal(keyfile_read(path, false, &r, NULL), 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(keyfile_read(path, false, &r, NULL), 0);
        assert_int_equal(keyfile_rotate(path, &how, &got, &stamp), 0);
        assert_int_equal(got.keys[0].id, r.keys[0].id + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_signs_older_verify),
        cmocka_unit_test(each_purpose_has_its_own),
        cmocka_unit_test(ids_go_round),
        cmocka_unit_test(youngest_that_is_old_enough_signs),
        cmocka_unit_test(due_by_age),
        cmocka_unit_test(text_round_trip),
        cmocka_unit_test(pieces_and_changes),
        cmocka_unit_test(file_is_made_once),
        cmocka_unit_test(one_lock),
        cmocka_unit_test(wrong_files),
        cmocka_unit_test(left_behind),
        cmocka_unit_test(only_when_due),
        cmocka_unit_test(link_stays_a_link),
        cmocka_unit_test(changes_are_seen),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(many_processes),
        cmocka_unit_test(killed_while_writing),
    };
    return cmocka_run_group_tests_name("app_keyring", tests, make_folder, remove_folder);
}
