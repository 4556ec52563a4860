/* Options, source and walk of replay and learn. */
#include "policy/command_logs.h"

#include <inttypes.h>
#include <unistd.h>

static struct span span_or_empty(const char *text)
{
    return text == NULL ? SPAN("") : span_of(text);
}

/* The names choose records; a manifest, which is nobody's, is asked without them. */
static void take_filter(struct command_logs *logs)
{
    struct source *source = &logs->source;
    logs->walk.filter =
        (struct subject){span_or_empty(source->app), span_or_empty(source->environment),
                         span_or_empty(source->installation)};
    if (source->manifest != NULL && source->policy == NULL)
        source->app = source->environment = source->installation = NULL;
}

/* Below 0: go on; else the exit status. */
static int take_option(void *context, int option, char **argv)
{
    struct command_logs *logs = context;
    const char *name = logs->command->name;
    struct error error;
    if (option == OPTION_LOGS_HELP) {
        command_print_help(logs->command, stdout);
        return 0;
    }
    if (option == OPTION_LOGS_OWN)
        return logs->take_own(logs, optarg, &error)
                   ? -1
                   : command_usage_error(name, "%s", error.message);
    switch (source_take_option(&logs->source, option, optarg, &error)) {
    case SOURCE_TAKEN:
        return -1;
    case SOURCE_REFUSED:
        return command_usage_error(name, "%s", error.message);
    case SOURCE_NOT_MINE:
        return command_option_error(name, option, argv);
    }
    return -1;
}

static int read_options(struct command_logs *logs, int argc, char **argv)
{
    const struct option options[] = {SOURCE_LONG_OPTIONS,
                                     {"help", no_argument, NULL, OPTION_LOGS_HELP},
                                     {logs->own_option, required_argument, NULL, OPTION_LOGS_OWN},
                                     {NULL, 0, NULL, 0}};
    return command_read_options(argc, argv, ":" SOURCE_SHORT_OPTIONS, options, take_option, logs);
}

int command_logs_begin(struct command_logs *logs, int argc, char **argv)
{
    const char *name = logs->command->name;
    struct error error;
    if (!source_init(&logs->source))
        return command_usage_error(name, "memory is out");
    int status = read_options(logs, argc, argv);
    if (status >= 0)
        return status;
    take_filter(logs);
    if (!source_is_complete(&logs->source, &error))
        return command_usage_error(name, "%s", error.message);
    if (optind == argc)
        return command_usage_error(name, "no log is given; name one, or - for standard input");
    if (!source_open(&logs->source, &error)) {
        error_print(&error, stderr);
        return COMMAND_BAD_INPUT;
    }
    source_hint(&logs->source, stderr);
    logs->walk.show_progress = isatty(STDERR_FILENO) != 0;
    return -1;
}

bool command_logs_walk(struct command_logs *logs, int argc, char **argv)
{
    for (int i = optind; i < argc; i++)
        log_walk_file(&logs->walk, argv[i]);
    log_walk_end(&logs->walk);
    if (logs->walk.visited == 0 && !logs->walk.failed)
        fprintf(stderr,
                "sallyport: no decision of this app and environment is in the logs, %" PRIu64
                " of others\n",
                logs->walk.passed_over);
    return logs->walk.visited > 0 || !logs->walk.failed;
}

int command_logs_end(struct command_logs *logs, int status)
{
    return logs->walk.failed ? COMMAND_BAD_INPUT : status;
}
