/* Certificates and their keys, made for a test, in a folder that goes with it. */
#ifndef SALLYPORT_TEST_CERTS_PAIRS_H
#define SALLYPORT_TEST_CERTS_PAIRS_H

#include <time.h>

#include "certs/certificate.h"

#define PAIRS_HOUR ((time_t)3600)

/* The folder, empty; and its end with all that is in it. */
void pairs_begin(void);
void pairs_end(void);

/* NAME in the folder; good until the fourth call after this. */
const char *pairs_path(const char *name);

/* NAME.pem and NAME.key, signed by itself, for DNS_NAME (NULL: none), valid from two hours ago
 * until END. */
void pairs_make(const char *name, const struct certificate_profile *profile, const char *dns_name,
                time_t end);

#endif
