/*
 * The page an admin decides from: one self-contained HTML file that says what a
 * new version of a manifest makes reachable and what no longer, host by host, why
 * it needs approval, what is risky about it, what the log saw, and the command that
 * approves. No script, nothing loaded from anywhere; every value goes through html_add.
 */
#ifndef SALLYPORT_POLICY_REVIEW_H
#define SALLYPORT_POLICY_REVIEW_H

#include "policy/review_traffic.h"
#include "policy/version_diff.h"

/* One version: read without errors, and what lint says about it. */
struct review_version {
    const struct manifest *manifest;
    const struct findings *findings;
    struct span number; /* "2.1"; "": not known */
};

struct review {
    struct review_version old;
    struct review_version new;
    const struct version_diff *diff;      /* from old to new */
    const struct review_traffic *traffic; /* NULL: no log was read */
    const char *policy;                   /* the policy directory; NULL: not known, as all below */
    const char *app;
    const char *environment;
    const char *installation;
};

/*
 * Appends the whole page to TEXT. Takes memory from ARENA. False: memory is out, here or in
 * TEXT, or the page is larger than TEXT may be.
 */
bool review_write(const struct review *review, struct arena *arena, struct text *text);

/* The MAJOR.MINOR of ".../versions/MAJOR.MINOR/manifest.yml"; "" where PATH is none such. */
struct span review_number_of_path(const char *path);

#endif
