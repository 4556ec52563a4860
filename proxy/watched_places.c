/* An array in the order of watches, made anew by each walk over the directory. */
#include "proxy/watched_places.h"

#include <stdlib.h>

struct watched_place {
    int watch;
    char *place;
};

/* The first two parts of BELOW; empty where it has fewer. */
static struct span place_of(struct span below)
{
    size_t first = span_find(below, '/');
    if (first == below.length)
        return SPAN("");
    return span_slice(below, 0, first + 1 + span_find(span_after(below, first + 1), '/'));
}

static bool grow(struct watched_places *places)
{
    size_t capacity = places->capacity == 0 ? 64 : places->capacity * 2;
    void *grown = reallocarray(places->items, capacity, sizeof(*places->items));
    if (grown == NULL)
        return false;
    places->items = grown;
    places->capacity = capacity;
    return true;
}

bool watched_places_add(struct watched_places *places, int watch, struct span below)
{
    struct span place = place_of(below);
    if (place.length == 0)
        return true;
    if (places->count == places->capacity && !grow(places))
        return false;
    char *kept = span_duplicate(place);
    if (kept == NULL)
        return false;
    places->items[places->count++] = (struct watched_place){watch, kept};
    return true;
}

static int compare_items(const void *left, const void *right)
{
    const struct watched_place *a = left, *b = right;
    return (a->watch > b->watch) - (a->watch < b->watch);
}

void watched_places_sort(struct watched_places *places)
{
    if (places->count > 1)
        qsort(places->items, places->count, sizeof(*places->items), compare_items);
}

void watched_places_tell(const struct watched_places *places, int watch,
                         struct policy_change *change)
{
    size_t from = 0, to = places->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (places->items[middle].watch < watch)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == places->count || places->items[from].watch != watch)
        change->whole = true;
    for (; from < places->count && places->items[from].watch == watch; from++)
        policy_change_add(change, span_of(places->items[from].place));
}

void watched_places_clear(struct watched_places *places)
{
    for (size_t i = 0; i < places->count; i++)
        free(places->items[i].place);
    free(places->items);
    *places = (struct watched_places){.count = 0};
}
