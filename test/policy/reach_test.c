#include "policy/reach.h"

#include "test/policy/reading.h"
#include "test/policy/slow.h"
#include "test/suite.h"

static struct reading reading;
static struct reach *reach;

static void start(void)
{
    reading_start(&reading);
    reading.options.plain_http = true;
}

static void end(void)
{
    reading_end(&reading);
}

/* GIVEN a manifest whose LIST is made of ENTRIES. */
static void given_list(enum manifest_list list, const char *entries)
{
    static char yaml[2048];
    bool fetch = list == LIST_FETCH_BACKEND || list == LIST_FETCH_CLIENT;
    const char *name = manifest_list_name(list);
    snprintf(yaml, sizeof(yaml), "permissions: {external: {%s%s: [%s]%s}}", fetch ? "fetch: {" : "",
             fetch ? strchr(name, '.') + 1 : name, entries, fetch ? "}" : "");
    reading_read(&reading, yaml);
    ck_assert_uint_eq(reading.findings.errors, 0);
    reach = reach_of_list(reading.manifest, list, reading.arena);
    ck_assert_ptr_nonnull(reach);
}

static struct reach_item item_of(const char *text, const char *path)
{
    static struct address address;
    struct error error;
    ck_assert(address_parse(span_of(text), &address, &error));
    return (struct reach_item){.address = &address,
                               .path = span_of(path),
                               .text = span_of(text),
                               .situations = REACH_ALWAYS};
}

static bool covers(const char *text)
{
    struct reach_item item = item_of(text, "");
    return reach_missing(reach, &item, NULL) == 0;
}

static bool covers_path(const char *text, const char *path)
{
    struct reach_item item = item_of(text, path);
    return reach_missing(reach, &item, NULL) == 0;
}

START_TEST(covers_by_host_scheme_and_port)
{
    given_list(LIST_FETCH_BACKEND, "a.com, 'wss://w.com', 'https://p.com:8443', 192.0.2.1");
    ck_assert(covers("https://A.com:443"));
    ck_assert(covers("192.0.2.1"));
    ck_assert(!covers("wss://a.com"));
    ck_assert(!covers("w.com"));
    ck_assert(!covers("p.com"));
    ck_assert(!covers("x.a.com"));
}
END_TEST

START_TEST(covers_every_name_below_a_wildcard_and_not_its_own)
{
    given_list(LIST_FETCH_BACKEND, "'*.a.com'");
    ck_assert(covers("b.a.com"));
    ck_assert(covers("d.c.b.a.com"));
    ck_assert(covers("*.b.a.com"));
    ck_assert(covers("*.a.com"));
    ck_assert(!covers("a.com"));
    ck_assert(!covers("ba.com"));
    ck_assert(!covers("*.com"));
    ck_assert(!covers("*"));
}
END_TEST

START_TEST(covers_all_but_plain_addresses_by_everything)
{
    given_list(LIST_FETCH_BACKEND, "'*'");
    ck_assert(covers("*"));
    ck_assert(covers("*.a.com"));
    ck_assert(covers("wss://a.com:1"));
    ck_assert(!covers("http://a.com"));
    ck_assert(!covers("ws://a.com"));
}
END_TEST

START_TEST(covers_a_path_by_itself_a_folder_above_it_or_none)
{
    given_list(LIST_IMAGES, "'https://a.com/x/', 'https://a.com/one', 'https://b.com/?q'");
    ck_assert(covers_path("a.com", "/x/"));
    ck_assert(covers_path("a.com", "/x/y/z"));
    ck_assert(covers_path("a.com", "/one"));
    ck_assert(covers_path("b.com", "/any"));
    ck_assert(!covers_path("a.com", "/one/two"));
    ck_assert(!covers_path("a.com", "/xy"));
    ck_assert(!covers_path("a.com", ""));
}
END_TEST

/* The Nth of all paths of up to four of the segments a and b; odd ones are no folders. */
static void path_of_number(unsigned n, char path[16])
{
    static const char *const segments[] = {"", "a/", "b/"};
    snprintf(path, 16, "/%s%s%s%s", segments[n / 2 % 3], segments[n / 6 % 3], segments[n / 18 % 3],
             n % 2 == 0 ? "" : "c");
}

START_TEST(finds_the_folders_that_a_look_at_each_would_find)
{
    char list[1024] = "", path[16], declared[16];
    for (unsigned n = 2; n < 54; n += 3 + (unsigned)_i) {
        path_of_number(n, path);
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "'https://a.com%s', ", path);
    }
    given_list(LIST_IMAGES, list);
    for (unsigned asked = 2; asked < 54; asked++) {
        bool expected = false;
        path_of_number(asked, path);
        for (unsigned n = 2; n < 54; n += 3 + (unsigned)_i) {
            path_of_number(n, declared);
            size_t length = strlen(declared);
            expected = expected || strcmp(path, declared) == 0 ||
                       (declared[length - 1] == '/' && strncmp(path, declared, length) == 0);
        }
        ck_assert_msg(covers_path("a.com", strcmp(path, "/") == 0 ? "" : path) == expected, "%s",
                      path);
    }
}
END_TEST

START_TEST(searches_many_folders_below_many_hosts_in_time)
{
    static char yaml[1000000];
    struct text text;
    clock_t began = clock();
    text_init_fixed(&text, yaml, sizeof(yaml) - 1);
    text_add_string(&text, "permissions: {external: {images: [");
    for (unsigned i = 0; i < 900; i++) {
        text_add_string(&text, "'https://*.");
        for (unsigned depth = 0; depth <= i % 110; depth++)
            text_add_string(&text, "a.");
        text_add_string(&text, "com/");
        for (unsigned depth = 0; depth <= i % 350; depth++)
            text_add_string(&text, "b/");
        text_add_format(&text, "%u/', ", i);
    }
    text_add_string(&text, "]}}");
    ck_assert(!text.overflow);
    reading_read(&reading, yaml);
    reach = reach_of_list(reading.manifest, LIST_IMAGES, reading.arena);
    for (size_t i = 0; i < reach->count; i++)
        ck_assert_uint_eq(reach_missing(reach, &reach->items[i], NULL), 0);
    ck_assert_uint_eq(reach->count, 900);
    ck_assert_double_lt(seconds_since(began), 2.0);
}
END_TEST

START_TEST(names_the_nearest_cover)
{
    const struct reach_item *cover = NULL;
    struct reach_item item = item_of("c.b.a.com", "");
    given_list(LIST_FETCH_BACKEND, "'*', '*.a.com', '*.b.a.com'");
    ck_assert_uint_eq(reach_missing(reach, &item, &cover), 0);
    ck_assert(span_equal(cover->text, SPAN("*.b.a.com")));
}
END_TEST

START_TEST(covers_what_analytics_lets_out_only_while_it_is_on)
{
    given_list(LIST_FETCH_BACKEND, "{address: a.com, category: analytics}");
    struct reach_item item = item_of("a.com", "");
    ck_assert_uint_eq(reach_missing(reach, &item, NULL), REACH_ANALYTICS_OFF);
}
END_TEST

START_TEST(lets_the_default_url_out_in_regions_that_have_none_of_their_own)
{
    reading_read(&reading, "remotes: [{key: r, baseUrl: {default: d.com, EU: e.com}}]\n"
                           "permissions: {external: {fetch: {backend: [{remote: r}]}}}\n");
    reach = reach_of_list(reading.manifest, LIST_FETCH_BACKEND, reading.arena);
    const uint32_t eu = 1U | 1U << MANIFEST_REGION_COUNT;
    struct reach_item item = item_of("d.com", "");
    ck_assert_uint_eq(reach_missing(reach, &item, NULL), eu);
    item = item_of("e.com", "");
    ck_assert_uint_eq(reach_missing(reach, &item, NULL), REACH_ALWAYS & ~eu);
}
END_TEST

START_TEST(makes_equal_addresses_one)
{
    given_list(LIST_FETCH_BACKEND,
               "a.com, {address: 'https://A.com/x', category: analytics}, b.com");
    ck_assert_uint_eq(reach->count, 2);
}
END_TEST

START_TEST(knows_an_applications_own_scheme_by_its_text)
{
    given_list(LIST_IMAGES, "'slack:', '*'");
    struct reach_item item = {.text = SPAN("slack:"), .situations = REACH_ALWAYS};
    ck_assert_uint_eq(reach_missing(reach, &item, NULL), 0);
    item.text = SPAN("slack://x");
    ck_assert_uint_eq(reach_missing(reach, &item, NULL), REACH_ALWAYS);
}
END_TEST

START_TEST(finds_what_lies_below_a_wildcard)
{
    const struct reach_item *found[8];
    given_list(LIST_FETCH_BACKEND,
               "a.com, ba.com, b.a.com, 'wss://c.a.com', '*.d.a.com', '*.a.com', b.a.com.au");
    struct reach_item item = item_of("*.a.com", "");
    ck_assert_uint_eq(reach_below(reach, &item, REACH_ALWAYS, found, 8), 2);
    ck_assert_str_eq(found[0]->address->host.text, "b.a.com");
    ck_assert_str_eq(found[1]->address->host.text, "d.a.com");
    ck_assert_uint_eq(reach_below(reach, &item, REACH_ALWAYS, found, 1), 1);
    item = item_of("a.com", "");
    ck_assert_uint_eq(reach_below(reach, &item, REACH_ALWAYS, found, 8), 0);
}
END_TEST

START_TEST(writes_an_item_as_a_url)
{
    char written[256] = {0};
    struct text text;
    text_init_fixed(&text, written, sizeof(written) - 1);
    given_list(LIST_IMAGES, "'*.a.com/p?q#f', 'wss://[2001:db8::1]:8443', 'slack:', '*'");
    for (size_t i = 0; i < reach->count; i++) {
        reach_add_to_text(&reach->items[i], &text);
        text_add_char(&text, '\n');
    }
    ck_assert_str_eq(written, "https://*.a.com/p\nwss://[2001:db8::1]:8443\n*\nslack:\n");
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("reach");
    TCase *group = tcase_create("reach");
    tcase_add_checked_fixture(group, start, end);
    tcase_set_timeout(group, 60);
    tcase_add_test(group, covers_by_host_scheme_and_port);
    tcase_add_test(group, covers_every_name_below_a_wildcard_and_not_its_own);
    tcase_add_test(group, covers_all_but_plain_addresses_by_everything);
    tcase_add_test(group, covers_a_path_by_itself_a_folder_above_it_or_none);
    tcase_add_loop_test(group, finds_the_folders_that_a_look_at_each_would_find, 0, 8);
    tcase_add_test(group, searches_many_folders_below_many_hosts_in_time);
    tcase_add_test(group, names_the_nearest_cover);
    tcase_add_test(group, covers_what_analytics_lets_out_only_while_it_is_on);
    tcase_add_test(group, lets_the_default_url_out_in_regions_that_have_none_of_their_own);
    tcase_add_test(group, makes_equal_addresses_one);
    tcase_add_test(group, knows_an_applications_own_scheme_by_its_text);
    tcase_add_test(group, finds_what_lies_below_a_wildcard);
    tcase_add_test(group, writes_an_item_as_a_url);
    suite_add_tcase(all, group);
    return all;
}

int main(void)
{
    return suite_run(suite());
}
