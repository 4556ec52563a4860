/*
 * International names: UTS 46, non-transitional, without the STD3 rules (so
 * that "_dmarc" passes). libidn2's only home.
 */
#ifndef SALLYPORT_POLICY_IDNA_H
#define SALLYPORT_POLICY_IDNA_H

#include <stdbool.h>

#include "policy/error.h"
#include "policy/span.h"

/*
 * The A-form of NAME (UTF-8, no NUL inside), NUL-terminated, owned by the caller
 * (idna_free). The mapping can make any ASCII byte, even ".", "/" and digits:
 * whoever takes the result reads it again as an untrusted name.
 * NULL: not a name, ERROR says why.
 */
char *idna_to_ascii(struct span name, struct error *error);
void idna_free(char *name);

/*
 * True: NAME (ASCII, lower case, NUL-terminated) is an A-form: decoded and
 * encoded again it is the same. False: ERROR says why.
 */
bool idna_check(const char *name, struct error *error);

#endif
