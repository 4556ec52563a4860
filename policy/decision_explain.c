/*
 * Decisions in words that a developer can act on. Each sentence says what was
 * asked, what is declared and where, and the very line that would allow it.
 */
#include "policy/decision_explain.h"

/* "api.example.com:443 (https)". */
void explain_add_target(struct text *text, const struct target *target)
{
    host_add_to_text(&target->host, text);
    text_add_char(text, ':');
    text_add_decimal(text, target->port);
    text_add_string(text, " (");
    text_add_string(text, scheme_name(target->scheme));
    text_add_char(text, ')');
}

/* "app demo in development", or the manifest's name where there is no app. */
static void add_subject(struct text *text, const struct decision *decision,
                        const struct subject *subject)
{
    if (subject->app.length == 0) {
        text_add_string(text, decision->file == NULL ? "the manifest" : decision->file);
        return;
    }
    text_add_string(text, "app ");
    text_add(text, subject->app);
    text_add_string(text, " in ");
    text_add(text, subject->environment);
}

void explain_add_place(struct text *text, const struct decision_rule *rule)
{
    text_add_string(text, rule->file);
    text_add_char(text, ':');
    text_add_decimal(text, rule->at.line);
    text_add_char(text, ':');
    text_add_decimal(text, rule->at.column);
}

static bool is_plain(enum scheme scheme)
{
    return scheme == SCHEME_HTTP || scheme == SCHEME_WS;
}

/* The shortest address that declares TARGET; a tunnel's is taken for https. */
static void add_address(struct text *text, const struct target *target)
{
    enum scheme scheme = target->scheme == SCHEME_TUNNEL ? SCHEME_HTTPS : target->scheme;
    if (scheme != SCHEME_HTTPS) {
        text_add_string(text, scheme_name(scheme));
        text_add_string(text, "://");
    }
    host_add_to_text(&target->host, text);
    if (target->port != scheme_default_port(scheme)) {
        text_add_char(text, ':');
        text_add_decimal(text, target->port);
    }
}

/* False: no address can name this host (an IPv6 literal, a name without a dot). */
static bool can_be_declared(struct span address)
{
    struct address parsed;
    struct error error;
    return address_parse(address, &parsed, &error);
}

/* As a YAML scalar: a bracket in front would begin a list. */
static void add_scalar(struct text *text, struct span address)
{
    const char *quote = address.data[0] == '[' ? "\"" : "";
    text_add_string(text, quote);
    text_add(text, address);
    text_add_string(text, quote);
}

static void add_remedy(struct text *text, const struct decision *decision,
                       const struct target *target)
{
    char storage[sizeof(target->host.text) + 32];
    struct text address;
    text_init_fixed(&address, storage, sizeof(storage));
    add_address(&address, target);
    if (!can_be_declared(text_span(&address))) {
        text_add_string(text,
                        "; no address of a manifest can name this host, only \"*\" covers it");
        return;
    }
    text_add_string(text, "; to allow it add to permissions.external.fetch.backend in ");
    text_add_string(text, decision->file);
    text_add_string(text, ": - address: ");
    add_scalar(text, text_span(&address));
    if (is_plain(target->scheme))
        text_add_string(text, " (plain http must be enabled too, by policy.plain_http)");
    if (decision->site == SITE_INSTALLED)
        text_add_string(text, ", deploy it, and have the site's admin approve the new version");
}

static void explain_allowed(const struct decision *decision, const struct subject *subject,
                            const struct target *target, struct text *text)
{
    explain_add_target(text, target);
    text_add_string(text, " is declared by ");
    add_subject(text, decision, subject);
    text_add_string(text, ": ");
    text_add(text, decision->rule.address);
    text_add_string(text, " at ");
    explain_add_place(text, &decision->rule);
    explain_narrowing(decision, text);
}

static void explain_undeclared(const struct decision *decision, const struct subject *subject,
                               const struct target *target, struct text *text)
{
    explain_add_target(text, target);
    text_add_string(text, " is not declared by ");
    add_subject(text, decision, subject);
    if (decision->has_rule) {
        text_add_string(text, " (nearest: ");
        text_add(text, decision->rule.address);
        text_add_string(text, " at ");
        explain_add_place(text, &decision->rule);
        text_add_string(text, ", ");
        decision_explain_nearest(decision, target, text);
        text_add_char(text, ')');
    }
    add_remedy(text, decision, target);
}

/* The app's name comes from a credential or a command line: it may be anything. */
static void explain_unknown_app(const struct decision *decision, const struct subject *subject,
                                struct text *text)
{
    char app[TEXT_QUOTE_SIZE], environment[TEXT_QUOTE_SIZE];
    if (decision->site != SITE_NONE) {
        explain_site(decision, subject, text);
        return;
    }
    text_quote(subject->app, app);
    text_quote(subject->environment, environment);
    if (decision->app_known) {
        text_add_format(text, "app %s has no environment %s", app, environment);
        text_add_string(text,
                        "; the policy directory would hold it as APP/ENVIRONMENT/manifest.yml");
        return;
    }
    text_add_format(text, "app %s is not known (asked for environment %s)", app, environment);
    text_add_string(text, "; the policy directory would hold it as APP/ENVIRONMENT/manifest.yml");
}

void decision_explain_nearest(const struct decision *decision, const struct target *target,
                              struct text *text)
{
    if (!decision->has_rule || decision->verdict != VERDICT_DENY)
        return;
    if (decision->reason == REASON_PENDING_APPROVAL) {
        text_add_format(text, "declared by version %u, which waits for approval",
                        decision->newest_major);
        return;
    }
    if (decision->reason == REASON_ANALYTICS_DISABLED) {
        text_add_string(text, "declared for analytics, which are off");
        return;
    }
    if (explain_narrow_nearest(decision, text))
        return;
    if (decision->reason == REASON_PORT_NOT_DECLARED) {
        text_add_string(text, "declared on port ");
        text_add_decimal(text, decision->rule_port);
        text_add_string(text, " only");
        return;
    }
    if (decision->reason == REASON_SCHEME_NOT_DECLARED) {
        text_add_string(text, "declared for ");
        text_add_string(text, scheme_name(decision->rule_scheme));
        text_add_string(text, " only");
        return;
    }
    if (!decision->rule_wildcard) {
        text_add_string(text, "which covers that name alone and nothing below it");
        return;
    }
    text_add_string(text, "which covers names below ");
    host_add_to_text(&target->host, text);
    text_add_string(text, " but not itself");
}

void decision_explain(const struct decision *decision, const struct subject *subject,
                      const struct target *target, struct text *text)
{
    switch (decision->reason) {
    case REASON_DECLARED:
    case REASON_EVERYTHING_DECLARED:
        explain_allowed(decision, subject, target, text);
        return;
    case REASON_UNDECLARED:
    case REASON_SCHEME_NOT_DECLARED:
    case REASON_PORT_NOT_DECLARED:
        explain_undeclared(decision, subject, target, text);
        return;
    case REASON_UNKNOWN_APP:
        explain_unknown_app(decision, subject, text);
        return;
    case REASON_PENDING_APPROVAL:
        explain_pending(decision, subject, target, text);
        return;
    case REASON_ANALYTICS_DISABLED:
        explain_analytics(decision, subject, target, text);
        return;
    case REASON_METHOD_NOT_DECLARED:
    case REASON_PATH_NOT_DECLARED:
        explain_narrow(decision, target, text);
        return;
    default:
        text_add_string(text, reason_name(decision->reason));
    }
}
