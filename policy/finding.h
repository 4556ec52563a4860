/*
 * What a reader of manifests has to say about them, each with its place. The
 * proxy takes the first error as its refusal; lint prints them all.
 */
#ifndef SALLYPORT_POLICY_FINDING_H
#define SALLYPORT_POLICY_FINDING_H

#include "policy/arena.h"
#include "policy/error.h"
#include "policy/text.h"

enum finding_level { FINDING_NOTE, FINDING_WARNING, FINDING_ERROR };

struct finding {
    enum finding_level level;
    const char *rule; /* a stable name, kebab-case: "wildcard-over-public-suffix" */
    struct position at;
    struct position end; /* just behind the text it is about; {0, 0} unknown */
    const char *message; /* "what is wrong; what would be right" */
    struct finding *next;
};

struct findings {
    struct arena *arena;   /* not owned: where messages live */
    const char *file;      /* name in messages; not owned */
    struct finding *first; /* in the order found */
    struct finding *last;
    size_t errors;
    size_t warnings;
    size_t notes;
    bool lost; /* memory ran out and a finding is missing: treat as an error */
};

void findings_init(struct findings *findings, struct arena *arena, const char *file);

/* A manifest's text in a message: text_quote in storage that lasts as long as the block around. */
#define FINDING_QUOTE(span) text_quote((span), (char[TEXT_QUOTE_SIZE]){0})

/*
 * Counts the finding and, while there are not too many of its level, keeps it.
 * What FORMAT names of the manifest should come from FINDING_QUOTE.
 */
void finding_add(struct findings *findings, enum finding_level level, const char *rule,
                 struct position at, struct position end, const char *format, ...)
    PRINTF_LIKE(6, 7);

/* "error", "warning", "note". */
const char *finding_level_name(enum finding_level level);

/* True, and ERROR filled from the first finding of level error (or from `lost`), if there is one.
 */
bool findings_error(const struct findings *findings, struct error *error);

#endif
