/*
 * What the proxy makes of requests, by the functions that it reads and writes
 * them with: messages on standard input, each behind its length (decimal, a line), and
 * a line of JSON for each on standard output; null for one that is refused or not whole. `behind`
 * counts the bytes behind a message.
 */
#include <stdio.h>
#include <stdlib.h>

#include "certs/digest.h"
#include "policy/target.h"
#include "proxy/http_chunked.h"
#include "proxy/http_head.h"

#define MESSAGE_MAXIMUM (1 << 20)

static struct http_request request;

/* Moves behind the body, whose bytes go to BODY without their framing. False: bad, or not whole. */
static bool read_chunks(struct span *rest, struct text *body)
{
    struct http_chunked decoder;
    enum http_parse parse = HTTP_MORE;
    size_t consumed = 1;
    http_chunked_init(&decoder);
    while (parse == HTTP_MORE && consumed > 0) {
        struct span data = {"", 0}, trailers = {"", 0};
        parse = http_chunked_read(&decoder, *rest, &consumed, &data, &trailers);
        if (parse == HTTP_BAD)
            return false;
        text_add(body, data);
        *rest = span_after(*rest, consumed);
    }
    return parse == HTTP_DONE;
}

static bool read_body(struct span *rest, struct text *body)
{
    if (request.body == HTTP_BODY_CHUNKED)
        return read_chunks(rest, body);
    size_t length = request.body == HTTP_BODY_SIZED ? (size_t)request.content_length : 0;
    if (length > rest->length)
        return false;
    text_add(body, span_slice(*rest, 0, length));
    *rest = span_after(*rest, length);
    return true;
}

static void print_digest(struct span body)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    if (!digest_sha256(body.data, body.length, digest))
        abort();
    for (size_t i = 0; i < sizeof(digest); i++)
        printf("%02x", digest[i]);
}

/* The target as it is sent on. */
static void add_target(const struct target *target, struct span path_and_query, struct text *out)
{
    struct text head;
    text_init(&head, MESSAGE_MAXIMUM);
    http_request_write(&request, path_and_query, &target->host, target->port, 80, &head);
    struct span rest = span_after(text_span(&head), request.method.length + 1);
    text_add_json(out, span_slice(rest, 0, span_find(rest, ' ')));
    text_clear(&head);
}

static void print_understood(const struct target *target, struct span path_and_query,
                             struct span body, size_t behind)
{
    struct text text;
    text_init(&text, MESSAGE_MAXIMUM);
    text_add_string(&text, "{\"method\":");
    text_add_json(&text, request.method);
    text_add_string(&text, ",\"host\":");
    text_add_json(&text, host_span(&target->host));
    text_add_format(&text, ",\"port\":%u,\"target\":", target->port);
    add_target(target, path_and_query, &text);
    text_add_format(&text, ",\"behind\":%zu,\"length\":%zu,\"sha256\":\"", behind, body.length);
    if (text.overflow)
        abort();
    fwrite(text.data, 1, text.length, stdout);
    print_digest(body);
    puts("\"}");
    text_clear(&text);
}

static void read_message(struct span message)
{
    struct target target;
    struct span path_and_query, rest = {"", 0};
    struct error error;
    struct text body;
    text_init(&body, MESSAGE_MAXIMUM);
    bool good = http_request_parse(message, &request) == HTTP_DONE &&
                target_parse_absolute(request.target, &target, &path_and_query, &error);
    if (good)
        rest = span_after(message, request.length);
    if (good && read_body(&rest, &body))
        print_understood(&target, path_and_query, text_span(&body), rest.length);
    else
        puts("null");
    text_clear(&body);
}

int main(void)
{
    static char bytes[MESSAGE_MAXIMUM];
    char line[16];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        size_t length = strtoul(line, NULL, 10);
        if (length > MESSAGE_MAXIMUM || fread(bytes, 1, length, stdin) != length)
            return 1;
        read_message((struct span){bytes, length});
    }
    return 0;
}
