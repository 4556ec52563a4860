/*
 * From a record's words to what was asked and answered. The log is written by
 * the proxy, so there is one right form for each member; a record in another
 * form is refused rather than guessed at.
 */
#include "policy/log_reader.h"

bool log_time_valid(struct span time)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    const size_t length = sizeof(shape) - 1;
    if (time.length <= length || time.data[time.length - 1] != 'Z')
        return false;
    for (size_t i = 0; i < length; i++) {
        bool digit = time.data[i] >= '0' && time.data[i] <= '9';
        if (shape[i] == 'd' ? !digit : time.data[i] != shape[i])
            return false;
    }
    struct span fraction = span_slice(time, length, time.length - length - 1);
    uint64_t value;
    return fraction.length == 0 ||
           (fraction.data[0] == '.' && fraction.length <= 10 &&
            span_parse_decimal(span_after(fraction, 1), UINT32_MAX, &value));
}

/* The digit of TIME's fraction at INDEX; '0' where it has no such. */
static int fraction_digit(struct span time, size_t index)
{
    size_t at = sizeof("dddd-dd-ddTdd:dd:dd.") - 1 + index;
    return at + 1 < time.length ? time.data[at] : '0';
}

int log_time_compare(struct span a, struct span b)
{
    int order = memcmp(a.data, b.data, sizeof("dddd-dd-ddTdd:dd:dd") - 1);
    for (size_t i = 0; order == 0 && i < 9; i++)
        order = fraction_digit(a, i) - fraction_digit(b, i);
    return order;
}

/* The log has IPv6 without brackets, the host parser takes it with them. */
static bool read_host(struct span text, struct host *host, struct error *error)
{
    char brackets[64] = "[";
    if (span_find(text, ':') == text.length)
        return host_parse(text, host, error);
    if (text.length > sizeof(brackets) - 2) {
        error_set(error, "the host is none");
        return false;
    }
    memcpy(brackets + 1, text.data, text.length);
    brackets[text.length + 1] = ']';
    return host_parse((struct span){brackets, text.length + 2}, host, error);
}

static bool read_scheme(const struct log_record *record, enum scheme *scheme)
{
    bool connect = record->method.length == 0 || span_equal(record->method, SPAN("CONNECT"));
    if (record->scheme.length == 0 || span_equal(record->scheme, SPAN("tunnel")))
        *scheme = SCHEME_TUNNEL;
    else if (!scheme_parse(record->scheme, scheme))
        return false;
    if (*scheme == SCHEME_HTTPS && connect)
        *scheme = SCHEME_TUNNEL;
    if (*scheme == SCHEME_HTTP && span_starts_with_nocase(record->rule_address, SPAN("ws://")) &&
        span_equal(record->verdict, SPAN("allow")))
        *scheme = SCHEME_WS;
    return true;
}

static bool read_verdict(struct span text, enum verdict *verdict)
{
    *verdict = VERDICT_ALLOW;
    if (span_equal(text, SPAN("allow")))
        return true;
    *verdict = VERDICT_DENY;
    return span_equal(text, SPAN("deny"));
}

static enum reason read_reason(struct span text)
{
    enum reason reason = 0;
    while (reason < REASON_COUNT && !span_equal(text, span_of(reason_name(reason))))
        reason++;
    return reason;
}

static bool refuse(struct error *error, const char *member, struct span text, const char *right)
{
    error_set(error, "\"%s\" is %s; %s", member, text_quote(text, (char[TEXT_QUOTE_SIZE]){0}),
              right);
    return false;
}

bool log_decision_read(const struct log_record *record, struct log_decision *decision,
                       struct error *error)
{
    decision->reason = read_reason(record->reason);
    decision->target.port = record->port;
    if (!read_verdict(record->verdict, &decision->verdict))
        return refuse(error, "verdict", record->verdict, "it is \"allow\" or \"deny\"");
    if (record->host.length == 0) {
        decision->target.port = 0;
        return true;
    }
    if (record->port == 0) {
        error_set(error, "\"port\" is missing beside a host");
        return false;
    }
    if (!read_scheme(record, &decision->target.scheme))
        return refuse(error, "scheme", record->scheme, "it is https, wss, http or ws");
    if (!read_host(record->host, &decision->target.host, error))
        return refuse(error, "host", record->host, "no host is written so");
    return true;
}
