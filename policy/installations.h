/*
 * Who installed an app, and what each site's admin has approved:
 * DIR/APP/ENVIRONMENT/installations.yml. Reader, check against the manifests
 * that are approved, and writer; what the file makes of a grant is
 * grant_table.h's.
 *
 * The file is an admin's signature, so the reader is strict: a key that it does
 * not know, a value that could be meant in two ways, an installation that
 * stands twice are errors at their place, and nothing is guessed.
 */
#ifndef SALLYPORT_POLICY_INSTALLATIONS_H
#define SALLYPORT_POLICY_INSTALLATIONS_H

#include "policy/manifest.h"

#define INSTALLATIONS_MAXIMUM            200000  /* of one app in one environment */
#define INSTALLATION_MAJOR_MAXIMUM       1000000 /* the highest major (and minor) version */
#define INSTALLATION_GROUPS_MAXIMUM      100     /* of one installation; remotes too */
#define INSTALLATION_DOMAINS_MAXIMUM     1000    /* of one group */
#define INSTALLATION_DESCRIPTION_MAXIMUM 1000    /* bytes */

/* Files of up to 32 MiB: 100,000 installations with what an admin can say of each. */
extern const struct yaml_limits installations_limits;

/* What an admin opens: one address, and the lists it is meant for. */
struct installation_domain {
    struct span text; /* as written */
    struct position at;
    struct address address;
    uint32_t lists; /* 1 << enum manifest_list; only LIST_FETCH_BACKEND decides here */
};

struct installation_group {
    struct span key;
    struct span description; /* "" where there is none */
    struct position at;      /* of the key */
    struct installation_domain *domains;
    size_t domain_count;
};

struct installation_remote {
    struct span key;
    struct position at; /* of the key */
    struct span endpoint;
    struct position endpoint_at;
    struct address address; /* the endpoint's: one host */
};

struct installation {
    struct span id;
    struct position at; /* of the id */
    uint32_t approved;  /* the major version its admin approved, from 1 */
    struct position approved_at;
    struct span region; /* "" where none is chosen */
    bool analytics_off;
    bool suspended;  /* nothing is allowed */
    bool log_access; /* the developer may see this site's logs in production */
    struct installation_group *groups;
    size_t group_count;
    struct installation_remote *remotes;
    size_t remote_count;
};

struct installations {
    const char *file;           /* name in errors, as the document has it */
    struct installation *items; /* in the file's order */
    size_t count;
};

/*
 * Reads DOCUMENT (from yaml_document_read_within, installations_limits) into
 * ARENA; strings may point into the document: keep both. Findings of level error
 * mean that it must not be used (findings_error has the first). NULL: memory is out.
 */
struct installations *installations_read(const struct yaml_document *document, struct arena *arena,
                                         struct findings *findings);

/* NULL: no such installation. In the time of a look at each. */
struct installation *installations_find(const struct installations *installations, struct span id);

/*
 * Whether MANIFEST, the newest minor of the major that INSTALLATION has approved,
 * allows what its admin says: egress groups only where it is configurable,
 * endpoints only of its configurable remotes and only as their supportedPatterns
 * have them; http:// and ws:// only with PLAIN_HTTP. What does not fit is a
 * finding of level error at its place.
 */
void installation_check(const struct installation *installation, const struct manifest *manifest,
                        bool plain_http, struct findings *findings);

/*
 * Whether ENDPOINT (whose ADDRESS was parsed) is one that PATTERN has: a text in
 * which one "*" stands for one or more characters. Stricter than text: "*" in a
 * host never reaches beyond the host and port, so that
 * https://evil.example/a.example.com is not below *.example.com; a pattern without
 * a scheme means any that may be declared, one without a path any path.
 */
bool installation_pattern_matches(struct span pattern, struct span endpoint,
                                  const struct address *address);

/*
 * The canonical text of the file: the same installations always give the same
 * bytes, and reading them gives the same installations. One line an
 * installation that has no groups and no remotes. TEXT's overflow says that it did not fit.
 */
void installations_write(const struct installations *installations, struct text *text);

/* "FETCH_BACKEND_SIDE", "IMAGES", …: a LIST as the type of a domain. */
const char *installation_type_name(enum manifest_list list);

#endif
