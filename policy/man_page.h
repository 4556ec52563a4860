/*
 * The man page sallyport(1), in roff's man macros, written from the commands' own
 * help texts: paragraphs are filled, options become tagged paragraphs, and other
 * indented lines (examples) stay as they are.
 */
#ifndef SALLYPORT_POLICY_MAN_PAGE_H
#define SALLYPORT_POLICY_MAN_PAGE_H

#include "policy/command.h"
#include "policy/text.h"

/* Adds the page to TEXT; COMMANDS end with NULL. */
void man_page_write(const struct command *const *commands, struct text *text);

#endif
