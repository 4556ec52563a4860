/* Walks logs for replay and learn; see the header. */
#include "policy/log_walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "policy/policy_directory.h"

#define COMPLAINTS_MAXIMUM 10        /* about single lines of one file */
#define LOOK_EVERY         16384U    /* lines between two looks at the clock */
#define SHOW_EVERY         200000000 /* nanoseconds */

struct file_walk {
    struct log_walk *walk;
    const char *path;
    struct log_reader *reader;
    struct text *scratch;
    uint64_t records;
    uint64_t broken;
};

/* ---- Progress ------------------------------------------------------------ */

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void show_progress(const struct log_walk *walk)
{
    static int64_t shown;
    if (!walk->show_progress || walk->lines % LOOK_EVERY != 0 || now() - shown < SHOW_EVERY)
        return;
    shown = now();
    fprintf(stderr, "\r%" PRIu64 " lines, %" PRIu64 " decisions\033[K", walk->lines, walk->visited);
}

void log_walk_end(const struct log_walk *walk)
{
    if (walk->show_progress && walk->lines >= LOOK_EVERY)
        fputs("\r\033[K", stderr);
}

/* ---- Lines --------------------------------------------------------------- */

static void complain(struct file_walk *file, struct error *error)
{
    const struct position at = {
        (uint32_t)(log_reader_line(file->reader) % UINT32_MAX),
        error->at.column == 0 ? 1 : error->at.column,
    };
    file->broken++;
    file->walk->broken++;
    if (file->broken > COMPLAINTS_MAXIMUM)
        return;
    error->file[0] = '\0';
    error_locate(error, file->path, at);
    log_walk_end(file->walk);
    error_print(error, stderr);
}

static bool is_name_or_none(struct span name)
{
    return name.length == 0 || policy_name_valid(name);
}

static bool names_are_valid(const struct log_record *record, struct error *error)
{
    if (is_name_or_none(record->app) && is_name_or_none(record->environment) &&
        is_name_or_none(record->installation))
        return true;
    error_set(error, "the app, its environment or its installation has a name that none can have");
    return false;
}

static bool matches(struct span wanted, struct span name)
{
    return wanted.length == 0 || span_equal(wanted, name);
}

static bool is_asked_for(const struct subject *filter, const struct log_record *record)
{
    return matches(filter->app, record->app) && matches(filter->environment, record->environment) &&
           matches(filter->installation, record->installation);
}

/* False: ERROR says why LINE is no record. */
static bool take_line(struct file_walk *file, struct span line, struct error *error)
{
    struct log_walk *walk = file->walk;
    struct log_record record;
    struct log_decision decision;
    if (!log_record_parse(line, file->scratch, &record, error))
        return false;
    if (record.event.length == 0) {
        error_set(error, "an object without an \"event\", which every record has");
        return false;
    }
    if (!span_equal(record.event, SPAN("decision"))) {
        file->records++;
        return true;
    }
    if (!names_are_valid(&record, error) || !log_decision_read(&record, &decision, error))
        return false;
    file->records++;
    if (!is_asked_for(&walk->filter, &record)) {
        walk->passed_over++;
        return true;
    }
    if (!log_time_valid(record.time))
        record.time = (struct span){"", 0};
    walk->visited++;
    walk->visit(walk->context, &record, &decision);
    return true;
}

static enum log_line take_next(struct file_walk *file, struct error *error)
{
    struct span line;
    enum log_line kind = log_reader_next(file->reader, &line, error);
    if (kind != LOG_LINE && kind != LOG_LINE_LONG)
        return kind;
    file->walk->lines++;
    show_progress(file->walk);
    if (kind == LOG_LINE_LONG) {
        error_set(error, "a line of more than %d bytes; no record is so long", LOG_LINE_MAXIMUM);
        complain(file, error);
        return kind;
    }
    if (span_trim(line).length > 0 && !take_line(file, line, error))
        complain(file, error);
    return kind;
}

/* ---- Files --------------------------------------------------------------- */

static void fail(struct log_walk *walk, const struct error *error)
{
    walk->failed = true;
    log_walk_end(walk);
    error_print(error, stderr);
}

static void sum_up(const struct file_walk *file)
{
    struct error error;
    if (file->broken > COMPLAINTS_MAXIMUM) {
        log_walk_end(file->walk);
        fprintf(stderr, "sallyport: %s: %" PRIu64 " lines in all are no records\n", file->path,
                file->broken);
    }
    if (file->broken == 0 || file->records > 0)
        return;
    error_set_at(&error, file->path, (struct position){0, 0},
                 "not one line is a record; name the log that the proxy writes (log.decisions)");
    fail(file->walk, &error);
}

static void walk_lines(struct file_walk *file)
{
    struct error error;
    enum log_line kind;
    do
        kind = take_next(file, &error);
    while (kind != LOG_END && kind != LOG_FAILED);
    if (kind == LOG_FAILED)
        fail(file->walk, &error);
    sum_up(file);
}

void log_walk_file(struct log_walk *walk, const char *path)
{
    struct error error;
    struct text scratch;
    char *storage = malloc(LOG_LINE_MAXIMUM);
    struct log_reader *reader = NULL;
    error_set_at(&error, path, (struct position){0, 0}, "out of memory");
    if (storage != NULL)
        reader = log_reader_open(path, &error);
    if (reader == NULL) {
        fail(walk, &error);
    } else {
        text_init_fixed(&scratch, storage, LOG_LINE_MAXIMUM);
        struct file_walk file = {walk, path, reader, &scratch, 0, 0};
        walk_lines(&file);
    }
    log_reader_close(reader);
    free(storage);
}
