/*
 * Where anyone can get a name: the public suffix list (by libpsl, both of its
 * sections), and a short table of services that hand names out and stand in no
 * list, or stand in it only further down than a wildcard would reach.
 */
#include <libpsl.h>

#include "policy/lint_rules.h"

struct shared_host {
    const char *name;
    const char *reason;
};

static const struct shared_host shared_hosts[] = {
    {"amazonaws.com", "anyone can name a bucket or an endpoint"},
    {"atlassian.net", "anyone can open a site"},
    {"auth0.com", "anyone can name a tenant"},
    {"azure.com", "anyone can name a service"},
    {"azureedge.net", "anyone can name an endpoint"},
    {"backblazeb2.com", "anyone can name a bucket"},
    {"cloudflarestorage.com", "anyone can name a bucket"},
    {"digitaloceanspaces.com", "anyone can name a space"},
    {"force.com", "anyone can name an organisation"},
    {"freshdesk.com", "anyone can name a help desk"},
    {"gitlab.io", "anyone can publish a page"},
    {"google.com", "anyone can publish scripts, forms and sites"},
    {"googleapis.com", "anyone can name a bucket"},
    {"googleusercontent.com", "anyone can publish content"},
    {"hubspot.com", "anyone can publish pages"},
    {"mockapi.io", "anyone can make an endpoint that records what it is sent"},
    {"okta.com", "anyone can name an organisation"},
    {"oraclecloud.com", "anyone can name a bucket"},
    {"pipedream.net", "anyone can make an endpoint that records what it is sent"},
    {"salesforce.com", "anyone can name an organisation"},
    {"sharepoint.com", "anyone can name a tenant"},
    {"slack.com", "anyone can name a workspace"},
    {"webhook.site", "anyone can make an endpoint that records what it is sent"},
    {"windows.net", "anyone can name a storage account"},
    {"wordpress.com", "anyone can open a blog"},
    {"zendesk.com", "anyone can name a help desk"},
};

static bool is_public_suffix(const char *host)
{
    const psl_ctx_t *list = psl_builtin();
    return list != NULL && psl_is_public_suffix2(list, host, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE);
}

static bool is_same_or_below(struct span host, struct span parent)
{
    if (!span_ends_with(host, parent))
        return false;
    return host.length == parent.length || host.data[host.length - parent.length - 1] == '.';
}

const char *lint_shared_host(const char *host, const char **reason)
{
    *reason = NULL;
    if (is_public_suffix(host))
        return host;
    for (size_t i = 0; i < sizeof(shared_hosts) / sizeof(shared_hosts[0]); i++) {
        if (is_same_or_below(span_of(shared_hosts[i].name), span_of(host))) {
            *reason = shared_hosts[i].reason;
            return shared_hosts[i].name;
        }
    }
    return NULL;
}
