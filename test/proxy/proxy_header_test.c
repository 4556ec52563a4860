/* Promises of the reader of the PROXY protocol's headers, versions 1 and 2. */
#include "proxy/proxy_header.h"

#include "test/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct proxy_header header;

static void assert_client(const char *address, uint16_t port)
{
    char text[IP_TEXT_SIZE];
    ck_assert(header.has_client);
    ip_format(&header.client, text);
    ck_assert_str_eq(text, address);
    ck_assert_uint_eq(header.port, port);
}

/* WHEN BYTES come one by one, THEN only the last of the header completes it. */
static enum proxy_header_parse parse_growing(struct span bytes)
{
    enum proxy_header_parse result = PROXY_HEADER_MORE;
    for (size_t i = 0; i <= bytes.length && result == PROXY_HEADER_MORE; i++) {
        char *exact = malloc(i == 0 ? 1 : i);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, bytes.data, i);
        result = proxy_header_parse((struct span){exact, i}, &header);
        free(exact);
        if (result == PROXY_HEADER_DONE)
            ck_assert_uint_eq(header.length, i);
    }
    return result;
}

/* ---- Version 1 -------------------------------------------------------------- */

START_TEST(reads_addresses_of_both_families)
{
    ck_assert_int_eq(parse_growing(SPAN("PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n")),
                     PROXY_HEADER_DONE);
    assert_client("192.0.2.7", 56324);
    ck_assert_int_eq(parse_growing(SPAN("PROXY TCP6 2001:db8::7 ::1 0 65535\r\n")),
                     PROXY_HEADER_DONE);
    assert_client("2001:db8::7", 0);
    ck_assert(!header.is_local && header.spiffe.length == 0);
}
END_TEST

START_TEST(leaves_what_follows_alone)
{
    static const char line[] = "PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n";
    ck_assert_int_eq(proxy_header_parse(
                         SPAN("PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\nGET / HTTP/1.1\r\n"), &header),
                     PROXY_HEADER_DONE);
    ck_assert_uint_eq(header.length, sizeof(line) - 1);
}
END_TEST

START_TEST(an_unknown_client_has_no_address)
{
    ck_assert_int_eq(parse_growing(SPAN("PROXY UNKNOWN\r\n")), PROXY_HEADER_DONE);
    ck_assert(!header.has_client && header.client.family == 0);
    ck_assert_int_eq(parse_growing(SPAN("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n")),
                     PROXY_HEADER_DONE);
    ck_assert(!header.has_client && header.client.family == 0);
}
END_TEST

static const char *const bad_lines[] = {
    "GET / HTTP/1.1\r\n",
    "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY UNKNOWNS\r\n",
    "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
    "PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
    "PROXY TCP4 ::1 ::1 1 2\r\n",
    "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n",
    "PROXY TCP4 \t1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    "PROXY TCP6 [::1] ::1 1 2\r\n",
    "PROXY \r\n",
};

START_TEST(refuses_every_other_line_and_says_why)
{
    ck_assert_msg(parse_growing(span_of(bad_lines[_i])) == PROXY_HEADER_BAD, "%s", bad_lines[_i]);
    ck_assert_ptr_nonnull(header.problem);
    ck_assert(!header.has_client);
}
END_TEST

START_TEST(waits_for_no_more_than_107_bytes)
{
    char line[256] = "PROXY UNKNOWN ";
    memset(line + 14, ' ', sizeof(line) - 14);
    ck_assert_int_eq(proxy_header_parse((struct span){line, 106}, &header), PROXY_HEADER_MORE);
    ck_assert_int_eq(proxy_header_parse((struct span){line, 107}, &header), PROXY_HEADER_BAD);
    line[105] = '\r';
    line[106] = '\n';
    ck_assert_int_eq(proxy_header_parse((struct span){line, 107}, &header), PROXY_HEADER_DONE);
}
END_TEST

#define CHECKSUM "\x83\xa4\xc7\xb0"

/* ---- Version 2 -------------------------------------------------------------- */

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define PROXY     "\x21"
#define LOCAL     "\x20"
#define TCP4      "\x11"
#define TCP6      "\x21"
#define V4        "\xc0\x00\x02\x07\x0a\x00\x00\x01\xdc\x04\x01\xbb" /* 192.0.2.7:56324 */
#define NAME      "spiffe://example.org/app/a/environment/b"         /* 40 bytes */
#define NAME_TLV  "\xe0\x00\x28" NAME

static void expect(struct span bytes, enum proxy_header_parse result)
{
    ck_assert_int_eq(parse_growing(bytes), result);
    ck_assert((result == PROXY_HEADER_BAD) == (header.problem != NULL));
}

START_TEST(reads_a_binary_header)
{
    expect(SPAN(SIGNATURE PROXY TCP4 "\x00\x0c" V4), PROXY_HEADER_DONE);
    assert_client("192.0.2.7", 56324);
    expect(SPAN(SIGNATURE PROXY TCP6 "\x00\x24"
                                     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
                                     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
                                     "\x00\x01\x00\x02"),
           PROXY_HEADER_DONE);
    assert_client("2001:db8::7", 1);
}
END_TEST

START_TEST(a_local_connection_is_for_nobody_whatever_follows)
{
    expect(SPAN(SIGNATURE LOCAL "\x00\x00\x00"), PROXY_HEADER_DONE);
    ck_assert(header.is_local && !header.has_client);
    expect(SPAN(SIGNATURE LOCAL TCP4 "\x00\x37" V4 NAME_TLV), PROXY_HEADER_DONE);
    ck_assert(header.is_local && !header.has_client && header.spiffe.length == 0);
}
END_TEST

START_TEST(an_unspecified_client_has_no_address)
{
    expect(SPAN(SIGNATURE PROXY "\x00\x00\x00"), PROXY_HEADER_DONE);
    ck_assert(!header.has_client && header.client.family == 0);
}
END_TEST

static struct span copied(struct span value)
{
    static char bytes[256];
    ck_assert_uint_le(value.length, sizeof(bytes));
    if (value.length > 0)
        memcpy(bytes, value.data, value.length);
    return (struct span){bytes, value.length};
}

/* A header with VECTORS behind addresses, parsed whole so that its spans are there to be read. */
static enum proxy_header_parse parse_vectors(struct span vectors)
{
    static char bytes[512];
    const size_t length = 12 + vectors.length;
    static const char beginning[] = SIGNATURE PROXY TCP4 "\0\0" V4;
    memcpy(bytes, beginning, sizeof(beginning) - 1);
    bytes[14] = (char)(length >> 8);
    bytes[15] = (char)(length & 0xFF);
    memcpy(bytes + 28, vectors.data, vectors.length);
    return proxy_header_parse((struct span){bytes, 28 + vectors.length}, &header);
}

START_TEST(reads_the_spiffe_name)
{
    ck_assert_int_eq(parse_vectors(SPAN("\x04\x00\x01z" NAME_TLV)), PROXY_HEADER_DONE);
    ck_assert(span_equal(copied(header.spiffe), SPAN(NAME)));
}
END_TEST

/* client, verify, then the common name "cn" */
#define SSL(client, verify)                                                                        \
    "\x20\x00\x0a" client verify "\x22\x00\x02"                                                    \
    "cn"

static const struct {
    struct span vectors;
    bool counts;
} certificates[] = {
    {{SSL("\x03", "\0\0\0\0"), 13}, true},  {{SSL("\x05", "\0\0\0\0"), 13}, true},
    {{SSL("\x07", "\0\0\0\0"), 13}, true},  {{SSL("\x01", "\0\0\0\0"), 13}, false},
    {{SSL("\x02", "\0\0\0\0"), 13}, false}, {{SSL("\x03", "\0\0\0\1"), 13}, false},
    {{SSL("\x03", "\1\0\0\0"), 13}, false},
};

START_TEST(a_common_name_counts_only_of_a_verified_certificate)
{
    ck_assert_int_eq(parse_vectors(certificates[_i].vectors), PROXY_HEADER_DONE);
    ck_assert(
        span_equal(copied(header.common_name), certificates[_i].counts ? SPAN("cn") : SPAN("")));
}
END_TEST

static const struct span bad_vectors[] = {
    {"\x04", 1},
    {"\x04\x00", 2},
    {"\x04\x00\x02z", 4},
    {"\x04\xff\xffz", 4},
    {NAME_TLV NAME_TLV, 86},
    {"\xe0\x00\x00", 3},
    {"\x20\x00\x04\x03\0\0\0", 7},
    {"\x20\x00\x06\x03\0\0\0\0z", 9},
    {"\x20\x00\x08\x03\0\0\0\0\x22\x00\x00", 11},
    {SSL("\x03", "\0\0\0\0") SSL("\x03", "\0\0\0\0"), 26},
    {"\x20\x00\x0f\x03\0\0\0\0\x22\x00\x02"
     "cn\x22\x00\x02"
     "cn",
     18},
    {"\x03\x00\x04\0\0\0\0", 7},
    {"\x03\x00\x03\0\0\0", 6},
};

START_TEST(refuses_values_that_are_cut_or_said_twice)
{
    ck_assert_int_eq(parse_vectors(bad_vectors[_i]), PROXY_HEADER_BAD);
    ck_assert_ptr_nonnull(header.problem);
}
END_TEST

START_TEST(holds_a_checksum_against_the_bytes)
{
    /* CRC-32C of the whole header, checksum as zeros, worked out apart from this program */
    char bytes[] = SIGNATURE PROXY TCP4 "\x00\x13" V4 "\x03\x00\x04" CHECKSUM;
    ck_assert_int_eq(proxy_header_parse((struct span){bytes, sizeof(bytes) - 1}, &header),
                     PROXY_HEADER_DONE);
    bytes[16] ^= 1;
    ck_assert_int_eq(proxy_header_parse((struct span){bytes, sizeof(bytes) - 1}, &header),
                     PROXY_HEADER_BAD);
}
END_TEST

START_TEST(refuses_other_versions_commands_and_families)
{
    static const char *const beginnings[] = {"\x11\x11", "\x31\x11", "\x22\x11",
                                             "\x2f\x11", "\x21\x12", "\x21\x22",
                                             "\x21\x32", "\x21\x41", "\x21\xff"};
    for (size_t i = 0; i < COUNT(beginnings); i++) {
        char bytes[] = SIGNATURE PROXY TCP4 "\x00\x0c" V4;
        memcpy(bytes + 12, beginnings[i], 2);
        ck_assert_int_eq(proxy_header_parse((struct span){bytes, sizeof(bytes) - 1}, &header),
                         PROXY_HEADER_BAD);
    }
    expect(SPAN(SIGNATURE PROXY TCP4 "\x00\x0b" V4), PROXY_HEADER_BAD);
    expect(SPAN(SIGNATURE PROXY TCP6 "\x00\x0c" V4), PROXY_HEADER_BAD);
    expect(SPAN("\r\n\r\n\0\r\nQUIZ\n"), PROXY_HEADER_BAD);
}
END_TEST

START_TEST(refuses_at_once_what_would_be_longer_than_it_takes)
{
    ck_assert_int_eq(proxy_header_parse(SPAN(SIGNATURE PROXY TCP4 "\x0f\xf0"), &header),
                     PROXY_HEADER_MORE);
    ck_assert_int_eq(proxy_header_parse(SPAN(SIGNATURE PROXY TCP4 "\x0f\xf1"), &header),
                     PROXY_HEADER_BAD);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proxy/proxy_header");
    TCase *lines = tcase_create("version 1");
    tcase_add_test(lines, reads_addresses_of_both_families);
    tcase_add_test(lines, leaves_what_follows_alone);
    tcase_add_test(lines, an_unknown_client_has_no_address);
    tcase_add_loop_test(lines, refuses_every_other_line_and_says_why, 0, COUNT(bad_lines));
    tcase_add_test(lines, waits_for_no_more_than_107_bytes);
    suite_add_tcase(suite, lines);
    TCase *binary = tcase_create("version 2");
    tcase_add_test(binary, reads_a_binary_header);
    tcase_add_test(binary, a_local_connection_is_for_nobody_whatever_follows);
    tcase_add_test(binary, an_unspecified_client_has_no_address);
    tcase_add_test(binary, reads_the_spiffe_name);
    tcase_add_loop_test(binary, a_common_name_counts_only_of_a_verified_certificate, 0,
                        COUNT(certificates));
    tcase_add_loop_test(binary, refuses_values_that_are_cut_or_said_twice, 0, COUNT(bad_vectors));
    tcase_add_test(binary, holds_a_checksum_against_the_bytes);
    tcase_add_test(binary, refuses_other_versions_commands_and_families);
    tcase_add_test(binary, refuses_at_once_what_would_be_longer_than_it_takes);
    suite_add_tcase(suite, binary);
    return suite_run(suite);
}
