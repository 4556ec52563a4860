/* Promises of policy/address: the platform's rules, and the stricter ones of ours. */
#include <check.h>
#include <string.h>

#include "policy/address.h"
#include "test/suite.h"

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))
#define A10         "aaaaaaaaaa"
#define A50         A10 A10 A10 A10 A10
#define A250        A50 A50 A50 A50 A50

static struct address address;
static struct error error;

struct accepted_row {
    const char *text;
    enum scheme scheme;
    bool wildcard;
    const char *host;
    uint16_t port;
    bool has_path;
};

static const struct accepted_row accepted_rows[] = {
    {"*", SCHEME_ANY, false, "", 0, false},
    {"example.com", SCHEME_HTTPS, false, "example.com", 443, false},
    {"Example.com", SCHEME_HTTPS, false, "example.com", 443, false},
    {"example.com.", SCHEME_HTTPS, false, "example.com", 443, false},
    {"https://example.com", SCHEME_HTTPS, false, "example.com", 443, false},
    {"HTTPS://example.com", SCHEME_HTTPS, false, "example.com", 443, false},
    {"wss://example.com", SCHEME_WSS, false, "example.com", 443, false},
    {"http://example.com", SCHEME_HTTP, false, "example.com", 80, false},
    {"ws://example.com", SCHEME_WS, false, "example.com", 80, false},
    {"https://example.com:443", SCHEME_HTTPS, false, "example.com", 443, false},
    {"https://example.com:8443", SCHEME_HTTPS, false, "example.com", 8443, false},
    {"example.com:8443", SCHEME_HTTPS, false, "example.com", 8443, false},
    {"https://example.com/", SCHEME_HTTPS, false, "example.com", 443, false},
    {"https://example.com/api", SCHEME_HTTPS, false, "example.com", 443, true},
    {"example.com/api/*", SCHEME_HTTPS, false, "example.com", 443, true},
    {"example.com?q", SCHEME_HTTPS, false, "example.com", 443, true},
    {"example.com#f", SCHEME_HTTPS, false, "example.com", 443, true},
    {"example.com?", SCHEME_HTTPS, false, "example.com", 443, true},
    {"example.com/a@b:c", SCHEME_HTTPS, false, "example.com", 443, true},
    {"example.com/x://y", SCHEME_HTTPS, false, "example.com", 443, true},
    {"example.com:8443/api", SCHEME_HTTPS, false, "example.com", 8443, true},
    {"*.example.com", SCHEME_HTTPS, true, "example.com", 443, false},
    {"*.Example.com.", SCHEME_HTTPS, true, "example.com", 443, false},
    {"https://*.example.com", SCHEME_HTTPS, true, "example.com", 443, false},
    {"wss://*.example.com:8443/x", SCHEME_WSS, true, "example.com", 8443, true},
    {"*.com", SCHEME_HTTPS, true, "com", 443, false},
    {"*.co.uk", SCHEME_HTTPS, true, "co.uk", 443, false},
    {"bücher.example", SCHEME_HTTPS, false, "xn--bcher-kva.example", 443, false},
    {"*.bücher.example", SCHEME_HTTPS, true, "xn--bcher-kva.example", 443, false},
    {"https://xn--bcher-kva.example", SCHEME_HTTPS, false, "xn--bcher-kva.example", 443, false},
    {"_a.example.com", SCHEME_HTTPS, false, "_a.example.com", 443, false},
    {"192.0.2.1", SCHEME_HTTPS, false, "192.0.2.1", 443, false},
    {"https://192.0.2.1:8443", SCHEME_HTTPS, false, "192.0.2.1", 8443, false},
    {"[2001:DB8::1]", SCHEME_HTTPS, false, "2001:db8::1", 443, false},
    {"[::1]:8443", SCHEME_HTTPS, false, "::1", 8443, false},
    {"http://[::1]:8080/", SCHEME_HTTP, false, "::1", 8080, false},
};

START_TEST(reads_an_address_as_the_platform_does)
{
    const struct accepted_row *row = &accepted_rows[_i];
    ck_assert_msg(address_parse(span_of(row->text), &address, &error), "%s: %s", row->text,
                  error.message);
    ck_assert_int_eq(address.scheme, row->scheme);
    ck_assert_int_eq(address.wildcard, row->wildcard);
    ck_assert_str_eq(address.host.text, row->host);
    ck_assert_uint_eq(address.port, row->port);
    ck_assert_int_eq(address.has_path, row->has_path);
}
END_TEST

struct refused_row {
    struct span text;
    const char *hint;
};

#define REFUSED(literal, hint)                                                                     \
    {                                                                                              \
        {literal, sizeof(literal) - 1}, hint                                                       \
    }

static const struct refused_row refused_rows[] = {
    REFUSED("", "the address is empty"),
    REFUSED("https://", "empty"),
    REFUSED("https:///x.y", "empty"),
    REFUSED(":443", "empty"),
    REFUSED("://example.com", "not a scheme"),
    REFUSED("//example.com", "write https://host"),
    REFUSED("/example.com", "write https://host"),
    REFUSED("https:/example.com", "two slashes"),
    REFUSED("https:example.com", "two slashes"),
    REFUSED("http:80", "two slashes"),
    /* Schemes. */
    REFUSED("javascript:alert(1)", "\"javascript\": a scheme that may never be declared"),
    REFUSED("JavaScript://example.com", "may never be declared"),
    REFUSED("javascript:80", "may never be declared"),
    REFUSED("data:text/html,x.y", "\"data\": a scheme that may never"),
    REFUSED("vbscript:x.y", "\"vbscript\": a scheme that may never"),
    REFUSED("view-source:https://example.com", "\"view-source\": a scheme that may never"),
    REFUSED("view-source://example.com", "\"view-source\": a scheme that may never"),
    REFUSED("resource://example.com", "\"resource\": a scheme that may never"),
    REFUSED("about:blank", "\"about\": a scheme that may never"),
    REFUSED("chrome://example.com", "\"chrome\": a scheme that may never"),
    REFUSED("livescript:x.y", "\"livescript\": a scheme that may never"),
    REFUSED("mocha:x.y", "\"mocha\": a scheme that may never"),
    REFUSED("file:///etc/passwd", "\"file\": a scheme that may never"),
    REFUSED("mhtml:x.y", "\"mhtml\": a scheme that may never"),
    REFUSED("smb://example.com", "\"smb\": a scheme that may never"),
    REFUSED("slack://open.example.com", "not a scheme"),
    REFUSED("slack:open.example.com", "not a scheme"),
    REFUSED("mailto:a@example.com", "not a scheme"),
    REFUSED("ftp://example.com", "not a scheme"),
    REFUSED("*://example.com", "no place for a wildcard"),
    REFUSED("tunnel://example.com", "not a scheme"),
    REFUSED("custom:a8", "not a scheme"),
    REFUSED("custom:8a", "not a scheme"),
    REFUSED("myhost:9090", "named with its domain"),
    REFUSED("myhost:9", "named with its domain"),
    /* Wildcards. */
    REFUSED("https://*", "everything is \"*\" alone"),
    REFUSED("*:443", "everything is \"*\" alone"),
    REFUSED("*/", "everything is \"*\" alone"),
    REFUSED("wss://*/x.y", "everything is \"*\" alone"),
    REFUSED("**", "whole first label"),
    REFUSED("*.", "empty"),
    REFUSED("*..com", "a label is empty"),
    REFUSED("*.*", "whole first label"),
    REFUSED("*.*.com", "whole first label"),
    REFUSED("**.com", "whole first label"),
    REFUSED("*example.com", "whole first label"),
    REFUSED("a*.example.com", "whole first label"),
    REFUSED("a.*.com", "whole first label"),
    REFUSED("example.*", "whole first label"),
    REFUSED("example.com:*", "whole first label"),
    REFUSED("https://a.*.com/x", "whole first label"),
    REFUSED("＊.example.com", "wildcard"),
    REFUSED("*.192.0.2.1", "below an IP address"),
    REFUSED("*.[::1]", "below an IP address"),
    REFUSED("[*.::1]", "whole first label"),
    REFUSED("*.0x7f.1", "127.0.0.1"),
    REFUSED("*.1", "0.0.0.1"),
    /* A name has a dot. */
    REFUSED("localhost", "with its domain"),
    REFUSED("localhost.", "with its domain"),
    REFUSED("localhost:8080", "with its domain"),
    REFUSED("https://localhost/x.y", "with its domain"),
    REFUSED("com", "with its domain"),
    /* Userinfo, ports, bytes. */
    REFUSED("https://user@example.com", "user names"),
    REFUSED("https://user:pass@example.com", "user names"),
    REFUSED("user.name@example.com", "user names"),
    REFUSED("*.example.com@evil.com", "user names"),
    REFUSED("example.com:", "no port"),
    REFUSED("example.com:0", "1 to 65535"),
    REFUSED("example.com:65536", "1 to 65535"),
    REFUSED("example.com:0443", "leading zeros"),
    REFUSED("example.com:https", "not a port"),
    REFUSED("example.com:443:443", "more than one colon"),
    REFUSED("2001:db8::1", "brackets"),
    REFUSED("fe80::1", "brackets"),
    REFUSED("https://2001:db8::1", "brackets"),
    REFUSED("evil.com\\.example.com", "backslashes"),
    REFUSED("example.com/a\\b", "backslashes"),
    REFUSED("exam ple.com", "no spaces"),
    REFUSED("example.com/a b", "no spaces"),
    REFUSED(" example.com", "no spaces"),
    REFUSED("example.com ", "no spaces"),
    REFUSED("* ", "no spaces"),
    REFUSED("example.com\n", "control characters"),
    REFUSED("example.com/\0", "control characters"),
    REFUSED("example.com/\x7F", "control characters"),
    REFUSED("exa%6dple.com", "percent"),
    REFUSED("${HOST}.example.com", "letters, digits"),
    REFUSED("a~b.example.com", "letters, digits"),
    REFUSED(".example.com", "a label is empty"),
    REFUSED("a..example.com", "a label is empty"),
    REFUSED("2130706433.", "127.0.0.1"),
    REFUSED("127.1", "127.0.0.1"),
    REFUSED("https://evil.com／.example.com", "path"),
    REFUSED("example.com/" A250 A250 A250 A250, "1000 characters"),
    /* The first byte is looked at as well. */
    REFUSED(" example.com", "an address has no spaces"),
    REFUSED("\x1F"
            "example.com",
            "control characters cannot stand in an address"),
};

START_TEST(refuses_an_address_that_opens_more_or_other_than_it_seems)
{
    const struct refused_row *row = &refused_rows[_i];
    ck_assert_msg(!address_parse(row->text, &address, &error), "%.*s was taken for %s",
                  SPAN_FORMAT(row->text), address.host.text);
    ck_assert_msg(strstr(error.message, row->hint) != NULL, "%.*s: %s", SPAN_FORMAT(row->text),
                  error.message);
}
END_TEST

START_TEST(counts_characters_and_not_bytes)
{
    char storage[3000];
    struct text text;
    text_init_fixed(&text, storage, sizeof(storage));
    text_add_string(&text, "example.com/");
    for (int i = 0; i < 1000 - 12; i++)
        text_add_string(&text, i % 2 == 0 ? "ü" : "ý");
    ck_assert_msg(address_parse(text_span(&text), &address, &error), "%s", error.message);
    text_add_string(&text, "ü");
    ck_assert(!address_parse(text_span(&text), &address, &error));
}
END_TEST

START_TEST(names_everything_without_a_host_or_port)
{
    memset(&address, 0xAA, sizeof(address));
    ck_assert(address_parse(SPAN("*"), &address, &error));
    ck_assert_uint_eq(address.host.length, 0);
    ck_assert_uint_eq(address.port, 0);
    ck_assert(!address.wildcard);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy/address");
    TCase *tests = tcase_create("address");
    tcase_add_loop_test(tests, reads_an_address_as_the_platform_does, 0, COUNT(accepted_rows));
    tcase_add_loop_test(tests, refuses_an_address_that_opens_more_or_other_than_it_seems, 0,
                        COUNT(refused_rows));
    tcase_add_test(tests, counts_characters_and_not_bytes);
    tcase_add_test(tests, names_everything_without_a_host_or_port);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
