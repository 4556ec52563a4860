/*
 * Rests on both versions beginning with bytes that the other cannot begin with,
 * and on lengths that stand before what they are the lengths of: each part is cut
 * off the front of a span, or it is missing.
 */
#include "proxy/proxy_header.h"

#define V1_MAXIMUM 107

#define V2_FIXED        16 /* signature, version and command, family, length */
#define V2_COMMAND_MASK 0x0F
#define TYPE_CRC32C     0x03
#define TYPE_SSL        0x20
#define SUBTYPE_SSL_CN  0x22

/* Bits of the SSL block's first byte (section 2.2.6). */
#define CLIENT_SSL       0x01
#define CLIENT_CERT_CONN 0x02
#define CLIENT_CERT_SESS 0x04

static const char v2_signature[] = "\r\n\r\n\0\r\nQUIT\n";
#define SIGNATURE                                                                                  \
    (struct span)                                                                                  \
    {                                                                                              \
        v2_signature, sizeof(v2_signature) - 1                                                     \
    }

static enum proxy_header_parse bad(struct proxy_header *header, const char *problem)
{
    header->problem = problem;
    return PROXY_HEADER_BAD;
}

/* BYTES could still become something that begins with WHOLE. */
static bool is_beginning_of(struct span bytes, struct span whole)
{
    size_t common = bytes.length < whole.length ? bytes.length : whole.length;
    return span_starts_with(bytes, span_slice(whole, 0, common));
}

/* ---- Version 1 ------------------------------------------------------------- */

/* The next word of LINE and the one space behind it, if there is one. */
static struct span take_word(struct span *line)
{
    size_t end = span_find(*line, ' ');
    struct span word = span_slice(*line, 0, end);
    *line = span_after(*line, end < line->length ? end + 1 : end);
    return word;
}

/* No sign, no leading zero. */
static bool parse_port(struct span word, uint16_t *port)
{
    uint64_t number = 0;
    if (word.length == 0 || (word.length > 1 && word.data[0] == '0') ||
        !span_parse_decimal(word, UINT16_MAX, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool parse_addresses(struct span line, uint8_t family, struct proxy_header *header)
{
    struct ip server;
    uint16_t server_port;
    const bool ends_in_space = span_ends_with(line, SPAN(" "));
    return ip_parse(take_word(&line), &header->client) && header->client.family == family &&
           ip_parse(take_word(&line), &server) && server.family == family &&
           parse_port(take_word(&line), &header->port) &&
           parse_port(take_word(&line), &server_port) && line.length == 0 && !ends_in_space;
}

static enum proxy_header_parse parse_line(struct span line, struct proxy_header *header)
{
    if (span_equal(line, SPAN("UNKNOWN")) || span_starts_with(line, SPAN("UNKNOWN ")))
        return PROXY_HEADER_DONE;
    uint8_t family = 0;
    if (span_starts_with(line, SPAN("TCP4 ")))
        family = 4;
    if (span_starts_with(line, SPAN("TCP6 ")))
        family = 6;
    if (family == 0)
        return bad(header, "PROXY protocol: neither TCP4, TCP6 nor UNKNOWN");
    if (!parse_addresses(span_after(line, 5), family, header)) {
        header->client.family = 0;
        return bad(header, "PROXY protocol: not two addresses and two ports");
    }
    header->has_client = true;
    return PROXY_HEADER_DONE;
}

static enum proxy_header_parse parse_v1(struct span bytes, struct proxy_header *header)
{
    const size_t end = span_find(bytes, '\n');
    if (end >= V1_MAXIMUM)
        return bad(header, "PROXY protocol: the line is longer than 107 bytes");
    if (end == bytes.length)
        return PROXY_HEADER_MORE;
    struct span line = span_slice(bytes, 0, end);
    if (!span_ends_with(line, SPAN("\r")))
        return bad(header, "PROXY protocol: the line does not end in CR LF");
    header->length = end + 1;
    line = span_slice(line, 0, line.length - 1);
    return parse_line(span_after(line, sizeof("PROXY ") - 1), header);
}

/* ---- Version 2 ------------------------------------------------------------- */

static uint16_t number_at(struct span bytes, size_t at)
{
    return (uint16_t)((uint8_t)bytes.data[at] << 8 | (uint8_t)bytes.data[at + 1]);
}

/* A type, and a value with its length before it; false: none is left, or it is cut. */
static bool take_vector(struct span *rest, uint8_t *type, struct span *value)
{
    if (rest->length < 3)
        return false;
    size_t length = number_at(*rest, 1);
    if (length > rest->length - 3)
        return false;
    *type = (uint8_t)rest->data[0];
    *value = span_slice(*rest, 3, length);
    *rest = span_after(*rest, 3 + length);
    return true;
}

/* CRC-32C (RFC 9260, appendix A), of BYTES with zeros where the checksum itself stands. */
static uint32_t checksum(struct span bytes, const char *own)
{
    uint32_t state = UINT32_MAX;
    for (size_t i = 0; i < bytes.length; i++) {
        const bool is_own = &bytes.data[i] >= own && &bytes.data[i] < own + 4;
        state ^= is_own ? 0 : (uint8_t)bytes.data[i];
        for (int bit = 0; bit < 8; bit++)
            state = state >> 1 ^ (state & 1 ? UINT32_C(0x82F63B78) : 0);
    }
    return ~state;
}

static bool checksum_is_right(struct span whole, struct span value)
{
    if (value.length != 4)
        return false;
    uint32_t told = (uint32_t)number_at(value, 0) << 16 | number_at(value, 2);
    return told == checksum(whole, value.data);
}

/* The common name counts only of a certificate that the front asked for and verified. */
static bool read_ssl(struct span block, struct proxy_header *header)
{
    uint8_t type;
    struct span value, name = {"", 0};
    if (block.length < 5)
        return false;
    const uint8_t client = (uint8_t)block.data[0];
    const bool is_verified = number_at(block, 1) == 0 && number_at(block, 3) == 0;
    struct span rest = span_after(block, 5);
    while (take_vector(&rest, &type, &value)) {
        if (type != SUBTYPE_SSL_CN)
            continue;
        if (name.length > 0 || value.length == 0)
            return false;
        name = value;
    }
    if (client & CLIENT_SSL && client & (CLIENT_CERT_CONN | CLIENT_CERT_SESS) && is_verified)
        header->common_name = name;
    return rest.length == 0;
}

static enum proxy_header_parse parse_vectors(struct span whole, struct span rest,
                                             struct proxy_header *header)
{
    uint8_t type;
    struct span value;
    bool seen_ssl = false;
    while (take_vector(&rest, &type, &value)) {
        if (type == TYPE_CRC32C && !checksum_is_right(whole, value))
            return bad(header, "PROXY protocol: the checksum is wrong");
        if (type == PROXY_HEADER_TYPE_SPIFFE) {
            if (header->spiffe.length > 0 || value.length == 0)
                return bad(header, "PROXY protocol: not one SPIFFE name");
            header->spiffe = value;
        }
        if (type == TYPE_SSL && (seen_ssl || !read_ssl(value, header)))
            return bad(header, "PROXY protocol: what it says of TLS cannot be read");
        seen_ssl = seen_ssl || type == TYPE_SSL;
    }
    if (rest.length > 0)
        return bad(header, "PROXY protocol: a value is cut short");
    return PROXY_HEADER_DONE;
}

/* Client's address, server's address, client's port, server's port. False: not as long as that. */
static bool read_client(struct span *rest, uint8_t family, struct proxy_header *header)
{
    const size_t size = family == 4 ? 4 : 16;
    if (rest->length < 2 * size + 4)
        return false;
    header->client = (struct ip){.family = family};
    memcpy(header->client.bytes, rest->data, size);
    header->port = number_at(*rest, 2 * size);
    header->has_client = true;
    *rest = span_after(*rest, 2 * size + 4);
    return true;
}

#define UNIX_ADDRESSES 216

static enum proxy_header_parse parse_addresses_v2(struct span whole, struct proxy_header *header)
{
    struct span rest = span_after(whole, V2_FIXED);
    bool fits = true;
    switch ((uint8_t)whole.data[13]) {
    case 0x00: /* unspecified */
        break;
    case 0x11:
        fits = read_client(&rest, 4, header);
        break;
    case 0x21:
        fits = read_client(&rest, 6, header);
        break;
    case 0x31: /* a stream of a unix socket: no address that means anything here */
        fits = rest.length >= UNIX_ADDRESSES;
        rest = span_after(rest, fits ? UNIX_ADDRESSES : 0);
        break;
    default:
        return bad(header, "PROXY protocol: no stream of a known family");
    }
    if (!fits)
        return bad(header, "PROXY protocol: the addresses are cut short");
    return parse_vectors(whole, rest, header);
}

static enum proxy_header_parse parse_v2(struct span bytes, struct proxy_header *header)
{
    if (bytes.length < V2_FIXED)
        return PROXY_HEADER_MORE;
    const uint8_t version = (uint8_t)bytes.data[12];
    const size_t length = V2_FIXED + (size_t)number_at(bytes, 14);
    if (version != 0x20 && version != 0x21)
        return bad(header, "PROXY protocol: neither PROXY nor LOCAL of version 2");
    if (length > PROXY_HEADER_MAXIMUM)
        return bad(header, "PROXY protocol: the header is longer than 4096 bytes");
    if (bytes.length < length)
        return PROXY_HEADER_MORE;
    header->length = length;
    header->is_local = (version & V2_COMMAND_MASK) == 0;
    if (header->is_local) /* section 2.2: whatever else it says is to be ignored */
        return PROXY_HEADER_DONE;
    return parse_addresses_v2(span_slice(bytes, 0, length), header);
}

enum proxy_header_parse proxy_header_parse(struct span bytes, struct proxy_header *header)
{
    *header = (struct proxy_header){.spiffe = {"", 0}, .common_name = {"", 0}};
    if (is_beginning_of(bytes, SPAN("PROXY ")))
        return bytes.length < sizeof("PROXY ") - 1 ? PROXY_HEADER_MORE : parse_v1(bytes, header);
    if (is_beginning_of(bytes, SIGNATURE))
        return parse_v2(bytes, header);
    return bad(header, "the connection does not begin with a PROXY protocol header");
}
