/* Lists that several keys of the configuration hold: apps with their environments, and hosts. */
#ifndef SALLYPORT_CONF_LISTS_H
#define SALLYPORT_CONF_LISTS_H

#include "policy/host.h"

struct app_list {
    struct app_name {
        const char *app;
        const char *environment;
    } * items;
    size_t count;
};

bool app_list_has(const struct app_list *list, struct span app, struct span environment);

struct host_list {
    struct host_pattern {
        struct host host;
        bool below; /* "*.HOST": every name below it, at any depth, not itself */
    } * items;
    size_t count;
};

bool host_list_has(const struct host_list *list, const struct host *host);

#endif
