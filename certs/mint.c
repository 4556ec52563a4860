/*
 * Why: a handshake with a client wants a certificate at once, so whatever takes
 * time (reading, the key) is done when the authority is read, and what is left, one
 * signature, is done once for each name and kept.
 * Rests on: leaves live for a day and are replaced by the hour, so that none expires in a
 * client's hands, and what one says of time says nothing of who asked for it first.
 */
#include "certs/mint.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "certs/certificate.h"
#include "certs/certificate_names.h"
#include "certs/pem_file.h"
#include "certs/tls_error.h"
#include "certs/tls_private.h"

#define LEAF_SECONDS 86400
#define HOUR         3600 /* seconds; a leaf is of one, and goes with it */
#define CLOCK_SKEW   300  /* seconds that a leaf is valid already when it is minted */
#define BUCKETS      1024

struct minter {
    struct tls_context *context;
    STACK_OF(X509) * chain; /* the authority's own first */
    EVP_PKEY *key;          /* the authority's */
    EVP_PKEY *leaf_key;
};

struct leaf {
    TAILQ_ENTRY(leaf) age_link;
    LIST_ENTRY(leaf) bucket_link;
    const struct minter *minter;
    X509 *certificate;
    time_t replace_at;
    char host[]; /* with its NUL */
};

struct mint_cache {
    size_t maximum, count, minted;
    TAILQ_HEAD(, leaf) by_age; /* the longest unused first */
    LIST_HEAD(leaf_list, leaf) buckets[BUCKETS];
};

/* ---- The authority -------------------------------------------------------------- */

void minter_free(struct minter *minter)
{
    if (minter == NULL)
        return;
    tls_context_unref(minter->context);
    sk_X509_pop_free(minter->chain, X509_free);
    EVP_PKEY_free(minter->key);
    EVP_PKEY_free(minter->leaf_key);
    free(minter);
}

static const X509 *authority_of(const struct minter *minter)
{
    return sk_X509_value(minter->chain, 0);
}

time_t minter_expires(const struct minter *minter)
{
    return certificate_expires(authority_of(minter));
}

static bool refuse(const char *path, const char *words, struct error *error)
{
    error_set_at(error, path, (struct position){0, 0}, "%s", words);
    ERR_clear_error();
    return false;
}

static bool check_authority(const struct minter *minter, const char *certificate, const char *key,
                            struct error *error)
{
    X509 *authority = sk_X509_value(minter->chain, 0);
    if (X509_check_ca(authority) != 1)
        return refuse(certificate,
                      "this certificate may not sign others; sallyport ca issue DIR --inspect "
                      "makes one that may",
                      error);
    if (X509_check_private_key(authority, minter->key) == 1)
        return true;
    error_set_at(error, key, (struct position){0, 0}, "this key does not belong to %s",
                 certificate);
    ERR_clear_error();
    return false;
}

static bool load(struct minter *minter, const char *certificate, const char *key,
                 struct error *error)
{
    minter->context = tls_context_new_bare(false, error);
    if (minter->context == NULL)
        return false;
    tls_context_forbid_resumption(minter->context);
    minter->chain = pem_file_read_chain(certificate, error);
    minter->key = minter->chain == NULL ? NULL : pem_file_read_key(key, error);
    if (minter->key == NULL || !check_authority(minter, certificate, key, error))
        return false;
    minter->leaf_key = certificate_key_new();
    return minter->leaf_key != NULL || tls_error_set("no key could be made", error);
}

struct minter *minter_new(const char *certificate, const char *key, struct error *error)
{
    struct minter *minter = calloc(1, sizeof(*minter));
    if (minter == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    if (load(minter, certificate, key, error))
        return minter;
    minter_free(minter);
    return NULL;
}

/* ---- Leaves ------------------------------------------------------------------------ */

struct mint_cache *mint_cache_new(size_t maximum)
{
    struct mint_cache *cache = calloc(1, sizeof(*cache));
    if (cache == NULL)
        return NULL;
    cache->maximum = maximum;
    TAILQ_INIT(&cache->by_age);
    for (size_t i = 0; i < BUCKETS; i++)
        LIST_INIT(&cache->buckets[i]);
    return cache;
}

size_t mint_cache_minted(const struct mint_cache *cache)
{
    return cache->minted;
}

size_t mint_cache_kept(const struct mint_cache *cache)
{
    return cache->count;
}

static void drop(struct mint_cache *cache, struct leaf *leaf)
{
    TAILQ_REMOVE(&cache->by_age, leaf, age_link);
    LIST_REMOVE(leaf, bucket_link);
    cache->count--;
    X509_free(leaf->certificate);
    free(leaf);
}

void mint_cache_clear(struct mint_cache *cache)
{
    for (size_t left = cache->count; left > 0; left--)
        drop(cache, TAILQ_FIRST(&cache->by_age));
}

void mint_cache_free(struct mint_cache *cache)
{
    if (cache == NULL)
        return;
    mint_cache_clear(cache);
    free(cache);
}

/* FNV-1a. The names are of hosts that an app may reach: nobody gains by making them collide. */
static struct leaf_list *bucket_of(struct mint_cache *cache, const char *host)
{
    uint32_t hash = 2166136261U;
    for (; *host != '\0'; host++)
        hash = (hash ^ (unsigned char)*host) * 16777619U;
    return &cache->buckets[hash % BUCKETS];
}

static struct leaf *find(struct mint_cache *cache, const struct minter *minter, const char *host,
                         time_t now)
{
    struct leaf *leaf;
    LIST_FOREACH(leaf, bucket_of(cache, host), bucket_link)
    {
        if (leaf->minter == minter && strcmp(leaf->host, host) == 0)
            break;
    }
    if (leaf == NULL)
        return NULL;
    if (leaf->replace_at <= now) {
        drop(cache, leaf);
        return NULL;
    }
    TAILQ_REMOVE(&cache->by_age, leaf, age_link);
    TAILQ_INSERT_TAIL(&cache->by_age, leaf, age_link);
    return leaf;
}

static X509 *sign(const struct minter *minter, const char *host, time_t hour)
{
    const struct certificate_order order = {
        .profile = &certificate_server,
        .common_name = host,
        .names = &host,
        .name_count = 1,
        .not_before = hour - CLOCK_SKEW,
        .not_after = hour + LEAF_SECONDS,
        .subject_key = minter->leaf_key,
        .issuer = sk_X509_value(minter->chain, 0),
        .issuer_key = minter->key,
    };
    return certificate_new(&order);
}

static struct leaf *mint(struct mint_cache *cache, const struct minter *minter, const char *host,
                         time_t now)
{
    const size_t size = strlen(host) + 1;
    const time_t hour = now - now % HOUR;
    struct leaf *leaf = malloc(sizeof(*leaf) + size);
    X509 *certificate = sign(minter, host, hour);
    if (leaf == NULL || certificate == NULL) {
        X509_free(certificate);
        free(leaf);
        return NULL;
    }
    if (cache->count == cache->maximum)
        drop(cache, TAILQ_FIRST(&cache->by_age));
    *leaf = (struct leaf){.minter = minter, .certificate = certificate, .replace_at = hour + HOUR};
    memcpy(leaf->host, host, size);
    TAILQ_INSERT_TAIL(&cache->by_age, leaf, age_link);
    LIST_INSERT_HEAD(bucket_of(cache, host), leaf, bucket_link);
    cache->count++;
    cache->minted++;
    return leaf;
}

struct tls_stream *mint_stream(const struct minter *minter, struct mint_cache *cache,
                               const char *host, const struct tls_place *place)
{
    const time_t now = time(NULL);
    struct leaf *leaf = find(cache, minter, host, now);
    if (leaf == NULL)
        leaf = mint(cache, minter, host, now);
    const struct tls_identity identity = {.certificate = leaf == NULL ? NULL : leaf->certificate,
                                          .key = minter->leaf_key,
                                          .chain = minter->chain};
    struct tls_stream *stream =
        leaf == NULL ? NULL : tls_stream_new_as(minter->context, &identity, place);
    ERR_clear_error();
    return stream;
}
