/*
 * DIR/APP/ENVIRONMENT/narrow.yml: methods and paths that may be used of declared
 * addresses. A list of
 *
 *     - address: https://api.example.com   # host and port that it speaks of, as in a manifest
 *       methods: [GET, HEAD]               # left out: any
 *       paths: [/v2/users, {regex: "/reports/[0-9]+"}]       # left out: any
 *       opaque: allow                      # tunnels that nobody looks into may go there too
 *
 * The file opens nothing, and whoever writes it wants something shut: so a key that
 * is not known, an entry that takes nothing away, an address that no manifest
 * declares are errors at their place, and nothing is guessed.
 */
#ifndef SALLYPORT_POLICY_NARROW_FILE_H
#define SALLYPORT_POLICY_NARROW_FILE_H

#include "policy/finding.h"
#include "policy/grant.h"
#include "policy/yaml_node.h"

#define NARROW_ENTRIES_MAXIMUM 10000
#define NARROW_METHODS_MAXIMUM 32     /* of one entry */
#define NARROW_METHOD_LENGTH   32     /* bytes */
#define NARROW_PATHS_MAXIMUM   100000 /* of one entry */
#define NARROW_REGEXES_MAXIMUM 100    /* of one entry */
#define NARROW_DEPTH_MAXIMUM   64     /* segments of a path pattern */

/* Files of up to 8 MiB. */
extern const struct yaml_limits narrow_limits;

struct narrow_path {
    struct span text;    /* a pattern, normalised; or the expression, as written */
    struct span decoded; /* the pattern, percent-decoded, segment by segment */
    struct position at;
    bool regex;
};

struct narrow_entry {
    struct span text; /* the address as written */
    struct address address;
    struct position at; /* of the address */
    struct span *methods;
    size_t method_count;
    struct narrow_path *paths;
    size_t path_count;
    bool any_method; /* no `methods` */
    bool any_path;   /* no `paths` */
    bool opaque;     /* opaque: allow */
};

struct narrow_file {
    const char *file;
    struct narrow_entry *items; /* in the file's order */
    size_t count;
};

/* A method as RFC 9110, section 9.1 has them: a token, of at most NARROW_METHOD_LENGTH bytes. */
bool narrow_method_valid(struct span method);

/*
 * Reads DOCUMENT (yaml_document_read_within, narrow_limits) into ARENA; strings may point into the
 * document: keep both. Findings of level error mean that it must not be used. NULL: memory is out.
 * Whether a manifest declares the addresses and whether PCRE2 takes the expressions is not asked
 * here.
 */
struct narrow_file *narrow_file_read(const struct yaml_document *document, struct arena *arena,
                                     struct findings *findings);

#endif
