/* Promises about the page an admin decides from: each section, and what is said in it. */
#include "policy/command_manifest.h"
#include "policy/review.h"
#include "test/policy/reading.h"
#include "test/suite.h"

#define HEAD "app: {id: ari:cloud:ecosystem::app/1}\npermissions: {external: {fetch: {backend: "
#define TAIL "}}}\n"

static struct reading old, new;
static struct review_traffic traffic;
static struct review review;
static char *written;

static void set_up(void)
{
    reading_start(&old);
    reading_start(&new);
    ck_assert(review_traffic_init(&traffic));
    review = (struct review){.old.number = SPAN("1.4"), .new.number = SPAN("2.1")};
    written = NULL;
}

static void tear_down(void)
{
    review_traffic_clear(&traffic);
    reading_end(&old);
    reading_end(&new);
    free(written);
}

static struct review_version version(struct reading *reading, const char *yaml, struct span number)
{
    reading_parse(reading, yaml);
    reading->manifest =
        manifest_read(reading->document, &reading->options, reading->arena, &reading->findings);
    ck_assert_uint_eq(reading->findings.errors, 0);
    findings_init(&reading->findings, reading->arena, "manifest.yml");
    ck_assert(
        lint_document(reading->document, &reading->options, reading->arena, &reading->findings));
    return (struct review_version){reading->manifest, &reading->findings, number};
}

/* WHEN OLD_YAML and NEW_YAML are compared on a page, that page. */
static const char *page_of(const char *old_yaml, const char *new_yaml)
{
    const struct version_diff_options options = {.production = true};
    struct text text;
    review.old = version(&old, old_yaml, review.old.number);
    review.new = version(&new, new_yaml, review.new.number);
    review.diff = version_diff(review.old.manifest, review.new.manifest, &options, old.arena);
    ck_assert_ptr_nonnull(review.diff);
    text_init(&text, 1 << 20);
    ck_assert(review_write(&review, old.arena, &text));
    text_add_char(&text, '\0');
    written = text.data;
    return written;
}

static void says(const char *page, const char *words)
{
    ck_assert_msg(strstr(page, words) != NULL, "\"%s\" is not in %.2000s", words, page);
}

static void says_not(const char *page, const char *words)
{
    ck_assert_msg(strstr(page, words) == NULL, "\"%s\" is in %.2000s", words, page);
}

/* COUNT requests to HOST's port 443 at TIME, by CONNECT. */
static void log_requests(const char *host, enum verdict verdict, const char *time, int count)
{
    struct log_decision decision = {.target = {.scheme = SCHEME_TUNNEL, .port = 443},
                                    .verdict = verdict};
    struct log_record record = {.time = span_of(time)};
    struct error error;
    ck_assert(host_parse(span_of(host), &decision.target.host, &error));
    for (int i = 0; i < count; i++)
        review_traffic_visit(&traffic, &record, &decision);
    review.traffic = &traffic;
}

START_TEST(tells_what_a_wildcard_reaches_and_what_was_reachable_before)
{
    const char *page =
        page_of(HEAD "[{address: api.a.com}]" TAIL, HEAD "[{address: '*.a.com'}]" TAIL);
    says(page, "<h1>1 host becomes reachable</h1>");
    says(page, "<code>*.a.com</code></h3>");
    says(page, "Every name below <code>a.com</code>, at any depth: <code>a.a.com</code>");
    says(page, "Not <code>a.com</code> itself.");
    says(page, "Reachable before: <code>https://api.a.com</code>.");
    says(page, "<strong>Needs approval.</strong>");
}
END_TEST

START_TEST(puts_all_of_a_host_into_one_card)
{
    const char *page =
        page_of(HEAD "[]" TAIL, HEAD
                "[{address: a.com}, {address: 'a.com:8443'}], client: [{address: a.com}]" TAIL);
    says(page, "<h1>1 host becomes reachable</h1>");
    says(page, "servers send requests to <code>https://a.com</code>.");
    says(page, "servers send requests to <code>https://a.com:8443</code>.");
    says(page, "Scripts in users’ browsers send requests to <code>https://a.com</code>.");
}
END_TEST

START_TEST(tells_what_is_no_longer_reachable)
{
    const char *page =
        page_of(HEAD "[{address: a.com}, {address: b.com, category: analytics}]" TAIL,
                HEAD "[{address: a.com}]" TAIL);
    says(page, "<h1>Nothing more becomes reachable</h1>");
    says(page, "<strong>Needs no approval.</strong>");
    says(page, "<article class=\"card remove\"");
    says(page, "<code>https://b.com</code>. Only while analytics is on.");
    says(page, "There is nothing to approve");
    says_not(page, "installation approve");
}
END_TEST

START_TEST(tells_new_risks_from_old_ones)
{
    const char *page = page_of(HEAD "[{address: '*.github.io'}]" TAIL,
                               HEAD "[{address: '*.github.io'}, {address: 203.0.113.7}]" TAIL);
    says(page, "<li id=\"risk-1\"><strong>As before:</strong> &quot;*.github.io&quot; covers the "
               "public suffix");
    says(page, "<li id=\"risk-2\"><strong>New:</strong> &quot;203.0.113.7&quot; is an IP address");
    says(page, "href=\"#risk-2\">risk 2</a>");
}
END_TEST

START_TEST(says_that_analytics_can_be_switched_off)
{
    const char *page = page_of(HEAD "[]" TAIL, HEAD "[{address: m.com, category: analytics}]" TAIL);
    says(page, "Analytics: 1 address is declared");
    says(page, "sallyport installation set-analytics");
}
END_TEST

START_TEST(warns_of_what_is_not_encrypted)
{
    new.options.plain_http = true;
    const char *page = page_of(HEAD "[]" TAIL, HEAD "[{address: 'http://a.com'}]" TAIL);
    says(page, "is not encrypted");
}
END_TEST

START_TEST(gives_each_reason_with_its_places)
{
    const char *page = page_of(HEAD "[{address: a.com}]" TAIL, HEAD "[{address: b.com}]" TAIL);
    says(page, "<th scope=\"row\"><span class=\"tag warn\">Major</span></th>");
    says(page, "(<code>egress-swapped</code>)");
    says(page, "<code>manifest.yml:2:54</code> → <code>manifest.yml:2:54</code>");
}
END_TEST

START_TEST(gives_the_very_command_that_approves)
{
    review.policy = "my policy's";
    review.app = "orders";
    review.environment = "production";
    review.installation = "acme";
    const char *page = page_of(HEAD "[]" TAIL, HEAD "[{address: b.com}]" TAIL);
    says(page, "sallyport installation approve --policy &#39;my policy&#39;\\&#39;&#39;s&#39; \\\n"
               "    --app orders --environment production \\\n"
               "    --id acme --version 2 \\\n"
               "    --by <var>WHO</var> --why <var>REASON</var></code>");
}
END_TEST

START_TEST(puts_placeholders_where_it_does_not_know)
{
    review.policy = "hidden\xE2\x80\xAE"
                    "folder";
    review.new.number = SPAN("");
    const char *page = page_of(HEAD "[]" TAIL, HEAD "[{address: b.com}]" TAIL);
    says(page, "--policy <var>DIR</var> \\\n    --app <var>APP</var>");
    says(page, "--version <var>MAJOR</var>");
}
END_TEST

START_TEST(tells_the_traffic_and_what_becomes_of_it)
{
    log_requests("gone.com", VERDICT_ALLOW, "2026-01-02T03:04:05.5Z", 1200);
    log_requests("new.com", VERDICT_DENY, "2026-01-09T00:00:00Z", 3);
    log_requests("kept.com", VERDICT_ALLOW, "2025-12-24T00:00:00Z", 2);
    log_requests("other.com", VERDICT_DENY, "", 1);
    const char *page = page_of(HEAD "[{address: gone.com}, {address: kept.com}]" TAIL,
                               HEAD "[{address: new.com}, {address: kept.com}]" TAIL);
    says(page, "aria-label=\"Requests to gone.com over time: 1200 let out, 0 refused\"");
    says(page, "In the log: 1,200 requests let out, 0 refused.");
    says(page, "In the log: 0 requests let out, 3 refused.");
    says(page, "<td>1,200 let out</td><td><strong>no longer reachable</strong></td>");
    says(page, "<td>3 refused</td><td><strong>becomes reachable</strong></td>");
    says(page, "<td>2 let out</td><td>stays reachable</td>");
    says(page, "<td>1 refused</td><td>in neither version</td>");
    says(page, "Drawings run from 2025-12-");
}
END_TEST

START_TEST(loses_no_request_when_the_log_goes_back_or_leaps_ahead)
{
    log_requests("a.com", VERDICT_ALLOW, "2026-06-01T00:00:00Z", 5);
    log_requests("a.com", VERDICT_ALLOW, "0001-01-01T00:00:00Z", 7);
    log_requests("a.com", VERDICT_DENY, "9999-12-31T23:59:59Z", 11);
    size_t count;
    const struct traffic_count *own = review_traffic_targets(&traffic, &count)[0]->own;
    uint64_t let_out = 0, refused = 0;
    for (size_t i = 0; i < TRAFFIC_STEPS; i++) {
        let_out += own->steps_let_out[i];
        refused += own->steps_refused[i];
    }
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(let_out, 12);
    ck_assert_uint_eq(refused, 11);
}
END_TEST

START_TEST(shows_hostile_values_as_text)
{
    review.app = "<script>alert(1)</script>";
    review.environment = "\" onload=\"alert(1)";
    const char *page = page_of(HEAD "[]" TAIL,
                               HEAD "[], client: [{address: \"slack://\\u202e<img/src=x>\"}]" TAIL);
    says_not(page, "<script");
    says_not(page, "<img");
    says_not(page, "\xE2\x80\xAE");
    says(page, "&lt;script&gt;alert(1)&lt;/script&gt; / &quot; onload=&quot;alert(1)");
    says(page, "slack://\\u{202e}&lt;img/src=x&gt;");
}
END_TEST

START_TEST(takes_a_versions_number_from_its_folder_only)
{
    static const char *const others[] = {"manifest.yml",
                                         "versions/manifest.yml",
                                         "1.4/manifest.yml",
                                         "versions/1/manifest.yml",
                                         "versions/1.x/manifest.yml",
                                         "versions/1.4"};
    ck_assert(span_equal(review_number_of_path("p/a/e/versions/12.4/manifest.yml"), SPAN("12.4")));
    ck_assert(span_equal(review_number_of_path("versions/1.4/manifest.yml"), SPAN("1.4")));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_uint_eq(review_number_of_path(others[i]).length, 0);
}
END_TEST

START_TEST(says_when_the_page_does_not_fit)
{
    struct text text;
    (void)page_of(HEAD "[]" TAIL, HEAD "[]" TAIL);
    text_init(&text, 1000);
    ck_assert(!review_write(&review, old.arena, &text));
    text_clear(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("review");
    TCase *promises = tcase_create("review");
    tcase_add_checked_fixture(promises, set_up, tear_down);
    tcase_add_test(promises, tells_what_a_wildcard_reaches_and_what_was_reachable_before);
    tcase_add_test(promises, puts_all_of_a_host_into_one_card);
    tcase_add_test(promises, tells_what_is_no_longer_reachable);
    tcase_add_test(promises, tells_new_risks_from_old_ones);
    tcase_add_test(promises, says_that_analytics_can_be_switched_off);
    tcase_add_test(promises, warns_of_what_is_not_encrypted);
    tcase_add_test(promises, gives_each_reason_with_its_places);
    tcase_add_test(promises, gives_the_very_command_that_approves);
    tcase_add_test(promises, puts_placeholders_where_it_does_not_know);
    tcase_add_test(promises, tells_the_traffic_and_what_becomes_of_it);
    tcase_add_test(promises, loses_no_request_when_the_log_goes_back_or_leaps_ahead);
    tcase_add_test(promises, shows_hostile_values_as_text);
    tcase_add_test(promises, takes_a_versions_number_from_its_folder_only);
    tcase_add_test(promises, says_when_the_page_does_not_fit);
    suite_add_tcase(suite, promises);
    return suite_run(suite);
}
