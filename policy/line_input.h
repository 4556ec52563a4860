/*
 * Lines from a descriptor, any number of them, in memory that does not grow.
 * A line ends at LF or CR LF, the last one also at the end of the input. What
 * is longer than LINE_INPUT_MAXIMUM comes cut, once, and its rest is passed over.
 */
#ifndef SALLYPORT_POLICY_LINE_INPUT_H
#define SALLYPORT_POLICY_LINE_INPUT_H

#include "policy/span.h"

#define LINE_INPUT_MAXIMUM 4096
#define LINE_INPUT_BUFFER  65536

/* Zero but for `descriptor` is ready. */
struct line_input {
    int descriptor;
    int failure; /* the errno that ended the input; 0: its end */
    bool ended;
    bool skipping; /* the rest of a line that was given cut */
    size_t begin;  /* what is not taken yet lies in buffer[begin..end) */
    size_t end;
    char buffer[LINE_INPUT_BUFFER];
};

/*
 * The next line that has already arrived, without its end; valid until the next
 * call. False: none has; fill, unless `ended`.
 */
bool line_input_take(struct line_input *input, struct span *line, bool *cut);

/* Waits for more. After it, `ended` may be true and a last line still be there to take. */
void line_input_fill(struct line_input *input);

#endif
