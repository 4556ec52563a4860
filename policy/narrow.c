/*
 * Asking a compiled narrow.yml: the host's group, then its methods, then its tree
 * of paths; expressions only where no pattern has allowed the path.
 */
#include "policy/narrow.h"

#include <stdlib.h>

#include "policy/narrow_layout.h"

void narrow_free(struct narrow *narrow)
{
    if (narrow == NULL)
        return;
    for (uint32_t i = 1; i < narrow->mark_count; i++)
        narrow_regex_free(narrow->marks[i].regex);
    trie_unref(narrow->groups_by_host);
    arena_free(narrow->arena);
    free(narrow);
}

const char *narrow_name(const struct narrow *narrow)
{
    return narrow->file;
}

uint64_t narrow_fingerprint(const struct narrow *narrow)
{
    return narrow->fingerprint;
}

size_t narrow_size(const struct narrow *narrow)
{
    size_t size = sizeof(*narrow) + arena_used(narrow->arena) + trie_size(narrow->groups_by_host);
    for (uint32_t i = 1; i < narrow->mark_count; i++)
        size += narrow->marks[i].regex == NULL ? 0 : narrow_regex_size(narrow->marks[i].regex);
    return size;
}

/* ---- methods --------------------------------------------------------------------- */

/* RFC 9110, section 9.1: methods are case-sensitive. */
static bool allows_method(const struct narrow_kept_entry *entry, struct span method)
{
    if (entry->any_method || method.length == 0)
        return true;
    for (uint32_t i = 0; i < entry->method_count; i++) {
        if (span_equal(entry->methods[i], method))
            return true;
    }
    return false;
}

/* ---- paths ----------------------------------------------------------------------- */

/* One reading of a path on its way through a group's tree. */
struct search {
    const struct narrow *narrow;
    struct span method;
    struct span path;
    bool regexes;  /* the pass that looks at expressions */
    uint32_t mark; /* that allows method and path; 0: none so far */
    uint32_t near; /* … the path alone */
    bool cut;      /* an expression was cut */
};

/* What is left of the path at a node; `whole`: nothing, not even a slash. */
struct step {
    uint32_t node;
    uint32_t offset; /* behind the slash */
    bool whole;
};

static bool mark_matches(struct search *search, const struct narrow_mark *mark)
{
    if (mark->regex == NULL)
        return true;
    enum narrow_match match = narrow_regex_match(mark->regex, search->path);
    search->cut = search->cut || match == NARROW_CUT;
    return match == NARROW_MATCH;
}

static void look_at_marks(struct search *search, uint32_t place)
{
    const struct narrow *narrow = search->narrow;
    for (; place != 0 && search->mark == 0 && !search->cut; place = narrow->marks[place].next) {
        const struct narrow_mark *mark = &narrow->marks[place];
        bool allowed = allows_method(&narrow->entries[mark->entry], search->method);
        if (!allowed && search->near != 0)
            continue;
        if (!mark_matches(search, mark))
            continue;
        search->near = place;
        if (allowed)
            search->mark = place;
    }
}

static void look_at_node(struct search *search, const struct step *step)
{
    const struct narrow_node *node = &search->narrow->nodes[step->node];
    if (step->whole && !search->regexes)
        look_at_marks(search, node->ends);
    if (!step->whole)
        look_at_marks(search, search->regexes ? node->regexes : node->below);
}

/* Pushes the children that the next segment leads to; each step has two at most. */
static size_t push_children(const struct search *search, const struct step *step,
                            struct step *stack, size_t count)
{
    const struct narrow *narrow = search->narrow;
    const struct narrow_node *node = &narrow->nodes[step->node];
    struct span rest = span_after(search->path, step->offset);
    size_t end = span_find(rest, '/');
    struct step next = {.offset = step->offset + (uint32_t)end + 1, .whole = end == rest.length};
    uint32_t children[2] = {node->slash, 0};
    if (end > 0) {
        children[0] = node->star;
        children[1] = narrow_child(narrow, step->node, span_slice(rest, 0, end));
    }
    for (size_t i = 0; i < 2; i++) {
        next.node = children[i];
        if (next.node != 0)
            stack[count++] = next;
    }
    return count;
}

/*
 * Depth first, named segments before "*". A step is taken off before its two children
 * are put on, and a tree is not much deeper than NARROW_DEPTH_MAXIMUM.
 */
static void walk(struct search *search, uint32_t root)
{
    struct step stack[NARROW_DEPTH_MAXIMUM + 8];
    stack[0] = (struct step){.node = root, .offset = 1};
    for (size_t count = 1; count > 0 && search->mark == 0 && !search->cut;) {
        const struct step step = stack[--count];
        look_at_node(search, &step);
        if (!step.whole)
            count = push_children(search, &step, stack, count);
    }
}

/* What a place that decided says of itself. */
static void answer_with(const struct narrow *narrow, uint32_t entry, struct position at,
                        struct narrow_answer *answer)
{
    answer->address = narrow->entries[entry].address;
    answer->at = at;
}

static void answer_with_mark(const struct narrow *narrow, uint32_t place,
                             struct narrow_answer *answer)
{
    const struct narrow_mark *mark = &narrow->marks[place];
    answer_with(narrow, mark->entry, mark->at, answer);
}

/* One reading: is there an entry that allows METHOD and PATH? */
static bool allows_path(const struct narrow *narrow, const struct narrow_group *group,
                        struct span method, struct span path, struct narrow_answer *answer)
{
    struct search search = {.narrow = narrow, .method = method, .path = path};
    walk(&search, group->root);
    if (search.mark == 0 && group->has_regex) {
        search.regexes = true;
        walk(&search, group->root);
    }
    answer->verdict = NARROW_PATH;
    if (search.mark != 0)
        answer->verdict = NARROW_ALLOW;
    else if (search.cut)
        answer->problem = "a regular expression took too long over the path";
    else if (search.near != 0)
        answer->verdict = NARROW_METHOD;
    if (search.mark != 0 || search.near != 0)
        answer_with_mark(narrow, search.mark != 0 ? search.mark : search.near, answer);
    return search.mark != 0;
}

/* Both readings have to be allowed: with parameters (";…") and without. */
static void judge_path(const struct narrow *narrow, const struct narrow_group *group,
                       const struct request_line *request, struct narrow_answer *answer)
{
    struct path *path = request->normal;
    answer->verdict = NARROW_PATH;
    answer->path_judged = path_normalise(request->path, path);
    answer->problem = path->problem;
    if (!answer->path_judged)
        return;
    if (allows_path(narrow, group, request->method, path->text, answer) &&
        path->plain.data != path->text.data)
        (void)allows_path(narrow, group, request->method, path->plain, answer);
}

/* ---- the whole ------------------------------------------------------------------- */

static const struct narrow_group *find_group(const struct narrow *narrow,
                                             const struct target *target)
{
    struct trie_answer found;
    struct target any = *target;
    any.scheme = SCHEME_TUNNEL; /* host and port, whatever is spoken there */
    trie_find(narrow->groups_by_host, &any, &found);
    return found.match == TRIE_MATCH ? &narrow->groups[found.rule.at.line - 1] : NULL;
}

/* The first entry that allows METHOD, one without paths before all others; NULL: none does. */
static const struct narrow_kept_entry *find_entry(const struct narrow *narrow,
                                                  const struct narrow_group *group,
                                                  struct span method)
{
    const struct narrow_kept_entry *found = NULL;
    for (uint32_t i = 0; i < group->count; i++) {
        const struct narrow_kept_entry *entry = &narrow->entries[group->first + i];
        if (!allows_method(entry, method))
            continue;
        if (entry->any_path)
            return entry;
        if (found == NULL)
            found = entry;
    }
    return found;
}

static bool is_opaque(const struct target *target, const struct request_line *request)
{
    if (request != NULL && (request->opaque || request->inspected))
        return request->opaque;
    return target->scheme == SCHEME_TUNNEL;
}

static void judge_group(const struct narrow *narrow, const struct narrow_group *group,
                        const struct request_line *request, struct narrow_answer *answer)
{
    const struct narrow_kept_entry *entry = find_entry(narrow, group, request->method);
    if (entry == NULL) {
        answer->verdict = NARROW_METHOD;
        return;
    }
    answer_with(narrow, (uint32_t)(entry - narrow->entries), entry->at, answer);
    if (!entry->any_path && request->has_path)
        judge_path(narrow, group, request, answer);
}

void narrow_judge(const struct narrow *narrow, const struct target *target,
                  const struct request_line *request, struct narrow_answer *answer)
{
    static const struct request_line nothing = {.method = {"", 0}};
    const struct narrow_group *group = find_group(narrow, target);
    *answer = (struct narrow_answer){.verdict = NARROW_ALLOW, .has_entry = group != NULL};
    if (group == NULL)
        return;
    answer_with(narrow, group->first, narrow->entries[group->first].at, answer);
    if (is_opaque(target, request)) {
        answer->opaque = true;
        answer->verdict = group->opaque ? NARROW_ALLOW : NARROW_PATH;
        return;
    }
    if (request != NULL && request->inspected) /* CONNECT is no method of what goes through it */
        return;
    judge_group(narrow, group, request == NULL ? &nothing : request, answer);
}
