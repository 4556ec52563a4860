/* Promises about a decision's story: what log and ledger say of it, and what they do not. */
#include <unistd.h>

#include "policy/ledger.h"
#include "policy/why.h"
#include "test/suite.h"

static char directory[64], path[96], story[8192];
static struct text ledger; /* the lines written so far */
static char last_hash[LEDGER_HASH_SIZE];
static uint64_t entries;
static struct log_record record;
static struct error error;

static void set_up(void)
{
    strcpy(directory, "/tmp/sallyport-why-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/" LEDGER_FILE_NAME, directory);
    text_init(&ledger, 1 << 20);
    memset(last_hash, '0', LEDGER_HASH_SIZE - 1);
    entries = 0;
    record = (struct log_record){.time = SPAN("2026-01-05T00:00:00.5Z"),
                                 .event = SPAN("decision"),
                                 .app = SPAN("orders"),
                                 .environment = SPAN("production"),
                                 .installation = SPAN("acme"),
                                 .method = SPAN("CONNECT"),
                                 .scheme = SPAN("https"),
                                 .host = SPAN("api.example"),
                                 .port = 443,
                                 .verdict = SPAN("allow"),
                                 .reason = SPAN("declared")};
}

static void tear_down(void)
{
    (void)unlink(path);
    rmdir(directory);
    text_clear(&ledger);
}

/* GIVEN an entry of EVENT on DAY of January about orders/production and INSTALLATION ("": none). */
static void enter(const char *event, int day, const char *installation, const char *version,
                  const char *by, const char *why)
{
    char time[32], previous[LEDGER_HASH_SIZE];
    struct text line;
    snprintf(time, sizeof(time), "2026-01-%02dT00:00:00.000000Z", day);
    memcpy(previous, last_hash, sizeof(previous));
    const struct ledger_entry entry = {.n = ++entries,
                                       .time = span_of(time),
                                       .event = span_of(event),
                                       .app = SPAN("orders"),
                                       .environment = SPAN("production"),
                                       .installation = span_of(installation),
                                       .version = span_of(version),
                                       .by = span_of(by),
                                       .why = span_of(why),
                                       .previous = {previous, LEDGER_HASH_SIZE - 1}};
    text_init(&line, LEDGER_LINE_MAXIMUM);
    ck_assert(ledger_entry_write(&entry, &line));
    text_add(&ledger, text_span(&line));
    memcpy(last_hash, line.data + line.length - 3 - (LEDGER_HASH_SIZE - 1), LEDGER_HASH_SIZE - 1);
    text_clear(&line);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(ledger.data, 1, ledger.length, file), ledger.length);
    fclose(file);
}

/* WHEN the record's story is told. */
static const char *told(void)
{
    const struct why_place place = {"decisions.log", 7};
    struct why_past past;
    struct text text;
    ck_assert_msg(why_past_read(&past, directory, &record, &error), "%s", error.message);
    text_init_fixed(&text, story, sizeof(story) - 1);
    why_print(&record, &place, &past, "policy", &text);
    ck_assert(!text.overflow);
    story[text.length] = '\0';
    why_past_clear(&past);
    size_t lines = 0;
    for (const char *at = story; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    ck_assert_uint_le(lines, 8);
    return story;
}

static void says(const char *words)
{
    ck_assert_msg(strstr(story, words) != NULL, "\"%s\" is not in\n%s", words, story);
}

static void says_not(const char *words)
{
    ck_assert_msg(strstr(story, words) == NULL, "\"%s\" is in\n%s", words, story);
}

static void deny_for_approval(void)
{
    record.verdict = SPAN("deny");
    record.reason = SPAN("pending_approval");
}

START_TEST(tells_what_was_asked_and_which_rule_decided)
{
    record.rule_address = SPAN("*.example");
    record.rule_file = SPAN("policy/orders/production/manifest.yml");
    record.rule_line = 12;
    ck_assert_str_eq(told(),
                     "asked     CONNECT https://api.example:443 by orders/production, installation "
                     "acme\n"
                     "verdict   allow, declared, 2026-01-05T00:00:00.5Z  decisions.log:7\n"
                     "rule      \"*.example\"  policy/orders/production/manifest.yml:12\n"
                     "ledger    there is none in policy: which version was in force, and who "
                     "approved it, is not on record\n");
}
END_TEST

START_TEST(tells_who_deployed_and_who_approved_what_was_in_force)
{
    char hash[LEDGER_HASH_SIZE] = "";
    enter("deploy", 1, "", "1.1", "ci", "first");
    enter("approve", 2, "acme", "1", "jane", "needed for orders");
    memcpy(hash, last_hash, sizeof(hash) - 1);
    enter("deploy", 3, "", "1.2", "ci", "less");
    enter("deploy", 4, "", "2.1", "ci", "more");
    enter("deploy", 6, "", "1.3", "ci", "later");
    told();
    says("version   1.2, deployed 2026-01-03T00:00:00.000000Z by ci: \"less\" (entry 3, ");
    says(
        "approved  major 1, 2026-01-02T00:00:00.000000Z by jane: \"needed for orders\" (entry 2, ");
    says(hash);
    says("ledger    whole, 5 entries, 4 before this decision\n");
    says_not("waits");
}
END_TEST

START_TEST(takes_the_deployed_version_where_there_is_no_installation)
{
    enter("deploy", 1, "", "1.1", "ci", "");
    enter("deploy", 2, "", "2.1", "ci", "");
    enter("deploy", 3, "", "1.2", "ci", "a fix of the old major");
    record.installation = SPAN("");
    told();
    says("version   2.1, deployed 2026-01-02T00:00:00.000000Z by ci (entry 2, ");
    says("approved  not asked");
}
END_TEST

START_TEST(tells_which_version_waits_and_since_when)
{
    enter("deploy", 1, "", "1.1", "ci", "");
    enter("approve", 2, "acme", "1", "jane", "");
    enter("deploy", 3, "", "2.1", "ci", "adds a host");
    enter("deploy", 4, "", "2.2", "ci", "");
    deny_for_approval();
    told();
    says("version   1.1, deployed ");
    says("waits     2.2 for its approval, since 2.1 was deployed 2026-01-03T00:00:00.000000Z by "
         "ci: \"adds a host\" (entry 3, ");
}
END_TEST

START_TEST(tells_that_an_approval_was_revoked)
{
    enter("deploy", 1, "", "1.1", "ci", "");
    enter("approve", 2, "acme", "1.1", "jane", "");
    enter("deploy", 2, "", "2.1", "ci", "");
    enter("approve", 3, "acme", "2.1", "jane", "");
    enter("revoke", 4, "acme", "1.1", "joe", "no longer");
    deny_for_approval();
    told();
    says("version   1.1, deployed ");
    says("revoked   back to major 1, 2026-01-04T00:00:00.000000Z by joe: \"no longer\" (entry 5, ");
    says("waits     2.1 for its approval");
}
END_TEST

START_TEST(mixes_no_installations_and_no_apps)
{
    enter("deploy", 1, "", "1.1", "ci", "");
    enter("approve", 2, "other", "1", "jane", "");
    told();
    says("version   by the ledger none: nothing had been approved\n");
    says("approved  no approval for this installation in the ledger before this decision\n");
    record.app = SPAN("another");
    told();
    says("version   no deploy is in the ledger before this decision\n");
}
END_TEST

START_TEST(tells_what_was_set_last_and_of_analytics_who_switched_them_off)
{
    enter("deploy", 1, "", "1.1", "ci", "");
    enter("set-analytics", 2, "acme", "", "joe", "analytics off; privacy");
    enter("set-region", 3, "acme", "", "ann", "region EU");
    enter("set-region", 4, "other", "", "eve", "region US");
    told();
    says("set       2026-01-03T00:00:00.000000Z by ann: \"region EU\" (entry 3, ");
    record.reason = SPAN("analytics_disabled");
    told();
    says("set       2026-01-02T00:00:00.000000Z by joe: \"analytics off; privacy\" (entry 2, ");
    record.installation = SPAN("third");
    told();
    says_not("set       ");
}
END_TEST

START_TEST(tells_that_the_installation_was_suspended)
{
    enter("deploy", 1, "", "1.1", "ci", "");
    enter("installation-add", 2, "acme", "1", "jane", "");
    enter("suspend", 3, "acme", "", "joe", "an incident");
    told();
    says("approved  major 1, 2026-01-02T00:00:00.000000Z by jane (entry 2, ");
    says("suspended 2026-01-03T00:00:00.000000Z by joe: \"an incident\" (entry 3, ");
    enter("resume", 4, "acme", "", "joe", "");
    told();
    says_not("suspended");
}
END_TEST

START_TEST(says_that_a_decision_is_older_than_the_ledger)
{
    enter("deploy", 6, "", "1.1", "ci", "");
    told();
    says("ledger    begins at 2026-01-06T00:00:00.000000Z, later than this decision\n");
    says_not("version");
}
END_TEST

START_TEST(counts_an_entry_of_the_same_moment_as_before)
{
    enter("deploy", 5, "", "1.1", "ci", "");
    record.installation = SPAN("");
    record.time = SPAN("2026-01-05T00:00:00Z");
    told();
    says("version   1.1, ");
    record.time = SPAN("2026-01-04T23:59:59.999999999Z");
    told();
    says("later than this decision");
}
END_TEST

START_TEST(takes_the_rules_file_for_the_nearest_witness)
{
    enter("deploy", 1, "", "1.1", "ci", "");
    enter("approve", 2, "acme", "1", "jane", "");
    record.rule_address = SPAN("api.example");
    record.rule_file = SPAN("policy/orders/production/versions/1.1/manifest.yml");
    told();
    says("version   1.1, by the rule's file; by the ledger 1.1, deployed ");
}
END_TEST

START_TEST(believes_no_broken_ledger)
{
    enter("deploy", 1, "", "1.1", "ci", "");
    enter("approve", 2, "acme", "1", "jane", "");
    FILE *file = fopen(path, "r+");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, (long)ledger.length - 200, SEEK_SET), 0);
    fputc('#', file);
    fclose(file);
    told();
    says("ledger    broken behind entry 1: what it says is no proof\n");
}
END_TEST

START_TEST(moves_no_cursor)
{
    enter("deploy", 1, "", "1.1", "ci\x1b[2J", "\xE2\x80\xAEtxen");
    record.host = SPAN("api\x1b[31m");
    record.reason = SPAN("\xE2\x80\xAE");
    record.installation = SPAN("");
    told();
    ck_assert_ptr_null(strpbrk(story, "\x1b"));
    ck_assert_ptr_null(strstr(story, "\xE2\x80\xAE"));
    says("\\u001b[2J");
    says("\\u{202e}txen");
}
END_TEST

START_TEST(tells_of_a_request_that_nobody_could_be_named_for)
{
    enter("deploy", 1, "", "1.1", "ci", "");
    record = (struct log_record){.time = SPAN("2026-01-05T00:00:00Z"),
                                 .verdict = SPAN("deny"),
                                 .reason = SPAN("unauthenticated")};
    told();
    says("asked     ? (no host was understood) by nobody known\n");
    says("rule      none\n");
    says_not("version");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("why");
    TCase *promises = tcase_create("why");
    tcase_add_checked_fixture(promises, set_up, tear_down);
    tcase_add_test(promises, tells_what_was_asked_and_which_rule_decided);
    tcase_add_test(promises, tells_who_deployed_and_who_approved_what_was_in_force);
    tcase_add_test(promises, takes_the_deployed_version_where_there_is_no_installation);
    tcase_add_test(promises, tells_which_version_waits_and_since_when);
    tcase_add_test(promises, tells_that_an_approval_was_revoked);
    tcase_add_test(promises, mixes_no_installations_and_no_apps);
    tcase_add_test(promises, tells_what_was_set_last_and_of_analytics_who_switched_them_off);
    tcase_add_test(promises, tells_that_the_installation_was_suspended);
    tcase_add_test(promises, says_that_a_decision_is_older_than_the_ledger);
    tcase_add_test(promises, counts_an_entry_of_the_same_moment_as_before);
    tcase_add_test(promises, takes_the_rules_file_for_the_nearest_witness);
    tcase_add_test(promises, believes_no_broken_ledger);
    tcase_add_test(promises, moves_no_cursor);
    tcase_add_test(promises, tells_of_a_request_that_nobody_could_be_named_for);
    suite_add_tcase(suite, promises);
    return suite_run(suite);
}
