/*
 * Lint's main line: let the reader speak, then each family of rules, then put
 * what was said in the order of the file. An alias shows one place to several
 * lists; what is said twice about one place is said once.
 */
#include "policy/lint.h"

#include <stdlib.h>

#include "policy/lint_rules.h"

struct ordered {
    struct finding *finding;
    size_t rank;
};

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_ordered(const void *left, const void *right)
{
    const struct ordered *a = left;
    const struct ordered *b = right;
    int order = compare_sizes(a->finding->at.line, b->finding->at.line);
    if (order == 0)
        order = compare_sizes(a->finding->at.column, b->finding->at.column);
    return order != 0 ? order : compare_sizes(a->rank, b->rank);
}

static bool same_place(const struct finding *a, const struct finding *b)
{
    return a->at.line == b->at.line && a->at.column == b->at.column;
}

static bool same_finding(const struct finding *a, const struct finding *b)
{
    return strcmp(a->rule, b->rule) == 0 && strcmp(a->message, b->message) == 0;
}

/* Whether one of the findings kept at the same place, LAST backwards, says what FINDING says. */
static bool is_said(const struct ordered *kept, size_t count, const struct finding *finding)
{
    const size_t looked_at = 16; /* more than the rules that meet at one place */
    for (size_t i = 0; i < count && i < looked_at; i++) {
        const struct finding *before = kept[count - 1 - i].finding;
        if (!same_place(before, finding))
            return false;
        if (same_finding(before, finding))
            return true;
    }
    return false;
}

static void uncount(struct findings *findings, enum finding_level level)
{
    size_t *count = level == FINDING_ERROR     ? &findings->errors
                    : level == FINDING_WARNING ? &findings->warnings
                                               : &findings->notes;
    (*count)--;
}

static size_t count_kept(const struct findings *findings)
{
    size_t count = 0;
    for (const struct finding *finding = findings->first; finding != NULL; finding = finding->next)
        count++;
    return count;
}

static void relink(struct findings *findings, const struct ordered *kept, size_t count)
{
    struct finding **end = &findings->first;
    findings->last = NULL;
    for (size_t i = 0; i < count; i++) {
        *end = findings->last = kept[i].finding;
        end = &kept[i].finding->next;
    }
    *end = NULL;
}

static bool sort_findings(struct findings *findings, struct arena *arena)
{
    size_t count = count_kept(findings), used = 0, kept = 0;
    if (count == 0)
        return true;
    struct ordered *ordered = arena_allocate_array(arena, count, sizeof(*ordered));
    if (ordered == NULL)
        return false;
    for (struct finding *finding = findings->first; finding != NULL; finding = finding->next) {
        ordered[used] = (struct ordered){finding, used};
        used++;
    }
    qsort(ordered, count, sizeof(*ordered), compare_ordered);
    for (size_t i = 0; i < count; i++) {
        if (is_said(ordered, kept, ordered[i].finding))
            uncount(findings, ordered[i].finding->level);
        else
            ordered[kept++] = ordered[i];
    }
    relink(findings, ordered, kept);
    return true;
}

bool lint_document(const struct yaml_document *document, const struct manifest_options *options,
                   struct arena *arena, struct findings *findings)
{
    struct manifest_options thorough = *options;
    thorough.thorough = true;
    const struct manifest *manifest = manifest_read(document, &thorough, arena, findings);
    if (manifest == NULL)
        return false;
    struct lint lint = {.manifest = manifest, .arena = arena, .findings = findings};
    lint_addresses(&lint);
    lint_covered(&lint);
    lint_providers(&lint);
    lint_hidden_characters(&lint, yaml_document_source(document));
    return !lint.out_of_memory && !findings->lost && sort_findings(findings, arena);
}
