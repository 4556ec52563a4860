/*
 * Why strict: a name that two readers understand differently is two identities.
 * What is accepted here has one spelling, so names can be compared as bytes.
 */
#include "certs/spiffe.h"

#include "policy/policy_name.h"

static bool refuse(const char **problem, const char *words)
{
    *problem = words;
    return false;
}

bool spiffe_domain_valid(struct span domain)
{
    if (domain.length == 0 || domain.length > SPIFFE_DOMAIN_MAXIMUM)
        return false;
    for (size_t i = 0; i < domain.length; i++) {
        char byte = domain.data[i];
        bool fine = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
                    byte == '.' || byte == '_';
        if (!fine)
            return false;
    }
    return true;
}

static bool skip(struct span *rest, struct span word)
{
    if (!span_starts_with(*rest, word))
        return false;
    *rest = span_after(*rest, word.length);
    return true;
}

/* Up to the next '/', which stays. */
static struct span take_part(struct span *rest)
{
    size_t length = span_find(*rest, '/');
    struct span part = span_slice(*rest, 0, length);
    *rest = span_after(*rest, length);
    return part;
}

bool spiffe_parse(struct span uri, struct spiffe_name *name, const char **problem)
{
    struct span rest = uri;
    *name = (struct spiffe_name){.installation = {"", 0}};
    if (!skip(&rest, SPAN("spiffe://")))
        return refuse(problem, "its URI is no spiffe:// name");
    name->trust_domain = take_part(&rest);
    if (!spiffe_domain_valid(name->trust_domain))
        return refuse(problem, "its spiffe:// name has no valid trust domain");
    if (!skip(&rest, SPAN("/app/")))
        return refuse(problem, "its spiffe:// name does not begin with /app/");
    name->app = take_part(&rest);
    if (!skip(&rest, SPAN("/environment/")))
        return refuse(problem, "its spiffe:// name has no /environment/ behind the app");
    name->environment = take_part(&rest);
    const bool has_installation = skip(&rest, SPAN("/installation/"));
    if (has_installation)
        name->installation = take_part(&rest);
    if (rest.length > 0)
        return refuse(problem, "its spiffe:// name goes on behind what it may say");
    if (!policy_name_valid(name->app) || !policy_name_valid(name->environment) ||
        (has_installation && !policy_name_valid(name->installation)))
        return refuse(problem, "its spiffe:// name has a part that is no name");
    return true;
}
