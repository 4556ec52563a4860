/* The versions of an environment: DIR/APP/ENV/versions/MAJOR.MINOR/manifest.yml (forge.md section
 * 5). */
#ifndef SALLYPORT_POLICY_DEPLOY_VERSIONS_H
#define SALLYPORT_POLICY_DEPLOY_VERSIONS_H

#include "policy/error.h"
#include "policy/span.h"

#define VERSION_PART_MAXIMUM 1000000U
#define VERSION_TEXT_SIZE    24 /* "MAJOR.MINOR" and NUL */

struct version_number {
    uint32_t major; /* from 1; 0: no version */
    uint32_t minor; /* from 1 */
};

/* "2.1": two numbers from 1, without leading zeros. */
bool version_number_parse(struct span text, struct version_number *number);
void version_number_format(struct version_number number, char text[VERSION_TEXT_SIZE]);

/* Below, at or above 0, as A comes before B, is B, or comes behind it. */
int version_number_compare(struct version_number a, struct version_number b);

/*
 * The newest version in VERSIONS (the path of the directory), of MAJOR (0: of any). {0, 0}: there
 * is none. Names that are no version are an error, for a reader could take them for one. False:
 * ERROR says which.
 */
bool version_find_newest(const char *versions, uint32_t major, struct version_number *newest,
                         struct error *error);

#endif
