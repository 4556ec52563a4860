/*
 * The ledger, DIR/ledger.jsonl: who changed what in the policy directory, when
 * and why, a line an entry, append-only. Each line carries the hash of the one
 * before, so that a line that was changed, taken out or moved breaks the chain
 * from there on; only a cut at a line's end cannot be seen from the file alone
 * (see ledger_checkpoint.h).
 *
 *   {"n":1,"time":"…","event":"deploy","app":"…","environment":"…","installation":"…",
 *    "version":"2.1","by":"…","why":"…","files":{"APP/ENV/manifest.yml":"sha256:HEX"},
 *    "previous":"HEX","hash":"HEX"}
 *
 * The members stand in this order without blanks, absent ones are left out. `hash` is
 * SHA-256 over the line's bytes before `,"hash":`; `previous` is the hash of the
 * line before, 64 zeros in the first. Hence certs/digest.h, the one room
 * that knows digests.
 */
#ifndef SALLYPORT_POLICY_LEDGER_H
#define SALLYPORT_POLICY_LEDGER_H

#include "policy/error.h"
#include "policy/text.h"

#define LEDGER_FILE_NAME     "ledger.jsonl"
#define LEDGER_LINE_MAXIMUM  65536 /* bytes, line end not counted */
#define LEDGER_FILES_MAXIMUM 64    /* in one entry */
#define LEDGER_PATH_MAXIMUM  255   /* bytes of a file's path */
#define LEDGER_HASH_SIZE     65    /* 64 hex digits, lower case, and NUL */
#define LEDGER_ZEROS         "0000000000000000000000000000000000000000000000000000000000000000"

/* A policy file that an entry wrote. */
struct ledger_file {
    struct span path;   /* relative to DIR: "APP/ENV/manifest.yml" */
    struct span digest; /* SHA-256 of its bytes, 64 hex digits; 64 zeros: it was taken away */
};

struct ledger_entry {
    uint64_t n;        /* from 1 */
    struct span time;  /* "2026-01-02T03:04:05.678901Z" */
    struct span event; /* "deploy", "approve", … */
    struct span app;   /* this and the next five: "" where absent */
    struct span environment;
    struct span installation;
    struct span version;
    struct span by;
    struct span why;
    struct ledger_file files[LEDGER_FILES_MAXIMUM];
    size_t file_count;
    struct span previous; /* 64 hex digits */
    struct span hash;     /* 64 hex digits */
};

/* True: PATH is one that an entry may name: relative, no part empty or with a leading dot. */
bool ledger_path_valid(struct span path);

/* SHA-256 of BYTES as hex digits. False: OpenSSL could not. */
bool ledger_digest(struct span bytes, char hex[LEDGER_HASH_SIZE]);

#define LEDGER_TIME_SIZE 48

/* The present time as an entry has it, in UTC. */
void ledger_format_now(char text[LEDGER_TIME_SIZE]);

/*
 * Takes LINE (without its end) apart, strictly by the form above. Strings point into the
 * line, or into SCRATCH (fixed, as large as the line at least; it is reset). The
 * hash is checked, the chain is the caller's. False: ERROR says why, its column counts bytes
 * from 1; its file and line are the caller's to fill.
 */
bool ledger_entry_parse(struct span line, struct text *scratch, struct ledger_entry *entry,
                        struct error *error);

/*
 * Adds ENTRY's line, its end included, to the empty TEXT and hashes it; entry->hash is not looked
 * at. False: it is longer than LEDGER_LINE_MAXIMUM, or OpenSSL could not.
 */
bool ledger_entry_write(const struct ledger_entry *entry, struct text *text);

/* ---- Reading a ledger -------------------------------------------------------------- */

/* A place between two lines: what stands before it is known. */
struct ledger_head {
    uint64_t n;                  /* entries before; 0: the beginning */
    char hash[LEDGER_HASH_SIZE]; /* of the last of them; zeros at the beginning */
    uint64_t offset;             /* bytes before */
};

void ledger_head_init(struct ledger_head *head);

struct ledger_reader;

/*
 * Opens PATH behind HEAD (NULL: the beginning). NULL: ERROR says why (errno too: ENOENT).
 * Owned by the caller: ledger_reader_close, which takes NULL. PATH must live as long.
 */
struct ledger_reader *ledger_reader_open(const char *path, const struct ledger_head *head,
                                         struct error *error);
void ledger_reader_close(struct ledger_reader *reader);

enum ledger_line {
    LEDGER_ENTRY,  /* *entry holds it, valid until the next call */
    LEDGER_END,    /* the file ends behind a whole line */
    LEDGER_TORN,   /* what follows the last whole line has no line end */
    LEDGER_BROKEN, /* a line that is no entry, or not the one that has to follow */
    LEDGER_FAILED, /* the file cannot be read, or memory is out */
};

/*
 * The next entry, its hash and its place in the chain checked. From LEDGER_TORN on ERROR says
 * what is wrong, with line and column; reading ends there. Memory does not grow with the file.
 */
enum ledger_line ledger_reader_next(struct ledger_reader *reader, struct ledger_entry *entry,
                                    struct error *error);

/* The place behind the entry that was given last. Valid until the next call. */
const struct ledger_head *ledger_reader_head(const struct ledger_reader *reader);

/* The bytes of what LEDGER_TORN found, at most LEDGER_LINE_MAXIMUM + 1 of them. */
struct span ledger_reader_torn(const struct ledger_reader *reader);

#endif
