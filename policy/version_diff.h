/*
 * Two versions of a manifest, compared: what can leave under NEW that could not
 * under OLD, and which of the platform's rules for versions make the
 * change MAJOR (an admin approves it first) or MINOR.
 *
 * Two questions, answered apart. The verdict is about reach: the addresses of
 * every list of permissions.external, each region's base URLs among them. The bump is
 * about approval: a scope, a category or a provider needs it and moves no address.
 * Wider reach is always MAJOR.
 *
 * Where the two lists of section 5 leave a doubt:
 * - An added address that OLD lets out already in every region and with analytics on and off
 *   ("*.a.com" to "b.a.com") is MINOR, unless it brings a category or end-user
 *   data in: nothing can leave that could not before. For base URLs the
 *   platform's rule stands as written: adding or changing one is MAJOR.
 * - "https://" to "wss://" is another address, and so is another path in a browser's
 *   list; a path in fetch.backend is nothing, and nor are order and duplicates.
 * - What the section does not name and what could send more, or to somebody else, is
 *   MAJOR: impersonation, a remote's tokens, operations and patterns, a provider's
 *   remotes, a remote that is no longer configurable, another app's id.
 */
#ifndef SALLYPORT_POLICY_VERSION_DIFF_H
#define SALLYPORT_POLICY_VERSION_DIFF_H

#include "policy/reach.h"

enum version_bump { BUMP_NONE, BUMP_MINOR, BUMP_MAJOR };
enum version_verdict { VERSION_SAME, VERSION_NARROWER, VERSION_WIDER };

/* "none", "minor", "major". */
const char *version_bump_name(enum version_bump bump);
/* "same", "narrower", "wider". */
const char *version_verdict_name(enum version_verdict verdict);

struct version_rule {
    const char *id; /* stable, kebab-case */
    enum version_bump bump;
    const char *sentence;
};

/* All rules, in a fixed order. */
size_t version_rule_count(void);
const struct version_rule *version_rule_at(size_t index);

struct version_change {
    const struct version_rule *rule;
    const char *message;    /* "fetch.backend gains "https://b.example.com"" */
    struct position old_at; /* {0, 0}: not in OLD */
    struct position new_at; /* {0, 0}: not in NEW */
};

/* An address that one manifest lets out and the other does not. */
struct version_reach {
    enum manifest_list list;
    const struct reach_item *item;
    uint32_t situations;             /* in which the other does not; see reach.h */
    const struct reach_item **below; /* what below it the other does let out, the first of them */
    size_t below_count;
};

#define VERSION_BELOW_MAXIMUM 16

struct version_diff {
    const char *old_file;
    const char *new_file;
    enum version_verdict verdict;
    enum version_bump bump;
    struct version_change *changes; /* MAJOR first, then by place */
    size_t change_count;
    struct version_reach *added; /* by list, then by address */
    size_t added_count;
    struct version_reach *removed;
    size_t removed_count;
};

struct version_diff_options {
    bool production; /* where external.configurable.enabled cannot be removed */
};

/*
 * Compares two manifests that were read without errors. Lives in ARENA and
 * points into both. NULL: memory is out. Time is n log n in the sum of entries.
 */
struct version_diff *version_diff(const struct manifest *old, const struct manifest *new,
                                  const struct version_diff_options *options, struct arena *arena);

#endif
