/*
 * From entries to a compiled narrow.yml. Sizes are counted first, so that every
 * array is allocated once and places in it never move.
 */
#include <stdlib.h>

#include "policy/fingerprint.h"
#include "policy/narrow_layout.h"

#define ARENA_MAXIMUM ((size_t)1 << 30)

struct build {
    struct narrow *narrow;
    struct arena *arena;
    const struct narrow_file *file;
    const struct narrow_entry **sorted; /* by address; of one address, the file's order */
    struct findings *findings;
};

/* ---- groups ---------------------------------------------------------------------- */

static int compare_addresses(const struct address *a, const struct address *b)
{
    if (a->wildcard != b->wildcard)
        return a->wildcard ? 1 : -1;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    return strcmp(a->host.text, b->host.text);
}

static int compare_entries(const void *a, const void *b)
{
    const struct narrow_entry *left = *(const struct narrow_entry *const *)a;
    const struct narrow_entry *right = *(const struct narrow_entry *const *)b;
    int order = compare_addresses(&left->address, &right->address);
    if (order != 0)
        return order;
    return left < right ? -1 : left > right;
}

static bool sort_entries(struct build *build)
{
    size_t count = build->file->count;
    build->sorted =
        arena_allocate_array(build->arena, count + 1, sizeof(const struct narrow_entry *));
    if (build->sorted == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        build->sorted[i] = &build->file->items[i];
    qsort(build->sorted, count, sizeof(const struct narrow_entry *), compare_entries);
    return true;
}

/* ---- sizes ------------------------------------------------------------------------- */

static size_t count_slashes(struct span text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += text.data[i] == '/';
    return count;
}

static bool allocate(struct build *build)
{
    struct narrow *narrow = build->narrow;
    size_t marks = 1, nodes = 1 + build->file->count;
    for (size_t i = 0; i < build->file->count; i++) {
        const struct narrow_entry *entry = &build->file->items[i];
        marks += entry->path_count;
        for (size_t k = 0; k < entry->path_count; k++)
            nodes += count_slashes(entry->paths[k].text);
    }
    if (nodes > UINT32_MAX / 4 || marks > UINT32_MAX / 4)
        return false;
    narrow->key = trie_hash_key();
    narrow->index_size = (uint32_t)nodes * 2;
    narrow->groups =
        arena_allocate_array(build->arena, build->file->count + 1, sizeof(*narrow->groups));
    narrow->entries =
        arena_allocate_array(build->arena, build->file->count + 1, sizeof(*narrow->entries));
    narrow->nodes = arena_allocate_array(build->arena, nodes, sizeof(*narrow->nodes));
    narrow->marks = arena_allocate_array(build->arena, marks, sizeof(*narrow->marks));
    narrow->index = arena_allocate_array(build->arena, narrow->index_size, sizeof(*narrow->index));
    narrow->file = arena_copy(build->arena, span_of(build->file->file)).data;
    narrow->node_count = narrow->mark_count = 1;
    return narrow->groups != NULL && narrow->entries != NULL && narrow->nodes != NULL &&
           narrow->marks != NULL && narrow->index != NULL && narrow->file != NULL;
}

/* ---- the tree ---------------------------------------------------------------------- */

static uint32_t new_node(struct narrow *narrow, uint32_t parent, struct span segment)
{
    narrow->nodes[narrow->node_count] = (struct narrow_node){.parent = parent, .segment = segment};
    return narrow->node_count++;
}

static uint32_t named_child(struct build *build, uint32_t parent, struct span segment)
{
    struct narrow *narrow = build->narrow;
    uint32_t child = narrow_child(narrow, parent, segment);
    if (child != 0)
        return child;
    struct span kept = arena_copy(build->arena, segment);
    if (kept.data == NULL)
        return 0;
    if (segment.length > narrow->segment_maximum)
        narrow->segment_maximum = segment.length;
    child = new_node(narrow, parent, kept);
    uint32_t at = narrow_bucket(narrow, parent, kept);
    while (narrow->index[at] != 0)
        at = at + 1 == narrow->index_size ? 0 : at + 1;
    narrow->index[at] = child;
    return child;
}

/* The child for one segment of a pattern, as it is WRITTEN and DECODED. 0: memory is out. */
static uint32_t add_child(struct build *build, uint32_t parent, struct span written,
                          struct span decoded)
{
    struct narrow *narrow = build->narrow;
    struct narrow_node *node = &narrow->nodes[parent];
    if (decoded.length == 0)
        return node->slash != 0 ? node->slash : (node->slash = new_node(narrow, parent, SPAN("")));
    if (span_equal(written, SPAN("*")))
        return node->star != 0 ? node->star : (node->star = new_node(narrow, parent, SPAN("*")));
    return named_child(build, parent, decoded);
}

/* The segment that *REST, behind a slash, begins with; *REST is what follows the next slash. */
static struct span take_segment(struct span *rest, bool *last)
{
    size_t end = span_find(*rest, '/');
    struct span segment = span_slice(*rest, 0, end);
    *last = end == rest->length;
    *rest = span_after(*rest, *last ? end : end + 1);
    return segment;
}

static void add_mark(struct narrow *narrow, uint32_t *list, struct narrow_mark mark)
{
    mark.next = *list;
    narrow->marks[narrow->mark_count] = mark;
    *list = narrow->mark_count++;
}

static bool add_pattern(struct build *build, uint32_t root, uint32_t entry,
                        const struct narrow_path *path)
{
    struct narrow *narrow = build->narrow;
    const struct narrow_mark mark = {.entry = entry, .at = path->at};
    struct span written = span_after(path->text, 1), decoded = span_after(path->decoded, 1);
    uint32_t node = root;
    for (bool last = false; !last && node != 0;) {
        bool unused;
        struct span segment = take_segment(&written, &last);
        struct span meant = take_segment(&decoded, &unused);
        if (last && span_equal(segment, SPAN("*"))) {
            add_mark(narrow, &narrow->nodes[node].below, mark);
            return true;
        }
        node = add_child(build, node, segment, meant);
    }
    if (node != 0)
        add_mark(narrow, &narrow->nodes[node].ends, mark);
    return node != 0;
}

/* An expression hangs where all that it matches goes by. */
static bool add_regex(struct build *build, uint32_t root, uint32_t entry,
                      const struct narrow_path *path)
{
    struct narrow *narrow = build->narrow;
    char storage[NARROW_REGEX_MAXIMUM];
    struct error error;
    struct narrow_mark mark = {.entry = entry, .at = path->at};
    mark.regex = narrow_regex_new(path->text, &error);
    if (mark.regex == NULL) {
        finding_add(build->findings, FINDING_ERROR, "regex", path->at, (struct position){0, 0},
                    "%s", error.message);
        return false;
    }
    struct span prefix = narrow_regex_prefix(path->text, storage);
    uint32_t node = root;
    prefix = span_after(prefix, 1);
    for (size_t depth = 0; prefix.length > 0 && node != 0 && depth < NARROW_DEPTH_MAXIMUM;
         depth++) {
        bool unused;
        struct span segment = take_segment(&prefix, &unused);
        /* An empty segment is in no path: such an expression matches nothing, wherever it hangs. */
        if (segment.length > 0)
            node = named_child(build, node, segment);
    }
    if (node == 0) {
        narrow_regex_free(mark.regex);
        return false;
    }
    add_mark(narrow, &narrow->nodes[node].regexes, mark);
    return true;
}

/* ---- entries ----------------------------------------------------------------------- */

static bool keep_entry(struct build *build, const struct narrow_entry *from, uint32_t place)
{
    struct narrow_kept_entry *entry = &build->narrow->entries[place];
    struct span *methods =
        arena_allocate_array(build->arena, from->method_count + 1, sizeof(*methods));
    *entry = (struct narrow_kept_entry){.address = arena_copy(build->arena, from->text),
                                        .at = from->at,
                                        .methods = methods,
                                        .method_count = (uint32_t)from->method_count,
                                        .any_method = from->any_method,
                                        .any_path = from->any_path};
    if (methods == NULL || entry->address.data == NULL)
        return false;
    for (size_t i = 0; i < from->method_count; i++) {
        methods[i] = arena_copy(build->arena, from->methods[i]);
        if (methods[i].data == NULL)
            return false;
    }
    return true;
}

static bool add_entry(struct build *build, const struct narrow_entry *from, uint32_t place,
                      struct narrow_group *group)
{
    if (!keep_entry(build, from, place))
        return false;
    group->count++;
    group->opaque = group->opaque || from->opaque;
    for (size_t i = 0; i < from->path_count; i++) {
        const struct narrow_path *path = &from->paths[i];
        group->has_regex = group->has_regex || path->regex;
        if (path->regex ? !add_regex(build, group->root, place, path)
                        : !add_pattern(build, group->root, place, path))
            return false;
    }
    return true;
}

/* The rule by which the trie leads to group NUMBER. */
static struct grant_rule group_rule(const struct narrow_entry *entry, uint32_t number)
{
    return (struct grant_rule){.address = entry->address, .text = entry->text, .at = {number, 0}};
}

static bool add_groups(struct build *build, struct grant *hosts)
{
    struct narrow *narrow = build->narrow;
    for (uint32_t i = 0; i < build->file->count; i++) {
        const struct narrow_entry *entry = build->sorted[i];
        if (i == 0 || compare_addresses(&entry->address, &build->sorted[i - 1]->address) != 0) {
            narrow->groups[narrow->group_count++] =
                (struct narrow_group){.first = i, .root = new_node(narrow, 0, SPAN(""))};
            hosts->rules[hosts->count++] = group_rule(entry, narrow->group_count);
        }
        if (!add_entry(build, entry, i, &narrow->groups[narrow->group_count - 1]))
            return false;
    }
    return true;
}

static uint64_t fingerprint_of(const struct narrow_file *file)
{
    uint64_t sum = FINGERPRINT_START;
    for (size_t i = 0; i < file->count; i++) {
        const struct narrow_entry *entry = &file->items[i];
        const uint32_t facts[] = {entry->at.line, entry->at.column, entry->any_method,
                                  entry->any_path, entry->opaque};
        sum = fingerprint_add(fingerprint_add_span(sum, entry->text), facts, sizeof(facts));
        for (size_t k = 0; k < entry->method_count; k++)
            sum = fingerprint_add_span(sum, entry->methods[k]);
        for (size_t k = 0; k < entry->path_count; k++) {
            const struct narrow_path *path = &entry->paths[k];
            const uint32_t place[] = {path->at.line, path->at.column, path->regex};
            sum = fingerprint_add(fingerprint_add_span(sum, path->text), place, sizeof(place));
        }
    }
    return sum;
}

static bool fill(struct build *build)
{
    struct grant hosts = {.file = build->file->file};
    build->arena = build->narrow->arena = arena_new(ARENA_MAXIMUM);
    if (build->arena == NULL || !sort_entries(build) || !allocate(build))
        return false;
    hosts.rules = arena_allocate_array(build->arena, build->file->count + 1, sizeof(*hosts.rules));
    if (hosts.rules == NULL || !add_groups(build, &hosts))
        return false;
    build->narrow->groups_by_host = trie_build(&hosts);
    build->narrow->fingerprint = fingerprint_of(build->file);
    return build->narrow->groups_by_host != NULL;
}

struct narrow *narrow_new(const struct narrow_file *file, struct findings *findings)
{
    struct narrow *narrow = calloc(1, sizeof(*narrow));
    struct build build = {.narrow = narrow, .file = file, .findings = findings};
    if (narrow == NULL)
        return NULL;
    if (fill(&build))
        return narrow;
    narrow_free(narrow);
    return NULL;
}
