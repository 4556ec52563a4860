/*
 * From libyaml's events to a tree. A stack of open containers and one growing
 * array of finished nodes: a container's children are the top of that array
 * when it ends. Every node carries its weight (the nodes a reader visits below
 * it, aliases expanded) and its height, so that no alias can make a small file
 * a long or a deep read.
 */
#include "policy/yaml_build.h"

#include <search.h>
#include <stdlib.h>
#include <yaml.h>

struct anchor {
    struct span name;
    struct yaml_built *built;
};

struct frame {
    struct yaml_built *built;
    size_t base; /* where its children begin among the finished */
    bool block;  /* block style: libyaml puts its end at the next token */
};

struct builder {
    yaml_parser_t parser;
    struct yaml_document *document;
    struct error *error;
    struct frame frames[YAML_DEPTH_MAXIMUM];
    size_t depth;
    struct yaml_node **finished; /* room for every node that may be: no more are counted in */
    size_t finished_count;
    size_t expanded; /* nodes so far, aliases expanded */
    void *anchors;   /* tsearch's tree of struct anchor: no choice of names makes it slow */
};

static struct position position_of(yaml_mark_t mark)
{
    return (struct position){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

static bool fail_at(struct builder *builder, struct position at, const char *why)
{
    error_set_at(builder->error, builder->document->file, at, "%s", why);
    return false;
}

static bool fail_memory(struct builder *builder)
{
    return fail_at(builder, (struct position){0, 0}, "out of memory");
}

/* What to do about a problem that libyaml names. */
static const char *advice(const char *problem)
{
    static const struct {
        const char *problem;
        const char *advice;
    } known[] = {
        {"found character that cannot start any token",
         "indent with spaces, not tabs, and quote a value that begins with @ or `"},
        {"mapping values are not allowed in this context",
         "put a value that has \": \" in it in quotes, and check the indentation"},
        {"did not find expected key", "check the indentation, and that every quote is closed"},
        {"did not find expected '-' indicator", "indent the items of a list alike"},
        {"could not find expected ':'", "a key ends with \": \""},
        {"found unexpected end of stream", "close the quote"},
        {"did not find expected node content",
         "close the bracket, or put a value that begins with one in quotes"},
        {"did not find expected ',' or ']'", "close the list with ]"},
        {"did not find expected ',' or '}'", "close the mapping with }"},
        {"found invalid Unicode character escape code",
         "write the character itself, or \\UXXXXXXXX instead of a surrogate pair"},
        {"found unknown escape character", "write a backslash as \\\\, or use single quotes"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(problem, known[i].problem) == 0)
            return known[i].advice;
    }
    return "see the line";
}

static bool fail_parser(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    if (parser->error == YAML_MEMORY_ERROR || parser->problem == NULL)
        return fail_memory(builder);
    error_set_at(builder->error, builder->document->file, position_of(parser->problem_mark),
                 "not valid YAML: %s; %s", parser->problem, advice(parser->problem));
    return false;
}

static int compare_anchors(const void *left, const void *right)
{
    const struct anchor *a = left;
    const struct anchor *b = right;
    if (a->name.length != b->name.length)
        return a->name.length < b->name.length ? -1 : 1;
    return memcmp(a->name.data, b->name.data, a->name.length);
}

static void keep_nothing(void *unused)
{
    (void)unused; /* anchors live in the arena */
}

/* Names BUILT, or renames: an anchor may be used again, and the latest counts. */
static bool set_anchor(struct builder *builder, const yaml_char_t *name, struct yaml_built *built)
{
    struct arena *arena = builder->document->arena;
    if (name == NULL)
        return true;
    struct anchor *anchor = arena_allocate(arena, sizeof(*anchor));
    struct span copy = arena_copy(arena, span_of((const char *)name));
    if (anchor == NULL || copy.data == NULL)
        return fail_memory(builder);
    *anchor = (struct anchor){copy, built};
    struct anchor **kept = tsearch(anchor, &builder->anchors, compare_anchors);
    if (kept == NULL)
        return fail_memory(builder);
    *kept = anchor;
    return true;
}

/* Tags change what a value is; only those that say what it is anyway are read. */
static bool check_tag(struct builder *builder, const yaml_event_t *event, const yaml_char_t *tag,
                      const char *own)
{
    if (tag == NULL || strcmp((const char *)tag, own) == 0 || strcmp((const char *)tag, "!") == 0)
        return true;
    return fail_at(builder, position_of(event->start_mark),
                   "a tag that changes how the value is read; write the value without it");
}

/* Adds WEIGHT to what a reader would visit. */
static bool count_nodes(struct builder *builder, uint32_t weight, struct position at)
{
    builder->expanded += weight;
    const struct yaml_limits *limits = builder->document->limits;
    if (builder->expanded <= limits->nodes)
        return true;
    error_set_at(builder->error, builder->document->file, at,
                 "more than %zu values, aliases expanded; %s has fewer", limits->nodes,
                 limits->kind);
    return false;
}

static struct yaml_built *new_node(struct builder *builder, const yaml_event_t *event,
                                   enum yaml_kind kind)
{
    struct position at = position_of(event->start_mark);
    if (!count_nodes(builder, 1, at))
        return NULL;
    struct yaml_built *built = arena_allocate(builder->document->arena, sizeof(*built));
    if (built == NULL) {
        fail_memory(builder);
        return NULL;
    }
    built->node.kind = kind;
    built->node.at = at;
    built->node.end = position_of(event->end_mark);
    built->weight = 1;
    return built;
}

/* Hands a finished node to the container that is open, or to the document. */
static void push_finished(struct builder *builder, struct yaml_built *built)
{
    builder->finished[builder->finished_count++] = &built->node;
    if (builder->depth == 0)
        return;
    struct yaml_built *parent = builder->frames[builder->depth - 1].built;
    parent->weight += built->weight;
    if (parent->height < built->height + 1)
        parent->height = built->height + 1;
}

/* libyaml has a scalar begin at its anchor or tag; this is where a plain one on one line begins. */
static struct position plain_start(const struct yaml_node *node)
{
    uint32_t characters = 0;
    for (size_t i = 0; i < node->text.length; i++)
        characters += ((unsigned char)node->text.data[i] & 0xC0) != 0x80;
    if (node->at.line != node->end.line || characters >= node->end.column)
        return node->at;
    return (struct position){node->end.line, node->end.column - characters};
}

static bool add_scalar(struct builder *builder, const yaml_event_t *event)
{
    struct yaml_built *built = new_node(builder, event, YAML_SCALAR);
    if (built == NULL)
        return false;
    struct span value = {(const char *)event->data.scalar.value, event->data.scalar.length};
    built->node.text = arena_copy(builder->document->arena, value);
    if (built->node.text.data == NULL)
        return fail_memory(builder);
    built->node.quoted =
        event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || event->data.scalar.tag != NULL;
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        built->node.at = plain_start(&built->node);
    if (!check_tag(builder, event, event->data.scalar.tag, YAML_STR_TAG) ||
        !set_anchor(builder, event->data.scalar.anchor, built))
        return false;
    push_finished(builder, built);
    return true;
}

static bool add_alias(struct builder *builder, const yaml_event_t *event)
{
    struct position at = position_of(event->start_mark);
    struct anchor wanted = {.name = span_of((const char *)event->data.alias.anchor)};
    struct anchor *const *found = tfind(&wanted, &builder->anchors, compare_anchors);
    if (found == NULL)
        return fail_at(builder, at,
                       "an alias of an anchor that is not there; set it with & before");
    struct yaml_built *built = (*found)->built;
    if (built->open)
        return fail_at(builder, at, "an alias inside of what it names; that would never end");
    if (builder->depth + built->height > YAML_DEPTH_MAXIMUM)
        return fail_at(builder, at, "nested deeper than 64 levels; a manifest is flatter");
    if (!count_nodes(builder, built->weight, at))
        return false;
    push_finished(builder, built);
    return true;
}

static bool open_container(struct builder *builder, const yaml_event_t *event, enum yaml_kind kind,
                           const yaml_char_t *anchor, bool block)
{
    if (builder->depth == YAML_DEPTH_MAXIMUM)
        return fail_at(builder, position_of(event->start_mark),
                       "nested deeper than 64 levels; a manifest is flatter");
    struct yaml_built *built = new_node(builder, event, kind);
    if (built == NULL)
        return false;
    built->open = true;
    built->height = 1;
    builder->frames[builder->depth++] = (struct frame){built, builder->finished_count, block};
    return set_anchor(builder, anchor, built);
}

static bool finish_sequence(struct builder *builder, struct yaml_node *node,
                            struct yaml_node **children, size_t count)
{
    node->count = count;
    if (count == 0)
        return true;
    node->items = arena_allocate_array(builder->document->arena, count, sizeof(struct yaml_node *));
    if (node->items == NULL)
        return fail_memory(builder);
    memcpy(node->items, children, count * sizeof(struct yaml_node *));
    return true;
}

static bool finish_mapping(struct builder *builder, struct yaml_node *node,
                           struct yaml_node **children, size_t count)
{
    struct yaml_entry *entries = calloc(count / 2 + 1, sizeof(*entries));
    if (entries == NULL)
        return fail_memory(builder);
    for (size_t i = 0; i + 1 < count; i += 2)
        entries[i / 2] = (struct yaml_entry){children[i], children[i + 1]};
    bool done = yaml_mapping_finish(node, entries, count / 2, builder->document->arena,
                                    builder->document->file, builder->error);
    free(entries);
    return done;
}

static bool close_container(struct builder *builder, const yaml_event_t *event)
{
    const struct frame *frame = &builder->frames[builder->depth - 1];
    struct yaml_node *node = &frame->built->node;
    struct yaml_node **children = &builder->finished[frame->base];
    size_t count = builder->finished_count - frame->base;
    node->end = position_of(event->end_mark);
    if (frame->block)
        node->end = count == 0 ? node->at : children[count - 1]->end;
    bool done = node->kind == YAML_SEQUENCE ? finish_sequence(builder, node, children, count)
                                            : finish_mapping(builder, node, children, count);
    if (!done)
        return false;
    frame->built->open = false;
    builder->finished_count = frame->base;
    builder->depth--;
    push_finished(builder, frame->built);
    return true;
}

static bool start_document(struct builder *builder, const yaml_event_t *event)
{
    if (builder->finished_count == 0)
        return true;
    return fail_at(
        builder, position_of(event->start_mark),
        "a second document begins here; a file is one document; take it out, or put it into a file of its own");
}

static bool take_event(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return start_document(builder, event);
    case YAML_SCALAR_EVENT:
        return add_scalar(builder, event);
    case YAML_ALIAS_EVENT:
        return add_alias(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        return check_tag(builder, event, event->data.sequence_start.tag, YAML_SEQ_TAG) &&
               open_container(builder, event, YAML_SEQUENCE, event->data.sequence_start.anchor,
                              event->data.sequence_start.style != YAML_FLOW_SEQUENCE_STYLE);
    case YAML_MAPPING_START_EVENT:
        return check_tag(builder, event, event->data.mapping_start.tag, YAML_MAP_TAG) &&
               open_container(builder, event, YAML_MAPPING, event->data.mapping_start.anchor,
                              event->data.mapping_start.style != YAML_FLOW_MAPPING_STYLE);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_container(builder, event);
    default:
        return true;
    }
}

static bool take_all_events(struct builder *builder)
{
    bool more = true;
    while (more) {
        yaml_event_t event;
        if (!yaml_parser_parse(&builder->parser, &event))
            return fail_parser(builder);
        more = event.type != YAML_STREAM_END_EVENT;
        bool taken = take_event(builder, &event);
        yaml_event_delete(&event);
        if (!taken)
            return false;
    }
    return true;
}

bool yaml_build(struct yaml_document *document, struct error *error)
{
    struct builder builder = {.document = document, .error = error};
    bool done = false;
    builder.finished = malloc((document->limits->nodes + 1) * sizeof(struct yaml_node *));
    if (builder.finished == NULL)
        return fail_memory(&builder);
    if (!yaml_parser_initialize(&builder.parser)) {
        free(builder.finished);
        return fail_memory(&builder);
    }
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)document->source.data,
                                 document->source.length);
    if (take_all_events(&builder)) {
        document->root = builder.finished_count == 0 ? NULL : builder.finished[0];
        done = true;
    }
    yaml_parser_delete(&builder.parser);
    tdestroy(builder.anchors, keep_nothing);
    free(builder.finished);
    return done;
}
