/* Promises of policy/trie_suffix: which suffixes a host has, and one hash for one suffix, whichever
 * host it is of. */
#include "policy/trie_suffix.h"

#include "test/suite.h"

static const struct trie_hash_key key = {
    .start = 0xE220A8397B1DCDAF, .word = 0x6E789E6AA1B965F5, .tail = 0x06C45D188009454F};

static struct host host_of(const char *text)
{
    struct host host;
    struct error error;
    ck_assert_msg(host_parse(span_of(text), &host, &error), "%s", error.message);
    return host;
}

/* The suffixes of TEXT, at most MOST labels each, are EXPECTED (ended by NULL). */
static void expect(const char *text, size_t most, const char *const *expected)
{
    const struct host host = host_of(text);
    struct trie_suffix suffixes[TRIE_LABELS_MAXIMUM] = {0};
    size_t count = trie_list_suffixes(&key, &host, most, suffixes);
    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_nonnull(expected[i]);
        ck_assert_str_eq(host.text + suffixes[i].start, expected[i]);
    }
    ck_assert_ptr_null(expected[count]);
}

#define EXPECT(text, most, ...) expect(text, most, (const char *const[]){__VA_ARGS__, NULL})

static uint32_t hash_whole(const char *text)
{
    const struct host host = host_of(text);
    struct trie_suffix suffixes[TRIE_LABELS_MAXIMUM] = {0};
    return suffixes[trie_list_suffixes(&key, &host, TRIE_LABELS_MAXIMUM, suffixes) - 1].hash;
}

START_TEST(lists_suffixes_from_the_right)
{
    EXPECT("www.example.com", 127, "com", "example.com", "www.example.com");
    EXPECT("com", 127, "com");
    EXPECT("a.b.c.d.e.f.g.h", 127, "h", "g.h", "f.g.h", "e.f.g.h", "d.e.f.g.h", "c.d.e.f.g.h",
           "b.c.d.e.f.g.h", "a.b.c.d.e.f.g.h");
}
END_TEST

START_TEST(leaves_out_what_has_more_labels_than_asked_for)
{
    EXPECT("www.example.com", 1, "com");
    EXPECT("www.example.com", 2, "com", "example.com");
    EXPECT("www.example.com", 3, "com", "example.com", "www.example.com");
}
END_TEST

START_TEST(takes_an_ip_literal_for_one_suffix)
{
    EXPECT("192.0.2.1", 1, "192.0.2.1");
    EXPECT("[2001:db8::1]", 1, "2001:db8::1");
}
END_TEST

START_TEST(lists_as_many_labels_as_a_host_can_have)
{
    char text[254];
    struct trie_suffix suffixes[TRIE_LABELS_MAXIMUM] = {0};
    for (size_t i = 0; i + 1 < sizeof(text); i++)
        text[i] = i % 2 == 0 ? 'a' : '.';
    text[sizeof(text) - 1] = '\0';
    const struct host host = host_of(text);
    ck_assert_uint_eq(trie_list_suffixes(&key, &host, 127, suffixes), 127);
    for (uint32_t i = 0; i < 127; i++)
        ck_assert_uint_eq(suffixes[i].start, 252 - 2 * i);
}
END_TEST

/* A host of _i bytes, with a dot wherever one may stand: its suffixes hash as hosts of their own.
 */
START_TEST(hashes_a_suffix_alike_in_every_host)
{
    char text[64] = "";
    struct trie_suffix suffixes[TRIE_LABELS_MAXIMUM] = {0};
    for (int dot = 0; dot < _i; dot++) {
        memset(text, 'x', (size_t)_i);
        if (dot > 0 && dot + 1 < _i)
            text[dot] = '.';
        text[_i] = '\0';
        const struct host host = host_of(text);
        size_t count = trie_list_suffixes(&key, &host, TRIE_LABELS_MAXIMUM, suffixes);
        for (size_t i = 0; i < count; i++)
            ck_assert_uint_eq(suffixes[i].hash, hash_whole(text + suffixes[i].start));
    }
}
END_TEST

/* "b" and "c" differ in their last bit alone. */
START_TEST(tells_hosts_apart_by_length_and_by_every_byte)
{
    char text[64] = "";
    for (size_t length = 1; length + 1 < sizeof(text); length++) {
        memset(text, 'b', length);
        const uint32_t whole = hash_whole(text);
        for (size_t at = 0; at < length; at++) {
            text[at] = 'c';
            ck_assert_uint_ne(whole, hash_whole(text));
            text[at] = 'b';
        }
        text[length] = 'b';
        ck_assert_uint_ne(whole, hash_whole(text));
    }
}
END_TEST

START_TEST(hashes_what_stands_in_the_host_and_nothing_behind_it)
{
    struct trie_suffix left[TRIE_LABELS_MAXIMUM], right[TRIE_LABELS_MAXIMUM];
    struct host clean = host_of("a.de"), dirty = clean;
    memset(dirty.text + dirty.length, '.', sizeof(dirty.text) - dirty.length);
    ck_assert_uint_eq(trie_list_suffixes(&key, &clean, 127, left), 2);
    ck_assert_uint_eq(trie_list_suffixes(&key, &dirty, 127, right), 2);
    ck_assert_mem_eq(left, right, 2 * sizeof(left[0]));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trie_suffix");
    TCase *tests = tcase_create("trie_suffix");
    tcase_add_test(tests, lists_suffixes_from_the_right);
    tcase_add_test(tests, leaves_out_what_has_more_labels_than_asked_for);
    tcase_add_test(tests, takes_an_ip_literal_for_one_suffix);
    tcase_add_test(tests, lists_as_many_labels_as_a_host_can_have);
    tcase_add_loop_test(tests, hashes_a_suffix_alike_in_every_host, 1, 40);
    tcase_add_test(tests, tells_hosts_apart_by_length_and_by_every_byte);
    tcase_add_test(tests, hashes_what_stands_in_the_host_and_nothing_behind_it);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
