/* certs/digest: SHA-256 as FIPS 180-4 has it, and a comparison that looks at every byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "certs/digest.h"
#include "test/suite.h"

static const struct {
    const char *text;
    const uint8_t begins[4];
    const uint8_t ends[4];
} examples[] = {
    {"", {0xe3, 0xb0, 0xc4, 0x42}, {0x78, 0x52, 0xb8, 0x55}},
    {"abc", {0xba, 0x78, 0x16, 0xbf}, {0xf2, 0x00, 0x15, 0xad}},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     {0x24, 0x8d, 0x6a, 0x61},
     {0x19, 0xdb, 0x06, 0xc1}},
};

START_TEST(digests_the_standards_examples)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    ck_assert(digest_sha256(examples[_i].text, strlen(examples[_i].text), digest));
    ck_assert_mem_eq(digest, examples[_i].begins, 4);
    ck_assert_mem_eq(digest + DIGEST_SHA256_SIZE - 4, examples[_i].ends, 4);
}
END_TEST

START_TEST(digests_no_bytes_at_all)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    ck_assert(digest_sha256(NULL, 0, digest));
    ck_assert_mem_eq(digest, examples[0].begins, 4);
}
END_TEST

START_TEST(a_difference_in_any_byte_is_a_difference)
{
    uint8_t a[DIGEST_SHA256_SIZE] = {1, 2, 3};
    uint8_t b[DIGEST_SHA256_SIZE];
    memcpy(b, a, sizeof(b));
    ck_assert(digest_equal(a, b, sizeof(a)));
    b[_i] ^= 0x80;
    ck_assert(!digest_equal(a, b, sizeof(a)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certs/digest");
    TCase *all = tcase_create("digest");
    suite_add_tcase(suite, all);
    tcase_add_loop_test(all, digests_the_standards_examples, 0, 3);
    tcase_add_test(all, digests_no_bytes_at_all);
    tcase_add_loop_test(all, a_difference_in_any_byte_is_a_difference, 0, DIGEST_SHA256_SIZE);

    return suite_run(suite);
}
