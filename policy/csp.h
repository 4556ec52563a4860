/*
 * A manifest's browser-side lists as a Content-Security-Policy (CSP Level 3):
 * what an app's pages may load and reach, in a header's words.
 *
 * fetch.client is connect-src (a remote stands for all of its base URLs, each with
 * any path), and images, fonts, styles, scripts, frames and media have their own.
 * default-src is 'self', and so is the first source of every directive, which stands
 * in place of default-src. content.styles and content.scripts become keywords and
 * hashes. navigation has no directive any more: it is left out.
 *
 * A policy's only structure is spaces, ";" and ",", so nothing of a manifest gets in
 * that is not letter by letter of the grammar's own: what does not fit is refused.
 * A query or fragment is dropped, as no source can have one.
 */
#ifndef SALLYPORT_POLICY_CSP_H
#define SALLYPORT_POLICY_CSP_H

#include "policy/manifest.h"

/*
 * Adds the policy of MANIFEST (read without errors) to TEXT: one line, without a
 * newline. The same declarations in another order give the same bytes. False:
 * ERROR, with its place, names what cannot stand in a policy, or says that
 * memory is out; TEXT then holds part of a policy, not to be used.
 */
bool csp_write(const struct manifest *manifest, struct arena *arena, struct text *text,
               struct error *error);

#endif
