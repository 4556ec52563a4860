/*
 * Promises of what is read out of certificates: one name or none, and none that a shorter reader
 * would end before its end. The certificates are made with OpenSSL itself, byte by byte.
 */
#include "certs/certificate_names.h"

#include <check.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "policy/span.h"
#include "test/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define URI          "spiffe://example.org/app/orders/environment/production"

static X509 *certificate;
static char text[64];

static void set_up(void)
{
    certificate = X509_new();
    ck_assert_ptr_nonnull(certificate);
    strcpy(text, "not written");
}

static void tear_down(void)
{
    X509_free(certificate);
}

static void add_name(STACK_OF(GENERAL_NAME) * names, int type, struct span bytes)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();
    ck_assert_int_eq(ASN1_STRING_set(string, bytes.data, (int)bytes.length), 1);
    GENERAL_NAME_set0_value(name, type, string);
    ck_assert_int_gt(sk_GENERAL_NAME_push(names, name), 0);
}

/* One more extension of alternative names, with one or two of them (TYPE 0: no second). */
static void add_alternatives(struct span uri, int type, struct span second)
{
    STACK_OF(GENERAL_NAME) *names = sk_GENERAL_NAME_new_null();
    add_name(names, GEN_URI, uri);
    if (type != 0)
        add_name(names, type, second);
    ck_assert_int_eq(
        X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND), 1);
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
}

static void add_common_name(int type, struct span bytes, int set)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    ck_assert_int_eq(X509_NAME_add_entry_by_NID(subject, NID_commonName, type,
                                                (const unsigned char *)bytes.data,
                                                (int)bytes.length, -1, set),
                     1);
}

START_TEST(the_one_uri_is_read_whatever_stands_beside_it)
{
    add_alternatives(SPAN(URI), GEN_DNS, SPAN("other.example"));
    ck_assert(certificate_one_uri(certificate, text, sizeof(text)));
    ck_assert_str_eq(text, URI);
}
END_TEST

static const struct span odd_uris[] = {
    {"", 0},
    {URI "\0", sizeof(URI)},
    {URI "\0.evil.example", sizeof(URI "\0.evil.example") - 1},
    {"\0" URI, sizeof(URI)},
    {URI "\n", sizeof(URI)},
    {URI "\x7f", sizeof(URI)},
    {URI "\xc3\xa9", sizeof(URI "\xc3\xa9") - 1},
    {URI "/as-long-as-the-room", sizeof(URI "/as-long-as-the-room") - 1},
};

START_TEST(an_odd_uri_is_none)
{
    add_alternatives(odd_uris[_i], 0, SPAN(""));
    ck_assert(!certificate_one_uri(certificate, text, sizeof(text)));
}
END_TEST

START_TEST(two_uris_are_none_even_where_only_one_can_be_read)
{
    add_alternatives(SPAN(URI), GEN_URI, SPAN("\0"));
    ck_assert(!certificate_one_uri(certificate, text, sizeof(text)));
}
END_TEST

START_TEST(two_extensions_are_none)
{
    add_alternatives(SPAN(URI), 0, SPAN(""));
    add_alternatives(SPAN(URI), 0, SPAN(""));
    ck_assert(!certificate_one_uri(certificate, text, sizeof(text)));
}
END_TEST

START_TEST(no_extension_is_none)
{
    ck_assert(!certificate_one_uri(certificate, text, sizeof(text)));
}
END_TEST

START_TEST(a_common_name_is_the_same_in_each_of_its_types)
{
    add_common_name(V_ASN1_BMPSTRING, SPAN("\0a\0/\0b"), 0);
    ck_assert(certificate_one_common_name(certificate, text, sizeof(text)));
    ck_assert_str_eq(text, "a/b");
}
END_TEST

static const struct {
    int type;
    struct span bytes;
} odd_common_names[] = {
    {V_ASN1_UTF8STRING, {"a/b\0", 4}},
    {V_ASN1_UTF8STRING, {"a/b\0/c", 6}},
    {V_ASN1_UTF8STRING, {"a/\xc3\xa9", 4}},
    {V_ASN1_BMPSTRING, {"\0a\0/\0b\0\0", 8}},
    {V_ASN1_BMPSTRING, {"\0a\x22\x15\0b", 6}}, /* U+2215, which looks like a slash */
    {V_ASN1_UTF8STRING, {"a/b345678901234567890123456789012345678901234567890123456789/1234", 65}},
};

START_TEST(an_odd_common_name_is_none)
{
    add_common_name(odd_common_names[_i].type, odd_common_names[_i].bytes, 0);
    ck_assert(!certificate_one_common_name(certificate, text, sizeof(text)));
}
END_TEST

/* SET: -1, beside the first in one relative name; 0, behind it. */
START_TEST(two_common_names_are_none_wherever_they_stand)
{
    add_common_name(V_ASN1_UTF8STRING, SPAN("a/b"), 0);
    add_common_name(V_ASN1_UTF8STRING, SPAN("c/d"), _i);
    ck_assert(!certificate_one_common_name(certificate, text, sizeof(text)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certs/certificate_names");
    TCase *tests = tcase_create("names");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_one_uri_is_read_whatever_stands_beside_it);
    tcase_add_loop_test(tests, an_odd_uri_is_none, 0, COUNT(odd_uris));
    tcase_add_test(tests, two_uris_are_none_even_where_only_one_can_be_read);
    tcase_add_test(tests, two_extensions_are_none);
    tcase_add_test(tests, no_extension_is_none);
    tcase_add_test(tests, a_common_name_is_the_same_in_each_of_its_types);
    tcase_add_loop_test(tests, an_odd_common_name_is_none, 0, COUNT(odd_common_names));
    tcase_add_loop_test(tests, two_common_names_are_none_wherever_they_stand, -1, 1);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
