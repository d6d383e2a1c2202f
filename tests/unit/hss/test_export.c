// SPDX-License-Identifier: Apache-2.0
// An export is taken back by import, and then everything is as it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "hss/audit.h"
#include "tests/common/subscribers.h"
#include "world.h"

struct work {
    int (*work)(struct hss_op *op, struct work *j);
    struct str after, impi;
    size_t max, n;
    char last[256];
    struct hss_text out;
    struct hss_audit audit;
    struct hss_draft draft;
    struct hss_problem problem;
};

static int task(struct hss_op *op, void *arg)
{
    struct work *j = arg;
    return j->work(op, j);
}

// Leaves the operation alive, whose arena has the audit's texts.
static struct hss_op *run(struct world *w, struct work *j, int want)
{
    struct list ops;
    char why[160];
    struct hss_op *op = hss_task_new(w->hss);
    assert_non_null(op);
    op->task = task;
    op->arg = j;
    list_init(&ops);
    list_add(&ops, &op->link);
    assert_int_equal(hss_transaction(&w->hss->writer, &ops, why, sizeof(why)), want);
    return op;
}

static int export(struct hss_op *op, struct work *j)
{
    return hss_export(op, j->after, j->max, &j->out, &j->n, j->last);
}

static char *exported(struct world *w)
{
    struct work j = {.work = export, .max = 1000};
    hss_op_free(run(w, &j, 0));
    assert_int_equal(j.last[0], 0);
    char *text = strndup(j.out.p, j.out.n);
    hss_text_done(&j.out);
    return text;
}

static int delete_all(struct hss_op *op, struct work *j)
{
    static const char *const all[] = {"alice", "bob", "bob2", "shut", "denied", "dave", "sha", "vm"};
    int err = 0;
    for (size_t i = 0; !err && i < ARRAY_LEN(all); i++) {
        char impi[128];
        (void)snprintf(impi, sizeof impi, "%s@" DOMAIN, all[i]);
        err = hss_subscriber_delete(op, str_from(impi));
    }
    return err ? err : HSS_WRITE(op, SQL_PROFILE_DROP, SV_TEXT(STR("voicemail")));
}

static void import(struct world *w, const char *text, size_t want)
{
    char error[256] = "";
    size_t n = 0;
    if (subscribers_import(w->hss, str_from(text), "f", error, sizeof(error), &n) != 0)
        fail_msg("%s\n%s", error, text);
    assert_int_equal(n, want);
}

static void round_trip(void **state)
{
    struct world w;
    struct work j = {.work = delete_all};
    (void)state;
    world_open(&w, true);
    struct cx_mar m = world_mar_of("alice@" DOMAIN, "sip:alice@" DOMAIN);
    m.n_items = 3;
    assert_int_equal(world_mar(&w, &m).n_items, 3);
    struct cx_sar s = world_sar_of("alice@" DOMAIN, "sip:alice@" DOMAIN, CX_NO_ASSIGNMENT);
    struct reply before = world_sar(&w, &s);
    char *first = exported(&w);
    assert_null(strstr(first, "alice-lab-key"));
    assert_null(strstr(first, "616c6963652d6c61622d6b65792d3031")); // the same in hexadecimal
    assert_null(strstr(first, "dave-secret"));
    hss_op_free(run(&w, &j, 0));
    char *none = exported(&w);
    assert_string_equal(none, "subscribers: []\n");
    import(&w, none, 0);
    import(&w, first, 8);
    char *second = exported(&w);
    assert_string_equal(first, second);
    m.n_items = 1;
    assert_int_equal(world_mar(&w, &m).n_items, 1); // its key opens
    struct reply after = world_sar(&w, &s);
    assert_string_equal(before.user_data, after.user_data);
    m = world_mar_of("sha@" DOMAIN, "sip:sha@" DOMAIN);
    m.item.scheme = STR("SIP Digest");
    assert_string_equal(world_mar(&w, &m).alt_algorithm, "SHA-256");
    struct cx_lir l = {.impu = STR("sip:vm-user@" DOMAIN)}; // the service profile is there
    assert_int_equal(world_lir(&w, &l).result.code, CX_UNREGISTERED_SERVICE);
    free(first);
    free(second);
    free(none);
    world_close(&w);
}

static void in_pages(void **state)
{
    struct world w;
    struct work j = {.work = export, .max = 3};
    size_t total = 0;
    (void)state;
    world_open(&w, true);
    do {
        char last[256];
        strcpy(last, j.last);
        j.after = str_from(last);
        j.out.n = 0;
        hss_op_free(run(&w, &j, 0));
        assert_int_equal(memcmp(j.out.p, total ? "subscribers:" : "profiles:", total ? 12 : 9), 0);
        total += j.n;
    } while (j.last[0]);
    assert_int_equal(total, 8);
    hss_text_done(&j.out);
    world_close(&w);
}

// Under another key file it is of no use.
static void another_store(void **state)
{
    struct world w, other;
    char error[256];
    size_t n;
    (void)state;
    world_open(&w, true);
    world_open(&other, false);
    char *text = exported(&w);
    assert_int_equal(subscribers_import(other.hss, str_from(text), "f", error, sizeof(error), &n), ERR_BAD);
    assert_non_null(strstr(error, "sealed does not open"));
    free(text);
    world_close(&w);
    world_close(&other);
}

// ---- audit ----

static char lines[4096];

static void keep(void *arg, enum log_level level, struct str line)
{
    size_t n = strlen(lines);
    (void)snprintf(lines + n, sizeof lines - n, "%.*s\n", STR_ARG(line));
}

static int set(struct hss_op *op, struct work *j)
{
    int err = hss_audit_before(&j->audit, op, "subscriber set", j->impi);
    if (!err)
        err = hss_subscriber_set(op, &j->draft, &j->problem);
    return err ? err : hss_audit_after(&j->audit, op, j->impi);
}

static void who_changed_what(void **state)
{
    struct world w;
    struct work j = {.work = set, .impi = STR("alice@" DOMAIN)};
    (void)state;
    world_open(&w, true);
    j.audit.known = true;
    j.audit.uid = 1000;
    j.audit.pid = 77;
    static const char *const words[][2] = {{"impi", "alice@" DOMAIN}, {"impus", "sip:alice@" DOMAIN " tel:+15550000099"},
                                           {"ccf", ""}, {"k_ascii", "never-to-be-told"}, {"op", OP_HEX}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        assert_int_equal(hss_draft_put(&j.draft, str_from(words[i][0]), str_from(words[i][1]), &j.problem), 0);
    struct hss_op *op = run(&w, &j, 0);
    log_set_level(LOG_INFO);
    log_set_sink(keep, NULL);
    hss_audit_log(&j.audit);
    log_set_sink(NULL, NULL);
    log_set_level(LOG_ERROR);
    hss_op_free(op);
    assert_non_null(strstr(lines, "uid 1000, pid 77"));
    assert_non_null(strstr(lines, "tel:+15550000001"));
    assert_non_null(strstr(lines, "tel:+15550000099"));
    assert_non_null(strstr(lines, "field=ccf"));
    assert_non_null(strstr(lines, "key or password"));
    assert_null(strstr(lines, "field=visited"));
    assert_null(strstr(lines, "never-to-be-told"));
    assert_null(strstr(lines, "6e657665722d746f2d62652d746f6c64"));
    assert_null(strstr(lines, "sealed"));
    world_close(&w);
}

static int no_leak(void **state)
{
    (void)state;
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(in_pages), cmocka_unit_test(another_store),
        cmocka_unit_test(who_changed_what),
    };
    return cmocka_run_group_tests_name("hss_export", tests, NULL, no_leak);
}
