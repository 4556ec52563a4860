/*
 * The story of one decision: what the log says of it, and what the ledger says had
 * been deployed and approved until then. The log is the witness for the verdict, the
 * ledger for who had let it come to that; neither is believed where it is broken.
 */
#ifndef SALLYPORT_POLICY_WHY_H
#define SALLYPORT_POLICY_WHY_H

#include "policy/log_reader.h"

#define WHY_NAME_SIZE 256 /* room for who and why, cut, and NUL */
#define WHY_HASH_SIZE 65

/* An entry of the ledger, as much of it as is told. */
struct why_entry {
    uint64_t n; /* 0: there is none */
    char time[32];
    char by[WHY_NAME_SIZE];
    char why[WHY_NAME_SIZE];
    char hash[WHY_HASH_SIZE];
    uint32_t major; /* of its version; 0: it names none */
    uint32_t minor; /* 0: a major alone */
};

/* One major version of the app's environment, as deployed until the decision. */
struct why_major {
    struct why_entry first;  /* the deploy that began it */
    struct why_entry newest; /* of its minors */
};

enum why_ledger {
    WHY_LEDGER_NONE, /* there is no ledger */
    WHY_LEDGER_WHOLE,
    WHY_LEDGER_BROKEN, /* `error` says where */
};

/* What the ledger says up to a decision. */
struct why_past {
    enum why_ledger ledger;
    struct error error;
    uint64_t entries;         /* all of them, later ones too */
    uint64_t before;          /* those not later than the decision */
    char begins[32];          /* the first one's time; "" where there is none */
    struct why_major *majors; /* in the order in which they began */
    size_t major_count;
    struct why_entry approval;   /* of the installation: the latest that set its version */
    bool revoked;                /* it went back to an earlier version, or (major 0) to none */
    struct why_entry suspension; /* n 0: the installation is not suspended */
    struct why_entry setting;    /* the latest that the decision may rest on; n 0: there is none */
};

/*
 * Reads DIRECTORY's ledger for RECORD, whose time is valid. False: ERROR says why it cannot be
 * opened, or that memory is out; that there is none, or that it is broken, is no failure.
 * To be cleared in both cases.
 */
bool why_past_read(struct why_past *past, const char *directory, const struct log_record *record,
                   struct error *error);
void why_past_clear(struct why_past *past);

/* Where a record was found. */
struct why_place {
    const char *log;
    uint64_t line;
};

/* The story in at most eight lines; nothing in it moves a terminal's cursor. */
void why_print(const struct log_record *record, const struct why_place *place,
               const struct why_past *past, const char *directory, struct text *text);

#endif
