/* `sallyport why`: from a decision's id to its story. */
#include <getopt.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "policy/command.h"
#include "policy/why.h"

#define ID_MAXIMUM    128 /* bytes, as the log has them */
#define STORY_MAXIMUM ((size_t)1 << 20)

enum { EXIT_TOLD = 0, EXIT_UNKNOWN = 1 };
enum { OPTION_LOG = 256, OPTION_POLICY, OPTION_HELP };

struct why_command {
    const char *id;
    const char *policy;
    const char **logs; /* room for every argument */
    size_t log_count;
    char *scratch; /* of LOG_LINE_MAXIMUM bytes: where the record's strings may live */
    bool broken;   /* a log could not be read to its end */
};

/* Below 0: go on; else the exit status. So do those below. */
static int take_option(void *context, int option, char **argv)
{
    struct why_command *command = context;
    switch (option) {
    case OPTION_LOG:
        command->logs[command->log_count++] = optarg;
        return -1;
    case OPTION_POLICY:
        command->policy = optarg;
        return -1;
    case OPTION_HELP:
        command_print_help(&command_why_description, stdout);
        return EXIT_TOLD;
    default:
        return command_option_error("why", option, argv);
    }
}

static bool is_id(struct span id)
{
    for (size_t i = 0; i < id.length; i++) {
        if (id.data[i] <= ' ' || id.data[i] > '~' || id.data[i] == '"' || id.data[i] == '\\')
            return false;
    }
    return id.length > 0 && id.length <= ID_MAXIMUM;
}

static int check_options(struct why_command *command, int argc, char **argv)
{
    struct stat status;
    if (optind == argc)
        return command_usage_error("why", "the ID of a decision is missing");
    command->id = argv[optind];
    for (int i = optind + 1; i < argc; i++)
        command->logs[command->log_count++] = argv[i];
    if (!is_id(span_of(command->id)))
        return command_usage_error("why", "%s is no decision's id",
                                   text_quote(span_of(command->id), (char[TEXT_QUOTE_SIZE]){0}));
    if (command->log_count == 0)
        return command_usage_error("why", "--log FILE says where the decision is looked for");
    if (command->policy == NULL)
        return command_usage_error("why", "--policy DIR says where the ledger is");
    if (stat(command->policy, &status) != 0 || !S_ISDIR(status.st_mode))
        return command_usage_error("why", "%s is no directory", command->policy);
    return -1;
}

static int read_options(struct why_command *command, int argc, char **argv)
{
    static const struct option options[] = {{"log", required_argument, NULL, OPTION_LOG},
                                            {"policy", required_argument, NULL, OPTION_POLICY},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {NULL, 0, NULL, 0}};
    int status = command_read_options(argc, argv, ":", options, take_option, command);
    return status < 0 ? check_options(command, argc, argv) : status;
}

static int report(const struct error *error, int status)
{
    error_print(error, stderr);
    return status;
}

static int tell(const struct why_command *command, const struct log_record *record,
                const struct why_place *place)
{
    struct error error;
    struct why_past past;
    struct text story;
    int status = EXIT_TOLD;
    text_init(&story, STORY_MAXIMUM);
    if (why_past_read(&past, command->policy, record, &error)) {
        why_print(record, place, &past, command->policy, &story);
        status = command_print_text(&story, stdout);
        if (past.ledger == WHY_LEDGER_BROKEN && status == EXIT_TOLD)
            status = report(&past.error, EXIT_UNKNOWN);
    } else {
        status = report(&error, COMMAND_BAD_INPUT);
    }
    why_past_clear(&past);
    text_clear(&story);
    return status;
}

/* The record of the decision that is asked for, of this very id; other lines only hold its bytes.
 */
static bool is_asked_for(const struct why_command *command, struct span line, struct text *scratch,
                         struct log_record *record)
{
    struct error error = {.message = ""};
    return log_record_parse(line, scratch, record, &error) &&
           span_equal(record->event, SPAN("decision")) &&
           span_equal(record->id, span_of(command->id)) && log_time_valid(record->time);
}

/* Below 0: it is not in this log. */
static int search(struct why_command *command, struct log_reader *reader, const char *log)
{
    char quoted[ID_MAXIMUM + 3];
    struct text scratch;
    struct log_record record;
    struct span line;
    struct error error;
    enum log_line kind;
    text_init_fixed(&scratch, command->scratch, LOG_LINE_MAXIMUM);
    snprintf(quoted, sizeof(quoted), "\"%s\"", command->id);
    while ((kind = log_reader_find(reader, span_of(quoted), &line, &error)) == LOG_LINE) {
        const struct why_place place = {log, log_reader_line(reader)};
        if (is_asked_for(command, line, &scratch, &record))
            return tell(command, &record, &place);
    }
    if (kind == LOG_FAILED) {
        command->broken = true;
        (void)report(&error, EXIT_UNKNOWN);
    }
    return -1;
}

static int search_all(struct why_command *command)
{
    int status = -1;
    for (size_t i = 0; i < command->log_count && status < 0; i++) {
        struct error error;
        struct log_reader *reader = log_reader_open(command->logs[i], &error);
        status = reader == NULL ? report(&error, COMMAND_BAD_INPUT)
                                : search(command, reader, command->logs[i]);
        log_reader_close(reader);
    }
    if (status < 0 && !command->broken)
        fprintf(stderr, "sallyport: no decision %s in %zu %s\n", command->id, command->log_count,
                command->log_count == 1 ? "log" : "logs");
    if (status < 0 && command->broken)
        fprintf(stderr, "sallyport: no decision %s in what could be read\n", command->id);
    return status < 0 ? EXIT_UNKNOWN : status;
}

static int command_why(int argc, char **argv)
{
    struct why_command command = {.logs = calloc((size_t)argc, sizeof(*command.logs)),
                                  .scratch = malloc(LOG_LINE_MAXIMUM)};
    int status = command.logs == NULL || command.scratch == NULL
                     ? command_usage_error("why", "memory is out")
                     : read_options(&command, argc, argv);
    if (status < 0)
        status = search_all(&command);
    free(command.logs);
    free(command.scratch);
    return status;
}

const struct command command_why_description = {
    .name = "why",
    .synopsis = "ID --log FILE… --policy DIR",
    .summary = "the story of one decision: its rule, its version, who approved it",
    .help =
        "Looks for the decision ID in logs, plain or gzip'd, and tells its story: what was asked,\n"
        "the verdict, the rule with its file and line, the version that was in force for the app's\n"
        "environment (or its installation) then, and who deployed and approved it, when and why,\n"
        "with the entries of the ledger that prove it. Of a denial for a pending approval it tells\n"
        "which version waits, and since when; of an installation also what its admin set last (of a\n"
        "denial for analytics, who switched them off).\n"
        "\n"
        "  --log FILE     a decision log; may be given more than once, and further files may stand\n"
        "                 behind ID\n"
        "  --policy DIR   the policy directory, whose ledger.jsonl is read\n"
        "  --help         this text\n"
        "\n"
        "Exit status: 0 told, 1 there is no such decision, or the ledger or a log is broken, 2 bad\n"
        "usage, or a file that cannot be read.\n"
        "\n"
        "Example: sallyport why 6f1c0a7be2d94f35 --log decisions.log --policy policy\n",
    .run = command_why,
};
