/*
 * Decision logs, read again: lines out of a file of any size, plain or gzip'd,
 * and a line taken apart into the record it holds (README.md, the log).
 *
 * A log is a witness, not a friend: it may be torn by a full disk, cut by a
 * rotation or written by somebody else. So a line is taken as a record only if it
 * is one JSON object from its first byte to its last; every other line is told
 * apart, and reading goes on behind it. Memory does not grow with the log.
 */
#ifndef SALLYPORT_POLICY_LOG_READER_H
#define SALLYPORT_POLICY_LOG_READER_H

#include "policy/decision.h"

#define LOG_LINE_MAXIMUM 65536 /* bytes, line end not counted */

struct log_reader;

/*
 * Opens PATH ("-": standard input). Whether it is gzip'd is seen by its first two
 * bytes (RFC 1952, section 2.3.1), whatever its name. NULL: ERROR says why.
 * Owned by the caller: log_reader_close, which takes NULL.
 */
struct log_reader *log_reader_open(const char *path, struct error *error);
void log_reader_close(struct log_reader *reader);

enum log_line {
    LOG_LINE,      /* *line holds it, without LF or CR LF */
    LOG_LINE_LONG, /* a line longer than LOG_LINE_MAXIMUM was passed over; *line is its beginning */
    LOG_END,
    LOG_FAILED, /* what follows cannot be read, or is no whole gzip file: ERROR says why */
};

/* The next line. *line is valid until the next call. LOG_END and LOG_FAILED come once and stay. */
enum log_line log_reader_next(struct log_reader *reader, struct span *line, struct error *error);

/*
 * The next line that holds NEEDLE, which holds no line end: LOG_LINE, LOG_END or LOG_FAILED, else
 * as log_reader_next. What lies between is not looked at line by line, and lines that are too long
 * for a record are passed over.
 */
enum log_line log_reader_find(struct log_reader *reader, struct span needle, struct span *line,
                              struct error *error);

/* The number of the line that was given last, from 1. */
uint64_t log_reader_line(const struct log_reader *reader);

/*
 * What a record says. Absent members and nulls are "" (port: 0). A string
 * without escapes points into the line, any other into the scratch text: both
 * have to be kept. Strings are a stranger's: any bytes but raw control characters.
 */
struct log_record {
    struct span time;
    struct span event;
    struct span id;
    struct span app;
    struct span environment;
    struct span installation;
    struct span method;
    struct span scheme;
    struct span host;
    struct span verdict;
    struct span reason;
    struct span rule_address; /* "address" of "rule" */
    struct span rule_file;    /* "file" of it */
    uint32_t rule_line;       /* and "line"; 0: absent */
    uint16_t port;
};

/*
 * Takes LINE apart: a JSON object (RFC 8259), nothing behind it but white space. The
 * members above have to be strings, the port and the line whole numbers, or
 * null, and none may stand twice; other members are checked and passed over, at most
 * 16 objects and lists inside each other. SCRATCH (fixed, as large as the line at
 * least) is reset. False: ERROR says why, its column counts bytes from 1; its line and
 * file are the caller's to fill.
 */
bool log_record_parse(struct span line, struct text *scratch, struct log_record *record,
                      struct error *error);

/* "2026-01-02T03:04:05Z", with or without a fraction of up to nine digits. */
bool log_time_valid(struct span time);

/* Below, at or above 0, as A is earlier than B, the same, or later; both are valid. */
int log_time_compare(struct span a, struct span b);

/* What a decision's record asks to be decided again. */
struct log_decision {
    struct target target;
    enum verdict verdict; /* allow or deny */
    enum reason reason;   /* REASON_COUNT: a word that we do not know */
};

/*
 * What RECORD, whose event is "decision", says was asked and answered. A tunnel's
 * target is SCHEME_TUNNEL: the log says https for CONNECT, which could not tell. A
 * request that a ws:// rule let pass was a WebSocket handshake: SCHEME_WS. False:
 * ERROR says what is not as the log would write it (no place). Where the record has
 * no host (nothing was understood) the target is unset and its port is 0.
 */
bool log_decision_read(const struct log_record *record, struct log_decision *decision,
                       struct error *error);

#endif
