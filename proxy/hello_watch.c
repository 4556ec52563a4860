/*
 * Records are passed over by their headers alone. It is over as soon as a record says that the
 * handshake has gone on: then a server takes no hello any more.
 */
#include "proxy/hello_watch.h"

#define RECORD_HEADER      5
#define CHANGE_CIPHER_SPEC 20
#define ALERT              21
#define HANDSHAKE          22
#define APPLICATION_DATA   23
#define CLIENT_HELLO       1

void hello_watch_begin(struct hello_watch *watch, bool early_data)
{
    *watch = (struct hello_watch){.budget = HELLO_WATCH_BYTES, .early_data = early_data};
}

void hello_watch_spend(struct hello_watch *watch, size_t count)
{
    watch->budget -= count < watch->budget ? count : watch->budget;
}

/* Takes what is here of the record under way. */
static void pass_record(struct hello_watch *watch, struct span bytes, size_t *count)
{
    size_t here = bytes.length - *count;
    if (here > watch->of_record)
        here = watch->of_record;
    watch->of_record -= here;
    hello_watch_spend(watch, here);
    *count += here;
}

static size_t record_length(struct span header)
{
    return RECORD_HEADER + ((size_t)(uint8_t)header.data[3] << 8 | (uint8_t)header.data[4]);
}

/* An empty record is for whoever reads the hello: it is refused there. */
static enum hello_watch_result judge_handshake(struct span header)
{
    if (header.length < RECORD_HEADER)
        return HELLO_WATCH_MORE;
    if (record_length(header) == RECORD_HEADER)
        return HELLO_WATCH_HELLO;
    if (header.length == RECORD_HEADER)
        return HELLO_WATCH_MORE;
    return (uint8_t)header.data[RECORD_HEADER] == CLIENT_HELLO ? HELLO_WATCH_HELLO
                                                               : HELLO_WATCH_OVER;
}

/* HELLO_WATCH_MORE: the record that HEADER begins may pass, once its length is known. */
static enum hello_watch_result judge_header(const struct hello_watch *watch, struct span header)
{
    switch ((uint8_t)header.data[0]) {
    case HANDSHAKE:
        return judge_handshake(header);
    case CHANGE_CIPHER_SPEC:
    case ALERT:
        return HELLO_WATCH_MORE;
    case APPLICATION_DATA:
        return watch->early_data ? HELLO_WATCH_MORE : HELLO_WATCH_OVER;
    default:
        return HELLO_WATCH_OVER;
    }
}

enum hello_watch_result hello_watch_take(struct hello_watch *watch, struct span bytes,
                                         size_t *count)
{
    *count = 0;
    for (;;) {
        pass_record(watch, bytes, count);
        if (watch->budget == 0)
            return HELLO_WATCH_OVER;
        struct span header = span_after(bytes, *count);
        if (header.length == 0)
            return HELLO_WATCH_MORE;
        enum hello_watch_result result = judge_header(watch, header);
        if (result != HELLO_WATCH_MORE || header.length < RECORD_HEADER ||
            (uint8_t)header.data[0] == HANDSHAKE)
            return result;
        watch->of_record = record_length(header);
    }
}
