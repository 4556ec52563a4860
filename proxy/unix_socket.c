/* Only a socket that refuses a connection is a leftover; anything else at that path is left alone.
 */
#include "proxy/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool unix_socket_address(const char *path, struct sockaddr_un *address)
{
    size_t size = strlen(path) + 1;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (size > sizeof(address->sun_path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address->sun_path, path, size);
    return true;
}

bool unix_socket_remove_stale(const struct sockaddr_un *address)
{
    struct stat file;
    if (lstat(address->sun_path, &file) != 0)
        return errno == ENOENT;
    if (!S_ISSOCK(file.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool answered = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
    int reason = errno;
    close(fd);
    if (answered) {
        errno = EADDRINUSE;
        return false;
    }
    errno = reason;
    return reason == ECONNREFUSED && unlink(address->sun_path) == 0;
}
