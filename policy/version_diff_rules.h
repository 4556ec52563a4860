/*
 * What the parts of version_diff share. version_diff.c directs;
 * version_diff_entries.c compares the lists, version_diff_remotes.c the remotes,
 * version_diff_aside.c what declares no address; version_diff_names.c matches
 * names; version_diff_rules.c is the table of rules.
 */
#ifndef SALLYPORT_POLICY_VERSION_DIFF_RULES_H
#define SALLYPORT_POLICY_VERSION_DIFF_RULES_H

#include "policy/version_diff.h"

enum version_rule_index {
    RULE_SCOPE_ADDED,
    RULE_SCOPE_REMOVED,
    RULE_SCOPE_IMPERSONATION_ADDED,
    RULE_SCOPE_IMPERSONATION_REMOVED,
    RULE_EGRESS_ADDED,
    RULE_EGRESS_SWAPPED,
    RULE_EGRESS_NARROWED,
    RULE_EGRESS_COVERED,
    RULE_EGRESS_REMOVED,
    RULE_EGRESS_MOVED_TO_REMOTES,
    RULE_CSP_OPTION_ADDED,
    RULE_CSP_OPTION_SWAPPED,
    RULE_CSP_OPTION_REMOVED,
    RULE_CATEGORY_ADDED,
    RULE_CATEGORY_CHANGED,
    RULE_IN_SCOPE_EUD_ADDED,
    RULE_IN_SCOPE_EUD_EXTENDED,
    RULE_IN_SCOPE_EUD_REMOVED,
    RULE_PROVIDER_ADDED,
    RULE_PROVIDER_REMOVED,
    RULE_PROVIDER_CLIENT_ID_CHANGED,
    RULE_PROVIDER_REMOTE_ADDED,
    RULE_PROVIDER_REMOTE_REMOVED,
    RULE_REMOTE_ADDED,
    RULE_CUSTOMER_MANAGED_REMOTE_ADDED,
    RULE_REMOTE_REMOVED,
    RULE_BASE_URL_ADDED,
    RULE_BASE_URL_CHANGED,
    RULE_REGION_ADDED,
    RULE_REGION_REMOVED,
    RULE_BASE_URL_FORM_CHANGED,
    RULE_CUSTOMER_MANAGED_BASE_URL_REMOVED,
    RULE_REMOTE_STORAGE_EUD_ADDED,
    RULE_REMOTE_STORAGE_EUD_REMOVED,
    RULE_REMOTE_CONFIGURABLE_ADDED,
    RULE_REMOTE_CONFIGURABLE_REMOVED,
    RULE_REMOTE_PATTERN_ADDED,
    RULE_REMOTE_PATTERN_REMOVED,
    RULE_REMOTE_OPERATION_ADDED,
    RULE_REMOTE_OPERATION_REMOVED,
    RULE_REMOTE_TOKEN_ADDED,
    RULE_REMOTE_TOKEN_REMOVED,
    RULE_CUSTOMER_EGRESS_ADDED,
    RULE_CUSTOMER_EGRESS_REMOVED,
    RULE_CUSTOMER_EGRESS_REMOVED_IN_PRODUCTION,
    RULE_ENFORCEMENT_CHANGED,
    RULE_APP_ID_CHANGED,
    RULE_COUNT,
};

/* What has become of an entry of OLD, or where one of NEW comes from. */
enum entry_fate {
    FATE_KEPT,   /* it stands in both */
    FATE_ALONE,  /* in this one only */
    FATE_SPOKEN, /* in this one only, and a change has said so */
};

struct list_match {
    enum entry_fate *old_fates; /* by the entry's index */
    enum entry_fate *new_fates;
    struct reach *old_reach;
    struct reach *new_reach;
};

struct found_change {
    struct version_change change;
    struct found_change *next;
};

/* A comparison under way. */
struct comparison {
    const struct manifest *old;
    const struct manifest *new;
    const struct version_diff_options *options;
    struct arena *arena;
    struct list_match lists[LIST_COUNT];
    bool old_has_eud; /* an entry of OLD has inScopeEUD */
    struct found_change *found;
    size_t found_count;
    bool out_of_memory;
};

/* COUNT × SIZE zeroed bytes, at least one; NULL sets out_of_memory. */
void *comparison_allocate(struct comparison *comparison, size_t count, size_t size);

/* Notes a change. What FORMAT names of a manifest should come from FINDING_QUOTE. */
void comparison_add(struct comparison *comparison, enum version_rule_index rule,
                    struct position old_at, struct position new_at, const char *format, ...)
    PRINTF_LIKE(5, 6);

#define NO_PLACE ((struct position){0, 0})

/* A name of OLD, of NEW, or of both. */
struct name {
    struct span text;
    struct position at;
    size_t index; /* in the array it comes from */
};

struct name_pair {
    const struct name *old; /* NULL: not there */
    const struct name *new;
};

struct names {
    struct name *items;
    size_t count;
};

/* Room for COUNT names; count is 0. */
struct names names_new(struct comparison *comparison, size_t count);
void names_add(struct names *names, struct span text, struct position at, size_t index);

/*
 * Pairs each name of OLD with that of NEW; sorts both and drops repetitions.
 * *COUNT pairs come back, in the names' order; NULL: memory is out (*COUNT is 0).
 */
struct name_pair *names_match(struct comparison *comparison, struct names *old, struct names *new,
                              size_t *count);

/* Which entries stand in both; fills the fates of all lists. */
void compare_match_entries(struct comparison *comparison);

/* The changes of the lists, after all that have spoken for an entry. */
void compare_lists(struct comparison *comparison);

void compare_remotes(struct comparison *comparison);

/* Scopes, content options, providers, customer-managed egress, enforcement, the app's id. */
void compare_aside(struct comparison *comparison);

#endif
