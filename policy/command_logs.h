/*
 * What the commands over logs share: SOURCE LOG…, and options of their own. With
 * --manifest, --app and --environment and --installation choose records; without them
 * all records are taken, whoever's they are.
 */
#ifndef SALLYPORT_POLICY_COMMAND_LOGS_H
#define SALLYPORT_POLICY_COMMAND_LOGS_H

#include "policy/command.h"
#include "policy/log_walk.h"
#include "policy/source.h"

#define OPTION_LOGS_HELP SOURCE_OPTION_END
#define OPTION_LOGS_OWN  (SOURCE_OPTION_END + 1) /* a command's one option of its own */

struct command_logs {
    const struct command *command;
    const char *own_option; /* its name, without the dashes; it takes a value */
    /* Takes its value. False: ERROR says what it may be. */
    bool (*take_own)(struct command_logs *logs, const char *value, struct error *error);
    struct source source;
    struct log_walk walk;
};

/*
 * Reads options and opens the source. -1: go on, ARGV's logs are from optind on.
 * Else the exit status; everything was said.
 */
int command_logs_begin(struct command_logs *logs, int argc, char **argv);

/*
 * Walks the logs. False: one of them could not be read, which was said, and no decision
 * was found before that or in the others, so there is nothing to tell of.
 */
bool command_logs_walk(struct command_logs *logs, int argc, char **argv);

/* STATUS, or COMMAND_BAD_INPUT where a log failed. */
int command_logs_end(struct command_logs *logs, int status);

#endif
