/* From the ledger's beginning to the decision; see the header. */
#include "policy/why.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/ledger.h"

static void keep(char *to, size_t size, struct span text)
{
    size_t length = text.length < size ? text.length : size - 1;
    if (length > 0)
        memcpy(to, text.data, length);
    to[length] = '\0';
}

/* "2.1", or "2". Leaves zeros where it is neither. */
static void read_version(struct span text, uint32_t *major, uint32_t *minor)
{
    uint64_t first = 0, second = 0;
    size_t dot = span_find(text, '.');
    *major = *minor = 0;
    if (!span_parse_decimal(span_slice(text, 0, dot), UINT32_MAX, &first))
        return;
    if (dot < text.length && !span_parse_decimal(span_after(text, dot + 1), UINT32_MAX, &second))
        return;
    *major = (uint32_t)first;
    *minor = (uint32_t)second;
}

static struct why_entry entry_of(const struct ledger_entry *entry)
{
    struct why_entry kept = {.n = entry->n};
    keep(kept.time, sizeof(kept.time), entry->time);
    keep(kept.by, sizeof(kept.by), entry->by);
    keep(kept.why, sizeof(kept.why), entry->why);
    keep(kept.hash, sizeof(kept.hash), entry->hash);
    read_version(entry->version, &kept.major, &kept.minor);
    return kept;
}

/* NULL: memory is out. */
static struct why_major *find_or_add_major(struct why_past *past, const struct why_entry *entry)
{
    for (size_t i = past->major_count; i > 0; i--) {
        if (past->majors[i - 1].first.major == entry->major)
            return &past->majors[i - 1];
    }
    struct why_major *grown =
        reallocarray(past->majors, past->major_count + 1, sizeof(*past->majors));
    if (grown == NULL)
        return NULL;
    past->majors = grown;
    grown[past->major_count] = (struct why_major){*entry, *entry};
    return &grown[past->major_count++];
}

static bool take_deploy(struct why_past *past, const struct ledger_entry *entry)
{
    struct why_entry kept = entry_of(entry);
    if (kept.major == 0)
        return true;
    struct why_major *major = find_or_add_major(past, &kept);
    if (major != NULL && kept.minor >= major->newest.minor)
        major->newest = kept;
    return major != NULL;
}

/* Of a denial for analytics, who switched them off; else whatever was set last. */
static bool is_setting(const struct log_record *record, struct span event)
{
    bool analytics = span_equal(event, SPAN("set-analytics"));
    if (span_equal(record->reason, SPAN("analytics_disabled")))
        return analytics;
    return analytics || span_equal(event, SPAN("set-region")) ||
           span_equal(event, SPAN("egress")) || span_equal(event, SPAN("remote"));
}

/* A revocation names the version it goes back to (installation_edit.c). */
static void take_setting(struct why_past *past, const struct log_record *record,
                         const struct ledger_entry *entry)
{
    static const struct why_entry none = {.n = 0};
    bool revokes = span_equal(entry->event, SPAN("revoke"));
    if (span_equal(entry->event, SPAN("suspend")))
        past->suspension = entry_of(entry);
    if (span_equal(entry->event, SPAN("resume")))
        past->suspension = none;
    if (is_setting(record, entry->event))
        past->setting = entry_of(entry);
    if (!revokes && !span_equal(entry->event, SPAN("approve")) &&
        !span_equal(entry->event, SPAN("installation-add")))
        return;
    past->approval = entry_of(entry);
    past->revoked = revokes;
}

/* False: memory is out. */
static bool take_entry(struct why_past *past, const struct log_record *record,
                       const struct ledger_entry *entry)
{
    past->entries++;
    if (past->begins[0] == '\0')
        keep(past->begins, sizeof(past->begins), entry->time);
    if (!log_time_valid(entry->time) || log_time_compare(entry->time, record->time) > 0)
        return true;
    past->before++;
    if (record->app.length == 0 || !span_equal(entry->app, record->app) ||
        !span_equal(entry->environment, record->environment))
        return true;
    if (span_equal(entry->event, SPAN("deploy")))
        return take_deploy(past, entry);
    if (record->installation.length > 0 && span_equal(entry->installation, record->installation))
        take_setting(past, record, entry);
    return true;
}

static bool read_entries(struct why_past *past, struct ledger_reader *reader,
                         const struct log_record *record, struct error *error)
{
    for (;;) {
        struct ledger_entry entry;
        enum ledger_line kind = ledger_reader_next(reader, &entry, &past->error);
        if (kind == LEDGER_FAILED) {
            *error = past->error;
            return false;
        }
        if (kind != LEDGER_ENTRY) {
            past->ledger = kind == LEDGER_END ? WHY_LEDGER_WHOLE : WHY_LEDGER_BROKEN;
            return true;
        }
        if (!take_entry(past, record, &entry)) {
            error_set(error, "memory is out");
            return false;
        }
    }
}

bool why_past_read(struct why_past *past, const char *directory, const struct log_record *record,
                   struct error *error)
{
    char *path = NULL;
    *past = (struct why_past){.ledger = WHY_LEDGER_NONE};
    if (asprintf(&path, "%s/" LEDGER_FILE_NAME, directory) < 0) {
        error_set(error, "memory is out");
        return false;
    }
    struct ledger_reader *reader = ledger_reader_open(path, NULL, error);
    bool fine = reader == NULL ? errno == ENOENT : read_entries(past, reader, record, error);
    ledger_reader_close(reader);
    free(path);
    return fine;
}

void why_past_clear(struct why_past *past)
{
    free(past->majors);
    *past = (struct why_past){.ledger = WHY_LEDGER_NONE};
}
