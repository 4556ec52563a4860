/*
 * proxy/http2_upstream: which connection a request's stream is of, and how long connections are
 * kept. Their far ends are pairs of sockets on which an origin begins HTTP/2, or does not.
 */
#include "proxy/http2_upstream.h"

#include <check.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/http2.h"
#include "proxy/worker.h"
#include "test/suite.h"

#define PEERS_MAXIMUM 600

static const char settings[] = "\0\0\0\4\0\0\0\0\0";
static const char goaway[] = "\0\0\x08\7\0\0\0\0\0\0\0\0\0\0\0\0\0";

static struct configuration configuration;
static struct worker worker;
static struct tenant tenants[2];
static struct host hosts[2];
static int peers[PEERS_MAXIMUM];
static size_t peer_count;
static time_t
    passed; /* seconds that the clock is ahead; 0 where a test ends, for Check looks at it, too */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    const int result = __real_clock_gettime(clock, now);
    now->tv_sec += passed;
    return result;
}

static void ignore(void *owner)
{
    (void)owner;
}

static void set_up(void)
{
    struct error error;
    configuration = (struct configuration){.timeout_dial = 200};
    worker = (struct worker){.configuration = &configuration,
                             .base = event_base_new(),
                             .metrics = metrics_new(),
                             .lender = calloc(1, sizeof(*worker.lender))};
    worker.poller = poller_new(worker.base);
    worker.deadlines = deadlines_new(worker.base, &configuration);
    ck_assert(host_parse(SPAN("a.example"), &hosts[0], &error));
    ck_assert(host_parse(SPAN("b.example"), &hosts[1], &error));
    http2_upstreams_init(&worker.http2_upstreams, &worker);
    peer_count = 0;
    passed = 0;
}

static void tear_down(void)
{
    http2_upstreams_clear(&worker.http2_upstreams);
    ck_assert_uint_eq(metrics_sum(&worker.metrics, 1, METRIC_UPSTREAMS_OPEN), 0);
    ck_assert_uint_eq(metrics_sum(&worker.metrics, 1, METRIC_STREAMS_OPEN), 0);
    for (size_t i = 0; i < peer_count; i++)
        close(peers[i]);
    deadlines_free(worker.deadlines);
    poller_free(worker.poller);
    event_base_free(worker.base);
    metrics_free(worker.metrics);
    free(worker.lender);
}

static void turn_loop(void)
{
    for (int i = 0; i < 5; i++)
        event_base_loop(worker.base, EVLOOP_NONBLOCK);
}

static struct upstream_key key_of(size_t tenant, size_t host, uint16_t port)
{
    return (struct upstream_key){.tenant = &tenants[tenant], .host = &hosts[host], .port = port};
}

/* The first stream of a new connection; what the origin says to it is written into peers[…]. */
static struct upstream *add(const struct upstream_key *key)
{
    static const struct ip ip;
    int ends[2];
    ck_assert_uint_lt(peer_count, PEERS_MAXIMUM);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    peers[peer_count++] = ends[1];
    struct upstream *connection =
        upstream_new(worker.poller, ends[0], &ip, key->port, worker.metrics, ignore, NULL);
    ck_assert_ptr_nonnull(connection);
    return http2_upstreams_add(&worker.http2_upstreams, connection, key, ignore, NULL);
}

static struct upstream *take(const struct upstream_key *key)
{
    return http2_upstreams_take(&worker.http2_upstreams, key, ignore, NULL);
}

static void peer_says(size_t index, const char *bytes, size_t length)
{
    ck_assert_int_eq(send(peers[index], bytes, length, MSG_NOSIGNAL), (ssize_t)length);
    turn_loop();
}

static struct upstream *add_greeted(const struct upstream_key *key)
{
    struct upstream *end = add(key);
    ck_assert_ptr_nonnull(end);
    peer_says(peer_count - 1, settings, sizeof(settings) - 1);
    return end;
}

static void let_go(struct upstream *end)
{
    upstream_free(end, false);
    turn_loop();
}

static size_t connections(void)
{
    return (size_t)metrics_sum(&worker.metrics, 1, METRIC_UPSTREAMS_OPEN);
}

START_TEST(one_connection_has_many_streams)
{
    const struct upstream_key key = key_of(0, 0, 443);
    struct upstream *ends[HTTP2_UPSTREAM_STREAMS] = {add_greeted(&key)};
    for (size_t i = 1; i < HTTP2_UPSTREAM_STREAMS; i++) {
        ends[i] = take(&key);
        ck_assert_ptr_nonnull(ends[i]);
        ck_assert(ends[i]->is_stream && ends[i]->kept);
    }
    ck_assert_ptr_null(take(&key));
    for (size_t i = 0; i < HTTP2_UPSTREAM_STREAMS; i++)
        let_go(ends[i]);
    ck_assert_uint_eq(connections(), 1);
}
END_TEST

START_TEST(it_is_the_tenants_the_hosts_and_the_ports_alone)
{
    const struct upstream_key key = key_of(0, 0, 443);
    const struct upstream_key others[] = {key_of(1, 0, 443), key_of(0, 1, 443), key_of(0, 0, 444)};
    let_go(add_greeted(&key));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_ptr_null(take(&others[i]));
    struct upstream *end = take(&key);
    ck_assert_ptr_nonnull(end);
    let_go(end);
}
END_TEST

START_TEST(one_that_the_origin_has_ended_gets_no_streams)
{
    const struct upstream_key key = key_of(0, 0, 443);
    struct upstream *end = add_greeted(&key);
    peer_says(0, goaway, sizeof(goaway) - 1);
    ck_assert_ptr_null(take(&key));
    let_go(end);
    ck_assert_uint_eq(connections(), 0);
}
END_TEST

START_TEST(one_that_has_grown_old_gets_no_streams)
{
    const struct upstream_key key = key_of(0, 0, 443);
    struct upstream *end = add_greeted(&key);
    passed = HTTP2_UPSTREAM_AGE / 1000 + 1;
    ck_assert_ptr_null(take(&key));
    let_go(end);
    passed = 0;
    ck_assert_uint_eq(connections(), 0);
}
END_TEST

START_TEST(one_that_is_asked_and_silent_gets_no_streams_until_it_speaks)
{
    const struct upstream_key key = key_of(0, 0, 443);
    struct upstream *end = add_greeted(&key);
    passed = HTTP2_UPSTREAM_SILENCE / 1000 + 1;
    ck_assert_ptr_null(take(&key));
    peer_says(0, settings, sizeof(settings) - 1);
    struct upstream *second = take(&key);
    ck_assert_ptr_nonnull(second);
    let_go(second);
    let_go(end);
    passed = 0;
}
END_TEST

START_TEST(a_response_that_came_whole_is_handed_on_though_its_connection_breaks)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    static const char response[] = "\0\0\1\1\4\0\0\0\1\x88"
                                   "\0\0\5\0\1\0\0\0\1hello";
    const struct upstream_key key = key_of(0, 0, 443);
    char bytes[256] = "";
    size_t count = 0;
    struct upstream *end = add_greeted(&key);
    ck_assert_int_eq(transport_write(&end->transport, request, sizeof(request) - 1, &count),
                     TRANSPORT_OK);
    turn_loop();
    while (recv(peers[0], bytes, sizeof(bytes), 0) > 0)
        continue;
    ck_assert_int_gt(send(peers[0], settings, sizeof(settings) - 1, 0), 0); /* to be answered */
    ck_assert_int_gt(send(peers[0], response, sizeof(response) - 1, 0), 0);
    ck_assert_int_eq(close(peers[--peer_count]), 0);
    turn_loop();
    ck_assert_int_eq(transport_read(&end->transport, bytes, sizeof(bytes) - 1, &count),
                     TRANSPORT_OK);
    bytes[count] = '\0';
    ck_assert_ptr_nonnull(strstr(bytes, "\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
    let_go(end);
    ck_assert_uint_eq(connections(), 0);
}
END_TEST

START_TEST(one_that_has_idled_is_not_silent_when_it_is_asked_again)
{
    const struct upstream_key key = key_of(0, 0, 443);
    let_go(add_greeted(&key));
    passed = HTTP2_UPSTREAM_SILENCE / 1000 + 1;
    struct upstream *first = take(&key), *second = take(&key);
    ck_assert(first != NULL && second != NULL);
    let_go(second);
    let_go(first);
    passed = 0;
}
END_TEST

START_TEST(one_that_the_origin_has_just_closed_is_not_taken)
{
    const struct upstream_key key = key_of(0, 0, 443);
    let_go(add_greeted(&key));
    shutdown(peers[0], SHUT_WR); /* the loop does not come to tell */
    ck_assert_ptr_null(take(&key));
    ck_assert_uint_eq(connections(), 0);
    let_go(add_greeted(&key));
    ck_assert_int_gt(send(peers[1], goaway, sizeof(goaway) - 1, MSG_NOSIGNAL), 0);
    ck_assert_ptr_null(take(&key));
    ck_assert_uint_eq(connections(), 0);
}
END_TEST

START_TEST(one_has_a_single_stream_until_the_origin_says_how_many_it_takes)
{
    const struct upstream_key key = key_of(0, 0, 443);
    struct upstream *first = add(&key);
    turn_loop();
    ck_assert_ptr_null(take(&key));
    peer_says(0, settings, sizeof(settings) - 1);
    struct upstream *second = take(&key);
    ck_assert_ptr_nonnull(second);
    let_go(second);
    let_go(first);
}
END_TEST

START_TEST(one_that_does_not_begin_to_speak_is_closed)
{
    const struct upstream_key key = key_of(0, 0, 443);
    struct upstream *end = add(&key);
    while (end->stream_end.reason == NULL)
        event_base_loop(worker.base, EVLOOP_ONCE);
    ck_assert_str_eq(end->stream_end.reason, "the host agreed on HTTP/2 and does not speak it");
    ck_assert_uint_eq(connections(), 1); /* the stream's end */
    let_go(end);
}
END_TEST

START_TEST(a_bounded_number_is_kept_without_streams)
{
    const struct upstream_key key = key_of(0, 0, 443);
    for (uint16_t i = 0; i <= HTTP2_UPSTREAM_IDLE_MAXIMUM; i++) {
        const struct upstream_key other = key_of(0, 0, i);
        let_go(add_greeted(&other));
    }
    ck_assert_uint_eq(connections(), HTTP2_UPSTREAM_IDLE_MAXIMUM);
    const struct upstream_key first = key_of(0, 0, 0);
    ck_assert_ptr_null(take(&first));
    ck_assert_ptr_null(take(&key));
    ck_assert(http2_upstreams_shrink(&worker.http2_upstreams));
    ck_assert_uint_eq(connections(), HTTP2_UPSTREAM_IDLE_MAXIMUM - 1);
}
END_TEST

START_TEST(one_with_streams_is_not_closed_for_its_descriptor)
{
    const struct upstream_key key = key_of(0, 0, 443);
    struct upstream *end = add_greeted(&key);
    ck_assert(!http2_upstreams_shrink(&worker.http2_upstreams));
    let_go(end);
    ck_assert(http2_upstreams_shrink(&worker.http2_upstreams));
    ck_assert_uint_eq(connections(), 0);
}
END_TEST

START_TEST(a_stream_without_a_request_says_nothing_to_the_origin)
{
    const struct upstream_key key = key_of(0, 0, 443);
    char bytes[4096];
    let_go(add_greeted(&key));
    (void)recv(peers[0], bytes, sizeof(bytes), 0); /* the preface, SETTINGS, and their like */
    let_go(take(&key));
    ck_assert_int_lt(recv(peers[0], bytes, sizeof(bytes), 0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proxy/http2_upstream");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, one_connection_has_many_streams);
    tcase_add_test(all, it_is_the_tenants_the_hosts_and_the_ports_alone);
    tcase_add_test(all, one_that_the_origin_has_ended_gets_no_streams);
    tcase_add_test(all, one_that_has_grown_old_gets_no_streams);
    tcase_add_test(all, one_that_is_asked_and_silent_gets_no_streams_until_it_speaks);
    tcase_add_test(all, a_response_that_came_whole_is_handed_on_though_its_connection_breaks);
    tcase_add_test(all, one_that_has_idled_is_not_silent_when_it_is_asked_again);
    tcase_add_test(all, one_that_the_origin_has_just_closed_is_not_taken);
    tcase_add_test(all, one_has_a_single_stream_until_the_origin_says_how_many_it_takes);
    tcase_add_test(all, one_that_does_not_begin_to_speak_is_closed);
    tcase_add_test(all, a_bounded_number_is_kept_without_streams);
    tcase_add_test(all, one_with_streams_is_not_closed_for_its_descriptor);
    tcase_add_test(all, a_stream_without_a_request_says_nothing_to_the_origin);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
