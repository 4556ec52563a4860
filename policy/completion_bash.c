/*
 * Completion for bash: one function with a case a command. It asks nothing of the
 * bash-completion package.
 */
#include "policy/command_options.h"
#include "policy/completion.h"

static const char beginning[] =
    "# Completion of sallyport in bash; made by `sallyport completion bash`.\n"
    "# shellcheck shell=bash\n"
    "_sallyport_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$2\"); }\n"
    "_sallyport_files() {\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen -f -- \"$1\")\n"
    "}\n"
    "_sallyport_directories() {\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen -d -- \"$1\")\n"
    "}\n"
    "_sallyport() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    COMPREPLY=()\n"
    "    # --format=json arrives as three words\n"
    "    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    [[ $word == = ]] && word=\n";

static const char end[] = "    esac\n"
                          "}\n"
                          "complete -F _sallyport sallyport\n";

static void add_command_names(struct text *text, const struct command *const *commands)
{
    for (; *commands != NULL; commands++)
        text_add_format(text, "%s ", (*commands)->name);
}

static void add_first_word(struct text *text, const struct command *const *commands)
{
    text_add_string(text, "    if ((COMP_CWORD == 1)); then\n        _sallyport_words '");
    add_command_names(text, commands);
    text_add_string(text, "help --help --version' \"$word\"\n"
                          "        return\n"
                          "    fi\n"
                          "    case ${COMP_WORDS[1]} in\n"
                          "    help)\n        _sallyport_words '");
    add_command_names(text, commands);
    text_add_string(text, "--man' \"$word\"\n        ;;\n");
}

/* WORDS, parted by "|", as a list in quotes. */
static void add_words(struct text *text, struct span words)
{
    text_add_string(text, " _sallyport_words '");
    for (size_t i = 0; i < words.length; i++)
        text_add_char(text, (char)(words.data[i] == '|' ? ' ' : words.data[i]));
    text_add_string(text, "' \"$word\"");
}

/* Offers what a value of KIND can be; nothing where it cannot be guessed. */
static void add_offer(struct text *text, enum command_value kind, struct span value)
{
    if (kind == COMMAND_VALUE_WORDS)
        add_words(text, value);
    if (kind == COMMAND_VALUE_FILE)
        text_add_string(text, " _sallyport_files \"$word\"");
    if (kind == COMMAND_VALUE_DIRECTORY)
        text_add_string(text, " _sallyport_directories \"$word\"");
    text_add_string(text, " ;;\n");
}

/* The branch for the word behind OPTION. */
static void add_value(struct text *text, const struct command_option *option)
{
    enum command_value kind = command_value_kind(option->value);
    if (kind == COMMAND_VALUE_NONE)
        return;
    text_add_string(text, "        ");
    if (option->letter.length > 0)
        text_add_format(text, "%.*s,* | ", SPAN_FORMAT(option->letter));
    text_add_format(text, "%.*s,*)", SPAN_FORMAT(option->name));
    add_offer(text, kind, option->value);
}

static void add_option_names(struct text *text, const struct command_option *options, size_t count)
{
    text_add_string(text, " _sallyport_words '");
    for (size_t i = 0; i < count; i++)
        text_add_format(text, "%s%.*s", i == 0 ? "" : " ", SPAN_FORMAT(options[i].name));
    text_add_string(text, "' \"$word\" ;;\n");
}

/* The branch for any other word: the first argument that can be guessed, else the options. */
static void add_rest(struct text *text, const struct command *command,
                     const struct command_option *options, size_t count)
{
    struct span arguments[COMMAND_ARGUMENTS_MAXIMUM];
    size_t argument_count = command_arguments_list(command, arguments), i = 0;
    while (i < argument_count && command_value_kind(arguments[i]) == COMMAND_VALUE_OTHER)
        i++;
    if (i == argument_count) {
        text_add_string(text, "        *)");
        add_option_names(text, options, count);
        return;
    }
    text_add_string(text, "        *,-*)");
    add_option_names(text, options, count);
    text_add_string(text, "        *)");
    add_offer(text, command_value_kind(arguments[i]), arguments[i]);
}

static void add_command(struct text *text, const struct command *command)
{
    struct command_option options[COMMAND_OPTIONS_MAXIMUM];
    size_t count = command_options_list(command, options);
    text_add_format(text, "    %s)\n        case $before,$word in\n", command->name);
    for (size_t i = 0; i < count; i++)
        add_value(text, &options[i]);
    add_rest(text, command, options, count);
    text_add_string(text, "        esac\n        ;;\n");
}

void completion_write_bash(const struct command *const *commands, struct text *text)
{
    text_add_string(text, beginning);
    add_first_word(text, commands);
    for (; *commands != NULL; commands++)
        add_command(text, *commands);
    text_add_string(text, end);
}
