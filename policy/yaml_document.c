/*
 * A document's life: its text checked, its tree built, all of it freed at once.
 */
#include "policy/yaml_build.h"

#include <stdlib.h>

const struct yaml_limits yaml_manifest_limits = {.bytes = YAML_SIZE_MAXIMUM,
                                                 .nodes = YAML_NODES_MAXIMUM,
                                                 .memory = (size_t)64 * 1024 * 1024,
                                                 .kind = "a manifest"};

static const struct position whole_file = {0, 0};

/* What an empty file is: nothing, said in YAML. */
static struct yaml_node *empty_root(struct arena *arena)
{
    struct yaml_node *node = arena_allocate(arena, sizeof(*node));
    if (node == NULL)
        return NULL;
    node->kind = YAML_SCALAR;
    node->at = node->end = (struct position){1, 1};
    node->text = SPAN("");
    return node;
}

static bool fill(struct yaml_document *document, const char *file, struct error *error)
{
    document->arena = arena_new(document->limits->memory);
    if (document->arena != NULL)
        document->file = arena_copy(document->arena, span_of(file)).data;
    if (document->file == NULL) {
        error_set(error, "out of memory");
        return false;
    }
    if (!yaml_bytes_check(document->source, file, document->limits, error) ||
        !yaml_build(document, error))
        return false;
    if (document->root == NULL)
        document->root = empty_root(document->arena);
    if (document->root == NULL)
        error_set(error, "out of memory");
    return document->root != NULL;
}

struct yaml_document *yaml_document_take(char *bytes, size_t length, const char *file,
                                         const struct yaml_limits *limits, struct error *error)
{
    struct yaml_document *document = calloc(1, sizeof(*document));
    if (document == NULL) {
        free(bytes);
        error_set_at(error, file, whole_file, "out of memory");
        return NULL;
    }
    document->bytes = bytes;
    document->limits = limits;
    document->source = yaml_bytes_strip_mark((struct span){bytes, length});
    if (!fill(document, file, error)) {
        error_locate(error, file, whole_file);
        yaml_document_free(document);
        return NULL;
    }
    return document;
}

struct yaml_document *yaml_document_parse_within(struct span bytes, const char *file,
                                                 const struct yaml_limits *limits,
                                                 struct error *error)
{
    const size_t byte_order_mark = 3;
    if (bytes.length > limits->bytes + byte_order_mark) {
        yaml_refuse_size(file, bytes.length, limits, error);
        return NULL;
    }
    char *copy = span_duplicate(bytes);
    if (copy == NULL) {
        error_set_at(error, file, whole_file, "out of memory");
        return NULL;
    }
    return yaml_document_take(copy, bytes.length, file, limits, error);
}

struct yaml_document *yaml_document_parse(struct span bytes, const char *file, struct error *error)
{
    return yaml_document_parse_within(bytes, file, &yaml_manifest_limits, error);
}

void yaml_document_free(struct yaml_document *document)
{
    if (document == NULL)
        return;
    arena_free(document->arena);
    free(document->bytes);
    free(document);
}

const struct yaml_node *yaml_document_root(const struct yaml_document *document)
{
    return document->root;
}

const char *yaml_document_file(const struct yaml_document *document)
{
    return document->file;
}

struct span yaml_document_source(const struct yaml_document *document)
{
    return document->source;
}
