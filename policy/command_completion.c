/* `sallyport completion`: a shell's completions, from the same texts as the help. */
#include <getopt.h>

#include "policy/command.h"
#include "policy/completion.h"

#define SCRIPT_MAXIMUM ((size_t)4 << 20)

enum { OPTION_HELP = 256 };

struct shell {
    const char *name;
    completion_writer *write;
};

static const struct shell shells[] = {
    {"bash", completion_write_bash},
    {"zsh", completion_write_zsh},
    {"fish", completion_write_fish},
};

static const struct shell *find_shell(const char *name)
{
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shells[i].name, name) == 0)
            return &shells[i];
    }
    return NULL;
}

static int write_script(const struct shell *shell)
{
    struct text script;
    text_init(&script, SCRIPT_MAXIMUM);
    shell->write(command_table, &script);
    int status = command_print_text(&script, stdout);
    text_clear(&script);
    return status;
}

static int command_completion(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, OPTION_HELP},
                                            {NULL, 0, NULL, 0}};
    optind = 0; /* GNU: begin anew */
    opterr = 0;
    int option = getopt_long(argc, argv, ":", options, NULL);
    if (option == OPTION_HELP) {
        command_print_help(&command_completion_description, stdout);
        return 0;
    }
    if (option != -1)
        return command_option_error("completion", option, argv);
    if (argc - optind != 1)
        return command_usage_error("completion", "one shell is named: bash, zsh or fish");
    const struct shell *shell = find_shell(argv[optind]);
    if (shell == NULL)
        return command_usage_error("completion",
                                   "there is no completion for \"%s\"; name bash, "
                                   "zsh or fish",
                                   argv[optind]);
    return write_script(shell);
}

const struct command command_completion_description = {
    .name = "completion",
    .synopsis = "bash|zsh|fish",
    .summary = "completions for a shell",
    .help = "Prints a script that completes sallyport's commands, options and their values.\n"
            "\n"
            "  --help   this text\n"
            "\n"
            "  bash   source <(sallyport completion bash)\n"
            "  zsh    source <(sallyport completion zsh), behind compinit\n"
            "  fish   sallyport completion fish | source\n"
            "\n"
            "`make install` puts the three where the shells look for them.\n"
            "\n"
            "Exit status: 0 printed, 2 bad usage.\n",
    .run = command_completion,
};
