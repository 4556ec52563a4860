/* A comparison for people and for programs. Both write to TEXT, which may overflow. */
#ifndef SALLYPORT_POLICY_VERSION_DIFF_PRINT_H
#define SALLYPORT_POLICY_VERSION_DIFF_PRINT_H

#include "policy/version_diff.h"

/*
 * A review comment: the verdict and the version it needs, what can leave now, what no
 * longer can, and each reason with its places. Nothing in it moves a terminal's cursor.
 */
void version_diff_print_text(const struct version_diff *diff, struct text *text);

/*
 * One object on one line: {"verdict","bump","old","new","added":[…],"removed":[…],"changes":[…]}.
 * `old` and `new` of a change are null where it has no place in that file.
 */
void version_diff_print_json(const struct version_diff *diff, struct text *text);

/* ", in region EU" or the like, where SITUATIONS are not all; plain ASCII. */
void version_diff_add_situations(uint32_t situations, struct text *text);

#endif
