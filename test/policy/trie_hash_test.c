/* Promises of policy/trie_hash: a key that nobody can know, and the same hash for the same label.
 */
#include "policy/trie_hash.h"

#include <sys/wait.h>
#include <unistd.h>

#include "test/suite.h"

/* In a process of its own, and first: before it no key was chosen. */
START_TEST(keeps_the_key_of_a_seed_that_was_set_before_any_other)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        trie_hash_set_seed(0);
        _exit(trie_hash_key().start == 0xE220A8397B1DCDAFU ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

/* Stands behind it, which chooses none in this process. */
START_TEST(gives_every_process_a_key_of_its_own)
{
    struct trie_hash_key theirs = {0};
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        theirs = trie_hash_key();
        _exit(write(ends[1], &theirs, sizeof(theirs)) == sizeof(theirs) ? 0 : 1);
    }
    ck_assert_int_eq(read(ends[0], &theirs, sizeof(theirs)), sizeof(theirs));
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(ends[1]);
    const struct trie_hash_key ours = trie_hash_key();
    ck_assert_uint_ne(ours.start, theirs.start);
    ck_assert_uint_ne(ours.word, theirs.word);
    ck_assert_uint_ne(ours.tail, theirs.tail);
    ck_assert_uint_ne(ours.start, ours.word);
    ck_assert_uint_ne(ours.start | 1, ours.word);
    ck_assert_uint_ne(ours.word, ours.tail);
}
END_TEST

START_TEST(keeps_its_key)
{
    const struct trie_hash_key first = trie_hash_key();
    const struct trie_hash_key second = trie_hash_key();
    ck_assert_mem_eq(&first, &second, sizeof(first));
}
END_TEST

/* The first outputs of splitmix64 from 0, two of them made odd. */
START_TEST(makes_a_well_mixed_key_of_a_seed)
{
    trie_hash_set_seed(0);
    const struct trie_hash_key key = trie_hash_key();
    ck_assert_uint_eq(key.start, 0xE220A8397B1DCDAFU);
    ck_assert_uint_eq(key.word, 0x6E789E6AA1B965F4U | 1);
    ck_assert_uint_eq(key.tail, 0x06C45D188009454FU | 1);
}
END_TEST

START_TEST(multiplies_by_odd_numbers_only)
{
    trie_hash_set_seed((uint64_t)_i);
    ck_assert_uint_eq(trie_hash_key().word & 1, 1);
    ck_assert_uint_eq(trie_hash_key().tail & 1, 1);
}
END_TEST

START_TEST(tells_labels_apart_by_length_and_by_every_byte)
{
    const struct trie_hash_key key = trie_hash_key();
    char label[65];
    for (size_t length = 1; length + 1 < sizeof(label); length++) {
        memset(label, 'a', sizeof(label));
        uint64_t whole = trie_hash_label(&key, key.start, (struct span){label, length});
        ck_assert_uint_ne(whole,
                          trie_hash_label(&key, key.start, (struct span){label, length + 1}));
        for (size_t at = 0; at < length; at++) {
            label[at] = 'b';
            ck_assert_uint_ne(whole,
                              trie_hash_label(&key, key.start, (struct span){label, length}));
            label[at] = 'a';
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trie_hash");
    TCase *tests = tcase_create("trie_hash");
    tcase_add_test(tests, keeps_the_key_of_a_seed_that_was_set_before_any_other);
    tcase_add_test(tests, gives_every_process_a_key_of_its_own);
    tcase_add_test(tests, keeps_its_key);
    tcase_add_test(tests, makes_a_well_mixed_key_of_a_seed);
    tcase_add_loop_test(tests, multiplies_by_odd_numbers_only, 0, 64);
    tcase_add_test(tests, tells_labels_apart_by_length_and_by_every_byte);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
