/* Lint, compare, count, write; see the header. */
#include "policy/review_file.h"

#include <errno.h>

#include "policy/file_replace.h"
#include "policy/lint.h"
#include "policy/log_walk.h"

#define ARENA_MAXIMUM ((size_t)512 * 1024 * 1024)
#define PAGE_MAXIMUM  ((size_t)256 * 1024 * 1024)

static bool refuse_memory(struct error *error)
{
    error_set(error, "memory is out");
    return false;
}

static bool lint_one(const struct command_manifest *read, const struct manifest_options *options,
                     struct arena *arena, struct findings *findings)
{
    findings_init(findings, arena, yaml_document_file(read->document));
    return lint_document(read->document, options, arena, findings);
}

static struct span known(const char *name)
{
    return name == NULL ? SPAN("") : span_of(name);
}

static void read_logs(struct review_file *file, struct review_traffic *traffic)
{
    const struct review *review = &file->review;
    struct log_walk walk = {
        .filter = {known(review->app), known(review->environment), known(review->installation)},
        .visit = review_traffic_visit,
        .context = traffic,
    };
    for (size_t i = 0; i < file->log_count; i++)
        log_walk_file(&walk, file->logs[i]);
    log_walk_end(&walk);
    file->logs_are_whole = !walk.failed;
}

static bool write_text(const char *path, const struct text *page, struct error *error)
{
    if (strcmp(path, "-") != 0)
        return file_replace(path, text_span(page), error);
    if (fwrite(page->data, 1, page->length, stdout) == page->length && fflush(stdout) == 0)
        return true;
    error_set(error, "standard output cannot be written: %s", strerror(errno));
    return false;
}

static bool write_page(struct review_file *file, struct arena *arena, const char *path,
                       struct error *error)
{
    struct text page;
    text_init(&page, PAGE_MAXIMUM);
    bool written = review_write(&file->review, arena, &page) ? write_text(path, &page, error)
                                                             : refuse_memory(error);
    text_clear(&page);
    return written;
}

static bool compare(struct review_file *file, struct arena *arena, const char *path,
                    struct error *error)
{
    struct findings old, new;
    const struct version_diff_options options = {.production = file->production};
    struct review *review = &file->review;
    if (!lint_one(file->old, file->options, arena, &old) ||
        !lint_one(file->new, file->options, arena, &new))
        return refuse_memory(error);
    review->old.manifest = file->old->manifest;
    review->new.manifest = file->new->manifest;
    review->old.findings = &old;
    review->new.findings = &new;
    review->diff = version_diff(review->old.manifest, review->new.manifest, &options, arena);
    if (review->diff == NULL)
        return refuse_memory(error);
    file->bump = review->diff->bump;
    return write_page(file, arena, path, error);
}

bool review_file_write(struct review_file *file, const char *path, struct error *error)
{
    struct review_traffic traffic = {.tally = NULL};
    struct arena *arena = arena_new(ARENA_MAXIMUM);
    bool fine = arena != NULL && (file->log_count == 0 || review_traffic_init(&traffic));
    file->logs_are_whole = true;
    if (fine && file->log_count > 0) {
        read_logs(file, &traffic);
        file->review.traffic = &traffic;
        fine = !traffic.starved && !tally_is_starved(traffic.tally);
    }
    bool written = fine ? compare(file, arena, path, error) : refuse_memory(error);
    review_traffic_clear(&traffic);
    arena_free(arena);
    return written;
}
