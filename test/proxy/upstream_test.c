/*
 * Promises of proxy/upstream's pool: a connection serves again the tenant and the place that it was
 * made for and nobody else, and none whose origin has spoken or closed since. Where the loop is not
 * run before a connection is taken, no edge has told of what came: the pool has to ask.
 */
#include "proxy/upstream.h"

#include <check.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/poller.h"
#include "test/proxy/wire.h"
#include "test/suite.h"

#define PORT 8080

static struct event_base *base;
static struct poller *poller;
static struct deadlines *deadlines;
static struct metrics *metrics;
static struct upstream_pool pool;
static struct tenant tenant, another_tenant;
static struct host host, another_host;
static int origin; /* the far end of the one that is kept; -1: closed */

static void nothing_to_do(void *owner)
{
    (void)owner;
}

/* Another connection; FAR is its origin's end. */
static struct upstream *connect_upstream(int *far)
{
    int ends[2];
    const struct ip ip = {.family = 4, .bytes = {127, 0, 0, 1}};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    struct upstream *upstream =
        upstream_new(poller, ends[0], &ip, PORT, metrics, nothing_to_do, NULL);
    ck_assert_ptr_nonnull(upstream);
    *far = ends[1];
    return upstream;
}

static void begin(void)
{
    const struct configuration configuration = {.timeout_head = 1000};
    struct error error;
    base = event_base_new();
    poller = poller_new(base);
    deadlines = deadlines_new(base, &configuration);
    metrics = metrics_new();
    upstream_pool_init(&pool, deadlines);
    ck_assert(host_parse(SPAN("a.test"), &host, &error));
    ck_assert(host_parse(SPAN("b.test"), &another_host, &error));
    upstream_pool_give(&pool, connect_upstream(&origin), &tenant, &host);
    wire_settle(base); /* the edges of a new connection */
}

static void end(void)
{
    if (origin >= 0)
        close(origin);
    upstream_pool_clear(&pool);
    metrics_free(metrics);
    deadlines_free(deadlines);
    poller_free(poller);
    event_base_free(base);
}

static struct upstream *take(const struct tenant *whose, const struct host *place, uint16_t port)
{
    const struct upstream_key key = {.tenant = whose, .host = place, .port = port};
    return upstream_pool_take(&pool, &key, nothing_to_do, NULL);
}

static void assert_closed(int far)
{
    char byte;
    ck_assert_int_eq(recv(far, &byte, 1, MSG_DONTWAIT), 0);
}

START_TEST(gives_a_quiet_one_to_whom_it_served)
{
    struct upstream *upstream = take(&tenant, &host, PORT);
    ck_assert_ptr_nonnull(upstream);
    ck_assert(upstream->kept);
    ck_assert_ptr_null(take(&tenant, &host, PORT));
    upstream_free(upstream, false);
}
END_TEST

START_TEST(gives_it_to_nobody_else_and_for_no_other_place)
{
    ck_assert_ptr_null(take(&another_tenant, &host, PORT));
    ck_assert_ptr_null(take(&tenant, &another_host, PORT));
    ck_assert_ptr_null(take(&tenant, &host, PORT + 1));
    ck_assert_uint_eq(pool.count, 1);
}
END_TEST

START_TEST(never_gives_one_whose_origin_spoke_unasked)
{
    ck_assert_int_eq(send(origin, "HTTP/1.1 200 OK\r\n", 17, MSG_NOSIGNAL), 17);
    ck_assert_ptr_null(take(&tenant, &host, PORT));
    ck_assert_uint_eq(pool.count, 0);
}
END_TEST

START_TEST(never_gives_one_whose_origin_closed)
{
    close(origin);
    origin = -1;
    ck_assert_ptr_null(take(&tenant, &host, PORT));
    ck_assert_uint_eq(pool.count, 0);
}
END_TEST

START_TEST(gives_an_older_one_where_the_newest_is_no_good)
{
    int newest;
    upstream_pool_give(&pool, connect_upstream(&newest), &tenant, &host);
    ck_assert_int_eq(send(newest, "x", 1, MSG_NOSIGNAL), 1);
    struct upstream *upstream = take(&tenant, &host, PORT);
    ck_assert_ptr_nonnull(upstream);
    ck_assert_int_eq(send(origin, "y", 1, MSG_NOSIGNAL), 1);
    char byte = 0;
    ck_assert_int_eq(recv(upstream->transport.fd, &byte, 1, 0), 1);
    ck_assert_int_eq(byte, 'y');
    upstream_free(upstream, false);
    close(newest);
}
END_TEST

START_TEST(closes_an_idle_one_as_soon_as_its_origin_speaks)
{
    ck_assert_int_eq(send(origin, "x", 1, MSG_NOSIGNAL), 1);
    wire_settle(base);
    ck_assert_uint_eq(pool.count, 0);
}
END_TEST

START_TEST(keeps_one_that_has_only_become_writable)
{
    wire_settle(base);
    ck_assert_uint_eq(pool.count, 1);
}
END_TEST

START_TEST(closes_the_longest_idle_one_for_one_too_many)
{
    static int ends[UPSTREAM_POOL_MAXIMUM];
    for (size_t i = 0; i < UPSTREAM_POOL_MAXIMUM; i++)
        upstream_pool_give(&pool, connect_upstream(&ends[i]), &tenant, &host);
    ck_assert_uint_eq(pool.count, UPSTREAM_POOL_MAXIMUM);
    assert_closed(origin);
    for (size_t i = 0; i < UPSTREAM_POOL_MAXIMUM; i++)
        close(ends[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("upstream");
    TCase *tests = tcase_create("pool");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, gives_a_quiet_one_to_whom_it_served);
    tcase_add_test(tests, gives_it_to_nobody_else_and_for_no_other_place);
    tcase_add_test(tests, never_gives_one_whose_origin_spoke_unasked);
    tcase_add_test(tests, never_gives_one_whose_origin_closed);
    tcase_add_test(tests, gives_an_older_one_where_the_newest_is_no_good);
    tcase_add_test(tests, closes_an_idle_one_as_soon_as_its_origin_speaks);
    tcase_add_test(tests, keeps_one_that_has_only_become_writable);
    tcase_add_test(tests, closes_the_longest_idle_one_for_one_too_many);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
