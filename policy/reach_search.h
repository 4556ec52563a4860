/*
 * What reach.c, which builds, takes from reach_search.c, which knows the order
 * of items and searches in it.
 */
#ifndef SALLYPORT_POLICY_REACH_SEARCH_H
#define SALLYPORT_POLICY_REACH_SEARCH_H

#include "policy/reach.h"

/* Fills the `folder` of all items, once they are sorted. */
void reach_link_folders(struct reach *reach);

#endif
