/* `sallyport review`: the page an admin decides from. */
#include <getopt.h>
#include <stdlib.h>

#include "policy/command.h"
#include "policy/policy_directory.h"
#include "policy/review_file.h"

#define ARENA_MAXIMUM ((size_t)16 * 1024 * 1024)

enum { EXIT_NO_APPROVAL = 0, EXIT_NEEDS_APPROVAL = 3 };
enum {
    OPTION_HTML = 256,
    OPTION_LOG,
    OPTION_POLICY,
    OPTION_NUMBER,
    OPTION_PLAIN_HTTP,
    OPTION_SET,
    OPTION_HELP
};

struct review_command {
    const char *html;
    const char **logs; /* room for every argument */
    struct manifest_options manifest;
    struct variables variables;
    struct arena *arena; /* of the variables */
    struct command_manifest old;
    struct command_manifest new;
    struct review_file file;
};

/* Below 0: go on; else the exit status. So do the three below. */
static int set_name(const char **to, const char *name, const char *option)
{
    if (!policy_name_valid(span_of(name)))
        return command_usage_error("review", "%s is %s; a name is " POLICY_NAME_FORM, option,
                                   text_quote(span_of(name), (char[TEXT_QUOTE_SIZE]){0}));
    *to = name;
    return -1;
}

static int set_number(struct review_command *command, const char *number)
{
    struct span whole = span_of(number);
    size_t dot = span_find(whole, '.');
    uint64_t part;
    if (dot == whole.length || !span_parse_decimal(span_slice(whole, 0, dot), UINT32_MAX, &part) ||
        !span_parse_decimal(span_after(whole, dot + 1), UINT32_MAX, &part))
        return command_usage_error("review", "--number takes MAJOR.MINOR, not %s",
                                   text_quote(whole, (char[TEXT_QUOTE_SIZE]){0}));
    command->file.review.new.number = whole;
    return -1;
}

static int set_variable(struct review_command *command, const char *pair)
{
    struct error error;
    if (!variables_set_pair(&command->variables, command->arena, span_of(pair), &error))
        return command_usage_error("review", "%s", error.message);
    return -1;
}

static int take_name(struct review_command *command, int option)
{
    struct review *review = &command->file.review;
    if (option == 'a')
        return set_name(&review->app, optarg, "--app");
    if (option == 'i')
        return set_name(&review->installation, optarg, "--installation");
    command->file.production = strcmp(optarg, "production") == 0;
    return set_name(&review->environment, optarg, "--environment");
}

static int take_option(void *context, int option, char **argv)
{
    struct review_command *command = context;
    switch (option) {
    case OPTION_HTML:
        command->html = optarg;
        return -1;
    case OPTION_LOG:
        command->logs[command->file.log_count++] = optarg;
        return -1;
    case OPTION_POLICY:
        command->file.review.policy = optarg;
        return -1;
    case OPTION_NUMBER:
        return set_number(command, optarg);
    case 'a':
    case 'e':
    case 'i':
        return take_name(command, option);
    case OPTION_PLAIN_HTTP:
        command->manifest.plain_http = true;
        return -1;
    case OPTION_SET:
        return set_variable(command, optarg);
    case OPTION_HELP:
        command_print_help(&command_review_description, stdout);
        return EXIT_NO_APPROVAL;
    default:
        return command_option_error("review", option, argv);
    }
}

static int read_options(struct review_command *command, int argc, char **argv)
{
    static const struct option options[] = {{"html", required_argument, NULL, OPTION_HTML},
                                            {"log", required_argument, NULL, OPTION_LOG},
                                            {"policy", required_argument, NULL, OPTION_POLICY},
                                            {"app", required_argument, NULL, 'a'},
                                            {"environment", required_argument, NULL, 'e'},
                                            {"installation", required_argument, NULL, 'i'},
                                            {"number", required_argument, NULL, OPTION_NUMBER},
                                            {"plain-http", no_argument, NULL, OPTION_PLAIN_HTTP},
                                            {"set", required_argument, NULL, OPTION_SET},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {NULL, 0, NULL, 0}};
    int status = command_read_options(argc, argv, ":a:e:i:", options, take_option, command);
    if (status < 0 && argc - optind != 2)
        return command_usage_error("review", "two manifests are compared: OLD and NEW");
    if (status < 0 && command->html == NULL)
        return command_usage_error("review", "--html FILE says where the page goes");
    return status;
}

static int write_review(struct review_command *command, const char *old, const char *new)
{
    struct review_file *file = &command->file;
    struct error error;
    if (!command_manifest_read(&command->old, old, &command->manifest, &error) ||
        !command_manifest_read(&command->new, new, &command->manifest, &error)) {
        error_print(&error, stderr);
        return COMMAND_BAD_INPUT;
    }
    file->old = &command->old;
    file->new = &command->new;
    file->options = &command->manifest;
    file->logs = command->logs;
    file->review.old.number = review_number_of_path(old);
    if (file->review.new.number.length == 0)
        file->review.new.number = review_number_of_path(new);
    if (!review_file_write(file, command->html, &error)) {
        error_print(&error, stderr);
        return COMMAND_BAD_INPUT;
    }
    if (!file->logs_are_whole)
        return COMMAND_BAD_INPUT;
    return file->bump == BUMP_MAJOR ? EXIT_NEEDS_APPROVAL : EXIT_NO_APPROVAL;
}

static int command_review(int argc, char **argv)
{
    struct review_command command = {.arena = arena_new(ARENA_MAXIMUM)};
    command.manifest.variables = &command.variables;
    command.file.review.new.number = SPAN("");
    command.logs = calloc((size_t)argc, sizeof(*command.logs));
    int status = command.arena == NULL || command.logs == NULL
                     ? command_usage_error("review", "memory is out")
                     : read_options(&command, argc, argv);
    if (status < 0)
        status = write_review(&command, argv[optind], argv[optind + 1]);
    command_manifest_clear(&command.old);
    command_manifest_clear(&command.new);
    arena_free(command.arena);
    free(command.logs);
    return status;
}

const struct command command_review_description = {
    .name = "review",
    .synopsis = "OLD NEW --html FILE [--log LOG]… [--policy DIR] [--app APP] [--environment ENV] "
                "[--installation ID] [--number MAJOR.MINOR] [--plain-http] [--set NAME=VALUE]…",
    .summary = "the page an admin decides from: what a new version reaches, and why",
    .help =
        "Compares two versions of a manifest as `sallyport diff` does and writes a page for the\n"
        "admin who decides: what becomes reachable and what no longer, host by host and in words,\n"
        "what is risky, what the logs saw, why the version needs approval, and the command that\n"
        "approves it. One file, without scripts and without anything loaded from elsewhere.\n"
        "\n"
        "  --html FILE             where the page goes; - is standard output\n"
        "  --log LOG               a decision log of the old version, plain or gzip'd; may be given\n"
        "                          more than once\n"
        "  --policy DIR            the policy directory, for the command that approves\n"
        "  -a, --app APP           whose manifest it is, and whose records count in a log\n"
        "  -e, --environment ENV   the same; in production, external.configurable.enabled cannot\n"
        "                          be removed\n"
        "  -i, --installation ID   the installation whose admin decides\n"
        "  --number MAJOR.MINOR    NEW's version, where NEW is not versions/MAJOR.MINOR/manifest.yml\n"
        "  --plain-http            http:// and ws:// may be declared\n"
        "  --set NAME=VALUE        the value of ${NAME}; may be given more than once\n"
        "  --help                  this text\n"
        "\n"
        "Exit status: 0 no approval is needed (nothing, or a minor version), 3 approval is\n"
        "needed (a major version), 2 bad usage, or a manifest or a log that cannot be read.\n"
        "\n"
        "Example: sallyport review versions/1.4/manifest.yml manifest.yml --html review.html\n",
    .run = command_review,
};
