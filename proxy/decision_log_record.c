/*
 * Why: a record is made into its line once, in the worker, so that the writer
 * only moves bytes and nothing has to be kept alive for it.
 * Rests on: each part that comes from outside is cut to a bound, and the bounds
 * together, with every byte escaped (six for one), fit LOG_RECORD_MAXIMUM: no
 * line is ever too long to be written.
 */
#include "proxy/log_queue.h"

enum {
    NAME_MAXIMUM = 128, /* app, environment, installation, id, policy */
    ENDPOINT_MAXIMUM = 128,
    METHOD_MAXIMUM = 32,
    HOST_MAXIMUM = 253,
    DETAIL_MAXIMUM = 512,
    ADDRESS_MAXIMUM = 1000,
    FILE_MAXIMUM = 1024,
    EVENT_DETAIL_MAXIMUM = 2048,
};

#define ESCAPED(bytes) (6 * (bytes))
#define FRAME_MAXIMUM  1024 /* names of fields, punctuation, numbers, our own words */
#define DECISION_OUTSIDE                                                                           \
    (5 * NAME_MAXIMUM + ENDPOINT_MAXIMUM + METHOD_MAXIMUM + HOST_MAXIMUM + DETAIL_MAXIMUM +        \
     ADDRESS_MAXIMUM + FILE_MAXIMUM)

_Static_assert(ESCAPED(DECISION_OUTSIDE) + FRAME_MAXIMUM <= LOG_RECORD_MAXIMUM,
               "the longest decision fits");
_Static_assert(ESCAPED(3 * NAME_MAXIMUM) + 128 <= LOG_SUBJECT_MAXIMUM, "the longest subject fits");
_Static_assert(ESCAPED(EVENT_DETAIL_MAXIMUM + 2 * NAME_MAXIMUM) + FRAME_MAXIMUM <=
                   LOG_RECORD_MAXIMUM,
               "the longest event fits");

static struct span cut(struct span bytes, size_t maximum)
{
    return bytes.length <= maximum ? bytes : span_slice(bytes, 0, maximum);
}

/* What comes before a member's value: ,"NAME": */
#define MEMBER(name) SPAN(",\"" name "\":")

/* The value is a string, or null. */
static void add_field(struct text *line, struct span member, struct span value, size_t maximum)
{
    text_add(line, member);
    if (value.length == 0)
        text_add_string(line, "null");
    else
        text_add_json(line, cut(value, maximum));
}

/* WORD is one of our own, and needs no escape; or NULL. */
static void add_word(struct text *line, struct span member, const char *word)
{
    text_add(line, member);
    if (word == NULL) {
        text_add(line, SPAN("null"));
        return;
    }
    text_add_char(line, '"');
    text_add_string(line, word);
    text_add_char(line, '"');
}

static struct span span_or_nothing(const char *string)
{
    return string == NULL ? (struct span){NULL, 0} : span_of(string);
}

static void add_number(struct text *line, struct span member, uint64_t value)
{
    text_add(line, member);
    text_add_decimal(line, value);
}

static void begin(struct log_queue *queue, struct text *line, const char *event)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    text_init_fixed(line, queue->line, sizeof(queue->line));
    text_add_string(line, LOG_RECORD_BEGINNING);
    text_add_string(line, log_clock_format(&queue->clock, &now));
    text_add_char(line, '"');
    add_word(line, MEMBER("event"), event);
}

static void end(struct log_queue *queue, struct text *line)
{
    text_add_string(line, "}\n");
    log_queue_append(queue, text_span(line));
}

void log_add_subject(struct text *text, const struct subject *subject)
{
    add_field(text, MEMBER("app"), subject->app, NAME_MAXIMUM);
    add_field(text, MEMBER("environment"), subject->environment, NAME_MAXIMUM);
    add_field(text, MEMBER("installation"), subject->installation, NAME_MAXIMUM);
}

static void add_id_and_subject(struct text *line, const char *id, struct span subject)
{
    static const struct subject nobody = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    add_field(line, MEMBER("id"), span_or_nothing(id), NAME_MAXIMUM);
    if (subject.length == 0)
        log_add_subject(line, &nobody);
    else
        text_add(line, subject);
}

static void add_rule(struct text *line, const struct decision_rule *rule)
{
    if (rule == NULL) {
        text_add(line, SPAN(",\"rule\":null"));
        return;
    }
    text_add_string(line, ",\"rule\":{\"address\":");
    text_add_json(line, cut(rule->address, ADDRESS_MAXIMUM));
    add_field(line, MEMBER("file"), span_or_nothing(rule->file), FILE_MAXIMUM);
    add_number(line, MEMBER("line"), rule->at.line);
    text_add_char(line, '}');
}

static void add_target(struct text *line, const struct decision_record *record)
{
    add_field(line, MEMBER("method"), record->method, METHOD_MAXIMUM);
    add_word(line, MEMBER("scheme"), record->scheme);
    add_field(line, MEMBER("host"), record->host, HOST_MAXIMUM);
    if (record->port == 0)
        text_add_string(line, ",\"port\":null");
    else
        add_number(line, MEMBER("port"), record->port);
}

void log_queue_decision(struct log_queue *queue, const struct decision_record *record)
{
    const char *verdict = record->verdict == VERDICT_ALLOW ? "allow" : "deny";
    const char *mode = record->mode == MODE_REPORT ? "report" : "enforce";
    struct text line;
    begin(queue, &line, "decision");
    add_id_and_subject(&line, record->id, record->subject);
    add_field(&line, MEMBER("client"), record->client, ENDPOINT_MAXIMUM);
    add_target(&line, record);
    add_word(&line, MEMBER("verdict"), verdict);
    add_word(&line, MEMBER("reason"), reason_name(record->reason));
    add_rule(&line, record->rule);
    add_word(&line, MEMBER("mode"), mode);
    add_field(&line, MEMBER("policy"), span_or_nothing(record->policy), NAME_MAXIMUM);
    if (record->detail != NULL)
        add_field(&line, MEMBER("detail"), span_of(record->detail), DETAIL_MAXIMUM);
    end(queue, &line);
}

/* Milliseconds with three decimals. */
static void add_duration(struct text *line, uint64_t nanoseconds)
{
    uint64_t fraction = nanoseconds / 1000U % 1000U;
    add_number(line, MEMBER("duration_ms"), nanoseconds / 1000000U);
    text_add_char(line, '.');
    text_add_char(line, (char)('0' + fraction / 100));
    text_add_char(line, (char)('0' + fraction / 10 % 10));
    text_add_char(line, (char)('0' + fraction % 10));
}

void log_queue_close(struct log_queue *queue, const struct close_record *record)
{
    struct text line;
    begin(queue, &line, "close");
    add_id_and_subject(&line, record->id, record->subject);
    add_field(&line, MEMBER("upstream"), record->upstream, ENDPOINT_MAXIMUM);
    if (record->stale_address)
        text_add_string(&line, ",\"stale_address\":true");
    add_number(&line, MEMBER("status"), record->status);
    add_number(&line, MEMBER("bytes_up"), record->bytes_up);
    add_number(&line, MEMBER("bytes_down"), record->bytes_down);
    add_duration(&line, record->duration_ns);
    add_word(&line, MEMBER("outcome"), record->outcome);
    if (record->detail != NULL)
        add_field(&line, MEMBER("detail"), span_of(record->detail), DETAIL_MAXIMUM);
    end(queue, &line);
}

void log_queue_event(struct log_queue *queue, const char *event, struct span detail,
                     const char *policy)
{
    struct text line;
    begin(queue, &line, event);
    add_field(&line, MEMBER("detail"), detail, EVENT_DETAIL_MAXIMUM);
    add_field(&line, MEMBER("policy"), span_or_nothing(policy), NAME_MAXIMUM);
    end(queue, &line);
}

void log_queue_ledger(struct log_queue *queue, uint64_t n, const char *hash, const char *policy)
{
    struct text line;
    begin(queue, &line, "ledger");
    add_number(&line, MEMBER("n"), n);
    add_field(&line, MEMBER("hash"), span_of(hash), NAME_MAXIMUM);
    add_field(&line, MEMBER("policy"), span_or_nothing(policy), NAME_MAXIMUM);
    end(queue, &line);
}
