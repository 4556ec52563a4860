/* Promises of policy/arena: aligned, zeroed, bounded. */
#include <check.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/arena.h"
#include "test/suite.h"

static const size_t limit = (size_t)1024 * 1024;
static struct arena *arena;

static void set_up(void)
{
    arena = arena_new(limit);
    ck_assert_ptr_nonnull(arena);
}

static void tear_down(void)
{
    arena_free(arena);
}

START_TEST(hands_out_zeroed_memory_aligned_for_any_type)
{
    for (size_t size = 1; size < 6000; size += 37) {
        unsigned char *memory = arena_allocate(arena, size);
        ck_assert_ptr_nonnull(memory);
        ck_assert_uint_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            ck_assert_uint_eq(memory[i], 0);
        memset(memory, 0xAA, size);
    }
}
END_TEST

START_TEST(keeps_what_was_handed_out_apart)
{
    enum { COUNT = 500 };
    uint32_t *numbers[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        numbers[i] = arena_allocate(arena, sizeof(uint32_t));
        *numbers[i] = i;
    }
    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert_uint_eq(*numbers[i], i);
}
END_TEST

START_TEST(never_hands_out_more_than_its_limit)
{
    size_t handed_out = 0;
    while (arena_allocate(arena, 1000) != NULL)
        handed_out += 1000;
    ck_assert_uint_le(handed_out, limit);
    ck_assert_uint_gt(handed_out, limit - limit / 10);
    ck_assert_uint_le(arena_used(arena), limit);
}
END_TEST

START_TEST(still_serves_what_fits_after_a_refusal)
{
    ck_assert_ptr_null(arena_allocate(arena, 2 * limit));
    ck_assert_uint_eq(arena_used(arena), 0);
    ck_assert_ptr_nonnull(arena_allocate(arena, 1024));
}
END_TEST

START_TEST(refuses_sizes_that_overflow)
{
    struct arena *unlimited = arena_new(SIZE_MAX);
    ck_assert_ptr_null(arena_allocate(unlimited, SIZE_MAX));
    ck_assert_ptr_null(arena_allocate(unlimited, SIZE_MAX - 8));
    ck_assert_ptr_null(arena_allocate_array(unlimited, SIZE_MAX / 2, 3));
    ck_assert_ptr_null(arena_allocate_array(unlimited, (size_t)1 << 33, (size_t)1 << 33));
    ck_assert_uint_eq(arena_used(unlimited), 0);
    arena_free(unlimited);
}
END_TEST

START_TEST(gives_an_array_of_none_a_place)
{
    ck_assert_ptr_nonnull(arena_allocate_array(arena, 0, 16));
}
END_TEST

START_TEST(copies_text_with_a_nul_behind)
{
    struct span copy = arena_copy(arena, span_slice(SPAN("abcdef"), 2, 3));
    ck_assert_uint_eq(copy.length, 3);
    ck_assert_str_eq(copy.data, "cde");
    struct span empty = arena_copy(arena, (struct span){NULL, 0});
    ck_assert_uint_eq(empty.length, 0);
    ck_assert_str_eq(empty.data, "");
}
END_TEST

START_TEST(says_that_a_copy_did_not_fit)
{
    struct arena *small = arena_new(16);
    struct span copy = arena_copy(small, SPAN("sixteen bytes ..."));
    ck_assert_ptr_null(copy.data);
    ck_assert_uint_eq(copy.length, 0);
    arena_free(small);
}
END_TEST

START_TEST(frees_nothing_without_complaint)
{
    arena_free(NULL);
    ck_assert_uint_eq(arena_used(arena), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy/arena");
    TCase *tests = tcase_create("arena");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, hands_out_zeroed_memory_aligned_for_any_type);
    tcase_add_test(tests, keeps_what_was_handed_out_apart);
    tcase_add_test(tests, never_hands_out_more_than_its_limit);
    tcase_add_test(tests, still_serves_what_fits_after_a_refusal);
    tcase_add_test(tests, refuses_sizes_that_overflow);
    tcase_add_test(tests, gives_an_array_of_none_a_place);
    tcase_add_test(tests, copies_text_with_a_nul_behind);
    tcase_add_test(tests, says_that_a_copy_did_not_fit);
    tcase_add_test(tests, frees_nothing_without_complaint);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
