/*
 * certs/tls: a stream and an OpenSSL client at the two ends of a socketpair, in
 * one thread. Certificates are made here and lie in a folder that goes with the
 * test.
 */
#include <check.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/tls.h"
#include "test/suite.h"

/* ---- Certificates ----------------------------------------------------------- */

struct files {
    char folder[64];
    char certificate[96];
    char key[96];
    char other_key[96];
};

static struct files files;
static struct error error;

static FILE *open_for_writing(const char *path)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    return file;
}

static void write_key(const char *path, EVP_PKEY *key, const char *passphrase)
{
    FILE *file = open_for_writing(path);
    const EVP_CIPHER *cipher = passphrase == NULL ? NULL : EVP_aes_256_cbc();
    ck_assert_int_eq(PEM_write_PKCS8PrivateKey(file, key, cipher, passphrase,
                                               passphrase == NULL ? 0 : (int)strlen(passphrase),
                                               NULL, NULL),
                     1);
    fclose(file);
}

static void write_certificate(const char *path, EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    ck_assert_int_eq(X509_set_version(certificate, X509_VERSION_3), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"proxy.example", -1,
                               -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    ck_assert_int_ne(X509_sign(certificate, key, EVP_sha256()), 0);
    FILE *file = open_for_writing(path);
    ck_assert_int_eq(PEM_write_X509(file, certificate), 1);
    fclose(file);
    X509_free(certificate);
}

static void make_files(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY *other = EVP_EC_gen("P-256");
    snprintf(files.folder, sizeof(files.folder), "/tmp/sallyport-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(files.folder));
    snprintf(files.certificate, sizeof(files.certificate), "%s/proxy.pem", files.folder);
    snprintf(files.key, sizeof(files.key), "%s/proxy.key", files.folder);
    snprintf(files.other_key, sizeof(files.other_key), "%s/other.key", files.folder);
    write_key(files.key, key, NULL);
    write_key(files.other_key, other, NULL);
    write_certificate(files.certificate, key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
}

static void remove_files(void)
{
    unlink(files.certificate);
    unlink(files.key);
    unlink(files.other_key);
    rmdir(files.folder);
}

/* ---- A connection ----------------------------------------------------------- */

struct connection {
    struct tls_context *context;
    struct tls_stream *stream;
    int server_fd;
    int client_fd;
    SSL_CTX *client_context;
    SSL *client;
};

static void connection_open(struct connection *c)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    *c = (struct connection){.server_fd = fds[0], .client_fd = fds[1]};
    const struct tls_server_files names = {.certificate = files.certificate, .key = files.key};
    c->context = tls_context_new_server(&names, TLS_CLIENTS_UNASKED, &error);
    ck_assert_msg(c->context != NULL, "%s", error.message);
    c->stream = tls_stream_new(c->context, c->server_fd, NULL);
    ck_assert_ptr_nonnull(c->stream);
    c->client_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(c->client_context, 0);
    SSL_CTX_set_mode(c->client_context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    c->client = SSL_new(c->client_context);
    SSL_set_fd(c->client, c->client_fd);
    SSL_set_connect_state(c->client);
}

static void close_client_socket(struct connection *c)
{
    if (c->client_fd >= 0)
        close(c->client_fd);
    c->client_fd = -1;
}

static void connection_close(struct connection *c)
{
    tls_stream_free(c->stream);
    tls_context_unref(c->context);
    SSL_free(c->client);
    SSL_CTX_free(c->client_context);
    close_client_socket(c);
    close(c->server_fd);
}

/* Both ends in turn until both are done or the server's has failed. */
static enum tls_result shake_hands(struct connection *c)
{
    enum tls_result result = TLS_WANT_READ;
    for (int turn = 0; turn < 20 && result != TLS_FAILED; turn++) {
        ERR_clear_error();
        int client = SSL_do_handshake(c->client);
        result = tls_stream_handshake(c->stream);
        if (client == 1 && result == TLS_OK)
            break;
    }
    return result;
}

static void connection_open_and_shake(struct connection *c)
{
    connection_open(c);
    ck_assert_int_eq(shake_hands(c), TLS_OK);
}

static void client_writes(struct connection *c, const char *text)
{
    ck_assert_int_eq(SSL_write(c->client, text, (int)strlen(text)), (int)strlen(text));
}

static void assert_server_reads(struct connection *c, const char *text)
{
    char bytes[64];
    size_t count = 0;
    ck_assert_int_eq(tls_stream_read(c->stream, bytes, sizeof(bytes), &count), TLS_OK);
    ck_assert_uint_eq(count, strlen(text));
    ck_assert_mem_eq(bytes, text, count);
}

/* ---- Handshakes ------------------------------------------------------------- */

static const struct {
    int version;
    const char *name;
} versions[] = {{TLS1_2_VERSION, "TLSv1.2"}, {TLS1_3_VERSION, "TLSv1.3"}};

START_TEST(speaks_tls_1_2_and_1_3)
{
    struct connection c;
    connection_open(&c);
    SSL_set_min_proto_version(c.client, versions[_i].version);
    SSL_set_max_proto_version(c.client, versions[_i].version);
    ck_assert_int_eq(shake_hands(&c), TLS_OK);
    ck_assert_str_eq(SSL_get_version(c.client), versions[_i].name);
    client_writes(&c, "hello");
    assert_server_reads(&c, "hello");
    connection_close(&c);
}
END_TEST

START_TEST(refuses_tls_1_1_and_says_why)
{
    struct connection c;
    connection_open(&c);
    SSL_set_min_proto_version(c.client, TLS1_VERSION);
    SSL_set_max_proto_version(c.client, TLS1_1_VERSION);
    SSL_set_cipher_list(c.client, "ALL:@SECLEVEL=0");
    ck_assert_int_eq(shake_hands(&c), TLS_FAILED);
    ck_assert_str_eq(tls_stream_reason(c.stream), "unsupported protocol");
    connection_close(&c);
}
END_TEST

START_TEST(refuses_ciphers_without_forward_secrecy)
{
    struct connection c;
    connection_open(&c);
    SSL_set_max_proto_version(c.client, TLS1_2_VERSION);
    SSL_set_cipher_list(c.client, "AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA");
    ck_assert_int_eq(shake_hands(&c), TLS_FAILED);
    ck_assert_str_eq(tls_stream_reason(c.stream), "no shared cipher");
    connection_close(&c);
}
END_TEST

START_TEST(fails_on_bytes_that_are_no_tls)
{
    static const char request[] = "CONNECT a.example:443 HTTP/1.1\r\n\r\n";
    struct connection c;
    connection_open(&c);
    ck_assert_int_eq(write(c.client_fd, request, sizeof(request) - 1), sizeof(request) - 1);
    ck_assert_int_eq(tls_stream_handshake(c.stream), TLS_FAILED);
    ck_assert_str_ne(tls_stream_reason(c.stream), "");
    ck_assert_uint_eq(ERR_peek_error(), 0);
    connection_close(&c);
}
END_TEST

START_TEST(picks_http_1_1_out_of_what_the_client_offers)
{
    static const unsigned char offered[] = "\x02h2\x08http/1.1";
    const unsigned char *chosen;
    unsigned length;
    struct connection c;
    connection_open(&c);
    SSL_set_alpn_protos(c.client, offered, sizeof(offered) - 1);
    ck_assert_int_eq(shake_hands(&c), TLS_OK);
    SSL_get0_alpn_selected(c.client, &chosen, &length);
    ck_assert_uint_eq(length, 8);
    ck_assert_mem_eq(chosen, "http/1.1", 8);
    connection_close(&c);
}
END_TEST

START_TEST(fails_where_the_client_offers_other_protocols_only)
{
    static const unsigned char offered[] = "\x02h2\x08http/1.0";
    struct connection c;
    connection_open(&c);
    SSL_set_alpn_protos(c.client, offered, sizeof(offered) - 1);
    ck_assert_int_eq(shake_hands(&c), TLS_FAILED);
    connection_close(&c);
}
END_TEST

START_TEST(does_not_renegotiate)
{
    struct connection c;
    char byte;
    size_t count;
    connection_open(&c);
    SSL_set_max_proto_version(c.client, TLS1_2_VERSION);
    ck_assert_int_eq(shake_hands(&c), TLS_OK);

    ck_assert_int_eq(SSL_renegotiate(c.client), 1);
    SSL_do_handshake(c.client);

    ck_assert_int_ne(tls_stream_read(c.stream, &byte, 1, &count), TLS_OK);
    ERR_clear_error();
    ck_assert_int_le(SSL_do_handshake(c.client), 0);
    ck_assert_int_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    connection_close(&c);
}
END_TEST

/* ---- Data ------------------------------------------------------------------- */

START_TEST(carries_bytes_both_ways_in_small_pieces)
{
    static const char text[] = "the quick brown fox jumps over the lazy dog";
    struct connection c;
    connection_open_and_shake(&c);
    for (size_t i = 0; i < sizeof(text); i++) {
        char back = 0;
        size_t count = 0;
        ck_assert_int_eq(SSL_write(c.client, &text[i], 1), 1);
        ck_assert_int_eq(tls_stream_read(c.stream, &back, 1, &count), TLS_OK);
        ck_assert_uint_eq(count, 1);
        ck_assert_int_eq(tls_stream_write(c.stream, &back, 1, &count), TLS_OK);
        ck_assert_int_eq(SSL_read(c.client, &back, 1), 1);
        ck_assert_int_eq(back, text[i]);
    }
    connection_close(&c);
}
END_TEST

START_TEST(hands_out_one_record_in_pieces_and_then_wants_to_read)
{
    struct connection c;
    char bytes[4];
    size_t count = 0;
    connection_open_and_shake(&c);
    client_writes(&c, "abcdef");
    ck_assert_int_eq(tls_stream_read(c.stream, bytes, 4, &count), TLS_OK);
    ck_assert_uint_eq(count, 4);
    ck_assert_mem_eq(bytes, "abcd", 4);
    ck_assert_int_eq(tls_stream_read(c.stream, bytes, 4, &count), TLS_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_mem_eq(bytes, "ef", 2);
    ck_assert_int_eq(tls_stream_read(c.stream, bytes, 4, &count), TLS_WANT_READ);
    connection_close(&c);
}
END_TEST

/* Whatever the client can read now; checks it against the pattern from *received on. */
static void client_drains(struct connection *c, size_t *received)
{
    unsigned char bytes[4096];
    int count;
    while ((count = SSL_read(c->client, bytes, sizeof(bytes))) > 0) {
        for (int i = 0; i < count; i++)
            ck_assert_uint_eq(bytes[i], (unsigned char)(((*received)++) * 31 >> 3));
    }
    ck_assert_int_eq(SSL_get_error(c->client, count), SSL_ERROR_WANT_READ);
}

/* All that OpenSSL gives back goes this way; main says so. */
static const char *searched_for; /* NULL: nothing is */
static bool was_given_back;

static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return calloc(1, size);
}

static void give_back(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    if (searched_for != NULL && block != NULL &&
        memmem(block, malloc_usable_size(block), searched_for, strlen(searched_for)) != NULL)
        was_given_back = true;
    free(block);
}

/* What is new of it is written, too, so that it may be searched. */
static void *enlarge(void *block, size_t size, const char *file, int line)
{
    void *larger = allocate(size, file, line);
    if (larger == NULL || block == NULL)
        return larger;
    const size_t held = malloc_usable_size(block);
    memcpy(larger, block, held < size ? held : size);
    give_back(block, file, line);
    return larger;
}

START_TEST(wipes_what_came_before_its_memory_is_given_back)
{
    static const char word[] = "a word of one app's";
    struct connection c;
    connection_open_and_shake(&c);
    client_writes(&c, word);
    searched_for = word;
    assert_server_reads(&c, word);
    connection_close(&c);
    searched_for = NULL;
    ck_assert(!was_given_back);
}
END_TEST

START_TEST(a_write_that_had_to_wait_goes_on_from_another_buffer)
{
    const size_t total = (size_t)1024 * 1024;
    unsigned char *pattern = malloc(total);
    unsigned char *moved = malloc(total);
    size_t sent = 0;
    size_t received = 0;
    unsigned waits = 0;
    struct connection c;
    ck_assert(pattern != NULL && moved != NULL);
    connection_open_and_shake(&c);
    for (size_t i = 0; i < total; i++)
        pattern[i] = moved[i] = (unsigned char)(i * 31 >> 3);

    while (sent < total) {
        size_t count = 0;
        const unsigned char *from = waits % 2 == 0 ? pattern : moved;
        enum tls_result result = tls_stream_write(c.stream, from + sent, total - sent, &count);
        if (result == TLS_OK) {
            sent += count;
            continue;
        }
        ck_assert_int_eq(result, TLS_WANT_WRITE);
        waits++;
        client_drains(&c, &received);
    }
    client_drains(&c, &received);

    ck_assert_uint_eq(received, total);
    ck_assert_uint_gt(waits, 0);
    connection_close(&c);
    free(moved);
    free(pattern);
}
END_TEST

START_TEST(an_old_error_of_this_thread_is_not_taken_for_the_streams)
{
    struct connection c;
    char byte;
    size_t count;
    connection_open_and_shake(&c);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    ck_assert_int_eq(tls_stream_read(c.stream, &byte, 1, &count), TLS_WANT_READ);
    connection_close(&c);
}
END_TEST

/* ---- Ends ------------------------------------------------------------------- */

START_TEST(the_peers_close_notify_is_the_end_and_writing_goes_on)
{
    struct connection c;
    char byte = 'x';
    size_t count;
    connection_open_and_shake(&c);
    SSL_shutdown(c.client);
    ck_assert_int_eq(tls_stream_read(c.stream, &byte, 1, &count), TLS_END);
    ck_assert_int_eq(tls_stream_write(c.stream, &byte, 1, &count), TLS_OK);
    connection_close(&c);
}
END_TEST

START_TEST(a_connection_cut_without_close_notify_is_a_failure)
{
    struct connection c;
    char byte;
    size_t count;
    connection_open_and_shake(&c);
    shutdown(c.client_fd, SHUT_WR);
    ck_assert_int_eq(tls_stream_read(c.stream, &byte, 1, &count), TLS_FAILED);
    ck_assert_str_eq(tls_stream_reason(c.stream), "unexpected eof while reading");
    connection_close(&c);
}
END_TEST

START_TEST(after_our_close_notify_the_client_reads_the_end_and_we_read_on)
{
    struct connection c;
    char byte;
    connection_open_and_shake(&c);
    ck_assert_int_eq(tls_stream_shutdown(c.stream), TLS_OK);
    ck_assert_int_eq(tls_stream_shutdown(c.stream), TLS_OK);
    ck_assert_int_le(SSL_read(c.client, &byte, 1), 0);
    ck_assert_int_eq(SSL_get_shutdown(c.client), SSL_RECEIVED_SHUTDOWN);
    client_writes(&c, "still here");
    assert_server_reads(&c, "still here");
    connection_close(&c);
}
END_TEST

START_TEST(writing_to_a_peer_that_is_gone_fails_without_a_signal)
{
    struct connection c;
    char byte = 'x';
    size_t count;
    connection_open_and_shake(&c);
    close_client_socket(&c);
    ck_assert_int_eq(tls_stream_write(c.stream, &byte, 1, &count), TLS_FAILED);
    ck_assert_str_eq(tls_stream_reason(c.stream), "Broken pipe");
    ck_assert_int_eq(tls_stream_write(c.stream, &byte, 1, &count), TLS_FAILED);
    ck_assert_int_eq(tls_stream_shutdown(c.stream), TLS_FAILED);
    connection_close(&c);
}
END_TEST

/* ---- Files ------------------------------------------------------------------ */

static void assert_refused(const char *certificate, const char *key, const char *file,
                           const char *message)
{
    const struct tls_server_files names = {.certificate = certificate, .key = key};
    ck_assert_ptr_null(tls_context_new_server(&names, TLS_CLIENTS_UNASKED, &error));
    ck_assert_str_eq(error.file, file);
    ck_assert_msg(strstr(error.message, message) != NULL, "%s", error.message);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

START_TEST(refuses_a_key_of_another_certificate)
{
    assert_refused(files.certificate, files.other_key, files.other_key, "does not belong to");
}
END_TEST

START_TEST(names_the_file_that_is_missing)
{
    assert_refused("/nowhere/a.pem", files.key, "/nowhere/a.pem", "No such file or directory");
    assert_refused(files.certificate, "/nowhere/a.key", "/nowhere/a.key", "No such file");
}
END_TEST

START_TEST(refuses_files_that_hold_something_else)
{
    assert_refused(files.key, files.key, files.key, "not a PEM certificate");
    assert_refused(files.certificate, files.certificate, files.certificate, "not a PEM key");
    assert_refused(files.folder, files.key, files.folder, "certificate");
    ck_assert_int_eq(truncate(files.other_key, 0), 0);
    assert_refused(files.other_key, files.key, files.other_key, "no start line");
}
END_TEST

START_TEST(refuses_a_key_under_a_passphrase_and_asks_nobody)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    write_key(files.other_key, key, "secret");
    EVP_PKEY_free(key);
    assert_refused(files.certificate, files.other_key, files.other_key,
                   "this key is under a passphrase");
}
END_TEST

START_TEST(refuses_a_key_that_is_too_weak)
{
    EVP_PKEY *key = EVP_RSA_gen(1024);
    write_key(files.key, key, NULL);
    write_certificate(files.certificate, key);
    EVP_PKEY_free(key);
    assert_refused(files.certificate, files.key, files.certificate, "too small");
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, make_files, remove_files);
    suite_add_tcase(suite, tests);
    return tests;
}

int main(void)
{
    if (CRYPTO_set_mem_functions(allocate, enlarge, give_back) != 1)
        abort();
    Suite *suite = suite_create("certs/tls");
    TCase *handshakes = add_case(suite, "handshakes");
    tcase_add_loop_test(handshakes, speaks_tls_1_2_and_1_3, 0, 2);
    tcase_add_test(handshakes, refuses_tls_1_1_and_says_why);
    tcase_add_test(handshakes, refuses_ciphers_without_forward_secrecy);
    tcase_add_test(handshakes, fails_on_bytes_that_are_no_tls);
    tcase_add_test(handshakes, picks_http_1_1_out_of_what_the_client_offers);
    tcase_add_test(handshakes, fails_where_the_client_offers_other_protocols_only);
    tcase_add_test(handshakes, does_not_renegotiate);
    TCase *data = add_case(suite, "data");
    tcase_add_test(data, carries_bytes_both_ways_in_small_pieces);
    tcase_add_test(data, hands_out_one_record_in_pieces_and_then_wants_to_read);
    tcase_add_test(data, wipes_what_came_before_its_memory_is_given_back);
    tcase_add_test(data, a_write_that_had_to_wait_goes_on_from_another_buffer);
    tcase_add_test(data, an_old_error_of_this_thread_is_not_taken_for_the_streams);
    TCase *ends = add_case(suite, "ends");
    tcase_add_test(ends, the_peers_close_notify_is_the_end_and_writing_goes_on);
    tcase_add_test(ends, a_connection_cut_without_close_notify_is_a_failure);
    tcase_add_test(ends, after_our_close_notify_the_client_reads_the_end_and_we_read_on);
    tcase_add_test(ends, writing_to_a_peer_that_is_gone_fails_without_a_signal);
    TCase *on_disk = add_case(suite, "files");
    tcase_add_test(on_disk, refuses_a_key_of_another_certificate);
    tcase_add_test(on_disk, names_the_file_that_is_missing);
    tcase_add_test(on_disk, refuses_files_that_hold_something_else);
    tcase_add_test(on_disk, refuses_a_key_under_a_passphrase_and_asks_nobody);
    tcase_add_test(on_disk, refuses_a_key_that_is_too_weak);

    return suite_run(suite);
}
