/* conf/ip: what an address, a range and an endpoint are, and what they are not. */
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>

#include "conf/ip.h"
#include "test/suite.h"

static struct ip ip_of(const char *text)
{
    struct ip ip;
    ck_assert_msg(ip_parse(span_of(text), &ip), "%s", text);
    return ip;
}

static struct ip_range range_of(const char *text)
{
    struct ip_range range;
    ck_assert_msg(ip_range_parse(span_of(text), &range), "%s", text);
    return range;
}

/* ---- Addresses -------------------------------------------------------------- */

static const struct {
    const char *text;
    const char *canonical;
} addresses[] = {
    {"0.0.0.0", "0.0.0.0"},
    {"192.0.2.1", "192.0.2.1"},
    {"255.255.255.255", "255.255.255.255"},
    {"::", "::"},
    {"::1", "::1"},
    {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
};

START_TEST(formats_what_it_parsed)
{
    char text[IP_TEXT_SIZE];
    struct ip ip = ip_of(addresses[_i].text);
    ip_format(&ip, text);
    ck_assert_str_eq(text, addresses[_i].canonical);
}
END_TEST

static const char *const no_addresses[] = {
    "",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "0x7f.0.0.1",
    "127.1",
    " 1.2.3.4",
    "1.2.3.4 ",
    "1.2.3.4/8",
    "[::1]",
    "::1%lo",
    "fe80::1%1",
    ":",
    ":::",
    "1::2::3",
    "12345::",
    "localhost",
    "::1.2.3",
    "1:2:3:4:5:6:7:8:9",
    "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2550",
};

START_TEST(refuses_what_is_no_address)
{
    struct ip ip = {.family = 99};
    ck_assert_msg(!ip_parse(span_of(no_addresses[_i]), &ip), "%s", no_addresses[_i]);
    ck_assert_uint_eq(ip.family, 99);
}
END_TEST

START_TEST(refuses_an_address_with_a_nul_behind_it)
{
    struct ip ip;
    ck_assert(!ip_parse(SPAN("127.0.0.1\0.evil.example"), &ip));
    ck_assert(!ip_parse(SPAN("127.0.0.1\0"), &ip));
}
END_TEST

START_TEST(a_mapped_address_is_not_its_ipv4_address)
{
    struct ip v4 = ip_of("127.0.0.1");
    struct ip mapped = ip_of("::ffff:127.0.0.1");
    ck_assert(!ip_equal(&v4, &mapped));
    struct ip unmapped = ip_unmapped(&mapped);
    ck_assert(ip_equal(&v4, &unmapped));
    unmapped = ip_unmapped(&v4);
    ck_assert(ip_equal(&v4, &unmapped));
    ck_assert(ip_equal(&v4, &v4));
}
END_TEST

START_TEST(compares_only_the_bytes_that_an_ipv4_address_has)
{
    struct ip a = ip_of("192.0.2.1");
    struct ip b = a;
    b.bytes[9] = 7;
    ck_assert(ip_equal(&a, &b));
    b.bytes[3] = 7;
    ck_assert(!ip_equal(&a, &b));
}
END_TEST

START_TEST(writes_ipv6_in_brackets_before_a_port)
{
    char text[IP_TEXT_SIZE];
    struct ip v4 = ip_of("192.0.2.1");
    struct ip v6 = ip_of("1111:2222:3333:4444:5555:6666:7777:8888");
    ip_format_with_port(&v4, 443, text);
    ck_assert_str_eq(text, "192.0.2.1:443");
    ip_format_with_port(&v6, 65535, text);
    ck_assert_str_eq(text, "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
}
END_TEST

/* ---- Socket addresses ------------------------------------------------------- */

START_TEST(comes_back_from_a_sockaddr_as_it_went_in)
{
    static const char *const texts[] = {"192.0.2.1", "2001:db8::7", "::ffff:10.0.0.1"};
    struct ip ip = ip_of(texts[_i]);
    struct ip back;
    uint16_t port = 0;
    struct sockaddr_storage address;

    socklen_t length = ip_to_sockaddr(&ip, 3128, &address);

    ck_assert_uint_eq(length,
                      ip.family == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    ck_assert(ip_from_sockaddr((struct sockaddr *)&address, &back, &port));
    ck_assert(ip_equal(&ip, &back));
    ck_assert_uint_eq(port, 3128);
}
END_TEST

START_TEST(a_unix_socket_has_no_ip)
{
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    struct ip ip;
    uint16_t port;
    ck_assert(!ip_from_sockaddr((struct sockaddr *)&address, &ip, &port));
}
END_TEST

/* ---- Ranges ----------------------------------------------------------------- */

static const struct {
    const char *range;
    const char *ip;
    bool inside;
} contained[] = {
    {"10.0.0.0/8", "10.0.0.0", true},
    {"10.0.0.0/8", "10.255.255.255", true},
    {"10.0.0.0/8", "11.0.0.0", false},
    {"10.0.0.0/8", "9.255.255.255", false},
    {"172.16.0.0/12", "172.31.255.255", true},
    {"172.16.0.0/12", "172.32.0.0", false},
    {"172.16.0.0/12", "172.15.255.255", false},
    {"100.64.0.0/10", "100.127.0.1", true},
    {"100.64.0.0/10", "100.128.0.0", false},
    {"192.0.2.128/25", "192.0.2.127", false},
    {"192.0.2.128/25", "192.0.2.128", true},
    {"192.0.2.6/31", "192.0.2.7", true},
    {"192.0.2.6/31", "192.0.2.8", false},
    {"192.0.2.7/32", "192.0.2.7", true},
    {"192.0.2.7", "192.0.2.7", true},
    {"192.0.2.7", "192.0.2.6", false},
    {"0.0.0.0/0", "203.0.113.9", true},
    {"0.0.0.0/1", "127.255.255.255", true},
    {"0.0.0.0/1", "128.0.0.0", false},
    {"fc00::/7", "fdff::1", true},
    {"fc00::/7", "fe00::", false},
    {"fe80::/10", "febf:ffff::", true},
    {"fe80::/10", "fec0::", false},
    {"2001:db8:8000::/33", "2001:db8:ffff::1", true},
    {"2001:db8:8000::/33", "2001:db8:7fff::1", false},
    {"::1/128", "::1", true},
    {"::1/128", "::2", false},
    {"::/0", "2001:db8::1", true},
    /* the families never mix */
    {"0.0.0.0/0", "::1", false},
    {"::/0", "127.0.0.1", false},
    {"127.0.0.0/8", "::ffff:127.0.0.1", false},
    {"::ffff:0:0/96", "127.0.0.1", false},
    {"::ffff:0:0/96", "::ffff:127.0.0.1", true},
};

START_TEST(a_range_contains_what_shares_its_prefix)
{
    struct ip_range range = range_of(contained[_i].range);
    struct ip ip = ip_of(contained[_i].ip);
    ck_assert_msg(ip_range_contains(&range, &ip) == contained[_i].inside, "%s in %s",
                  contained[_i].ip, contained[_i].range);
}
END_TEST

static const char *const no_ranges[] = {
    "",
    "/",
    "10.0.0.0/",
    "/8",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.1/8",
    "10.0.0.0/-1",
    "10/8",
    "10.0.0.0/8/8",
    "::1/64",
    "192.0.2.1/31",
    "fc01::/7",
    "10.0.0.0/ 8",
    "10.0.0.0 /8",
    "::ffff:1.2.3.4/96",
};

START_TEST(refuses_what_is_no_range)
{
    struct ip_range range;
    ck_assert_msg(!ip_range_parse(span_of(no_ranges[_i]), &range), "%s", no_ranges[_i]);
}
END_TEST

/* ---- Endpoints -------------------------------------------------------------- */

static const struct {
    const char *text;
    uint16_t default_port;
    const char *ip;
    uint16_t port;
} endpoints[] = {
    {"127.0.0.1:3128", 0, "127.0.0.1", 3128},   {"127.0.0.1:0", 0, "127.0.0.1", 0},
    {"0.0.0.0:65535", 0, "0.0.0.0", 65535},     {"[::1]:3128", 0, "::1", 3128},
    {"192.0.2.53", 53, "192.0.2.53", 53},       {"192.0.2.53:5353", 53, "192.0.2.53", 5353},
    {"[2001:db8::53]", 53, "2001:db8::53", 53}, {"[2001:db8::53]:5353", 53, "2001:db8::53", 5353},
};

START_TEST(reads_an_endpoint)
{
    struct ip ip;
    struct ip expected = ip_of(endpoints[_i].ip);
    uint16_t port;
    ck_assert(
        ip_endpoint_parse(span_of(endpoints[_i].text), endpoints[_i].default_port, &ip, &port));
    ck_assert(ip_equal(&ip, &expected));
    ck_assert_uint_eq(port, endpoints[_i].port);
}
END_TEST

static const char *const no_endpoints[] = {
    "",
    ":",
    ":3128",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "[::1]",
    "[::1]:",
    "[::1]3128",
    "[::1",
    "::1:3128",
    "[127.0.0.1]:3128",
    "localhost:1",
    "127.0.0.1:+1",
    "127.0.0.1: 1",
    "127.0.0.1:1:2",
    "[]:3128",
    "[::1%lo]:3128",
};

START_TEST(refuses_what_is_no_endpoint)
{
    struct ip ip;
    uint16_t port;
    ck_assert_msg(!ip_endpoint_parse(span_of(no_endpoints[_i]), 0, &ip, &port), "%s",
                  no_endpoints[_i]);
}
END_TEST

START_TEST(takes_no_ipv6_without_brackets_even_where_the_port_may_be_missing)
{
    struct ip ip;
    uint16_t port;
    ck_assert(!ip_endpoint_parse(SPAN("2001:db8::1:53"), 53, &ip, &port));
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
    Suite *suite = suite_create("conf/ip");
    TCase *all = tcase_create("ip");
    suite_add_tcase(suite, all);
    tcase_add_loop_test(all, formats_what_it_parsed, 0, COUNT(addresses));
    tcase_add_loop_test(all, refuses_what_is_no_address, 0, COUNT(no_addresses));
    tcase_add_test(all, refuses_an_address_with_a_nul_behind_it);
    tcase_add_test(all, a_mapped_address_is_not_its_ipv4_address);
    tcase_add_test(all, compares_only_the_bytes_that_an_ipv4_address_has);
    tcase_add_test(all, writes_ipv6_in_brackets_before_a_port);
    tcase_add_loop_test(all, comes_back_from_a_sockaddr_as_it_went_in, 0, 3);
    tcase_add_test(all, a_unix_socket_has_no_ip);
    tcase_add_loop_test(all, a_range_contains_what_shares_its_prefix, 0, COUNT(contained));
    tcase_add_loop_test(all, refuses_what_is_no_range, 0, COUNT(no_ranges));
    tcase_add_loop_test(all, reads_an_endpoint, 0, COUNT(endpoints));
    tcase_add_loop_test(all, refuses_what_is_no_endpoint, 0, COUNT(no_endpoints));
    tcase_add_test(all, takes_no_ipv6_without_brackets_even_where_the_port_may_be_missing);

    return suite_run(suite);
}
