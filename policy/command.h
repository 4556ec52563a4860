/*
 * The command line: a table of subcommands, each a function of its arguments
 * that returns the process's exit status. Options are GNU-style. Help texts are
 * data, so that completions and the man page can be made from them.
 */
#ifndef SALLYPORT_POLICY_COMMAND_H
#define SALLYPORT_POLICY_COMMAND_H

#include <stdbool.h>

#include "policy/error.h"
#include "policy/text.h"

struct command {
    const char *name;
    const char *synopsis;              /* "SOURCE [--format text|json] TARGET…" */
    const char *summary;               /* one line, for `sallyport help` */
    const char *help;                  /* the whole help text: options, exit statuses, an example */
    int (*run)(int argc, char **argv); /* argv[0] is the command's own name */
};

/* The exit status of bad usage and bad input, in every command. */
#define COMMAND_BAD_INPUT 2

/* All commands, in the order of the overview; NULL ends them. The program defines it. */
extern const struct command *const command_table[];

/* The command of that name; NULL: there is none. */
const struct command *command_find(const char *name);

/* The name of a command that NAME, which is none, may be meant to be; NULL: none is near. */
const char *command_nearest(const char *name);

extern const struct command command_check_description;
extern const struct command command_lint_description;
extern const struct command command_learn_description;
extern const struct command command_replay_description;
extern const struct command command_test_description;
extern const struct command command_why_description;
extern const struct command command_diff_description;
extern const struct command command_review_description;
extern const struct command command_csp_description;
extern const struct command command_deploy_description;
extern const struct command command_installation_description;
extern const struct command command_ledger_description;
extern const struct command command_completion_description;

/* "sallyport: WHAT; see 'sallyport help NAME'" to standard error. Returns COMMAND_BAD_INPUT. */
int command_usage_error(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);

/* Takes OPTION, whose value is optarg. Below 0: go on; else the exit status. */
typedef int command_take_option(void *context, int option, char **argv);

struct option; /* of getopt.h */

/*
 * Gives each option of ARGV to TAKE with CONTEXT: LETTERS (":" first) and OPTIONS as for
 * getopt_long. Below 0: all are taken, and argv[optind] is the first argument; else the exit
 * status.
 */
int command_read_options(int argc, char **argv, const char *letters, const struct option *options,
                         command_take_option *take, void *context);

/*
 * Says what the command NAME's getopt_long could not read (it returned '?' or ':'; opterr is 0
 * and the short options begin with ':'), and which option may be meant. Returns COMMAND_BAD_INPUT.
 */
int command_option_error(const char *name, int option, char **argv);

/* How the command is used: its synopsis, then its help. */
void command_print_help(const struct command *command, FILE *stream);

/*
 * Writes the whole of TEXT to STREAM, which is standard output. Returns the exit status:
 * 0, or COMMAND_BAD_INPUT after saying why it could not.
 */
int command_print_text(const struct text *text, FILE *stream);

#endif
