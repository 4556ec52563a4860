/*
 * Edit distance by rows (Wagner and Fischer, 1974), over names short enough
 * that a row stands on the stack.
 */
#include "policy/nearest.h"

#define LENGTH_MAXIMUM 40

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

/* Both at most LENGTH_MAXIMUM long. */
static size_t distance(struct span a, struct span b)
{
    size_t row[LENGTH_MAXIMUM + 1];
    for (size_t j = 0; j <= b.length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            bool same = span_equal_nocase(span_slice(a, i - 1, 1), span_slice(b, j - 1, 1));
            size_t changed = diagonal + (same ? 0 : 1);
            diagonal = row[j];
            row[j] = least(changed, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[b.length];
}

const char *nearest_name(struct span name, const char *const *names)
{
    const char *nearest = NULL;
    if (name.length > LENGTH_MAXIMUM)
        return NULL;
    size_t allowed = name.length < 6 ? 2 : name.length / 3;
    for (; *names != NULL; names++) {
        struct span known = span_of(*names);
        if (known.length > LENGTH_MAXIMUM)
            continue;
        size_t edits = distance(name, known);
        if (edits > allowed || edits >= known.length)
            continue;
        nearest = *names;
        allowed = edits == 0 ? 0 : edits - 1; /* of two equally near, the first */
    }
    return nearest;
}
