/*
 * Text being written: JSON lines, HTTP heads, messages. Two forms, one set of
 * functions: over a caller's fixed bytes (never allocates; the log's path), or
 * growing up to a hard maximum. Writing past the end sets `overflow` and keeps
 * what was whole before; the writer checks once, at the end.
 */
#ifndef SALLYPORT_POLICY_TEXT_H
#define SALLYPORT_POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/error.h"
#include "policy/span.h"

struct text {
    char *data; /* not NUL-terminated */
    size_t length;
    size_t capacity;
    size_t maximum; /* 0: fixed storage that belongs to the caller */
    bool overflow;  /* something did not fit, or memory was out */
};

void text_init_fixed(struct text *text, char *storage, size_t capacity);
void text_init(struct text *text, size_t maximum);
void text_clear(struct text *text); /* frees what text_init's form grew */
void text_reset(struct text *text); /* empty again, storage kept */

static inline struct span text_span(const struct text *text)
{
    return (struct span){text->data, text->length};
}

/* text_add for what does not fit as it is: grows the text, or sets its `overflow`. */
void text_add_growing(struct text *text, struct span bytes);

/* Inline, as are those below: a literal's bytes are then stored and not copied by a call. */
static inline void text_add(struct text *text, struct span bytes)
{
    if (bytes.length == 0)
        return;
    if (text->overflow || bytes.length > text->capacity - text->length) {
        text_add_growing(text, bytes);
        return;
    }
    memcpy(text->data + text->length, bytes.data, bytes.length);
    text->length += bytes.length;
}

static inline void text_add_string(struct text *text, const char *string)
{
    text_add(text, span_of(string));
}

static inline void text_add_char(struct text *text, char byte)
{
    text_add(text, (struct span){&byte, 1});
}

void text_add_decimal(struct text *text, uint64_t value);

/* Beyond 1023 bytes it needs one byte of room more than it writes, for vsnprintf's NUL. */
void text_add_format(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

/*
 * BYTES as a JSON string with its quotes (RFC 8259): control characters, quote
 * and backslash escaped, bytes that are not UTF-8 written as U+FFFD.
 */
void text_add_json(struct text *text, struct span bytes);

/* Room for any quoted text, NUL included. */
#define TEXT_QUOTE_SIZE 512

/*
 * BYTES from a stranger, fit for a message on a terminal: in double quotes,
 * escaped as in JSON, and with them whatever moves a cursor or turns the reading
 * direction (C1 controls, Unicode's format characters); cut behind 80 bytes,
 * which "…" shows. Written to QUOTED and returned.
 */
const char *text_quote(struct span bytes, char quoted[TEXT_QUOTE_SIZE]);

/*
 * What BYTES (one at least) begin with, if it cannot be seen as it is, in a form that can:
 * "\u001b" for a control character, "\u{202e}" for one of Unicode's, "\xff" for a byte that is
 * no UTF-8. Returns how many bytes that was; 0: what is next can be seen, and nothing was written.
 */
size_t text_add_unseen(struct text *text, struct span bytes);

/* BYTES as they are where they are printable ASCII, else as text_quote has them. */
void text_add_shown(struct text *text, struct span bytes);

/*
 * The length of the well-formed UTF-8 sequence that BYTES (one at least) begin with
 * (Unicode 15, table 3-7), or 0.
 */
size_t text_utf8_length(struct span bytes);

#endif
