/*
 * What the parts of the manifest reader share: manifest.c directs,
 * manifest_variables.c replaces ${NAME}, manifest_entries.c reads the egress
 * lists, manifest_remotes.c the remotes, manifest_aside.c what decides no
 * egress. manifest_reader.c has the small steps that all of them take.
 *
 * A wrong shape in what decides egress is an error always. In what does not
 * (READER->aside is set while such a part is read) it is reported only to a
 * thorough reader, so that a proxy never refuses a manifest over it.
 */
#ifndef SALLYPORT_POLICY_MANIFEST_READER_H
#define SALLYPORT_POLICY_MANIFEST_READER_H

#include "policy/manifest.h"
#include "policy/text.h"

#define MANIFEST_STRING_MAXIMUM 2048 /* bytes of a string we read, variables replaced */

struct declared_variable {
    struct span name;
    struct span value;
    struct position at;
    bool has_value; /* set from outside, or by its default */
};

struct manifest_reader {
    struct manifest *manifest;
    const struct manifest_options *options;
    struct arena *arena;
    struct findings *findings;
    struct declared_variable *variables; /* sorted by name once they are all read */
    size_t variable_count;
    bool aside;
    bool out_of_memory;
};

/* COUNT × SIZE zeroed bytes of the arena; NULL sets out_of_memory (a COUNT of 0 is no failure). */
void *reader_allocate(struct manifest_reader *reader, size_t count, size_t size);

/* An error about NODE, unless it stands aside and nobody asked. */
void reader_complain(struct manifest_reader *reader, const struct yaml_node *node, const char *rule,
                     const char *format, ...) PRINTF_LIKE(4, 5);

/* The same about a place that is no node. */
void reader_complain_at(struct manifest_reader *reader, struct position at, const char *rule,
                        const char *format, ...) PRINTF_LIKE(4, 5);

/* The same about a node, as a warning. */
void reader_warn(struct manifest_reader *reader, const struct yaml_node *node, const char *rule,
                 const char *format, ...) PRINTF_LIKE(4, 5);

/*
 * The value of KEY in PARENT if it is of KIND (YAML_MAPPING or YAML_SEQUENCE);
 * NULL when it is not there, is null, or is of another kind (then an error that
 * calls it PATH).
 */
const struct yaml_node *reader_child(struct manifest_reader *reader, const struct yaml_node *parent,
                                     const char *key, enum yaml_kind kind, const char *path);

/* The list under KEY, which is its name in errors, if it has at most MAXIMUM items; else NULL. */
const struct yaml_node *reader_list_within(struct manifest_reader *reader,
                                           const struct yaml_node *parent, const char *key,
                                           size_t maximum);

/* False: NODE is no mapping, and an error says so: "PATH is …; it must be RIGHT". */
bool reader_is_mapping(struct manifest_reader *reader, const struct yaml_node *node,
                       const char *path, const char *right);

/* The string under KEY as it stands. NULL: it is missing or none, which an error says of PATH. */
const struct yaml_node *reader_required_string(struct manifest_reader *reader,
                                               const struct yaml_node *parent, const char *key,
                                               const char *path);

/*
 * Reads NODE as a string, variables replaced. False: it is none, which an error
 * says, calling it PATH.
 */
bool reader_string(struct manifest_reader *reader, const struct yaml_node *node, const char *path,
                   struct span *text);

/* The boolean under KEY, or FALLBACK where it is not there; another value is an error. */
bool reader_flag(struct manifest_reader *reader, const struct yaml_node *parent, const char *key,
                 const char *path, bool fallback);

/* The list of strings under KEY; what is no string is left out. Returns how many. */
size_t reader_strings(struct manifest_reader *reader, const struct yaml_node *parent,
                      const char *key, const char *path, struct span **items);

/* An error for each key of NODE that is none of KNOWN (NULL ends them), naming the nearest. */
void reader_check_keys(struct manifest_reader *reader, const struct yaml_node *node,
                       const char *path, const char *const *known);

/* The error "PATH is a number; it must be RIGHT" for a value of the wrong kind. */
void reader_wrong_kind(struct manifest_reader *reader, const struct yaml_node *node,
                       const char *path, const char *right);

void manifest_read_variables(struct manifest_reader *reader, const struct yaml_node *root);

/* TEXT with every ${NAME} replaced, into *replaced. False: an error at NODE says why not. */
bool manifest_replace_variables(struct manifest_reader *reader, const struct yaml_node *node,
                                struct span text, struct span *replaced);

void manifest_read_remotes(struct manifest_reader *reader, const struct yaml_node *root);

/* permissions.external's lists; after the remotes, which they name. */
void manifest_read_lists(struct manifest_reader *reader, const struct yaml_node *external);

/* Scopes, content, providers, enforcement. */
void manifest_read_aside(struct manifest_reader *reader, const struct yaml_node *root);

/* http:// and ws:// are an error or a warning. False: an error. */
bool manifest_check_scheme(struct manifest_reader *reader, const struct yaml_node *node,
                           const struct address *address, struct span text);

#endif
