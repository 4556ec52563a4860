/*
 * Promises of proxy/transport and proxy/poller: no edge is lost, nothing is tried
 * in vain, and whoever has been closed is not woken any more.
 */
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/authority.h"
#include "test/proxy/wire.h"
#include "test/suite.h"

static struct event_base *base;
static struct wire wire;

static void begin(void)
{
    base = event_base_new();
    wire_open(&wire, base);
}

static void end(void)
{
    wire_close(&wire);
    event_base_free(base);
}

static enum transport_result read_some(size_t size, size_t *count)
{
    char bytes[64];
    ck_assert_uint_le(size, sizeof(bytes));
    return transport_read(&wire.near, bytes, size, count);
}

START_TEST(expects_no_more_after_a_short_read)
{
    size_t count;
    wire_send(&wire, SPAN("abc"));
    ck_assert(wire.near.readable);
    ck_assert_int_eq(read_some(64, &count), TRANSPORT_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert(!wire.near.readable);
}
END_TEST

START_TEST(expects_more_after_a_read_that_filled_its_room)
{
    size_t count;
    wire_send(&wire, SPAN("abcd"));
    ck_assert_int_eq(read_some(2, &count), TRANSPORT_OK);
    ck_assert(wire.near.readable);
    ck_assert_int_eq(read_some(64, &count), TRANSPORT_OK);
    ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(is_readable_again_when_more_comes)
{
    size_t count;
    wire_send(&wire, SPAN("abc"));
    ck_assert_int_eq(read_some(64, &count), TRANSPORT_OK);
    wire_send(&wire, SPAN("d"));
    ck_assert_int_eq(read_some(64, &count), TRANSPORT_OK);
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(sees_an_end_that_came_by_the_same_edge_as_the_bytes)
{
    size_t count;
    ck_assert_int_eq(send(wire.far, "abc", 3, MSG_NOSIGNAL), 3);
    shutdown(wire.far, SHUT_WR);
    wire_settle(base);
    ck_assert(wire.near.peer_closed);
    ck_assert_int_eq(read_some(64, &count), TRANSPORT_OK);
    ck_assert_int_eq(read_some(64, &count), TRANSPORT_END);
}
END_TEST

START_TEST(sees_a_reset_that_came_by_the_same_edge_as_the_bytes)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    size_t count;
    ck_assert_int_eq(send(wire.far, "abc", 3, MSG_NOSIGNAL), 3);
    setsockopt(wire.far, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(wire.far);
    wire.far = -1;
    wire_settle(base);
    enum transport_result result = read_some(64, &count);
    while (result == TRANSPORT_OK)
        result = read_some(64, &count);
    ck_assert_int_eq(result, TRANSPORT_FAILED);
}
END_TEST

/* A read stops before urgent data: what is short of its room is not all there is. */
START_TEST(reads_on_past_urgent_data)
{
    size_t count, total = 0;
    ck_assert_int_eq(send(wire.far, "abc", 3, MSG_NOSIGNAL), 3);
    ck_assert_int_eq(send(wire.far, "!", 1, MSG_NOSIGNAL | MSG_OOB), 1);
    ck_assert_int_eq(send(wire.far, "def", 3, MSG_NOSIGNAL), 3);
    wire_settle(base);
    while (read_some(64, &count) == TRANSPORT_OK)
        total += count;
    ck_assert_uint_eq(total, 6);
}
END_TEST

/* ---- TLS ----------------------------------------------------------------------- */

static char folder[64];

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void make_certificates(void)
{
    static const char *const names[] = {"proxy.example"};
    const struct authority_order order = {
        .kind = AUTHORITY_SERVER, .names = names, .name_count = 1};
    char name[AUTHORITY_NAME_SIZE];
    struct error error;
    snprintf(folder, sizeof(folder), "/tmp/sallyport-transport-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_msg(authority_init(folder, AUTHORITY_TRUST_DOMAIN, 1, &error), "%s", error.message);
    ck_assert_msg(authority_issue(folder, &order, name, &error), "%s", error.message);
}

static void remove_certificates(void)
{
    static const char *const names[] = {"ca.pem",    "ca.key",  "server-proxy.example.pem",
                                        "index.txt", "crl.pem", "server-proxy.example.key",
                                        ".lock"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(path_of(names[i]));
    ck_assert_int_eq(rmdir(folder), 0);
}

/* The near end is the server; the far end's side, which has said hello. */
static struct tls_stream *start_tls(struct tls_context *server, struct tls_context *client)
{
    ck_assert_ptr_nonnull(server);
    ck_assert_ptr_nonnull(client);
    ck_assert(transport_start_tls(&wire.near, server, NULL));
    struct tls_stream *far = tls_stream_new(client, wire.far, "proxy.example");
    ck_assert_ptr_nonnull(far);
    ck_assert_int_eq(tls_stream_handshake(far), TLS_WANT_READ);
    wire_settle(base);
    ck_assert_int_eq(transport_handshake(&wire.near), TRANSPORT_AGAIN);
    ck_assert_int_eq(tls_stream_handshake(far), TLS_OK);
    return far;
}

/* Lets more than PASSED bytes come to the near end, and no edge be told of. Returns how many. */
static int await_bytes(int passed)
{
    int waiting = 0;
    while (waiting <= passed) {
        usleep(100);
        ck_assert_int_eq(ioctl(wire.near.fd, FIONREAD, &waiting), 0);
    }
    return waiting;
}

/* Whatever else wakes the session in between: the handshake takes bytes of which no edge has told.
 */
START_TEST(reads_what_came_off_the_socket_with_the_end_of_the_handshake)
{
    struct error error;
    size_t count;
    make_certificates();
    const struct tls_server_files files = {.certificate = path_of("server-proxy.example.pem"),
                                           .key = path_of("server-proxy.example.key")};
    struct tls_context *server = tls_context_new_server(&files, TLS_CLIENTS_UNASKED, &error);
    struct tls_context *client = tls_context_new_client(path_of("ca.pem"), &error);
    struct tls_stream *far = start_tls(server, client);
    const int finished = await_bytes(0);
    ck_assert_int_eq(tls_stream_write(far, "abc", 3, &count), TLS_OK);
    await_bytes(finished);
    ck_assert(!wire.near.readable);

    ck_assert_int_eq(transport_handshake(&wire.near), TRANSPORT_OK);

    ck_assert(transport_has_bytes(&wire.near));
    ck_assert_int_eq(read_some(64, &count), TRANSPORT_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert(!transport_has_bytes(&wire.near));
    tls_stream_free(far);
    tls_context_unref(client);
    tls_context_unref(server);
    remove_certificates();
}
END_TEST

/* ---- several on one poller ---------------------------------------------------- */

#define MANY 200 /* more than one batch of the poller's */

static struct poller *shared;
static struct transport many[MANY];
static int far_ends[MANY];
static int told;

static void close_all_others(void *owner)
{
    told++;
    for (int i = 0; i < MANY; i++) {
        if (&many[i] != owner)
            transport_close(&many[i], false);
    }
}

static void count_one(void *owner)
{
    (void)owner;
    told++;
}

static void open_many(transport_wake *wake)
{
    shared = poller_new(base);
    for (int i = 0; i < MANY; i++) {
        int pair[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        far_ends[i] = pair[1];
        ck_assert(transport_open(&many[i], shared, pair[0], wake, &many[i]));
    }
    told = 0;
}

static void close_many(void)
{
    for (int i = 0; i < MANY; i++) {
        transport_close(&many[i], false);
        close(far_ends[i]);
    }
    poller_free(shared);
}

START_TEST(tells_everybody_when_there_are_more_than_one_batch_holds)
{
    open_many(count_one);
    for (int i = 0; i < MANY; i++)
        wire_settle(base);
    ck_assert_int_eq(told, MANY); /* each is writable, once */
    close_many();
}
END_TEST

START_TEST(does_not_wake_what_another_has_closed)
{
    open_many(close_all_others);
    wire_settle(base);
    wire_settle(base);
    ck_assert_int_eq(told, 1);
    close_many();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transport");
    TCase *tests = tcase_create("transport");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, expects_no_more_after_a_short_read);
    tcase_add_test(tests, expects_more_after_a_read_that_filled_its_room);
    tcase_add_test(tests, is_readable_again_when_more_comes);
    tcase_add_test(tests, sees_an_end_that_came_by_the_same_edge_as_the_bytes);
    tcase_add_test(tests, sees_a_reset_that_came_by_the_same_edge_as_the_bytes);
    tcase_add_test(tests, reads_on_past_urgent_data);
    tcase_add_test(tests, reads_what_came_off_the_socket_with_the_end_of_the_handshake);
    tcase_add_test(tests, tells_everybody_when_there_are_more_than_one_batch_holds);
    tcase_add_test(tests, does_not_wake_what_another_has_closed);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
