/* `ledger record`: which files the ledger does not know as they are, and the entries for them. */
#include <errno.h>
#include <stdlib.h>

#include "policy/command_ledger.h"

struct listing {
    struct ledger_book *book;
    char **paths;
    size_t count;
    size_t capacity;
};

static bool add_path(struct listing *listing, const char *path)
{
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 64 : listing->capacity * 2;
        char **grown = reallocarray(listing->paths, capacity, sizeof(*grown));
        if (grown == NULL)
            return false;
        listing->paths = grown;
        listing->capacity = capacity;
    }
    char *copy = span_duplicate(span_of(path));
    if (copy != NULL)
        listing->paths[listing->count++] = copy;
    return copy != NULL;
}

/* A file that is there and that no entry names. */
static bool list_unnamed(void *context, const char *path)
{
    struct listing *listing = context;
    return ledger_files_find(&listing->book->audit.files, span_of(path)) != NULL ||
           add_path(listing, path);
}

static bool list_changes(struct listing *listing)
{
    const struct ledger_audit *audit = &listing->book->audit;
    for (size_t i = 0; i < audit->files.capacity; i++) {
        struct ledger_known *known = audit->files.slots[i];
        if (known != NULL && ledger_known_check(known, audit->directory) != LEDGER_MATCH &&
            !add_path(listing, known->path))
            return false;
    }
    return ledger_walk_files(audit->directory, list_unnamed, listing);
}

static int compare_paths(const void *left, const void *right)
{
    const char *const *a = left, *const *b = right;
    return strcmp(*a, *b);
}

static bool record_listed(const struct listing *listing, const struct ledger_entry *entry,
                          struct error *error)
{
    for (size_t at = 0; at < listing->count; at += LEDGER_FILES_MAXIMUM) {
        size_t count = listing->count - at;
        if (count > LEDGER_FILES_MAXIMUM)
            count = LEDGER_FILES_MAXIMUM;
        if (!ledger_book_record(listing->book, entry, (const char *const *)listing->paths + at,
                                count, error))
            return false;
        for (size_t i = at; i < at + count; i++)
            printf("entry %llu: %s\n", (unsigned long long)listing->book->audit.head.n,
                   listing->paths[i]);
    }
    return true;
}

int ledger_record_changes(struct ledger_book *book, struct command_author *author)
{
    struct listing listing = {.book = book};
    struct error error;
    const struct ledger_entry entry = {.event = SPAN("record"),
                                       .by = span_of(command_author_by(author)),
                                       .why = span_of(command_author_why(author))};
    bool fine = list_changes(&listing);
    if (!fine)
        error_set_at(&error, book->audit.name, (struct position){0, 0}, "cannot be listed: %s",
                     strerror(errno));
    if (fine && listing.count > 0) {
        qsort(listing.paths, listing.count, sizeof(*listing.paths), compare_paths);
        fine = record_listed(&listing, &entry, &error);
    }
    if (!fine)
        error_print(&error, stderr);
    if (fine && listing.count == 0)
        puts("nothing to record: every policy file is as the ledger has it");
    for (size_t i = 0; i < listing.count; i++)
        free(listing.paths[i]);
    free(listing.paths);
    return fine ? 0 : COMMAND_BAD_INPUT;
}
