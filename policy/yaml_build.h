/*
 * What the parts of the YAML reader share and nobody else needs: yaml_bytes.c
 * looks at the bytes, yaml_parse.c makes nodes from events, yaml_mapping.c
 * finishes mappings, yaml_document.c owns the result, yaml_file.c reads files.
 */
#ifndef SALLYPORT_POLICY_YAML_BUILD_H
#define SALLYPORT_POLICY_YAML_BUILD_H

#include "policy/yaml_node.h"

struct yaml_document {
    struct arena *arena;    /* every node, text and anchor */
    char *bytes;            /* as read, owned */
    struct span source;     /* the same without its byte order mark */
    const char *file;       /* in the arena */
    struct yaml_node *root; /* NULL while there is none */
    const struct yaml_limits *limits;
};

/* A node while its document is built. */
struct yaml_built {
    struct yaml_node node;
    uint32_t weight; /* nodes a reader visits from here, aliases expanded; at most the limit */
    uint32_t height; /* containers from here down, itself counted; 0 for a scalar */
    bool open;       /* a container whose end has not been seen */
};

/*
 * Checks what libyaml would not place or would read otherwise than other readers
 * do: size, encoding, NUL and control characters, line ends that only YAML 1.1
 * knows, the number of directives. TEXT has no byte order mark.
 */
bool yaml_bytes_check(struct span text, const char *file, const struct yaml_limits *limits,
                      struct error *error);

/* The error that a file of SIZE bytes is larger than LIMITS allow. */
void yaml_refuse_size(const char *file, size_t size, const struct yaml_limits *limits,
                      struct error *error);

/* What the plain readers hold to. */
extern const struct yaml_limits yaml_manifest_limits;

/* BYTES without the byte order mark of UTF-8. */
struct span yaml_bytes_strip_mark(struct span bytes);

/*
 * Finishes a mapping whose entries are all there: refuses a key that stands
 * twice, then puts the entries that its merge key ("<<") names in that key's
 * place. ENTRIES (COUNT of them) may be reordered. MAPPING gets its own array.
 */
bool yaml_mapping_finish(struct yaml_node *mapping, struct yaml_entry *entries, size_t count,
                         struct arena *arena, const char *file, struct error *error);

/* Fills DOCUMENT's root from its source; leaves NULL where the source has no value at all. */
bool yaml_build(struct yaml_document *document, struct error *error);

/* A document over BYTES (from malloc), which it takes over whether or not it succeeds. */
struct yaml_document *yaml_document_take(char *bytes, size_t length, const char *file,
                                         const struct yaml_limits *limits, struct error *error);

#endif
