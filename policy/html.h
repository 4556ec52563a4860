/*
 * Text for a page: what a manifest or a log says goes into HTML by html_add and
 * by nothing else, so that no value of theirs is ever taken for markup, ends an
 * attribute, or turns the reading direction.
 */
#ifndef SALLYPORT_POLICY_HTML_H
#define SALLYPORT_POLICY_HTML_H

#include "policy/text.h"

/*
 * BYTES as the text of an element or of a quoted attribute (WHATWG HTML, sections 13.1.2.3 and
 * 13.1.4): the five characters that could mean more become character references; what cannot be
 * seen is written so that it can (text_add_unseen), line ends and tabs among it.
 */
void html_add(struct text *text, struct span bytes);

void html_add_string(struct text *text, const char *string);

/* The same inside <code>. */
void html_add_code(struct text *text, struct span bytes);

/* 1234567 as "1,234,567". */
void html_add_number(struct text *text, uint64_t number);

#endif
