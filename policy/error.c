/*
 * Why: a message is made where something fails and its place is often known
 * only further up, so both travel in one fixed struct that nobody has to free.
 */
#include "policy/error.h"

#include <stdarg.h>
#include <string.h>

static void set_place(struct error *error, const char *file, struct position at)
{
    snprintf(error->file, sizeof(error->file), "%s", file == NULL ? "" : file);
    error->at = at;
}

void error_set(struct error *error, const char *format, ...)
{
    va_list arguments;
    set_place(error, NULL, (struct position){0, 0});
    va_start(arguments, format);
    vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
}

void error_set_at(struct error *error, const char *file, struct position at, const char *format,
                  ...)
{
    va_list arguments;
    set_place(error, file, at);
    va_start(arguments, format);
    vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
}

void error_locate(struct error *error, const char *file, struct position at)
{
    if (error->file[0] == '\0')
        set_place(error, file, at);
}

void error_format(const struct error *error, char *buffer, size_t size)
{
    if (error->file[0] == '\0')
        snprintf(buffer, size, "%s", error->message);
    else if (error->at.line == 0)
        snprintf(buffer, size, "%s: %s", error->file, error->message);
    else
        snprintf(buffer, size, "%s:%u:%u: %s", error->file, error->at.line, error->at.column,
                 error->message);
}

void error_print(const struct error *error, FILE *stream)
{
    char line[sizeof(error->file) + sizeof(error->message) + 32];
    error_format(error, line, sizeof(line));
    fprintf(stream, "sallyport: %s\n", line);
}
