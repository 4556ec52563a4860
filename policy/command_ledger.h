/* What the parts of `sallyport ledger` share. */
#ifndef SALLYPORT_POLICY_COMMAND_LEDGER_H
#define SALLYPORT_POLICY_COMMAND_LEDGER_H

#include "policy/command_author.h"

/*
 * Enters every policy file of BOOK's directory that is not as the ledger has it, in as many
 * entries as it takes, and prints their names. Returns the exit status.
 */
int ledger_record_changes(struct ledger_book *book, struct command_author *author);

#endif
