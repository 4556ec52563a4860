/*
 * `sallyport check`: the dry run. A target a line, decided as the proxy would,
 * from the arguments or as a stream of any length: lines are read and written
 * in large pieces and nothing is kept.
 */
#include <errno.h>
#include <unistd.h>

#include "policy/command.h"
#include "policy/line_input.h"
#include "policy/source.h"

#define OUTPUT_SIZE  262144
#define OUTPUT_FLUSH 131072 /* written out beyond this; no line is longer than the rest */
#define DETAIL_SIZE  4096

enum { OPTION_FORMAT = SOURCE_OPTION_END, OPTION_METHOD, OPTION_HELP };

enum { EXIT_ALL_ALLOWED = 0, EXIT_SOME_DENIED = 1 };

/* One target and all there is to say about it. */
struct result {
    struct span given;
    enum verdict verdict;
    struct target target;     /* unset where the verdict is invalid */
    struct decision decision; /* likewise */
    struct error error;       /* set where it is */
};

struct check {
    struct source source;
    struct span method; /* "": not given */
    void (*print)(struct check *check, const struct result *result);
    struct text output;
    int output_failure; /* errno of a write that failed; 0: none has */
    bool denied;
    bool invalid;
    char storage[OUTPUT_SIZE];
    struct line_input input;
};

/* ---- Output -------------------------------------------------------------- */

static void flush(struct check *check)
{
    struct span rest = text_span(&check->output);
    while (rest.length > 0 && check->output_failure == 0) {
        ssize_t count = write(STDOUT_FILENO, rest.data, rest.length);
        if (count >= 0)
            rest = span_after(rest, (size_t)count);
        else if (errno != EINTR)
            check->output_failure = errno;
    }
    text_reset(&check->output);
}

/* As it was given, unless that would move a terminal's cursor: then quoted and escaped. */
static void add_given(struct text *output, struct span given)
{
    char storage[TEXT_QUOTE_SIZE];
    struct span quoted;
    size_t plain = 0;
    while (plain < given.length && given.data[plain] >= ' ' && given.data[plain] <= '~')
        plain++;
    quoted = span_of(plain == given.length ? "" : text_quote(given, storage));
    if (plain == given.length || span_equal(span_slice(quoted, 1, quoted.length - 2), given))
        text_add(output, given);
    else
        text_add(output, quoted);
}

static void add_place(struct text *output, const struct decision_rule *rule)
{
    text_add_string(output, rule->file);
    text_add_char(output, ':');
    text_add_decimal(output, rule->at.line);
    text_add_char(output, ':');
    text_add_decimal(output, rule->at.column);
}

/* "ALLOW  TARGET  REASON  FILE:LINE:COLUMN", and what differs in parentheses. */
static void print_text(struct check *check, const struct result *result)
{
    static const char *const verdicts[] = {"ALLOW  ", "DENY  ", "INVALID  "};
    struct text *output = &check->output;
    text_add_string(output, verdicts[result->verdict]);
    add_given(output, result->given);
    text_add_string(output, "  ");
    if (result->verdict == VERDICT_INVALID) {
        text_add_string(output, reason_name(REASON_INVALID_TARGET));
        text_add_string(output, "  (");
        text_add_string(output, result->error.message);
        text_add_string(output, ")\n");
        return;
    }
    text_add_string(output, reason_name(result->decision.reason));
    if (result->decision.has_rule) {
        text_add_string(output, "  ");
        add_place(output, &result->decision.rule);
    }
    if (result->decision.has_rule && result->verdict == VERDICT_DENY) {
        text_add_string(output, "  (");
        text_add(output, result->decision.rule.address);
        text_add_string(output, ", ");
        decision_explain_nearest(&result->decision, &result->target, output);
        text_add_char(output, ')');
    }
    if (result->decision.reason == REASON_UNKNOWN_APP) {
        text_add_string(output, "  (");
        decision_explain(&result->decision, &check->source.subject, &result->target, output);
        text_add_char(output, ')');
    }
    text_add_char(output, '\n');
}

static void add_member(struct text *output, const char *name, struct span value)
{
    text_add_string(output, ",\"");
    text_add_string(output, name);
    text_add_string(output, "\":");
    text_add_json(output, value);
}

static void add_number(struct text *output, const char *name, uint64_t value)
{
    text_add_string(output, ",\"");
    text_add_string(output, name);
    text_add_string(output, "\":");
    text_add_decimal(output, value);
}

/* A rule that decided is `rule`; one that a denial is only near to is `nearest`. */
static void add_rule(struct text *output, const struct result *result)
{
    const struct decision_rule *rule = &result->decision.rule;
    text_add_string(output, result->verdict == VERDICT_ALLOW ? ",\"rule\":{" : ",\"nearest\":{");
    text_add_string(output, "\"address\":");
    text_add_json(output, rule->address);
    add_member(output, "list", span_of(rule->list));
    add_member(output, "file", span_of(rule->file));
    add_number(output, "line", rule->at.line);
    add_number(output, "column", rule->at.column);
    text_add_char(output, '}');
}

/* Where narrow.yml has let it through; a denial by it has its place in `nearest`. */
static void add_narrowing(struct text *output, const struct result *result)
{
    const struct decision *decision = &result->decision;
    if (decision->narrow_file == NULL || result->verdict != VERDICT_ALLOW)
        return;
    text_add_string(output, ",\"narrow\":{\"file\":");
    text_add_json(output, span_of(decision->narrow_file));
    add_number(output, "line", decision->narrow_at.line);
    add_number(output, "column", decision->narrow_at.column);
    text_add_char(output, '}');
}

static void add_decided(struct check *check, const struct result *result)
{
    char storage[DETAIL_SIZE];
    struct text *output = &check->output;
    struct text detail;
    add_member(output, "scheme", span_of(scheme_name(result->target.scheme)));
    add_member(output, "host", host_span(&result->target.host));
    add_number(output, "port", result->target.port);
    if (check->method.length > 0)
        add_member(output, "method", check->method);
    if (result->decision.has_rule)
        add_rule(output, result);
    add_narrowing(output, result);
    text_init_fixed(&detail, storage, sizeof(storage));
    decision_explain(&result->decision, &check->source.subject, &result->target, &detail);
    add_member(output, "detail", text_span(&detail));
}

static void print_json(struct check *check, const struct result *result)
{
    bool invalid = result->verdict == VERDICT_INVALID;
    enum reason reason = invalid ? REASON_INVALID_TARGET : result->decision.reason;
    text_add_string(&check->output, "{\"target\":");
    text_add_json(&check->output, result->given);
    add_member(&check->output, "verdict", span_of(verdict_name(result->verdict)));
    add_member(&check->output, "reason", span_of(reason_name(reason)));
    if (invalid)
        add_member(&check->output, "detail", span_of(result->error.message));
    else
        add_decided(check, result);
    text_add_string(&check->output, "}\n");
}

/* ---- Targets ------------------------------------------------------------- */

static void report(struct check *check, const struct result *result)
{
    check->denied = check->denied || result->verdict == VERDICT_DENY;
    check->invalid = check->invalid || result->verdict == VERDICT_INVALID;
    check->print(check, result);
    if (check->output.length > OUTPUT_FLUSH)
        flush(check);
}

static void check_target(struct check *check, struct span given)
{
    struct result result = {.given = given, .verdict = VERDICT_INVALID};
    if (decide_given(check->source.snapshot, &check->source.subject, given, check->method,
                     &result.target, &result.decision, &result.error))
        result.verdict = result.decision.verdict;
    report(check, &result);
}

static void refuse_long_target(struct check *check, struct span given)
{
    struct result result = {.given = given, .verdict = VERDICT_INVALID};
    error_set(&result.error, "a target has at most %d bytes", LINE_INPUT_MAXIMUM);
    report(check, &result);
}

/* Blank lines are passed over. */
static void check_line(struct check *check, struct span line, bool cut)
{
    if (cut)
        refuse_long_target(check, line);
    else if (span_trim(line).length > 0)
        check_target(check, line);
}

/* False: standard input could not be read to its end. */
static bool check_stream(struct check *check)
{
    struct line_input *input = &check->input;
    struct span line;
    bool cut;
    while (!input->ended && check->output_failure == 0) {
        flush(check); /* whoever writes a line and waits for its answer gets it */
        line_input_fill(input);
        while (line_input_take(input, &line, &cut))
            check_line(check, line, cut);
    }
    if (input->failure != 0)
        fprintf(stderr, "sallyport: standard input cannot be read: %s\n", strerror(input->failure));
    return input->failure == 0;
}

/* ---- The command --------------------------------------------------------- */

static bool set_format(struct check *check, const char *name)
{
    check->print = strcmp(name, "json") == 0 ? print_json : print_text;
    return check->print == print_json || strcmp(name, "text") == 0;
}

static bool set_method(struct check *check, const char *method)
{
    check->method = span_of(method);
    return narrow_method_valid(check->method);
}

/* Below 0: go on; else the exit status. */
static int take_option(void *context, int option, char **argv)
{
    struct check *check = context;
    struct error error;
    if (option == OPTION_FORMAT && !set_format(check, optarg))
        return command_usage_error("check", "--format takes text or json, not %s", optarg);
    if (option == OPTION_METHOD && !set_method(check, optarg))
        return command_usage_error("check", "--method takes a request's method, such as GET");
    if (option == OPTION_FORMAT || option == OPTION_METHOD)
        return -1;
    if (option == OPTION_HELP) {
        command_print_help(&command_check_description, stdout);
        return EXIT_ALL_ALLOWED;
    }
    switch (source_take_option(&check->source, option, optarg, &error)) {
    case SOURCE_TAKEN:
        return -1;
    case SOURCE_REFUSED:
        return command_usage_error("check", "%s", error.message);
    case SOURCE_NOT_MINE:
        return command_option_error("check", option, argv);
    }
    return -1;
}

static int read_options(struct check *check, int argc, char **argv)
{
    static const struct option options[] = {SOURCE_LONG_OPTIONS,
                                            {"format", required_argument, NULL, OPTION_FORMAT},
                                            {"method", required_argument, NULL, OPTION_METHOD},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {NULL, 0, NULL, 0}};
    struct error error;
    int status =
        command_read_options(argc, argv, ":" SOURCE_SHORT_OPTIONS, options, take_option, check);
    if (status < 0 && !source_is_complete(&check->source, &error))
        return command_usage_error("check", "%s", error.message);
    if (status < 0 && optind == argc)
        return command_usage_error("check",
                                   "no target is given; name one, or - for standard input");
    return status;
}

static int exit_status(const struct check *check, bool read_all)
{
    if (check->output_failure != 0) {
        fprintf(stderr, "sallyport: standard output cannot be written: %s\n",
                strerror(check->output_failure));
        return COMMAND_BAD_INPUT;
    }
    if (check->invalid || !read_all)
        return COMMAND_BAD_INPUT;
    return check->denied ? EXIT_SOME_DENIED : EXIT_ALL_ALLOWED;
}

static int run(struct check *check, int argc, char **argv)
{
    struct error error;
    bool read_all = true;
    int status = read_options(check, argc, argv);
    if (status >= 0)
        return status;
    if (!source_open(&check->source, &error)) {
        error_print(&error, stderr);
        return COMMAND_BAD_INPUT;
    }
    source_hint(&check->source, stderr);
    for (int i = optind; i < argc; i++) {
        if (strcmp(argv[i], "-") == 0)
            read_all = check_stream(check) && read_all;
        else
            check_target(check, span_of(argv[i]));
    }
    flush(check);
    return exit_status(check, read_all);
}

static int command_check(int argc, char **argv)
{
    static struct check check; /* large; a command runs once */
    check = (struct check){
        .print = print_text, .method = SPAN(""), .input = {.descriptor = STDIN_FILENO}};
    text_init_fixed(&check.output, check.storage, sizeof(check.storage));
    if (!source_init(&check.source))
        return command_usage_error("check", "memory is out");
    int status = run(&check, argc, argv);
    source_clear(&check.source);
    return status;
}

const struct command command_check_description = {
    .name = "check",
    .synopsis = "SOURCE [--method METHOD] [--format text|json] TARGET…",
    .summary = "the dry run: would TARGET leave?",
    .help =
        "Decides each TARGET as the proxy would, and says which line of the manifest decided.\n"
        "TARGET is a URL, a host or host:port (then https); - reads targets from standard\n"
        "input, one a line, at any number. Blank lines are passed over, and a line may end in\n"
        "CR LF.\n"
        "Where a narrow.yml speaks of the host, a URL's path is judged by it (and METHOD, if\n"
        "given), as the proxy does where it sees them: in absolute-form requests and inspected\n"
        "tunnels. A host alone is judged as a tunnel that is not inspected.\n"
        "\n" SOURCE_HELP "\n"
        "  --method METHOD      the request's method, such as GET; any where it is not given\n"
        "  --format text|json   a line a target (the default), or a JSON object a line\n"
        "  --help               this text\n"
        "\n"
        "Text is \"ALLOW|DENY|INVALID  TARGET  REASON  FILE:LINE:COLUMN\"; a denial names the\n"
        "nearest declaration, where there is one, and what differs. An unknown key in the\n"
        "manifest's permissions, which grants nothing, is said on standard error.\n"
        "\n"
        "Exit status: 0 all allowed, 1 some denied, 2 bad usage, a policy that cannot be read,\n"
        "or a TARGET that is none.\n"
        "\n"
        "Example: sallyport check --manifest manifest.yml api.example.com https://example.org:8443\n",
    .run = command_check,
};
