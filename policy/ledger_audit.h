/*
 * The audit: does the ledger hold together, and do the policy files say what it
 * says they do? Run once it reads the whole ledger; run again, only what was
 * added since, and only files that changed: so a proxy can ask at every reload.
 */
#ifndef SALLYPORT_POLICY_LEDGER_AUDIT_H
#define SALLYPORT_POLICY_LEDGER_AUDIT_H

#include "policy/ledger_files.h"
#include "policy/policy_change.h"

struct ledger_audit {
    int directory;           /* the policy directory */
    const char *name;        /* its path as given; not owned */
    char *path;              /* of its ledger */
    struct ledger_head last; /* before the last entry: where the next run begins */
    struct ledger_head head; /* behind it */
    struct ledger_files files;
    enum ledger_line ended; /* how the last reading ended */
};

/*
 * Of the policy directory at NAME, which must live as long. False: it cannot be opened, ERROR says
 * why. To be cleared in both cases.
 */
bool ledger_audit_init(struct ledger_audit *audit, const char *name, struct error *error);
/* Opens the directory again by its name: another may have taken its place. */
bool ledger_audit_reopen(struct ledger_audit *audit, struct error *error);
void ledger_audit_clear(struct ledger_audit *audit);

enum ledger_state {
    LEDGER_WHOLE,
    LEDGER_NONE,       /* there is no ledger: nothing was looked at */
    LEDGER_AMISS,      /* something was reported */
    LEDGER_UNREADABLE, /* ERROR says what could not be read */
};

typedef void ledger_report(void *context, const struct error *trouble);

/*
 * Reads what the ledger has gained, taking up each file's latest digest. REPORT is called at the
 * first line that is wrong: nothing behind it can be known.
 */
enum ledger_state ledger_audit_read(struct ledger_audit *audit, ledger_report *report,
                                    void *context, struct error *error);

/*
 * The same, and then each file against its digest, and each policy file that no entry names: those
 * that CHANGE covers and those that new entries name (NULL: all).
 */
enum ledger_state ledger_audit_run(struct ledger_audit *audit, const struct policy_change *change,
                                   ledger_report *report, void *context, struct error *error);

/*
 * Calls VISIT for each file below the directory (a descriptor) that is policy, in the order of
 * names: manifest.yml, variables.yml, narrow.yml and installations.yml of every APP/ENVIRONMENT,
 * and versions/MAJOR.MINOR/manifest.yml. False: VISIT did so, or a directory cannot be read
 * (errno).
 */
bool ledger_walk_files(int directory, bool (*visit)(void *context, const char *path),
                       void *context);

/* The same for PLACE, "APP/ENVIRONMENT", alone; one that is not there has no files. */
bool ledger_walk_place(int directory, const char *place,
                       bool (*visit)(void *context, const char *path), void *context);

#endif
