/*
 * installations.yml from YAML to installations: the list. Each part reports its
 * own mistakes and goes on, so that one look at a hand-edited file finds them
 * all. What stands in one entry is installation_reader.c's.
 */
#include "policy/installations.h"

#include <stdlib.h>

#include "policy/installation_reader.h"

/* A mebibyte of YAML makes about twelve of tree. */
const struct yaml_limits installations_limits = {.bytes = (size_t)32 << 20,
                                                 .nodes = 4000000,
                                                 .memory = (size_t)768 << 20,
                                                 .kind = "a list of installations"};

/* By id, then by place in the file: the pointers go into one array. */
static int compare_installations(const void *left, const void *right)
{
    const struct installation *a = *(const struct installation *const *)left;
    const struct installation *b = *(const struct installation *const *)right;
    size_t shorter = a->id.length < b->id.length ? a->id.length : b->id.length;
    int order = memcmp(a->id.data, b->id.data, shorter);
    if (order == 0)
        order = (a->id.length > b->id.length) - (a->id.length < b->id.length);
    return order != 0 ? order : (a > b) - (a < b);
}

static void refuse_doubles(struct manifest_reader *reader,
                           const struct installations *installations)
{
    const struct installation **sorted =
        reader_allocate(reader, installations->count, sizeof(const struct installation *));
    for (size_t i = 0; sorted != NULL && i < installations->count; i++)
        sorted[i] = &installations->items[i];
    if (sorted == NULL)
        return;
    qsort(sorted, installations->count, sizeof(const struct installation *), compare_installations);
    for (size_t i = 1; i < installations->count; i++) {
        if (span_equal(sorted[i - 1]->id, sorted[i]->id))
            reader_complain_at(reader, sorted[i]->at, "duplicate",
                               "the installation %s stands twice, first on line %u; keep one of "
                               "them",
                               FINDING_QUOTE(sorted[i]->id), sorted[i - 1]->at.line);
    }
}

static void read_root(struct manifest_reader *reader, const struct yaml_node *root,
                      struct installations *installations)
{
    static const char *const known[] = {"installations", NULL};
    if (!reader_is_mapping(reader, root, "the file", "a mapping with installations: […]"))
        return;
    reader_check_keys(reader, root, "the file", known);
    if (yaml_get(root, "installations") == NULL) {
        reader_complain(reader, root, "missing-key", "there is no list; write installations: []");
        return;
    }
    const struct yaml_node *list =
        reader_list_within(reader, root, "installations", INSTALLATIONS_MAXIMUM);
    if (list == NULL)
        return;
    installations->items = reader_allocate(reader, list->count, sizeof(*installations->items));
    for (size_t i = 0; i < list->count && installations->items != NULL; i++) {
        if (installation_read(reader, list->items[i], &installations->items[installations->count]))
            installations->count++;
    }
    refuse_doubles(reader, installations);
}

struct installations *installations_read(const struct yaml_document *document, struct arena *arena,
                                         struct findings *findings)
{
    static const struct manifest_options options = {.thorough = true};
    struct installations *installations = arena_allocate(arena, sizeof(*installations));
    if (installations == NULL)
        return NULL;
    installations->file = yaml_document_file(document);
    struct manifest_reader reader = {.options = &options, .arena = arena, .findings = findings};
    read_root(&reader, yaml_document_root(document), installations);
    return reader.out_of_memory ? NULL : installations;
}

struct installation *installations_find(const struct installations *installations, struct span id)
{
    for (size_t i = 0; i < installations->count; i++) {
        if (span_equal(installations->items[i].id, id))
            return &installations->items[i];
    }
    return NULL;
}
