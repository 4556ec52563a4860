/*
 * A deploy: a manifest becomes the next version of an app in an environment.
 * The number follows from what the manifest changes (version_diff.h): 1.1 first; then the next
 * MAJOR where an admin has to approve it, else the next MINOR, also where nothing that decides
 * egress has changed; only the very same bytes are no new version. A fix of an old major is a minor
 * of that major, and leaves the deployed manifest alone.
 */
#ifndef SALLYPORT_POLICY_DEPLOY_H
#define SALLYPORT_POLICY_DEPLOY_H

#include "policy/command_manifest.h"
#include "policy/deploy_versions.h"
#include "policy/ledger_book.h"
#include "policy/version_diff.h"

struct deploy_request {
    const char *directory;
    const char *app;
    const char *environment;
    const char *manifest; /* its file; NULL: `from` */
    const char *from;     /* an environment of the same app, whose deployed manifest is taken */
    uint32_t major;       /* the old major that is to be fixed; 0: none */
    bool plain_http;      /* http:// may be declared */
};

/* What a deploy will do. */
struct deploy {
    const struct deploy_request *request;
    struct version number;           /* of the new version; of the old one where `unchanged` */
    struct version base;             /* what it is compared with; {0, 0}: this is the first */
    bool unchanged;                  /* the same bytes: there is nothing to write */
    bool newest;                     /* it becomes the deployed manifest */
    const struct version_diff *diff; /* NULL: the first */

    struct arena *arena; /* what follows, paths and the comparison live in it */
    struct variables variables;
    struct yaml_document *variables_document;
    struct command_manifest old;
    struct command_manifest new;
    const char *old_path;
};

/*
 * Reads and judges what REQUEST (which has to live as long) asks for. False: ERROR says why not;
 * where the manifest has further errors, they are in deploy->new.findings. To be cleared in both
 * cases.
 */
bool deploy_prepare(struct deploy *deploy, const struct deploy_request *request,
                    struct error *error);
void deploy_clear(struct deploy *deploy);

/* Writes the version through BOOK, which was open when it was prepared. False: ERROR says why. */
bool deploy_write(const struct deploy *deploy, struct ledger_book *book, const char *by,
                  const char *why, struct error *error);

#endif
