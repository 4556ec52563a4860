/*
 * A ClientHello as curl with OpenSSL 3 sends it to a host that it has not met: what
 * its extensions are, in their order, and how long they are, padded to 517 bytes with
 * its record (RFC 7685 pads as much). Its random bytes and its key are constant: nobody
 * answers it.
 */
#include "test/bench/bench.h"

#include <string.h>

#define HELLO_SIZE BENCH_HELLO_MAXIMUM /* with the record's header */
#define MESSAGE    9                   /* where the message's body begins: behind two headers */
#define SUITES     31
#define EXTENSIONS                                                                                 \
    (MESSAGE + 2 + 32 + 1 + 32 + 2 + 2 * SUITES + 2) /* where their length stands                  \
                                                      */
#define NUMBER_SIZE 2

struct writer {
    uint8_t *bytes;
    size_t length;
};

static void put(struct writer *writer, const void *bytes, size_t length)
{
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

static void put_number(struct writer *writer, size_t number)
{
    const uint8_t bytes[NUMBER_SIZE] = {(uint8_t)(number >> 8), (uint8_t)number};
    put(writer, bytes, sizeof bytes);
}

static void put_filled(struct writer *writer, int byte, size_t length)
{
    memset(writer->bytes + writer->length, byte, length);
    writer->length += length;
}

static void put_extension(struct writer *writer, size_t type, const char *body, size_t length)
{
    put_number(writer, type);
    put_number(writer, length);
    put(writer, body, length);
}

static void put_server_name(struct writer *writer, const char *host)
{
    const size_t length = strlen(host);
    put_number(writer, 0);
    put_number(writer, length + 5);
    put_number(writer, length + 3);
    put_filled(writer, 0, 1); /* host_name */
    put_number(writer, length);
    put(writer, host, length);
}

/* Each but server_name, key_share and padding: type, then its body. */
static void put_plain_extensions(struct writer *writer)
{
#define EXTENSION(TYPE, BODY) put_extension(writer, TYPE, BODY, sizeof(BODY) - 1)
    EXTENSION(0x000B, "\x03\x00\x01\x02");                               /* ec_point_formats */
    EXTENSION(0x000A, "\x00\x14\x00\x1d\x00\x17\x00\x1e\x00\x19\x00\x18" /* supported_groups */
                      "\x01\x00\x01\x01\x01\x02\x01\x03\x01\x04");
    EXTENSION(0x0010, "\x00\x0c\x02h2\x08http/1.1"); /* ALPN */
    EXTENSION(0x0016, "");                           /* encrypt_then_mac */
    EXTENSION(0x0017, "");                           /* extended_master_secret */
    EXTENSION(0x0031, "");                           /* post_handshake_auth */
    EXTENSION(0x000D, "\x00\x2a\x04\x03\x05\x03\x06\x03\x08\x07\x08\x08\x08\x09\x08\x0a\x08\x0b"
                      "\x08\x04\x08\x05\x08\x06\x04\x01\x05\x01\x06\x01\x03\x03\x03\x01\x03\x02"
                      "\x04\x02\x05\x02\x06\x02"); /* signature_algorithms */
    EXTENSION(0x002B, "\x04\x03\x04\x03\x03");     /* supported_versions */
    EXTENSION(0x002D, "\x01\x01");                 /* psk_key_exchange_modes */
#undef EXTENSION
}

static void put_key_share(struct writer *writer)
{
    put_number(writer, 0x0033);
    put_number(writer, 38);
    put_number(writer, 36);
    put_number(writer, 0x001D); /* x25519 */
    put_number(writer, 32);
    put_filled(writer, 'k', 32);
}

static void put_padding(struct writer *writer)
{
    put_number(writer, 0x0015);
    put_number(writer, HELLO_SIZE - writer->length - NUMBER_SIZE);
    put_filled(writer, 0, HELLO_SIZE - writer->length);
}

size_t bench_hello(const char *host, uint8_t bytes[BENCH_HELLO_MAXIMUM])
{
    struct writer writer = {bytes, 0};
    if (strlen(host) > BENCH_HELLO_HOST_MAXIMUM)
        return 0;
    put(&writer, "\x16\x03\x01", 3);
    put_number(&writer, HELLO_SIZE - 5);
    put(&writer, "\x01\x00", 2);
    put_number(&writer, HELLO_SIZE - MESSAGE);
    put_number(&writer, 0x0303);
    put_filled(&writer, 'r', 32);
    put_filled(&writer, 32, 1);
    put_filled(&writer, 's', 32);
    put_number(&writer, (size_t)SUITES * NUMBER_SIZE);
    for (size_t suite = 0; suite < SUITES; suite++)
        put_number(&writer, 0x1301 + suite);
    put(&writer, "\x01\x00", 2); /* compression: none */
    put_number(&writer, HELLO_SIZE - EXTENSIONS - NUMBER_SIZE);
    put_server_name(&writer, host);
    put_plain_extensions(&writer);
    put_key_share(&writer);
    put_padding(&writer);
    return writer.length;
}
