/* See the header. */
#include "policy/command_author.h"

#include <pwd.h>
#include <unistd.h>

static bool is_text(struct span text)
{
    while (text.length > 0) {
        size_t sequence = text_utf8_length(text);
        if (sequence == 0 || (unsigned char)text.data[0] < ' ' || text.data[0] == 0x7F)
            return false;
        text = span_after(text, sequence);
    }
    return true;
}

bool command_author_take(struct command_author *author, int option, const char *value,
                         struct error *error)
{
    const bool by = option == AUTHOR_OPTION_BY;
    const size_t maximum = by ? AUTHOR_BY_MAXIMUM : AUTHOR_WHY_MAXIMUM;
    struct span text = span_of(value);
    if (span_trim(text).length == 0 || text.length > maximum || !is_text(text)) {
        error_set(error, "%s takes a line of text of 1 to %zu bytes", by ? "--by" : "--why",
                  maximum);
        return false;
    }
    *(by ? &author->by : &author->why) = value;
    return true;
}

const char *command_author_by(struct command_author *author)
{
    if (author->by != NULL)
        return author->by;
    const struct passwd *user = getpwuid(getuid());
    if (user != NULL)
        snprintf(author->user, sizeof(author->user), "%s", user->pw_name);
    else
        snprintf(author->user, sizeof(author->user), "user %lu", (unsigned long)getuid());
    return author->user;
}

const char *command_author_why(const struct command_author *author)
{
    return author->why == NULL ? "" : author->why;
}

bool command_book_open(struct ledger_book *book, const char *directory, const char *command)
{
    struct error error;
    bool fine = ledger_book_open(book, directory, command, LEDGER_WAIT_MS, &error);
    if (book->recovered[0] != '\0')
        fprintf(stderr, "sallyport: %s: %s\n", directory, book->recovered);
    if (!fine)
        error_print(&error, stderr);
    return fine;
}
