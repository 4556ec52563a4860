/* Lines out of a fixed buffer; see the header for what is promised. */
#include "policy/line_input.h"

#include <errno.h>
#include <unistd.h>

static struct span without_return(struct span line)
{
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    return line;
}

static struct span cut_line(struct span line, bool *cut)
{
    line = without_return(line);
    *cut = line.length > LINE_INPUT_MAXIMUM;
    return *cut ? span_slice(line, 0, LINE_INPUT_MAXIMUM) : line;
}

/* What has arrived and is no whole line: given when it is too long already, or the last. */
static bool take_rest(struct line_input *input, struct span rest, struct span *line, bool *cut)
{
    bool whole = input->ended && rest.length > 0;
    if (input->skipping || whole)
        input->begin = input->end;
    if (input->skipping)
        return false;
    if (!whole && rest.length <= LINE_INPUT_MAXIMUM + 1)
        return false;
    input->skipping = !whole;
    input->begin = input->end;
    *line = cut_line(rest, cut);
    return true;
}

bool line_input_take(struct line_input *input, struct span *line, bool *cut)
{
    for (;;) {
        struct span rest = {input->buffer + input->begin, input->end - input->begin};
        size_t length = span_find(rest, '\n');
        if (length == rest.length)
            return take_rest(input, rest, line, cut);
        input->begin += length + 1;
        if (!input->skipping) {
            *line = cut_line(span_slice(rest, 0, length), cut);
            return true;
        }
        input->skipping = false;
    }
}

void line_input_fill(struct line_input *input)
{
    size_t kept = input->end - input->begin;
    memmove(input->buffer, input->buffer + input->begin, kept);
    input->begin = 0;
    input->end = kept;
    for (;;) {
        ssize_t count = read(input->descriptor, input->buffer + kept, LINE_INPUT_BUFFER - kept);
        if (count < 0 && errno == EINTR)
            continue;
        if (count > 0) {
            input->end += (size_t)count;
            return;
        }
        input->failure = count < 0 ? errno : 0;
        input->ended = true;
        return;
    }
}
