/* Promises of proxy/machine: what was freed is the machine's again, whatever was freed before. */
#include <check.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>

#include "proxy/machine.h"
#include "test/suite.h"

#define BLOCK      ((size_t)1024 * 1024)
#define HUGE_BLOCK (8 * BLOCK)

/* What the machine was asked for on behalf of a block of SIZE alone, while that was held. */
static size_t mapped_for(size_t size)
{
    const size_t before = mallinfo2().hblkhd;
    char *volatile block = malloc(size);
    const size_t mapped = mallinfo2().hblkhd - before;
    ck_assert_ptr_nonnull(block);
    free(block);
    return mapped;
}

/* Sanitizers and valgrind have a malloc of their own, which is not what is tried here. */
static bool malloc_is_replaced(void)
{
    return mapped_for(HUGE_BLOCK) == 0;
}

START_TEST(gives_a_block_back_however_large_were_those_before_it)
{
    if (malloc_is_replaced())
        return;
    machine_return_memory();
    mapped_for(HUGE_BLOCK);
    ck_assert_uint_ge(mapped_for(BLOCK), BLOCK);
}
END_TEST

START_TEST(gives_the_free_end_of_the_heap_back)
{
    static char *pieces[1000];
    if (malloc_is_replaced())
        return;
    machine_return_memory();
    const size_t before = mallinfo2().arena;
    for (size_t i = 0; i < 1000; i++)
        ck_assert_ptr_nonnull(pieces[i] = malloc(4000));
    ck_assert_uint_ge(mallinfo2().arena, before + BLOCK);
    for (size_t i = 1000; i-- > 0;)
        free(pieces[i]);
    ck_assert_uint_le(mallinfo2().arena, before + BLOCK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("machine");
    TCase *tests = tcase_create("memory");
    tcase_add_test(tests, gives_a_block_back_however_large_were_those_before_it);
    tcase_add_test(tests, gives_the_free_end_of_the_heap_back);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
