/*
 * One source expression of a Content-Security-Policy (CSP Level 3, section
 * 2.3.1), made of one declaration. Each function writes nothing but bytes that
 * the grammar has, or returns false with an ERROR that has no place.
 */
#ifndef SALLYPORT_POLICY_CSP_SOURCE_H
#define SALLYPORT_POLICY_CSP_SOURCE_H

#include "policy/address.h"

/* Room for any source. */
#define CSP_SOURCE_SIZE 8192

/* A host-source with the path of TEXT, the declaration that ADDRESS was read from; or "*". */
bool csp_source_write_address(const struct address *address, struct span text, struct text *source,
                              struct error *error);

/* A host-source without a path. */
bool csp_source_write_origin(const struct address *address, struct text *source,
                             struct error *error);

/* An application's own scheme: "slack:", or "slack://host". */
bool csp_source_write_custom(struct span text, struct text *source, struct error *error);

/* An option of permissions.content: unsafe-inline, …, sha256-…, blob:; in single quotes or not. */
bool csp_source_write_option(struct span option, struct text *source, struct error *error);

#endif
