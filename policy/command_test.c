/* `sallyport test`: holds a policy to its tests, as a test runner tells it. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/command.h"
#include "policy/junit.h"
#include "policy/policy_test.h"

#define EXPLANATION_SIZE 8192

enum { EXIT_ALL_PASS = 0, EXIT_SOME_FAIL = 1 };

enum { OPTION_JUNIT = 256, OPTION_HELP };

struct test_command {
    const char *junit_path; /* NULL: none is wanted */
    struct junit junit;
    bool colour;
    size_t passed;
    size_t failed;
    size_t errors;
};

static void print_word(const struct test_command *command, bool passed)
{
    const char *colour = passed ? "\033[32m" : "\033[31m";
    printf("%s%s%s", command->colour ? colour : "", passed ? "ok  " : "FAIL",
           command->colour ? "\033[0m" : "");
}

/* "ok    tests.yml:4:16  allow https://api.example.com"; what FAILed is explained below. */
static void print_found(const struct test_command *command, const struct policy_expectation *found,
                        struct span name, struct span explanation)
{
    print_word(command, found->passed);
    printf("  %s:%u:%u  %.*s\n", found->file, found->at.line, found->at.column, SPAN_FORMAT(name));
    if (!found->passed)
        printf("      %.*s\n", SPAN_FORMAT(explanation));
}

static void note_found(void *context, const struct policy_expectation *found)
{
    struct test_command *command = context;
    char name_storage[EXPLANATION_SIZE], storage[EXPLANATION_SIZE];
    struct text name, explanation;
    text_init_fixed(&name, name_storage, sizeof(name_storage));
    text_init_fixed(&explanation, storage, sizeof(storage));
    if (found->test.length > 0) {
        text_add_shown(&name, found->test);
        text_add_string(&name, ": ");
    }
    text_add_format(&name, "%s ", verdict_name(found->expected));
    text_add_shown(&name, found->given);
    policy_test_explain(found, &explanation);
    command->passed += found->passed;
    command->failed += !found->passed;
    print_found(command, found, text_span(&name), text_span(&explanation));
    junit_add_case(&command->junit, text_span(&name), found->at.line,
                   found->passed ? JUNIT_PASSED : JUNIT_FAILED, text_span(&explanation));
}

static void note_error(void *context, const char *file, const struct error *error)
{
    struct test_command *command = context;
    char line[sizeof(error->file) + sizeof(error->message) + 32];
    uint32_t at = strcmp(file, error->file) == 0 ? error->at.line : 0;
    error_format(error, line, sizeof(line));
    command->errors++;
    fflush(stdout);
    error_print(error, stderr);
    junit_add_case(&command->junit, SPAN("readable"), at, JUNIT_ERROR, span_of(line));
}

/* False: it cannot be written, which was said. */
static bool write_junit(struct test_command *command)
{
    if (command->junit_path == NULL)
        return true;
    errno = 0;
    FILE *stream = fopen(command->junit_path, "we");
    bool written = stream != NULL && junit_write(&command->junit, stream);
    if (stream != NULL && fclose(stream) != 0)
        written = false;
    if (!written)
        fprintf(stderr, "sallyport: %s: cannot be written: %s\n", command->junit_path,
                errno == 0 ? "the report is too large" : strerror(errno));
    return written;
}

static int sum_up(struct test_command *command)
{
    printf("%zu passed, %zu failed", command->passed, command->failed);
    if (command->errors > 0)
        printf(", %zu could not be run", command->errors);
    putchar('\n');
    bool written = write_junit(command);
    if (command->errors > 0 || !written)
        return COMMAND_BAD_INPUT;
    return command->failed > 0 ? EXIT_SOME_FAIL : EXIT_ALL_PASS;
}

/* -1: go on; else the exit status. */
static int read_options(struct test_command *command, int argc, char **argv)
{
    static const struct option options[] = {{"junit", required_argument, NULL, OPTION_JUNIT},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {NULL, 0, NULL, 0}};
    optind = 0; /* GNU: begin anew */
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (option == OPTION_HELP) {
            command_print_help(&command_test_description, stdout);
            return EXIT_ALL_PASS;
        }
        if (option != OPTION_JUNIT)
            return command_option_error("test", option, argv);
        command->junit_path = optarg;
    }
    if (optind == argc)
        return command_usage_error("test", "no test file is given");
    return -1;
}

static int command_test(int argc, char **argv)
{
    struct test_command command = {.junit_path = NULL};
    const struct policy_test_listener listener = {note_found, note_error, &command};
    const char *no_colour = getenv("NO_COLOR");
    int status = read_options(&command, argc, argv);
    if (status >= 0)
        return status;
    command.colour = isatty(STDOUT_FILENO) != 0 && (no_colour == NULL || no_colour[0] == '\0');
    junit_init(&command.junit);
    for (int i = optind; i < argc; i++) {
        junit_begin_suite(&command.junit, argv[i]);
        policy_test_run(argv[i], &listener);
        junit_end_suite(&command.junit);
    }
    status = sum_up(&command);
    junit_clear(&command.junit);
    return status;
}

const struct command command_test_description = {
    .name = "test",
    .synopsis = "FILE… [--junit FILE]",
    .summary = "hold a policy to its tests",
    .help =
        "Runs policy tests: YAML files that say which targets a policy has to allow and to deny.\n"
        "\n"
        "  tests:\n"
        "    - manifest: manifest.yml               # relative to the test file\n"
        "      set: {API_HOST: api.example.com}     # optional: values of its ${NAME}s\n"
        "      allow: [https://api.example.com]\n"
        "      deny:\n"
        "        - other.example.com\n"
        "        - {target: 'api.example.com:8443', reason: port_not_declared}\n"
        "    - policy: policy                       # a policy directory, with who asks\n"
        "      app: demo\n"
        "      environment: production              # and installation, optional\n"
        "      deny: [https://example.net]\n"
        "\n"
        "Where the policy has a narrow.yml a target may say {target: URL, method: POST}; its path is\n"
        "judged as `check` does.\n"
        "\n"
        "A test may also have a name, and plain_http: true where http:// may be declared. A target\n"
        "that is none fails its test, unless it is denied with reason: invalid_target.\n"
        "\n"
        "  --junit FILE         write the results as JUnit XML, too\n"
        "\n"
        "Exit status: 0 all pass, 1 some fail, 2 a file could not be read, or bad usage.\n"
        "\n"
        "Example: sallyport test policy/tests.yml --junit build/policy.xml\n",
    .run = command_test,
};
