/*
 * The egress lists. Entries of the same address are matched whatever their
 * order and form. What is left alone in NEW is covered by OLD, or new; what is
 * left alone in OLD has been narrowed, swapped or removed.
 */
#include <stdlib.h>

#include "policy/version_diff_rules.h"

/* An entry in the order of matching. */
struct entry_ref {
    const struct manifest_entry *entry;
    struct reach_item item; /* of an address */
    size_t index;
};

static int compare_refs(const struct entry_ref *a, const struct entry_ref *b)
{
    bool left = a->entry->form == ENTRY_REMOTE, right = b->entry->form == ENTRY_REMOTE;
    return left != right ? left - right : reach_compare(&a->item, &b->item);
}

/* Of one address, the entries that say the same stand at the same place on both sides. */
static int compare_sorted(const void *left, const void *right)
{
    const struct entry_ref *a = left, *b = right;
    int order = compare_refs(a, b);
    if (order == 0)
        order = a->entry->analytics - b->entry->analytics;
    if (order == 0)
        order = a->entry->in_scope_eud - b->entry->in_scope_eud;
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

static struct entry_ref *sort_entries(struct comparison *comparison,
                                      const struct manifest *manifest, enum manifest_list list)
{
    const struct manifest_entries *entries = &manifest->lists[list];
    struct reach_item items[MANIFEST_REGION_COUNT];
    struct entry_ref *refs = comparison_allocate(comparison, entries->count, sizeof(*refs));
    for (size_t i = 0; refs != NULL && i < entries->count; i++) {
        const struct manifest_entry *entry = &entries->items[i];
        refs[i] = (struct entry_ref){
            .entry = entry, .item = {.text = entry->text, .path = SPAN("")}, .index = i};
        if (entry->form != ENTRY_REMOTE && reach_of_entry(manifest, list, entry, items) == 1)
            refs[i].item = items[0];
    }
    if (refs != NULL)
        qsort(refs, entries->count, sizeof(*refs), compare_sorted);
    return refs;
}

static void compare_category(struct comparison *comparison, enum manifest_list list,
                             const struct manifest_entry *old, const struct manifest_entry *new)
{
    if (old->analytics == new->analytics)
        return;
    if (new->analytics)
        comparison_add(comparison, RULE_CATEGORY_ADDED, old->at, new->at,
                       "%s gives %s the category analytics", manifest_list_name(list),
                       FINDING_QUOTE(new->text));
    else
        comparison_add(comparison, RULE_CATEGORY_CHANGED, old->at, new->at,
                       "%s takes the category analytics from %s, which can be switched off no more",
                       manifest_list_name(list), FINDING_QUOTE(new->text));
}

static void compare_eud(struct comparison *comparison, enum manifest_list list,
                        const struct manifest_entry *old, const struct manifest_entry *new)
{
    if (old->in_scope_eud == new->in_scope_eud)
        return;
    enum version_rule_index rule = RULE_IN_SCOPE_EUD_REMOVED;
    if (new->in_scope_eud)
        rule = comparison->old_has_eud ? RULE_IN_SCOPE_EUD_EXTENDED : RULE_IN_SCOPE_EUD_ADDED;
    comparison_add(comparison, rule, old->at, new->at, "%s: %s may %s have end-user data",
                   manifest_list_name(list), FINDING_QUOTE(new->text),
                   new->in_scope_eud ? "now" : "no longer");
}

static enum entry_fate *fates_of(struct comparison *comparison, size_t count)
{
    enum entry_fate *fates = comparison_allocate(comparison, count, sizeof(*fates));
    for (size_t i = 0; fates != NULL && i < count; i++)
        fates[i] = FATE_ALONE;
    return fates;
}

static void match_list(struct comparison *comparison, enum manifest_list list)
{
    struct list_match *match = &comparison->lists[list];
    size_t old_count = comparison->old->lists[list].count;
    size_t new_count = comparison->new->lists[list].count;
    const struct entry_ref *old = sort_entries(comparison, comparison->old, list);
    const struct entry_ref *new = sort_entries(comparison, comparison->new, list);
    match->old_fates = fates_of(comparison, old_count);
    match->new_fates = fates_of(comparison, new_count);
    for (size_t i = 0, k = 0; !comparison->out_of_memory && i < old_count && k < new_count;) {
        int order = compare_refs(&old[i], &new[k]);
        if (order == 0) {
            match->old_fates[old[i].index] = FATE_KEPT;
            match->new_fates[new[k].index] = FATE_KEPT;
            compare_category(comparison, list, old[i].entry, new[k].entry);
            compare_eud(comparison, list, old[i].entry, new[k].entry);
        }
        i += order <= 0;
        k += order >= 0;
    }
}

void compare_match_entries(struct comparison *comparison)
{
    for (enum manifest_list list = 0; list < LIST_COUNT; list++)
        match_list(comparison, list);
}

/* COVER is what lets ENTRY out already; it may have left OLD's list for ENTRY. */
static void add_covered(struct comparison *comparison, enum manifest_list list,
                        const struct manifest_entry *entry, const struct reach_item *cover)
{
    struct list_match *match = &comparison->lists[list];
    size_t index = (size_t)(cover->entry - comparison->old->lists[list].items);
    if (entry->analytics && (cover->situations & REACH_ANALYTICS_OFF) != 0)
        comparison_add(comparison, RULE_CATEGORY_ADDED, cover->at, entry->at,
                       "%s gives %s a category of its own: analytics", manifest_list_name(list),
                       FINDING_QUOTE(entry->text));
    if (entry->form != ENTRY_REMOTE && entry->in_scope_eud && !comparison->old_has_eud)
        comparison_add(comparison, RULE_IN_SCOPE_EUD_ADDED, cover->at, entry->at,
                       "%s: %s may have end-user data, the first to have it",
                       manifest_list_name(list), FINDING_QUOTE(entry->text));
    if (match->old_fates[index] == FATE_KEPT || cover->entry->form == ENTRY_REMOTE) {
        comparison_add(comparison, RULE_EGRESS_COVERED, cover->at, entry->at,
                       "%s gains %s, which %s lets out already", manifest_list_name(list),
                       FINDING_QUOTE(entry->text), FINDING_QUOTE(cover->text));
        return;
    }
    match->old_fates[index] = FATE_SPOKEN;
    comparison_add(comparison, RULE_EGRESS_NARROWED, cover->at, entry->at,
                   "%s has %s in place of %s, which covered it", manifest_list_name(list),
                   FINDING_QUOTE(entry->text), FINDING_QUOTE(cover->text));
}

/* An item of ENTRY that OLD lets out already, where all of them are; else NULL. */
static const struct reach_item *find_cover(struct comparison *comparison, enum manifest_list list,
                                           const struct manifest_entry *entry)
{
    struct reach_item items[MANIFEST_REGION_COUNT];
    const struct reach_item *cover = NULL;
    size_t count = reach_of_entry(comparison->new, list, entry, items);
    for (size_t i = 0; i < count; i++) {
        if (reach_missing(comparison->lists[list].old_reach, &items[i], &cover) != 0)
            return NULL;
    }
    return cover;
}

/*
 * {remote: KEY} of a remote that is new itself: compare_remotes has spoken of it
 * and of fetch.backend. In the browser's list it only counts where the list did
 * not let its URLs out.
 */
static bool is_spoken_for(const struct comparison *comparison, enum manifest_list list,
                          const struct manifest_entry *entry, const struct reach_item *cover)
{
    struct reach_item items[MANIFEST_REGION_COUNT];
    if (manifest_find_remote(comparison->old, entry->text) != NULL)
        return false;
    return list == LIST_FETCH_BACKEND || cover != NULL ||
           reach_of_entry(comparison->new, list, entry, items) == 0;
}

/* A configurable remote opens what customers choose too: no URL of OLD covers that. */
static bool is_configurable(const struct comparison *comparison, const struct manifest_entry *entry)
{
    const struct manifest_remote *remote =
        entry->form == ENTRY_REMOTE ? manifest_find_remote(comparison->new, entry->text) : NULL;
    return remote != NULL && remote->configurable;
}

static void settle_covered(struct comparison *comparison, enum manifest_list list)
{
    const struct manifest_entries *entries = &comparison->new->lists[list];
    enum entry_fate *fates = comparison->lists[list].new_fates;
    for (size_t i = 0; i < entries->count; i++) {
        const struct manifest_entry *entry = &entries->items[i];
        if (fates[i] != FATE_ALONE)
            continue;
        const struct reach_item *cover = find_cover(comparison, list, entry);
        if (entry->form == ENTRY_REMOTE && is_spoken_for(comparison, list, entry, cover)) {
            fates[i] = FATE_SPOKEN;
            continue;
        }
        if (cover == NULL || is_configurable(comparison, entry))
            continue;
        fates[i] = FATE_SPOKEN;
        add_covered(comparison, list, entry, cover);
    }
}

/* The first entry from FROM on that is still alone; COUNT where there is none. */
static size_t next_alone(const enum entry_fate *fates, size_t from, size_t count)
{
    while (from < count && fates[from] != FATE_ALONE)
        from++;
    return from;
}

/* GONE for COME is a swap; one of them may be NULL. */
static void add_alone(struct comparison *comparison, enum manifest_list list,
                      const struct manifest_entry *gone, const struct manifest_entry *come)
{
    const char *name = manifest_list_name(list);
    if (gone == NULL && come != NULL)
        comparison_add(comparison, RULE_EGRESS_ADDED, NO_PLACE, come->at, "%s gains %s", name,
                       FINDING_QUOTE(come->text));
    if (gone != NULL && come == NULL)
        comparison_add(comparison, RULE_EGRESS_REMOVED, gone->at, NO_PLACE, "%s loses %s", name,
                       FINDING_QUOTE(gone->text));
    if (gone != NULL && come != NULL)
        comparison_add(comparison, RULE_EGRESS_SWAPPED, gone->at, come->at, "%s swaps %s for %s",
                       name, FINDING_QUOTE(gone->text), FINDING_QUOTE(come->text));
}

/* What is left alone, paired in the lists' order. */
static void settle_alone(struct comparison *comparison, enum manifest_list list)
{
    const struct manifest_entries *old = &comparison->old->lists[list];
    const struct manifest_entries *new = &comparison->new->lists[list];
    const struct list_match *match = &comparison->lists[list];
    size_t gone = next_alone(match->old_fates, 0, old->count);
    size_t come = next_alone(match->new_fates, 0, new->count);
    while (gone < old->count || come < new->count) {
        add_alone(comparison, list, gone < old->count ? &old->items[gone] : NULL,
                  come < new->count ? &new->items[come] : NULL);
        gone = next_alone(match->old_fates, gone + (gone < old->count), old->count);
        come = next_alone(match->new_fates, come + (come < new->count), new->count);
    }
}

/* Entries of remotes that are gone themselves: compare_remotes has spoken. */
static void settle_lost_remotes(struct comparison *comparison, enum manifest_list list)
{
    const struct manifest_entries *old = &comparison->old->lists[list];
    enum entry_fate *fates = comparison->lists[list].old_fates;
    for (size_t i = 0; i < old->count; i++) {
        const struct manifest_entry *entry = &old->items[i];
        if (fates[i] == FATE_ALONE && entry->form == ENTRY_REMOTE &&
            manifest_find_remote(comparison->new, entry->text) == NULL)
            fates[i] = FATE_SPOKEN;
    }
}

void compare_lists(struct comparison *comparison)
{
    for (enum manifest_list list = 0; list < LIST_COUNT; list++) {
        settle_covered(comparison, list);
        settle_lost_remotes(comparison, list);
        settle_alone(comparison, list);
    }
}
