/* `sallyport replay`: what another policy would change for traffic that was. */
#include "policy/command_logs.h"
#include "policy/replay.h"

enum { EXIT_NOTHING_CHANGES = 0, EXIT_SOMETHING_CHANGES = 1 };

struct replay_command {
    struct command_logs logs; /* first: take_format gets this */
    void (*print)(struct replay *replay, FILE *stream);
};

static bool take_format(struct command_logs *logs, const char *value, struct error *error)
{
    struct replay_command *command = (struct replay_command *)logs;
    command->print = strcmp(value, "json") == 0 ? replay_print_json : replay_print_text;
    if (command->print == replay_print_json || strcmp(value, "text") == 0)
        return true;
    error_set(error, "--format takes text or json, not %s", value);
    return false;
}

static int run(struct replay_command *command, int argc, char **argv)
{
    struct replay replay;
    int status = command_logs_begin(&command->logs, argc, argv);
    if (status >= 0)
        return status;
    if (!replay_init(&replay, command->logs.source.snapshot, &command->logs.source.subject))
        return command_usage_error("replay", "memory is out");
    command->logs.walk.visit = replay_visit;
    command->logs.walk.context = &replay;
    if (command_logs_walk(&command->logs, argc, argv))
        command->print(&replay, stdout);
    bool changes = replay.counts[REPLAY_NOW_DENIED] > 0 || replay.counts[REPLAY_NOW_ALLOWED] > 0;
    bool starved = tally_is_starved(replay.changes);
    replay_clear(&replay);
    if (starved)
        return command_usage_error("replay", "memory is out; the groups are not whole");
    return command_logs_end(&command->logs,
                            changes ? EXIT_SOMETHING_CHANGES : EXIT_NOTHING_CHANGES);
}

static int command_replay(int argc, char **argv)
{
    struct replay_command command = {
        .logs = {.command = &command_replay_description,
                 .own_option = "format",
                 .take_own = take_format},
        .print = replay_print_text,
    };
    int status = run(&command, argc, argv);
    source_clear(&command.logs.source);
    return status;
}

const struct command command_replay_description = {
    .name = "replay",
    .synopsis = "SOURCE [--format text|json] LOG…",
    .summary = "decide logged requests again: what would another policy change?",
    .help =
        "Reads decision LOGs, plain or gzip'd (- is standard input), decides each request again\n"
        "under SOURCE, and says which would now be denied and which allowed: a line for each app,\n"
        "scheme, host and port, with how often it was asked, when first and last, the reason in the\n"
        "log and the reason now, and the declaration that decides or is nearest.\n"
        "\n"
        "Requests that were stopped for causes that no policy decides (no credentials, a prohibited\n"
        "address, a limit) are counted apart and change nothing. Lines that are no record are\n"
        "reported and passed over; where a log cannot be read and no other has a decision, there are\n"
        "no sums. Logs have no paths, so of a narrow.yml only what it says of\n"
        "tunnels counts: a logged CONNECT is taken for one that is not inspected.\n"
        "\n" SOURCE_HELP
        "With --policy, records of that app and environment are taken, each as the installation\n"
        "that it names (or those of the one that is given); with --manifest all of them, or those\n"
        "that -a, -e and -i choose.\n"
        "  --format text|json   text (the default), or one JSON object a line, the sums last\n"
        "\n"
        "Exit status: 0 nothing would change, 1 something would, 2 a log or the policy could not be\n"
        "read, or bad usage.\n"
        "\n"
        "Example: sallyport replay --manifest next/manifest.yml -a demo decisions.log.1.gz\n",
    .run = command_replay,
};
