/*
 * Rests on link(2) failing where a name exists already, and on rename(2)
 * replacing it in one step: between the two a file is there whole or not at all.
 */
#include "certs/pem_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/tls_error.h"

#define NAME_SIZE 512

/* ---- Writing --------------------------------------------------------------- */

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = TEMP_FAILURE_RETRY(write(fd, bytes, length));
        if (written < 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

/* The bytes under a name of no meaning, on the disk when it returns. */
static bool write_aside(int directory, const char *name, BIO *content, unsigned mode)
{
    char *bytes;
    long length = BIO_get_mem_data(content, &bytes);
    unlinkat(directory, name, 0); /* a leftover of somebody who was ended midway */
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool written = write_all(fd, bytes, (size_t)length) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    int reason = errno;
    close(fd);
    errno = reason;
    return written;
}

static bool put_in_place(int directory, const char *aside, const char *name,
                         enum pem_file_writing writing)
{
    if (writing == PEM_FILE_REPLACE)
        return renameat(directory, aside, directory, name) == 0;
    return linkat(directory, aside, directory, name, 0) == 0;
}

bool pem_file_write(int directory, const char *name, BIO *content, unsigned mode,
                    enum pem_file_writing writing)
{
    char aside[NAME_SIZE];
    if (content == NULL || snprintf(aside, sizeof(aside), ".%s.new", name) >= (int)sizeof(aside)) {
        errno = content == NULL ? ENOMEM : ENAMETOOLONG;
        return false;
    }
    bool placed = write_aside(directory, aside, content, mode) &&
                  put_in_place(directory, aside, name, writing);
    int reason = errno;
    unlinkat(directory, aside, 0);
    errno = reason;
    return placed && fsync(directory) == 0;
}

BIO *pem_file_of_key(const EVP_PKEY *key)
{
    BIO *memory = BIO_new(BIO_s_secmem());
    if (memory != NULL && PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) == 1)
        return memory;
    BIO_free(memory);
    return NULL;
}

BIO *pem_file_of_certificates(X509 *first, X509 *second)
{
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory != NULL && PEM_write_bio_X509(memory, first) == 1 &&
        (second == NULL || PEM_write_bio_X509(memory, second) == 1))
        return memory;
    BIO_free(memory);
    return NULL;
}

/* ---- Reading --------------------------------------------------------------- */

static BIO *open_file(const char *path, const char *what, struct error *error)
{
    ERR_clear_error();
    if (!tls_error_check_readable(path, what, error))
        return NULL;
    BIO *file = BIO_new_file(path, "r");
    if (file == NULL)
        tls_error_set_file(path, "cannot be read", error);
    return file;
}

X509 *pem_file_read_certificate(const char *path, struct error *error)
{
    BIO *file = open_file(path, "the certificate", error);
    if (file == NULL)
        return NULL;
    X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
    if (certificate == NULL)
        tls_error_set_file(path, TLS_ERROR_NO_CERTIFICATE, error);
    BIO_free(file);
    return certificate;
}

STACK_OF(X509) * pem_file_read_chain(const char *path, struct error *error)
{
    X509 *next;
    BIO *file = open_file(path, "the certificate", error);
    STACK_OF(X509) *chain = file == NULL ? NULL : sk_X509_new_null();
    while (chain != NULL && (next = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_push(chain, next) == 0)
            X509_free(next);
    }
    if (chain != NULL && sk_X509_num(chain) == 0) {
        tls_error_set_file(path, TLS_ERROR_NO_CERTIFICATE, error);
        sk_X509_free(chain);
        chain = NULL;
    }
    BIO_free(file);
    ERR_clear_error();
    return chain;
}

EVP_PKEY *pem_file_read_key(const char *path, struct error *error)
{
    BIO *file = open_file(path, "the key", error);
    if (file == NULL)
        return NULL;
    bool passphrase_asked = false;
    EVP_PKEY *key =
        PEM_read_bio_PrivateKey(file, NULL, tls_error_refuse_passphrase, &passphrase_asked);
    if (key == NULL)
        tls_error_set_key(path, passphrase_asked, error);
    BIO_free(file);
    return key;
}
