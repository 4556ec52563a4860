/*
 * A manifest, read: the platform's manifest reference, every part that decides egress or that
 * lint, diff and csp speak of. What is not ours is read past.
 *
 * One reader serves the proxy and lint: it reports findings as it goes. A
 * finding of level error in what decides egress means there is no grant.
 */
#ifndef SALLYPORT_POLICY_MANIFEST_H
#define SALLYPORT_POLICY_MANIFEST_H

#include "policy/finding.h"
#include "policy/grant.h"
#include "policy/variables.h"
#include "policy/yaml_node.h"

/* Lists of permissions.external; the first is the one the proxy enforces. */
enum manifest_list {
    LIST_FETCH_BACKEND,
    LIST_FETCH_CLIENT,
    LIST_IMAGES,
    LIST_FONTS,
    LIST_STYLES,
    LIST_SCRIPTS,
    LIST_FRAMES,
    LIST_MEDIA,
    LIST_NAVIGATION,
    LIST_COUNT,
};

/* "fetch.backend", "images", … */
const char *manifest_list_name(enum manifest_list list);

enum entry_form { ENTRY_STRING, ENTRY_OBJECT, ENTRY_REMOTE };

struct manifest_entry {
    enum entry_form form;
    struct position at; /* of the address or the remote's key */
    struct position end;
    struct span text;       /* the address as written, variables replaced; or the remote's key */
    struct address address; /* unset for ENTRY_REMOTE, and where `valid` is false */
    bool valid;             /* the address could be read */
    bool analytics;         /* category: analytics */
    bool in_scope_eud;      /* default true */
};

struct manifest_entries {
    struct manifest_entry *items;
    size_t count;
};

/* The names a region can have, "default" among them; NULL ends them. */
#define MANIFEST_REGION_COUNT 12
extern const char *const manifest_regions[MANIFEST_REGION_COUNT + 1];
bool manifest_region_known(struct span name);

/* 1 to 23 letters, digits, - and _: what a remote's key may be. */
bool manifest_key_valid(struct span key);

struct manifest_base_url {
    struct span region; /* "default" for the plain string form */
    struct span text;
    struct position at;
    struct position end;
    struct address address;
    bool valid;
};

struct manifest_remote {
    struct span key;
    struct position at;
    struct manifest_base_url *urls;
    size_t url_count;
    bool by_region; /* baseUrl was a map */
    struct span *operations;
    size_t operation_count;
    bool app_system_token;
    bool app_user_token;
    bool storage_in_scope_eud;
    bool configurable;
    struct span *supported_patterns;
    size_t supported_pattern_count;
};

struct manifest_provider {
    struct span key;
    struct span client_id;
    struct position at;
    struct span *remotes; /* keys it names, those of its actions too */
    struct position *remotes_at;
    size_t remote_count;
};

struct manifest_scope {
    struct span name;
    struct position at;
    bool allow_impersonation;
};

struct manifest {
    const char *file;
    struct span app_id;
    struct position app_id_at;
    bool app_managed;  /* permissions.enforcement: app-managed */
    bool configurable; /* permissions.external.configurable.enabled */
    struct position configurable_at;
    struct manifest_entries lists[LIST_COUNT];
    struct manifest_remote *remotes; /* in the manifest's order */
    size_t remote_count;
    struct manifest_remote **remotes_by_key; /* the same, sorted */
    struct manifest_provider *providers;
    size_t provider_count;
    struct manifest_scope *scopes; /* a list's items, or a map's keys */
    size_t scope_count;
    struct span *content_styles; /* permissions.content.styles / scripts */
    struct position *content_styles_at;
    size_t content_style_count;
    struct span *content_scripts;
    struct position *content_scripts_at;
    size_t content_script_count;
};

struct manifest_options {
    bool plain_http;                   /* http:// and ws:// may be declared (then a warning) */
    const struct variables *variables; /* variables.yml and --set; NULL: none */
    bool thorough; /* lint: report also mistakes in what decides no egress of the app's server side
                    */
    struct error *passed_over; /* NULL, or gets the first unknown key that is no finding here, and
                                  below which egress may be declared in vain; its message is ""
                                  while there is none */
};

/*
 * The address of a browser-side list: what address_parse takes, or a scheme of
 * an application's own, such as "slack:" (then *address is unset and *valid
 * false). False: neither, ERROR says why (no place).
 */
bool manifest_browser_address(struct span text, struct address *address, bool *valid,
                              struct error *error);

/*
 * Reads DOCUMENT into a manifest that lives in ARENA (whose strings may point
 * into the document: keep both). Findings go to FINDINGS. NULL only when memory
 * is out; a manifest full of errors is still returned for lint.
 */
struct manifest *manifest_read(const struct yaml_document *document,
                               const struct manifest_options *options, struct arena *arena,
                               struct findings *findings);

/* What of a manifest an installation takes. */
struct manifest_choice {
    struct span region;         /* "" or "default": none chosen */
    bool without_analytics;     /* entries of category analytics are left out */
    const struct span *without; /* keys of remotes whose base URLs are left out */
    size_t without_count;
};

/* Like manifest_grant, by CHOICE. */
bool manifest_grant_chosen(const struct manifest *manifest, const struct manifest_choice *choice,
                           struct arena *arena, struct grant *grant);

/*
 * What MANIFEST grants in REGION ("" or "default": no region chosen): the
 * fetch.backend list with remotes replaced by their base URLs. Strings point
 * into the manifest. False: memory is out.
 */
bool manifest_grant(const struct manifest *manifest, struct span region, struct arena *arena,
                    struct grant *grant);

const struct manifest_remote *manifest_find_remote(const struct manifest *manifest,
                                                   struct span key);

/* How many addresses ENTRIES stand for at most: one each, a remote for all of its base URLs. */
size_t manifest_count_addresses(const struct manifest *manifest,
                                const struct manifest_entries *entries);

#endif
