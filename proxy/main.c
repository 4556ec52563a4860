/* The program's entrance: finds the subcommand and hands it its arguments. */
#include <stdlib.h>
#include <string.h>

#include "policy/command.h"

extern const struct command command_run_description;

static const struct command *const commands[] = {
    &command_run_description,  &command_check_description,  &command_lint_description,
    &command_test_description, &command_replay_description, &command_learn_description,
    &command_diff_description, &command_csp_description,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static void print_overview(FILE *stream)
{
    fputs("usage: sallyport COMMAND [ARGUMENT]...\n"
          "\n"
          "An egress proxy: lets an app reach what its manifest declares, and nothing else.\n"
          "\n",
          stream);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-14s %s\n", commands[i]->name, commands[i]->summary);
    fputs("  help [COMMAND] this list, or how one command is used\n"
          "  --version      the version\n",
          stream);
}

static int refuse_command(const char *name)
{
    fprintf(stderr, "sallyport: there is no command '%s'; see 'sallyport help'\n", name);
    return COMMAND_BAD_INPUT;
}

static int help(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stdout);
        return EXIT_SUCCESS;
    }
    const struct command *command = find_command(argv[1]);
    if (command == NULL)
        return refuse_command(argv[1]);
    command_print_help(command, stdout);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return COMMAND_BAD_INPUT;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0) {
        puts("sallyport " SALLYPORT_VERSION);
        return EXIT_SUCCESS;
    }
    const struct command *command = find_command(argv[1]);
    return command == NULL ? refuse_command(argv[1]) : command->run(argc - 1, argv + 1);
}
