/*
 * What the proxy believes and shows as a TLS client of origins, and what it signs with
 * for clients whose tunnels are looked into. The main thread reads it from files, workers share it:
 * it is immutable, and a new one is put in its place whole, as with the policy.
 */
#ifndef SALLYPORT_PROXY_KEYRING_H
#define SALLYPORT_PROXY_KEYRING_H

#include "certs/mint.h"
#include "conf/configuration.h"
#include "policy/decision.h"

struct keyring;

/* Reads all files that CONFIGURATION (which outlives it) names. NULL: ERROR says which and why. */
struct keyring *keyring_new(const struct configuration *configuration, struct error *error);

/* Shared by threads; the last reference frees it. */
struct keyring *keyring_ref(struct keyring *keyring);
void keyring_unref(struct keyring *keyring); /* NULL is fine */

/* How connections to HOST on behalf of SUBJECT are made; never NULL, valid as long as KEYRING. */
struct tls_context *keyring_context(const struct keyring *keyring, const struct subject *subject,
                                    const struct host *host);

/* Who signs for a tunnel of SUBJECT to HOST; NULL: nobody looks into it. Valid as long as KEYRING.
 */
const struct minter *keyring_minter(const struct keyring *keyring, const struct subject *subject,
                                    const struct host *host);

/* When what is shown or signed with expires: by the index of configuration->inspections, and of
 * configuration->client_certificates. */
time_t keyring_minter_expires(const struct keyring *keyring, size_t index);
time_t keyring_context_expires(const struct keyring *keyring, size_t index);

#endif
