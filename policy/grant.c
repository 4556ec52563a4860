/*
 * Why: output names the list that a rule stands in by the words of the manifest.
 */
#include "policy/grant.h"

const char *grant_list_name(enum grant_list list)
{
    static const char *const names[GRANT_LIST_COUNT] = {
        [GRANT_FETCH_BACKEND] = "fetch.backend",
        [GRANT_REMOTE] = "remotes",
        [GRANT_SITE_EGRESS] = "installation.egress",
        [GRANT_SITE_REMOTE] = "installation.remotes",
    };
    return names[list];
}
