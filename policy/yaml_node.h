/*
 * A YAML (or JSON) document as a tree whose every node knows its line and
 * column, so that a later denial can point at the manifest. Built from
 * libyaml's events; aliases share the node they name; merge keys are resolved.
 *
 * Hostile files are bounded, not trusted: size, depth, nodes, and the nodes a
 * reader would visit with every alias expanded (the "billion laughs").
 * A key that stands twice in one mapping is an error: two readers could differ.
 */
#ifndef SALLYPORT_POLICY_YAML_NODE_H
#define SALLYPORT_POLICY_YAML_NODE_H

#include <stdbool.h>

#include "policy/arena.h"
#include "policy/error.h"
#include "policy/span.h"

#define YAML_SIZE_MAXIMUM  1048576 /* bytes of a file: 1 MiB */
#define YAML_DEPTH_MAXIMUM 64
#define YAML_NODES_MAXIMUM 200000 /* with every alias expanded */
#define YAML_KEY_MAXIMUM   1024 /* bytes of a mapping's key, as YAML has it for keys without "?" */

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_entry;

struct yaml_node {
    enum yaml_kind kind;
    struct position at;
    struct position end;        /* just behind its last character */
    bool quoted;                /* a scalar in quotes or a block: a string whatever it looks like */
    struct span text;           /* a scalar's value; NUL behind it */
    size_t count;               /* items of a sequence, entries of a mapping */
    struct yaml_node **items;   /* YAML_SEQUENCE */
    struct yaml_entry *entries; /* YAML_MAPPING, in the file's order */
};

struct yaml_entry {
    struct yaml_node *key;
    struct yaml_node *value;
};

struct yaml_document;

/* What a kind of file may be at most. The plain readers below hold to a manifest's. */
struct yaml_limits {
    size_t bytes;     /* whole MiB, above 0 */
    size_t nodes;     /* with every alias expanded; below 2^31 */
    size_t memory;    /* bytes of the tree */
    const char *kind; /* in errors: "a manifest" */
};

/*
 * Reads the one document in BYTES; FILE is its name in errors. NULL: ERROR has
 * the place. Owned by the caller: yaml_document_free. An empty file is a
 * document whose root is an unquoted empty scalar.
 */
struct yaml_document *yaml_document_parse(struct span bytes, const char *file, struct error *error);

/* The same, reading the file first (at most YAML_SIZE_MAXIMUM bytes). */
struct yaml_document *yaml_document_read(const char *path, struct error *error);

/* The same two under LIMITS, which last as long as the document. */
struct yaml_document *yaml_document_parse_within(struct span bytes, const char *file,
                                                 const struct yaml_limits *limits,
                                                 struct error *error);
struct yaml_document *yaml_document_read_within(const char *path, const struct yaml_limits *limits,
                                                struct error *error);

void yaml_document_free(struct yaml_document *document);

/* Valid as long as the document. */
const struct yaml_node *yaml_document_root(const struct yaml_document *document);
const char *yaml_document_file(const struct yaml_document *document);

/* The bytes that were read, a byte order mark left out: what positions count in. */
struct span yaml_document_source(const struct yaml_document *document);

/*
 * The value under KEY, or NULL when NODE is NULL, no mapping, or has no such
 * key. Keys that are no scalars are never found.
 */
const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key);

/* An unquoted scalar that YAML 1.2 reads as null: empty, ~, null. */
bool yaml_is_null(const struct yaml_node *node);

/* An unquoted true or false (YAML 1.2 core). False return: it is neither. */
bool yaml_boolean(const struct yaml_node *node, bool *value);

/* A scalar that YAML 1.2's core schema reads as a string: not null, a boolean or a number. */
bool yaml_is_string(const struct yaml_node *node);

/* What NODE is, in an error's words: "a mapping", "a list", "a number", "nothing", … */
const char *yaml_describe(const struct yaml_node *node);

#endif
