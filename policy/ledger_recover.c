/*
 * What a command that was ended in the middle has left: finished where its entry
 * stands in the ledger, undone where it does not, and entered in the ledger
 * either way. Being ended here, too, only leaves it to the next one.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/ledger_stage.h"

struct recovery {
    struct ledger_book *book;
    struct ledger_entry intended;
    struct span line; /* of the intended entry, its end included */
    struct error *error;
};

static bool fail(struct recovery *recovery, const char *what)
{
    error_set_at(recovery->error, recovery->book->audit.name, (struct position){0, 0},
                 "an unfinished change cannot be %s: %s", what, strerror(errno));
    return false;
}

static void add_part(struct text *text, const char *before, struct span part)
{
    if (part.length == 0)
        return;
    text_add_string(text, before);
    text_add_shown(text, part);
}

void ledger_describe(const struct ledger_entry *entry, char *words, size_t size)
{
    struct text text;
    text_init_fixed(&text, words, size - 1);
    text_add_format(&text, "entry %llu (", (unsigned long long)entry->n);
    text_add_shown(&text, entry->event);
    add_part(&text, " ", entry->app);
    add_part(&text, "/", entry->environment);
    add_part(&text, "/", entry->installation);
    add_part(&text, " ", entry->version);
    add_part(&text, ", by ", entry->by);
    text_add_char(&text, ')');
    words[text.length] = '\0';
}

/* Behind a line that was appended before the command ended. */
static bool finish(struct recovery *recovery)
{
    int directory = recovery->book->audit.directory;
    for (size_t i = 0; i < recovery->intended.file_count; i++) {
        char path[LEDGER_PATH_MAXIMUM + 1];
        snprintf(path, sizeof(path), "%.*s", SPAN_FORMAT(recovery->intended.files[i].path));
        if (!stage_publish(directory, path))
            return fail(recovery, "finished");
    }
    return true;
}

/* Takes back the beginning of a line that did not come to its end. */
static bool undo(struct recovery *recovery, struct span torn)
{
    const struct ledger_audit *audit = &recovery->book->audit;
    if (torn.length > 0 && !stage_truncate(audit->directory, audit->head.offset))
        return fail(recovery, "undone");
    return true;
}

/* The recover entry takes the place of what was intended, so that it is not lost either. */
static bool record(struct recovery *recovery, bool finished)
{
    struct ledger_book *book = recovery->book;
    char what[300], why[360];
    struct text line;
    ledger_describe(&recovery->intended, what, sizeof(what));
    snprintf(why, sizeof(why), "%s was interrupted; it was %s", what,
             finished ? "recorded, and is complete now" : "not recorded, and is undone");
    struct ledger_entry entry = {.event = SPAN("recover"),
                                 .app = recovery->intended.app,
                                 .environment = recovery->intended.environment,
                                 .why = span_of(why)};
    snprintf(book->recovered, sizeof(book->recovered), "%s", why);
    text_init(&line, LEDGER_LINE_MAXIMUM + 1);
    bool fine = ledger_book_line(book, &entry, &line) &&
                stage_remove(book->audit.directory, true) &&
                stage_write_entry(book->audit.directory, text_span(&line)) &&
                stage_append(book->audit.directory, text_span(&line), book->audit.head.offset);
    text_clear(&line);
    return fine || fail(recovery, "recorded");
}

/* What was intended is itself the record of a recovery: it is done by appending it. */
static bool append_again(struct recovery *recovery, struct span torn)
{
    const struct ledger_audit *audit = &recovery->book->audit;
    snprintf(recovery->book->recovered, sizeof(recovery->book->recovered), "%.*s",
             SPAN_FORMAT(recovery->intended.why));
    if (!undo(recovery, torn))
        return false;
    return stage_append(audit->directory, recovery->line, audit->head.offset) ||
           fail(recovery, "recorded");
}

static bool recover_entry(struct recovery *recovery, struct span torn)
{
    const struct ledger_audit *audit = &recovery->book->audit;
    bool recovering = span_equal(recovery->intended.event, SPAN("recover"));
    bool recorded = span_equal(recovery->intended.hash, span_of(audit->head.hash));
    if (torn.length > 0 && (recorded || !span_starts_with(recovery->line, torn)))
        return false;
    if (recovering)
        return recorded || append_again(recovery, torn);
    if (recorded ? !finish(recovery) : !undo(recovery, torn))
        return false;
    return record(recovery, recorded);
}

/* The bytes behind the last whole line; empty: none. The reader holds them. */
static struct span read_torn(const struct ledger_audit *audit, struct ledger_reader **reader,
                             struct error *error)
{
    struct ledger_entry entry;
    struct span torn = {"", 0};
    *reader = NULL;
    if (audit->ended == LEDGER_TORN)
        *reader = ledger_reader_open(audit->path, &audit->head, error);
    if (*reader != NULL && ledger_reader_next(*reader, &entry, error) == LEDGER_TORN)
        torn = ledger_reader_torn(*reader);
    return torn;
}

/* True where LINE is a whole entry: else the command ended before it had intended anything. */
static bool parse_line(struct recovery *recovery, struct text *scratch)
{
    struct error ignored = {.message = ""};
    struct span line = recovery->line;
    if (line.length == 0 || line.length > LEDGER_LINE_MAXIMUM + 1 ||
        line.data[line.length - 1] != '\n')
        return false;
    line.length--;
    return ledger_entry_parse(line, scratch, &recovery->intended, &ignored);
}

static bool recover_line(struct recovery *recovery, struct text *scratch)
{
    struct ledger_reader *reader;
    if (!parse_line(recovery, scratch))
        return recovery->book->audit.ended != LEDGER_TORN;
    struct span torn = read_torn(&recovery->book->audit, &reader, recovery->error);
    bool fine = recover_entry(recovery, torn);
    ledger_reader_close(reader);
    return fine;
}

/* The line that the tree holds; none: the tree is no more than what was being prepared. */
static bool recover_tree(struct recovery *recovery, struct text *scratch)
{
    const struct ledger_audit *audit = &recovery->book->audit;
    char *line;
    size_t length;
    if (!stage_read_entry(audit->directory, &line, &length))
        return errno == ENOENT ? audit->ended != LEDGER_TORN : fail(recovery, "looked at");
    recovery->line = (struct span){line, length};
    bool fine = recover_line(recovery, scratch);
    free(line);
    return fine;
}

bool ledger_recover(struct ledger_book *book, struct error *error)
{
    struct recovery recovery = {.book = book, .error = error};
    struct text scratch;
    char *storage = malloc(LEDGER_LINE_MAXIMUM);
    if (storage == NULL)
        return fail(&recovery, "looked at");
    text_init_fixed(&scratch, storage, LEDGER_LINE_MAXIMUM);
    bool fine = recover_tree(&recovery, &scratch);
    free(storage);
    if (!fine)
        return false;
    return stage_remove(book->audit.directory, false) || fail(&recovery, "cleared away");
}
