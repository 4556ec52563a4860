/*
 * Findings as a compiler prints them. The source is walked forward along with
 * the findings, which come in its order, and only a window of a long line is
 * shown, so that a manifest in one line of a megabyte is no worse than another.
 */
#include "policy/lint_print.h"
#include "policy/text.h"

#define WINDOW 100 /* characters of a line that are shown at most */

struct cursor {
    struct span source;
    size_t offset; /* of the character at `at` */
    struct position at;
};

static size_t character_length(const struct cursor *cursor)
{
    size_t length = 1;
    while (cursor->offset + length < cursor->source.length &&
           ((unsigned char)cursor->source.data[cursor->offset + length] & 0xC0) == 0x80)
        length++;
    return length;
}

static bool is_break(const struct cursor *cursor)
{
    char byte = cursor->source.data[cursor->offset];
    return byte == '\n' || byte == '\r';
}

/* One character on; CR LF is one. False: the end. */
static bool step(struct cursor *cursor)
{
    if (cursor->offset >= cursor->source.length)
        return false;
    struct span rest = span_after(cursor->source, cursor->offset);
    bool ends = is_break(cursor);
    cursor->offset += span_starts_with(rest, SPAN("\r\n")) ? 2 : character_length(cursor);
    cursor->at.column++;
    if (ends)
        cursor->at = (struct position){cursor->at.line + 1, 1};
    return true;
}

static bool is_before(struct position a, struct position b)
{
    return a.line < b.line || (a.line == b.line && a.column < b.column);
}

static bool walk_to(struct cursor *cursor, struct position at)
{
    while (is_before(cursor->at, at)) {
        if (!step(cursor))
            return false;
    }
    return true;
}

static const char *colour_of(enum finding_level level)
{
    static const char *const colours[] = {"\033[1;36m", "\033[1;35m", "\033[1;31m"};
    return colours[level];
}

static void print_head(const struct lint_output *output, const char *file,
                       const struct finding *finding)
{
    const char *bold = output->colour ? "\033[1m" : "";
    const char *coloured = output->colour ? colour_of(finding->level) : "";
    const char *plain = output->colour ? "\033[0m" : "";
    fprintf(output->stream, "%s%s:%u:%u:%s %s%s:%s %s [%s]\n", bold, file, finding->at.line,
            finding->at.column, plain, coloured, finding_level_name(finding->level), plain,
            finding->message, finding->rule);
}

/* The character in which the part of a line that is shown begins. */
static uint32_t window_start(struct position at)
{
    return at.column <= WINDOW / 2 ? 1 : at.column - WINDOW / 2;
}

/* Prints the window's text and fills INDENT with what brings a caret under COLUMN. */
static void print_line(FILE *stream, struct cursor line, uint32_t column, struct text *indent)
{
    for (size_t shown = 0; shown < WINDOW && line.offset < line.source.length && !is_break(&line);
         shown++) {
        size_t length = character_length(&line);
        if (line.at.column < column)
            text_add_char(indent, line.source.data[line.offset] == '\t' ? '\t' : ' ');
        fwrite(line.source.data + line.offset, 1, length, stream);
        step(&line);
    }
    fputc('\n', stream);
}

/* How many characters a finding is about; what goes on in the next line is left out. */
static uint32_t marked_width(const struct finding *finding)
{
    if (finding->end.line != finding->at.line || finding->end.column <= finding->at.column)
        return 1;
    uint32_t width = finding->end.column - finding->at.column;
    return width > WINDOW / 2 ? WINDOW / 2 : width;
}

static void print_caret(const struct lint_output *output, const struct finding *finding,
                        const struct text *indent)
{
    fwrite(indent->data, 1, indent->length, output->stream);
    fputs(output->colour ? "\033[1;32m^" : "^", output->stream);
    for (uint32_t i = 1; i < marked_width(finding); i++)
        fputc('~', output->stream);
    fputs(output->colour ? "\033[0m\n" : "\n", output->stream);
}

/* The line that FINDING is about, and a caret. CURSOR is left at the window's start. */
static void print_source(const struct lint_output *output, struct cursor *cursor,
                         const struct finding *finding)
{
    char storage[WINDOW];
    struct text indent;
    struct position start = {finding->at.line, window_start(finding->at)};
    text_init_fixed(&indent, storage, sizeof(storage));
    if (is_before(start, cursor->at))
        *cursor = (struct cursor){.source = cursor->source, .at = {1, 1}};
    if (!walk_to(cursor, start) || cursor->at.line != start.line)
        return;
    print_line(output->stream, *cursor, finding->at.column, &indent);
    print_caret(output, finding, &indent);
}

static void report(struct lint_output *output, const struct lint_report *report)
{
    struct cursor cursor = {.source = report->source, .at = {1, 1}};
    if (report->findings == NULL)
        return;
    for (const struct finding *finding = report->findings->first; finding != NULL;
         finding = finding->next) {
        print_head(output, report->file, finding);
        if (cursor.source.length > 0)
            print_source(output, &cursor, finding);
    }
}

static void begin(struct lint_output *output)
{
    (void)output; /* nothing stands before the first finding */
}

static void print_count(FILE *stream, size_t count, const char *what, const char *behind)
{
    fprintf(stream, "%zu %s%s%s", count, what, count == 1 ? "" : "s", behind);
}

static void end(struct lint_output *output)
{
    print_count(output->stream, output->files, "manifest", ": ");
    if (output->unreadable > 0)
        fprintf(output->stream, "%zu unreadable, ", output->unreadable);
    print_count(output->stream, output->errors, "error", ", ");
    print_count(output->stream, output->warnings, "warning", ", ");
    print_count(output->stream, output->notes, "note", "\n");
}

const struct lint_printer lint_print_text = {"text", begin, report, end};
