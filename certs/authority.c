/*
 * An authority's directory: opened, locked and written; and made, by init. The
 * lock is the directory's own, since the files in it are replaced.
 */
#include "certs/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/authority_private.h"
#include "certs/certificate.h"
#include "certs/spiffe.h"
#include "certs/tls_error.h"

#define SECONDS_A_DAY 86400
#define CLOCK_SKEW    300 /* seconds that a certificate is valid already when it is made */
#define PATH_SIZE     4096

/* ---- The directory --------------------------------------------------------- */

bool authority_refuse(const struct authority *authority, const char *name, struct error *error,
                      const char *format, ...)
{
    char path[PATH_SIZE], message[sizeof(error->message)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    snprintf(path, sizeof(path), "%s/%s", authority->path, name);
    error_set_at(error, path, (struct position){0, 0}, "%s", message);
    return false;
}

bool authority_open_directory(struct authority *authority, const char *path, struct error *error)
{
    *authority = (struct authority){.path = path};
    authority->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (authority->fd >= 0 && flock(authority->fd, LOCK_EX) == 0)
        return true;
    error_set_at(error, path, (struct position){0, 0},
                 "no directory of an authority: %s; sallyport ca init makes one", strerror(errno));
    return false;
}

bool authority_open_certificate(struct authority *authority, const char *path, struct error *error)
{
    char file[PATH_SIZE];
    if (!authority_open_directory(authority, path, error))
        return false;
    if (!authority_has(authority, "ca.pem"))
        return authority_refuse(authority, "ca.pem", error,
                                "there is no authority here; sallyport ca init makes one");
    snprintf(file, sizeof(file), "%s/ca.pem", path);
    authority->certificate = pem_file_read_certificate(file, error);
    return authority->certificate != NULL;
}

bool authority_open(struct authority *authority, const char *path, struct error *error)
{
    char file[PATH_SIZE];
    if (!authority_open_certificate(authority, path, error))
        return false;
    snprintf(file, sizeof(file), "%s/ca.key", path);
    authority->key = pem_file_read_key(file, error);
    if (authority->key == NULL)
        return false;
    if (X509_check_private_key(authority->certificate, authority->key) == 1)
        return true;
    ERR_clear_error();
    return authority_refuse(authority, "ca.key", error, "this key does not belong to ca.pem");
}

void authority_close(struct authority *authority)
{
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
    if (authority->fd >= 0)
        close(authority->fd);
}

bool authority_has(const struct authority *authority, const char *name)
{
    return faccessat(authority->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool authority_write(const struct authority *authority, const char *name, BIO *content,
                     unsigned mode, enum pem_file_writing writing, struct error *error)
{
    bool written = pem_file_write(authority->fd, name, content, mode, writing);
    int reason = errno;
    BIO_free(content);
    if (written)
        return true;
    if (reason == EEXIST)
        return authority_refuse(authority, name, error,
                                "there is such a file already; --replace issues a new one in its "
                                "place");
    return authority_refuse(authority, name, error, "cannot be written: %s", strerror(reason));
}

/* ---- init ----------------------------------------------------------------- */

static bool write_root(const struct authority *authority, struct error *error)
{
    const struct authority_index nothing = {NULL, 0};
    return authority_write(authority, "ca.key", pem_file_of_key(authority->key), PEM_FILE_SECRET,
                           PEM_FILE_NEW, error) &&
           authority_write_crl(authority, &nothing, error) &&
           authority_write(authority, "ca.pem",
                           pem_file_of_certificates(authority->certificate, NULL), PEM_FILE_PUBLIC,
                           PEM_FILE_NEW, error);
}

static bool make_root(struct authority *authority, const char *trust_domain, unsigned days,
                      struct error *error)
{
    char uri[SPIFFE_URI_SIZE];
    const char *names[] = {uri};
    const time_t now = time(NULL);
    snprintf(uri, sizeof(uri), "spiffe://%s", trust_domain);
    authority->key = certificate_key_new();
    const struct certificate_order order = {
        .profile = &certificate_root,
        .common_name = "Sallyport authority",
        .names = names,
        .name_count = 1,
        .permitted_uri_host = trust_domain,
        .not_before = now - CLOCK_SKEW,
        .not_after = now + (time_t)days * SECONDS_A_DAY,
        .subject_key = authority->key,
    };
    if (authority->key != NULL)
        authority->certificate = certificate_new(&order);
    return authority->certificate != NULL ||
           tls_error_set("the authority could not be made", error);
}

bool authority_init(const char *directory, const char *trust_domain, unsigned days,
                    struct error *error)
{
    struct authority authority;
    if (!spiffe_domain_valid((struct span){trust_domain, strlen(trust_domain)})) {
        error_set(error, "%s is no trust domain; one is written in a-z, 0-9, '.', '-' and '_'",
                  trust_domain);
        return false;
    }
    if (mkdir(directory, 0755) != 0 && errno != EEXIST) {
        error_set_at(error, directory, (struct position){0, 0}, "cannot be made: %s",
                     strerror(errno));
        return false;
    }
    bool made = authority_open_directory(&authority, directory, error);
    if (made && (authority_has(&authority, "ca.pem") || authority_has(&authority, "ca.key")))
        made = authority_refuse(&authority, "ca.pem", error,
                                "there is an authority already, whose certificates would lose "
                                "their issuer; take another directory, or move this one away");
    made =
        made && make_root(&authority, trust_domain, days, error) && write_root(&authority, error);
    authority_close(&authority);
    return made;
}
