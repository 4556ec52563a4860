/*
 * Why: output names the list that a rule stands in by the words of the manifest.
 */
#include "policy/grant.h"

const char *grant_list_name(enum grant_list list)
{
    return list == GRANT_REMOTE ? "remotes" : "fetch.backend";
}
