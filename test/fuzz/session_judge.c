#include "test/fuzz/session_judge.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void judge_begin(struct judge *judge, const struct world_place *place, bool tunnel, bool request)
{
    require(!tunnel || !place->narrowed);
    judge->request = request;
    judge->early_data = false;
    judge->place = place;
    judge->state = JUDGE_REQUEST_LINE;
    judge->upgrades = 0;
    judge->used = 0;
    if (!place->http)
        judge->state = JUDGE_HELLO;
    else if (tunnel)
        judge->state = JUDGE_ANYTHING;
}

/* ---- requests (RFC 9112) ---------------------------------------------------------------- */

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte > 0x7E || (!isalnum(byte) && strchr("!#$%&'*+-.^_`|~", byte) == NULL))
            return false;
    }
    return text.length > 0;
}

static bool is_printed(struct span text, char also)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if ((byte <= 0x20 && byte != (unsigned char)also) || byte == 0x7F)
            return false;
    }
    return true;
}

static struct span take_until(struct span *rest, char byte)
{
    size_t at = span_find(*rest, byte);
    struct span part = span_slice(*rest, 0, at);
    *rest = span_after(*rest, at < rest->length ? at + 1 : at);
    return part;
}

/* Below /public/, whoever reads it: nothing that is decoded, collapsed or taken back. */
static void read_narrowed(struct span method, struct span target)
{
    static const char *const doubtful[] = {"//",  "/./", "/../", "/.;", "/..;", "\\", "%2f",
                                           "%2F", "%5c", "%5C",  "%2e", "%2E",  "%00"};
    struct span path = span_slice(target, 0, span_find(target, '?'));
    require(span_equal(method, SPAN("GET")) || span_equal(method, SPAN("POST")));
    require(span_starts_with(path, SPAN("/public/")));
    for (size_t i = 0; i < sizeof(doubtful) / sizeof(doubtful[0]); i++)
        require(memmem(path.data, path.length, doubtful[i], strlen(doubtful[i])) == NULL);
    for (size_t i = 0; i + 5 <= path.length; i++)
        require(!span_starts_with(span_after(path, i), SPAN("%25")) ||
                !isxdigit((unsigned char)path.data[i + 3]) ||
                !isxdigit((unsigned char)path.data[i + 4]));
    require(!span_ends_with(path, SPAN("/.")) && !span_ends_with(path, SPAN("/..")));
}

static void read_request_line(struct judge *judge, struct span line)
{
    struct span rest = line;
    struct span method = take_until(&rest, ' ');
    struct span target = take_until(&rest, ' ');
    require(is_token(method) && !span_equal(method, SPAN("CONNECT")));
    require(is_printed(target, '\0') && span_find(target, '#') == target.length);
    require(span_starts_with(target, SPAN("/")) || span_equal(target, SPAN("*")));
    require(span_equal(rest, SPAN("HTTP/1.1")));
    if (judge->place->narrowed)
        read_narrowed(method, target);
    judge->hosts = judge->lengths = judge->codings = judge->upgrades = 0;
    judge->length = 0;
    judge->state = JUDGE_FIELD;
}

static void read_host(const struct judge *judge, struct span value)
{
    char port[8];
    struct span name = take_until(&value, ':');
    snprintf(port, sizeof(port), "%u", judge->place->port);
    require(world_names(judge->place, name));
    const uint16_t default_port = judge->place->http ? 80 : 443;
    require(span_equal(value, judge->place->port == default_port ? SPAN("") : span_of(port)));
}

static void read_length(struct judge *judge, struct span value)
{
    require(value.length > 0 && value.length < 20);
    for (size_t i = 0; i < value.length; i++) {
        require(isdigit((unsigned char)value.data[i]));
        judge->length = judge->length * 10 + (uint64_t)(value.data[i] - '0');
    }
}

static void read_field(struct judge *judge, struct span line)
{
    static const char *const kept_back[] = {"Proxy-Authorization", "Proxy-Connection", "Keep-Alive",
                                            "TE", "Proxy-Authenticate"};
    struct span value = line;
    struct span name = take_until(&value, ':');
    require(is_token(name) && name.length < line.length);
    value = span_trim(value);
    for (size_t i = 0; i < value.length; i++)
        require((unsigned char)value.data[i] >= 0x20 || value.data[i] == '\t');
    for (size_t i = 0; i < sizeof(kept_back) / sizeof(kept_back[0]); i++)
        require(!span_equal_nocase(name, span_of(kept_back[i])));
    if (span_equal_nocase(name, SPAN("Host"))) {
        judge->hosts++;
        read_host(judge, value);
    } else if (span_equal_nocase(name, SPAN("Content-Length"))) {
        judge->lengths++;
        read_length(judge, value);
    } else if (span_equal_nocase(name, SPAN("Transfer-Encoding"))) {
        judge->codings++;
        require(span_equal(value, SPAN("chunked")));
    } else if (span_equal_nocase(name, SPAN("Upgrade"))) {
        judge->upgrades++;
        require(span_equal_nocase(value, SPAN("websocket")));
    }
}

static void end_head(struct judge *judge)
{
    require(judge->hosts == 1 && judge->lengths + judge->codings <= 1 && judge->upgrades <= 1);
    judge->state = JUDGE_REQUEST_LINE;
    if (judge->codings > 0)
        judge->state = JUDGE_CHUNK_SIZE;
    if (judge->length > 0) {
        judge->left = judge->length;
        judge->state = JUDGE_BODY;
    }
}

/* As the proxy writes them: no extensions, no leading zeros. */
static void read_chunk_size(struct judge *judge, struct span line)
{
    judge->left = 0;
    require(line.length > 0 && line.length < 16);
    require(line.length == 1 || line.data[0] != '0');
    for (size_t i = 0; i < line.length; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = strchr(digits, tolower((unsigned char)line.data[i]));
        require(digit != NULL && *digit != '\0');
        judge->left = judge->left * 16 + (uint64_t)(digit - digits);
    }
    judge->state = judge->left == 0 ? JUDGE_TRAILER : JUDGE_CHUNK_DATA;
}

static void read_trailer(struct judge *judge, struct span line)
{
    struct span name = take_until(&line, ':');
    require(is_token(name));
    require(!span_equal_nocase(name, SPAN("Host")) &&
            !span_equal_nocase(name, SPAN("Content-Length")) &&
            !span_equal_nocase(name, SPAN("Transfer-Encoding")) &&
            !span_equal_nocase(name, SPAN("Proxy-Authorization")));
    judge->state = JUDGE_TRAILER;
}

static void read_line(struct judge *judge, struct span line)
{
    require(span_find(line, '\r') == line.length && span_find(line, '\0') == line.length);
    switch (judge->state) {
    case JUDGE_REQUEST_LINE:
        read_request_line(judge, line);
        return;
    case JUDGE_FIELD:
        if (line.length == 0)
            end_head(judge);
        else
            read_field(judge, line);
        return;
    case JUDGE_CHUNK_SIZE:
        read_chunk_size(judge, line);
        return;
    case JUDGE_CHUNK_END:
        require(line.length == 0);
        judge->state = JUDGE_CHUNK_SIZE;
        return;
    case JUDGE_TRAILER:
        if (line.length == 0)
            judge->state = JUDGE_REQUEST_LINE;
        else
            read_trailer(judge, line);
        return;
    default:
        abort();
    }
}

static void take_line_byte(struct judge *judge, char byte)
{
    require(judge->used < sizeof(judge->bytes));
    judge->bytes[judge->used++] = byte;
    if (byte != '\n')
        return;
    require(judge->used >= 2 && judge->bytes[judge->used - 2] == '\r');
    const struct span line = {judge->bytes, judge->used - 2};
    judge->used = 0;
    read_line(judge, line);
}

static size_t take_body(struct judge *judge, size_t available)
{
    size_t taken = available < judge->left ? available : (size_t)judge->left;
    judge->left -= taken;
    if (judge->left == 0)
        judge->state = judge->state == JUDGE_BODY ? JUDGE_REQUEST_LINE : JUDGE_CHUNK_END;
    return taken;
}

/* ---- tunnels (RFC 8446, section 4.1.2; RFC 6066, section 3) -------------------------------- */

static size_t number(struct span bytes, size_t at, size_t width)
{
    size_t value = 0;
    require(bytes.length >= width && at <= bytes.length - width);
    for (size_t i = 0; i < width; i++)
        value = value << 8 | (unsigned char)bytes.data[at + i];
    return value;
}

/* The vector at *AT, which moves behind it. */
static struct span vector(struct span bytes, size_t *at, size_t width)
{
    size_t length = number(bytes, *at, width);
    *at += width;
    require(length <= bytes.length - *at);
    *at += length;
    return span_slice(bytes, *at - length, length);
}

/* The first handshake message, out of its records, into MESSAGE. */
static struct span gather_message(struct span records, char *message)
{
    size_t at = 0, used = 0, wanted = 4;
    while (used < wanted) {
        require(number(records, at, 1) == 22);
        at += 3;
        struct span record = vector(records, &at, 2);
        memcpy(message + used, record.data, record.length);
        used += record.length;
        if (used >= 4)
            wanted = 4 + number((struct span){message, used}, 1, 3);
    }
    require(used == wanted);
    return (struct span){message, used};
}

static void read_server_name(const struct world_place *place, struct span extension)
{
    size_t at = 0;
    struct span list = vector(extension, &at, 2);
    require(at == extension.length && number(list, 0, 1) == 0);
    at = 1;
    struct span name = vector(list, &at, 2);
    require(at == list.length);
    if (name.length > 0 && name.data[name.length - 1] == '.')
        name.length--;
    require(world_names(place, name));
}

static void read_hello(struct judge *judge)
{
    static char storage[JUDGE_BYTES];
    unsigned names = 0;
    struct span message = gather_message((struct span){judge->bytes, judge->used}, storage);
    size_t at = 4 + 2 + 32;
    require(number(message, 0, 1) == 1);
    vector(message, &at, 1); /* session id */
    vector(message, &at, 2); /* cipher suites */
    vector(message, &at, 1); /* compression methods */
    struct span extensions = {"", 0};
    if (at < message.length)
        extensions = vector(message, &at, 2);
    require(at == message.length);
    for (at = 0; at < extensions.length;) {
        size_t kind = number(extensions, at, 2);
        at += 2;
        struct span body = vector(extensions, &at, 2);
        require(kind != 0xFE0D);
        judge->early_data = judge->early_data || kind == 42;
        if (kind != 0)
            continue;
        names++;
        read_server_name(judge->place, body);
    }
    require(names == 1 || (names == 0 && isdigit((unsigned char)judge->place->name[0])));
}

/* Of the records in BYTES: how many bytes the message has that the first one begins. 0: unknown
 * yet. */
static size_t records_of_message(struct span bytes)
{
    char header[4];
    size_t at = 0, used = 0, wanted = sizeof(header);
    while (used < wanted) {
        if (bytes.length < at + 6 || bytes.data[at] != 22)
            return 0;
        const size_t length = number(bytes, at + 3, 2);
        if (bytes.length - at - 5 < length)
            return 0;
        for (size_t i = 0; i < length && used + i < sizeof(header); i++)
            header[used + i] = bytes.data[at + 5 + i];
        const bool had_header = used >= sizeof(header);
        used += length;
        at += 5 + length;
        if (!had_header && used >= sizeof(header))
            wanted += number((struct span){header, sizeof(header)}, 1, 3);
    }
    return at;
}

/*
 * A server may ask for a second hello. It comes in records of its own, and what may stand before it
 * is passed over: change_cipher_spec, alerts, and early data where that was announced.
 */
static void take_behind_hello(struct judge *judge, struct span bytes)
{
    const size_t room = sizeof(judge->bytes) - judge->used;
    const size_t taken = bytes.length < room ? bytes.length : room;
    memcpy(judge->bytes + judge->used, bytes.data, taken);
    judge->used += taken;
    struct span rest = {judge->bytes, judge->used};
    while (rest.length > 5) {
        const unsigned char type = (unsigned char)rest.data[0];
        const size_t length = 5 + number(rest, 3, 2);
        const bool is_hello = type == 22 && length > 5 && rest.data[5] == 1;
        const bool is_passed_over = type == 20 || type == 21 || (type == 23 && judge->early_data);
        if (!is_hello && !is_passed_over) {
            judge->state = JUDGE_ANYTHING;
            return;
        }
        const size_t whole = is_hello ? records_of_message(rest) : length;
        if (whole == 0 || whole > rest.length)
            return;
        if (is_hello) {
            struct judge second = {.place = judge->place, .used = whole};
            memcpy(second.bytes, rest.data, whole);
            read_hello(&second);
        }
        rest = span_after(rest, whole);
    }
    if (taken < bytes.length)
        judge->state = JUDGE_ANYTHING;
}

/* The proxy has read all of a hello before it sends any: the first bytes hold it, and may hold
 * more.
 */
static void take_hello(struct judge *judge, struct span bytes)
{
    require(bytes.length <= sizeof(judge->bytes));
    memcpy(judge->bytes, bytes.data, bytes.length);
    judge->used = bytes.length;
    const size_t whole = records_of_message(bytes);
    require(whole > 0);
    read_hello(judge);
    judge->used = 0;
    judge->state = JUDGE_BEHIND_HELLO;
    take_behind_hello(judge, span_after(bytes, whole));
}

void judge_take(struct judge *judge, struct span bytes)
{
    if (bytes.length == 0)
        return;
    if (judge->state == JUDGE_HELLO && judge->request && bytes.data[0] != 22)
        judge->state = JUDGE_REQUEST_LINE;
    if (judge->state == JUDGE_BEHIND_HELLO)
        take_behind_hello(judge, bytes);
    if (judge->state == JUDGE_HELLO)
        take_hello(judge, bytes);
    if (judge->state == JUDGE_BEHIND_HELLO)
        return;
    for (size_t at = 0; at < bytes.length && judge->state != JUDGE_ANYTHING;) {
        if (judge->state == JUDGE_REQUEST_LINE && judge->upgrades > 0 && judge->switched)
            judge->state = JUDGE_ANYTHING;
        else if (judge->state == JUDGE_BODY || judge->state == JUDGE_CHUNK_DATA)
            at += take_body(judge, bytes.length - at);
        else
            take_line_byte(judge, bytes.data[at++]);
    }
}
