/*
 * Between the two that read installations.yml: installations.c has the list,
 * installation_reader.c what stands in one entry of it.
 */
#ifndef SALLYPORT_POLICY_INSTALLATION_READER_H
#define SALLYPORT_POLICY_INSTALLATION_READER_H

#include "policy/installations.h"
#include "policy/manifest_reader.h"

/* Reads the entry NODE. False: it has no valid id, which an error says. */
bool installation_read(struct manifest_reader *reader, const struct yaml_node *node,
                       struct installation *installation);

#endif
