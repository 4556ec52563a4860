/*
 * One way to say what went wrong: where (file, line, column) and why. A
 * function that can fail takes a `struct error *` and fills it when it returns
 * false or NULL; on success it leaves it alone.
 */
#ifndef SALLYPORT_POLICY_ERROR_H
#define SALLYPORT_POLICY_ERROR_H

#include <stdint.h>
#include <stdio.h>

#define PRINTF_LIKE(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))

/* A place in a text file, both from 1; {0, 0} is "no place". */
struct position {
    uint32_t line;
    uint32_t column;
};

struct error {
    char file[512];     /* "" where no file is to blame; cut if longer */
    struct position at; /* {0, 0} where the file as a whole is to blame */
    char message[768];  /* "what is wrong; what would be right"; cut if longer */
};

/* An error with no place. */
void error_set(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* An error at a place in FILE (NULL: none). */
void error_set_at(struct error *error, const char *file, struct position at, const char *format,
                  ...) PRINTF_LIKE(4, 5);

/* Gives an error that has no file yet its file and place; keeps its message. */
void error_locate(struct error *error, const char *file, struct position at);

/* "FILE:LINE:COLUMN: message", leaving out what is not known, into BUFFER (always NUL-terminated).
 */
void error_format(const struct error *error, char *buffer, size_t size);

/* The same to STREAM as a line, behind "sallyport: ". */
void error_print(const struct error *error, FILE *stream);

#endif
