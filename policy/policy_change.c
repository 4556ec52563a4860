/* A short list of places, searched from its beginning. */
#include "policy/policy_change.h"

#include <stdio.h>

#include "policy/policy_name.h"

static bool is_place(struct span place)
{
    size_t slash = span_find(place, '/');
    return slash < place.length && policy_name_valid(span_slice(place, 0, slash)) &&
           policy_name_valid(span_after(place, slash + 1));
}

void policy_change_add(struct policy_change *change, struct span place)
{
    if (change->whole)
        return;
    for (size_t i = 0; i < change->count; i++) {
        if (span_equal(span_of(change->places[i]), place))
            return;
    }
    if (!is_place(place) || change->count == POLICY_CHANGE_PLACES) {
        change->whole = true;
        return;
    }
    snprintf(change->places[change->count++], POLICY_PLACE_SIZE, "%.*s", SPAN_FORMAT(place));
}

bool policy_change_covers(const struct policy_change *change, struct span path)
{
    for (size_t i = 0; i < change->count && !change->whole; i++) {
        struct span place = span_of(change->places[i]);
        if (span_starts_with(path, place) && path.length > place.length &&
            path.data[place.length] == '/')
            return true;
    }
    return change->whole;
}
