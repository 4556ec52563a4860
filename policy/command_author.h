/* Who changes the policy directory, and why: what the ledger keeps of whoever typed a command. */
#ifndef SALLYPORT_POLICY_COMMAND_AUTHOR_H
#define SALLYPORT_POLICY_COMMAND_AUTHOR_H

#include "policy/command.h"
#include "policy/ledger_book.h"

#define AUTHOR_BY_MAXIMUM  200  /* bytes */
#define AUTHOR_WHY_MAXIMUM 2000 /* bytes */

struct command_author {
    const char *by;  /* --by; NULL: not given */
    const char *why; /* --why; NULL: not given */
    char user[64];
};

#define AUTHOR_OPTION_BY  512
#define AUTHOR_OPTION_WHY 513

/* clang-format off */
#define AUTHOR_LONG_OPTIONS                                                                        \
    {"by", required_argument, NULL, AUTHOR_OPTION_BY},                                             \
    {"why", required_argument, NULL, AUTHOR_OPTION_WHY}
/* clang-format on */

#define AUTHOR_HELP                                                                                \
    "  --by WHO                who does it; without it, the name of the user that runs this\n"     \
    "  --why TEXT              and why; both are kept in the ledger\n"

/*
 * Takes OPTION, one of the two, with VALUE: text (UTF-8) of at most so many bytes, not empty.
 * False: ERROR says why not.
 */
bool command_author_take(struct command_author *author, int option, const char *value,
                         struct error *error);

/* Who it is, in any case. */
const char *command_author_by(struct command_author *author);
/* "" where nothing was said. */
const char *command_author_why(const struct command_author *author);

/* Opens DIRECTORY's book for COMMAND and says what was recovered. False: it has been said why not.
 */
bool command_book_open(struct ledger_book *book, const char *directory, const char *command);

#endif
