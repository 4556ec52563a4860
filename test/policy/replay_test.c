/* Promises of policy/replay and of the tally it counts in. */
#include <check.h>
#include <stdlib.h>

#include "policy/replay.h"
#include "test/policy/declared.h"
#include "test/suite.h"

static struct snapshot *snapshot;
static struct replay replay;

static void start(void)
{
    struct declared declared;
    const struct subject subject = {SPAN(""), SPAN(""), SPAN("")};
    DECLARE(&declared, "api.example.com", "*.example.org", "http://plain.example.com:443");
    struct app_policy *policy = app_policy_new(SPAN(""), SPAN(""), &declared.grant);
    ck_assert_ptr_nonnull(policy);
    snapshot = snapshot_new(&policy, 1);
    app_policy_unref(policy);
    ck_assert_ptr_nonnull(snapshot);
    ck_assert(replay_init(&replay, snapshot, &subject));
}

static void end(void)
{
    replay_clear(&replay);
    snapshot_unref(snapshot);
}

/* What becomes of a logged CONNECT to AUTHORITY. */
static void visit(const char *authority, enum verdict verdict, enum reason reason, const char *time)
{
    const struct log_record record = {
        .time = span_of(time), .app = SPAN("demo"), .environment = SPAN("production")};
    const struct log_decision decision = {tunnel_to(authority), verdict, reason};
    replay_visit(&replay, &record, &decision);
}

static enum replay_change change_of(const char *authority, enum verdict verdict, enum reason reason)
{
    memset(replay.counts, 0, sizeof(replay.counts));
    visit(authority, verdict, reason, "");
    enum replay_change change = 0;
    while (replay.counts[change] == 0)
        change++;
    return change;
}

START_TEST(an_answer_that_stays_is_no_change)
{
    ck_assert_int_eq(change_of("api.example.com:443", VERDICT_ALLOW, REASON_DECLARED), REPLAY_SAME);
    ck_assert_int_eq(change_of("evil.com:443", VERDICT_DENY, REASON_UNDECLARED), REPLAY_SAME);
}
END_TEST

START_TEST(an_answer_that_turns_is_a_change)
{
    ck_assert_int_eq(change_of("evil.com:443", VERDICT_ALLOW, REASON_EVERYTHING_DECLARED),
                     REPLAY_NOW_DENIED);
    ck_assert_int_eq(change_of("a.example.org:443", VERDICT_DENY, REASON_UNDECLARED),
                     REPLAY_NOW_ALLOWED);
}
END_TEST

struct bearing_row {
    enum reason reason;
    enum replay_change declared; /* a denial for it, of a target that is declared now */
    enum replay_change plain;    /* … declared http now */
};

static const struct bearing_row bearing_rows[] = {
    {REASON_UNDECLARED, REPLAY_NOW_ALLOWED, REPLAY_NOW_ALLOWED},
    {REASON_SCHEME_NOT_DECLARED, REPLAY_NOW_ALLOWED, REPLAY_NOW_ALLOWED},
    {REASON_PORT_NOT_DECLARED, REPLAY_NOW_ALLOWED, REPLAY_NOW_ALLOWED},
    {REASON_UNKNOWN_APP, REPLAY_NOW_ALLOWED, REPLAY_NOW_ALLOWED},
    {REASON_ANALYTICS_DISABLED, REPLAY_NOW_ALLOWED, REPLAY_NOW_ALLOWED},
    {REASON_PENDING_APPROVAL, REPLAY_NOW_ALLOWED, REPLAY_NOW_ALLOWED},
    {REASON_SNI_MISMATCH, REPLAY_NOT_POLICY, REPLAY_NOW_ALLOWED},
    {REASON_SNI_MISSING, REPLAY_NOT_POLICY, REPLAY_NOW_ALLOWED},
    {REASON_NOT_TLS, REPLAY_NOT_POLICY, REPLAY_NOW_ALLOWED},
    {REASON_ECH, REPLAY_NOT_POLICY, REPLAY_NOW_ALLOWED},
    {REASON_UNAUTHENTICATED, REPLAY_NOT_POLICY, REPLAY_NOT_POLICY},
    {REASON_INVALID_TARGET, REPLAY_NOT_POLICY, REPLAY_NOT_POLICY},
    {REASON_ADDRESS_PROHIBITED, REPLAY_NOT_POLICY, REPLAY_NOT_POLICY},
    {REASON_LIMIT_EXCEEDED, REPLAY_NOT_POLICY, REPLAY_NOT_POLICY},
    {REASON_METHOD_NOT_DECLARED, REPLAY_NOT_POLICY, REPLAY_NOT_POLICY},
    {REASON_PATH_NOT_DECLARED, REPLAY_NOW_ALLOWED, REPLAY_NOW_ALLOWED},
    {REASON_COUNT, REPLAY_NOT_POLICY, REPLAY_NOT_POLICY},
};

START_TEST(only_what_a_policy_decides_changes_with_it)
{
    const struct bearing_row *row = &bearing_rows[_i];
    ck_assert_int_eq(change_of("api.example.com:443", VERDICT_DENY, row->reason), row->declared);
    ck_assert_int_eq(change_of("plain.example.com:443", VERDICT_DENY, row->reason), row->plain);
}
END_TEST

START_TEST(what_was_stopped_by_a_guard_is_not_denied_anew)
{
    ck_assert_int_eq(change_of("evil.com:443", VERDICT_DENY, REASON_SNI_MISMATCH),
                     REPLAY_NOT_POLICY);
}
END_TEST

START_TEST(a_record_without_a_target_changes_nothing)
{
    const struct log_record record = {.time = SPAN("")};
    const struct log_decision decision = {.verdict = VERDICT_DENY, .reason = REASON_UNKNOWN_APP};
    replay_visit(&replay, &record, &decision);
    ck_assert_uint_eq(replay.counts[REPLAY_NOT_POLICY], 1);
}
END_TEST

START_TEST(groups_changes_with_their_count_and_their_first_and_last_time)
{
    size_t count;
    visit("evil.com:443", VERDICT_ALLOW, REASON_DECLARED, "2026-01-02T03:04:05Z");
    visit("evil.com:443", VERDICT_ALLOW, REASON_DECLARED, "2026-01-01T03:04:05Z");
    visit("evil.com:443", VERDICT_ALLOW, REASON_DECLARED, "");
    visit("evil.com:80", VERDICT_ALLOW, REASON_DECLARED, "");
    visit("a.example.org:443", VERDICT_DENY, REASON_UNDECLARED, "");
    struct tally_entry **groups = replay_groups(&replay, &count);
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(groups[0]->kind, REPLAY_NOW_DENIED);
    ck_assert_uint_eq(groups[0]->count, 3);
    ck_assert_uint_eq(groups[0]->port, 443);
    ck_assert_str_eq(groups[0]->first, "2026-01-01T03:04:05Z");
    ck_assert_str_eq(groups[0]->last, "2026-01-02T03:04:05Z");
    ck_assert_uint_eq(groups[1]->port, 80);
    ck_assert_str_eq(groups[1]->first, "");
    ck_assert_int_eq(groups[2]->kind, REPLAY_NOW_ALLOWED);
    ck_assert_int_eq(groups[2]->reason, REASON_UNDECLARED);
}
END_TEST

/* ---- The tally ----------------------------------------------------------- */

static struct tally_entry *count_in(struct tally *tally, unsigned kind, const char *app,
                                    const char *authority)
{
    struct target target = tunnel_to(authority);
    const struct tally_key key = {kind, span_of(app), SPAN("production"), SPAN(""), &target};
    return tally_add(tally, &key, SPAN(""));
}

START_TEST(counts_apart_whatever_differs_in_the_key)
{
    struct tally *tally = tally_new(10);
    ck_assert_ptr_nonnull(tally);
    struct tally_entry *entry = count_in(tally, 0, "demo", "a.b:443");
    ck_assert_ptr_eq(count_in(tally, 0, "demo", "a.b:443"), entry);
    ck_assert_uint_eq(entry->count, 2);
    ck_assert_ptr_ne(count_in(tally, 1, "demo", "a.b:443"), entry);
    ck_assert_ptr_ne(count_in(tally, 0, "other", "a.b:443"), entry);
    ck_assert_ptr_ne(count_in(tally, 0, "demo", "a.b:444"), entry);
    ck_assert_ptr_ne(count_in(tally, 0, "demo", "b.b:443"), entry);
    size_t count;
    tally_entries(tally, &count);
    ck_assert_uint_eq(count, 5);
    tally_free(tally);
}
END_TEST

START_TEST(only_numbers_what_is_beyond_its_maximum)
{
    struct tally *tally = tally_new(2);
    ck_assert_ptr_nonnull(tally);
    ck_assert_ptr_nonnull(count_in(tally, 0, "demo", "a.b:1"));
    ck_assert_ptr_nonnull(count_in(tally, 0, "demo", "a.b:2"));
    ck_assert_ptr_null(count_in(tally, 0, "demo", "a.b:3"));
    ck_assert_ptr_null(count_in(tally, 0, "demo", "a.b:3"));
    ck_assert_ptr_nonnull(count_in(tally, 0, "demo", "a.b:1"));
    ck_assert_uint_eq(tally_others(tally), 2);
    tally_free(tally);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay");
    TCase *tests = tcase_create("replay");
    tcase_add_checked_fixture(tests, start, end);
    tcase_add_test(tests, an_answer_that_stays_is_no_change);
    tcase_add_test(tests, an_answer_that_turns_is_a_change);
    tcase_add_loop_test(tests, only_what_a_policy_decides_changes_with_it, 0,
                        sizeof(bearing_rows) / sizeof(bearing_rows[0]));
    tcase_add_test(tests, what_was_stopped_by_a_guard_is_not_denied_anew);
    tcase_add_test(tests, a_record_without_a_target_changes_nothing);
    tcase_add_test(tests, groups_changes_with_their_count_and_their_first_and_last_time);
    tcase_add_test(tests, counts_apart_whatever_differs_in_the_key);
    tcase_add_test(tests, only_numbers_what_is_beyond_its_maximum);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
