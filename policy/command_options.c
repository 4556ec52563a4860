/* Reading options and arguments out of help texts; see the header. */
#include "policy/command_options.h"

#define INDENT 2 /* spaces before an option in a help text */

struct span command_take_line(struct span *text)
{
    size_t end = span_find(*text, '\n');
    struct span line = span_slice(*text, 0, end);
    *text = span_after(*text, end < text->length ? end + 1 : end);
    return line;
}

bool command_option_line(struct span line, struct span *left, struct span *right)
{
    if (!span_starts_with(line, SPAN("  -")) || line.length <= INDENT + 1 ||
        line.data[INDENT + 1] == ' ')
        return false;
    struct span typed = span_after(line, INDENT);
    size_t end = 0;
    while (end < typed.length && !span_starts_with(span_after(typed, end), SPAN("  ")))
        end++;
    *left = span_slice(typed, 0, end);
    *right = span_trim(span_after(typed, end));
    return true;
}

static bool cut_end(struct span *word, struct span end)
{
    if (!span_ends_with(*word, end))
        return false;
    *word = span_slice(*word, 0, word->length - end.length);
    return true;
}

/* The next word of TEXT, bare of brackets, commas and what says "and so on"; empty: there is none.
 */
static struct span take_word(struct span *text)
{
    *text = span_trim(*text);
    size_t end = span_find(*text, ' ');
    struct span word = span_slice(*text, 0, end);
    *text = span_after(*text, end);
    while (span_starts_with(word, SPAN("[")))
        word = span_after(word, 1);
    while (cut_end(&word, SPAN("…")) || cut_end(&word, SPAN("...")) || cut_end(&word, SPAN("]")) ||
           cut_end(&word, SPAN(",")))
        continue;
    return word;
}

enum command_value command_value_kind(struct span value)
{
    static const char *const files[] = {"FILE", "MANIFEST", "LOG", "OLD", "NEW"};
    if (value.length == 0)
        return COMMAND_VALUE_NONE;
    if (value.data[0] >= 'a' && value.data[0] <= 'z')
        return COMMAND_VALUE_WORDS;
    if (span_equal(value, SPAN("DIR")))
        return COMMAND_VALUE_DIRECTORY;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (span_equal(value, span_of(files[i])))
            return COMMAND_VALUE_FILE;
    }
    return COMMAND_VALUE_OTHER;
}

/* The options of one line, behind the COUNT that OPTIONS has. Returns the new count. */
static size_t read_line(struct span left, struct span summary, struct command_option *options,
                        size_t count)
{
    const size_t before = count;
    struct span letter = SPAN(""), word;
    while ((word = take_word(&left)).length > 0) {
        if (span_starts_with(word, SPAN("--")) && count < COMMAND_OPTIONS_MAXIMUM) {
            options[count++] = (struct command_option){.name = word, .letter = letter};
            letter = SPAN("");
        } else if (word.data[0] == '-') {
            letter = word;
        } else if (count > before) {
            options[count - 1].value = word;
        }
    }
    if (count == before + 1)
        options[before].summary = summary;
    return count;
}

static bool has_help(const struct command_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal(options[i].name, SPAN("--help")))
            return true;
    }
    return false;
}

size_t command_options_list(const struct command *command,
                            struct command_option options[COMMAND_OPTIONS_MAXIMUM])
{
    struct span rest = span_of(command->help), left, right;
    size_t count = 0;
    while (rest.length > 0) {
        if (command_option_line(command_take_line(&rest), &left, &right))
            count = read_line(left, right, options, count);
    }
    if (!has_help(options, count) && count < COMMAND_OPTIONS_MAXIMUM)
        options[count++] =
            (struct command_option){.name = SPAN("--help"), .summary = SPAN("this text")};
    return count;
}

/* TEXT behind the bracket that it begins with. */
static struct span skip_brackets(struct span text)
{
    size_t depth = 0, at = 0;
    do {
        depth += text.data[at] == '[';
        depth -= text.data[at] == ']';
        at++;
    } while (depth > 0 && at < text.length);
    return span_after(text, at);
}

size_t command_arguments_list(const struct command *command,
                              struct span arguments[COMMAND_ARGUMENTS_MAXIMUM])
{
    struct span rest = span_of(command->synopsis);
    size_t count = 0;
    while (count < COMMAND_ARGUMENTS_MAXIMUM && (rest = span_trim(rest)).length > 0) {
        if (rest.data[0] == '[') {
            rest = skip_brackets(rest);
            continue;
        }
        struct span word = take_word(&rest);
        if (word.length > 0 && word.data[0] != '-')
            arguments[count++] = word;
    }
    return count;
}
