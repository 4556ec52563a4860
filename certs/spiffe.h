/*
 * The names that certificates carry (conf/sallyport.yml):
 * spiffe://DOMAIN/app/APP/environment/ENVIRONMENT[/installation/ID].
 */
#ifndef SALLYPORT_CERTS_SPIFFE_H
#define SALLYPORT_CERTS_SPIFFE_H

#include "policy/span.h"

#define SPIFFE_DOMAIN_MAXIMUM 255 /* SPIFFE-ID, section 2.3 */

/* Room for any name of ours and its NUL: three parts of 63, and the words between. */
#define SPIFFE_URI_SIZE 512

struct spiffe_name {
    struct span trust_domain;
    struct span app;
    struct span environment;
    struct span installation; /* "" where there is none */
};

/*
 * Exactly that form and nothing beside it: lower case, no port, no query, no escape, no
 * empty part. The parts are slices of URI. False: *problem says what is wrong (static).
 */
bool spiffe_parse(struct span uri, struct spiffe_name *name, const char **problem);

/* [a-z0-9._-]+ (SPIFFE-ID, section 2.1), at most SPIFFE_DOMAIN_MAXIMUM. */
bool spiffe_domain_valid(struct span domain);

#endif
