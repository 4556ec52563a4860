/*
 * `sallyport csp`: the Content-Security-Policy of a manifest's browser-side
 * lists, as one line to paste behind the field's name.
 */
#include <getopt.h>

#include "policy/command.h"
#include "policy/command_manifest.h"
#include "policy/csp.h"

#define ARENA_MAXIMUM  ((size_t)256 * 1024 * 1024)
#define POLICY_MAXIMUM ((size_t)64 * 1024 * 1024)

enum { EXIT_WRITTEN = 0 };

enum { OPTION_PLAIN_HTTP = 256, OPTION_SET, OPTION_HELP };

struct csp_command {
    struct manifest_options options;
    struct variables variables;
    struct arena *arena; /* of the variables and the sources */
};

static int set_variable(struct csp_command *command, const char *pair)
{
    struct error error;
    if (!variables_set_pair(&command->variables, command->arena, span_of(pair), &error))
        return command_usage_error("csp", "%s", error.message);
    return -1;
}

/* Below 0: go on; else the exit status. */
static int take_option(void *context, int option, char **argv)
{
    struct csp_command *command = context;
    switch (option) {
    case OPTION_PLAIN_HTTP:
        command->options.plain_http = true;
        return -1;
    case OPTION_SET:
        return set_variable(command, optarg);
    case OPTION_HELP:
        command_print_help(&command_csp_description, stdout);
        return EXIT_WRITTEN;
    default:
        return command_option_error("csp", option, argv);
    }
}

static int read_options(struct csp_command *command, int argc, char **argv)
{
    static const struct option options[] = {{"plain-http", no_argument, NULL, OPTION_PLAIN_HTTP},
                                            {"set", required_argument, NULL, OPTION_SET},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {NULL, 0, NULL, 0}};
    int status = command_read_options(argc, argv, ":", options, take_option, command);
    if (status < 0 && argc - optind != 1)
        return command_usage_error("csp", "one manifest is given: MANIFEST");
    return status;
}

/* The policy alone goes to standard output, so that it can be used as it is. */
static void mention_navigation(const struct manifest *manifest)
{
    const struct manifest_entries *entries = &manifest->lists[LIST_NAVIGATION];
    if (entries->count > 0)
        fprintf(stderr,
                "sallyport: %s:%u:%u: navigation is left out; no directive of a "
                "Content-Security-Policy says where a page may go\n",
                manifest->file, entries->items[0].at.line, entries->items[0].at.column);
}

static int write_policy(const struct manifest *manifest, struct arena *arena, struct text *text)
{
    struct error error;
    if (!csp_write(manifest, arena, text, &error)) {
        error_print(&error, stderr);
        return COMMAND_BAD_INPUT;
    }
    text_add_char(text, '\n');
    int status = command_print_text(text, stdout);
    if (status == EXIT_WRITTEN)
        mention_navigation(manifest);
    return status;
}

static int print_policy(const struct csp_command *command, const char *path)
{
    struct command_manifest read;
    struct error error;
    struct text text;
    int status = COMMAND_BAD_INPUT;
    text_init(&text, POLICY_MAXIMUM);
    if (command_manifest_read(&read, path, &command->options, &error))
        status = write_policy(read.manifest, command->arena, &text);
    else
        error_print(&error, stderr);
    text_clear(&text);
    command_manifest_clear(&read);
    return status;
}

static int command_csp(int argc, char **argv)
{
    struct csp_command command = {.arena = arena_new(ARENA_MAXIMUM)};
    if (command.arena == NULL)
        return command_usage_error("csp", "memory is out");
    command.options.variables = &command.variables;
    int status = read_options(&command, argc, argv);
    if (status < 0)
        status = print_policy(&command, argv[optind]);
    arena_free(command.arena);
    return status;
}

const struct command command_csp_description = {
    .name = "csp",
    .synopsis = "MANIFEST [--plain-http] [--set NAME=VALUE]…",
    .summary = "the Content-Security-Policy of the browser-side lists",
    .help =
        "Prints the Content-Security-Policy that lets an app's pages load and reach what\n"
        "MANIFEST declares for the browser: fetch.client, images, fonts, styles, scripts, frames,\n"
        "media, and the options of permissions.content. navigation has no directive and is left\n"
        "out, which standard error says. A declaration that a policy cannot say is refused.\n"
        "\n"
        "  --plain-http       http:// and ws:// may be declared\n"
        "  --set NAME=VALUE   the value of ${NAME}; may be given more than once\n"
        "  --help             this text\n"
        "\n"
        "Exit status: 0 printed, 2 bad usage, or a manifest that cannot be read or said.\n"
        "\n"
        "Example: sallyport csp manifest.yml\n",
    .run = command_csp,
};
