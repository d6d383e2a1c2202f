// SPDX-License-Identifier: Apache-2.0
// Secrets at rest: sealed rows, the key file, a wrong key at the start.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/common/subscribers.h"
#include "world.h"

static const uint8_t key[VAULT_KEY] = {1, 2, 3}, seed[VAULT_SEED] = {4};

static void seal_and_open(void **state)
{
    (void)state;
    struct vault *v;
    uint8_t sealed[3 + VAULT_OVERHEAD], again[3 + VAULT_OVERHEAD], plain[VAULT_MAX];
    size_t n = 0;
    assert_int_equal(vault_new(key, seed, &v), 0);
    assert_int_equal(vault_seal(v, STR("alice"), STR("abc"), sealed), 0);
    assert_int_equal(vault_seal(v, STR("alice"), STR("abc"), again), 0);
    assert_memory_not_equal(sealed + 1, again + 1, 12); // a nonce per row
    struct str s = str_make((const char *)sealed, sizeof(sealed));
    assert_int_equal(vault_open(v, STR("alice"), s, plain, &n), 0);
    assert_int_equal(n, 3);
    assert_memory_equal(plain, "abc", 3);
    assert_int_equal(vault_open(v, STR("bob"), s, plain, &n), ERR_AUTH);
    for (size_t i = 0; i < sizeof(sealed); i++) {
        sealed[i] ^= 1;
        assert_int_equal(vault_open(v, STR("alice"), s, plain, &n), ERR_AUTH);
        sealed[i] ^= 1;
        assert_int_equal(vault_open(v, STR("alice"), str_head(s, i), plain, &n), ERR_AUTH);
    }
    vault_free(v);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void key_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/carillon-key-XXXXXX", path[64];
    uint8_t got[VAULT_KEY];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/k", dir);
    assert_int_equal(vault_key_read(path, got), ERR_NOTFOUND);
    assert_int_equal(vault_key_create(path, key), 0);
    assert_int_equal(vault_key_create(path, key), ERR_EXISTS);
    assert_int_equal(vault_key_read(path, got), 0);
    assert_memory_equal(got, key, VAULT_KEY);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0604), 0);
    assert_int_equal(vault_key_read(path, got), ERR_DENIED);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(vault_key_read(path, got), ERR_DENIED);
    write_file(path, "0123456789abcdef\n", 0600);
    assert_int_equal(vault_key_read(path, got), ERR_BAD);
    write_file(path, "", 0600);
    assert_int_equal(vault_key_read(path, got), ERR_BAD);
    assert_int_equal(vault_key_read(dir, got), ERR_INVAL);
    unlink(path);
    rmdir(dir);
}

static int open_again(struct world *w)
{
    char store[96], keyfile[96];
    struct hss *h = NULL;
    struct hss_params p = world_params(w, store, keyfile, sizeof(store));
    int err = hss_new(&p, &h);
    hss_free(h);
    return err;
}

static void wrong_key_at_start(void **state)
{
    (void)state;
    struct world w = {0};
    char path[96];
    world_open_file(&w, true);
    hss_free(w.hss);
    w.hss = NULL;
    assert_int_equal(open_again(&w), 0);
    world_path(&w, "hss.key", path, sizeof(path));
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(open_again(&w), ERR_DENIED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_again(&w), ERR_NOTFOUND); // a new key would open nothing
    assert_int_equal(vault_key_create(path, key), 0);
    assert_int_equal(open_again(&w), ERR_AUTH);
    world_close(&w);
    world_remove(&w);
}

static bool file_holds(const char *path, const void *needle, size_t n)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    static char buf[1 << 20];
    size_t len = fread(buf, 1, sizeof(buf), f);
    fclose(f);
    return memmem(buf, len, needle, n) != NULL;
}

static char logged[1 << 20];
static size_t n_logged;

static void keep_log(void *arg, enum log_level level, struct str line)
{
    if (n_logged + line.n < sizeof(logged)) {
        memcpy(logged + n_logged, line.p, line.n);
        n_logged += line.n;
    }
}

// Neither in the file, nor its journal, nor in any log line, at the most talkative level.
static void keys_stay_secret(void **state)
{
    (void)state;
    struct world w = {0};
    char path[96], error[256] = "";
    size_t n;
    log_set_sink(keep_log, NULL);
    log_set_level(LOG_TRACE);
    world_open_file(&w, true);
    struct cx_mar m = world_mar_of("alice@" DOMAIN, "sip:alice@" DOMAIN);
    assert_int_equal(world_mar(&w, &m).result.code, DIA_SUCCESS);
    assert_int_not_equal(subscribers_import(w.hss,
                                    STR("impi,k_ascii,op,impus\n"
                                        "x@y,alice-lab-key-01,zz,sip:x@y\n"),
                                    "f", error, sizeof(error), &n),
                         0);
    assert_null(strstr(error, "alice-lab-key"));
    static const char *const files[] = {"hss.db", "hss.db-wal"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        world_path(&w, files[i], path, sizeof(path));
        assert_false(file_holds(path, "alice-lab-key-01", 16));
        assert_false(file_holds(path, "dave-secret", 11));
    }
    assert_true(file_holds(path, "alice@" DOMAIN, 10)); // the test can find things
    world_close(&w);
    world_remove(&w);
    log_set_sink(NULL, NULL);
    log_set_level(LOG_INFO);
    logged[n_logged] = '\0';
    assert_true(n_logged > 0);
    assert_null(strstr(logged, "alice-lab-key"));
    assert_null(strstr(logged, "616c6963652d6c61622d6b6579"));
    assert_null(strstr(logged, "dave-secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seal_and_open),
        cmocka_unit_test(key_file),
        cmocka_unit_test(wrong_key_at_start),
        cmocka_unit_test(keys_stay_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
