/* A decision's story as people read it: a word, then what it is about, a line each. */
#include <inttypes.h>

#include "policy/review.h"
#include "policy/why.h"

#define SHOWN(span) text_quote((span), (char[TEXT_QUOTE_SIZE]){0})

struct telling {
    const struct log_record *record;
    const struct why_past *past;
    const struct why_major *in_force; /* NULL: not known */
    struct span number;               /* the version that the rule's file names; "": none */
    struct text *text;
};

static void begin_line(const struct telling *telling, const char *word)
{
    text_add_format(telling->text, "%-9s ", word);
}

static void end_line(const struct telling *telling)
{
    text_add_char(telling->text, '\n');
}

static void add_or(const struct telling *telling, struct span value, const char *otherwise)
{
    if (value.length > 0)
        text_add_shown(telling->text, value);
    else
        text_add_string(telling->text, otherwise);
}

/* "TIME by WHO: "WHY" (entry 7, HASH)" */
static void add_entry(const struct telling *telling, const struct why_entry *entry)
{
    struct text *text = telling->text;
    text_add_format(text, "%s by ", entry->time);
    add_or(telling, span_of(entry->by), "nobody named");
    if (entry->why[0] != '\0')
        text_add_format(text, ": %s", SHOWN(span_of(entry->why)));
    text_add_format(text, " (entry %" PRIu64 ", %s)", entry->n, entry->hash);
}

static void add_version(const struct telling *telling, const struct why_entry *entry)
{
    text_add_format(telling->text, "%u.%u", entry->major, entry->minor);
}

static void tell_request(const struct telling *telling)
{
    const struct log_record *record = telling->record;
    struct text *text = telling->text;
    bool ipv6 = span_find(record->host, ':') < record->host.length;
    begin_line(telling, "asked");
    add_or(telling, record->method, "?");
    text_add_char(text, ' ');
    if (record->scheme.length > 0) {
        text_add_shown(text, record->scheme);
        text_add_string(text, "://");
    }
    text_add_string(text, ipv6 ? "[" : "");
    add_or(telling, record->host, "(no host was understood)");
    text_add_string(text, ipv6 ? "]" : "");
    if (record->port != 0)
        text_add_format(text, ":%u", record->port);
    text_add_string(text, " by ");
    add_or(telling, record->app, "nobody known");
    if (record->environment.length > 0) {
        text_add_char(text, '/');
        text_add_shown(text, record->environment);
    }
    if (record->installation.length > 0) {
        text_add_string(text, ", installation ");
        text_add_shown(text, record->installation);
    }
    end_line(telling);
}

static void tell_verdict(const struct telling *telling, const struct why_place *place)
{
    const struct log_record *record = telling->record;
    begin_line(telling, "verdict");
    text_add_shown(telling->text, record->verdict);
    text_add_string(telling->text, ", ");
    add_or(telling, record->reason, "no reason given");
    text_add_string(telling->text, ", ");
    add_or(telling, record->time, "at no time");
    text_add_string(telling->text, "  ");
    text_add_shown(telling->text, span_of(place->log));
    text_add_format(telling->text, ":%" PRIu64, place->line);
    end_line(telling);
}

static void tell_rule(const struct telling *telling)
{
    const struct log_record *record = telling->record;
    begin_line(telling, "rule");
    if (record->rule_address.length == 0) {
        text_add_string(telling->text, "none");
        end_line(telling);
        return;
    }
    text_add_string(telling->text, SHOWN(record->rule_address));
    if (span_equal(record->verdict, SPAN("deny")))
        text_add_string(telling->text, ", the nearest");
    text_add_string(telling->text, "  ");
    add_or(telling, record->rule_file, "no file");
    if (record->rule_line != 0)
        text_add_format(telling->text, ":%u", record->rule_line);
    end_line(telling);
}

/* ---- What the ledger says ------------------------------------------------ */

static const struct why_major *find_major(const struct why_past *past, uint32_t number)
{
    for (size_t i = 0; i < past->major_count; i++) {
        if (past->majors[i].first.major == number)
            return &past->majors[i];
    }
    return NULL;
}

/* The highest major; NULL: nothing was deployed. */
static const struct why_major *newest_major(const struct why_past *past)
{
    const struct why_major *newest = NULL;
    for (size_t i = 0; i < past->major_count; i++) {
        if (newest == NULL || past->majors[i].first.major > newest->first.major)
            newest = &past->majors[i];
    }
    return newest;
}

/* The approved major's, for an installation; else the deployed one. */
static const struct why_major *version_in_force(const struct why_past *past,
                                                const struct log_record *record)
{
    if (record->installation.length == 0)
        return newest_major(past);
    return find_major(past, past->approval.major);
}

/* Why the ledger knows no version that was in force. */
static const char *why_none(const struct telling *telling)
{
    const struct why_past *past = telling->past;
    if (past->major_count == 0)
        return "no deploy is in the ledger before this decision";
    if (past->revoked && past->approval.major == 0)
        return "by the ledger none: the approval had been revoked";
    if (past->approval.n == 0)
        return "by the ledger none: nothing had been approved";
    return "the approved one is not in the ledger";
}

static void tell_version(const struct telling *telling)
{
    struct text *text = telling->text;
    begin_line(telling, "version");
    if (telling->number.length > 0) {
        text_add_shown(text, telling->number);
        text_add_string(text, ", by the rule's file");
    }
    text_add_string(text, telling->number.length > 0 ? "; " : "");
    if (telling->in_force == NULL) {
        text_add_string(text, why_none(telling));
        end_line(telling);
        return;
    }
    text_add_string(text, telling->number.length > 0 ? "by the ledger " : "");
    add_version(telling, &telling->in_force->newest);
    text_add_string(text, ", deployed ");
    add_entry(telling, &telling->in_force->newest);
    end_line(telling);
}

static void tell_approval(const struct telling *telling)
{
    const struct why_past *past = telling->past;
    struct text *text = telling->text;
    begin_line(telling, past->revoked ? "revoked" : "approved");
    if (telling->record->installation.length == 0) {
        text_add_string(text, "not asked: without an installation the deployed version counts");
    } else if (past->approval.n == 0) {
        text_add_string(text, "no approval for this installation in the ledger before this "
                              "decision");
    } else {
        if (past->approval.major != 0)
            text_add_format(text, "%smajor %u, ", past->revoked ? "back to " : "",
                            past->approval.major);
        add_entry(telling, &past->approval);
    }
    end_line(telling);
}

/* What a major that was not approved holds back, where that was the reason. */
static void tell_what_waits(const struct telling *telling)
{
    const struct why_major *newest = newest_major(telling->past);
    if (!span_equal(telling->record->reason, SPAN("pending_approval")))
        return;
    begin_line(telling, "waits");
    if (newest == NULL || newest->first.major <= telling->past->approval.major) {
        text_add_string(telling->text, "no newer version is in the ledger before this decision");
        end_line(telling);
        return;
    }
    add_version(telling, &newest->newest);
    text_add_string(telling->text, " for its approval, since ");
    add_version(telling, &newest->first);
    text_add_string(telling->text, " was deployed ");
    add_entry(telling, &newest->first);
    end_line(telling);
}

static void tell_suspension(const struct telling *telling)
{
    begin_line(telling, "suspended");
    add_entry(telling, &telling->past->suspension);
    end_line(telling);
}

static void tell_setting(const struct telling *telling)
{
    begin_line(telling, "set");
    add_entry(telling, &telling->past->setting);
    end_line(telling);
}

/* Why the ledger tells nothing, or what it is worth. */
static void tell_ledger(const struct telling *telling, const char *directory)
{
    const struct why_past *past = telling->past;
    struct text *text = telling->text;
    begin_line(telling, "ledger");
    if (past->ledger == WHY_LEDGER_NONE) {
        text_add_string(text, "there is none in ");
        text_add_shown(text, span_of(directory));
        text_add_string(text, ": which version was in force, and who approved it, is not on "
                              "record");
    } else if (past->ledger == WHY_LEDGER_BROKEN) {
        text_add_format(text, "broken behind entry %" PRIu64 ": what it says is no proof",
                        past->entries);
    } else if (past->before == 0 && past->entries > 0) {
        text_add_format(text, "begins at %s, later than this decision", past->begins);
    } else {
        text_add_format(text, "whole, %" PRIu64 " entries, %" PRIu64 " before this decision",
                        past->entries, past->before);
    }
    end_line(telling);
}

void why_print(const struct log_record *record, const struct why_place *place,
               const struct why_past *past, const char *directory, struct text *text)
{
    char file[4096] = "";
    struct telling telling = {.record = record, .past = past, .text = text};
    if (record->rule_file.length < sizeof(file))
        memcpy(file, record->rule_file.data == NULL ? "" : record->rule_file.data,
               record->rule_file.length);
    telling.number = review_number_of_path(file);
    telling.in_force = version_in_force(past, record);
    tell_request(&telling);
    tell_verdict(&telling, place);
    tell_rule(&telling);
    if (past->ledger != WHY_LEDGER_NONE && past->before > 0 && record->app.length > 0) {
        tell_version(&telling);
        tell_approval(&telling);
        tell_what_waits(&telling);
        if (past->suspension.n != 0)
            tell_suspension(&telling);
        if (past->suspension.n == 0 && past->setting.n != 0)
            tell_setting(&telling);
    }
    tell_ledger(&telling, directory);
}
