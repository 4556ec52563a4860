/*
 * `sallyport diff`: what NEW lets out that OLD does not, and the version it needs.
 */
#include <getopt.h>

#include "policy/command.h"
#include "policy/command_manifest.h"
#include "policy/version_diff_print.h"

#define ARENA_MAXIMUM  ((size_t)512 * 1024 * 1024)
#define OUTPUT_MAXIMUM ((size_t)512 * 1024 * 1024)

enum { EXIT_NO_APPROVAL = 0, EXIT_NEEDS_APPROVAL = 3 };

enum { OPTION_FORMAT = 256, OPTION_ENVIRONMENT, OPTION_PLAIN_HTTP, OPTION_SET, OPTION_HELP };

struct diff_command {
    void (*print)(const struct version_diff *diff, struct text *text);
    struct manifest_options manifest;
    struct version_diff_options options;
    struct variables variables;
    struct arena *arena; /* of the variables and the comparison */
    struct command_manifest old;
    struct command_manifest new;
};

static int set_format(struct diff_command *command, const char *name)
{
    bool json = strcmp(name, "json") == 0;
    if (!json && strcmp(name, "text") != 0)
        return command_usage_error("diff", "--format takes text or json, not %s", name);
    command->print = json ? version_diff_print_json : version_diff_print_text;
    return -1;
}

static int set_variable(struct diff_command *command, const char *pair)
{
    struct error error;
    if (!variables_set_pair(&command->variables, command->arena, span_of(pair), &error))
        return command_usage_error("diff", "%s", error.message);
    return -1;
}

/* Below 0: go on; else the exit status. */
static int take_option(void *context, int option, char **argv)
{
    struct diff_command *command = context;
    switch (option) {
    case OPTION_FORMAT:
        return set_format(command, optarg);
    case 'e':
        command->options.production = strcmp(optarg, "production") == 0;
        return -1;
    case OPTION_PLAIN_HTTP:
        command->manifest.plain_http = true;
        return -1;
    case OPTION_SET:
        return set_variable(command, optarg);
    case OPTION_HELP:
        command_print_help(&command_diff_description, stdout);
        return EXIT_NO_APPROVAL;
    default:
        return command_option_error("diff", option, argv);
    }
}

static int read_options(struct diff_command *command, int argc, char **argv)
{
    static const struct option options[] = {{"format", required_argument, NULL, OPTION_FORMAT},
                                            {"environment", required_argument, NULL, 'e'},
                                            {"plain-http", no_argument, NULL, OPTION_PLAIN_HTTP},
                                            {"set", required_argument, NULL, OPTION_SET},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {NULL, 0, NULL, 0}};
    int status = command_read_options(argc, argv, ":e:", options, take_option, command);
    if (status < 0 && argc - optind != 2)
        return command_usage_error("diff", "two manifests are compared: OLD and NEW");
    return status;
}

static int print_diff(const struct diff_command *command, const struct version_diff *diff)
{
    struct text text;
    text_init(&text, OUTPUT_MAXIMUM);
    command->print(diff, &text);
    int status = command_print_text(&text, stdout);
    text_clear(&text);
    if (status == EXIT_NO_APPROVAL && diff->bump == BUMP_MAJOR)
        status = EXIT_NEEDS_APPROVAL;
    return status;
}

static int compare(struct diff_command *command, const char *old, const char *new)
{
    struct error error;
    if (!command_manifest_read(&command->old, old, &command->manifest, &error) ||
        !command_manifest_read(&command->new, new, &command->manifest, &error)) {
        error_print(&error, stderr);
        return COMMAND_BAD_INPUT;
    }
    const struct version_diff *diff = version_diff(command->old.manifest, command->new.manifest,
                                                   &command->options, command->arena);
    if (diff == NULL)
        return command_usage_error("diff", "memory is out");
    return print_diff(command, diff);
}

static int command_diff(int argc, char **argv)
{
    struct diff_command command = {.print = version_diff_print_text,
                                   .arena = arena_new(ARENA_MAXIMUM)};
    if (command.arena == NULL)
        return command_usage_error("diff", "memory is out");
    command.manifest.variables = &command.variables;
    int status = read_options(&command, argc, argv);
    if (status < 0)
        status = compare(&command, argv[optind], argv[optind + 1]);
    command_manifest_clear(&command.old);
    command_manifest_clear(&command.new);
    arena_free(command.arena);
    return status;
}

const struct command command_diff_description = {
    .name = "diff",
    .synopsis = "OLD NEW [--format text|json] [--environment ENV] [--plain-http] "
                "[--set NAME=VALUE]…",
    .summary = "what NEW lets out that OLD does not, and the version bump it needs",
    .help =
        "Compares two versions of a manifest: what can leave now that could not before, what no\n"
        "longer can, and which of the platform's rules make it a major version, which an admin\n"
        "approves first, or a minor one. Order, spelling and repetition are no change, and an\n"
        "address that another one covers (*.a.com, then b.a.com) lets nothing more out. The\n"
        "verdict (same, narrower, wider) is about addresses; a scope or a provider can need\n"
        "approval and open none.\n"
        "\n"
        "  --format text|json      a review comment (the default), or one JSON object\n"
        "  -e, --environment ENV   in production, external.configurable.enabled cannot be\n"
        "                          removed: that counts as needing approval\n"
        "  --plain-http            http:// and ws:// may be declared\n"
        "  --set NAME=VALUE        the value of ${NAME}; may be given more than once\n"
        "  --help                  this text\n"
        "\n"
        "Exit status: 0 no approval is needed (nothing, or a minor version), 3 approval is\n"
        "needed (a major version), 2 bad usage or a manifest that cannot be read.\n"
        "\n"
        "Example: sallyport diff versions/1.4/manifest.yml manifest.yml --format json\n",
    .run = command_diff,
};
