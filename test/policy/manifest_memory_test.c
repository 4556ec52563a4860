/*
 * Promises of policy/manifest and policy/lint about memory that runs out: at
 * whatever allocation it does, there is no manifest or there are findings that
 * refuse it, and never one that grants something else.
 */
#include "test/policy/reading.h"
#include "test/suite.h"

static struct yaml_document *document;
static struct variables variables;
static struct arena *own;

static const struct manifest_options options = {.plain_http = true, .variables = &variables};

static void setup(void)
{
    struct error error;
    own = arena_new(4096);
    variables = (struct variables){NULL};
    document = yaml_document_read("test/policy/data/everything.yml", &error);
    ck_assert_msg(document != NULL, "%s", error.message);
    ck_assert(variables_set(&variables, own, SPAN("V"), SPAN("v.example.com"), &error));
}

static void teardown(void)
{
    yaml_document_free(document);
    arena_free(own);
}

/* How many rules there are with LIMIT bytes; -1: refused. */
static int count_rules(size_t limit)
{
    struct arena *arena = arena_new(limit);
    struct findings findings;
    struct grant grant = {.count = 0};
    struct error error;
    findings_init(&findings, arena, "manifest.yml");
    const struct manifest *manifest = manifest_read(document, &options, arena, &findings);
    int count = -1;
    if (manifest != NULL && !findings_error(&findings, &error) &&
        manifest_grant(manifest, SPAN("EU"), arena, &grant))
        count = (int)grant.count;
    arena_free(arena);
    return count;
}

START_TEST(a_reader_without_memory_refuses)
{
    int refused = 0, count = -1;
    for (size_t limit = 0; limit < 65536; limit += 16) {
        count = count_rules(limit);
        ck_assert_msg(count == -1 || count == 5, "%d rules with %zu bytes", count, limit);
        refused += count == -1;
    }
    ck_assert_int_eq(count, 5);
    ck_assert_int_gt(refused, 100);
}
END_TEST

/* How many findings there are with LIMIT bytes; -1: lint gave up. */
static int count_findings(size_t limit)
{
    struct arena *arena = arena_new(limit);
    struct findings findings;
    int count = -1;
    findings_init(&findings, arena, "manifest.yml");
    if (lint_document(document, &options, arena, &findings))
        count = (int)(findings.errors + findings.warnings + findings.notes);
    arena_free(arena);
    return count;
}

START_TEST(a_linter_without_memory_gives_up)
{
    int all = count_findings((size_t)1024 * 1024);
    ck_assert_int_gt(all, 0);
    for (size_t limit = 0; limit < 65536; limit += 16) {
        int count = count_findings(limit);
        ck_assert_msg(count == -1 || count == all, "%d findings with %zu bytes", count, limit);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("manifest_memory");
    TCase *tests = tcase_create("manifest_memory");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_reader_without_memory_refuses);
    tcase_add_test(tests, a_linter_without_memory_gives_up);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
