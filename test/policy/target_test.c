/* Promises of policy/target: what is asked for is read in one way or refused. */
#include <check.h>
#include <string.h>

#include "policy/target.h"
#include "test/suite.h"

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))
#define REFUSED(literal, hint)                                                                     \
    {                                                                                              \
        {literal, sizeof(literal) - 1}, hint                                                       \
    }

static struct target target;
static struct error error;

struct accepted_row {
    const char *text;
    enum scheme scheme;
    const char *host;
    uint16_t port;
};

struct refused_row {
    struct span text;
    const char *hint; /* what the message has to say */
};

static void expect(const char *text, enum scheme scheme, const char *host, uint16_t port)
{
    ck_assert_msg(target.scheme == scheme, "%s: scheme %s", text, scheme_name(target.scheme));
    ck_assert_str_eq(target.host.text, host);
    ck_assert_uint_eq(target.port, port);
}

static void expect_hint(const struct refused_row *row)
{
    ck_assert_msg(strstr(error.message, row->hint) != NULL, "%.*s: %s", SPAN_FORMAT(row->text),
                  error.message);
}

START_TEST(knows_the_four_schemes_in_any_case)
{
    enum scheme scheme = SCHEME_ANY;
    ck_assert(scheme_parse(SPAN("HTTPS"), &scheme) && scheme == SCHEME_HTTPS);
    ck_assert(scheme_parse(SPAN("wss"), &scheme) && scheme == SCHEME_WSS);
    ck_assert(scheme_parse(SPAN("Http"), &scheme) && scheme == SCHEME_HTTP);
    ck_assert(scheme_parse(SPAN("ws"), &scheme) && scheme == SCHEME_WS);
    ck_assert(!scheme_parse(SPAN("tunnel"), &scheme));
    ck_assert(!scheme_parse(SPAN("*"), &scheme));
    ck_assert(!scheme_parse(SPAN(""), &scheme));
    ck_assert(!scheme_parse(SPAN("https:"), &scheme));
    ck_assert_str_eq(scheme_name(SCHEME_TUNNEL), "tunnel");
    ck_assert_str_eq(scheme_name(SCHEME_ANY), "*");
    ck_assert_uint_eq(scheme_default_port(SCHEME_WSS), 443);
    ck_assert_uint_eq(scheme_default_port(SCHEME_WS), 80);
    ck_assert_uint_eq(scheme_default_port(SCHEME_TUNNEL), 0);
}
END_TEST

static const struct accepted_row accepted_rows[] = {
    {"https://example.com", SCHEME_HTTPS, "example.com", 443},
    {"https://example.com/any?q", SCHEME_HTTPS, "example.com", 443},
    {"http://example.com", SCHEME_HTTP, "example.com", 80},
    {"wss://example.com", SCHEME_WSS, "example.com", 443},
    {"ws://example.com", SCHEME_WS, "example.com", 80},
    {"HTTPS://EXAMPLE.COM", SCHEME_HTTPS, "example.com", 443},
    {"https://a.b.example.com", SCHEME_HTTPS, "a.b.example.com", 443},
    {"https://example.com:443", SCHEME_HTTPS, "example.com", 443},
    {"https://example.com:8443", SCHEME_HTTPS, "example.com", 8443},
    {"http://example.com:443", SCHEME_HTTP, "example.com", 443},
    {"https://example.com.", SCHEME_HTTPS, "example.com", 443},
    {"https://bücher.example", SCHEME_HTTPS, "xn--bcher-kva.example", 443},
    {"https://example.com/a@b:c\\d", SCHEME_HTTPS, "example.com", 443},
    {"https://example.com/a b", SCHEME_HTTPS, "example.com", 443},
    {"https://example.com/ü", SCHEME_HTTPS, "example.com", 443},
    {"https://example.com?x://y", SCHEME_HTTPS, "example.com", 443},
    {"https://example.com#f@evil.com", SCHEME_HTTPS, "example.com", 443},
    {"example.com", SCHEME_HTTPS, "example.com", 443},
    {"example.com:8443", SCHEME_HTTPS, "example.com", 8443},
    {"example.com/path", SCHEME_HTTPS, "example.com", 443},
    {"example.com?u=http://evil.com", SCHEME_HTTPS, "example.com", 443},
    {"example.com/http://evil.com", SCHEME_HTTPS, "example.com", 443},
    {"localhost:1", SCHEME_HTTPS, "localhost", 1},
    {"example.com:65535", SCHEME_HTTPS, "example.com", 65535},
    {"192.0.2.1:80", SCHEME_HTTPS, "192.0.2.1", 80},
    {"[::1]", SCHEME_HTTPS, "::1", 443},
    {"[::1]:8080", SCHEME_HTTPS, "::1", 8080},
    {"http://[2001:db8::1]/", SCHEME_HTTP, "2001:db8::1", 80},
    {"http://[2001:db8::1]:8080/x", SCHEME_HTTP, "2001:db8::1", 8080},
};

START_TEST(reads_a_url_a_host_or_host_and_port)
{
    const struct accepted_row *row = &accepted_rows[_i];
    ck_assert_msg(target_parse(span_of(row->text), &target, &error), "%s", error.message);
    expect(row->text, row->scheme, row->host, row->port);
}
END_TEST

static const struct refused_row refused_rows[] = {
    REFUSED("", "empty"),
    REFUSED("https://", "empty"),
    REFUSED("https:///path", "empty"),
    REFUSED("https://?q", "empty"),
    REFUSED("https://#f", "empty"),
    REFUSED("https://:443", "empty"),
    REFUSED(":443", "empty"),
    REFUSED("://example.com", "not a scheme"),
    REFUSED("//example.com", "write https://host"),
    REFUSED("/path", "write https://host"),
    REFUSED("/https://example.com", "write https://host"),
    REFUSED("https:/example.com", "two slashes"),
    REFUSED("https:example.com", "two slashes"),
    REFUSED("HTTPS:example.com", "two slashes"),
    REFUSED("https:\\\\example.com", "two slashes"),
    REFUSED("http:80", "two slashes"),
    REFUSED("wss:", "two slashes"),
    REFUSED("https:///example.com", "empty"),
    REFUSED("https:////example.com", "empty"),
    REFUSED("https://https://example.com", "no port"),
    REFUSED("ftp://example.com", "write https, wss, http or ws"),
    REFUSED("file:///etc/passwd", "not a scheme"),
    REFUSED("javascript://example.com", "not a scheme"),
    REFUSED("https ://example.com", "not a scheme"),
    REFUSED(" https://example.com", "not a scheme"),
    REFUSED("*://example.com", "not a scheme"),
    REFUSED("tunnel://example.com", "not a scheme"),
    REFUSED("ht\xC4\xB1ps://example.com", "not a scheme"),
    REFUSED("javascript:alert(1)", "not a port"),
    REFUSED("https://user@example.com", "user names"),
    REFUSED("https://user:pass@example.com", "user names"),
    REFUSED("https://evil.com@a.example.com", "user names"),
    REFUSED("https://@example.com", "user names"),
    REFUSED("https://example.com:443@evil.com", "user names"),
    REFUSED("user@example.com", "user names"),
    REFUSED("https://evil.com\\.example.com", "backslashes"),
    REFUSED("https://evil.com\\@example.com", "user names"),
    REFUSED("evil.com\\.example.com", "backslashes"),
    REFUSED("https://.example.com", "a label is empty"),
    REFUSED("https://example..com", "a label is empty"),
    REFUSED("https://*.example.com", "wildcard"),
    REFUSED("*", "wildcard"),
    REFUSED("https://example.com:", "no port"),
    REFUSED("example.com:", "no port"),
    REFUSED("https://example.com:/x", "no port"),
    REFUSED("https://example.com:0", "1 to 65535"),
    REFUSED("https://example.com:65536", "1 to 65535"),
    REFUSED("https://example.com:18446744073709552059", "1 to 65535"),
    REFUSED("https://example.com:0443", "leading zeros"),
    REFUSED("https://example.com:00", "leading zeros"),
    REFUSED("https://example.com:+443", "not a port"),
    REFUSED("https://example.com:-1", "not a port"),
    REFUSED("https://example.com:44 3", "not a port"),
    REFUSED("https://example.com:443 ", "not a port"),
    REFUSED("https://example.com:https", "not a port"),
    REFUSED("https://example.com:4٤3", "not a port"),
    REFUSED("https://example.com:443:443", "more than one colon"),
    REFUSED("https://example.com::443", "more than one colon"),
    REFUSED("https://::1", "brackets"),
    REFUSED("https://2001:db8::1/", "brackets"),
    REFUSED("[::1", "bracket"),
    REFUSED("[::1]443", "behind the bracket"),
    REFUSED("[::1]]", "behind the bracket"),
    REFUSED("[::1].evil.com", "behind the bracket"),
    REFUSED("[::1]:", "no port"),
    REFUSED("[::1]::443", "more than one colon"),
    REFUSED("https://[fe80::1%25eth0]/", "zone"),
    REFUSED("https://a b.com", "no spaces"),
    REFUSED("https://example.com /x", "no spaces"),
    REFUSED("example.com ", "no spaces"),
    REFUSED("https://exa\tmple.com", "control characters"),
    REFUSED("https://example.com\r\n", "control characters"),
    REFUSED("https://example.com/\r\nX: 1", "control characters"),
    REFUSED("https://example.com/?\0", "control characters"),
    REFUSED("https://example.com/#\x7F", "control characters"),
    REFUSED("https://evil.com%2F@example.com", "user names"),
    REFUSED("https://evil.com%2Fexample.com", "percent"),
    REFUSED("https://evil.com／example.com", "path"),
    REFUSED("https://evil.com：443／example.com", "colon"),
    REFUSED("https://2130706433", "127.0.0.1"),
    REFUSED("https://0x7f.1:8080/", "127.0.0.1"),
    REFUSED("https://[::ffff:0x7f.1]", "not an IPv6 address"),
    REFUSED("https://１２７.0.0.1", "127.0.0.1"),
};

START_TEST(refuses_a_target_that_could_be_read_in_two_ways_and_says_what_is_right)
{
    const struct refused_row *row = &refused_rows[_i];
    ck_assert_msg(!target_parse(row->text, &target, &error), "%.*s was taken for %s",
                  SPAN_FORMAT(row->text), target.host.text);
    expect_hint(row);
}
END_TEST

struct absolute_row {
    const char *text;
    enum scheme scheme;
    const char *host;
    uint16_t port;
    const char *path_and_query;
};

static const struct absolute_row absolute_rows[] = {
    {"http://example.com", SCHEME_HTTP, "example.com", 80, ""},
    {"http://example.com/", SCHEME_HTTP, "example.com", 80, "/"},
    {"http://example.com/a/b?c=d", SCHEME_HTTP, "example.com", 80, "/a/b?c=d"},
    {"http://example.com?c=d", SCHEME_HTTP, "example.com", 80, "?c=d"},
    {"HTTP://Example.com:8080/A", SCHEME_HTTP, "example.com", 8080, "/A"},
    {"https://example.com/@:%zz", SCHEME_HTTPS, "example.com", 443, "/@:%zz"},
    {"ws://[::1]:81//x", SCHEME_WS, "::1", 81, "//x"},
    {"wss://xn--bcher-kva.example/http://b", SCHEME_WSS, "xn--bcher-kva.example", 443, "/http://b"},
};

START_TEST(reads_an_absolute_form_and_hands_back_the_rest)
{
    const struct absolute_row *row = &absolute_rows[_i];
    struct span rest;
    ck_assert_msg(target_parse_absolute(span_of(row->text), &target, &rest, &error), "%s",
                  error.message);
    expect(row->text, row->scheme, row->host, row->port);
    ck_assert(span_equal(rest, span_of(row->path_and_query)));
}
END_TEST

static const struct refused_row absolute_refused_rows[] = {
    REFUSED("", "not an absolute URL"),
    REFUSED("/path", "not an absolute URL"),
    REFUSED("*", "not an absolute URL"),
    REFUSED("example.com", "not an absolute URL"),
    REFUSED("example.com:80", "not an absolute URL"),
    REFUSED("/http://example.com", "not an absolute URL"),
    REFUSED("http:/example.com", "not an absolute URL"),
    REFUSED("http:example.com", "not an absolute URL"),
    REFUSED("//example.com/", "not an absolute URL"),
    REFUSED("ftp://example.com/", "not a scheme"),
    REFUSED("http:///path", "empty"),
    REFUSED("http://?q", "empty"),
    REFUSED("http://example.com/#f", "fragment"),
    REFUSED("http://example.com#", "fragment"),
    REFUSED("http://user@example.com/", "user names"),
    REFUSED("http://evil.com\\.example.com/", "backslashes"),
    REFUSED("http:\\\\example.com/", "not an absolute URL"),
    REFUSED("http://example.com/a b", "printable ASCII"),
    REFUSED("http://example.com /", "printable ASCII"),
    REFUSED("http://example.com/\t", "printable ASCII"),
    REFUSED("http://example.com/\0", "printable ASCII"),
    REFUSED("http://example.com/\x7F", "printable ASCII"),
    REFUSED("http://bücher.example/", "xn--"),
    REFUSED("http://example.com/ü", "percent-encoded"),
    REFUSED("http://example.com:/", "no port"),
    REFUSED("http://example.com:0/", "1 to 65535"),
    REFUSED("http://example.com:080/", "leading zeros"),
    REFUSED("http://[::1/", "bracket"),
    REFUSED("http://0x7f.1/", "127.0.0.1"),
};

START_TEST(refuses_an_absolute_form_that_is_not_exact)
{
    const struct refused_row *row = &absolute_refused_rows[_i];
    struct span rest;
    ck_assert_msg(!target_parse_absolute(row->text, &target, &rest, &error), "%.*s was taken",
                  SPAN_FORMAT(row->text));
    expect_hint(row);
}
END_TEST

static const struct accepted_row connect_rows[] = {
    {"example.com:443", SCHEME_TUNNEL, "example.com", 443},
    {"Example.com.:8443", SCHEME_TUNNEL, "example.com", 8443},
    {"192.0.2.1:1", SCHEME_TUNNEL, "192.0.2.1", 1},
    {"[2001:db8::1]:443", SCHEME_TUNNEL, "2001:db8::1", 443},
    {"https:443", SCHEME_TUNNEL, "https", 443},
};

START_TEST(reads_host_and_port_of_a_connect)
{
    const struct accepted_row *row = &connect_rows[_i];
    ck_assert_msg(target_parse_connect(span_of(row->text), &target, &error), "%s", error.message);
    expect(row->text, row->scheme, row->host, row->port);
}
END_TEST

static const struct refused_row connect_refused_rows[] = {
    REFUSED("", "empty"),
    REFUSED("example.com", "names a port"),
    REFUSED("[::1]", "names a port"),
    REFUSED("example.com:", "no port"),
    REFUSED(":443", "empty"),
    REFUSED("example.com:0", "1 to 65535"),
    REFUSED("example.com:65536", "1 to 65535"),
    REFUSED("example.com:0443", "leading zeros"),
    REFUSED("example.com:443:443", "more than one colon"),
    REFUSED("::1:443", "brackets"),
    REFUSED("https://example.com:443", "host:port alone"),
    REFUSED("example.com:443/", "host:port alone"),
    REFUSED("example.com:443?q", "host:port alone"),
    REFUSED("example.com:443#f", "host:port alone"),
    REFUSED("user@example.com:443", "user names"),
    REFUSED("evil.com\\.example.com:443", "backslashes"),
    REFUSED("*.example.com:443", "wildcard"),
    REFUSED("example.com :443", "printable ASCII"),
    REFUSED("example.com:443\0", "printable ASCII"),
    REFUSED("bücher.example:443", "xn--"),
    REFUSED("2130706433:443", "127.0.0.1"),
};

START_TEST(refuses_a_connect_that_is_not_host_and_port)
{
    const struct refused_row *row = &connect_refused_rows[_i];
    ck_assert_msg(!target_parse_connect(row->text, &target, &error), "%.*s was taken",
                  SPAN_FORMAT(row->text));
    expect_hint(row);
}
END_TEST

START_TEST(reads_a_host_field_with_and_without_port)
{
    uint16_t port = 0;
    ck_assert(target_parse_authority(SPAN("Example.com"), 80, &target.host, &port, &error));
    ck_assert_str_eq(target.host.text, "example.com");
    ck_assert_uint_eq(port, 80);
    ck_assert(target_parse_authority(SPAN("[::1]:8080"), 80, &target.host, &port, &error));
    ck_assert_str_eq(target.host.text, "::1");
    ck_assert_uint_eq(port, 8080);
}
END_TEST

static const struct refused_row field_refused_rows[] = {
    REFUSED("", "empty"),
    REFUSED("example.com:", "no port"),
    REFUSED("example.com, evil.com", "printable ASCII"),
    REFUSED("example.com,evil.com", "letters, digits"),
    REFUSED("example.com/", "path"),
    REFUSED("http://example.com", "not a port"),
    REFUSED("user@example.com", "user names"),
    REFUSED("bücher.example", "xn--"),
};

START_TEST(refuses_a_host_field_that_is_more_than_a_host_and_port)
{
    const struct refused_row *row = &field_refused_rows[_i];
    uint16_t port;
    ck_assert(!target_parse_authority(row->text, 80, &target.host, &port, &error));
    expect_hint(row);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy/target");
    TCase *tests = tcase_create("target");
    tcase_add_test(tests, knows_the_four_schemes_in_any_case);
    tcase_add_loop_test(tests, reads_a_url_a_host_or_host_and_port, 0, COUNT(accepted_rows));
    tcase_add_loop_test(tests,
                        refuses_a_target_that_could_be_read_in_two_ways_and_says_what_is_right, 0,
                        COUNT(refused_rows));
    tcase_add_loop_test(tests, reads_an_absolute_form_and_hands_back_the_rest, 0,
                        COUNT(absolute_rows));
    tcase_add_loop_test(tests, refuses_an_absolute_form_that_is_not_exact, 0,
                        COUNT(absolute_refused_rows));
    tcase_add_loop_test(tests, reads_host_and_port_of_a_connect, 0, COUNT(connect_rows));
    tcase_add_loop_test(tests, refuses_a_connect_that_is_not_host_and_port, 0,
                        COUNT(connect_refused_rows));
    tcase_add_test(tests, reads_a_host_field_with_and_without_port);
    tcase_add_loop_test(tests, refuses_a_host_field_that_is_more_than_a_host_and_port, 0,
                        COUNT(field_refused_rows));
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
