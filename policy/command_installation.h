/* What the parts of `sallyport installation` share. */
#ifndef SALLYPORT_POLICY_COMMAND_INSTALLATION_H
#define SALLYPORT_POLICY_COMMAND_INSTALLATION_H

#include "policy/command_author.h"
#include "policy/installation_edit.h"

/* A line each installation, for `list`. Returns the exit status. */
int installation_list(const struct installation_request *request);

/* One installation as the file has it, and what waits, for `show`. Returns the exit status. */
int installation_show(const struct installation_request *request);

#endif
