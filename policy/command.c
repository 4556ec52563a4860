/* What all subcommands say in the same words. */
#include "policy/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>

#include "policy/command_options.h"
#include "policy/nearest.h"

#define COMMANDS_MAXIMUM 64
#define OPTION_SIZE      40 /* of a long option's name, NUL included */

const struct command *command_find(const char *name)
{
    for (const struct command *const *command = command_table; *command != NULL; command++) {
        if (strcmp((*command)->name, name) == 0)
            return *command;
    }
    return NULL;
}

const char *command_nearest(const char *name)
{
    const char *names[COMMANDS_MAXIMUM + 1] = {NULL};
    for (size_t i = 0; i < COMMANDS_MAXIMUM && command_table[i] != NULL; i++)
        names[i] = command_table[i]->name;
    return nearest_name(span_of(name), names);
}

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

/* The option of NAME that TYPED ("--formt=text") may be meant to be; "": none is near. */
static void find_near_option(const char *name, const char *typed, char near[OPTION_SIZE])
{
    struct command_option options[COMMAND_OPTIONS_MAXIMUM];
    char texts[COMMAND_OPTIONS_MAXIMUM][OPTION_SIZE];
    const char *names[COMMAND_OPTIONS_MAXIMUM + 1] = {NULL};
    const struct command *command = command_find(name);
    size_t count = command == NULL ? 0 : command_options_list(command, options);
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%.*s", SPAN_FORMAT(options[i].name));
        names[i] = texts[i];
    }
    struct span word = span_of(typed);
    const char *nearest = nearest_name(span_slice(word, 0, span_find(word, '=')), names);
    snprintf(near, OPTION_SIZE, "%s", nearest == NULL ? "" : nearest);
}

int command_option_error(const char *name, int option, char **argv)
{
    const char *typed = argv[optind - 1];
    char near[OPTION_SIZE];
    if (option == ':')
        return command_usage_error(name, "%s needs a value", typed);
    if (optopt > ' ' && optopt < 127)
        return command_usage_error(name, "unknown option -%c", optopt);
    find_near_option(name, typed, near);
    if (near[0] == '\0')
        return command_usage_error(name, "unknown option %s", typed);
    return command_usage_error(name, "unknown option %s (did you mean %s?)", typed, near);
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
