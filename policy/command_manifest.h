/*
 * One manifest, as a command needs it that compares it or writes something from
 * it: read, and refused with a place where it says what nobody could grant.
 */
#ifndef SALLYPORT_POLICY_COMMAND_MANIFEST_H
#define SALLYPORT_POLICY_COMMAND_MANIFEST_H

#include "policy/manifest.h"

struct command_manifest {
    struct yaml_document *document;
    struct arena *arena;
    struct findings findings;
    struct manifest *manifest;
};

/*
 * Reads PATH by OPTIONS, thoroughly: an error in a browser's list counts as one in
 * fetch.backend, for what cannot be read cannot be compared. Only a missing or
 * odd app.id is let pass, which grants nothing. False: ERROR has the place. To be cleared
 * in both cases; OPTIONS's variables must live as long.
 */
bool command_manifest_read(struct command_manifest *read, const char *path,
                           const struct manifest_options *options, struct error *error);
void command_manifest_clear(struct command_manifest *read);

#endif
