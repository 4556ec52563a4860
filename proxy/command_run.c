/* `sallyport run`: the proxy, in the foreground. */
#include <getopt.h>
#include <stdio.h>

#include "policy/command.h"
#include "proxy/daemon.h"

extern const struct command command_run_description;

#define DEFAULT_CONFIGURATION "/etc/sallyport/sallyport.yml"

enum { OPTION_HELP = 256, OPTION_TAKEOVER };

static int command_run(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"takeover", optional_argument, NULL, OPTION_TAKEOVER},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {NULL, 0, NULL, 0}};
    struct daemon_options wanted = {.configuration_path = DEFAULT_CONFIGURATION};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:", options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            command_print_help(&command_run_description, stdout);
            return 0;
        }
        if (option != 'c' && option != OPTION_TAKEOVER)
            return command_option_error("run", option, argv);
        if (option == 'c') {
            wanted.configuration_path = optarg;
            continue;
        }
        wanted.takeover = true;
        wanted.takeover_from = optarg;
    }
    if (optind < argc)
        return command_usage_error("run", "run takes no argument \"%s\"", argv[optind]);
    return daemon_run(&wanted);
}

const struct command command_run_description = {
    .name = "run",
    .synopsis = "[--config FILE] [--takeover[=ADDRESS]]",
    .summary = "run the proxy in the foreground",
    .help =
        "Runs the proxy until SIGTERM or SIGINT.\n"
        "\n"
        "  -c, --config FILE   the configuration (default " DEFAULT_CONFIGURATION ")\n"
        "  --takeover          take the place of the process that listens at one of the\n"
        "                      configured addresses (of the one whose first listener is at\n"
        "                      ADDRESS): no connection is refused, its tunnels end there\n"
        "\n"
        "Signals:\n"
        "  SIGHUP    load the policy, certificates and who is who again, and open the log anew\n"
        "  SIGUSR1   open the log anew (logrotate)\n"
        "  SIGUSR2   start the program again, on the same configuration file, with\n"
        "            --takeover; if it does not start, this one goes on\n"
        "  SIGTERM   stop accepting, finish what runs within timeouts.drain_seconds, end;\n"
        "            a second one ends at once\n"
        "\n"
        "Exit status: 0 after a clean stop, 1 could not start, 2 bad configuration or policy.\n",
    .run = command_run,
};
