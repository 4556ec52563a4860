/*
 * The platform's rules for versions, line by line: each row is two manifests and what is said
 * of going from the first to the second, and back.
 */
#include "test/policy/reading.h"

#include "policy/version_diff.h"
#include "test/policy/slow.h"
#include "test/suite.h"

#define BACKEND(list)     "permissions: {external: {fetch: {backend: [" list "]}}}\n"
#define CLIENT(list)      "permissions: {external: {fetch: {client: [" list "]}}}\n"
#define IMAGES(list)      "permissions: {external: {images: [" list "]}}\n"
#define SCRIPTS(list)     "permissions: {content: {scripts: [" list "]}}\n"
#define REMOTE(members)   "remotes: [{key: r, " members "}]\n"
#define PROVIDER(members) "providers: {auth: [{key: g, " members "}]}\n"
#define NAMED             BACKEND("{remote: r}")
#define URL               "baseUrl: 'https://a.com'"
#define CHOSEN            "configurable: {supportedPatterns: ['*.a.com']}"

/* What is expected: "VERDICT BUMP", then " RULE OLDLINE-NEWLINE" a change; line 0: none. */
struct row {
    const char *promise;
    const char *old;
    const char *new;
    const char *forward;
    const char *backward;
};

static const struct row rows[] = {
    /* Scopes */
    {"a scope is major to add and to remove", "permissions: {scopes: [a]}",
     "permissions: {scopes: [a, b]}", "same major scope-added 0-1", "same major scope-removed 1-0"},
    {"scopes compare as a list or a map, in any order", "permissions: {scopes: [a, b]}",
     "permissions: {scopes: {b: {}, a: {}}}", "same none", "same none"},
    {"using a scope in a user's name is major",
     "permissions: {scopes: {a: {allowImpersonation: false}}}",
     "permissions: {scopes: {a: {allowImpersonation: true}}}",
     "same major scope-impersonation-added 1-1", "same minor scope-impersonation-removed 1-1"},

    /* Egress URLs */
    {"an egress URL is major to add and minor to remove", BACKEND("a.com"), BACKEND("a.com, b.com"),
     "wider major egress-added 0-1", "narrower minor egress-removed 1-0"},
    {"one egress URL for another is major, both ways", BACKEND("a.com"), BACKEND("b.com"),
     "wider major egress-swapped 1-1", "wider major egress-swapped 1-1"},
    {"a name below a wildcard in its place is narrower, the way back wider", BACKEND("'*.a.com'"),
     BACKEND("b.a.com"), "narrower minor egress-narrowed 1-1", "wider major egress-swapped 1-1"},
    {"two names in a wildcard's place are both narrower", BACKEND("'*.a.com'"),
     BACKEND("b.a.com, '*.c.a.com'"), "narrower minor egress-narrowed 1-1 egress-narrowed 1-1",
     "wider major egress-swapped 1-1 egress-removed 1-0"},
    {"a wildcard's own name is not below it", BACKEND("'*.a.com'"), BACKEND("a.com"),
     "wider major egress-swapped 1-1", "wider major egress-swapped 1-1"},
    {"a host that only shares a suffix is not below a wildcard", BACKEND("'*.a.com'"),
     BACKEND("ba.com"), "wider major egress-swapped 1-1", "wider major egress-swapped 1-1"},
    {"an entry that another one covers adds no reach", BACKEND("'*.a.com'"),
     BACKEND("'*.a.com', b.a.com"), "same minor egress-covered 1-1",
     "same minor egress-removed 1-0"},
    {"everything in place of one host is wider", BACKEND("a.com"), BACKEND("'*'"),
     "wider major egress-swapped 1-1", "narrower minor egress-narrowed 1-1"},
    {"a plain address opens a tunnel's content, which everything does not", BACKEND("'*'"),
     BACKEND("'*', 'http://a.com'"), "wider major egress-added 0-1",
     "narrower minor egress-removed 1-0"},
    {"another scheme is another address", BACKEND("a.com"), BACKEND("'wss://a.com'"),
     "wider major egress-swapped 1-1", "wider major egress-swapped 1-1"},
    {"another port is another address", BACKEND("a.com"), BACKEND("'https://a.com:8443'"),
     "wider major egress-swapped 1-1", "wider major egress-swapped 1-1"},
    {"order is nothing", BACKEND("a.com, b.com"), BACKEND("b.com, a.com"), "same none",
     "same none"},
    {"spelling and form are nothing", BACKEND("a.com, bücher.example"),
     BACKEND("{address: 'https://A.com:443/'}, xn--bcher-kva.example"), "same none", "same none"},
    {"a path in fetch.backend is nothing", BACKEND("'https://a.com/x'"),
     BACKEND("'https://a.com/y?z'"), "same none", "same none"},
    {"a browser's path is another address", IMAGES("'https://a.com/x'"),
     IMAGES("'https://a.com/y'"), "wider major egress-swapped 1-1",
     "wider major egress-swapped 1-1"},
    {"a browser's folder covers what lies in it", IMAGES("'https://a.com/x/'"),
     IMAGES("'https://a.com/x/y'"), "narrower minor egress-narrowed 1-1",
     "wider major egress-swapped 1-1"},
    {"the lists are apart", BACKEND("a.com"), CLIENT("a.com"),
     "wider major egress-added 0-1 egress-removed 1-0",
     "wider major egress-added 0-1 egress-removed 1-0"},
    {"an application's scheme is an address too", IMAGES("a.com"), IMAGES("a.com, 'slack:'"),
     "wider major egress-added 0-1", "narrower minor egress-removed 1-0"},

    /* CSP options */
    {"a CSP option is major to add", SCRIPTS("unsafe-eval"), SCRIPTS("unsafe-eval, unsafe-inline"),
     "same major csp-option-added 0-1", "same minor csp-option-removed 1-0"},
    {"one CSP option for another is major", SCRIPTS("unsafe-eval"), SCRIPTS("unsafe-inline"),
     "same major csp-option-swapped 1-1", "same major csp-option-swapped 1-1"},
    {"a style option is one as well", "{}", "permissions: {content: {styles: [unsafe-inline]}}",
     "same major csp-option-added 0-1", "same minor csp-option-removed 1-0"},

    /* Category and end-user data */
    {"a category is major to add and to take away", BACKEND("a.com"),
     BACKEND("{address: a.com, category: analytics}"), "narrower major category-added 1-1",
     "wider major category-changed 1-1"},
    {"what analytics lets out does not cover what must stay",
     BACKEND("{address: '*.a.com', category: analytics}"), BACKEND("b.a.com"),
     "wider major egress-swapped 1-1", "wider major egress-swapped 1-1"},
    {"a covered entry with a category of its own is major", BACKEND("'*.a.com'"),
     BACKEND("'*.a.com', {address: b.a.com, category: analytics}"),
     "same major category-added 1-1 egress-covered 1-1", "same minor egress-removed 1-0"},
    {"the first end-user data is major, taking it away minor",
     BACKEND("{address: a.com, inScopeEUD: false}"), BACKEND("a.com"),
     "same major in-scope-eud-added 1-1", "same minor in-scope-eud-removed 1-1"},
    {"further end-user data is minor", BACKEND("b.com, {address: a.com, inScopeEUD: false}"),
     BACKEND("b.com, a.com"), "same minor in-scope-eud-extended 1-1",
     "same minor in-scope-eud-removed 1-1"},
    {"a covered entry that brings the first end-user data is major",
     BACKEND("{address: '*.a.com', inScopeEUD: false}"),
     BACKEND("{address: '*.a.com', inScopeEUD: false}, b.a.com"),
     "same major in-scope-eud-added 1-1 egress-covered 1-1", "same minor egress-removed 1-0"},

    /* Providers */
    {"a provider is major to add and to remove", "{}", PROVIDER("clientId: i"),
     "same major provider-added 0-1", "same major provider-removed 1-0"},
    {"a clientId is major to change", PROVIDER("clientId: i"), PROVIDER("clientId: k"),
     "same major provider-client-id-changed 1-1", "same major provider-client-id-changed 1-1"},
    {"a remote that gets a provider's tokens is major", PROVIDER("remotes: [a]"),
     PROVIDER("remotes: [a, b]"), "same major provider-remote-added 1-1",
     "same minor provider-remote-removed 1-1"},

    /* Remotes */
    {"a remote is major to add and minor to remove", "{}", REMOTE(URL) NAMED,
     "wider major remote-added 0-1", "narrower minor remote-removed 1-0"},
    {"a customer-managed remote without a baseUrl is minor to add", "{}", REMOTE(CHOSEN) NAMED,
     "same minor customer-managed-remote-added 0-1", "same minor remote-removed 1-0"},
    {"a customer-managed remote with a baseUrl is major to add", "{}",
     REMOTE(URL ", " CHOSEN) NAMED, "wider major remote-added 0-1",
     "narrower minor remote-removed 1-0"},
    {"naming a remote that was there is a new egress URL", REMOTE(URL) BACKEND(""),
     REMOTE(URL) NAMED, "wider major egress-added 0-2", "narrower minor egress-removed 2-0"},
    {"naming a customer-managed remote is one though it has no URL", REMOTE(CHOSEN) BACKEND(""),
     REMOTE(CHOSEN) NAMED, "same major egress-added 0-2", "same minor egress-removed 2-0"},
    {"a baseUrl is major to change", REMOTE(URL) NAMED, REMOTE("baseUrl: b.com") NAMED,
     "wider major base-url-changed 1-1", "wider major base-url-changed 1-1"},
    {"a baseUrl is major to change though the host is declared",
     REMOTE(URL) BACKEND("b.com, {remote: r}"),
     REMOTE("baseUrl: b.com") BACKEND("b.com, {remote: r}"), "narrower major base-url-changed 1-1",
     "wider major base-url-changed 1-1"},
    {"a baseUrl's path is part of it", REMOTE(URL) NAMED,
     REMOTE("baseUrl: 'https://a.com/v2'") NAMED, "same major base-url-changed 1-1",
     "same major base-url-changed 1-1"},
    {"a customer-managed baseUrl is major to add and minor to remove", REMOTE(CHOSEN) NAMED,
     REMOTE(URL ", " CHOSEN) NAMED, "wider major base-url-added 1-1",
     "narrower minor customer-managed-base-url-removed 1-1"},
    {"a region is major to add and to remove", REMOTE("baseUrl: {default: a.com}") NAMED,
     REMOTE("baseUrl: {default: a.com, EU: e.com}") NAMED, "wider major region-added 1-1",
     "wider major region-removed 1-1"},
    {"regions that swap their URLs are wider, each for itself",
     REMOTE("baseUrl: {US: a.com, EU: e.com}") NAMED,
     REMOTE("baseUrl: {US: e.com, EU: a.com}") NAMED,
     "wider major base-url-changed 1-1 base-url-changed 1-1",
     "wider major base-url-changed 1-1 base-url-changed 1-1"},
    {"a baseUrl by regions without new URLs is minor", REMOTE("baseUrl: a.com") NAMED,
     REMOTE("baseUrl: {default: a.com}") NAMED, "same minor base-url-form-changed 1-1",
     "same minor base-url-form-changed 1-1"},
    {"the same URL in a region is minor to write out, major to take away",
     REMOTE("baseUrl: a.com") NAMED, REMOTE("baseUrl: {default: a.com, EU: a.com}") NAMED,
     "same minor base-url-form-changed 1-1", "same major region-removed 1-1"},
    {"a URL that moves to remotes unchanged is minor", BACKEND("a.com"), REMOTE(URL) NAMED,
     "same minor egress-moved-to-remotes 1-1",
     "same major in-scope-eud-added 1-1 egress-covered 1-1 remote-removed 1-0"},
    {"a URL that moves and changes its path is a new remote", BACKEND("a.com"),
     REMOTE("baseUrl: 'https://a.com/v2'") NAMED, "same major remote-added 0-1 egress-removed 1-0",
     "same major in-scope-eud-added 1-1 egress-covered 1-1 remote-removed 1-0"},
    {"an analytics URL that moves can be switched off no more",
     BACKEND("{address: a.com, category: analytics}"), REMOTE(URL) NAMED,
     "wider major remote-added 0-1 egress-removed 1-0",
     "narrower major category-added 1-1 in-scope-eud-added 1-1 egress-covered 1-1 remote-removed 1-0"},
    {"a URL that moves and reaches another list too is major", BACKEND("a.com"),
     REMOTE(
         URL) "permissions: {external: {fetch: {backend: [{remote: r}], client: [{remote: r}]}}}",
     "wider major egress-added 0-2 egress-moved-to-remotes 1-1",
     "narrower major in-scope-eud-added 1-1 egress-covered 1-1 remote-removed 1-0"},
    {"a URL that moves and gains an operation beyond fetch is major", BACKEND("a.com"),
     REMOTE(URL ", operations: [fetch, storage]") NAMED,
     "same major remote-operation-added 1-1 egress-moved-to-remotes 1-1",
     "same major in-scope-eud-added 1-1 egress-covered 1-1 remote-removed 1-0"},
    {"a remote's operation is minor to remove", REMOTE(URL ", operations: [fetch]"),
     REMOTE(URL ", operations: [fetch, compute]"), "same major remote-operation-added 1-1",
     "same minor remote-operation-removed 1-1"},
    {"a remote's stored end-user data is major to begin",
     REMOTE(URL ", storage: {inScopeEUD: false}"), REMOTE(URL ", storage: {inScopeEUD: true}"),
     "same major remote-storage-eud-added 1-1", "same minor remote-storage-eud-removed 1-1"},
    {"configurable is major to add to a remote", REMOTE(URL), REMOTE(URL ", " CHOSEN),
     "same major remote-configurable-added 1-1", "same major remote-configurable-removed 1-1"},
    {"a pattern for customers is major to add", REMOTE(CHOSEN),
     REMOTE("configurable: {supportedPatterns: ['*.a.com', '*.b.com']}"),
     "same major remote-pattern-added 1-1", "same minor remote-pattern-removed 1-1"},
    {"a token for a remote is major", REMOTE(URL),
     REMOTE(URL ", auth: {appUserToken: {enabled: true}}"), "same major remote-token-added 1-1",
     "same minor remote-token-removed 1-1"},

    /* The rest */
    {"customer-managed egress is major to add", "{}",
     "permissions: {external: {configurable: {enabled: true}}}",
     "same major customer-egress-added 0-1", "same minor customer-egress-removed 1-0"},
    {"enforcement opens nothing", "{}", "permissions: {enforcement: app-managed}",
     "same minor enforcement-changed 0-0", "same minor enforcement-changed 0-0"},
    {"another app's id is major", "app: {id: 'ari:cloud:ecosystem::app/1'}",
     "app: {id: 'ari:cloud:ecosystem::app/2'}", "same major app-id-changed 1-1",
     "same major app-id-changed 1-1"},
    {"what is not ours is nothing", "modules: {a: 1}", "modules: {b: 2}", "same none", "same none"},
};

#define ROW_COUNT ((int)(sizeof(rows) / sizeof(rows[0])))

static struct reading before, after;

static void start(void)
{
    reading_start(&before);
    reading_start(&after);
}

static void end(void)
{
    reading_end(&before);
    reading_end(&after);
}

static const struct version_diff *compare(const char *old, const char *new, bool production)
{
    const struct version_diff_options options = {.production = production};
    before.options.plain_http = after.options.plain_http = true;
    reading_read(&before, old);
    reading_read(&after, new);
    const struct version_diff *diff =
        version_diff(before.manifest, after.manifest, &options, after.arena);
    ck_assert_ptr_nonnull(diff);
    return diff;
}

static const char *describe(const struct version_diff *diff)
{
    static char line[4096];
    struct text text;
    text_init_fixed(&text, line, sizeof(line) - 1);
    text_add_format(&text, "%s %s", version_verdict_name(diff->verdict),
                    version_bump_name(diff->bump));
    for (size_t i = 0; i < diff->change_count; i++)
        text_add_format(&text, " %s %u-%u", diff->changes[i].rule->id, diff->changes[i].old_at.line,
                        diff->changes[i].new_at.line);
    ck_assert(!text.overflow);
    line[text.length] = '\0';
    return line;
}

START_TEST(judges_each_change_by_its_rule)
{
    const struct row *row = &rows[_i];
    const char *said = describe(compare(row->old, row->new, false));
    ck_assert_msg(strcmp(said, row->forward) == 0, "%s: %s", row->promise, said);
}
END_TEST

START_TEST(judges_each_change_back_by_its_rule)
{
    const struct row *row = &rows[_i];
    const char *said = describe(compare(row->new, row->old, false));
    ck_assert_msg(strcmp(said, row->backward) == 0, "%s, and back: %s", row->promise, said);
}
END_TEST

START_TEST(finds_no_difference_in_a_manifest_to_itself)
{
    ck_assert_str_eq(describe(compare(rows[_i].old, rows[_i].old, false)), "same none");
    end();
    start();
    ck_assert_str_eq(describe(compare(rows[_i].new, rows[_i].new, false)), "same none");
}
END_TEST

START_TEST(has_a_row_for_every_rule)
{
    for (size_t i = 0; i < version_rule_count(); i++) {
        char wanted[64];
        bool found = false;
        snprintf(wanted, sizeof(wanted), " %s ", version_rule_at(i)->id);
        for (int k = 0; k < ROW_COUNT && !found; k++)
            found =
                strstr(rows[k].forward, wanted) != NULL || strstr(rows[k].backward, wanted) != NULL;
        ck_assert_msg(found || strcmp(wanted, " customer-egress-removed-in-production ") == 0,
                      "no row shows%s", wanted);
        ck_assert_uint_gt(strlen(version_rule_at(i)->sentence), 10);
    }
}
END_TEST

START_TEST(does_not_let_customer_managed_egress_go_in_production)
{
    const char *with = "permissions: {external: {configurable: {enabled: true}}}";
    const struct version_diff *diff = compare(with, "{}", true);
    ck_assert_str_eq(describe(diff), "same major customer-egress-removed-in-production 1-0");
    ck_assert_ptr_nonnull(strstr(diff->changes[0].message, "cannot be removed in production"));
}
END_TEST

START_TEST(gives_both_places_of_a_change)
{
    const struct version_diff *diff = compare("permissions:\n"
                                              "  external:\n"
                                              "    fetch:\n"
                                              "      backend:\n"
                                              "        - a.com\n",
                                              "permissions:\n"
                                              "  external:\n"
                                              "    fetch:\n"
                                              "      backend:\n"
                                              "        # moved\n"
                                              "        - address: b.com\n",
                                              false);
    ck_assert_uint_eq(diff->change_count, 1);
    ck_assert_uint_eq(diff->changes[0].old_at.line, 5);
    ck_assert_uint_eq(diff->changes[0].old_at.column, 11);
    ck_assert_uint_eq(diff->changes[0].new_at.line, 6);
    ck_assert_uint_eq(diff->changes[0].new_at.column, 20);
    ck_assert_str_eq(diff->changes[0].message, "fetch.backend swaps \"a.com\" for \"b.com\"");
}
END_TEST

START_TEST(says_what_stays_reachable_below_a_wildcard_that_is_gone)
{
    const struct version_diff *diff =
        compare(BACKEND("'*.a.com'"), BACKEND("b.a.com, '*.c.a.com', ba.com"), false);
    ck_assert_uint_eq(diff->removed_count, 1);
    ck_assert_uint_eq(diff->removed[0].below_count, 2);
    ck_assert_uint_eq(diff->removed[0].situations, REACH_ALWAYS);
    ck_assert_uint_eq(diff->added_count, 1);
    ck_assert_str_eq(diff->added[0].item->address->host.text, "ba.com");
}
END_TEST

START_TEST(says_in_which_region_a_url_is_new)
{
    const struct version_diff *diff =
        compare(REMOTE("baseUrl: {default: a.com}") NAMED,
                REMOTE("baseUrl: {default: a.com, EU: e.com}") NAMED, false);
    ck_assert_uint_eq(diff->added_count, 1);
    ck_assert_str_eq(manifest_regions[0], "EU");
    ck_assert_uint_eq(diff->added[0].situations, 1U | 1U << MANIFEST_REGION_COUNT);
    ck_assert_uint_eq(diff->removed_count, 1);
    ck_assert_str_eq(diff->removed[0].item->address->host.text, "a.com");
}
END_TEST

static const char *many_entries(const char *prefix, size_t count)
{
    static char texts[2][1000000];
    static unsigned turn;
    char *yaml = texts[turn++ % 2];
    struct text text;
    text_init_fixed(&text, yaml, sizeof(texts[0]) - 1);
    text_add_string(&text, "permissions: {external: {fetch: {backend: [");
    for (size_t i = 0; i < count; i++)
        text_add_format(&text, "%s%zu.a%zu.com,", prefix, i, i % 7);
    text_add_string(&text, "]}}}");
    ck_assert(!text.overflow);
    yaml[text.length] = '\0';
    return yaml;
}

START_TEST(compares_long_lists_in_time)
{
    clock_t began = clock();
    const struct version_diff *diff =
        compare(many_entries("x", 40000), many_entries("y", 40000), false);
    ck_assert_uint_eq(diff->added_count, 40000);
    ck_assert_uint_eq(diff->change_count, 40000);
    ck_assert_double_lt(seconds_since(began), 3.0);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("version_diff");
    TCase *group = tcase_create("version_diff");
    tcase_add_checked_fixture(group, start, end);
    tcase_set_timeout(group, 120);
    tcase_add_loop_test(group, judges_each_change_by_its_rule, 0, ROW_COUNT);
    tcase_add_loop_test(group, judges_each_change_back_by_its_rule, 0, ROW_COUNT);
    tcase_add_loop_test(group, finds_no_difference_in_a_manifest_to_itself, 0, ROW_COUNT);
    tcase_add_test(group, has_a_row_for_every_rule);
    tcase_add_test(group, does_not_let_customer_managed_egress_go_in_production);
    tcase_add_test(group, gives_both_places_of_a_change);
    tcase_add_test(group, says_what_stays_reachable_below_a_wildcard_that_is_gone);
    tcase_add_test(group, says_in_which_region_a_url_is_new);
    tcase_add_test(group, compares_long_lists_in_time);
    suite_add_tcase(all, group);
    return all;
}

int main(void)
{
    return suite_run(suite());
}
