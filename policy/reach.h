/*
 * What a list of declared addresses lets out, as a set: so that two manifests
 * are compared by what can leave and not by what they look like.
 *
 * An address is one point (scheme, host, port) or a whole tree below a host. No
 * finite number of narrower ones adds up to a wildcard, so a set covers an
 * address if and only if one of its members does: a few searches in a sorted
 * array, one for each parent of the host. What one member covers may still depend on
 * the installation: on its region (which picks a base URL) and on whether its
 * analytics are switched off. Each pair of these is a bit, a `situation`.
 */
#ifndef SALLYPORT_POLICY_REACH_H
#define SALLYPORT_POLICY_REACH_H

#include "policy/manifest.h"

/* Bit r: region manifest_regions[r], analytics on; bit MANIFEST_REGION_COUNT + r: the same, off. */
#define REACH_ANALYTICS_ON  (((uint32_t)1 << MANIFEST_REGION_COUNT) - 1)
#define REACH_ANALYTICS_OFF (REACH_ANALYTICS_ON << MANIFEST_REGION_COUNT)
#define REACH_ALWAYS        (REACH_ANALYTICS_ON | REACH_ANALYTICS_OFF)

struct reach_item {
    const struct manifest_entry *entry; /* that declares it, itself or by its remote */
    const struct address *address;      /* NULL: an application's own scheme, known by its text */
    struct span path;                   /* browser lists: "" or "/…", without query; else "" */
    struct span text;                   /* as declared */
    uint32_t situations;                /* in which it is let out; never 0 */
    struct position at;                 /* of the address or the base URL */
    size_t folder; /* in a reach: the item of this host whose path is next above; its own: none */
};

/* One list of one manifest; items sorted, equal addresses made one. */
struct reach {
    struct reach_item *items;
    size_t count;
};

/* NULL: memory is out. Lives in ARENA, points into MANIFEST. */
struct reach *reach_of_list(const struct manifest *manifest, enum manifest_list list,
                            struct arena *arena);

/* What one ENTRY of LIST lets out: itself, or its remote's base URLs. Returns how many. */
size_t reach_of_entry(const struct manifest *manifest, enum manifest_list list,
                      const struct manifest_entry *entry,
                      struct reach_item items[MANIFEST_REGION_COUNT]);

/* A total order of what is let out; 0: the same addresses, whatever the situations. */
int reach_compare(const struct reach_item *a, const struct reach_item *b);

/*
 * The situations of ITEM in which REACH does not let out all of it; 0: it is
 * covered, and *COVER (NULL: not asked) is the nearest item that takes part.
 * http:// and ws:// are not covered by "*": declaring one lets a tunnel carry
 * anything, which "*" does not.
 */
uint32_t reach_missing(const struct reach *reach, const struct reach_item *item,
                       const struct reach_item **cover);

/*
 * The items of REACH that lie below the wildcard ITEM and are let out in all of
 * SITUATIONS: into FOUND, at most MAXIMUM. Returns how many.
 */
size_t reach_below(const struct reach *reach, const struct reach_item *item, uint32_t situations,
                   const struct reach_item **found, size_t maximum);

/* As a URL, its scheme written and a default port left out; "*"; a custom scheme's own text. */
void reach_add_to_text(const struct reach_item *item, struct text *text);

#endif
