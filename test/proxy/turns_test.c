/*
 * Promises of proxy/turns: an app's sessions share one part of the worker's time, however many they
 * are. Sessions here do nothing but use time; their stages say how much.
 */
#include <check.h>
#include <stdlib.h>

#include "proxy/clock.h"
#include "proxy/session.h"
#include "test/suite.h"

#define MICROSECOND UINT64_C(1000)
#define SESSIONS    100

static struct worker worker;
static struct configuration configuration;

struct app {
    struct limit_account account;
    struct share share;
    struct tenant tenant;
    uint64_t price; /* nanoseconds of one run */
    uint64_t used;  /* nanoseconds */
    size_t runs;
    size_t left; /* runs until it has had enough; then the loop ends */
    bool once;   /* one run is all that a session wants */
};

static struct app greedy, small;
static size_t greedy_runs_before_small; /* its first */
static struct session sessions[SESSIONS], single;

static void use_time(uint64_t nanoseconds)
{
    const uint64_t end = clock_nanoseconds() + nanoseconds;
    while (clock_nanoseconds() < end)
        continue;
}

static enum progress stage_use_time(struct session *session)
{
    struct app *app = session->tenant == &greedy.tenant ? &greedy : &small;
    if (app == &small && small.runs == 0)
        greedy_runs_before_small = greedy.runs;
    use_time(app->price);
    app->used += app->price;
    app->runs++;
    if (app->left > 0 && --app->left == 0)
        event_base_loopbreak(worker.base);
    if (!app->once)
        turns_resume(session);
    return PROGRESS_WAIT;
}

static void app_begin(struct app *app, uint64_t price)
{
    *app = (struct app){.price = price};
    share_init(&app->share, &app->account);
    app->tenant.share = &app->share;
    app->tenant.account = &app->account;
}

static void session_of_app(struct session *session, struct app *app)
{
    *session = (struct session){.worker = &worker, .tenant = &app->tenant, .stage = stage_use_time};
}

static void begin(void)
{
    worker = (struct worker){.configuration = &configuration};
    worker.base = event_base_new();
    worker.lender = calloc(1, sizeof(*worker.lender));
    ck_assert(worker.base != NULL && worker.lender != NULL && turns_init(&worker.turns, &worker));
    app_begin(&greedy, 100 * MICROSECOND);
    app_begin(&small, 10 * MICROSECOND);
    for (size_t i = 0; i < SESSIONS; i++)
        session_of_app(&sessions[i], &greedy);
    session_of_app(&single, &small);
}

static void end(void)
{
    turns_clear(&worker.turns);
    event_base_free(worker.base);
    free(worker.lender);
}

static void wake_greedy(void)
{
    for (size_t i = 0; i < SESSIONS; i++)
        turns_wake(&sessions[i]);
}

START_TEST(many_sessions_with_work_do_not_keep_another_apps_request_waiting)
{
    small.once = true;
    small.left = 1;
    wake_greedy();
    ck_assert_uint_le(greedy.runs, 3);
    turns_wake(&single);
    ck_assert_uint_eq(small.runs, 1);
}
END_TEST

START_TEST(a_request_that_has_to_wait_waits_for_one_turn_of_each)
{
    wake_greedy();
    small.share.credit = -300 * (int64_t)MICROSECOND; /* it has just had its turn, and more */
    small.once = true;
    small.left = 1;
    turns_wake(&single);
    ck_assert_uint_eq(small.runs, 0);
    const size_t before = greedy.runs;
    event_base_dispatch(worker.base);
    ck_assert_uint_eq(small.runs, 1);
    ck_assert_uint_le(greedy_runs_before_small - before, 4);
}
END_TEST

START_TEST(who_is_alone_goes_on)
{
    greedy.left = (size_t)5 * SESSIONS;
    wake_greedy();
    event_base_dispatch(worker.base);
    ck_assert_uint_eq(greedy.left, 0);
}
END_TEST

START_TEST(all_sessions_of_an_app_get_their_turn)
{
    greedy.once = true;
    greedy.left = SESSIONS;
    wake_greedy();
    event_base_dispatch(worker.base);
    ck_assert_uint_eq(greedy.runs, SESSIONS);
    for (size_t i = 0; i < SESSIONS; i++)
        ck_assert_ptr_null(sessions[i].queue);
}
END_TEST

/*
 * One app's runs are a hundred times as long as the other's: both get the same time, as far as a
 * busy machine tells time that was worked from time that was waited.
 */
START_TEST(what_was_used_beyond_the_credit_is_taken_off_the_next)
{
    greedy.price = 1000 * MICROSECOND;
    small.left = 2000;
    wake_greedy();
    turns_wake(&single);
    event_base_dispatch(worker.base);
    ck_assert_uint_ge(small.used, greedy.used / 8);
    ck_assert_uint_le(small.used, greedy.used * 8);
}
END_TEST

START_TEST(a_stream_may_move_less_while_others_have_work)
{
    turns_wake(&single);
    ck_assert_uint_eq(worker.lender->turn_bytes, RELAY_TURN_BYTES);
    turns_wake(&sessions[0]);
    ck_assert_uint_lt(worker.lender->turn_bytes, RELAY_TURN_BYTES);
}
END_TEST

START_TEST(an_app_with_a_rate_moves_a_little_at_a_time)
{
    greedy.once = true;
    greedy.account.limits.bytes_per_second = 640000;
    turns_wake(&sessions[0]);
    ck_assert_uint_eq(worker.lender->turn_bytes, 10000);
    greedy.account.limits.bytes_per_second = 1;
    turns_wake(&sessions[1]);
    ck_assert_uint_eq(worker.lender->turn_bytes, 1024);
}
END_TEST

static enum progress stage_hold_back(struct session *session)
{
    if (turns_hold_back(session))
        return PROGRESS_WAIT;
    turns_pay(session, 20000);
    return stage_use_time(session);
}

START_TEST(an_app_over_its_rate_waits_and_then_goes_on_in_order)
{
    const uint64_t began = clock_nanoseconds();
    greedy.account.limits.bytes_per_second = 1000000;
    greedy.once = true;
    greedy.left = 20; /* 400,000 bytes, of which 100,000 were saved up */
    for (size_t i = 0; i < 20; i++) {
        sessions[i].stage = stage_hold_back;
        turns_wake(&sessions[i]);
    }
    event_base_dispatch(worker.base);
    ck_assert_uint_eq(greedy.runs, 20);
    ck_assert_uint_ge(clock_nanoseconds() - began, 250000 * MICROSECOND);
    ck_assert(TAILQ_EMPTY(&greedy.share.slowed));
    ck_assert(!turns_holds_back(&sessions[19]));
}
END_TEST

START_TEST(an_event_for_one_that_is_held_back_changes_nothing)
{
    greedy.account.limits.bytes_per_second = 1;
    sessions[0].stage = sessions[1].stage = stage_hold_back;
    greedy.once = true;
    turns_wake(&sessions[0]);
    turns_wake(&sessions[1]);
    event_base_loop(worker.base, EVLOOP_NONBLOCK);
    ck_assert(turns_holds_back(&sessions[1]));
    turns_wake(&sessions[1]);
    ck_assert(turns_holds_back(&sessions[1]));
    ck_assert_uint_eq(greedy.runs, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("turns");
    TCase *tests = tcase_create("turns");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, many_sessions_with_work_do_not_keep_another_apps_request_waiting);
    tcase_add_test(tests, a_request_that_has_to_wait_waits_for_one_turn_of_each);
    tcase_add_test(tests, who_is_alone_goes_on);
    tcase_add_test(tests, all_sessions_of_an_app_get_their_turn);
    tcase_add_test(tests, what_was_used_beyond_the_credit_is_taken_off_the_next);
    tcase_add_test(tests, a_stream_may_move_less_while_others_have_work);
    tcase_add_test(tests, an_app_with_a_rate_moves_a_little_at_a_time);
    tcase_add_test(tests, an_app_over_its_rate_waits_and_then_goes_on_in_order);
    tcase_add_test(tests, an_event_for_one_that_is_held_back_changes_nothing);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
