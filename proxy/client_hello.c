/*
 * Why: a tunnel was granted to a name; the first message of TLS says, in clear,
 * which name its client really wants. If that message is not beyond doubt, a
 * server might read another name out of it than we do, so it is refused.
 * Rests on: gathering the message out of its records first, then reading it with
 * a reader that can only go forward and never past the end of what holds it.
 */
#include "proxy/client_hello.h"

#define RECORD_HEADER         5
#define RECORD_MAXIMUM        16384 /* RFC 8446, section 5.1 */
#define MESSAGE_HEADER        4
#define EXTENSION_SERVER_NAME 0
#define EXTENSION_EARLY_DATA  42

struct reader {
    const uint8_t *bytes;
    size_t left;
};

/* Takes COUNT bytes as PART. */
static bool take_part(struct reader *reader, size_t count, struct reader *part)
{
    if (count > reader->left)
        return false;
    *part = (struct reader){reader->bytes, count};
    reader->bytes += count;
    reader->left -= count;
    return true;
}

/* Takes a big-endian number of WIDTH bytes (1..3). */
static bool take_number(struct reader *reader, size_t width, size_t *number)
{
    struct reader part;
    if (!take_part(reader, width, &part))
        return false;
    *number = 0;
    for (size_t i = 0; i < width; i++)
        *number = *number << 8 | part.bytes[i];
    return true;
}

/* Takes a vector (RFC 8446, section 3.4) whose length, WIDTH bytes wide, is MINIMUM..MAXIMUM. */
static bool take_vector(struct reader *reader, size_t width, size_t minimum, size_t maximum,
                        struct reader *vector)
{
    size_t length;
    return take_number(reader, width, &length) && length >= minimum && length <= maximum &&
           take_part(reader, length, vector);
}

static enum client_hello_result refuse(struct client_hello *hello, const char *problem)
{
    hello->problem = problem;
    return CLIENT_HELLO_NOT_TLS;
}

/* Fills PROBLEM; always false, so that a check can end with it. */
static bool fails(struct client_hello *hello, const char *problem)
{
    hello->problem = problem;
    return false;
}

/* --- the message (RFC 8446, section 4.1.2) ------------------------------ */

/* RFC 6066, section 3: a list of one, the one kind of name that there is. */
static bool read_server_name(struct reader extension, struct client_hello *hello)
{
    struct reader list, name;
    size_t type;
    if (!take_vector(&extension, 2, 1, 65535, &list) || extension.left > 0)
        return fails(hello, "server_name is malformed");
    if (!take_number(&list, 1, &type) || type != 0 || !take_vector(&list, 2, 1, 255, &name) ||
        list.left > 0)
        return fails(hello, "server_name is not exactly one host_name of 1 to 255 bytes");
    if (memchr(name.bytes, '\0', name.left) != NULL)
        return fails(hello, "server_name holds a NUL");
    memcpy(hello->server_name, name.bytes, name.left);
    hello->server_name[name.left] = '\0';
    hello->server_name_length = name.left;
    hello->has_server_name = true;
    return true;
}

/*
 * 0xFE0D is encrypted_client_hello (RFC 9849); 0xFE08..0xFE0C were its drafts and
 * 0xFFCE was encrypted_server_name: whoever speaks them hides a name as well.
 */
static bool is_ech(size_t type)
{
    return (type >= 0xFE08 && type <= 0xFE0D) || type == 0xFFCE;
}

/* Marks TYPE in SEEN, a bit for each of the 65,536; false: it was there before. */
static bool mark_seen(uint8_t seen[8192], size_t type)
{
    uint8_t bit = (uint8_t)(1U << (type % 8));
    if ((seen[type / 8] & bit) != 0)
        return false;
    seen[type / 8] |= bit;
    return true;
}

static bool read_extensions(struct reader extensions, struct client_hello *hello)
{
    uint8_t seen[8192] = {0};
    while (extensions.left > 0) {
        struct reader extension;
        size_t type;
        if (!take_number(&extensions, 2, &type) ||
            !take_vector(&extensions, 2, 0, 65535, &extension))
            return fails(hello, "the ClientHello's extensions are malformed");
        if (!mark_seen(seen, type))
            return fails(hello, "an extension of the ClientHello is repeated");
        if (type == EXTENSION_SERVER_NAME && !read_server_name(extension, hello))
            return false;
        if (is_ech(type))
            hello->has_ech = true;
        if (type == EXTENSION_EARLY_DATA)
            hello->has_early_data = true;
    }
    return true;
}

static bool read_message(struct reader message, struct client_hello *hello)
{
    struct reader skipped, suites, extensions;
    size_t version;
    if (!take_number(&message, 2, &version) || version < 0x0301 || version > 0x0303)
        return fails(hello, "the ClientHello's version is not TLS");
    if (!take_part(&message, 32, &skipped) || !take_vector(&message, 1, 0, 32, &skipped) ||
        !take_vector(&message, 2, 2, 65534, &suites) || suites.left % 2 != 0 ||
        !take_vector(&message, 1, 1, 255, &skipped))
        return fails(hello, "the ClientHello is malformed");
    if (message.left == 0)
        return true;
    if (!take_vector(&message, 2, 0, 65535, &extensions) || message.left > 0)
        return fails(hello, "the ClientHello's extensions do not fill it");
    return read_extensions(extensions, hello);
}

/* --- the records (RFC 8446, section 5.1) -------------------------------- */

struct gathered {
    size_t length;   /* of bytes */
    size_t promised; /* what the records begun so far will hold, as their headers say */
    uint8_t bytes[CLIENT_HELLO_MAXIMUM];
};

/* Looks at what is here of a record's header: is it, or could it become, that of a handshake? */
static bool check_record_header(struct reader record, struct client_hello *hello)
{
    if (record.left > 0 && record.bytes[0] != 22)
        return fails(hello, "not a TLS handshake record");
    if (record.left > 1 && record.bytes[1] != 3)
        return fails(hello, "the record's version is not TLS");
    if (record.left > 2 && (record.bytes[2] < 1 || record.bytes[2] > 3))
        return fails(hello, "the record's version is not TLS");
    return true;
}

/* The same for the message's header; only a whole one gives *length (of the message, header too).
 */
static bool check_message_header(const struct gathered *gathered, size_t *length,
                                 struct client_hello *hello)
{
    const uint8_t *bytes = gathered->bytes;
    *length = 0;
    if (gathered->length > 0 && bytes[0] != 1)
        return fails(hello, "the first handshake message is not a ClientHello");
    if (gathered->length < MESSAGE_HEADER)
        return true;
    *length = MESSAGE_HEADER + ((size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3]);
    if (*length > CLIENT_HELLO_MAXIMUM)
        return fails(hello, "the ClientHello is too large");
    return true;
}

/* Takes the next record's header; its fragment's length is added to `promised`. */
static bool gather_header(struct reader *records, struct gathered *gathered,
                          struct client_hello *hello)
{
    struct reader header;
    size_t length;
    if (!check_record_header(*records, hello))
        return false;
    if (!take_part(records, RECORD_HEADER, &header)) {
        records->left = 0;
        return true;
    }
    length = (size_t)header.bytes[3] << 8 | header.bytes[4];
    if (length == 0 || length > RECORD_MAXIMUM)
        return fails(hello, "a TLS record is empty or too long");
    if (length > CLIENT_HELLO_MAXIMUM - gathered->promised)
        return fails(hello, "the ClientHello is too large, or its record holds more than it");
    gathered->promised += length;
    return true;
}

/* Takes what is here of the fragment that was promised. */
static void gather_fragment(struct reader *records, struct gathered *gathered)
{
    size_t length = gathered->promised - gathered->length;
    if (length > records->left)
        length = records->left;
    if (length == 0)
        return;
    memcpy(gathered->bytes + gathered->length, records->bytes, length);
    gathered->length += length;
    records->bytes += length;
    records->left -= length;
}

/* As many records as it takes. CLIENT_HELLO_DONE: GATHERED is the message, neither more nor less.
 */
static enum client_hello_result gather(struct reader records, struct gathered *gathered,
                                       struct client_hello *hello)
{
    size_t length = 0;
    const uint8_t *begin = records.bytes;
    gathered->length = 0;
    gathered->promised = 0;
    while (records.left > 0 && (length == 0 || gathered->length < length)) {
        if (!gather_header(&records, gathered, hello))
            return CLIENT_HELLO_NOT_TLS;
        gather_fragment(&records, gathered);
        if (!check_message_header(gathered, &length, hello))
            return CLIENT_HELLO_NOT_TLS;
        if (length != 0 && gathered->promised > length)
            return refuse(hello, "something follows the ClientHello in its record");
    }
    hello->length = (size_t)(records.bytes - begin);
    return length != 0 && gathered->length == length ? CLIENT_HELLO_DONE : CLIENT_HELLO_MORE;
}

enum client_hello_result client_hello_parse(struct span bytes, struct client_hello *hello)
{
    struct gathered gathered;
    bool is_full = bytes.length >= CLIENT_HELLO_BYTES_MAXIMUM;
    size_t looked_at = is_full ? CLIENT_HELLO_BYTES_MAXIMUM : bytes.length;
    *hello = (struct client_hello){0};
    enum client_hello_result result =
        gather((struct reader){(const uint8_t *)bytes.data, looked_at}, &gathered, hello);
    if (result == CLIENT_HELLO_MORE && is_full)
        return refuse(hello, "the ClientHello is cut into too many records");
    if (result != CLIENT_HELLO_DONE)
        return result;
    struct reader message = {gathered.bytes + MESSAGE_HEADER, gathered.length - MESSAGE_HEADER};
    return read_message(message, hello) ? CLIENT_HELLO_DONE : CLIENT_HELLO_NOT_TLS;
}
