/*
 * Promises of proxy/turns: an app's sessions share one part of the worker's time, however many they
 * are. Sessions here do nothing but use time; their stages say how much, and the clock, which is
 * the test's own (the linker puts __wrap_clock_gettime in its place), goes on by just that.
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
    struct share share;
    struct tenant tenant;
    uint64_t price; /* nanoseconds of one run */
    uint64_t used;  /* nanoseconds */
    size_t runs;
    size_t left; /* runs until it has had enough; then the loop ends */
    bool once;   /* one run is all that a session wants */
    struct limit_account *account;
};

static struct app greedy, small;
static size_t greedy_runs_before_small; /* its first */
static struct session sessions[SESSIONS], single;
static struct listener doors[2];
static bool clock_goes_by_itself;
static uint64_t now; /* nanoseconds */

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock_goes_by_itself || clock != CLOCK_MONOTONIC)
        return __real_clock_gettime(clock, time);
    *time = (struct timespec){.tv_sec = (time_t)(now / 1000000000U),
                              .tv_nsec = (long)(now % 1000000000U)};
    return 0;
}

static enum progress stage_use_time(struct session *session)
{
    struct app *app = session->tenant == &greedy.tenant ? &greedy : &small;
    if (app == &small && small.runs == 0)
        greedy_runs_before_small = greedy.runs;
    now += app->price;
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
    app->account = calloc(1, sizeof(*app->account));
    ck_assert_ptr_nonnull(app->account);
    share_init(&app->share, app->account);
    app->tenant.share = &app->share;
    app->tenant.account = app->account;
}

static void session_of_app(struct session *session, struct app *app)
{
    *session = (struct session){.worker = &worker, .tenant = &app->tenant, .stage = stage_use_time};
}

static void begin(void)
{
    clock_goes_by_itself = true;
    now = clock_nanoseconds();
    clock_goes_by_itself = false;
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
    free(greedy.account);
    free(small.account);
    turns_clear(&worker.turns);
    event_base_free(worker.base);
    free(worker.lender);
}

static void wake_greedy(void)
{
    for (size_t i = 0; i < SESSIONS; i++)
        turns_resume(&sessions[i]);
}

/* One look at the events, and what is served before the next. */
static void one_turn(void)
{
    event_base_loop(worker.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

START_TEST(nobody_is_run_from_within)
{
    small.once = true;
    turns_resume(&single);
    ck_assert_uint_eq(small.runs, 0);
    one_turn();
    ck_assert_uint_eq(small.runs, 1);
}
END_TEST

START_TEST(many_sessions_with_work_do_not_keep_another_apps_request_waiting)
{
    small.once = true;
    wake_greedy(); /* which came first */
    turns_resume(&single);
    one_turn();
    ck_assert_uint_eq(small.runs, 1);
    ck_assert_uint_eq(greedy_runs_before_small, 1);
}
END_TEST

START_TEST(who_asks_for_little_comes_before_those_who_have_had_their_credit)
{
    wake_greedy();
    while (greedy.share.list != &worker.turns.waiting)
        one_turn();
    const size_t before = greedy.runs;
    small.once = true;
    turns_resume(&single);
    one_turn();
    ck_assert_uint_eq(small.runs, 1);
    ck_assert_uint_eq(greedy_runs_before_small, before);
}
END_TEST

/* Accepted, its head read, its tunnel opened, a byte there and back: none of these waits for more
 * than is run between two looks at the events. */
START_TEST(a_connect_fits_in_one_credit)
{
    small.once = true;
    greedy.price = 10 * MICROSECOND;
    small.price = 35 * MICROSECOND;
    wake_greedy();
    while (greedy.share.list != &worker.turns.waiting)
        one_turn();
    for (size_t run = 1; run <= 5; run++) {
        const size_t before = greedy.runs;
        turns_resume(&single);
        while (small.runs < run)
            one_turn();
        ck_assert_uint_le(greedy.runs - before, 3);
    }
}
END_TEST

START_TEST(while_several_have_work_events_are_looked_for_after_few_runs)
{
    wake_greedy();
    turns_resume(&single);
    one_turn();
    ck_assert_uint_le(greedy.runs + small.runs, 3);
}
END_TEST

START_TEST(a_request_that_has_to_wait_waits_for_one_turn_of_each)
{
    wake_greedy();
    one_turn();
    small.share.round = worker.turns.round;
    small.share.credit = -200 * (int64_t)MICROSECOND; /* it has just had its turn, and more */
    small.once = true;
    small.left = 1;
    turns_resume(&single);
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

/* One app's runs are a hundred times as long as the other's: both get the same time. */
START_TEST(what_was_used_beyond_the_credit_is_taken_off_the_next)
{
    greedy.price = 1000 * MICROSECOND;
    small.left = 2000;
    wake_greedy();
    turns_resume(&single);
    event_base_dispatch(worker.base);
    ck_assert_uint_ge(small.used, greedy.used - greedy.used / 10);
    ck_assert_uint_le(small.used, greedy.used + greedy.used / 10);
}
END_TEST

START_TEST(a_run_that_took_very_long_is_not_paid_for_in_full)
{
    greedy.price = 1000000 * MICROSECOND;
    small.price = 100 * MICROSECOND;
    turns_resume(&sessions[0]);
    one_turn();
    greedy.price = 100 * MICROSECOND;
    small.left = 200; /* twice the most that is owed */
    turns_resume(&single);
    event_base_dispatch(worker.base);
    ck_assert_uint_gt(greedy.runs, 1);
}
END_TEST

START_TEST(a_stream_may_move_less_while_others_have_work)
{
    small.once = greedy.once = true;
    turns_resume(&single);
    one_turn();
    ck_assert_uint_eq(worker.lender->turn_bytes, RELAY_TURN_BYTES);
    turns_resume(&sessions[0]);
    one_turn();
    ck_assert_uint_lt(worker.lender->turn_bytes, RELAY_TURN_BYTES);
}
END_TEST

/* ---- who comes in -------------------------------------------------------------- */

/* A door at which nobody is: what matters is whose time it takes to look. */
static void door_begin(struct listener *door, struct share *share)
{
    *door = (struct listener){.worker = &worker, .fd = -1, .share = share};
}

START_TEST(a_new_connection_is_its_listeners_apps_work)
{
    door_begin(&doors[0], &greedy.share);
    turns_accept(&doors[0]);
    turns_accept(&doors[0]); /* once is enough */
    ck_assert_ptr_eq(greedy.share.list, &worker.turns.fresh);
    ck_assert(doors[0].is_acceptable);
    one_turn();
    ck_assert(!doors[0].is_acceptable);
    ck_assert_ptr_null(greedy.share.list);
    ck_assert_int_lt(greedy.share.credit, 250 * (int64_t)MICROSECOND);
}
END_TEST

START_TEST(strangers_are_their_listeners)
{
    struct share *share = &doors[0].strangers;
    share_init(share, NULL);
    door_begin(&doors[0], share);
    single.tenant = NULL;
    single.listener = &doors[0];
    ck_assert_ptr_eq(turns_share(&single), share);
    single.tenant = &small.tenant;
    ck_assert_ptr_eq(turns_share(&single), &small.share);
}
END_TEST

START_TEST(a_listener_that_stops_is_forgotten)
{
    door_begin(&doors[0], &greedy.share);
    door_begin(&doors[1], &greedy.share);
    turns_accept(&doors[0]);
    turns_accept(&doors[1]);
    turns_accept_no_more(&doors[0]);
    turns_accept_no_more(&doors[0]);
    ck_assert_ptr_eq(TAILQ_FIRST(&greedy.share.acceptable), &doors[1]);
    turns_accept_no_more(&doors[1]);
    one_turn();
    ck_assert_ptr_null(greedy.share.list);
}
END_TEST

/* ---- bytes a second -------------------------------------------------------------- */

START_TEST(an_app_with_a_rate_moves_a_little_at_a_time)
{
    greedy.once = true;
    greedy.account->limits.bytes_per_second = 640000;
    turns_resume(&sessions[0]);
    one_turn();
    ck_assert_uint_eq(worker.lender->turn_bytes, 10000);
    greedy.account->limits.bytes_per_second = 1;
    turns_resume(&sessions[1]);
    one_turn();
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
    clock_goes_by_itself = true;
    const uint64_t began = clock_nanoseconds();
    greedy.account->limits.bytes_per_second = 1000000;
    greedy.once = true;
    greedy.left = 20; /* 400,000 bytes, of which 100,000 were saved up */
    for (size_t i = 0; i < 20; i++) {
        sessions[i].stage = stage_hold_back;
        turns_resume(&sessions[i]);
    }
    event_base_dispatch(worker.base);
    const uint64_t waited = clock_nanoseconds() - began;
    clock_goes_by_itself = false; /* Check looks at it before and after a test */
    ck_assert_uint_eq(greedy.runs, 20);
    ck_assert_uint_ge(waited, 250000 * MICROSECOND);
    ck_assert(TAILQ_EMPTY(&greedy.share.slowed));
    ck_assert(!turns_holds_back(&sessions[19]));
}
END_TEST

START_TEST(an_event_for_one_that_is_held_back_changes_nothing)
{
    greedy.account->limits.bytes_per_second = 1;
    sessions[0].stage = sessions[1].stage = stage_hold_back;
    greedy.once = true;
    turns_resume(&sessions[0]);
    turns_resume(&sessions[1]);
    one_turn();
    ck_assert(turns_holds_back(&sessions[1]));
    turns_resume(&sessions[1]);
    one_turn();
    ck_assert(turns_holds_back(&sessions[1]));
    ck_assert_uint_eq(greedy.runs, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("turns");
    TCase *tests = tcase_create("turns");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, nobody_is_run_from_within);
    tcase_add_test(tests, many_sessions_with_work_do_not_keep_another_apps_request_waiting);
    tcase_add_test(tests, who_asks_for_little_comes_before_those_who_have_had_their_credit);
    tcase_add_test(tests, a_connect_fits_in_one_credit);
    tcase_add_test(tests, while_several_have_work_events_are_looked_for_after_few_runs);
    tcase_add_test(tests, a_request_that_has_to_wait_waits_for_one_turn_of_each);
    tcase_add_test(tests, who_is_alone_goes_on);
    tcase_add_test(tests, all_sessions_of_an_app_get_their_turn);
    tcase_add_test(tests, what_was_used_beyond_the_credit_is_taken_off_the_next);
    tcase_add_test(tests, a_run_that_took_very_long_is_not_paid_for_in_full);
    tcase_add_test(tests, a_stream_may_move_less_while_others_have_work);
    tcase_add_test(tests, a_new_connection_is_its_listeners_apps_work);
    tcase_add_test(tests, strangers_are_their_listeners);
    tcase_add_test(tests, a_listener_that_stops_is_forgotten);
    tcase_add_test(tests, an_app_with_a_rate_moves_a_little_at_a_time);
    tcase_add_test(tests, an_app_over_its_rate_waits_and_then_goes_on_in_order);
    tcase_add_test(tests, an_event_for_one_that_is_held_back_changes_nothing);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
