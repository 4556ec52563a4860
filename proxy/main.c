/* The program's entrance: finds the subcommand and hands it its arguments. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/command.h"
#include "policy/man_page.h"

#define MAN_PAGE_MAXIMUM ((size_t)4 << 20)

static void print_overview(FILE *stream)
{
    fputs("usage: sallyport COMMAND [ARGUMENT]...\n"
          "\n"
          "An egress proxy: lets an app reach what its manifest declares, and nothing else.\n"
          "\n",
          stream);
    for (const struct command *const *command = command_table; *command != NULL; command++)
        fprintf(stream, "  %-14s %s\n", (*command)->name, (*command)->summary);
    fputs("  help [COMMAND] this list, or how one command is used; --man: all, as a man page\n"
          "  --version      the version\n",
          stream);
}

static int refuse_command(const char *name)
{
    const char *near = command_nearest(name);
    fprintf(stderr, "sallyport: there is no command '%s'%s%s%s; see 'sallyport help'\n", name,
            near == NULL ? "" : " (did you mean ", near == NULL ? "" : near,
            near == NULL ? "" : "?)");
    return COMMAND_BAD_INPUT;
}

static int print_man_page(void)
{
    struct text page;
    text_init(&page, MAN_PAGE_MAXIMUM);
    man_page_write(command_table, &page);
    int status = command_print_text(&page, stdout);
    text_clear(&page);
    return status;
}

static int help(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "help") == 0) {
        print_overview(stdout);
        return EXIT_SUCCESS;
    }
    if (strcmp(argv[1], "--man") == 0)
        return print_man_page();
    const struct command *command = command_find(argv[1]);
    if (command == NULL)
        return refuse_command(argv[1]);
    command_print_help(command, stdout);
    return EXIT_SUCCESS;
}

static int run_command(int argc, char **argv)
{
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0) {
        puts("sallyport " SALLYPORT_VERSION);
        return EXIT_SUCCESS;
    }
    const struct command *command = command_find(argv[1]);
    return command == NULL ? refuse_command(argv[1]) : command->run(argc - 1, argv + 1);
}

/* What a command has printed and nobody got is no success, whichever command it was. */
static int end_output(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "sallyport: standard output cannot be written: %s\n",
            errno == 0 ? "a part of it is lost" : strerror(errno));
    return COMMAND_BAD_INPUT;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return COMMAND_BAD_INPUT;
    }
    int status = run_command(argc, argv);
    return status == COMMAND_BAD_INPUT ? status : end_output(status);
}
