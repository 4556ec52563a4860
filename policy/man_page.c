/* Turning help texts into roff; see the header. */
#include "policy/man_page.h"

#include "policy/command_options.h"

/* What the lines before this one have begun. */
enum block { BLOCK_NONE, BLOCK_PARAGRAPH, BLOCK_OPTION, BLOCK_EXAMPLE };

static const char beginning[] =
    ".\\\" Made by `sallyport help --man` from the commands' help texts.\n"
    ".TH SALLYPORT 1 \"\" \"sallyport " SALLYPORT_VERSION "\" \"User Commands\"\n"
    ".SH NAME\n"
    "sallyport \\- an egress proxy that lets an app reach what its manifest declares\n"
    ".SH SYNOPSIS\n"
    ".B sallyport\n"
    ".I command\n"
    ".RI [ argument ...]\n"
    ".br\n"
    ".B sallyport help\n"
    ".RI [ command ]\n"
    ".br\n"
    ".B sallyport \\-\\-version\n"
    ".SH DESCRIPTION\n"
    "A forward proxy that reads each app's manifest as its platform does, and lets out what is\n"
    "declared there and nothing else; and the commands that judge, compare and test such\n"
    "manifests beforehand. Every command takes\n"
    ".BR \\-\\-help .\n"
    ".SH COMMANDS\n";

/* The code point that BYTES, LENGTH of well-formed UTF-8, stand for. */
static uint32_t code_point(struct span bytes, size_t length)
{
    static const unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t point = (unsigned char)bytes.data[0] & masks[length];
    for (size_t i = 1; i < length; i++)
        point = point << 6 | ((unsigned char)bytes.data[i] & 0x3FU);
    return point;
}

/* The name that roff knows for BYTE, where BYTE itself would mean or show something else. */
static const char *byte_name(char byte)
{
    switch (byte) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '\'':
        return "\\(aq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    case '"':
        return "\\(dq";
    default:
        return NULL;
    }
}

static void add_escaped(struct text *text, struct span bytes)
{
    if (span_starts_with(bytes, SPAN(".")))
        text_add_string(text, "\\&");
    while (bytes.length > 0) {
        size_t length = text_utf8_length(bytes);
        const char *name = byte_name(bytes.data[0]);
        if (length > 1)
            text_add_format(text, "\\[u%04X]", code_point(bytes, length));
        else if (name != NULL)
            text_add_string(text, name);
        else
            text_add_char(text, bytes.data[0]);
        bytes = span_after(bytes, length > 1 ? length : 1);
    }
}

static void add_line(struct text *text, struct span line)
{
    add_escaped(text, line);
    text_add_char(text, '\n');
}

static void end_example(struct text *text, enum block block)
{
    if (block == BLOCK_EXAMPLE)
        text_add_string(text, ".EE\n");
}

/* "  --format text|json   what it does", and its continuation by the lines that follow. */
static enum block add_option(struct text *text, enum block block, struct span left,
                             struct span right)
{
    end_example(text, block);
    text_add_string(text, ".TP\n.B ");
    add_line(text, left);
    if (right.length > 0)
        add_line(text, right);
    return BLOCK_OPTION;
}

static enum block add_plain(struct text *text, enum block block, struct span line)
{
    if (block != BLOCK_PARAGRAPH) {
        end_example(text, block);
        text_add_string(text, ".PP\n");
    }
    add_line(text, line);
    return BLOCK_PARAGRAPH;
}

/* An indented line: more about an option, or a part of an example. */
static enum block add_indented(struct text *text, enum block block, struct span line)
{
    if (block == BLOCK_OPTION) {
        add_line(text, span_trim(line));
        return block;
    }
    if (block != BLOCK_EXAMPLE)
        text_add_string(text, block == BLOCK_NONE ? ".PP\n.EX\n" : ".EX\n");
    add_line(text, line);
    return BLOCK_EXAMPLE;
}

static void add_help(struct text *text, struct span help)
{
    enum block block = BLOCK_NONE;
    while (help.length > 0) {
        struct span line = command_take_line(&help), left, right;
        if (line.length == 0) {
            end_example(text, block);
            block = BLOCK_NONE;
        } else if (command_option_line(line, &left, &right)) {
            block = add_option(text, block, left, right);
        } else if (line.data[0] == ' ') {
            block = add_indented(text, block, line);
        } else {
            block = add_plain(text, block, line);
        }
    }
    end_example(text, block);
}

static void add_command(struct text *text, const struct command *command)
{
    text_add_string(text, ".SS ");
    add_line(text, span_of(command->name));
    text_add_string(text, ".B sallyport ");
    add_escaped(text, span_of(command->name));
    text_add_string(text, "\n");
    if (command->synopsis[0] != '\0')
        add_line(text, span_of(command->synopsis));
    add_help(text, span_of(command->help));
}

void man_page_write(const struct command *const *commands, struct text *text)
{
    text_add_string(text, beginning);
    for (; *commands != NULL; commands++)
        add_command(text, *commands);
}
