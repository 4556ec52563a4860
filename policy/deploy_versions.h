/* What deploys ask of the versions there are (versions.h): which one is the newest. */
#ifndef SALLYPORT_POLICY_DEPLOY_VERSIONS_H
#define SALLYPORT_POLICY_DEPLOY_VERSIONS_H

#include "policy/versions.h"

#define VERSION_TEXT_SIZE 24 /* "MAJOR.MINOR" and NUL */

void version_format(struct version version, char text[VERSION_TEXT_SIZE]);

/*
 * The newest version in DIRECTORY (…/versions), of MAJOR (0: of any). {0, 0}: there is none.
 * False: ERROR says what of the directory cannot be read.
 */
bool version_find_newest(const char *directory, uint32_t major, struct version *newest,
                         struct error *error);

#endif
