/*
 * Lines out of a ledger, in order and each hung on the one before. Unlike a log,
 * a ledger is exact to the byte: a carriage return, an empty line or a last line
 * without its end is damage, so it has a reader of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/ledger.h"

#define BUFFER_SIZE ((size_t)4 * (LEDGER_LINE_MAXIMUM + 1))

struct ledger_reader {
    const char *path;
    int file;
    struct ledger_head head;
    bool ended;   /* nothing is behind what the buffer holds */
    size_t begin; /* what is not given yet lies in buffer[begin..end) */
    size_t end;
    char buffer[BUFFER_SIZE];
    char scratch[LEDGER_LINE_MAXIMUM];
};

static const struct position whole_file = {0, 0};

void ledger_head_init(struct ledger_head *head)
{
    *head = (struct ledger_head){.n = 0, .hash = LEDGER_ZEROS};
}

static int open_file(const char *path, uint64_t offset, struct error *error)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0) {
        int reason = errno;
        error_set_at(error, path, whole_file, "cannot be opened: %s", strerror(reason));
        errno = reason;
        return -1;
    }
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
        lseek(file, (off_t)offset, SEEK_SET) >= 0)
        return file;
    error_set_at(error, path, whole_file, "not a regular file; a ledger is one");
    close(file);
    errno = EINVAL;
    return -1;
}

struct ledger_reader *ledger_reader_open(const char *path, const struct ledger_head *head,
                                         struct error *error)
{
    int file = open_file(path, head == NULL ? 0 : head->offset, error);
    if (file < 0)
        return NULL;
    struct ledger_reader *reader = malloc(sizeof(*reader));
    if (reader == NULL) {
        error_set_at(error, path, whole_file, "out of memory");
        close(file);
        errno = ENOMEM;
        return NULL;
    }
    reader->path = path;
    reader->file = file;
    ledger_head_init(&reader->head);
    if (head != NULL)
        reader->head = *head;
    reader->ended = false;
    reader->begin = reader->end = 0;
    return reader;
}

void ledger_reader_close(struct ledger_reader *reader)
{
    if (reader == NULL)
        return;
    close(reader->file);
    free(reader);
}

const struct ledger_head *ledger_reader_head(const struct ledger_reader *reader)
{
    return &reader->head;
}

static struct span left_over(const struct ledger_reader *reader)
{
    return (struct span){reader->buffer + reader->begin, reader->end - reader->begin};
}

struct span ledger_reader_torn(const struct ledger_reader *reader)
{
    return left_over(reader);
}

/* More bytes behind those that are not given yet; there is room. False: it cannot be read. */
static bool fill(struct ledger_reader *reader)
{
    size_t kept = reader->end - reader->begin;
    ssize_t count;
    memmove(reader->buffer, reader->buffer + reader->begin, kept);
    reader->begin = 0;
    reader->end = kept;
    do
        count = read(reader->file, reader->buffer + kept, sizeof(reader->buffer) - kept);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return false;
    reader->end += (size_t)count;
    reader->ended = count == 0;
    return true;
}

/* An error at COLUMN of the line that comes next. */
static enum ledger_line refuse(const struct ledger_reader *reader, enum ledger_line kind,
                               size_t column, const char *why, struct error *error)
{
    const struct position at = {(uint32_t)reader->head.n + 1, (uint32_t)column};
    error_set_at(error, reader->path, at, "%s", why);
    return kind;
}

/* LEDGER_ENTRY: *line is the next one, without its end. */
static enum ledger_line next_line(struct ledger_reader *reader, struct span *line,
                                  struct error *error)
{
    size_t length = span_find(left_over(reader), '\n');
    while (length == left_over(reader).length && length <= LEDGER_LINE_MAXIMUM && !reader->ended) {
        if (!fill(reader)) {
            error_set_at(error, reader->path, whole_file, "cannot be read: %s", strerror(errno));
            return LEDGER_FAILED;
        }
        length += span_find(span_after(left_over(reader), length), '\n');
    }
    if (length > LEDGER_LINE_MAXIMUM)
        return refuse(reader, LEDGER_BROKEN, LEDGER_LINE_MAXIMUM + 1, "too long for an entry",
                      error);
    *line = span_slice(left_over(reader), 0, length);
    if (length < left_over(reader).length)
        return LEDGER_ENTRY;
    if (length == 0)
        return LEDGER_END;
    return refuse(reader, LEDGER_TORN, length + 1, "the last line has no end; it was cut", error);
}

/* Where ENTRY, which has the right hash, is not the one that has to follow. */
static enum ledger_line check_chain(const struct ledger_reader *reader,
                                    const struct ledger_entry *entry, struct span line,
                                    struct error *error)
{
    char why[128];
    const size_t number_column = sizeof("{\"n\":");
    if (entry->n != reader->head.n + 1) {
        snprintf(why, sizeof(why),
                 "entry %llu where %llu has to follow; lines are missing or moved",
                 (unsigned long long)entry->n, (unsigned long long)reader->head.n + 1);
        return refuse(reader, LEDGER_BROKEN, number_column, why, error);
    }
    if (span_equal(entry->previous, span_of(reader->head.hash)))
        return LEDGER_ENTRY;
    return refuse(reader, LEDGER_BROKEN, (size_t)(entry->previous.data - line.data) + 1,
                  "previous is not the hash of the line before; one of the two was changed", error);
}

enum ledger_line ledger_reader_next(struct ledger_reader *reader, struct ledger_entry *entry,
                                    struct error *error)
{
    struct span line;
    struct text scratch;
    enum ledger_line kind = next_line(reader, &line, error);
    if (kind != LEDGER_ENTRY)
        return kind;
    text_init_fixed(&scratch, reader->scratch, sizeof(reader->scratch));
    if (!ledger_entry_parse(line, &scratch, entry, error)) {
        const struct position at = {(uint32_t)reader->head.n + 1, error->at.column};
        error_locate(error, reader->path, at);
        return LEDGER_BROKEN;
    }
    kind = check_chain(reader, entry, line, error);
    if (kind != LEDGER_ENTRY)
        return kind;
    reader->begin += line.length + 1;
    reader->head.n = entry->n;
    reader->head.offset += line.length + 1;
    memcpy(reader->head.hash, entry->hash.data, LEDGER_HASH_SIZE - 1);
    return LEDGER_ENTRY;
}
