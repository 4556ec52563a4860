/*
 * `sallyport lint`: reads each manifest, says what there is to say, and sums it
 * up in the exit status.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/command.h"
#include "policy/lint_print.h"

#define ARENA_MAXIMUM ((size_t)256 * 1024 * 1024)

enum { EXIT_CLEAN = 0, EXIT_ERRORS = 1 };

enum { OPTION_FORMAT = 256, OPTION_PLAIN_HTTP, OPTION_SET, OPTION_HELP };

struct lint_command {
    const struct lint_printer *printer;
    struct manifest_options options;
    struct variables variables;
    struct arena *arena; /* of the variables */
    struct lint_output output;
};

/* Below 0: go on; else the exit status. So do the three below. */
static int set_format(struct lint_command *command, const char *name)
{
    static const struct lint_printer *const printers[] = {&lint_print_text, &lint_print_json,
                                                          &lint_print_sarif};
    for (size_t i = 0; i < sizeof(printers) / sizeof(printers[0]); i++) {
        if (strcmp(printers[i]->name, name) == 0) {
            command->printer = printers[i];
            return -1;
        }
    }
    return command_usage_error("lint", "--format takes text, json or sarif, not %s", name);
}

static int set_variable(struct lint_command *command, const char *pair)
{
    struct error error;
    if (variables_set_pair(&command->variables, command->arena, span_of(pair), &error))
        return -1;
    return command_usage_error("lint", "%s", error.message);
}

static int take_option(void *context, int option, char **argv)
{
    struct lint_command *command = context;
    switch (option) {
    case OPTION_FORMAT:
        return set_format(command, optarg);
    case OPTION_SET:
        return set_variable(command, optarg);
    case OPTION_PLAIN_HTTP:
        command->options.plain_http = true;
        return -1;
    case OPTION_HELP:
        command_print_help(&command_lint_description, stdout);
        return EXIT_CLEAN;
    default:
        return command_option_error("lint", option, argv);
    }
}

static int read_options(struct lint_command *command, int argc, char **argv)
{
    static const struct option options[] = {{"format", required_argument, NULL, OPTION_FORMAT},
                                            {"plain-http", no_argument, NULL, OPTION_PLAIN_HTTP},
                                            {"set", required_argument, NULL, OPTION_SET},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {NULL, 0, NULL, 0}};
    int status = command_read_options(argc, argv, ":", options, take_option, command);
    if (status < 0 && optind == argc)
        return command_usage_error("lint", "no manifest is given");
    return status;
}

static void report_unreadable(struct lint_command *command, const char *path,
                              const struct error *error)
{
    struct lint_report report = {.file = path, .unreadable = error};
    command->output.unreadable++;
    fflush(command->output.stream);
    error_print(error, stderr);
    command->printer->report(&command->output, &report);
}

static void report_findings(struct lint_command *command, const char *path,
                            const struct yaml_document *document, const struct findings *findings)
{
    struct lint_report report = {
        .file = path, .source = yaml_document_source(document), .findings = findings};
    command->output.errors += findings->errors;
    command->output.warnings += findings->warnings;
    command->output.notes += findings->notes;
    command->printer->report(&command->output, &report);
}

static void lint_arena(struct lint_command *command, const char *path,
                       const struct yaml_document *document, struct arena *arena)
{
    struct findings findings;
    struct error error;
    findings_init(&findings, arena, path);
    if (arena != NULL && lint_document(document, &command->options, arena, &findings)) {
        report_findings(command, path, document, &findings);
        return;
    }
    error_set_at(&error, path, (struct position){0, 0}, "too much to hold in memory");
    report_unreadable(command, path, &error);
}

static void lint_file(struct lint_command *command, const char *path)
{
    struct error error;
    struct yaml_document *document = yaml_document_read(path, &error);
    struct arena *arena = arena_new(ARENA_MAXIMUM);
    command->output.files++;
    if (document == NULL)
        report_unreadable(command, path, &error);
    else
        lint_arena(command, path, document, arena);
    arena_free(arena);
    yaml_document_free(document);
}

static int exit_status(const struct lint_output *output)
{
    if (output->lost)
        return command_usage_error("lint", "memory is out; the report is not whole");
    if (output->unreadable > 0)
        return COMMAND_BAD_INPUT;
    return output->errors > 0 ? EXIT_ERRORS : EXIT_CLEAN;
}

static int run(struct lint_command *command, int argc, char **argv)
{
    int status = read_options(command, argc, argv);
    if (status >= 0)
        return status;
    command->printer->begin(&command->output);
    for (int i = optind; i < argc; i++)
        lint_file(command, argv[i]);
    command->printer->end(&command->output);
    return exit_status(&command->output);
}

static int command_lint(int argc, char **argv)
{
    struct lint_command command = {.printer = &lint_print_text, .output = {.stream = stdout}};
    const char *no_colour = getenv("NO_COLOR");
    command.output.colour =
        isatty(STDOUT_FILENO) != 0 && (no_colour == NULL || no_colour[0] == '\0');
    command.options.variables = &command.variables;
    command.arena = arena_new(ARENA_MAXIMUM);
    if (command.arena == NULL)
        return command_usage_error("lint", "memory is out");
    int status = run(&command, argc, argv);
    arena_free(command.arena);
    return status;
}

const struct command command_lint_description = {
    .name = "lint",
    .synopsis = "MANIFEST… [--format text|json|sarif] [--plain-http] [--set NAME=VALUE]…",
    .summary = "validate manifests",
    .help =
        "Reads each MANIFEST (YAML or JSON) and says what is wrong with it, what is risky and\n"
        "what is worth a thought, each with its line and column.\n"
        "\n"
        "  --format text|json|sarif   as a compiler prints it (the default), one JSON object a\n"
        "                             line, or SARIF 2.1.0\n"
        "  --plain-http               http:// and ws:// may be declared: a warning, not an error\n"
        "  --set NAME=VALUE           the value of ${NAME}; may be given more than once\n"
        "  --help                     this text\n"
        "\n"
        "Exit status: 0 no error, 1 errors, 2 a manifest that cannot be read, or bad usage.\n"
        "\n"
        "Example: sallyport lint manifest.yml --set API_HOST=api.example.com\n",
    .run = command_lint,
};
