/*
 * Promises about session tickets: they are good with the listener that gave them, for as long
 * as its key is one of the last two, and never where clients show certificates. The client is
 * OpenSSL itself, at the other end of a socketpair.
 */
#include <check.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/tls.h"
#include "test/certs/pairs.h"
#include "test/suite.h"

static struct error error;
static SSL_CTX *client_context;

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void set_up(void)
{
    pairs_begin();
    pairs_make("proxy", &certificate_server, "proxy.example", time(NULL) + PAIRS_HOUR);
    client_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(client_context, SSL_SESS_CACHE_CLIENT);
}

static void tear_down(void)
{
    pairs_end();
    SSL_CTX_free(client_context);
}

static struct tls_context *make_listener(enum tls_clients clients)
{
    const struct tls_server_files files = {.certificate = pairs_path("proxy.pem"),
                                           .key = pairs_path("proxy.key"),
                                           .client_ca = pairs_path("proxy.pem")};
    struct tls_context *context = tls_context_new_server(&files, clients, &error);
    ck_assert_msg(context != NULL, "%s", error.message);
    return context;
}

/* Both ends until both have ended the handshake and the client has read a byte: with it come
 * tickets. */
static void talk(SSL *client, struct tls_stream *server)
{
    char byte;
    size_t count;
    int client_done = 0;
    enum tls_result server_done = TLS_WANT_READ;
    for (int i = 0; i < 20 && (client_done != 1 || server_done != TLS_OK); i++) {
        client_done = SSL_do_handshake(client);
        server_done = tls_stream_handshake(server);
    }
    ck_assert_int_eq(server_done, TLS_OK);
    ck_assert_int_eq(tls_stream_write(server, "x", 1, &count), TLS_OK);
    ck_assert_int_eq(SSL_read(client, &byte, 1), 1);
}

/*
 * A visit with *SESSION (NULL: none yet), which is afterwards the one to come again with. Returns
 * whether it was resumed.
 */
static bool visit(struct tls_context *listener, int version, SSL_SESSION **session)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct tls_stream *server = tls_stream_new(listener, fds[0], NULL);
    SSL *client = SSL_new(client_context);
    SSL_set_fd(client, fds[1]);
    SSL_set_connect_state(client);
    SSL_set_min_proto_version(client, version);
    SSL_set_max_proto_version(client, version);
    if (*session != NULL)
        ck_assert_int_eq(SSL_set_session(client, *session), 1);
    talk(client, server);
    const bool resumed = SSL_session_reused(client) == 1;
    SSL_SESSION_free(*session);
    *session = SSL_get1_session(client);
    SSL_shutdown(client); /* else OpenSSL takes the session for a bad one */
    SSL_free(client);
    tls_stream_free(server);
    close(fds[0]);
    close(fds[1]);
    return resumed;
}

START_TEST(resume_a_session_with_the_listener_that_gave_them)
{
    SSL_SESSION *session = NULL;
    struct tls_context *listener = make_listener(TLS_CLIENTS_UNASKED);
    ck_assert(!visit(listener, versions[_i], &session));
    ck_assert(SSL_SESSION_has_ticket(session) == 1);
    ck_assert_uint_le(SSL_SESSION_get_ticket_lifetime_hint(session), TLS_TICKET_SECONDS);
    ck_assert(visit(listener, versions[_i], &session));
    SSL_SESSION_free(session);
    tls_context_unref(listener);
}
END_TEST

START_TEST(are_worth_nothing_with_another_listener)
{
    SSL_SESSION *session = NULL;
    struct tls_context *one = make_listener(TLS_CLIENTS_UNASKED);
    struct tls_context *another = make_listener(TLS_CLIENTS_UNASKED);
    visit(one, versions[_i], &session);
    ck_assert(!visit(another, versions[_i], &session));
    SSL_SESSION_free(session);
    tls_context_unref(one);
    tls_context_unref(another);
}
END_TEST

START_TEST(under_the_last_key_are_good_and_replaced_by_one_under_the_new_key)
{
    SSL_SESSION *session = NULL;
    struct tls_context *listener = make_listener(TLS_CLIENTS_UNASKED);
    visit(listener, versions[_i], &session);
    tls_context_rotate_tickets(listener);
    ck_assert(visit(listener, versions[_i], &session));
    tls_context_rotate_tickets(listener);
    ck_assert(visit(listener, versions[_i], &session));
    SSL_SESSION_free(session);
    tls_context_unref(listener);
}
END_TEST

START_TEST(under_a_key_before_the_last_are_worth_nothing)
{
    SSL_SESSION *session = NULL;
    struct tls_context *listener = make_listener(TLS_CLIENTS_UNASKED);
    visit(listener, versions[_i], &session);
    tls_context_rotate_tickets(listener);
    tls_context_rotate_tickets(listener);
    ck_assert(!visit(listener, versions[_i], &session));
    SSL_SESSION_free(session);
    tls_context_unref(listener);
}
END_TEST

START_TEST(are_not_given_where_clients_may_show_certificates)
{
    SSL_SESSION *session = NULL;
    struct tls_context *listener = make_listener(TLS_CLIENTS_OPTIONAL);
    tls_context_rotate_tickets(listener);
    visit(listener, versions[_i], &session);
    ck_assert(SSL_SESSION_has_ticket(session) == 0);
    ck_assert(!visit(listener, versions[_i], &session));
    SSL_SESSION_free(session);
    tls_context_unref(listener);
}
END_TEST

int main(void)
{
    const int last = sizeof(versions) / sizeof(versions[0]);
    Suite *suite = suite_create("session tickets");
    TCase *tests = tcase_create("session tickets");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, resume_a_session_with_the_listener_that_gave_them, 0, last);
    tcase_add_loop_test(tests, are_worth_nothing_with_another_listener, 0, last);
    tcase_add_loop_test(tests, under_the_last_key_are_good_and_replaced_by_one_under_the_new_key, 0,
                        last);
    tcase_add_loop_test(tests, under_a_key_before_the_last_are_worth_nothing, 0, last);
    tcase_add_loop_test(tests, are_not_given_where_clients_may_show_certificates, 0, last);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
