/*
 * Names of two manifests, paired: both sides sorted, then walked side by side.
 */
#include <stdlib.h>

#include "policy/version_diff_rules.h"

static int compare_texts(struct span a, struct span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_names(const void *left, const void *right)
{
    const struct name *a = left, *b = right;
    int order = compare_texts(a->text, b->text);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* Of equal names the first of the manifest stays. */
static void sort_names(struct names *names)
{
    size_t kept = 0;
    if (names->count == 0)
        return;
    qsort(names->items, names->count, sizeof(*names->items), compare_names);
    for (size_t i = 0; i < names->count; i++) {
        if (kept == 0 || !span_equal(names->items[kept - 1].text, names->items[i].text))
            names->items[kept++] = names->items[i];
    }
    names->count = kept;
}

struct names names_new(struct comparison *comparison, size_t count)
{
    return (struct names){comparison_allocate(comparison, count, sizeof(struct name)), 0};
}

void names_add(struct names *names, struct span text, struct position at, size_t index)
{
    if (names->items != NULL)
        names->items[names->count++] = (struct name){text, at, index};
}

struct name_pair *names_match(struct comparison *comparison, struct names *old, struct names *new,
                              size_t *count)
{
    struct name_pair *pairs =
        comparison_allocate(comparison, old->count + new->count, sizeof(*pairs));
    *count = 0;
    if (pairs == NULL)
        return NULL;
    sort_names(old);
    sort_names(new);
    for (size_t i = 0, k = 0; i < old->count || k < new->count;) {
        const struct name *left = i < old->count ? &old->items[i] : NULL;
        const struct name *right = k < new->count ? &new->items[k] : NULL;
        int order = left == NULL ? 1 : right == NULL ? -1 : compare_texts(left->text, right->text);
        pairs[(*count)++] = (struct name_pair){order <= 0 ? left : NULL, order >= 0 ? right : NULL};
        i += order <= 0;
        k += order >= 0;
    }
    return pairs;
}
