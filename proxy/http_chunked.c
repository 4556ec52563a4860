/*
 * Why: a chunked body is read to know where the message ends, and written anew,
 * so that what follows it can never be part of it for one reader and a new
 * message for another.
 * Rests on: reading straight ahead; one call passes at most one size line, some
 * payload and the CRLF behind it, or the trailers. Lines are kept by the caller until they are
 * whole, so the decoder holds no bytes.
 */
#include "proxy/http_chunked.h"

#include "proxy/http_fields.h"

enum {
    STATE_SIZE,
    STATE_DATA,
    STATE_DATA_END, /* the CRLF behind the payload */
    STATE_TRAILERS,
    STATE_DONE,
    STATE_BAD,
};

void http_chunked_init(struct http_chunked *decoder)
{
    *decoder = (struct http_chunked){.state = STATE_SIZE};
}

static enum http_parse refuse(struct http_chunked *decoder, const char *problem)
{
    decoder->state = STATE_BAD;
    decoder->problem = problem;
    return HTTP_BAD;
}

/* Reads the digits that LINE begins with; *rest is what follows. */
static bool read_size(struct span line, uint64_t *size, struct span *rest)
{
    size_t digits = 0;
    *size = 0;
    while (digits < line.length && digits < 16 && span_hex_digit(line.data[digits]) >= 0)
        *size = *size << 4 | (uint64_t)span_hex_digit(line.data[digits++]);
    *rest = span_after(line, digits);
    return digits > 0 && *size <= INT64_MAX;
}

/* Extensions are not forwarded, so what they say is of no matter, only that they are some. */
static bool is_extension(struct span rest)
{
    struct span text = span_trim(rest);
    return rest.length == 0 || (text.length > 0 && text.data[0] == ';');
}

static enum http_parse take_size_line(struct http_chunked *decoder, struct span *rest)
{
    struct span part = *rest, line, extension;
    size_t whole = rest->length;
    if (part.length > HTTP_CHUNK_LINE_MAXIMUM)
        part.length = HTTP_CHUNK_LINE_MAXIMUM;
    size_t given = part.length;
    enum http_parse result = http_take_line(&part, &line);
    if (result == HTTP_MORE && whole < HTTP_CHUNK_LINE_MAXIMUM)
        return HTTP_MORE;
    if (result == HTTP_MORE)
        return refuse(decoder, "a chunk's size line is too long");
    if (result == HTTP_BAD)
        return refuse(decoder, "a control character, bare CR or bare LF in a chunk's size line");
    if (!read_size(line, &decoder->chunk_left, &extension) || !is_extension(extension))
        return refuse(decoder, "a chunk's size is not a hexadecimal number within bounds");
    *rest = span_after(*rest, given - part.length);
    decoder->state = decoder->chunk_left == 0 ? STATE_TRAILERS : STATE_DATA;
    return HTTP_DONE;
}

static void take_data(struct http_chunked *decoder, struct span *rest, struct span *data)
{
    size_t length = rest->length;
    if (length > decoder->chunk_left)
        length = (size_t)decoder->chunk_left;
    *data = span_slice(*rest, 0, length);
    *rest = span_after(*rest, length);
    decoder->chunk_left -= length;
    if (decoder->chunk_left == 0)
        decoder->state = STATE_DATA_END;
}

static enum http_parse take_data_end(struct http_chunked *decoder, struct span *rest)
{
    if (!span_starts_with(*rest, SPAN("\r\n")) && !span_starts_with(SPAN("\r\n"), *rest))
        return refuse(decoder, "a chunk is longer than its size says");
    if (rest->length < 2)
        return HTTP_MORE;
    *rest = span_after(*rest, 2);
    decoder->state = STATE_SIZE;
    return HTTP_DONE;
}

/*
 * What a trailer must not say (RFC 9110, section 6.5.1): framing, routing,
 * request modifiers, authentication, content format, and what steers the
 * response; a reader that merges trailers into the head would be misled.
 */
static bool may_be_trailer(struct span name)
{
    static const char *const refused[] = {
        "Transfer-Encoding",
        "Transfer_Encoding",
        "Content-Length",
        "Content_Length",
        "Host",
        "Trailer",
        "Connection",
        "Upgrade",
        "TE",
        "Keep-Alive",
        "HTTP2-Settings",
        "Expect",
        "Max-Forwards",
        "Cache-Control",
        "Pragma",
        "Range",
        "Authorization",
        "WWW-Authenticate",
        "Cookie",
        "Set-Cookie",
        "Content-Encoding",
        "Content-Type",
        "Content-Range",
        "Age",
        "Date",
        "Expires",
        "Location",
        "Retry-After",
        "Vary",
        "forge-proxy-error",
        "Content-Location",
        "Forwarded",
        "Via",
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (span_equal_nocase(name, span_of(refused[i])))
            return false;
    }
    return !span_starts_with_nocase(name, SPAN("Proxy-")) &&
           !span_starts_with_nocase(name, SPAN("If-"));
}

static enum http_parse check_trailer(struct http_chunked *decoder, struct span line)
{
    struct http_problem problem;
    struct http_field field;
    if (!http_field_parse(line, &field, &problem))
        return refuse(decoder, problem.text);
    if (!may_be_trailer(field.name))
        return refuse(decoder, "a trailer that may only be a header");
    return HTTP_DONE;
}

static enum http_parse take_trailers(struct http_chunked *decoder, struct span *rest,
                                     struct span *trailers)
{
    struct span part = *rest, line;
    if (part.length > HTTP_TRAILERS_MAXIMUM)
        part.length = HTTP_TRAILERS_MAXIMUM;
    size_t given = part.length;
    enum http_parse result;
    while ((result = http_take_line(&part, &line)) == HTTP_DONE && line.length > 0) {
        if (check_trailer(decoder, line) != HTTP_DONE)
            return HTTP_BAD;
    }
    if (result == HTTP_BAD)
        return refuse(decoder, "a control character, bare CR or bare LF in the trailers");
    if (result == HTTP_MORE && given < HTTP_TRAILERS_MAXIMUM)
        return HTTP_MORE;
    if (result == HTTP_MORE)
        return refuse(decoder, "the trailers are too long");
    size_t taken = given - part.length;
    *trailers = span_slice(*rest, 0, taken - 2);
    *rest = span_after(*rest, taken);
    decoder->state = STATE_DONE;
    return HTTP_DONE;
}

/* One pass through the states from where the decoder stands, as far as REST reaches. */
static enum http_parse advance(struct http_chunked *decoder, struct span *rest, struct span *data,
                               struct span *trailers)
{
    enum http_parse result;
    if (decoder->state == STATE_SIZE) {
        result = take_size_line(decoder, rest);
        if (result != HTTP_DONE)
            return result;
    }
    if (decoder->state == STATE_DATA)
        take_data(decoder, rest, data);
    if (decoder->state == STATE_DATA_END) {
        result = take_data_end(decoder, rest);
        return result == HTTP_BAD ? HTTP_BAD : HTTP_MORE;
    }
    if (decoder->state == STATE_TRAILERS)
        return take_trailers(decoder, rest, trailers);
    if (decoder->state == STATE_BAD)
        return HTTP_BAD;
    return decoder->state == STATE_DONE ? HTTP_DONE : HTTP_MORE;
}

enum http_parse http_chunked_read(struct http_chunked *decoder, struct span bytes, size_t *consumed,
                                  struct span *data, struct span *trailers)
{
    struct span rest = bytes;
    *data = span_slice(bytes, 0, 0);
    *trailers = span_slice(bytes, 0, 0);
    enum http_parse result = advance(decoder, &rest, data, trailers);
    *consumed = bytes.length - rest.length;
    return result;
}

void http_chunk_write(struct span data, struct text *out)
{
    text_add_format(out, "%zx\r\n", data.length);
    text_add(out, data);
    text_add(out, SPAN("\r\n"));
}

void http_last_chunk_write(struct span trailers, struct text *out)
{
    struct http_problem problem;
    struct http_field field;
    struct span line;
    text_add(out, SPAN("0\r\n"));
    while (http_take_line(&trailers, &line) == HTTP_DONE && line.length > 0 &&
           http_field_parse(line, &field, &problem)) {
        text_add(out, field.name);
        text_add(out, SPAN(": "));
        text_add(out, field.value);
        text_add(out, SPAN("\r\n"));
    }
    text_add(out, SPAN("\r\n"));
}
