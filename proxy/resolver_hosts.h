/*
 * The hosts file (hosts(5)), read by us: c-ares can be given no path of its own.
 * Names are canonical like all others. Read again when the file has changed,
 * looked at once a second at most.
 */
#ifndef SALLYPORT_PROXY_RESOLVER_HOSTS_H
#define SALLYPORT_PROXY_RESOLVER_HOSTS_H

#include "proxy/resolver.h"

struct resolver_hosts;

/* PATH "": no hosts file. A file that is not there is an empty one. NULL: memory is out. */
struct resolver_hosts *resolver_hosts_new(const char *path);
void resolver_hosts_free(struct resolver_hosts *hosts);

/*
 * False: NAME does not stand in the file. localhost and the names below it are
 * loopback, in the file or not: they never go to a resolver (RFC 6761, section 6.3).
 */
bool resolver_hosts_find(struct resolver_hosts *hosts, struct span name,
                         struct resolver_answer *answer);

#endif
