/*
 * Shell completions, written from the commands' own help texts: subcommands,
 * each one's options, and the values of those that take a word, a file or a directory.
 */
#ifndef SALLYPORT_POLICY_COMPLETION_H
#define SALLYPORT_POLICY_COMPLETION_H

#include "policy/command.h"
#include "policy/text.h"

/* A script for one shell is added to TEXT; COMMANDS end with NULL. */
typedef void completion_writer(const struct command *const *commands, struct text *text);

void completion_write_bash(const struct command *const *commands, struct text *text);
void completion_write_zsh(const struct command *const *commands, struct text *text);
void completion_write_fish(const struct command *const *commands, struct text *text);

#endif
