/* Unix sockets by path: what the proxy's listeners and the admin's have in common. */
#ifndef SALLYPORT_PROXY_UNIX_SOCKET_H
#define SALLYPORT_PROXY_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

/* False: PATH is too long for a socket (errno says so). */
bool unix_socket_address(const char *path, struct sockaddr_un *address);

/*
 * Makes way for a new socket at ADDRESS: a file that nobody answers on is a leftover
 * of a process that was killed. False: errno says why; EADDRINUSE: somebody answers.
 */
bool unix_socket_remove_stale(const struct sockaddr_un *address);

#endif
