/*
 * Why here and once: an identity is derived from what this connection has shown
 * and from nothing else, and each way either speaks or is silent; what speaks and
 * is not understood is nobody, never the next best.
 */
#include "proxy/identity.h"

#include <sys/socket.h>

#include "certs/spiffe.h"
#include "policy/policy_name.h"
#include "proxy/identity_name.h"

/* ---- Names ------------------------------------------------------------------ */

/* The next part of NAME up to '/', which is dropped; the rest stays in NAME. */
static struct span take_part(struct span *name)
{
    size_t length = span_find(*name, '/');
    struct span part = span_slice(*name, 0, length);
    *name = span_after(*name, length < name->length ? length + 1 : length);
    return part;
}

bool identity_parse_name(struct span name, struct subject *subject)
{
    const bool names_nothing = span_ends_with(name, SPAN("/")); /* an installation, but which? */
    subject->app = take_part(&name);
    subject->environment = take_part(&name);
    subject->installation = name;
    return !names_nothing && policy_name_valid(subject->app) &&
           policy_name_valid(subject->environment) && (name.length == 0 || policy_name_valid(name));
}

/* WORDS, which are static, as why it is nobody. */
static void refuse(struct identity *identity, const char *words)
{
    *identity = (struct identity){.problem = words, .settled = true};
}

static void accept_subject(struct identity *identity, struct tenants *tenants,
                           const struct subject *subject)
{
    *identity = (struct identity){.tenant = tenants_find(tenants, subject), .settled = true};
    if (identity->tenant == NULL)
        identity->problem = "memory is out";
}

static void read_spiffe(struct identity *identity, struct tenants *tenants,
                        const struct name_rule *rule, struct span uri)
{
    struct spiffe_name name;
    const char *problem;
    if (uri.length == 0) {
        refuse(identity, "the client's certificate has no URI name, or more than one");
        return;
    }
    if (!spiffe_parse(uri, &name, &problem)) {
        refuse(identity, problem);
        return;
    }
    if (rule->trust_domain != NULL && !span_equal(name.trust_domain, span_of(rule->trust_domain))) {
        refuse(identity, "the client's spiffe:// name is of another trust domain");
        return;
    }
    const struct subject subject = {name.app, name.environment, name.installation};
    accept_subject(identity, tenants, &subject);
}

static void read_common_name(struct identity *identity, struct tenants *tenants,
                             const struct roles *roles, struct span name)
{
    struct subject subject;
    if (name.length == 0)
        refuse(identity, "the client's certificate has no common name, or more than one");
    else if (roles != NULL && !roles_find(roles, name, &subject))
        refuse(identity, "the client's common name is not in the file of roles");
    else if (roles == NULL && !identity_parse_name(name, &subject))
        refuse(identity, "the client's common name is not APP/ENVIRONMENT[/INSTALLATION]");
    else
        accept_subject(identity, tenants, &subject);
}

/* ---- What a connection shows ---------------------------------------------------- */

/* A front that sends no custom types may put the SPIFFE name where the common name goes. */
void identity_of_front(struct identity *identity, struct tenants *tenants,
                       const struct listener_configuration *listener, const struct roles *roles,
                       const struct proxy_header *header)
{
    const struct name_rule *rule = &listener->proxy;
    struct span uri = header->spiffe;
    if (!(listener->identity & IDENTITY_PROXY))
        return;
    if (rule->form == NAME_CN && header->common_name.length > 0)
        read_common_name(identity, tenants, roles, header->common_name);
    if (rule->form == NAME_CN)
        return;
    if (uri.length == 0 && span_starts_with(header->common_name, SPAN("spiffe://")))
        uri = header->common_name;
    if (uri.length > 0)
        read_spiffe(identity, tenants, rule, uri);
}

void identity_of_certificate(struct identity *identity, struct tenants *tenants,
                             const struct listener_configuration *listener,
                             const struct roles *roles, const struct tls_peer *peer)
{
    if (!(listener->identity & IDENTITY_MTLS) || !peer->has_certificate)
        return;
    if (listener->mtls.form == NAME_SPIFFE && peer->may_sign)
        refuse(identity, "the client's certificate may sign others, and a spiffe:// name is shown "
                         "by a leaf");
    else if (listener->mtls.form == NAME_SPIFFE)
        read_spiffe(identity, tenants, &listener->mtls, span_of(peer->uri));
    else
        read_common_name(identity, tenants, roles, span_of(peer->common_name));
}

static bool is_peer(const struct identity_peer *peer, const struct ucred *who)
{
    return (!peer->has_uid || peer->uid == who->uid) && (!peer->has_gid || peer->gid == who->gid);
}

void identity_of_peer(struct identity *identity, struct tenants *tenants,
                      const struct listener_configuration *listener, int fd)
{
    struct ucred who;
    socklen_t size = sizeof(who);
    if (identity->settled || !(listener->identity & IDENTITY_PEER) ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        return;
    for (size_t i = 0; i < listener->peer_count; i++) {
        const struct identity_peer *peer = &listener->peers[i];
        if (!is_peer(peer, &who))
            continue;
        const struct subject subject = {span_of(peer->app), span_of(peer->environment),
                                        span_of(peer->installation)};
        accept_subject(identity, tenants, &subject);
        return;
    }
}

/* ---- Where it comes from ---------------------------------------------------------- */

static const struct identity_source *find_source(const struct listener_configuration *listener,
                                                 const struct ip *client)
{
    const struct identity_source *longest = NULL;
    for (size_t i = 0; i < listener->source_count; i++) {
        const struct identity_source *source = &listener->sources[i];
        if (ip_range_contains(&source->from, client) &&
            (longest == NULL || source->from.prefix > longest->from.prefix))
            longest = source;
    }
    return longest;
}

void identity_of_place(struct identity *identity, struct tenants *tenants,
                       const struct listener_configuration *listener, const struct ip *client)
{
    if (identity->settled)
        return;
    const struct identity_source *source =
        client->family == 0 ? NULL : find_source(listener, client);
    if (source != NULL) {
        const struct subject subject = {span_of(source->app), span_of(source->environment),
                                        span_of(source->installation)};
        identity->tenant = tenants_find(tenants, &subject);
        return;
    }
    if (!(listener->identity & IDENTITY_STATIC))
        return;
    const struct subject subject = {span_of(listener->app), span_of(listener->environment),
                                    span_of(listener->installation)};
    identity->tenant = tenants_find(tenants, &subject);
}
