/*
 * Lint: everything there is to say about a manifest, as its platform's linter
 * would say it and beyond. What the reader refuses comes from the reader
 * itself, so that lint and the proxy never disagree; lint adds what may be
 * declared but should not be.
 */
#ifndef SALLYPORT_POLICY_LINT_H
#define SALLYPORT_POLICY_LINT_H

#include "policy/manifest.h"

/*
 * Adds all findings about DOCUMENT to FINDINGS (freshly initialised, its arena
 * is ARENA or outlives the call), in the order of the file, none twice.
 * OPTIONS->thorough is taken as set. False: memory is out.
 */
bool lint_document(const struct yaml_document *document, const struct manifest_options *options,
                   struct arena *arena, struct findings *findings);

/* A rule that findings name; for catalogues of them. */
struct lint_rule {
    const char *name;
    enum finding_level level; /* the usual one */
    const char *summary;      /* a sentence */
};

#define LINT_RULE_UNREADABLE "unreadable" /* a file that could not be read, or is no YAML */

size_t lint_rule_count(void);
const struct lint_rule *lint_rule_at(size_t index);

/* The rule's index, or lint_rule_count() where there is none of this name. */
size_t lint_rule_find(const char *name);

#endif
