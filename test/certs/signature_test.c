/* certs/signature: Ed25519 as RFC 8032 has it, and keys that are none. */
#include <check.h>
#include <string.h>

#include "certs/signature.h"
#include "test/suite.h"

/* RFC 8032, section 7.1, test 2. */
static const char private_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
    "-----END PRIVATE KEY-----\n";
static const char public_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
                                 "-----END PUBLIC KEY-----\n";
static const uint8_t expected[SIGNATURE_SIZE] = {
    0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40,
    0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda,
    0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c,
    0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};

static struct error error;

START_TEST(signs_as_the_standard_says)
{
    uint8_t signature[SIGNATURE_SIZE];
    ck_assert(signature_sign(SPAN(private_key), SPAN("\x72"), signature, &error));
    ck_assert_mem_eq(signature, expected, SIGNATURE_SIZE);
}
END_TEST

START_TEST(knows_a_signature_and_every_other_one)
{
    uint8_t signature[SIGNATURE_SIZE];
    memcpy(signature, expected, SIGNATURE_SIZE);
    ck_assert_int_eq(signature_verify(SPAN(public_key), SPAN("\x72"), signature, &error),
                     SIGNATURE_GOOD);
    ck_assert_int_eq(signature_verify(SPAN(public_key), SPAN("\x73"), signature, &error),
                     SIGNATURE_WRONG);
    for (size_t i = 0; i < SIGNATURE_SIZE; i++) {
        signature[i] ^= 1;
        ck_assert_int_eq(signature_verify(SPAN(public_key), SPAN("\x72"), signature, &error),
                         SIGNATURE_WRONG);
        signature[i] ^= 1;
    }
}
END_TEST

START_TEST(refuses_what_is_no_key)
{
    uint8_t signature[SIGNATURE_SIZE];
    ck_assert(!signature_sign(SPAN("no key"), SPAN("\x72"), signature, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "an Ed25519 private key"));
    ck_assert(!signature_sign(SPAN(public_key), SPAN("\x72"), signature, &error));
    ck_assert_int_eq(signature_verify(SPAN(private_key), SPAN("\x72"), expected, &error),
                     SIGNATURE_NO_KEY);
    ck_assert_ptr_nonnull(strstr(error.message, "an Ed25519 public key"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signature");
    TCase *group = tcase_create("signature");
    tcase_add_test(group, signs_as_the_standard_says);
    tcase_add_test(group, knows_a_signature_and_every_other_one);
    tcase_add_test(group, refuses_what_is_no_key);
    suite_add_tcase(suite, group);
    return suite_run(suite);
}
