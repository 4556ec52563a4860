/*
 * Certificates made on the spot for clients whose traffic is inspected: the
 * owner's authority signs that we are the host which the client asked for. All leaves of
 * an authority share one key, which is made when it is read and never leaves the
 * process. No session is resumed: a ticket made for one host could be shown for another.
 */
#ifndef SALLYPORT_CERTS_MINT_H
#define SALLYPORT_CERTS_MINT_H

#include "certs/tls.h"

struct minter;

/*
 * Reads the authority's CERTIFICATE (what vouches for it may follow; all of it is sent to
 * clients) and KEY, PEM files. Immutable, shared by threads. NULL: ERROR names the file and
 * the reason (also where the certificate may not sign others).
 */
struct minter *minter_new(const char *certificate, const char *key, struct error *error);
void minter_free(struct minter *minter); /* its streams go on; NULL is fine */

/* When the authority's certificate expires. */
time_t minter_expires(const struct minter *minter);

/*
 * The leaves that a worker has minted, the latest used kept. Not shared: a lock would be on
 * the way of every request, and to mint costs less than the handshake that it is for.
 */
struct mint_cache;

/* Keeps at most MAXIMUM (> 0) leaves. NULL: memory is out. */
struct mint_cache *mint_cache_new(size_t maximum);
void mint_cache_free(struct mint_cache *cache); /* NULL is fine */

/* How many were minted, and how many are kept. */
size_t mint_cache_minted(const struct mint_cache *cache);
size_t mint_cache_kept(const struct mint_cache *cache);

/* Forgets all: before a minter is freed. */
void mint_cache_clear(struct mint_cache *cache);

/*
 * The server's side of a connection with the client at PLACE, as HOST (a DNS name in A-form or an
 * IP address): with a leaf out of CACHE, or a new one. NULL: OpenSSL could not, or the
 * name is none; what PLACE has stays the caller's then.
 */
struct tls_stream *mint_stream(const struct minter *minter, struct mint_cache *cache,
                               const char *host, const struct tls_place *place);

#endif
