/*
 * Reads a SOURCE. Of a policy directory only the manifest in question is read:
 * a dry run of one app does not wait for ten thousand others.
 */
#include "policy/source.h"

#include "policy/policy_directory.h"

#define VARIABLES_ARENA ((size_t)16 << 20)

bool source_init(struct source *source)
{
    *source = (struct source){.arena = arena_new(VARIABLES_ARENA)};
    source->options.variables = &source->variables;
    return source->arena != NULL;
}

void source_clear(struct source *source)
{
    snapshot_unref(source->snapshot);
    arena_free(source->arena);
    *source = (struct source){0};
}

static enum source_option take_name(const char **name, const char *argument, const char *what,
                                    struct error *error)
{
    if (!policy_name_check(argument, what, error))
        return SOURCE_REFUSED;
    *name = argument;
    return SOURCE_TAKEN;
}

enum source_option source_take_option(struct source *source, int option, const char *argument,
                                      struct error *error)
{
    switch (option) {
    case SOURCE_OPTION_POLICY:
        source->policy = argument;
        return SOURCE_TAKEN;
    case 'm':
        source->manifest = argument;
        return SOURCE_TAKEN;
    case 'a':
        return take_name(&source->app, argument, "app", error);
    case 'e':
        return take_name(&source->environment, argument, "environment", error);
    case 'i':
        return take_name(&source->installation, argument, "installation", error);
    case SOURCE_OPTION_PLAIN_HTTP:
        source->options.plain_http = true;
        return SOURCE_TAKEN;
    case SOURCE_OPTION_SET:
        if (variables_set_pair(&source->variables, source->arena, span_of(argument), error))
            return SOURCE_TAKEN;
        return SOURCE_REFUSED;
    default:
        return SOURCE_NOT_MINE;
    }
}

bool source_is_complete(const struct source *source, struct error *error)
{
    bool names = source->app != NULL || source->environment != NULL || source->installation != NULL;
    if (source->policy == NULL && source->manifest == NULL)
        error_set(error, "no policy is given; name --policy DIR --app APP --environment "
                         "ENVIRONMENT, or --manifest FILE");
    else if (source->policy != NULL && source->manifest != NULL)
        error_set(error, "--policy and --manifest are both given; name one of them");
    else if (source->manifest != NULL && names)
        error_set(error, "--app, --environment and --installation go with --policy, not with "
                         "--manifest");
    else if (source->policy != NULL && source->app == NULL)
        error_set(error, "--policy needs --app APP");
    else if (source->policy != NULL && source->environment == NULL)
        error_set(error, "--policy needs --environment ENVIRONMENT");
    else if (source->policy != NULL && source->variables.first != NULL)
        error_set(error, "--set goes with --manifest; a policy directory has variables.yml");
    else
        return true;
    return false;
}

static struct span span_or_empty(const char *text)
{
    return text == NULL ? SPAN("") : span_of(text);
}

bool source_open(struct source *source, struct error *error)
{
    const struct policy_options options = {
        .plain_http = source->options.plain_http,
        .production_everything = true, /* what production may is the proxy's configuration's */
        .passed_over = &source->passed_over,
    };
    struct app_policy *policy;
    source->options.passed_over = &source->passed_over;
    source->subject =
        (struct subject){span_or_empty(source->app), span_or_empty(source->environment),
                         span_or_empty(source->installation)};
    if (source->manifest != NULL)
        policy = policy_file_load(source->manifest, NULL, &source->options, source->subject.app,
                                  source->subject.environment, error);
    else
        policy = policy_directory_load_one(source->policy, source->subject.app,
                                           source->subject.environment, &options, error);
    if (policy == NULL)
        return false;
    source->snapshot = snapshot_new(&policy, 1);
    app_policy_unref(policy);
    if (source->snapshot == NULL)
        error_set(error, "memory is out");
    return source->snapshot != NULL;
}

void source_hint(const struct source *source, FILE *stream)
{
    const struct error *hint = &source->passed_over;
    char line[sizeof(hint->file) + sizeof(hint->message) + 32];
    if (hint->message[0] == '\0')
        return;
    error_format(hint, line, sizeof(line));
    fprintf(stream, "sallyport: %s (sallyport lint says more)\n", line);
}
