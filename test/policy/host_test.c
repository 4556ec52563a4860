/* Promises of policy/host: one canonical form, and nothing that two readers read in two ways. */
#include <check.h>
#include <string.h>

#include "policy/host.h"
#include "test/suite.h"

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))
#define A10         "aaaaaaaaaa"
#define LABEL63     A10 A10 A10 A10 A10 A10 "aaa"
#define NAME253     LABEL63 "." LABEL63 "." LABEL63 "." A10 A10 A10 A10 A10 A10 "a"

static struct host host;
static struct error error;

struct accepted_row {
    const char *text;
    const char *canonical;
    enum host_kind kind;
};

static const struct accepted_row accepted_rows[] = {
    {"example.com", "example.com", HOST_NAME},
    {"Example.COM", "example.com", HOST_NAME},
    {"example.com.", "example.com", HOST_NAME},
    {"localhost", "localhost", HOST_NAME},
    {"_dmarc.example.com", "_dmarc.example.com", HOST_NAME},
    {"-a-.a--b.com", "-a-.a--b.com", HOST_NAME},
    {"ab--cd.com", "ab--cd.com", HOST_NAME},
    {"1.2.3.4.example", "1.2.3.4.example", HOST_NAME},
    {"0x7f.1.com", "0x7f.1.com", HOST_NAME},
    {"1.2.3.4a", "1.2.3.4a", HOST_NAME},
    {"1.2.3.0xg", "1.2.3.0xg", HOST_NAME},
    {"1.2.3.x4", "1.2.3.x4", HOST_NAME},
    {"7f", "7f", HOST_NAME},
    {"a.1_", "a.1_", HOST_NAME},
    {"a.0x_", "a.0x_", HOST_NAME},
    {"xn-a.-b-.example", "xn-a.-b-.example", HOST_NAME},
    {LABEL63 ".com", LABEL63 ".com", HOST_NAME},
    {NAME253, NAME253, HOST_NAME},
    {NAME253 ".", NAME253, HOST_NAME},
    {"bücher.example", "xn--bcher-kva.example", HOST_NAME},
    {"BÜCHER.Example", "xn--bcher-kva.example", HOST_NAME},
    {"bu\xCC\x88"
     "cher.example",
     "xn--bcher-kva.example", HOST_NAME},
    {"xn--bcher-kva.example", "xn--bcher-kva.example", HOST_NAME},
    {"XN--BCHER-KVA.example", "xn--bcher-kva.example", HOST_NAME},
    {"faß.de", "xn--fa-hia.de", HOST_NAME},
    {"xn--fa-hia.de", "xn--fa-hia.de", HOST_NAME},
    {"_dmarc.é.fr", "_dmarc.xn--9ca.fr", HOST_NAME},
    {"example。com", "example.com", HOST_NAME},
    {"bücher.example。", "xn--bcher-kva.example", HOST_NAME},
    {"ｅｘａｍｐｌｅ.com", "example.com", HOST_NAME},
    {"exa\xC2\xADmple.com", "example.com", HOST_NAME},
    {"\xF0\x9F\x92\xA9.la", "xn--ls8h.la", HOST_NAME},
    {"xn--ls8h.la", "xn--ls8h.la", HOST_NAME},
    {"0.0.0.0", "0.0.0.0", HOST_IPV4},
    {"192.0.2.1", "192.0.2.1", HOST_IPV4},
    {"192.0.2.1.", "192.0.2.1", HOST_IPV4},
    {"255.255.255.255", "255.255.255.255", HOST_IPV4},
    {"[::]", "::", HOST_IPV6},
    {"[::1]", "::1", HOST_IPV6},
    {"[2001:DB8:0:0:0:0:0:1]", "2001:db8::1", HOST_IPV6},
    {"[2001:0db8:0000:0000:0001:0000:0000:0000]", "2001:db8:0:0:1::", HOST_IPV6},
    {"[2001:db8:0:1:1:1:1:1]", "2001:db8:0:1:1:1:1:1", HOST_IPV6},
    {"[2001:db8:0:0:1:0:0:1]", "2001:db8::1:0:0:1", HOST_IPV6},
    {"[::FFFF:192.0.2.1]", "::ffff:192.0.2.1", HOST_IPV6},
    {"[::ffff:c000:201]", "::ffff:192.0.2.1", HOST_IPV6},
    {"[64:ff9b::192.0.2.1]", "64:ff9b::c000:201", HOST_IPV6},
};

START_TEST(gives_every_spelling_of_a_host_one_text)
{
    const struct accepted_row *row = &accepted_rows[_i];
    ck_assert_msg(host_parse(span_of(row->text), &host, &error), "%s: %s", row->text,
                  error.message);
    ck_assert_str_eq(host.text, row->canonical);
    ck_assert_uint_eq(host.length, strlen(row->canonical));
    ck_assert_int_eq(host.kind, row->kind);
}
END_TEST

START_TEST(reads_its_own_canonical_form_as_the_same_host)
{
    struct host again;
    char storage[300];
    struct text text;
    ck_assert(host_parse(span_of(accepted_rows[_i].text), &host, &error));
    text_init_fixed(&text, storage, sizeof(storage));
    host_add_to_text(&host, &text);
    ck_assert_msg(host_parse(text_span(&text), &again, &error), "%s", error.message);
    ck_assert_str_eq(again.text, host.text);
    ck_assert_int_eq(again.kind, host.kind);
    ck_assert_mem_eq(again.address, host.address, sizeof(host.address));
}
END_TEST

struct refused_row {
    struct span text;
    const char *hint; /* what the message has to say */
};

#define REFUSED(literal, hint)                                                                     \
    {                                                                                              \
        {literal, sizeof(literal) - 1}, hint                                                       \
    }

static const struct refused_row refused_rows[] = {
    /* Empty names and labels. */
    REFUSED("", "the host is empty"),
    REFUSED(".", "a label is empty"),
    REFUSED("..", "a label is empty"),
    REFUSED(".example.com", "a label is empty"),
    REFUSED("a..com", "a label is empty"),
    REFUSED("example.com..", "a label is empty"),
    REFUSED("é..com", ""),
    REFUSED("日本。。", "a label is empty"),
    /* Lengths. */
    REFUSED(LABEL63 "a.com", "63 bytes"),
    REFUSED("a" NAME253, "bytes"),
    REFUSED(NAME253 ".a", "253 bytes"),
    REFUSED("a." NAME253 ".", "253 bytes"),
    REFUSED(NAME253 "." NAME253 "." NAME253, "253 bytes"),
    REFUSED("é" NAME253 "." NAME253 "." NAME253 "." NAME253 "." NAME253, "longer than any"),
    REFUSED("é" LABEL63 ".com", "not an international name"),
    /* Bytes that no name has. */
    REFUSED("a b.com", "no spaces"),
    REFUSED(" example.com", "no spaces"),
    REFUSED("example.com ", "no spaces"),
    REFUSED("a\tb.com", "control characters"),
    REFUSED("example.com\n", "control characters"),
    REFUSED("example.com\r\nX-Evil: 1", "control characters"),
    REFUSED("evil.com\0.example.com", "control characters"),
    REFUSED("a\x7F.com", "control characters"),
    REFUSED("ex%61mple.com", "percent"),
    REFUSED("evil.com%00.example.com", "percent"),
    REFUSED("evil.com%2F.example.com", "percent"),
    REFUSED("user@example.com", "user names"),
    REFUSED("evil.com\\.example.com", "backslashes"),
    REFUSED("evil.com/.example.com", "path"),
    REFUSED("evil.com?.example.com", "path"),
    REFUSED("evil.com#.example.com", "path"),
    REFUSED("example.com:443", "colon"),
    REFUSED("*.example.com", "wildcard"),
    REFUSED("a,b.com", "letters, digits"),
    REFUSED("a;b.com", "letters, digits"),
    REFUSED("a&b.com", "letters, digits"),
    REFUSED("a~b.com", "letters, digits"),
    REFUSED("a=b.com", "letters, digits"),
    REFUSED("a+b.com", "letters, digits"),
    REFUSED("a!b.com", "letters, digits"),
    REFUSED("a$b.com", "letters, digits"),
    REFUSED("a'b.com", "letters, digits"),
    REFUSED("a\"b.com", "letters, digits"),
    REFUSED("a(b).com", "letters, digits"),
    REFUSED("a<b>.com", "letters, digits"),
    REFUSED("a^b.com", "letters, digits"),
    REFUSED("a`b.com", "letters, digits"),
    REFUSED("a{b}.com", "letters, digits"),
    REFUSED("a|b.com", "letters, digits"),
    REFUSED("${HOST}.com", "letters, digits"),
    /* Bytes beyond ASCII that are no name, or become what no name has. */
    REFUSED("\xFF.com", "international"),
    REFUSED("\xC3.com", "international"),
    REFUSED("\xC0\xAE.com", "international"),
    REFUSED("\xED\xA0\x80.com", "international"),
    REFUSED("bü cher.com", "no spaces"),
    REFUSED("bü%63her.com", "percent"),
    REFUSED("evil.com／.example.com", "path"),
    REFUSED("evil.com＃.example.com", "path"),
    REFUSED("evil.com？.example.com", "path"),
    REFUSED("evil.com＠example.com", "user names"),
    REFUSED("evil.com：443", "colon"),
    REFUSED("evil.com＼.example.com", "backslashes"),
    REFUSED("ex％61mple.com", "percent"),
    REFUSED("＊.example.com", "wildcard"),
    REFUSED("［::1］", ""),
    REFUSED("℀.example.com", "path"),
    REFUSED("\xE2\x80\xAE"
            "moc.elpmaxe",
            "international"),
    REFUSED("a\xE2\x80\x8D"
            "b.com",
            "international"),
    REFUSED("faß\xF0\x9F\x92\xA9.la", "international"),
    REFUSED("\xCC\x81"
            "a.com",
            "international"),
    /* A-labels that are none. */
    REFUSED("xn--.com", "international"),
    REFUSED("xn--abc-.com", "international"),
    REFUSED("xn--a.com", "international"),
    REFUSED("a.xn--0.pt", "international"),
    REFUSED("xn--zn7c.com", "international"),
    REFUSED("xn--a-pca.de", "not how that name is encoded"),
    REFUSED("bücher.xn--a-pca.de", "international"),
    REFUSED("é.xn--qug.de", "not how that name is encoded"),
    REFUSED("xn--bcher-KVA\x80.com", "international"),
    /* Brackets. */
    REFUSED("a\x1F", "control"),
    REFUSED("[", "closed at its end"),
    REFUSED("[]", "not an IPv6 address"),
    REFUSED("[::1", "bracket"),
    REFUSED("::1]", "colon"),
    REFUSED("[::1]]", "bracket"),
    REFUSED("[[::1]]", "bracket"),
    REFUSED("[::1].example.com", "bracket"),
    REFUSED("[::1]:443", "bracket"),
    REFUSED("a[::1]", "bracket"),
    REFUSED("[1.2.3.4]", "not an IPv6 address"),
    REFUSED("[example.com]", "not an IPv6 address"),
    REFUSED("[fe80::1%eth0]", "zone"),
    REFUSED("[fe80::1%25eth0]", "zone"),
    REFUSED("[v1.fe80]", "future"),
    REFUSED("[V1.x]", "future"),
    REFUSED("[v]", "future"),
    REFUSED("[:::]", "not an IPv6 address"),
    REFUSED("[1::2::3]", "not an IPv6 address"),
    REFUSED("[1:2:3:4:5:6:7]", "not an IPv6 address"),
    REFUSED("[1:2:3:4:5:6:7:8:9]", "not an IPv6 address"),
    REFUSED("[12345::]", "not an IPv6 address"),
    REFUSED("[::g]", "not an IPv6 address"),
    REFUSED("[ ::1]", "not an IPv6 address"),
    REFUSED("[::1\0]", "not an IPv6 address"),
    REFUSED("[::1.2.3]", "not an IPv6 address"),
    REFUSED("[::1.2.3.256]", "not an IPv6 address"),
    REFUSED("[::01.2.3.4]", "not an IPv6 address"),
    REFUSED("[::0x7f000001]", "not an IPv6 address"),
    REFUSED("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", "not an IPv6 address"),
    REFUSED("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0]", "not an IPv6 address"),
    REFUSED("::1", "in brackets"),
    REFUSED("2001:db8::1", "in brackets"),
};

START_TEST(refuses_what_is_no_host_and_says_why)
{
    const struct refused_row *row = &refused_rows[_i];
    ck_assert_msg(!host_parse(row->text, &host, &error), "%.*s was taken for %s",
                  SPAN_FORMAT(row->text), host.text);
    ck_assert_msg(strstr(error.message, row->hint) != NULL, "%.*s: %s", SPAN_FORMAT(row->text),
                  error.message);
}
END_TEST

START_TEST(shows_no_raw_byte_of_a_refused_host)
{
    ck_assert(!host_parse(refused_rows[_i].text, &host, &error));
    for (const char *byte = error.message; *byte != '\0'; byte++)
        ck_assert_msg((unsigned char)*byte >= 0x20 && *byte != 0x7F, "%s", error.message);
}
END_TEST

struct spelling_row {
    const char *text;
    const char *address; /* NULL: none */
};

static const struct spelling_row spelling_rows[] = {
    {"2130706433", "127.0.0.1"},
    {"0", "0.0.0.0"},
    {"0x", "0.0.0.0"},
    {"0x7f.1", "127.0.0.1"},
    {"0X7F.1", "127.0.0.1"},
    {"0x7f000001", "127.0.0.1"},
    {"0x0000000000007f000001", "127.0.0.1"},
    {"017700000001", "127.0.0.1"},
    {"0177.0.0.1", "127.0.0.1"},
    {"0177.0.0.1.", "127.0.0.1"},
    {"127.1", "127.0.0.1"},
    {"127.0.1", "127.0.0.1"},
    {"127.0.0.01", "127.0.0.1"},
    {"127.0.0.0x1", "127.0.0.1"},
    {"127.0.0.00", "127.0.0.0"},
    {"10.1.65535", "10.1.255.255"},
    {"10.16777215", "10.255.255.255"},
    {"169.254.0xa9fe", "169.254.169.254"},
    {"4294967295", "255.255.255.255"},
    {"１２７.0.0.1", "127.0.0.1"},
    {"127。0。0。1", "127.0.0.1"},
    {"①.2.3.4", "1.2.3.4"},
    {"０ｘ７ｆ.1", "127.0.0.1"},
    {"4294967296", NULL},
    {"0x100000000", NULL},
    {"18446744073709551617", NULL},
    {"0x10000000000000001", NULL},
    {"99999999999999999999999999999999", NULL},
    {"1.2.3.256", NULL},
    {"256.2.3.4", NULL},
    {"1.2.65536", NULL},
    {"1.16777216", NULL},
    {"1.2.3.4.5", NULL},
    {"127.0.0.08", NULL},
    {"08", NULL},
    {"1.2.3.4.0x5", NULL},
    {"example.1", NULL},
    {"example.0x1f", NULL},
    {"example.0x", NULL},
    {"1.x.3.4", NULL},
    {"-1.2.3.4", NULL},
    {"bücher.1", NULL},
};

START_TEST(never_takes_another_spelling_of_an_ipv4_address_for_a_name)
{
    const struct spelling_row *row = &spelling_rows[_i];
    char wanted[80] = "is not an IPv4 address";
    if (row->address != NULL)
        snprintf(wanted, sizeof(wanted), "is another spelling of %s; write it so", row->address);
    ck_assert_msg(!host_parse(span_of(row->text), &host, &error), "%s was taken", row->text);
    ck_assert_msg(strstr(error.message, wanted) != NULL, "%s: %s", row->text, error.message);
}
END_TEST

START_TEST(keeps_an_address_in_network_order_and_zeros_for_a_name)
{
    static const uint8_t ipv4[16] = {192, 0, 2, 1};
    static const uint8_t ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    static const uint8_t none[16] = {0};
    memset(&host, 0xAA, sizeof(host));
    ck_assert(host_parse(SPAN("192.0.2.1"), &host, &error));
    ck_assert_mem_eq(host.address, ipv4, 16);
    ck_assert(host_parse(SPAN("[2001:db8::1]"), &host, &error));
    ck_assert_mem_eq(host.address, ipv6, 16);
    ck_assert(host_parse(SPAN("example.com"), &host, &error));
    ck_assert_mem_eq(host.address, none, 16);
}
END_TEST

START_TEST(reads_no_byte_behind_the_span)
{
    ck_assert(host_parse(span_slice(SPAN("example.com/evil"), 0, 11), &host, &error));
    ck_assert_str_eq(host.text, "example.com");
    ck_assert(host_parse(span_slice(SPAN("1.2.3.456"), 0, 7), &host, &error));
    ck_assert_int_eq(host.kind, HOST_IPV4);
    ck_assert(!host_parse((struct span){NULL, 0}, &host, &error));
}
END_TEST

START_TEST(judges_each_byte_alone_as_letters_digits_hyphen_and_underscore_only)
{
    for (int byte = 0; byte < 0x80; byte++) {
        char text[] = {'a', (char)byte, 'b'};
        bool wanted = byte != 0 && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789-_.",
                                          byte) != NULL;
        ck_assert_msg(host_parse((struct span){text, 3}, &host, &error) == wanted, "%02x", byte);
    }
}
END_TEST

START_TEST(writes_an_ipv6_address_in_brackets_and_others_as_they_are)
{
    char storage[80];
    struct text text;
    text_init_fixed(&text, storage, sizeof(storage));
    ck_assert(host_parse(SPAN("[::1]"), &host, &error));
    host_add_to_text(&host, &text);
    ck_assert(host_parse(SPAN("192.0.2.1"), &host, &error));
    host_add_to_text(&host, &text);
    ck_assert(span_equal(text_span(&text), SPAN("[::1]192.0.2.1")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy/host");
    TCase *tests = tcase_create("host");
    tcase_add_loop_test(tests, gives_every_spelling_of_a_host_one_text, 0, COUNT(accepted_rows));
    tcase_add_loop_test(tests, reads_its_own_canonical_form_as_the_same_host, 0,
                        COUNT(accepted_rows));
    tcase_add_loop_test(tests, refuses_what_is_no_host_and_says_why, 0, COUNT(refused_rows));
    tcase_add_loop_test(tests, shows_no_raw_byte_of_a_refused_host, 0, COUNT(refused_rows));
    tcase_add_loop_test(tests, never_takes_another_spelling_of_an_ipv4_address_for_a_name, 0,
                        COUNT(spelling_rows));
    tcase_add_test(tests, keeps_an_address_in_network_order_and_zeros_for_a_name);
    tcase_add_test(tests, reads_no_byte_behind_the_span);
    tcase_add_test(tests, judges_each_byte_alone_as_letters_digits_hyphen_and_underscore_only);
    tcase_add_test(tests, writes_an_ipv6_address_in_brackets_and_others_as_they_are);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
