/*
 * certs/mint, and the client's side of certs/tls against it: both ends are streams of
 * ours over a socketpair, in one thread. Authorities are made here, in a folder that goes
 * with the test.
 */
#include <check.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/mint.h"
#include "test/certs/pairs.h"
#include "test/suite.h"

#define HOUR PAIRS_HOUR

static struct error error;

static void set_up(void)
{
    pairs_begin();
    pairs_make("ca", &certificate_root, NULL, time(NULL) + 720 * HOUR);
}

static struct minter *make_minter(const char *name)
{
    char certificate[64], key[64];
    snprintf(certificate, sizeof(certificate), "%s.pem", name);
    snprintf(key, sizeof(key), "%s.key", name);
    struct minter *minter = minter_new(pairs_path(certificate), pairs_path(key), &error);
    ck_assert_msg(minter != NULL, "%s: %s", error.file, error.message);
    return minter;
}

/* ---- A connection ----------------------------------------------------------- */

struct connection {
    struct tls_stream *server;
    struct tls_stream *client;
    struct tls_context *context; /* the client's */
    int fds[2];                  /* the server's first */
};

static void open_sockets(struct connection *c, const char *trust, const char *name)
{
    *c = (struct connection){.fds = {-1, -1}};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, c->fds), 0);
    c->context = tls_context_new_client(pairs_path(trust), &error);
    ck_assert_msg(c->context != NULL, "%s", error.message);
    c->client = tls_stream_new(c->context, c->fds[1], name);
    ck_assert_ptr_nonnull(c->client);
}

static void close_connection(struct connection *c)
{
    tls_stream_free(c->client);
    tls_stream_free(c->server);
    tls_context_unref(c->context);
    close(c->fds[0]);
    close(c->fds[1]);
}

/* Both ends in turn; the client's result. */
static enum tls_result shake_hands(struct connection *c)
{
    enum tls_result client = TLS_WANT_READ, server = TLS_WANT_READ;
    for (int i = 0; i < 20 && (client != TLS_OK || server != TLS_OK); i++) {
        client = tls_stream_handshake(c->client);
        if (client == TLS_FAILED)
            return client;
        server = tls_stream_handshake(c->server);
    }
    ck_assert_int_eq(server, TLS_OK);
    return client;
}

static void pass(struct tls_stream *from, struct tls_stream *to, const char *text)
{
    char bytes[64];
    size_t count = 0;
    ck_assert_int_eq(tls_stream_write(from, text, strlen(text), &count), TLS_OK);
    ck_assert_uint_eq(count, strlen(text));
    ck_assert_int_eq(tls_stream_read(to, bytes, sizeof(bytes), &count), TLS_OK);
    ck_assert(count == strlen(text) && memcmp(bytes, text, count) == 0);
}

/* The client of NAME meets a leaf for HOST of "ca". */
static void meet(struct connection *c, const char *host, const char *name)
{
    struct minter *minter = make_minter("ca");
    struct mint_cache *cache = mint_cache_new(4);
    open_sockets(c, "ca.pem", name);
    const struct tls_place place = {.fd = c->fds[0]};
    c->server = mint_stream(minter, cache, host, &place);
    ck_assert_ptr_nonnull(c->server);
    mint_cache_free(cache);
    minter_free(minter); /* its streams go on */
}

START_TEST(a_leaf_is_believed_for_its_host)
{
    static const char *const hosts[] = {"api.example.com", "xn--bcher-kva.example", "192.0.2.7",
                                        "2001:db8::7"};
    struct connection c;
    meet(&c, hosts[_i], hosts[_i]);
    ck_assert_msg(shake_hands(&c) == TLS_OK, "%s", tls_stream_reason(c.client));
    pass(c.client, c.server, "ping");
    pass(c.server, c.client, "pong");
    ck_assert_int_eq(tls_stream_peek(c.client), TLS_WANT_READ);
    close_connection(&c);
}
END_TEST

START_TEST(a_leaf_is_believed_for_no_other_host)
{
    static const struct {
        const char *host, *asked, *reason;
    } rows[] = {
        {"api.example.com", "www.example.com", "hostname mismatch"},
        {"example.com", "api.example.com", "hostname mismatch"},
        {"192.0.2.7", "192.0.2.8", "IP address mismatch"},
        {"api.example.com", "192.0.2.7", "IP address mismatch"},
    };
    struct connection c;
    meet(&c, rows[_i].host, rows[_i].asked);
    ck_assert_int_eq(shake_hands(&c), TLS_FAILED);
    ck_assert(tls_stream_refused_peer(c.client));
    ck_assert_str_eq(tls_stream_reason(c.client), rows[_i].reason);
    close_connection(&c);
}
END_TEST

START_TEST(an_authority_that_is_not_trusted_is_not_believed)
{
    pairs_make("short", &certificate_root, NULL, time(NULL) + HOUR);
    struct minter *minter = make_minter("ca");
    struct mint_cache *cache = mint_cache_new(1);
    struct connection c;
    open_sockets(&c, "short.pem", "a.example");
    const struct tls_place place = {.fd = c.fds[0]};
    c.server = mint_stream(minter, cache, "a.example", &place);
    ck_assert_int_eq(shake_hands(&c), TLS_FAILED);
    ck_assert(tls_stream_refused_peer(c.client));
    ck_assert_str_eq(tls_stream_reason(c.client), "self-signed certificate in certificate chain");
    close_connection(&c);
    mint_cache_free(cache);
    minter_free(minter);
}
END_TEST

START_TEST(a_certificate_that_has_expired_is_not_believed)
{
    pairs_make("old", &certificate_server, "a.example", time(NULL) - HOUR);
    const struct tls_server_files names = {.certificate = pairs_path("old.pem"),
                                           .key = pairs_path("old.key")};
    struct tls_context *context = tls_context_new_server(&names, TLS_CLIENTS_UNASKED, &error);
    struct connection c;
    open_sockets(&c, "old.pem", "a.example");
    c.server = tls_stream_new(context, c.fds[0], NULL);
    ck_assert_int_eq(shake_hands(&c), TLS_FAILED);
    ck_assert_str_eq(tls_stream_reason(c.client), "certificate has expired");
    close_connection(&c);
    tls_context_unref(context);
}
END_TEST

START_TEST(http_2_is_spoken_where_both_sides_have_it)
{
    const bool server_has_it = (_i & 1) != 0, client_has_it = (_i & 2) != 0;
    struct connection c;
    meet(&c, "a.example", "a.example");
    if (server_has_it)
        ck_assert(tls_stream_offer_http2(c.server));
    if (client_has_it)
        ck_assert(tls_stream_offer_http2(c.client));
    ck_assert_int_eq(shake_hands(&c), TLS_OK);
    ck_assert(tls_stream_chose_http2(c.server) == (server_has_it && client_has_it));
    ck_assert(tls_stream_chose_http2(c.client) == (server_has_it && client_has_it));
    close_connection(&c);
}
END_TEST

START_TEST(what_was_read_before_is_taken_first)
{
    char hello[4096];
    struct connection c;
    struct minter *minter = make_minter("ca");
    struct mint_cache *cache = mint_cache_new(1);
    open_sockets(&c, "ca.pem", "a.example");
    ck_assert_int_eq(tls_stream_handshake(c.client), TLS_WANT_READ);
    ssize_t length = recv(c.fds[0], hello, sizeof(hello), 0);
    ck_assert_int_gt(length, 0);
    const struct tls_place place = {.fd = c.fds[0], .early = hello, .early_length = (size_t)length};
    c.server = mint_stream(minter, cache, "a.example", &place);
    memset(hello, 0, sizeof(hello));
    ck_assert_int_eq(shake_hands(&c), TLS_OK);
    pass(c.client, c.server, "ping");
    close_connection(&c);
    mint_cache_free(cache);
    minter_free(minter);
}
END_TEST

/* What waits on the socket FD goes into OUTER, and what OUTER has for it comes out there. */
static void carry(int fd, struct tls_stream *outer)
{
    char bytes[8192];
    size_t count;
    ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
    if (got > 0)
        ck_assert_int_eq(tls_stream_write(outer, bytes, (size_t)got, &count), TLS_OK);
    while (tls_stream_read(outer, bytes, sizeof(bytes), &count) == TLS_OK)
        ck_assert_int_eq(send(fd, bytes, count, 0), (ssize_t)count);
}

START_TEST(tls_goes_through_tls)
{
    struct connection outer, inner;
    enum tls_result client = TLS_WANT_READ, server = TLS_WANT_READ;
    struct minter *minter = make_minter("ca");
    struct mint_cache *cache = mint_cache_new(1);
    meet(&outer, "outer.example", "outer.example");
    ck_assert_int_eq(shake_hands(&outer), TLS_OK);
    open_sockets(&inner, "ca.pem", "inner.example");
    const struct tls_place place = {.fd = outer.fds[0], .outer = outer.server};
    inner.server = mint_stream(minter, cache, "inner.example", &place);
    ck_assert_ptr_nonnull(inner.server);
    outer.server = NULL; /* the inner stream's now */
    for (int i = 0; i < 10 && (client != TLS_OK || server != TLS_OK); i++) {
        client = tls_stream_handshake(inner.client);
        carry(inner.fds[0], outer.client);
        server = tls_stream_handshake(inner.server);
        carry(inner.fds[0], outer.client);
    }
    ck_assert_int_eq(client, TLS_OK);
    ck_assert_int_eq(server, TLS_OK);
    ck_assert_int_eq(tls_stream_shutdown(inner.server), TLS_OK);
    carry(inner.fds[0], outer.client);
    ck_assert_int_eq(tls_stream_peek(inner.client), TLS_END);
    ck_assert_int_eq(tls_stream_peek(outer.client), TLS_END); /* both have said good-bye */
    close_connection(&inner);
    close_connection(&outer);
    mint_cache_free(cache);
    minter_free(minter);
}
END_TEST

/* ---- Leaves and their cache --------------------------------------------------- */

/* Asks for a leaf and lets it go. */
static void ask(const struct minter *minter, struct mint_cache *cache, const char *host)
{
    const struct tls_place place = {.fd = -1};
    struct tls_stream *stream = mint_stream(minter, cache, host, &place);
    ck_assert_msg(stream != NULL, "%s", host);
    tls_stream_free(stream);
}

START_TEST(each_name_is_minted_once_while_it_is_kept)
{
    struct minter *minter = make_minter("ca");
    struct mint_cache *cache = mint_cache_new(3);
    for (int i = 0; i < 10; i++)
        ask(minter, cache, "a.example");
    ck_assert_uint_eq(mint_cache_minted(cache), 1);
    ask(minter, cache, "b.example");
    ask(minter, cache, "c.example");
    ask(minter, cache, "a.example"); /* b is the longest unused now */
    ask(minter, cache, "d.example");
    ck_assert_uint_eq(mint_cache_kept(cache), 3);
    ck_assert_uint_eq(mint_cache_minted(cache), 4);
    ask(minter, cache, "a.example");
    ask(minter, cache, "c.example");
    ck_assert_uint_eq(mint_cache_minted(cache), 4);
    ask(minter, cache, "b.example");
    ck_assert_uint_eq(mint_cache_minted(cache), 5);
    mint_cache_clear(cache);
    ck_assert_uint_eq(mint_cache_kept(cache), 0);
    mint_cache_free(cache);
    minter_free(minter);
}
END_TEST

START_TEST(names_without_end_stay_within_the_cache)
{
    char host[32];
    struct minter *minter = make_minter("ca");
    struct mint_cache *cache = mint_cache_new(16);
    for (int i = 0; i < 100; i++) {
        snprintf(host, sizeof(host), "n%d.example", i);
        ask(minter, cache, host);
        ck_assert_uint_le(mint_cache_kept(cache), 16);
    }
    ck_assert_uint_eq(mint_cache_minted(cache), 100);
    mint_cache_free(cache);
    minter_free(minter);
}
END_TEST

START_TEST(two_authorities_share_no_leaf)
{
    pairs_make("short", &certificate_root, NULL, time(NULL) + HOUR);
    struct minter *one = make_minter("ca"), *other = make_minter("short");
    struct mint_cache *cache = mint_cache_new(4);
    ask(one, cache, "a.example");
    ask(other, cache, "a.example");
    ck_assert_uint_eq(mint_cache_minted(cache), 2);
    ask(one, cache, "a.example");
    ck_assert_uint_eq(mint_cache_minted(cache), 2);
    ck_assert(minter_expires(other) < minter_expires(one));
    mint_cache_free(cache);
    minter_free(one);
    minter_free(other);
}
END_TEST

/* ---- What is no authority ------------------------------------------------------- */

START_TEST(refuses_what_may_not_sign_and_says_which_file)
{
    pairs_make("leaf", &certificate_server, "a.example", time(NULL) + HOUR);
    ck_assert_ptr_null(minter_new(pairs_path("leaf.pem"), pairs_path("leaf.key"), &error));
    ck_assert_str_eq(error.file, pairs_path("leaf.pem"));
    ck_assert_ptr_nonnull(strstr(error.message, "may not sign others"));

    ck_assert_ptr_null(minter_new(pairs_path("ca.pem"), pairs_path("leaf.key"), &error));
    ck_assert_str_eq(error.file, pairs_path("leaf.key"));
    ck_assert_ptr_nonnull(strstr(error.message, "does not belong"));

    ck_assert_ptr_null(minter_new(pairs_path("none.pem"), pairs_path("ca.key"), &error));
    ck_assert_str_eq(error.file, pairs_path("none.pem"));
    ck_assert_ptr_null(minter_new(pairs_path("ca.key"), pairs_path("ca.key"), &error));
    ck_assert_ptr_nonnull(strstr(error.message, "not a PEM certificate"));
    ck_assert_ptr_null(minter_new(pairs_path("ca.pem"), pairs_path("ca.pem"), &error));
    ck_assert_ptr_nonnull(strstr(error.message, "not a PEM key"));
}
END_TEST

START_TEST(a_client_that_trusts_no_file_says_which)
{
    ck_assert_ptr_null(tls_context_new_client(pairs_path("none.pem"), &error));
    ck_assert_str_eq(error.file, pairs_path("none.pem"));
    struct tls_context *context = tls_context_new_client(NULL, &error);
    ck_assert_ptr_nonnull(context);
    ck_assert_ptr_null(
        tls_context_new_client_like(context, pairs_path("ca.pem"), pairs_path("none.key"), &error));
    ck_assert_str_eq(error.file, pairs_path("none.key"));
    tls_context_unref(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certs/mint");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 120);
    tcase_add_checked_fixture(all, set_up, pairs_end);
    tcase_add_loop_test(all, a_leaf_is_believed_for_its_host, 0, 4);
    tcase_add_loop_test(all, a_leaf_is_believed_for_no_other_host, 0, 4);
    tcase_add_test(all, an_authority_that_is_not_trusted_is_not_believed);
    tcase_add_test(all, a_certificate_that_has_expired_is_not_believed);
    tcase_add_loop_test(all, http_2_is_spoken_where_both_sides_have_it, 0, 4);
    tcase_add_test(all, what_was_read_before_is_taken_first);
    tcase_add_test(all, tls_goes_through_tls);
    tcase_add_test(all, each_name_is_minted_once_while_it_is_kept);
    tcase_add_test(all, names_without_end_stay_within_the_cache);
    tcase_add_test(all, two_authorities_share_no_leaf);
    tcase_add_test(all, refuses_what_may_not_sign_and_says_which_file);
    tcase_add_test(all, a_client_that_trusts_no_file_says_which);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
