/* `sallyport run`: the proxy, in the foreground. */
#include <getopt.h>
#include <stdio.h>

#include "policy/command.h"
#include "proxy/daemon.h"

#define DEFAULT_CONFIGURATION "/etc/sallyport/sallyport.yml"

static int command_run(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    const char *path = DEFAULT_CONFIGURATION;
    int option;
    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option != 'c')
            return 2;
        path = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "sallyport: run takes no argument '%s'; see 'sallyport help run'\n",
                argv[optind]);
        return 2;
    }
    return daemon_run(path);
}

const struct command command_run_description = {
    .name = "run",
    .synopsis = "[--config FILE]",
    .summary = "run the proxy in the foreground",
    .help =
        "Runs the proxy until SIGTERM or SIGINT.\n"
        "\n"
        "  -c, --config FILE   the configuration (default " DEFAULT_CONFIGURATION ")\n"
        "\n"
        "Signals:\n"
        "  SIGHUP    load the policy again, and open the log anew\n"
        "  SIGUSR1   open the log anew (logrotate)\n"
        "  SIGTERM   stop accepting, finish what runs within timeouts.drain_seconds, end;\n"
        "            a second one ends at once\n"
        "\n"
        "Exit status: 0 after a clean stop, 1 could not start, 2 bad configuration or policy.\n",
    .run = command_run,
};
