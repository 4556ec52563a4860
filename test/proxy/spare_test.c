/* Promises of proxy/spare: the last block given is the next one taken, and few are kept. */
#include <check.h>
#include <string.h>

#include "proxy/spare.h"
#include "test/suite.h"

static struct spare spare;

static void begin(void)
{
    spare = (struct spare){.size = 5000};
}

static void end(void)
{
    spare_clear(&spare);
}

START_TEST(gives_the_last_block_first)
{
    char *first = spare_take(&spare), *second = spare_take(&spare);
    spare_give(&spare, first);
    spare_give(&spare, second);
    ck_assert_ptr_eq(spare_take(&spare), second);
    ck_assert_ptr_eq(spare_take(&spare), first);
    memset(first, 'x', spare.size);
    memset(second, 'x', spare.size);
    free(first);
    free(second);
}
END_TEST

START_TEST(keeps_no_more_than_its_maximum)
{
    void *blocks[SPARE_MAXIMUM + 1];
    for (size_t i = 0; i <= SPARE_MAXIMUM; i++)
        ck_assert_ptr_nonnull(blocks[i] = spare_take(&spare));
    for (size_t i = 0; i <= SPARE_MAXIMUM; i++)
        spare_give(&spare, blocks[i]);
    ck_assert_uint_eq(spare.count, SPARE_MAXIMUM);
    spare_clear(&spare);
    ck_assert_uint_eq(spare.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spare");
    TCase *tests = tcase_create("spare");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, gives_the_last_block_first);
    tcase_add_test(tests, keeps_no_more_than_its_maximum);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
