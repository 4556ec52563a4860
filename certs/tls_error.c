/* Why: OpenSSL keeps its reasons in a queue per thread; what is left there would be taken for the
 * next call's. */
#include "certs/tls_error.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

const char *tls_error_reason(const char *otherwise)
{
    unsigned long code = ERR_peek_last_error();
    if ((ERR_GET_REASON(code) & ERR_RFLAG_COMMON) != 0)
        code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    return reason == NULL ? otherwise : reason;
}

bool tls_error_set_file(const char *path, const char *what, struct error *error)
{
    error_set_at(error, path, (struct position){0, 0}, "%s: %s", what,
                 tls_error_reason("OpenSSL does not say why"));
    ERR_clear_error();
    return false;
}

bool tls_error_set_key(const char *path, bool passphrase_asked, struct error *error)
{
    if (!passphrase_asked)
        return tls_error_set_file(path, "not a PEM key (-----BEGIN PRIVATE KEY-----)", error);
    error_set_at(error, path, (struct position){0, 0},
                 "this key is under a passphrase; `openssl pkey -in %s` writes it without a "
                 "passphrase",
                 path);
    ERR_clear_error();
    return false;
}

bool tls_error_set(const char *what, struct error *error)
{
    error_set(error, "%s: %s", what, tls_error_reason("out of memory"));
    ERR_clear_error();
    return false;
}

bool tls_error_check_readable(const char *path, const char *what, struct error *error)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        error_set_at(error, path, (struct position){0, 0}, "%s cannot be read: %s", what,
                     strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

int tls_error_refuse_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer;
    (void)size;
    (void)writing;
    if (asked != NULL)
        *(bool *)asked = true;
    return -1;
}
