/*
 * One environment's installations.yml in the hands of an admin's command: read, one installation
 * found and changed, judged exactly as the proxy would judge it, and written through
 * the ledger's book. What the proxy would not take is never written.
 */
#ifndef SALLYPORT_POLICY_INSTALLATION_FILE_H
#define SALLYPORT_POLICY_INSTALLATION_FILE_H

#include "policy/command_manifest.h"
#include "policy/deploy_versions.h"
#include "policy/installations.h"
#include "policy/ledger_book.h"

struct installation_request {
    const char *directory; /* the policy directory */
    const char *app;
    const char *environment;
    const char *id; /* of the installation; NULL: all of them */
    bool plain_http;
};

/* Strings live in the arena, the document or the request. */
struct installation_file {
    const struct installation_request *request;
    struct arena *arena;
    struct yaml_document *document; /* NULL: there is no file yet */
    struct installations *installations;
    struct variables variables;
    struct yaml_document *variables_document;
    char path[4096];     /* of installations.yml */
    char versions[4096]; /* of the directory of versions */
};

/*
 * Reads the file of REQUEST, which has to live as long; one that is not there has no installations.
 * False: ERROR says why, with the place of what cannot be taken. To be cleared in both cases.
 */
bool installation_file_read(struct installation_file *file,
                            const struct installation_request *request, struct error *error);
void installation_file_clear(struct installation_file *file);

/* The request's installation; NULL: ERROR says that there is none. */
struct installation *installation_file_find(const struct installation_file *file,
                                            struct error *error);

/* Adds an installation with the request's id; NULL: ERROR says that there is one, or no room. */
struct installation *installation_file_add(struct installation_file *file, struct error *error);

/* The newest minor of MAJOR (0: of all). False: ERROR says that there is none. */
bool installation_file_version(const struct installation_file *file, uint32_t major,
                               struct version *version, struct error *error);

/*
 * Judges the changed installations as a reader of the file would, and the request's installation by
 * the version that it has approved, into TEXT: the file's new bytes. False: ERROR says what the
 * proxy would not take.
 */
bool installation_file_judge(struct installation_file *file, struct text *text,
                             struct error *error);

#define INSTALLATION_FILE_MAXIMUM ((size_t)32 << 20) /* bytes, as installations_limits has it */

#endif
