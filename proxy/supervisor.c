/* One datagram to the socket that NOTIFY_SOCKET names (sd_notify(3)): not worth a library. */
#include "proxy/supervisor.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int supervisor_connect(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, length) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

void supervisor_say_ready(int supervisor)
{
    char words[64];
    if (supervisor < 0)
        return;
    int length = snprintf(words, sizeof(words), "READY=1\nMAINPID=%ld\n", (long)getpid());
    ssize_t written = write(supervisor, words, (size_t)length);
    (void)written; /* who does not listen is not told */
    close(supervisor);
}
