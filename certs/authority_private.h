/* Private to certs/: an authority that is open, and its index. */
#ifndef SALLYPORT_CERTS_AUTHORITY_PRIVATE_H
#define SALLYPORT_CERTS_AUTHORITY_PRIVATE_H

#include <openssl/x509.h>

#include "certs/authority.h"
#include "certs/pem_file.h"

struct authority {
    const char *path;
    int fd; /* the directory, locked; -1: not open */
    X509 *certificate;
    EVP_PKEY *key;
};

/* The directory alone, locked: nobody else writes in it. Then, and always, authority_close. */
bool authority_open_directory(struct authority *authority, const char *path, struct error *error);
/* The same with its certificate. */
bool authority_open_certificate(struct authority *authority, const char *path, struct error *error);
/* The same with its certificate and its key. */
bool authority_open(struct authority *authority, const char *path, struct error *error);
void authority_close(struct authority *authority);

/* "DIRECTORY/NAME" as the error's file; returns false. */
bool authority_refuse(const struct authority *authority, const char *name, struct error *error,
                      const char *format, ...) PRINTF_LIKE(4, 5);

/* Writes CONTENT (freed here; NULL: memory was out) as NAME. */
bool authority_write(const struct authority *authority, const char *name, BIO *content,
                     unsigned mode, enum pem_file_writing writing, struct error *error);

bool authority_has(const struct authority *authority, const char *name);

/* ---- authority_index.c ---- */

struct authority_index {
    struct authority_entry *entries;
    size_t count;
};

/* No file is an empty index. Then, and always, authority_index_clear. */
bool authority_index_read(const struct authority *authority, struct authority_index *index,
                          struct error *error);
bool authority_index_add(struct authority_index *index, const struct authority_entry *entry);
bool authority_index_write(const struct authority *authority, const struct authority_index *index,
                           struct error *error);
void authority_index_clear(struct authority_index *index);

/* ---- authority_revoke.c ---- */

/* crl.pem of what INDEX says is revoked. */
bool authority_write_crl(const struct authority *authority, const struct authority_index *index,
                         struct error *error);

#endif
