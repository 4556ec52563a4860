/* The order of a commit; its steps on the disk are in ledger_stage.c. */
#include "policy/ledger_book.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/ledger_lock.h"
#include "policy/ledger_stage.h"

static const struct position whole_file = {0, 0};

/* ---- Opening ---------------------------------------------------------------------------- */

static void keep_trouble(void *context, const struct error *trouble)
{
    struct error *first = context;
    if (first->message[0] == '\0')
        *first = *trouble;
}

static bool read_ledger(struct ledger_book *book, struct error *error)
{
    struct error trouble = {.message = ""};
    enum ledger_state state = ledger_audit_read(&book->audit, keep_trouble, &trouble, error);
    if (state == LEDGER_AMISS)
        *error = trouble;
    return state == LEDGER_WHOLE || state == LEDGER_NONE;
}

bool ledger_book_read(struct ledger_book *book, struct error *error)
{
    return read_ledger(book, error);
}

/* A last line without its end is what recovery is for; all other damage is not ours to mend. */
static bool read_and_recover(struct ledger_book *book, struct error *error)
{
    if (!read_ledger(book, error) && book->audit.ended != LEDGER_TORN)
        return false;
    if (!ledger_recover(book, error))
        return false;
    return book->recovered[0] == '\0' || read_ledger(book, error);
}

bool ledger_book_open(struct ledger_book *book, const char *directory, const char *command,
                      unsigned wait_ms, struct error *error)
{
    *book = (struct ledger_book){.lock = -1};
    if (!ledger_audit_init(&book->audit, directory, error))
        return false;
    book->lock = ledger_lock_take(book->audit.directory, directory, command, wait_ms, error);
    return book->lock >= 0 && read_and_recover(book, error);
}

void ledger_book_close(struct ledger_book *book)
{
    ledger_audit_clear(&book->audit);
    if (book->lock >= 0)
        close(book->lock);
    book->lock = -1;
}

/* ---- The entry -------------------------------------------------------------------------- */

bool ledger_book_line(const struct ledger_book *book, const struct ledger_entry *entry,
                      struct text *text)
{
    char now[LEDGER_TIME_SIZE];
    struct ledger_entry whole = *entry;
    ledger_format_now(now);
    whole.n = book->audit.head.n + 1;
    whole.time = span_of(now);
    whole.previous = span_of(book->audit.head.hash);
    return ledger_entry_write(&whole, text);
}

/* ---- Committing ------------------------------------------------------------------------- */

struct commit {
    struct ledger_book *book;
    struct ledger_entry entry;
    const struct ledger_change *changes;
    size_t count;
    char digests[LEDGER_FILES_MAXIMUM][LEDGER_HASH_SIZE];
    struct error *error;
};

static bool refuse_file(struct commit *commit, const char *path, const char *why)
{
    char file[sizeof(commit->error->file)];
    snprintf(file, sizeof(file), "%s/%s", commit->book->audit.name, path);
    error_set_at(commit->error, file, whole_file, "%s", why);
    return false;
}

static bool fail(struct commit *commit, const char *path)
{
    return refuse_file(commit, path, strerror(errno));
}

/* A file that somebody changed past the ledger would be owned up to by whoever writes it next. */
static bool check_file(struct commit *commit, const char *path)
{
    const struct ledger_audit *audit = &commit->book->audit;
    struct ledger_known *known = ledger_files_find(&audit->files, span_of(path));
    struct stat status;
    if (known == NULL && audit->head.n > 0 && fstatat(audit->directory, path, &status, 0) == 0)
        return refuse_file(commit, path,
                           "no entry of the ledger names it; look at it, then `sallyport ledger "
                           "record` enters it");
    if (known == NULL)
        return true;
    switch (ledger_known_check(known, audit->directory)) {
    case LEDGER_MATCH:
        return true;
    case LEDGER_DIFFERS:
    case LEDGER_MISSING:
        return refuse_file(commit, path,
                           "not what the ledger's latest entry wrote; look at it, then `sallyport "
                           "ledger record` enters it");
    default:
        return fail(commit, path);
    }
}

static bool check_change(struct commit *commit, const char *path)
{
    if (!ledger_path_valid(span_of(path)))
        return refuse_file(commit, path, "no path of a policy file");
    if (!check_file(commit, path))
        return false;
    if (stage_can_publish(commit->book->audit.directory, path))
        return true;
    return refuse_file(commit, path, "lies on another file system than the policy directory");
}

/* The entry's next file is PATH, with BYTES in it (NULL: it is not there). */
static bool add_file(struct commit *commit, const char *path, struct span bytes)
{
    struct ledger_entry *entry = &commit->entry;
    char *digest = commit->digests[entry->file_count];
    errno = ENOMEM;
    snprintf(digest, LEDGER_HASH_SIZE, "%s", LEDGER_ZEROS);
    if (bytes.data != NULL && !ledger_digest(bytes, digest))
        return fail(commit, path);
    entry->files[entry->file_count++] = (struct ledger_file){span_of(path), span_of(digest)};
    return true;
}

static bool take_changes(struct commit *commit)
{
    for (size_t i = 0; i < commit->count; i++) {
        const struct ledger_change *change = &commit->changes[i];
        if (!check_change(commit, change->path) || !add_file(commit, change->path, change->bytes))
            return false;
    }
    return true;
}

static bool stage_all(struct commit *commit, struct span line)
{
    const int directory = commit->book->audit.directory;
    if (!stage_write_entry(directory, line))
        return fail(commit, LEDGER_FILE_NAME);
    for (size_t i = 0; i < commit->count; i++) {
        const struct ledger_change *change = &commit->changes[i];
        if (!stage_write_file(directory, change->path, change->bytes))
            return fail(commit, change->path);
    }
    return true;
}

/* Behind the append: what fails here does not undo it. */
static bool publish_all(struct commit *commit)
{
    const int directory = commit->book->audit.directory;
    for (size_t i = 0; i < commit->count; i++) {
        if (stage_publish(directory, commit->changes[i].path))
            continue;
        char why[256];
        snprintf(why, sizeof(why),
                 "cannot be put into its place: %s; the entry stands, and the next command that "
                 "writes here tries again",
                 strerror(errno));
        return refuse_file(commit, commit->changes[i].path, why);
    }
    return true;
}

static bool commit_line(struct commit *commit, struct span line)
{
    const struct ledger_audit *audit = &commit->book->audit;
    if (!stage_all(commit, line)) {
        stage_remove(audit->directory, false);
        return false;
    }
    if (!stage_append(audit->directory, line, audit->head.offset)) {
        fail(commit, LEDGER_FILE_NAME);
        stage_remove(audit->directory, false);
        return false;
    }
    if (!publish_all(commit))
        return false;
    if (!stage_remove(audit->directory, false))
        return fail(commit, LEDGER_FILE_NAME);
    return read_ledger(commit->book, commit->error);
}

static bool commit_entry(struct commit *commit)
{
    struct text line;
    text_init(&line, LEDGER_LINE_MAXIMUM + 2);
    bool fine = ledger_book_line(commit->book, &commit->entry, &line) ||
                refuse_file(commit, LEDGER_FILE_NAME,
                            "the entry is too long, or memory is out; say it shorter");
    fine = fine && commit_line(commit, text_span(&line));
    text_clear(&line);
    return fine;
}

bool ledger_book_commit(struct ledger_book *book, const struct ledger_entry *entry,
                        const struct ledger_change *changes, size_t count, struct error *error)
{
    struct commit commit = {
        .book = book, .entry = *entry, .changes = changes, .count = count, .error = error};
    commit.entry.file_count = 0;
    if (count > LEDGER_FILES_MAXIMUM)
        return refuse_file(&commit, LEDGER_FILE_NAME, "too many files for one entry");
    return take_changes(&commit) && commit_entry(&commit);
}

bool ledger_book_record(struct ledger_book *book, const struct ledger_entry *entry,
                        const char *const *paths, size_t count, struct error *error)
{
    struct commit commit = {.book = book, .entry = *entry, .error = error};
    commit.entry.file_count = 0;
    if (count > LEDGER_FILES_MAXIMUM)
        return refuse_file(&commit, LEDGER_FILE_NAME, "too many files for one entry");
    for (size_t i = 0; i < count; i++) {
        char *bytes = NULL;
        size_t length = 0;
        if (!ledger_file_read(book->audit.directory, paths[i], &bytes, &length) && errno != ENOENT)
            return fail(&commit, paths[i]);
        bool fine = add_file(&commit, paths[i], (struct span){bytes, length});
        free(bytes);
        if (!fine)
            return false;
    }
    return commit_entry(&commit);
}
