/*
 * A small authority for people without one, in a directory: ca.pem and ca.key
 * sign certificates for apps (clients), for servers, and one that may mint for
 * inspection. Whoever writes in the directory waits for the others. What is
 * issued stands in index.txt, in the form of openssl-ca(1), so that it can be
 * revoked when its file is gone; crl.pem is there from the first day.
 */
#ifndef SALLYPORT_CERTS_AUTHORITY_H
#define SALLYPORT_CERTS_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "policy/error.h"

#define AUTHORITY_TRUST_DOMAIN "sallyport.internal" /* unless another is given */
#define AUTHORITY_DAYS_MAXIMUM 3650
#define AUTHORITY_NAME_SIZE    256

/*
 * Makes DIRECTORY (where it is missing) and the authority in it, which signs
 * client names of TRUST_DOMAIN only and is valid for DAYS. False: ERROR says
 * why; where there is an authority already, nothing is touched.
 */
bool authority_init(const char *directory, const char *trust_domain, unsigned days,
                    struct error *error);

enum authority_kind {
    AUTHORITY_APP,     /* A-E[-I].pem, .key */
    AUTHORITY_SERVER,  /* server-NAME.pem, .key */
    AUTHORITY_INSPECT, /* inspect.pem, .key: signs servers' names, for the proxy */
};

struct authority_order {
    enum authority_kind kind;
    const char *app; /* AUTHORITY_APP */
    const char *environment;
    const char *installation; /* NULL: none */
    const char *const *names; /* AUTHORITY_SERVER: DNS names and addresses, at least one */
    size_t name_count;
    unsigned days; /* 0: as befits the kind */
    bool replace;  /* in place of files that are there */
};

/*
 * Issues a certificate with a key of its own. NAME: what its files are called, without the ending.
 * False: ERROR says why, and what to do.
 */
bool authority_issue(const char *directory, const struct authority_order *order,
                     char name[AUTHORITY_NAME_SIZE], struct error *error);

/* ledger.key and ledger.pub: an Ed25519 pair that signs checkpoints of the ledger. */
bool authority_issue_ledger(const char *directory, bool replace, struct error *error);

enum authority_state { AUTHORITY_VALID, AUTHORITY_EXPIRED, AUTHORITY_REVOKED };

struct authority_entry {
    char name[AUTHORITY_NAME_SIZE];
    char serial[48]; /* hexadecimal */
    char subject[256];
    time_t expires;
    time_t revoked; /* 0: not */
};

enum authority_state authority_entry_state(const struct authority_entry *entry);

/* All that was ever issued, the oldest first: *entries is the caller's (free). */
bool authority_list(const char *directory, struct authority_entry **entries, size_t *count,
                    struct error *error);

/*
 * Every valid certificate called NAME, or the one whose serial it is, is in crl.pem from now on.
 * *count: how many. False: ERROR says why (also when there is none).
 */
bool authority_revoke(const char *directory, const char *name, size_t *count, struct error *error);

#define AUTHORITY_TRUST_STORE_PASSWORD "sallyport" /* of public certificates: no secret */

/*
 * What clients are to trust, written anew: bundle.pem, the system's authorities
 * and this one, and the same for Java, truststore.p12.
 */
bool authority_write_trust(const char *directory, struct error *error);

#endif
