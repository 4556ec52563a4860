#include "policy/csp.h"

#include "test/policy/reading.h"
#include "test/suite.h"

#define HASH256 "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static struct reading reading;
static char written[8192];
static struct error error;

static void start(void)
{
    reading_start(&reading);
    reading.options.plain_http = true;
}

static void end(void)
{
    reading_end(&reading);
}

/* WHEN a manifest of this permissions.external (and REST, other lines) is written. */
static bool write_all(const char *external, const char *rest)
{
    static char yaml[4096];
    struct text text;
    snprintf(yaml, sizeof(yaml), "permissions:\n  external: {%s}\n%s", external, rest);
    reading_read(&reading, yaml);
    ck_assert_uint_eq(reading.findings.errors, 0);
    text_init_fixed(&text, written, sizeof(written) - 1);
    bool wrote = csp_write(reading.manifest, reading.arena, &text, &error);
    written[text.length] = '\0';
    return wrote;
}

static bool write(const char *external)
{
    return write_all(external, "");
}

START_TEST(says_self_where_nothing_is_declared)
{
    ck_assert(write(""));
    ck_assert_str_eq(written, "default-src 'self'");
}
END_TEST

START_TEST(gives_each_list_its_directive_in_one_order)
{
    ck_assert(write("media: [m.com], frames: [f.com], scripts: [s.com], styles: [y.com], "
                    "fonts: [o.com], images: [i.com], fetch: {client: [c.com]}"));
    ck_assert_str_eq(written, "default-src 'self'; connect-src 'self' https://c.com; "
                              "font-src 'self' https://o.com; frame-src 'self' https://f.com; "
                              "img-src 'self' https://i.com; media-src 'self' https://m.com; "
                              "script-src 'self' https://s.com; style-src 'self' https://y.com");
}
END_TEST

START_TEST(leaves_out_the_servers_list_and_navigation)
{
    ck_assert(write("fetch: {backend: [b.com]}, navigation: [n.com]"));
    ck_assert_str_eq(written, "default-src 'self'");
}
END_TEST

START_TEST(writes_sources_sorted_and_once_whatever_their_order)
{
    ck_assert(write("images: [b.com, a.com, 'https://B.com']"));
    ck_assert_str_eq(written, "default-src 'self'; img-src 'self' https://a.com https://b.com");
}
END_TEST

START_TEST(writes_wildcards_ports_schemes_and_paths)
{
    ck_assert(write("images: ['*.a.com', 'https://b.com:8443/x/', 'wss://c.com', 'http://d.com', "
                    "'*', 'slack:', bücher.example]"));
    ck_assert_str_eq(written,
                     "default-src 'self'; img-src 'self' * http://d.com https://*.a.com "
                     "https://b.com:8443/x/ https://xn--bcher-kva.example slack: wss://c.com");
}
END_TEST

START_TEST(drops_queries_and_fragments)
{
    ck_assert(write("fonts: ['https://a.com/css2?family=Inter;x, y', 'https://b.com/#z']"));
    ck_assert_str_eq(written,
                     "default-src 'self'; font-src 'self' https://a.com/css2 https://b.com");
}
END_TEST

START_TEST(stands_all_base_urls_of_a_remote_with_any_path)
{
    ck_assert(write_all("fetch: {client: [{remote: r}]}",
                        "remotes: [{key: r, baseUrl: {default: 'https://d.com/v1', EU: e.com}}]"));
    ck_assert_str_eq(written, "default-src 'self'; connect-src 'self' https://d.com https://e.com");
}
END_TEST

START_TEST(writes_options_as_keywords_and_hashes)
{
    ck_assert(write_all("styles: [a.com]",
                        "  content: {styles: [unsafe-inline], scripts: ['blob:', unsafe-eval, "
                        "\"'unsafe-hashes'\", '" HASH256 "']}\n"));
    ck_assert_str_eq(written, "default-src 'self'; script-src 'self' '" HASH256
                              "' 'unsafe-eval' 'unsafe-hashes' blob:; "
                              "style-src 'self' 'unsafe-inline' https://a.com");
}
END_TEST

/* Each with what it would break out to. */
static const char *const hostile_addresses[] = {
    "https://a.com/;script-src",
    "https://a.com/;",
    "https://a.com/,x",
    "https://a.com/'unsafe-inline'",
    "https://a.com/%",
    "https://a.com/%4",
    "https://a.com/\xC3\xBC",
    "slack://a;b",
    "slack://a,b",
    "slack://a/;b",
    "slack://",
    "https://[2001:db8::1]/",
    "slack://a\xC2\xA0script-src",
    "slack://*",
    "https://a.com/\"x",
};

START_TEST(refuses_an_address_that_could_break_out)
{
    static char external[512];
    const char *address = hostile_addresses[_i];
    char quote = strchr(address, '\'') == NULL ? '\'' : '"';
    snprintf(external, sizeof(external), "images: [%c%s%c]", quote, address, quote);
    ck_assert_msg(!write(external), "%s: %s", address, written);
    ck_assert_uint_eq(error.at.line, 2);
    ck_assert_str_eq(error.file, "manifest.yml");
}
END_TEST

static const char *const hostile_options[] = {
    "self; script-src *",
    "unsafe-inline;",
    "unsafe-inline *",
    "",
    "none",
    "sha256-",
    "sha256-AAAA",
    "sha256-;;;;",
    "nonce-abc",
    "data:",
    "*",
    "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF;=",
    "'unsafe-inline",
    "UNSAFE-INLINE, x",
    "https://a.com",
    "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
};

START_TEST(refuses_an_option_that_is_none)
{
    static char rest[512];
    snprintf(rest, sizeof(rest), "  content: {scripts: [\"%s\"]}\n", hostile_options[_i]);
    ck_assert_msg(!write_all("", rest), "%s: %s", hostile_options[_i], written);
    ck_assert_uint_eq(error.at.line, 3);
    ck_assert_uint_eq(error.at.column, 23);
}
END_TEST

START_TEST(writes_none_but_the_grammars_own_bytes)
{
    ck_assert(write("images: ['https://a.com/%3B%2C', 'https://b_c.com/~!$&()*+=:@']"));
    ck_assert_str_eq(written, "default-src 'self'; img-src 'self' https://a.com/%3B%2C "
                              "https://b_c.com/~!$&()*+=:@");
}
END_TEST

#define COUNT(list) (int)(sizeof(list) / sizeof((list)[0]))

static Suite *suite(void)
{
    Suite *all = suite_create("csp");
    TCase *group = tcase_create("csp");
    tcase_add_checked_fixture(group, start, end);
    tcase_add_test(group, says_self_where_nothing_is_declared);
    tcase_add_test(group, gives_each_list_its_directive_in_one_order);
    tcase_add_test(group, leaves_out_the_servers_list_and_navigation);
    tcase_add_test(group, writes_sources_sorted_and_once_whatever_their_order);
    tcase_add_test(group, writes_wildcards_ports_schemes_and_paths);
    tcase_add_test(group, drops_queries_and_fragments);
    tcase_add_test(group, stands_all_base_urls_of_a_remote_with_any_path);
    tcase_add_test(group, writes_options_as_keywords_and_hashes);
    tcase_add_loop_test(group, refuses_an_address_that_could_break_out, 0,
                        COUNT(hostile_addresses));
    tcase_add_loop_test(group, refuses_an_option_that_is_none, 0, COUNT(hostile_options));
    tcase_add_test(group, writes_none_but_the_grammars_own_bytes);
    suite_add_tcase(all, group);
    return all;
}

int main(void)
{
    return suite_run(suite());
}
