/* `sallyport learn`: what to declare, so that what was denied would be allowed. */
#include "policy/command_logs.h"
#include "policy/learn.h"

enum { EXIT_DONE = 0 };

#define WILDCARDS_MAXIMUM 1000000

struct learn_command {
    struct command_logs logs; /* first: take_wildcards gets this */
    struct learn_options options;
};

static bool take_wildcards(struct command_logs *logs, const char *value, struct error *error)
{
    struct learn_command *command = (struct learn_command *)logs;
    uint64_t number = 0;
    span_parse_decimal(span_of(value), WILDCARDS_MAXIMUM, &number);
    command->options.wildcards = number;
    if (number >= LEARN_WILDCARDS_MINIMUM)
        return true;
    error_set(error, "--wildcards takes how many siblings justify a wildcard, %d or more, not %s",
              LEARN_WILDCARDS_MINIMUM, value);
    return false;
}

/* Each line of CAUTIONS for itself. */
static void print_cautions(struct span cautions)
{
    while (cautions.length > 0) {
        size_t length = span_find(cautions, '\n');
        fprintf(stderr, "sallyport: caution: %.*s\n", SPAN_FORMAT(span_slice(cautions, 0, length)));
        cautions = span_after(cautions, length + 1);
    }
}

static int print_fragment(struct learn_command *command, struct learn *learn)
{
    struct text fragment, cautions;
    int status = EXIT_DONE;
    text_init(&fragment, LEARN_FRAGMENT_MAXIMUM);
    text_init(&cautions, LEARN_FRAGMENT_MAXIMUM);
    if (learn_write(learn, &command->options, &fragment, &cautions)) {
        fwrite(fragment.data, 1, fragment.length, stdout);
        fflush(stdout);
        print_cautions(text_span(&cautions));
    } else {
        status = command_usage_error("learn", "memory is out");
    }
    text_clear(&fragment);
    text_clear(&cautions);
    return status;
}

static int run(struct learn_command *command, int argc, char **argv)
{
    struct learn learn;
    int status = command_logs_begin(&command->logs, argc, argv);
    if (status >= 0)
        return status;
    if (!learn_init(&learn, command->logs.source.snapshot, &command->logs.source.subject))
        return command_usage_error("learn", "memory is out");
    command->options.plain_http = command->logs.source.options.plain_http;
    command->logs.walk.visit = learn_visit;
    command->logs.walk.context = &learn;
    if (!command_logs_walk(&command->logs, argc, argv))
        status = COMMAND_BAD_INPUT;
    else if (tally_is_starved(learn.denied))
        status = command_usage_error("learn", "memory is out");
    else
        status = print_fragment(command, &learn);
    learn_clear(&learn);
    return command_logs_end(&command->logs, status);
}

static int command_learn(int argc, char **argv)
{
    struct learn_command command = {
        .logs = {.command = &command_learn_description,
                 .own_option = "wildcards",
                 .take_own = take_wildcards},
    };
    int status = run(&command, argc, argv);
    source_clear(&command.logs.source);
    return status;
}

const struct command command_learn_description = {
    .name = "learn",
    .synopsis = "SOURCE [--wildcards N] LOG…",
    .summary = "the smallest manifest fragment that would allow what was denied",
    .help =
        "Reads decision LOGs, plain or gzip'd (- is standard input), and prints what to add to\n"
        "SOURCE's manifest so that requests which were denied for want of a declaration would be\n"
        "allowed: an address for each host and port, with how often it was asked and when. What is\n"
        "risky carries a caution, in the fragment and on standard error.\n"
        "\n"
        "A proposal is to be judged, not to be pasted: an attacker's requests are denied too.\n"
        "\n" SOURCE_HELP
        "With --policy, records of that app and environment are taken (or of one installation, if\n"
        "given; what its admin has yet to approve is declared, and not proposed again); with\n"
        "--manifest all of them, or those that -a, -e and -i choose.\n"
        "  --wildcards N        propose a wildcard where N names or more stand side by side (2 at\n"
        "                       least); never over a public suffix or a shared host\n"
        "\n"
        "Exit status: 0 done, 2 a log or the policy could not be read, or bad usage.\n"
        "\n"
        "Example: sallyport learn --policy policy -a demo -e staging --wildcards 3 decisions.log\n",
    .run = command_learn,
};
