/* Promises of proxy/address_guard: what is never dialled, in whatever clothes it comes. */
#include <check.h>
#include <ifaddrs.h>
#include <stdlib.h>

#include "proxy/address_guard.h"
#include "test/suite.h"

struct verdict_case {
    const char *address;
    const char *words; /* NULL: may be dialled */
};

static const struct verdict_case ipv4_cases[] = {
    {"0.0.0.0", "unspecified"},
    {"0.0.0.1", "this network (RFC 791)"},
    {"0.255.255.255", "this network (RFC 791)"},
    {"1.0.0.0", NULL},
    {"1.1.1.1", NULL},
    {"9.255.255.255", NULL},
    {"10.0.0.0", "private (RFC 1918)"},
    {"10.255.255.255", "private (RFC 1918)"},
    {"11.0.0.0", NULL},
    {"100.63.255.255", NULL},
    {"100.64.0.0", "shared address space (RFC 6598)"},
    {"100.100.100.200", "shared address space (RFC 6598)"},
    {"100.127.255.255", "shared address space (RFC 6598)"},
    {"100.128.0.0", NULL},
    {"126.255.255.255", NULL},
    {"127.0.0.0", "loopback"},
    {"127.0.0.1", "loopback"},
    {"127.255.255.255", "loopback"},
    {"128.0.0.0", NULL},
    {"168.63.129.15", NULL},
    {"168.63.129.16", "cloud platform services"},
    {"168.63.129.17", NULL},
    {"169.253.255.255", NULL},
    {"169.254.0.0", "link-local (cloud metadata)"},
    {"169.254.169.254", "link-local (cloud metadata)"},
    {"169.254.255.255", "link-local (cloud metadata)"},
    {"169.255.0.0", NULL},
    {"172.15.255.255", NULL},
    {"172.16.0.0", "private (RFC 1918)"},
    {"172.31.255.255", "private (RFC 1918)"},
    {"172.32.0.0", NULL},
    {"191.255.255.255", NULL},
    {"192.0.0.0", "IETF protocol assignments (RFC 6890)"},
    {"192.0.0.192", "IETF protocol assignments (RFC 6890)"},
    {"192.0.1.0", NULL},
    {"192.0.2.0", "documentation (RFC 5737)"},
    {"192.0.2.255", "documentation (RFC 5737)"},
    {"192.0.3.0", NULL},
    {"192.88.98.255", NULL},
    {"192.88.99.1", "6to4 relay (RFC 7526)"},
    {"192.88.100.0", NULL},
    {"192.167.255.255", NULL},
    {"192.168.0.0", "private (RFC 1918)"},
    {"192.168.255.255", "private (RFC 1918)"},
    {"192.169.0.0", NULL},
    {"198.17.255.255", NULL},
    {"198.18.0.0", "benchmarking (RFC 2544)"},
    {"198.19.255.255", "benchmarking (RFC 2544)"},
    {"198.20.0.0", NULL},
    {"198.51.99.255", NULL},
    {"198.51.100.7", "documentation (RFC 5737)"},
    {"198.51.101.0", NULL},
    {"203.0.112.255", NULL},
    {"203.0.113.9", "documentation (RFC 5737)"},
    {"203.0.114.0", NULL},
    {"223.255.255.255", NULL},
    {"224.0.0.0", "multicast"},
    {"239.255.255.255", "multicast"},
    {"240.0.0.0", "reserved (RFC 1112)"},
    {"255.255.255.254", "reserved (RFC 1112)"},
    {"255.255.255.255", "broadcast"},
};

static const char carried[] = "a prohibited IPv4 address embedded in IPv6";

static const struct verdict_case ipv6_cases[] = {
    {"::", "unspecified"},
    {"::1", "loopback"},
    {"::2", "IPv4-compatible (RFC 4291)"},
    {"::7f00:1", "IPv4-compatible (RFC 4291)"},
    {"::8.8.8.8", "IPv4-compatible (RFC 4291)"},
    {"::ffff:127.0.0.1", "loopback"},
    {"::ffff:10.1.2.3", "private (RFC 1918)"},
    {"::ffff:169.254.169.254", "link-local (cloud metadata)"},
    {"::ffff:0.0.0.0", "unspecified"},
    {"::ffff:224.0.0.1", "multicast"},
    {"::ffff:8.8.8.8", NULL},
    {"::ffff:0:127.0.0.1", "not global unicast (RFC 4291)"},
    {"64:ff9b::8.8.8.8", NULL},
    {"64:ff9b::127.0.0.1", carried},
    {"64:ff9b::169.254.169.254", carried},
    {"64:ff9b::192.168.1.1", carried},
    {"64:ff9b:0:0:0:1:808:808", "not global unicast (RFC 4291)"},
    {"64:ff9b:1::8.8.8.8", "local NAT64 (RFC 8215)"},
    {"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local NAT64 (RFC 8215)"},
    {"64:ff9b:2::1", "not global unicast (RFC 4291)"},
    {"100::", "discard only (RFC 6666)"},
    {"100::ffff:ffff:ffff:ffff", "discard only (RFC 6666)"},
    {"100:0:0:1::1", "not global unicast (RFC 4291)"},
    {"1fff:ffff::1", "not global unicast (RFC 4291)"},
    {"2000::", NULL},
    {"2000:ffff::1", NULL},
    {"2001::1", "Teredo (RFC 4380)"},
    {"2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo (RFC 4380)"},
    {"2001:0:7f00:1::", "Teredo (RFC 4380)"},
    {"2001:2::1", "IETF protocol assignments (RFC 2928)"},
    {"2001:10::1", "IETF protocol assignments (RFC 2928)"},
    {"2001:20::1", "ORCHIDv2 (RFC 7343)"},
    {"2001:2f:ffff::1", "ORCHIDv2 (RFC 7343)"},
    {"2001:1ff:ffff::1", "IETF protocol assignments (RFC 2928)"},
    {"2001:200::1", NULL},
    {"2001:4860:4860::8888", NULL},
    {"2001:db7:ffff::1", NULL},
    {"2001:db8::1", "documentation (RFC 3849)"},
    {"2001:db8:ffff:ffff::1", "documentation (RFC 3849)"},
    {"2001:db9::1", NULL},
    {"2002:808:808::1", NULL},
    {"2002:7f00:1::1", carried},
    {"2002:a00:1::1", carried},
    {"2002:a9fe:a9fe::", carried},
    {"2002:c0a8:101::1", carried},
    {"2002:e000:1::", carried},
    {"2003::1", NULL},
    {"2606:4700:4700::1111", NULL},
    {"2a00:1450:4001::200e", NULL},
    {"3ffe:ffff::1", NULL},
    {"3fff::1", "documentation (RFC 9637)"},
    {"3fff:fff:ffff::1", "documentation (RFC 9637)"},
    {"3fff:1000::1", NULL},
    {"3fff:ffff:ffff::1", NULL},
    {"4000::1", "not global unicast (RFC 4291)"},
    {"5f00::1", "segment routing (RFC 9602)"},
    {"8000::1", "not global unicast (RFC 4291)"},
    {"fbff::1", "not global unicast (RFC 4291)"},
    {"fc00::1", "unique local (RFC 4193)"},
    {"fd00:ec2::254", "cloud metadata"},
    {"fdff:ffff::1", "unique local (RFC 4193)"},
    {"fe00::1", "not global unicast (RFC 4291)"},
    {"fe80::1", "link-local"},
    {"febf:ffff::1", "link-local"},
    {"fec0::1", "site-local (RFC 3879)"},
    {"ff02::1", "multicast"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static struct ip ip_of(const char *text)
{
    struct ip ip;
    ck_assert_msg(ip_parse(span_of(text), &ip), "%s is no address", text);
    return ip;
}

static struct address_guard *guard_allowing(const char *range)
{
    struct ip_range allowed;
    if (range == NULL)
        return address_guard_new(NULL, 0);
    ck_assert_msg(ip_range_parse(span_of(range), &allowed), "%s is no range", range);
    return address_guard_new(&allowed, 1);
}

static const char *judge(const char *range, const char *address)
{
    struct address_guard *guard = guard_allowing(range);
    struct ip ip = ip_of(address);
    ck_assert_ptr_nonnull(guard);
    const char *words = address_guard_refuses(guard, &ip, 443);
    address_guard_free(guard);
    return words;
}

static void holds(const struct verdict_case *expected)
{
    const char *words = judge(NULL, expected->address);
    const char *said = words == NULL ? "(may be dialled)" : words;
    const char *right = expected->words == NULL ? "(may be dialled)" : expected->words;
    ck_assert_msg(strcmp(said, right) == 0, "%s: \"%s\", not \"%s\"", expected->address, said,
                  right);
}

START_TEST(judges_every_ipv4_range_at_its_edges)
{
    holds(&ipv4_cases[_i]);
}
END_TEST

START_TEST(judges_every_ipv6_range_at_its_edges)
{
    holds(&ipv6_cases[_i]);
}
END_TEST

START_TEST(allow_ranges_open_what_they_name_and_no_more)
{
    ck_assert_ptr_null(judge("127.0.0.0/8", "127.0.0.1"));
    ck_assert_ptr_null(judge("169.254.169.254/32", "169.254.169.254"));
    ck_assert_ptr_nonnull(judge("169.254.169.254/32", "169.254.169.253"));
    ck_assert_ptr_nonnull(judge("127.0.0.0/8", "::1"));
    ck_assert_ptr_null(judge("::1/128", "::1"));
    ck_assert_ptr_null(judge("fc00::/7", "fd12::1"));
}
END_TEST

START_TEST(a_v4_range_opens_the_mapped_address_but_no_other_embedding)
{
    ck_assert_ptr_null(judge("10.0.0.0/8", "::ffff:10.0.0.1"));
    ck_assert_ptr_nonnull(judge("10.0.0.0/8", "64:ff9b::10.0.0.1"));
    ck_assert_ptr_nonnull(judge("10.0.0.0/8", "2002:a00:1::1"));
    ck_assert_ptr_nonnull(judge("10.0.0.0/8", "::10.0.0.1"));
    ck_assert_ptr_null(judge("64:ff9b::/96", "64:ff9b::10.0.0.1"));
    ck_assert_ptr_null(judge("2002::/16", "2002:a00:1::1"));
}
END_TEST

static const char *own_words(const char *listener, uint16_t listens, const char *address,
                             uint16_t port)
{
    struct ip_range all[2];
    struct ip own = ip_of(listener), ip = ip_of(address);
    ck_assert(ip_range_parse(SPAN("0.0.0.0/0"), &all[0]));
    ck_assert(ip_range_parse(SPAN("::/0"), &all[1]));
    struct address_guard *guard = address_guard_new(all, 2);
    ck_assert_ptr_nonnull(guard);
    ck_assert(address_guard_add_listener(guard, &own, listens));
    const char *words = address_guard_refuses(guard, &ip, port);
    address_guard_free(guard);
    return words;
}

static const struct own_case {
    const char *listener;
    const char *address;
    bool refused;
} own_cases[] = {
    {"127.0.0.1", "127.0.0.1", true},
    {"127.0.0.1", "::ffff:127.0.0.1", true},
    {"127.0.0.1", "64:ff9b::127.0.0.1", true},
    {"127.0.0.1", "64:ff9b:1::127.0.0.1", true},
    {"127.0.0.1", "2002:7f00:1::1", true},
    {"127.0.0.1", "::127.0.0.1", true},
    {"127.0.0.1", "2001:0:808:808::80ff:fffe", true}, /* Teredo client 127.0.0.1, turned over */
    {"127.0.0.1", "2001:0:7f00:1::1", true},          /* Teredo server 127.0.0.1 */
    {"127.0.0.1", "0.0.0.0", true},
    {"127.0.0.1", "::", true},
    {"127.0.0.1", "127.0.0.2", false},
    {"::ffff:127.0.0.1", "127.0.0.1", true},
    {"::1", "::1", true},
    {"::1", "127.0.0.1", false},
    {"0.0.0.0", "127.0.0.1", true},
    {"0.0.0.0", "127.9.9.9", true},
    {"0.0.0.0", "::ffff:127.9.9.9", true},
    {"0.0.0.0", "0.0.0.0", true},
    {"0.0.0.0", "198.51.100.1", false},
    {"::", "127.0.0.1", true},
    {"::", "::1", true},
    {"::", "::", true},
    {"::", "2001:db8::99", false},
};

START_TEST(own_listeners_are_refused_whatever_is_allowed)
{
    const struct own_case *own = &own_cases[_i];
    const char *words = own_words(own->listener, 3128, own->address, 3128);
    ck_assert_msg((words != NULL) == own->refused, "listener %s, address %s", own->listener,
                  own->address);
    if (own->refused)
        ck_assert_str_eq(words, "the proxy's own listener");
    ck_assert_ptr_null(own_words(own->listener, 3128, own->address, 3129));
}
END_TEST

START_TEST(a_listener_on_every_address_covers_all_that_this_machine_has)
{
    struct ifaddrs *addresses = NULL;
    char text[IP_TEXT_SIZE];
    struct ip ip;
    uint16_t port;
    int seen = 0;
    ck_assert_int_eq(getifaddrs(&addresses), 0);
    for (struct ifaddrs *at = addresses; at != NULL; at = at->ifa_next) {
        if (at->ifa_addr == NULL || !ip_from_sockaddr(at->ifa_addr, &ip, &port))
            continue;
        ip_format(&ip, text);
        ck_assert_msg(own_words("::", 3128, text, 3128) != NULL, "%s", text);
        seen++;
    }
    freeifaddrs(addresses);
    ck_assert_int_gt(seen, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address_guard");
    TCase *tests = tcase_create("all");
    tcase_add_loop_test(tests, judges_every_ipv4_range_at_its_edges, 0, COUNT(ipv4_cases));
    tcase_add_loop_test(tests, judges_every_ipv6_range_at_its_edges, 0, COUNT(ipv6_cases));
    tcase_add_test(tests, allow_ranges_open_what_they_name_and_no_more);
    tcase_add_test(tests, a_v4_range_opens_the_mapped_address_but_no_other_embedding);
    tcase_add_loop_test(tests, own_listeners_are_refused_whatever_is_allowed, 0, COUNT(own_cases));
    tcase_add_test(tests, a_listener_on_every_address_covers_all_that_this_machine_has);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
