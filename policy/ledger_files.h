/*
 * What the ledger says the policy directory's files hold: for each path the
 * digest that the latest entry gives it. Grows with the number of files, not of entries.
 */
#ifndef SALLYPORT_POLICY_LEDGER_FILES_H
#define SALLYPORT_POLICY_LEDGER_FILES_H

#include "policy/ledger.h"

#define LEDGER_FILE_SIZE_MAXIMUM ((size_t)64 << 20) /* bytes of a policy file */

struct ledger_known {
    char *path;
    uint64_t n; /* the latest entry that names it */
    char digest[LEDGER_HASH_SIZE];
    uint64_t stamp[5]; /* of the file that had this digest; all zero: look at its bytes again */
};

/* Open addressing; zero-initialised is empty. */
struct ledger_files {
    struct ledger_known **slots; /* NULL: free */
    size_t capacity;             /* a power of two, or 0 */
    size_t count;
};

/* Frees what the table holds. */
void ledger_files_clear(struct ledger_files *files);

/* Takes what ENTRY says. False: memory is out. */
bool ledger_files_note(struct ledger_files *files, const struct ledger_entry *entry);

/* NULL: no entry names PATH. Valid until the next note. */
struct ledger_known *ledger_files_find(const struct ledger_files *files, struct span path);

enum ledger_match {
    LEDGER_MATCH,
    LEDGER_DIFFERS,
    LEDGER_MISSING,
    LEDGER_UNKNOWN, /* the file cannot be read: errno says why */
};

/*
 * Whether KNOWN's file below DIRECTORY (a descriptor) has its digest. A file whose size, times and
 * number are those of the last match is not read again.
 */
enum ledger_match ledger_known_check(struct ledger_known *known, int directory);

/*
 * The bytes of PATH below DIRECTORY (a descriptor), a regular file, for the caller to free; never
 * NULL where it returns true. False: errno says why (EFBIG: larger than a policy file can be).
 */
bool ledger_file_read(int directory, const char *path, char **bytes, size_t *length);

#endif
