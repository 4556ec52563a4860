/*
 * The comparison's main line. Entries are matched first; remotes speak for
 * entries that moved to them; the lists then say what is left.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "policy/version_diff_rules.h"

void *comparison_allocate(struct comparison *comparison, size_t count, size_t size)
{
    void *memory = arena_allocate_array(comparison->arena, count == 0 ? 1 : count, size);
    if (memory == NULL)
        comparison->out_of_memory = true;
    return memory;
}

void comparison_add(struct comparison *comparison, enum version_rule_index rule,
                    struct position old_at, struct position new_at, const char *format, ...)
{
    char message[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    struct found_change *found = comparison_allocate(comparison, 1, sizeof(*found));
    const char *kept = arena_copy(comparison->arena, span_of(message)).data;
    if (found == NULL || kept == NULL) {
        comparison->out_of_memory = true;
        return;
    }
    found->change = (struct version_change){version_rule_at(rule), kept, old_at, new_at};
    found->next = comparison->found;
    comparison->found = found;
    comparison->found_count++;
}

static bool has_eud(const struct manifest *manifest)
{
    for (size_t list = 0; list < LIST_COUNT; list++) {
        const struct manifest_entries *entries = &manifest->lists[list];
        for (size_t i = 0; i < entries->count; i++) {
            if (entries->items[i].form != ENTRY_REMOTE && entries->items[i].in_scope_eud)
                return true;
        }
    }
    return false;
}

static void build_reach(struct comparison *comparison)
{
    for (enum manifest_list list = 0; list < LIST_COUNT; list++) {
        struct list_match *match = &comparison->lists[list];
        match->old_reach = reach_of_list(comparison->old, list, comparison->arena);
        match->new_reach = reach_of_list(comparison->new, list, comparison->arena);
        if (match->old_reach == NULL || match->new_reach == NULL)
            comparison->out_of_memory = true;
    }
}

static void add_below(struct comparison *comparison, const struct reach *other,
                      struct version_reach *reach)
{
    const struct reach_item *below[VERSION_BELOW_MAXIMUM];
    reach->below_count =
        reach_below(other, reach->item, reach->situations, below, VERSION_BELOW_MAXIMUM);
    if (reach->below_count == 0)
        return;
    reach->below =
        comparison_allocate(comparison, reach->below_count, sizeof(const struct reach_item *));
    for (size_t i = 0; reach->below != NULL && i < reach->below_count; i++)
        reach->below[i] = below[i];
}

/* What each list's WIDER lets out and its OTHER does not; NEW says which of the two is which. */
static size_t subtract(struct comparison *comparison, bool from_new, struct version_reach **result)
{
    size_t total = 0, count = 0;
    for (size_t list = 0; list < LIST_COUNT; list++)
        total += from_new ? comparison->lists[list].new_reach->count
                          : comparison->lists[list].old_reach->count;
    struct version_reach *found = comparison_allocate(comparison, total, sizeof(*found));
    for (enum manifest_list list = 0; found != NULL && list < LIST_COUNT; list++) {
        const struct list_match *match = &comparison->lists[list];
        const struct reach *whole = from_new ? match->new_reach : match->old_reach;
        const struct reach *other = from_new ? match->old_reach : match->new_reach;
        for (size_t i = 0; i < whole->count && !comparison->out_of_memory; i++) {
            uint32_t missing = reach_missing(other, &whole->items[i], NULL);
            if (missing == 0)
                continue;
            found[count] = (struct version_reach){list, &whole->items[i], missing, NULL, 0};
            add_below(comparison, other, &found[count++]);
        }
    }
    *result = found;
    return count;
}

static int compare_positions(struct position a, struct position b)
{
    if (a.line != b.line)
        return a.line < b.line ? -1 : 1;
    return (a.column > b.column) - (a.column < b.column);
}

/* MAJOR first; then what stands in NEW by its place there, then the rest by its place in OLD. */
static int compare_changes(const void *left, const void *right)
{
    const struct version_change *a = left, *b = right;
    if (a->rule->bump != b->rule->bump)
        return a->rule->bump > b->rule->bump ? -1 : 1;
    if ((a->new_at.line == 0) != (b->new_at.line == 0))
        return a->new_at.line == 0 ? 1 : -1;
    int order = compare_positions(a->new_at, b->new_at);
    if (order == 0)
        order = compare_positions(a->old_at, b->old_at);
    if (order == 0)
        order = (a->rule > b->rule) - (a->rule < b->rule);
    return order != 0 ? order : strcmp(a->message, b->message);
}

static void collect_changes(struct comparison *comparison, struct version_diff *diff)
{
    diff->changes =
        comparison_allocate(comparison, comparison->found_count, sizeof(*diff->changes));
    if (diff->changes == NULL)
        return;
    for (const struct found_change *found = comparison->found; found != NULL; found = found->next) {
        diff->changes[diff->change_count++] = found->change;
        if (found->change.rule->bump > diff->bump)
            diff->bump = found->change.rule->bump;
    }
    qsort(diff->changes, diff->change_count, sizeof(*diff->changes), compare_changes);
}

static enum version_verdict judge(const struct version_diff *diff)
{
    if (diff->added_count > 0)
        return VERSION_WIDER;
    return diff->removed_count > 0 ? VERSION_NARROWER : VERSION_SAME;
}

static void compare(struct comparison *comparison, struct version_diff *diff)
{
    comparison->old_has_eud = has_eud(comparison->old);
    build_reach(comparison);
    if (comparison->out_of_memory)
        return;
    compare_match_entries(comparison);
    if (comparison->out_of_memory)
        return;
    compare_aside(comparison);
    compare_remotes(comparison);
    compare_lists(comparison);
    diff->added_count = subtract(comparison, true, &diff->added);
    diff->removed_count = subtract(comparison, false, &diff->removed);
    collect_changes(comparison, diff);
    diff->verdict = judge(diff);
}

struct version_diff *version_diff(const struct manifest *old, const struct manifest *new,
                                  const struct version_diff_options *options, struct arena *arena)
{
    struct comparison comparison = {.old = old, .new = new, .options = options, .arena = arena};
    struct version_diff *diff = comparison_allocate(&comparison, 1, sizeof(*diff));
    if (diff == NULL)
        return NULL;
    diff->old_file = old->file;
    diff->new_file = new->file;
    compare(&comparison, diff);
    return comparison.out_of_memory ? NULL : diff;
}
