/*
 * What a client of certs/tls offers by ALPN and takes for chosen, against an OpenSSL server that
 * says whatever it is told to. Both over a socketpair, in one thread.
 */
#include <check.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/tls.h"
#include "test/certs/pairs.h"
#include "test/suite.h"

static struct error error;

/* "ab": the server says "ab" to whatever is offered; "": it says nothing. */
static const char *answer;
static unsigned char offered[64];
static unsigned offered_length;

static void set_up(void)
{
    pairs_begin();
    pairs_make("origin", &certificate_server, "origin.example", time(NULL) + PAIRS_HOUR);
}

static int answer_offer(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                        const unsigned char *names, unsigned length, void *unused)
{
    (void)ssl;
    (void)unused;
    ck_assert_uint_le(length, sizeof(offered));
    memcpy(offered, names, length);
    offered_length = length;
    *out = (const unsigned char *)answer;
    *out_length = (unsigned char)strlen(answer);
    return *out_length == 0 ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK;
}

static SSL *start_server(SSL_CTX *context, int fd)
{
    SSL_CTX_set_alpn_select_cb(context, answer_offer, NULL);
    ck_assert_int_eq(
        SSL_CTX_use_certificate_file(context, pairs_path("origin.pem"), SSL_FILETYPE_PEM), 1);
    ck_assert_int_eq(
        SSL_CTX_use_PrivateKey_file(context, pairs_path("origin.key"), SSL_FILETYPE_PEM), 1);
    SSL *server = SSL_new(context);
    SSL_set_fd(server, fd);
    SSL_set_accept_state(server);
    return server;
}

/* A handshake with a server that says GIVEN: *chosen, when TLS_OK: the client takes h2 for chosen.
 */
static enum tls_result shake_hands(bool offers_http2, const char *given, bool *chosen)
{
    int fds[2];
    answer = given;
    offered_length = 0;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    SSL_CTX *server_context = SSL_CTX_new(TLS_server_method());
    SSL *server = start_server(server_context, fds[0]);
    struct tls_context *context = tls_context_new_client(pairs_path("origin.pem"), &error);
    ck_assert_msg(context != NULL, "%s", error.message);
    struct tls_stream *client = tls_stream_new(context, fds[1], "origin.example");
    if (offers_http2)
        ck_assert(tls_stream_offer_http2(client));
    enum tls_result result = TLS_WANT_READ;
    for (int turn = 0; turn < 20 && result == TLS_WANT_READ; turn++) {
        result = tls_stream_handshake(client);
        SSL_do_handshake(server);
    }
    *chosen = result == TLS_OK && tls_stream_chose_http2(client);
    tls_stream_free(client);
    tls_context_unref(context);
    SSL_free(server);
    SSL_CTX_free(server_context);
    close(fds[0]);
    close(fds[1]);
    return result;
}

START_TEST(takes_http2_where_it_was_offered_and_chosen)
{
    bool chosen;
    ck_assert_int_eq(shake_hands(true, "h2", &chosen), TLS_OK);
    ck_assert(chosen);
    ck_assert_uint_eq(offered_length, 12);
    ck_assert_mem_eq(offered, "\x02h2\x08http/1.1", 12);
}
END_TEST

START_TEST(stays_with_http_1_where_that_is_chosen_or_nothing)
{
    bool chosen;
    ck_assert_int_eq(shake_hands(true, "http/1.1", &chosen), TLS_OK);
    ck_assert(!chosen);
    ck_assert_int_eq(shake_hands(true, "", &chosen), TLS_OK);
    ck_assert(!chosen);
}
END_TEST

START_TEST(offers_http_1_alone_unless_told_otherwise)
{
    bool chosen;
    ck_assert_int_eq(shake_hands(false, "http/1.1", &chosen), TLS_OK);
    ck_assert(!chosen);
    ck_assert_uint_eq(offered_length, 9);
    ck_assert_mem_eq(offered, "\x08http/1.1", 9);
}
END_TEST

START_TEST(fails_where_the_server_chooses_what_was_not_offered)
{
    bool chosen;
    ck_assert_int_eq(shake_hands(false, "h2", &chosen), TLS_FAILED);
    ck_assert_int_eq(shake_hands(true, "h3", &chosen), TLS_FAILED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certs/tls_alpn");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, pairs_end);
    tcase_add_test(all, takes_http2_where_it_was_offered_and_chosen);
    tcase_add_test(all, stays_with_http_1_where_that_is_chosen_or_nothing);
    tcase_add_test(all, offers_http_1_alone_unless_told_otherwise);
    tcase_add_test(all, fails_where_the_server_chooses_what_was_not_offered);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
