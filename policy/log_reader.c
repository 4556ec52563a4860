/*
 * Lines out of a log. zlib's file functions read both kinds of file through one
 * door: what does not begin with gzip's two bytes comes as it is.
 */
#include "policy/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define READ_SIZE   65536 /* at once: what is lost in front of a place where gzip data are broken */
#define BUFFER_SIZE (LOG_LINE_MAXIMUM + 4 * READ_SIZE)
#define SHOWN       80 /* bytes of a line that was too long */

struct log_reader {
    gzFile file;
    const char *name;
    uint64_t line;
    bool ended;
    bool skipping;        /* the line that was given last was too long: its rest is still to come */
    struct error failure; /* told when all that was read before it is given; "": none */
    size_t begin;         /* what is not given yet lies in buffer[begin..end) */
    size_t end;
    char buffer[BUFFER_SIZE];
};

static const struct position whole_file = {0, 0};

static int open_descriptor(const char *path, struct error *error)
{
    struct stat status;
    bool standard_input = strcmp(path, "-") == 0;
    int descriptor = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                    : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        error_set_at(error, path, whole_file, "cannot be opened: %s", strerror(errno));
        return -1;
    }
    if (fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
        error_set_at(error, path, whole_file, "a directory; name the log files in it");
        close(descriptor);
        return -1;
    }
    return descriptor;
}

struct log_reader *log_reader_open(const char *path, struct error *error)
{
    struct log_reader *reader = NULL;
    int descriptor = open_descriptor(path, error);
    if (descriptor < 0)
        return NULL;
    gzFile file = gzdopen(descriptor, "rb");
    if (file == NULL)
        close(descriptor);
    if (file != NULL && gzbuffer(file, READ_SIZE) == 0)
        reader = malloc(sizeof(*reader));
    if (reader == NULL) {
        error_set_at(error, path, whole_file, "out of memory");
        if (file != NULL)
            gzclose_r(file);
        return NULL;
    }
    reader->file = file;
    reader->name = path;
    reader->line = 0;
    reader->ended = reader->skipping = false;
    reader->failure.message[0] = '\0';
    reader->begin = reader->end = 0;
    return reader;
}

void log_reader_close(struct log_reader *reader)
{
    if (reader == NULL)
        return;
    gzclose_r(reader->file);
    free(reader);
}

uint64_t log_reader_line(const struct log_reader *reader)
{
    return reader->line;
}

/* What ended the input, if it was not its end. */
static void note_failure(struct log_reader *reader)
{
    int code = Z_OK;
    const char *message = gzerror(reader->file, &code);
    if (code == Z_BUF_ERROR)
        error_set_at(&reader->failure, reader->name, whole_file,
                     "the gzip data end in the middle; the file was cut");
    else if (code == Z_ERRNO)
        error_set_at(&reader->failure, reader->name, whole_file, "cannot be read: %s",
                     strerror(errno));
    else if (code != Z_OK && code != Z_STREAM_END)
        error_set_at(&reader->failure, reader->name, whole_file, "not a good gzip file: %s",
                     message);
}

/* More bytes behind those that are not given yet; there is room. */
static void fill(struct log_reader *reader)
{
    size_t kept = reader->end - reader->begin;
    memmove(reader->buffer, reader->buffer + reader->begin, kept);
    reader->begin = 0;
    reader->end = kept;
    int count = gzread(reader->file, reader->buffer + kept, READ_SIZE);
    if (count > 0) {
        reader->end += (size_t)count;
        return;
    }
    reader->ended = true;
    note_failure(reader);
}

static struct span without_return(struct span line)
{
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    return line;
}

/* What is not given yet, up to a line end; true: there is one. The first SEEN bytes hold none. */
static bool find_line(const struct log_reader *reader, size_t seen, struct span *line)
{
    struct span rest = {reader->buffer + reader->begin, reader->end - reader->begin};
    size_t length = seen + span_find(span_after(rest, seen), '\n');
    *line = span_slice(rest, 0, length);
    return length < rest.length;
}

static void skip_line(struct log_reader *reader)
{
    struct span rest;
    bool found = find_line(reader, 0, &rest);
    while (!found && !reader->ended) {
        reader->begin = reader->end;
        fill(reader);
        found = find_line(reader, 0, &rest);
    }
    reader->begin += rest.length + found;
    reader->skipping = false;
}

static enum log_line give_end(const struct log_reader *reader, struct error *error)
{
    if (reader->failure.message[0] == '\0')
        return LOG_END;
    *error = reader->failure;
    return LOG_FAILED;
}

/* ---- Searching ----------------------------------------------------------- */

/* Counts the lines that end in BYTES. */
static uint64_t count_lines(struct span bytes)
{
    uint64_t count = 0;
    for (;;) {
        const char *end = memchr(bytes.data, '\n', bytes.length);
        if (end == NULL)
            return count;
        bytes = span_after(bytes, (size_t)(end - bytes.data) + 1);
        count++;
    }
}

/* Passes over what is in the buffer, up to COUNT bytes of it, all whole lines. */
static void pass_lines(struct log_reader *reader, size_t count)
{
    reader->line += count_lines((struct span){reader->buffer + reader->begin, count});
    reader->begin += count;
}

/* Bytes of REST up to its last line end, that one with them. */
static size_t whole_lines(struct span rest)
{
    const char *end = rest.length == 0 ? NULL : memrchr(rest.data, '\n', rest.length);
    return end == NULL ? 0 : (size_t)(end - rest.data) + 1;
}

/* Goes to the line that NEEDLE stands in, as far as the buffer goes; false: to the last one. */
static bool go_to(struct log_reader *reader, struct span needle)
{
    struct span rest = {reader->buffer + reader->begin, reader->end - reader->begin};
    const char *found =
        rest.length == 0 ? NULL : memmem(rest.data, rest.length, needle.data, needle.length);
    if (found != NULL)
        rest.length = (size_t)(found - rest.data);
    pass_lines(reader, whole_lines(rest));
    return found != NULL;
}

enum log_line log_reader_find(struct log_reader *reader, struct span needle, struct span *line,
                              struct error *error)
{
    for (;;) {
        if (reader->skipping)
            skip_line(reader);
        if (go_to(reader, needle)) {
            enum log_line kind = log_reader_next(reader, line, error);
            if (kind != LOG_LINE_LONG)
                return kind;
            continue;
        }
        if (reader->ended)
            return give_end(reader, error);
        if (reader->end - reader->begin > LOG_LINE_MAXIMUM + 1) {
            reader->line++;
            reader->skipping = true;
            continue;
        }
        fill(reader);
    }
}

enum log_line log_reader_next(struct log_reader *reader, struct span *line, struct error *error)
{
    if (reader->skipping)
        skip_line(reader);
    bool whole = find_line(reader, 0, line);
    while (!whole && !reader->ended && line->length <= LOG_LINE_MAXIMUM + 1) {
        fill(reader);
        whole = find_line(reader, line->length, line);
    }
    if (!whole && line->length == 0)
        return give_end(reader, error);
    reader->line++;
    reader->begin += line->length + whole;
    reader->skipping = !whole && !reader->ended;
    *line = without_return(*line);
    if (line->length <= LOG_LINE_MAXIMUM)
        return LOG_LINE;
    line->length = SHOWN;
    return LOG_LINE_LONG;
}
