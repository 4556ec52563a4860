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
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason == NULL ? otherwise : reason;
}

bool tls_error_set_file(const char *path, const char *what, struct error *error)
{
    error_set_at(error, path, (struct position){0, 0}, "%s: %s", what,
                 tls_error_reason("OpenSSL does not say why"));
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

int tls_error_refuse_passphrase(char *buffer, int size, int writing, void *unused)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)unused;
    return -1;
}
