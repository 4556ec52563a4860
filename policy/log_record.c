/*
 * One line of a log as a record: which members we want, of which kind, and that
 * none of them stands twice. All others are checked and passed over.
 */
#include <stddef.h>

#include "policy/log_reader.h"
#include "policy/log_scan.h"

struct member {
    struct span name;
    size_t offset; /* of its span in a record */
};

#define MEMBER(name)                                                                               \
    {                                                                                              \
        {#name, sizeof(#name) - 1}, offsetof(struct log_record, name)                              \
    }

/* The last two are read by functions of their own. */
static const struct member members[] = {
    MEMBER(time),         MEMBER(event),    MEMBER(id),       MEMBER(app),  MEMBER(environment),
    MEMBER(installation), MEMBER(method),   MEMBER(scheme),   MEMBER(host), MEMBER(verdict),
    MEMBER(reason),       {{"port", 4}, 0}, {{"rule", 4}, 0},
};

enum { MEMBER_PORT = 11, MEMBER_RULE, MEMBER_COUNT };

_Static_assert(sizeof(members) / sizeof(members[0]) == MEMBER_COUNT, "the two stand at the end");

static size_t find_member(struct span name)
{
    size_t index = 0;
    while (index < MEMBER_COUNT && !span_equal(members[index].name, name))
        index++;
    return index;
}

static bool take_string_or_null(struct scan *scan, struct span *value)
{
    if (scan_take_word(scan, SPAN("null")))
        return true;
    return scan_take_string(scan, value);
}

static bool take_port(struct scan *scan, struct log_record *record)
{
    struct span digits;
    uint64_t port;
    if (scan_take_word(scan, SPAN("null")))
        return true;
    if (!scan_take_number(scan, &digits))
        return false;
    if (!span_parse_decimal(digits, UINT16_MAX, &port))
        return scan_refuse(scan, "no port");
    record->port = (uint16_t)port;
    return true;
}

/* Behind a member: true where the object goes on. *FINE is false where it neither does nor ends. */
static bool object_goes_on(struct scan *scan, bool *fine)
{
    scan_skip_blank(scan);
    if (scan_take(scan, ','))
        return true;
    *fine = scan_take(scan, '}') || scan_refuse(scan, "no comma between two members");
    return false;
}

static bool take_line_number(struct scan *scan, struct log_record *record)
{
    struct span digits;
    uint64_t line;
    if (scan_take_word(scan, SPAN("null")))
        return true;
    if (!scan_take_number(scan, &digits))
        return false;
    if (!span_parse_decimal(digits, UINT32_MAX, &line))
        return scan_refuse(scan, "no line's number");
    record->rule_line = (uint32_t)line;
    return true;
}

/* A member of the rule; those that we want may stand once only. */
static bool take_rule_member(struct scan *scan, struct log_record *record, unsigned *seen)
{
    static const struct span names[] = {
        {"address", sizeof("address") - 1}, {"file", sizeof("file") - 1}, {"line", 4}};
    struct span name;
    unsigned member = 0;
    if (!scan_take_name(scan, &name))
        return false;
    while (member < 3 && !span_equal(name, names[member]))
        member++;
    if (member == 3)
        return scan_skip_value(scan);
    if ((*seen & 1U << member) != 0)
        return scan_refuse(scan, "a member that stands twice");
    *seen |= 1U << member;
    if (member == 2)
        return take_line_number(scan, record);
    return take_string_or_null(scan, member == 0 ? &record->rule_address : &record->rule_file);
}

static bool take_rule(struct scan *scan, struct log_record *record)
{
    bool fine = true;
    unsigned seen = 0;
    if (scan_take_word(scan, SPAN("null")))
        return true;
    if (!scan_take(scan, '{'))
        return scan_refuse(scan, "a rule that is no object");
    scan_skip_blank(scan);
    if (scan_take(scan, '}'))
        return true;
    do {
        if (!take_rule_member(scan, record, &seen))
            return false;
    } while (object_goes_on(scan, &fine));
    return fine;
}

static bool take_member(struct scan *scan, struct log_record *record, unsigned *seen)
{
    struct span name;
    if (!scan_take_name(scan, &name))
        return false;
    size_t member = find_member(name);
    if (member == MEMBER_COUNT)
        return scan_skip_value(scan);
    if ((*seen & 1U << member) != 0)
        return scan_refuse(scan, "a member that stands twice");
    *seen |= 1U << member;
    if (member == MEMBER_PORT)
        return take_port(scan, record);
    if (member == MEMBER_RULE)
        return take_rule(scan, record);
    return take_string_or_null(scan, (struct span *)((char *)record + members[member].offset));
}

bool log_record_parse(struct span line, struct text *scratch, struct log_record *record,
                      struct error *error)
{
    struct scan scan = {line.data, line.data, line.data + line.length, scratch, error};
    unsigned seen = 0;
    bool fine = true;
    text_reset(scratch);
    *record = (struct log_record){.port = 0};
    scan_skip_blank(&scan);
    if (!scan_take(&scan, '{'))
        return scan_refuse(&scan, "no JSON object");
    scan_skip_blank(&scan);
    if (!scan_take(&scan, '}')) {
        do {
            if (!take_member(&scan, record, &seen))
                return false;
        } while (object_goes_on(&scan, &fine));
    }
    scan_skip_blank(&scan);
    if (fine && scan.at < scan.end)
        return scan_refuse(&scan, "more behind the object");
    if (scratch->overflow)
        return scan_refuse(&scan, "too long a line");
    return fine;
}
