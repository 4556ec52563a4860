/*
 * Promises of proxy/dial: each address is guarded, one that refuses costs nothing,
 * one that is silent costs a moment, and the first that is connected wins alone.
 * A silent address here is a listener whose queue is full: the kernel drops what
 * else would connect.
 */
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/clock.h"
#include "proxy/dial.h"
#include "proxy/worker.h"
#include "test/suite.h"

#define DELAY    100L  /* milliseconds between attempts */
#define PATIENCE 20000 /* for one address; only where nothing answers is it waited for */
#define FULL     4     /* connections that more than fill a queue of 0 */

static struct configuration configuration;
static struct worker worker;
static struct dial dial;
static bool told;
static uint16_t port;
static int sockets[16 + FULL * 8];
static size_t socket_count;
static char hosts_path[] = "/tmp/dial_test.XXXXXX";

static struct sockaddr_in loopback(unsigned last)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {htonl(INADDR_LOOPBACK - 1 + last)}};
}

static int keep(int fd)
{
    ck_assert_int_ge(fd, 0);
    sockets[socket_count++] = fd;
    return fd;
}

/* On 127.0.0.LAST, at the port that the first listener got. */
static void listen_at(unsigned last, int backlog)
{
    struct sockaddr_in address = loopback(last);
    socklen_t length = sizeof(address);
    int fd = keep(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    port = ntohs(address.sin_port);
}

static void be_silent_at(unsigned last)
{
    listen_at(last, 0);
    const struct sockaddr_in address = loopback(last);
    for (int i = 0; i < FULL; i++)
        (void)connect(keep(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)),
                      (const struct sockaddr *)&address, sizeof(address));
}

static void name_is_at(const char *lines)
{
    int file = open(hosts_path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(file, lines, strlen(lines)), (ssize_t)strlen(lines));
    close(file);
}

static void set_delay(uint32_t milliseconds)
{
    configuration.attempt_delay = milliseconds;
    deadlines_free(worker.deadlines);
    worker.deadlines = deadlines_new(worker.base, &configuration);
    deadlines_set_callback(worker.deadlines, DEADLINE_DIAL, dial_attempt_timed_out);
    deadlines_set_callback(worker.deadlines, DEADLINE_NEXT_ATTEMPT, dial_next_attempt_due);
    upstream_pool_init(&worker.upstreams, worker.deadlines);
}

static void begin(void)
{
    static struct ip_range range;
    struct error error;
    port = 0;
    socket_count = 0;
    told = false;
    dial = (struct dial){.worker = NULL};
    int file = mkstemp(hosts_path);
    ck_assert_int_ge(file, 0);
    close(file);
    configuration = (struct configuration){.hosts_file = hosts_path,
                                           .dns_cache_entries = 1,
                                           .timeout_resolve = 1000,
                                           .timeout_dial = PATIENCE};
    ck_assert(ip_range_parse(SPAN("127.0.0.0/28"), &range));
    worker = (struct worker){.configuration = &configuration,
                             .guard = address_guard_new(&range, 1),
                             .base = event_base_new(),
                             .metrics = metrics_new()};
    worker.poller = poller_new(worker.base);
    set_delay(DELAY);
    worker.resolver = resolver_new(worker.base, &configuration, worker.metrics, &error);
    ck_assert(worker.resolver != NULL);
}

static void end(void)
{
    dial_cancel(&dial);
    ck_assert_uint_eq(metrics_sum(&worker.metrics, 1, METRIC_UPSTREAMS_OPEN), 0);
    for (size_t i = 0; i < socket_count; i++)
        close(sockets[i]);
    resolver_free(worker.resolver);
    deadlines_free(worker.deadlines);
    poller_free(worker.poller);
    event_base_free(worker.base);
    metrics_free(worker.metrics);
    address_guard_free((struct address_guard *)(uintptr_t)worker.guard);
    unlink(hosts_path);
}

static void on_over(void *context)
{
    (void)context;
    told = true;
}

static void dial_name(void)
{
    static const struct tenant tenant = {.key = {"demo/development/", 17}};
    struct target target = {.scheme = SCHEME_HTTP, .port = port};
    struct error error;
    ck_assert(host_parse(SPAN("origin.test"), &target.host, &error));
    dial_start(&dial, &worker, &tenant, &target, on_over, NULL);
}

/* Milliseconds until the dial is over; it must be over long before an address's PATIENCE is. */
static uint64_t run(void)
{
    uint64_t began = clock_milliseconds();
    while (dial.status == DIAL_RUNNING && clock_milliseconds() - began < PATIENCE / 2)
        event_base_loop(worker.base, EVLOOP_ONCE);
    ck_assert_int_ne(dial.status, DIAL_RUNNING);
    return clock_milliseconds() - began;
}

static void assert_connected_to(const char *expected)
{
    char address[IP_TEXT_SIZE];
    ck_assert_int_eq(dial.status, DIAL_CONNECTED);
    struct upstream *upstream = dial_take(&dial, on_over, NULL);
    ip_format(&upstream->ip, address);
    ck_assert_str_eq(address, expected);
    ck_assert_uint_eq(metrics_sum(&worker.metrics, 1, METRIC_UPSTREAMS_OPEN), 1);
    upstream_free(upstream, false);
}

static uint64_t dialled(void)
{
    return metrics_sum(&worker.metrics, 1, METRIC_UPSTREAMS_DIALLED);
}

START_TEST(tries_no_other_address_where_the_first_answers)
{
    listen_at(2, 8);
    listen_at(3, 8);
    name_is_at("127.0.0.2 origin.test\n127.0.0.3 origin.test\n");
    dial_name();
    run();
    ck_assert(told);
    assert_connected_to("127.0.0.2");
    ck_assert_uint_eq(dialled(), 1);
}
END_TEST

START_TEST(goes_on_at_once_where_an_address_refuses)
{
    set_delay(PATIENCE);
    listen_at(4, 8);
    name_is_at("127.0.0.2 origin.test\n127.0.0.3 origin.test\n127.0.0.4 origin.test\n");
    dial_name();
    run();
    assert_connected_to("127.0.0.4");
}
END_TEST

START_TEST(gives_a_silent_address_a_moment_before_the_next_is_tried_too)
{
    be_silent_at(2);
    listen_at(3, 8);
    name_is_at("127.0.0.2 origin.test\n127.0.0.3 origin.test\n");
    dial_name();
    ck_assert_int_eq(dial.status, DIAL_RUNNING);
    ck_assert_uint_eq(dialled(), 1);
    ck_assert_uint_ge(run(), DELAY);
    assert_connected_to("127.0.0.3");
    ck_assert_uint_eq(dialled(), 2);
}
END_TEST

START_TEST(an_address_that_answers_late_still_wins)
{
    be_silent_at(2);
    be_silent_at(3);
    name_is_at("127.0.0.2 origin.test\n127.0.0.3 origin.test\n");
    dial_name();
    while (dialled() < 2)
        event_base_loop(worker.base, EVLOOP_ONCE);
    while (dial.status == DIAL_RUNNING) { /* its queue empties, and a SYN comes again in a second */
        int fd = accept4(sockets[0], NULL, NULL, SOCK_NONBLOCK);
        if (fd >= 0)
            close(fd);
        event_base_loop(worker.base, EVLOOP_NONBLOCK);
        usleep(1000);
    }
    assert_connected_to("127.0.0.2");
}
END_TEST

START_TEST(has_only_so_many_attempts_under_way)
{
    static char lines[1024];
    for (unsigned i = 2; i < 2 + DIAL_ATTEMPTS_MAXIMUM + 2; i++) {
        be_silent_at(i);
        snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "127.0.0.%u origin.test\n",
                 i);
    }
    name_is_at(lines);
    dial_name();
    uint64_t began = clock_milliseconds();
    while (clock_milliseconds() - began < (DIAL_ATTEMPTS_MAXIMUM + 4) * DELAY) {
        const struct timeval tick = {.tv_usec = DELAY * 1000};
        event_base_loopexit(worker.base, &tick);
        event_base_dispatch(worker.base);
    }
    ck_assert_int_eq(dial.status, DIAL_RUNNING);
    ck_assert_uint_eq(dialled(), DIAL_ATTEMPTS_MAXIMUM);
    ck_assert_uint_eq(metrics_sum(&worker.metrics, 1, METRIC_UPSTREAMS_OPEN),
                      DIAL_ATTEMPTS_MAXIMUM);
}
END_TEST

START_TEST(never_dials_a_prohibited_address_beside_others)
{
    be_silent_at(2);
    listen_at(17, 8); /* outside of the range that is allowed */
    listen_at(3, 8);
    name_is_at("127.0.0.17 origin.test\n127.0.0.2 origin.test\n127.0.0.17 origin.test\n"
               "127.0.0.3 origin.test\n");
    dial_name();
    run();
    assert_connected_to("127.0.0.3");
    ck_assert_uint_eq(dialled(), 2);
}
END_TEST

START_TEST(says_so_where_every_address_is_prohibited)
{
    port = 80;
    name_is_at("127.0.0.17 origin.test\n127.0.0.18 origin.test\n");
    dial_name();
    ck_assert_int_eq(dial.status, DIAL_PROHIBITED);
    ck_assert(!told);
    ck_assert_uint_eq(dialled(), 0);
}
END_TEST

START_TEST(says_how_the_last_address_failed)
{
    listen_at(2, 8);
    close(sockets[--socket_count]);
    name_is_at("127.0.0.2 origin.test\n127.0.0.3 origin.test\n");
    dial_name();
    run();
    ck_assert_int_eq(dial.status, DIAL_REFUSED);
}
END_TEST

START_TEST(a_cancelled_dial_leaves_nothing_open_and_tells_nobody)
{
    be_silent_at(2);
    be_silent_at(3);
    name_is_at("127.0.0.2 origin.test\n127.0.0.3 origin.test\n");
    dial_name();
    while (dialled() < 2)
        event_base_loop(worker.base, EVLOOP_ONCE);
    dial_cancel(&dial);
    ck_assert_uint_eq(metrics_sum(&worker.metrics, 1, METRIC_UPSTREAMS_OPEN), 0);
    ck_assert(!told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dial");
    TCase *tests = tcase_create("dial");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, tries_no_other_address_where_the_first_answers);
    tcase_add_test(tests, goes_on_at_once_where_an_address_refuses);
    tcase_add_test(tests, gives_a_silent_address_a_moment_before_the_next_is_tried_too);
    tcase_add_test(tests, an_address_that_answers_late_still_wins);
    tcase_add_test(tests, has_only_so_many_attempts_under_way);
    tcase_add_test(tests, never_dials_a_prohibited_address_beside_others);
    tcase_add_test(tests, says_so_where_every_address_is_prohibited);
    tcase_add_test(tests, says_how_the_last_address_failed);
    tcase_add_test(tests, a_cancelled_dial_leaves_nothing_open_and_tells_nobody);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
