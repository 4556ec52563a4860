/* What all subcommands say in the same words. */
#include "policy/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>

int command_usage_error(const char *name, const char *format, ...)
{
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    fprintf(stderr, "sallyport: %s; see 'sallyport help %s'\n", what, name);
    return COMMAND_BAD_INPUT;
}

int command_read_options(int argc, char **argv, const char *letters, const struct option *options,
                         command_take_option *take, void *context)
{
    int status = -1;
    optind = 0; /* GNU: begin anew */
    opterr = 0;
    for (int option; status < 0;) {
        option = getopt_long(argc, argv, letters, options, NULL);
        if (option == -1)
            break;
        status = take(context, option, argv);
    }
    return status;
}

int command_option_error(const char *name, int option, char **argv)
{
    if (option == ':')
        return command_usage_error(name, "%s needs a value", argv[optind - 1]);
    if (optopt > ' ' && optopt < 127)
        return command_usage_error(name, "unknown option -%c", optopt);
    return command_usage_error(name, "unknown option %s", argv[optind - 1]);
}

void command_print_help(const struct command *command, FILE *stream)
{
    fprintf(stream, "usage: sallyport %s%s%s\n\n%s", command->name,
            command->synopsis[0] == '\0' ? "" : " ", command->synopsis, command->help);
}

int command_print_text(const struct text *text, FILE *stream)
{
    errno = text->overflow ? ENOMEM : 0;
    if (!text->overflow && fwrite(text->data, 1, text->length, stream) == text->length &&
        fflush(stream) == 0)
        return 0;
    fprintf(stderr, "sallyport: standard output cannot be written: %s\n", strerror(errno));
    return COMMAND_BAD_INPUT;
}
