/*
 * One environment's files as a policy: private to the policy directory's
 * reader, which alone asks whether they have changed.
 */
#ifndef SALLYPORT_POLICY_POLICY_FILE_H
#define SALLYPORT_POLICY_POLICY_FILE_H

#include "policy/policy_directory.h"

/*
 * Stamps MANIFEST and VARIABLES (a file that is not there is stamped as such),
 * as they are to be read under OPTIONS. Take it before they are read. A file
 * younger than the clock's grain could change again unseen, so STAMP is then
 * all zero: never the same.
 */
void policy_stamp_take(const char *manifest, const char *variables,
                       const struct policy_options *options, struct policy_stamp *stamp);

/* True: what A was made from is certainly what B would be made from. */
bool policy_stamp_same(const struct policy_stamp *a, const struct policy_stamp *b);

#endif
