/* Promises of policy/nearest. */
#include <check.h>

#include "policy/nearest.h"
#include "test/suite.h"

static const char *const names[] = {"scopes", "content", "external", "enforcement", "to", NULL};

struct row {
    const char *name;
    const char *nearest; /* NULL: none */
};

static const struct row rows[] = {
    {"scops", "scopes"},
    {"scope", "scopes"},
    {"Scopes", "scopes"},
    {"externl", "external"},
    {"exernal", "external"},
    {"contents", "content"},
    {"enforcment", "enforcement"},
    {"tp", "to"},
    {"zz", NULL},
    {"permissions", NULL},
    {"", NULL},
    {"x", NULL},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
};

START_TEST(names_the_known_name_that_takes_the_fewest_edits)
{
    const char *nearest = nearest_name(span_of(rows[_i].name), names);
    if (rows[_i].nearest == NULL)
        ck_assert_msg(nearest == NULL, "%s", nearest);
    else
        ck_assert_pstr_eq(nearest, rows[_i].nearest);
}
END_TEST

START_TEST(of_two_equally_near_the_first_is_named)
{
    static const char *const twins[] = {"cat", "car", NULL};
    ck_assert_pstr_eq(nearest_name(SPAN("cas"), twins), "cat");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nearest");
    TCase *tests = tcase_create("nearest");
    tcase_add_loop_test(tests, names_the_known_name_that_takes_the_fewest_edits, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tests, of_two_equally_near_the_first_is_named);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
