/* The audit's order: what the ledger has gained, then the files that it names, then those it does
 * not. */
#include "policy/ledger_audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

struct auditing {
    struct ledger_audit *audit;
    ledger_report *report;
    void *context;
    bool amiss;
    struct error *error;
};

static const struct position whole_file = {0, 0};

bool ledger_audit_reopen(struct ledger_audit *audit, struct error *error)
{
    if (audit->directory >= 0)
        close(audit->directory);
    audit->directory = open(audit->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (audit->directory < 0)
        error_set_at(error, audit->name, whole_file, "cannot be opened as a policy directory: %s",
                     strerror(errno));
    return audit->directory >= 0;
}

bool ledger_audit_init(struct ledger_audit *audit, const char *name, struct error *error)
{
    *audit = (struct ledger_audit){.name = name, .directory = -1};
    ledger_head_init(&audit->head);
    audit->last = audit->head;
    if (!ledger_audit_reopen(audit, error))
        return false;
    if (asprintf(&audit->path, "%s/" LEDGER_FILE_NAME, name) >= 0)
        return true;
    audit->path = NULL;
    error_set(error, "out of memory");
    return false;
}

void ledger_audit_clear(struct ledger_audit *audit)
{
    ledger_files_clear(&audit->files);
    free(audit->path);
    if (audit->directory >= 0)
        close(audit->directory);
    *audit = (struct ledger_audit){.directory = -1};
}

static void report(struct auditing *auditing, const struct error *trouble)
{
    auditing->amiss = true;
    auditing->report(auditing->context, trouble);
}

static void report_file(struct auditing *auditing, const char *path, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void report_file(struct auditing *auditing, const char *path, const char *format, ...)
{
    struct error trouble;
    char file[sizeof(trouble.file)], message[sizeof(trouble.message)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    snprintf(file, sizeof(file), "%s/%s", auditing->audit->name, path);
    error_set_at(&trouble, file, whole_file, "%s", message);
    report(auditing, &trouble);
}

/* ---- The ledger ----------------------------------------------------------------------- */

/* Entries behind what is known. Reading begins at the last known one, to see that it still stands.
 */
static enum ledger_line take_entries(struct ledger_audit *audit, struct ledger_reader *reader,
                                     struct ledger_entry *entry, struct error *error)
{
    const uint64_t known = audit->head.n;
    for (;;) {
        const struct ledger_head before = *ledger_reader_head(reader);
        enum ledger_line kind = ledger_reader_next(reader, entry, error);
        if (kind != LEDGER_ENTRY)
            return kind;
        if (entry->n == known && !span_equal(entry->hash, span_of(audit->head.hash))) {
            error_set_at(error, audit->path, (struct position){(uint32_t)known, 1},
                         "the entry is another than it was; the ledger was written anew");
            return LEDGER_BROKEN;
        }
        if (entry->n > known && !ledger_files_note(&audit->files, entry)) {
            error_set(error, "out of memory");
            return LEDGER_FAILED;
        }
        audit->last = before;
        audit->head = *ledger_reader_head(reader);
    }
}

/* The ledger ended before what was known of it. */
static bool was_cut(const struct ledger_audit *audit, const struct ledger_reader *reader)
{
    return ledger_reader_head(reader)->offset < audit->head.offset;
}

static enum ledger_state read_ledger(struct auditing *auditing, struct ledger_reader *reader)
{
    struct ledger_audit *audit = auditing->audit;
    struct error trouble;
    struct ledger_entry entry;
    audit->ended = take_entries(audit, reader, &entry, &trouble);
    if (audit->ended == LEDGER_FAILED) {
        *auditing->error = trouble;
        return LEDGER_UNREADABLE;
    }
    if (audit->ended == LEDGER_END && was_cut(audit, reader)) {
        audit->ended = LEDGER_BROKEN;
        error_set_at(&trouble, audit->path,
                     (struct position){(uint32_t)ledger_reader_head(reader)->n + 1, 1},
                     "the ledger ends before entry %llu, which it held; it was cut",
                     (unsigned long long)audit->head.n);
    }
    if (audit->ended != LEDGER_END)
        report(auditing, &trouble);
    return auditing->amiss ? LEDGER_AMISS : LEDGER_WHOLE;
}

static enum ledger_state audit_ledger(struct auditing *auditing)
{
    struct ledger_audit *audit = auditing->audit;
    struct ledger_reader *reader = ledger_reader_open(audit->path, &audit->last, auditing->error);
    audit->ended = LEDGER_END;
    if (reader == NULL && errno == ENOENT && audit->head.n == 0)
        return LEDGER_NONE;
    if (reader == NULL)
        return LEDGER_UNREADABLE;
    enum ledger_state state = read_ledger(auditing, reader);
    ledger_reader_close(reader);
    return state;
}

enum ledger_state ledger_audit_read(struct ledger_audit *audit, ledger_report *report_trouble,
                                    void *context, struct error *error)
{
    struct auditing auditing = {audit, report_trouble, context, false, error};
    return audit_ledger(&auditing);
}

/* ---- The files ------------------------------------------------------------------------ */

static void check_known(struct auditing *auditing, struct ledger_known *known)
{
    const unsigned long long n = known->n;
    switch (ledger_known_check(known, auditing->audit->directory)) {
    case LEDGER_MATCH:
        break;
    case LEDGER_DIFFERS:
        report_file(auditing, known->path,
                    "not what entry %llu of the ledger wrote; somebody has changed it since", n);
        break;
    case LEDGER_MISSING:
        report_file(auditing, known->path, "missing; entry %llu of the ledger wrote it", n);
        break;
    case LEDGER_UNKNOWN:
        report_file(auditing, known->path, "cannot be read: %s", strerror(errno));
        break;
    }
}

static int compare_known(const void *left, const void *right)
{
    const struct ledger_known *const *a = left, *const *b = right;
    return strcmp((*a)->path, (*b)->path);
}

/* Entries behind the one numbered BEFORE are new. */
static bool is_due(const struct ledger_known *known, const struct policy_change *change,
                   uint64_t before)
{
    return change == NULL || known->n > before ||
           policy_change_covers(change, span_of(known->path));
}

/* In the order of paths, so that the same directory always has the same first trouble. */
static bool check_all_known(struct auditing *auditing, const struct policy_change *change,
                            uint64_t before)
{
    const struct ledger_files *files = &auditing->audit->files;
    struct ledger_known **sorted = calloc(files->count + 1, sizeof(struct ledger_known *));
    size_t count = 0;
    if (sorted == NULL) {
        error_set(auditing->error, "out of memory");
        return false;
    }
    for (size_t i = 0; i < files->capacity; i++) {
        if (files->slots[i] != NULL && is_due(files->slots[i], change, before))
            sorted[count++] = files->slots[i];
    }
    qsort(sorted, count, sizeof(struct ledger_known *), compare_known);
    for (size_t i = 0; i < count; i++)
        check_known(auditing, sorted[i]);
    free(sorted);
    return true;
}

static bool check_named(void *context, const char *path)
{
    struct auditing *auditing = context;
    if (ledger_files_find(&auditing->audit->files, span_of(path)) == NULL)
        report_file(auditing, path,
                    "no entry of the ledger names it; `sallyport ledger record` enters it");
    return true;
}

static bool check_all_named(struct auditing *auditing, const struct policy_change *change)
{
    const int directory = auditing->audit->directory;
    if (change == NULL || change->whole)
        return ledger_walk_files(directory, check_named, auditing);
    for (size_t i = 0; i < change->count; i++) {
        if (!ledger_walk_place(directory, change->places[i], check_named, auditing))
            return false;
    }
    return true;
}

enum ledger_state ledger_audit_run(struct ledger_audit *audit, const struct policy_change *change,
                                   ledger_report *report_trouble, void *context,
                                   struct error *error)
{
    const uint64_t before = audit->head.n;
    struct auditing auditing = {audit, report_trouble, context, false, error};
    enum ledger_state state = audit_ledger(&auditing);
    if (state == LEDGER_NONE || state == LEDGER_UNREADABLE)
        return state;
    if (!check_all_known(&auditing, change, before))
        return LEDGER_UNREADABLE;
    if (!check_all_named(&auditing, change)) {
        error_set_at(error, audit->name, whole_file, "cannot be read: %s", strerror(errno));
        return LEDGER_UNREADABLE;
    }
    return auditing.amiss ? LEDGER_AMISS : LEDGER_WHOLE;
}
