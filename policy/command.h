/*
 * The command line: a table of subcommands, each a function of its arguments
 * that returns the process's exit status. Options are GNU-style.
 */
#ifndef SALLYPORT_POLICY_COMMAND_H
#define SALLYPORT_POLICY_COMMAND_H

#include <stdbool.h>

struct command {
    const char *name;
    const char *synopsis; /* "SOURCE [--format text|json] TARGET…" */
    const char *summary;  /* one line, for `sallyport help` */
    const char *help;     /* the whole help text: options, exit statuses, an example */
    int (*run)(int argc, char **argv); /* argv[0] is the command's own name */
};

int command_check(int argc, char **argv);
int command_lint(int argc, char **argv);

extern const struct command command_check_description;
extern const struct command command_lint_description;

#endif
