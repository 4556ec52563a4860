/*
 * The staging tree, DIR/.pending: private to the book. DIRECTORY is a
 * descriptor of the policy directory. On false errno says why.
 */
#ifndef SALLYPORT_POLICY_LEDGER_STAGE_H
#define SALLYPORT_POLICY_LEDGER_STAGE_H

#include "policy/ledger_book.h"

/* Writes LINE as what is intended, in place of what stood there, to disk. */
bool stage_write_entry(int directory, struct span line);

/* The intended line, as ledger_file_read; false with ENOENT: nothing is intended. */
bool stage_read_entry(int directory, char **line, size_t *length);

/* Writes BYTES to PATH below the tree, to disk. */
bool stage_write_file(int directory, const char *path, struct span bytes);

/* True: PATH's place is on the file system of the tree, so that it can be renamed. */
bool stage_can_publish(int directory, const char *path);

/* Moves PATH into its place, where it is not there already, to disk. */
bool stage_publish(int directory, const char *path);

/* Removes the tree, if there is one; with KEEP_ENTRY all of it but the entry. */
bool stage_remove(int directory, bool keep_entry);

/* LINE to the end of the ledger, which has LENGTH bytes, in one write and to disk; or not at all.
 */
bool stage_append(int directory, struct span line, uint64_t length);

/* Cuts the ledger to LENGTH bytes, to disk. */
bool stage_truncate(int directory, uint64_t length);

/*
 * Finishes or undoes what an earlier command has left in the tree; BOOK's audit has
 * been read once. False: ERROR says why.
 */
bool ledger_recover(struct ledger_book *book, struct error *error);

/* What ENTRY is for people: "entry 7 (deploy demo/production 2.1, by Ann)". */
void ledger_describe(const struct ledger_entry *entry, char *words, size_t size);

/* The line of ENTRY as the next one of BOOK's ledger, at the present time, into TEXT. */
bool ledger_book_line(const struct ledger_book *book, const struct ledger_entry *entry,
                      struct text *text);

/* Takes up what was just appended. */
bool ledger_book_read(struct ledger_book *book, struct error *error);

#endif
