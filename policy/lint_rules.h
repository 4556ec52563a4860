/*
 * What the parts of lint share: lint.c directs, lint_address.c looks at each
 * address, lint_cover.c at each list as a whole, lint_provider.c at providers,
 * lint_hidden.c at the text itself.
 */
#ifndef SALLYPORT_POLICY_LINT_RULES_H
#define SALLYPORT_POLICY_LINT_RULES_H

#include "policy/lint.h"

struct lint {
    const struct manifest *manifest;
    struct arena *arena;
    struct findings *findings;
    bool out_of_memory;
};

void lint_addresses(struct lint *lint);
void lint_providers(struct lint *lint);
void lint_hidden_characters(struct lint *lint, struct span source);

/* Duplicates and entries that another one covers. */
void lint_covered(struct lint *lint);

/* A list's addresses, to be searched by what covers what. */
struct cover;

/* NULL: memory is out, lint->out_of_memory says so. Lives in the lint's arena. */
struct cover *cover_build(struct lint *lint, const struct manifest_entries *entries);

/* An entry that lets out all that ADDRESS does, the narrowest first; NULL: none. */
const struct manifest_entry *cover_find(const struct cover *cover, const struct address *address);

/*
 * The name under which anyone can get a name of their own, where a wildcard over
 * HOST (canonical, NUL-terminated) would cover such names; NULL: none.
 * *REASON says what it is.
 */
const char *lint_shared_host(const char *host, const char **reason);

#endif
