/*
 * Promises of proxy/client_hello: the name that a hello asks for is found
 * however its bytes and records are split, and what is not beyond doubt is not
 * taken for TLS.
 */
#include <check.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "proxy/client_hello.h"
#include "test/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- building hellos out of parts ------------------------------------------ */

struct buffer {
    uint8_t bytes[2 * CLIENT_HELLO_BYTES_MAXIMUM];
    size_t length;
};

static void add(struct buffer *buffer, const void *bytes, size_t length)
{
    ck_assert_uint_le(length, sizeof(buffer->bytes) - buffer->length);
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

static void add_number(struct buffer *buffer, size_t number, size_t width)
{
    while (width-- > 0) {
        uint8_t byte = (uint8_t)(number >> (8 * width));
        add(buffer, &byte, 1);
    }
}

/* "0a ff", blanks passed over. */
static void add_hex(struct buffer *buffer, const char *hex)
{
    char digits[3] = {0};
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ')
            continue;
        memcpy(digits, hex++, 2);
        add_number(buffer, strtoul(digits, NULL, 16), 1);
    }
}

/* The message around EXTENSIONS (hex; NULL: none at all). */
static void build_message(struct buffer *message, const char *extensions)
{
    static struct buffer body, list;
    body.length = list.length = message->length = 0;
    add_hex(&body, "0303");
    for (int i = 0; i < 32; i++)
        add_number(&body, (size_t)i, 1);
    add_hex(&body, "04 01020304" /* session id */ "0004 1301 1302" /* suites */ "01 00");
    if (extensions != NULL) {
        add_hex(&list, extensions);
        add_number(&body, list.length, 2);
        add(&body, list.bytes, list.length);
    }
    add_number(message, 1, 1);
    add_number(message, body.length, 3);
    add(message, body.bytes, body.length);
}

/* MESSAGE cut into records of at most FRAGMENT bytes. */
static void build_records(struct buffer *records, const struct buffer *message, size_t fragment)
{
    records->length = 0;
    for (size_t at = 0; at < message->length; at += fragment) {
        size_t length = message->length - at < fragment ? message->length - at : fragment;
        add_hex(records, "16 0301");
        add_number(records, length, 2);
        add(records, message->bytes + at, length);
    }
}

static struct buffer message, records;
static struct client_hello hello;

/* Parsed out of memory of its own size, so that a sanitizer sees any look beyond. */
static enum client_hello_result parse(const struct buffer *buffer, size_t length)
{
    char *exact = malloc(length > 0 ? length : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, buffer->bytes, length);
    enum client_hello_result result = client_hello_parse((struct span){exact, length}, &hello);
    free(exact);
    return result;
}

static enum client_hello_result parse_with(const char *extensions)
{
    build_message(&message, extensions);
    build_records(&records, &message, CLIENT_HELLO_MAXIMUM);
    return parse(&records, records.length);
}

/* server_name of "a.example" */
#define SNI_LIST    "000c 00 0009 612e6578616d706c65"
#define SNI         "0000 000e" SNI_LIST
#define ALPN        "0010 0005 0003 026832"
#define ECH         "fe0d 0001 00"
#define OTHER_EMPTY "0017 0000"

static void assert_server_name(const char *name)
{
    ck_assert(hello.has_server_name);
    ck_assert_str_eq(hello.server_name, name);
    ck_assert_uint_eq(hello.server_name_length, strlen(name));
}

/* --- what is found ---------------------------------------------------------- */

START_TEST(finds_the_name)
{
    ck_assert_int_eq(parse_with(OTHER_EMPTY SNI ALPN), CLIENT_HELLO_DONE);
    assert_server_name("a.example");
    ck_assert(!hello.has_ech);
}
END_TEST

START_TEST(finds_that_there_is_no_name)
{
    ck_assert_int_eq(parse_with(ALPN), CLIENT_HELLO_DONE);
    ck_assert(!hello.has_server_name);
    ck_assert_int_eq(parse_with(""), CLIENT_HELLO_DONE);
    ck_assert(!hello.has_server_name);
    ck_assert_int_eq(parse_with(NULL), CLIENT_HELLO_DONE);
    ck_assert(!hello.has_server_name);
}
END_TEST

static const char *const hidden_names[] = {ECH,         ECH SNI,     SNI ECH,
                                           "fe08 0000", "fe0c 0000", "ffce 0000"};

START_TEST(sees_that_a_name_is_encrypted)
{
    ck_assert_int_eq(parse_with(hidden_names[_i]), CLIENT_HELLO_DONE);
    ck_assert(hello.has_ech);
}
END_TEST

START_TEST(takes_any_size_of_records_split_anywhere)
{
    build_message(&message, SNI ALPN);
    for (size_t fragment = 1; fragment <= message.length; fragment++) {
        build_records(&records, &message, fragment);
        for (size_t length = 0; length < records.length; length++)
            ck_assert_int_eq(parse(&records, length), CLIENT_HELLO_MORE);
        ck_assert_int_eq(parse(&records, records.length), CLIENT_HELLO_DONE);
        assert_server_name("a.example");
    }
}
END_TEST

START_TEST(does_not_look_behind_the_hello)
{
    ck_assert_int_eq(parse_with(SNI), CLIENT_HELLO_DONE);
    add_hex(&records, "14 0303 0001 01 ff");
    ck_assert_int_eq(parse(&records, records.length), CLIENT_HELLO_DONE);
    assert_server_name("a.example");
}
END_TEST

START_TEST(takes_the_hellos_of_older_versions)
{
    build_message(&message, SNI);
    message.bytes[5] = 0x01;
    build_records(&records, &message, CLIENT_HELLO_MAXIMUM);
    ck_assert_int_eq(parse(&records, records.length), CLIENT_HELLO_DONE);
    records.bytes[2] = 0x03;
    ck_assert_int_eq(parse(&records, records.length), CLIENT_HELLO_DONE);
}
END_TEST

START_TEST(takes_a_name_of_255_bytes_and_no_longer)
{
    for (size_t length = 255; length <= 256; length++) {
        static struct buffer name;
        char hex[2 * 600 + 1], *end = hex;
        name.length = 0;
        add_number(&name, 0, 2);
        add_number(&name, length + 5, 2);
        add_number(&name, length + 3, 2);
        add_number(&name, 0, 1);
        add_number(&name, length, 2);
        for (size_t i = 0; i < length; i++)
            add(&name, "a", 1);
        for (size_t i = 0; i < name.length; i++)
            end += sprintf(end, "%02x", name.bytes[i]);
        ck_assert_int_eq(parse_with(hex), length == 255 ? CLIENT_HELLO_DONE : CLIENT_HELLO_NOT_TLS);
    }
}
END_TEST

/* --- what is refused --------------------------------------------------------- */

static const char *const bad_extensions[] = {
    SNI SNI,                                /* twice */
    ALPN SNI ALPN,                          /* another one twice */
    ECH ECH,                                /* */
    "0000 0000",                            /* empty, as only servers send it */
    "0000 0002 0000",                       /* an empty list */
    "0000 0005 0003 00 0000",               /* an empty name */
    "0000 0006 0004 01 0001 61",            /* not a host_name */
    "0000 000a 0008 00 0001 61 00 0001 62", /* two names */
    "0000 000a 0008 00 0001 61 01 0001 62", /* a name and something else */
    "0000 0007 0004 00 0001 61 00",         /* behind the list */
    "0000 0006 0003 00 0001 61",            /* list too short for its name */
    "0000 0006 0005 00 0001 61",            /* list longer than the extension */
    "0000 0006 0004 00 0002 61",            /* name longer than the list */
    "0000 0007 0005 00 0002 6100",          /* a NUL at the end */
    "0000 0008 0006 00 0003 610062",        /* a NUL inside */
    "00",                                   /* half a type */
    "0010 00",                              /* half a length */
    "0010 0006 0003 026832",                /* longer than what is there */
    SNI "00",                               /* something behind the last */
};

START_TEST(refuses_extensions_that_are_not_beyond_doubt)
{
    ck_assert_int_eq(parse_with(bad_extensions[_i]), CLIENT_HELLO_NOT_TLS);
    ck_assert_ptr_nonnull(hello.problem);
}
END_TEST

#define RANDOM "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char *const bad_bodies[] = {
    "",
    "0303",
    "0303" RANDOM,
    "0300" RANDOM "00 0002 1301 01 00",
    "0304" RANDOM "00 0002 1301 01 00",
    "0403" RANDOM "00 0002 1301 01 00",
    "0303" RANDOM "21" RANDOM "00 0002 1301 01 00",
    "0303" RANDOM "00 0000 01 00",
    "0303" RANDOM "00 0003 130113 01 00",
    "0303" RANDOM "00 0004 1301 01 00",
    "0303" RANDOM "00 0002 1301 00",
    "0303" RANDOM "00 0002 1301 02 00",
    "0303" RANDOM "00 0002 1301 01 00 00",
    "0303" RANDOM "00 0002 1301 01 00 0001",
    "0303" RANDOM "00 0002 1301 01 00 0000 00",
    "0303" RANDOM "00 0002 1301 01 00 0004 00170000 00",
};

START_TEST(refuses_a_message_whose_lengths_do_not_fill_it)
{
    static struct buffer body;
    body.length = message.length = 0;
    add_hex(&body, bad_bodies[_i]);
    add_number(&message, 1, 1);
    add_number(&message, body.length, 3);
    add(&message, body.bytes, body.length);
    build_records(&records, &message, CLIENT_HELLO_MAXIMUM);
    ck_assert_int_eq(parse(&records, records.length), CLIENT_HELLO_NOT_TLS);
    ck_assert_ptr_nonnull(hello.problem);
}
END_TEST

/* Each is refused with its last byte and not before: no waiting for what cannot come any more. */
static const char *const bad_beginnings[] = {
    "47",                                        /* GET */
    "53",                                        /* SSH */
    "80",                                        /* SSLv2 */
    "00",                                        /* */
    "14",                                        /* ChangeCipherSpec */
    "15",                                        /* alert */
    "17",                                        /* application data */
    "16 02",                                     /* */
    "16 04",                                     /* */
    "16 03 00",                                  /* SSLv3 */
    "16 03 04",                                  /* */
    "16 03 01 00 00",                            /* an empty record */
    "16 03 01 40 01",                            /* too long a record */
    "16 03 01 ff ff",                            /* */
    "16 03 01 00 01 02",                         /* ServerHello */
    "16 03 01 00 01 00",                         /* HelloRequest */
    "16 03 01 00 10 01 01 00 00",                /* 65,540 bytes */
    "16 03 01 00 10 01 00 40 00",                /* 16,388 bytes */
    "16 03 01 00 10 01 00 00 0b",                /* the record holds a byte more than the hello */
    "16 03 01 00 02 01 00 17",                   /* application data between the records */
    "16 03 01 00 02 01 00 16 03 02 00 00",       /* an empty record between them */
    "16 03 01 00 04 01 00 00 40 16 03 01 00 41", /* the next record holds more than the hello */
};

START_TEST(refuses_as_soon_as_no_hello_can_come_of_it)
{
    records.length = 0;
    add_hex(&records, bad_beginnings[_i]);
    for (size_t length = 0; length < records.length; length++)
        ck_assert_int_eq(parse(&records, length), CLIENT_HELLO_MORE);
    ck_assert_int_eq(parse(&records, records.length), CLIENT_HELLO_NOT_TLS);
}
END_TEST

/* A hello of LENGTH bytes in all, filled up by a padding extension (RFC 7685). */
static void build_long_message(size_t length)
{
    build_message(&message, "0015 0000");
    size_t padding = length - message.length;
    for (size_t i = 0; i < padding; i++)
        add_number(&message, 0, 1);
    message.bytes[2] = (uint8_t)((length - 4) >> 8);
    message.bytes[3] = (uint8_t)(length - 4);
    uint8_t *extensions = message.bytes + length - padding - 6;
    extensions[0] = (uint8_t)((padding + 4) >> 8);
    extensions[1] = (uint8_t)(padding + 4);
    extensions[4] = (uint8_t)(padding >> 8);
    extensions[5] = (uint8_t)padding;
}

START_TEST(takes_a_hello_as_long_as_it_says)
{
    build_long_message(CLIENT_HELLO_MAXIMUM);
    build_records(&records, &message, 16384);
    ck_assert_int_eq(parse(&records, records.length), CLIENT_HELLO_DONE);
    build_records(&records, &message, 100);
    ck_assert_int_eq(parse(&records, records.length), CLIENT_HELLO_DONE);
    build_long_message(CLIENT_HELLO_MAXIMUM + 1);
    build_records(&records, &message, 16384);
    ck_assert_int_eq(parse(&records, records.length), CLIENT_HELLO_NOT_TLS);
}
END_TEST

START_TEST(bounds_what_the_records_add)
{
    build_long_message(8000);
    build_records(&records, &message, 1);
    ck_assert_uint_gt(records.length, CLIENT_HELLO_BYTES_MAXIMUM);
    ck_assert_int_eq(parse(&records, CLIENT_HELLO_BYTES_MAXIMUM - 1), CLIENT_HELLO_MORE);
    ck_assert_int_eq(parse(&records, CLIENT_HELLO_BYTES_MAXIMUM), CLIENT_HELLO_NOT_TLS);
}
END_TEST

/* --- a real client ------------------------------------------------------------- */

static void build_by_openssl(const char *name, int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    ck_assert_ptr_nonnull(context);
    SSL_CTX_set_max_proto_version(context, version);
    SSL *client = SSL_new(context);
    BIO *sent = BIO_new(BIO_s_mem());
    ck_assert(client != NULL && sent != NULL);
    SSL_set_bio(client, BIO_new(BIO_s_mem()), sent);
    ck_assert_int_eq(SSL_set_tlsext_host_name(client, name), 1);
    ck_assert_int_eq(SSL_connect(client), -1);
    int length = BIO_read(sent, records.bytes, (int)sizeof(records.bytes));
    ck_assert_int_gt(length, 0);
    records.length = (size_t)length;
    SSL_free(client);
    SSL_CTX_free(context);
}

START_TEST(reads_what_openssl_sends_split_anywhere)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    build_by_openssl("www.example.com", versions[_i]);
    for (size_t length = 0; length < records.length; length++)
        ck_assert_int_eq(parse(&records, length), CLIENT_HELLO_MORE);
    ck_assert_int_eq(parse(&records, records.length), CLIENT_HELLO_DONE);
    assert_server_name("www.example.com");
    ck_assert(!hello.has_ech);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client_hello");
    TCase *tests = tcase_create("client_hello");
    tcase_add_test(tests, finds_the_name);
    tcase_add_test(tests, finds_that_there_is_no_name);
    tcase_add_loop_test(tests, sees_that_a_name_is_encrypted, 0, COUNT(hidden_names));
    tcase_add_test(tests, takes_any_size_of_records_split_anywhere);
    tcase_add_test(tests, does_not_look_behind_the_hello);
    tcase_add_test(tests, takes_the_hellos_of_older_versions);
    tcase_add_test(tests, takes_a_name_of_255_bytes_and_no_longer);
    tcase_add_loop_test(tests, refuses_extensions_that_are_not_beyond_doubt, 0,
                        COUNT(bad_extensions));
    tcase_add_loop_test(tests, refuses_a_message_whose_lengths_do_not_fill_it, 0,
                        COUNT(bad_bodies));
    tcase_add_loop_test(tests, refuses_as_soon_as_no_hello_can_come_of_it, 0,
                        COUNT(bad_beginnings));
    tcase_add_test(tests, takes_a_hello_as_long_as_it_says);
    tcase_add_test(tests, bounds_what_the_records_add);
    tcase_add_loop_test(tests, reads_what_openssl_sends_split_anywhere, 0, 2);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
