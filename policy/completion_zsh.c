/* Completion for zsh: a call of _arguments a command, each option a specification with its words.
 */
#include "policy/command_options.h"
#include "policy/completion.h"

static const char beginning[] =
    "#compdef sallyport\n"
    "# Completion of sallyport in zsh; made by `sallyport completion zsh`.\n"
    "_sallyport() {\n"
    "    local -a commands=(\n";

static const char first_word[] =
    "    )\n"
    "    if (( CURRENT == 2 )); then\n"
    "        _describe command commands\n"
    "        _arguments '--help[the commands]' '--version[the version]'\n"
    "        return\n"
    "    fi\n"
    "    local command=$words[2]\n"
    "    shift words\n"
    "    (( CURRENT-- ))\n"
    "    case $command in\n"
    "    help)\n"
    "        _describe command commands\n"
    "        _arguments '--man[the man page]'\n"
    "        ;;\n";

/* When zsh loads the file as a function, or when a person sources it. */
static const char end[] = "    esac\n"
                          "}\n"
                          "if [[ $funcstack[1] == _sallyport ]]; then\n"
                          "    _sallyport \"$@\"\n"
                          "else\n"
                          "    compdef _sallyport sallyport\n"
                          "fi\n";

/* BYTES inside single quotes, where brackets, colons and backslashes mean something to _arguments.
 */
static void add_escaped(struct text *text, struct span bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        char byte = bytes.data[i];
        if (byte == '\'') {
            text_add_string(text, "'\\''");
            continue;
        }
        if (byte == '[' || byte == ']' || byte == ':' || byte == '\\')
            text_add_char(text, '\\');
        text_add_char(text, byte);
    }
}

/* ":FILE:_files": what the value is called, and how it is completed. */
static void add_value(struct text *text, struct span value)
{
    enum command_value kind = command_value_kind(value);
    if (kind == COMMAND_VALUE_NONE)
        return;
    text_add_char(text, ':');
    add_escaped(text, value);
    text_add_char(text, ':');
    if (kind == COMMAND_VALUE_FILE)
        text_add_string(text, "_files");
    if (kind == COMMAND_VALUE_DIRECTORY)
        text_add_string(text, "_files -/");
    if (kind != COMMAND_VALUE_WORDS)
        return;
    text_add_char(text, '(');
    for (size_t i = 0; i < value.length; i++)
        text_add_char(text, (char)(value.data[i] == '|' ? ' ' : value.data[i]));
    text_add_char(text, ')');
}

static void add_specification(struct text *text, struct span name, const char *before_value,
                              const struct command_option *option)
{
    text_add_string(text, " \\\n            '*");
    text_add(text, name);
    text_add_string(text, option->value.length > 0 ? before_value : "");
    if (option->summary.length > 0) {
        text_add_char(text, '[');
        add_escaped(text, option->summary);
        text_add_char(text, ']');
    }
    add_value(text, option->value);
    text_add_char(text, '\'');
}

static void add_option(struct text *text, const struct command_option *option)
{
    if (option->letter.length > 0)
        add_specification(text, option->letter, "+", option);
    add_specification(text, option->name, "=", option);
}

static void add_argument(struct text *text, struct span argument)
{
    text_add_string(text, " \\\n            '*");
    add_value(text, argument);
    text_add_char(text, '\'');
}

static void add_command(struct text *text, const struct command *command)
{
    struct command_option options[COMMAND_OPTIONS_MAXIMUM];
    struct span arguments[COMMAND_ARGUMENTS_MAXIMUM];
    size_t option_count = command_options_list(command, options);
    size_t argument_count = command_arguments_list(command, arguments);
    text_add_format(text, "    %s)\n        _arguments", command->name);
    for (size_t i = 0; i < option_count; i++)
        add_option(text, &options[i]);
    if (argument_count > 0)
        add_argument(text, arguments[argument_count - 1]);
    text_add_string(text, "\n        ;;\n");
}

void completion_write_zsh(const struct command *const *commands, struct text *text)
{
    text_add_string(text, beginning);
    for (size_t i = 0; commands[i] != NULL; i++) {
        text_add_format(text, "        '%s:", commands[i]->name);
        add_escaped(text, span_of(commands[i]->summary));
        text_add_string(text, "'\n");
    }
    text_add_string(text, first_word);
    for (; *commands != NULL; commands++)
        add_command(text, *commands);
    text_add_string(text, end);
}
