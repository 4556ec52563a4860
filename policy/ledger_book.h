/*
 * Writing to the policy directory: a change of files and the entry that records
 * it are one step, whatever happens in between. Every command that writes opens the
 * book, which waits for other writers, finishes or undoes what an earlier one
 * left unfinished, and reads the ledger through; then it commits.
 *
 * The trick is a staging tree, DIR/.pending, whose names no reader looks at:
 *   1. the entry's line goes to .pending/.entry, the new files to .pending/APP/ENV/…; fsync
 *   2. the line is appended to the ledger, in one write; fsync. From here on the change is made
 *   3. each file is renamed into its place, or the topmost directory that is new; fsync
 *   4. .pending is removed
 * Killed before 2, nothing has happened; behind it, whoever writes next does 3 and 4. A line
 * that was half written is known by .entry, which holds it whole.
 */
#ifndef SALLYPORT_POLICY_LEDGER_BOOK_H
#define SALLYPORT_POLICY_LEDGER_BOOK_H

#include "policy/ledger_audit.h"

struct ledger_change {
    const char *path; /* relative to DIR; ledger_path_valid */
    struct span bytes;
};

struct ledger_book {
    struct ledger_audit audit; /* read to its end; audit.head is the ledger's head */
    int lock;
    char recovered[512]; /* what an earlier command had left and what became of it; "": nothing */
};

/*
 * Opens DIRECTORY (must live as long) for COMMAND ("deploy", told to whoever waits meanwhile),
 * waiting for another writer up to WAIT_MS milliseconds. False: ERROR says who is at it, what of
 * the ledger is broken, or what could not be done. To be closed in both cases.
 */
bool ledger_book_open(struct ledger_book *book, const char *directory, const char *command,
                      unsigned wait_ms, struct error *error);
void ledger_book_close(struct ledger_book *book);

#define LEDGER_WAIT_MS 30000

/*
 * Writes CHANGES (COUNT up to LEDGER_FILES_MAXIMUM, in the order in which they shall be seen), and
 * ENTRY, of which event, app, environment, installation, version, by and why are the caller's, the
 * rest is filled in. A file that is not as the ledger has it is not written over: that would record
 * a change that nobody owned up to. False: ERROR says why; nothing has changed, unless it says that
 * the entry stands.
 */
bool ledger_book_commit(struct ledger_book *book, const struct ledger_entry *entry,
                        const struct ledger_change *changes, size_t count, struct error *error);

/*
 * The same for files that were changed by hand: ENTRY takes PATHS, COUNT up to
 * LEDGER_FILES_MAXIMUM, as they stand.
 */
bool ledger_book_record(struct ledger_book *book, const struct ledger_entry *entry,
                        const char *const *paths, size_t count, struct error *error);

#endif
