/* What the ledger knows of an installation's approvals. */
#include <errno.h>

#include "policy/installation_edit.h"

#define DEPTH 64 /* approvals that can be taken back one after the other */

struct approvals {
    uint32_t majors[DEPTH];
    size_t count;
};

static void push(struct approvals *approvals, uint32_t major)
{
    if (approvals->count == DEPTH)
        memmove(approvals->majors, approvals->majors + 1, --approvals->count * sizeof(uint32_t));
    approvals->majors[approvals->count++] = major;
}

/* ENTRY is about the request's installation. */
static void take_entry(struct approvals *approvals, const struct ledger_entry *entry)
{
    struct version version;
    if (!version_parse(entry->version, &version))
        return;
    if (span_equal(entry->event, SPAN("installation-add")))
        approvals->count = 0;
    bool revoked = span_equal(entry->event, SPAN("revoke"));
    while (revoked && approvals->count > 0 &&
           approvals->majors[approvals->count - 1] != version.major)
        approvals->count--;
    if (!revoked || approvals->count == 0)
        push(approvals, version.major);
}

static bool is_of(const struct ledger_entry *entry, const struct installation_request *request)
{
    return span_equal(entry->installation, span_of(request->id)) &&
           span_equal(entry->app, span_of(request->app)) &&
           span_equal(entry->environment, span_of(request->environment));
}

bool installation_approved_before(const char *path, const struct installation_request *request,
                                  uint32_t *major, struct error *error)
{
    struct approvals approvals = {.count = 0};
    struct ledger_entry entry;
    enum ledger_line kind;
    *major = 0;
    struct ledger_reader *reader = ledger_reader_open(path, NULL, error);
    if (reader == NULL)
        return errno == ENOENT;
    while ((kind = ledger_reader_next(reader, &entry, error)) == LEDGER_ENTRY) {
        if (is_of(&entry, request))
            take_entry(&approvals, &entry);
    }
    ledger_reader_close(reader);
    if (approvals.count > 1)
        *major = approvals.majors[approvals.count - 2];
    return kind == LEDGER_END;
}
