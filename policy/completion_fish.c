/* Completion for fish: a line an option, each with the condition under which it holds. */
#include "policy/command_options.h"
#include "policy/completion.h"

static const char beginning[] =
    "# Completion of sallyport in fish; made by `sallyport completion fish`.\n"
    "function __sallyport_at\n"
    "    set -l words (commandline -opc)\n"
    "    test (count $words) -gt 1; and test \"$words[2]\" = $argv[1]\n"
    "end\n"
    "function __sallyport_first\n"
    "    test (count (commandline -opc)) -eq 1\n"
    "end\n"
    "complete -c sallyport -f\n"
    "complete -c sallyport -n __sallyport_first -l help -d 'the commands'\n"
    "complete -c sallyport -n __sallyport_first -l version -d 'the version'\n"
    "complete -c sallyport -n __sallyport_first -a help -d 'how a command is used'\n"
    "complete -c sallyport -n '__sallyport_at help' -l man -d 'the man page'\n";

static void add_quoted(struct text *text, struct span bytes)
{
    text_add_char(text, '\'');
    for (size_t i = 0; i < bytes.length; i++) {
        if (bytes.data[i] == '\'' || bytes.data[i] == '\\')
            text_add_char(text, '\\');
        text_add_char(text, bytes.data[i]);
    }
    text_add_char(text, '\'');
}

static void add_description(struct text *text, struct span description)
{
    if (description.length > 0) {
        text_add_string(text, " -d ");
        add_quoted(text, description);
    }
    text_add_char(text, '\n');
}

static void add_words(struct text *text, struct span words)
{
    text_add_string(text, " -a '");
    for (size_t i = 0; i < words.length; i++)
        text_add_char(text, (char)(words.data[i] == '|' ? ' ' : words.data[i]));
    text_add_char(text, '\'');
}

static void add_value(struct text *text, struct span value)
{
    enum command_value kind = command_value_kind(value);
    if (kind == COMMAND_VALUE_FILE)
        text_add_string(text, " -r -F");
    if (kind == COMMAND_VALUE_DIRECTORY)
        text_add_string(text, " -x -a '(__fish_complete_directories)'");
    if (kind == COMMAND_VALUE_OTHER)
        text_add_string(text, " -x");
    if (kind != COMMAND_VALUE_WORDS)
        return;
    text_add_string(text, " -x");
    add_words(text, value);
}

static void add_option(struct text *text, const char *command, const struct command_option *option)
{
    text_add_format(text, "complete -c sallyport -n '__sallyport_at %s'", command);
    if (option->letter.length > 0)
        text_add_format(text, " -s %.*s", SPAN_FORMAT(span_after(option->letter, 1)));
    text_add_format(text, " -l %.*s", SPAN_FORMAT(span_after(option->name, 2)));
    add_value(text, option->value);
    add_description(text, option->summary);
}

static void add_argument(struct text *text, const char *command, struct span argument)
{
    enum command_value kind = command_value_kind(argument);
    if (kind == COMMAND_VALUE_OTHER)
        return;
    text_add_format(text, "complete -c sallyport -n '__sallyport_at %s'", command);
    if (kind == COMMAND_VALUE_FILE)
        text_add_string(text, " -F");
    if (kind == COMMAND_VALUE_DIRECTORY)
        text_add_string(text, " -a '(__fish_complete_directories)'");
    if (kind == COMMAND_VALUE_WORDS)
        add_words(text, argument);
    text_add_char(text, '\n');
}

static void add_command(struct text *text, const struct command *command)
{
    struct command_option options[COMMAND_OPTIONS_MAXIMUM];
    struct span arguments[COMMAND_ARGUMENTS_MAXIMUM];
    size_t option_count = command_options_list(command, options);
    size_t argument_count = command_arguments_list(command, arguments);
    text_add_format(text, "complete -c sallyport -n __sallyport_first -a %s", command->name);
    add_description(text, span_of(command->summary));
    text_add_format(text, "complete -c sallyport -n '__sallyport_at help' -a %s\n", command->name);
    for (size_t i = 0; i < option_count; i++)
        add_option(text, command->name, &options[i]);
    for (size_t i = 0; i < argument_count; i++)
        add_argument(text, command->name, arguments[i]);
}

void completion_write_fish(const struct command *const *commands, struct text *text)
{
    text_add_string(text, beginning);
    for (; *commands != NULL; commands++)
        add_command(text, *commands);
}
