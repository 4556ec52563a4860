/* c-ares sorts the addresses of one family; between the two there is only who goes first. */
#include "proxy/resolver_families.h"

#include <unistd.h>

static enum resolver_status status_of(int code)
{
    switch (code) {
    case ARES_SUCCESS:
        return RESOLVER_OK;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
        return RESOLVER_NOT_FOUND;
    case ARES_ETIMEOUT:
        return RESOLVER_TIMEOUT;
    default:
        return RESOLVER_FAILED;
    }
}

/* A datagram socket is connected without a packet: only the routes are asked. */
static bool has_route(const struct ip *ip)
{
    struct sockaddr_storage address;
    socklen_t length = ip_to_sockaddr(ip, 1, &address);
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool connected = connect(fd, (const struct sockaddr *)&address, length) == 0;
    close(fd);
    return connected;
}

static void take_lifetime(struct resolver_family *family, int ttl)
{
    if (ttl >= 0 && (uint32_t)ttl < family->ttl)
        family->ttl = (uint32_t)ttl;
}

static void take_info(struct resolver_family *family, const struct ares_addrinfo *info)
{
    uint16_t port;
    for (const struct ares_addrinfo_node *node = info->nodes;
         node != NULL && family->count < RESOLVER_ADDRESSES_MAXIMUM; node = node->ai_next) {
        take_lifetime(family, node->ai_ttl);
        if (ip_from_sockaddr(node->ai_addr, &family->addresses[family->count], &port))
            family->count++;
    }
    for (const struct ares_addrinfo_cname *cname = info->cnames; cname != NULL; cname = cname->next)
        take_lifetime(family, cname->ttl);
}

void resolver_family_take(struct resolver_family *family, int code,
                          const struct ares_addrinfo *info)
{
    *family =
        (struct resolver_family){.answered = true, .status = status_of(code), .ttl = UINT32_MAX};
    if (info != NULL && code == ARES_SUCCESS)
        take_info(family, info);
    if (family->status == RESOLVER_OK && family->count == 0)
        family->status = RESOLVER_NOT_FOUND;
    family->usable = family->count > 0 && has_route(&family->addresses[0]);
}

/* A failure is worse than that there is nothing of one family: the name may well exist. */
static enum resolver_status joined_status(const struct resolver_family families[RESOLVER_FAMILIES])
{
    enum resolver_status status = RESOLVER_NOT_FOUND;
    for (size_t i = 0; i < RESOLVER_FAMILIES; i++) {
        if (!families[i].answered)
            status = RESOLVER_TIMEOUT;
        else if (families[i].status != RESOLVER_NOT_FOUND && families[i].count == 0)
            status = families[i].status;
    }
    return status;
}

void resolver_families_join(const struct resolver_family families[RESOLVER_FAMILIES],
                            struct resolver_answer *answer)
{
    const bool turned = !families[RESOLVER_IPV6].usable && families[RESOLVER_IPV4].usable;
    const struct resolver_family *const order[RESOLVER_FAMILIES] = {&families[turned ? 1 : 0],
                                                                    &families[turned ? 0 : 1]};
    *answer = (struct resolver_answer){.status = RESOLVER_OK};
    for (size_t i = 0; i < RESOLVER_ADDRESSES_MAXIMUM; i++) {
        for (size_t j = 0; j < RESOLVER_FAMILIES; j++) {
            if (i < order[j]->count && answer->count < RESOLVER_ADDRESSES_MAXIMUM)
                answer->addresses[answer->count++] = order[j]->addresses[i];
        }
    }
    if (answer->count == 0)
        answer->status = joined_status(families);
}

uint32_t resolver_families_ttl(const struct resolver_family families[RESOLVER_FAMILIES],
                               const struct configuration *configuration)
{
    uint32_t ttl = configuration->dns_ttl_maximum;
    for (size_t i = 0; i < RESOLVER_FAMILIES; i++) {
        if (families[i].count > 0 && families[i].ttl < ttl)
            ttl = families[i].ttl;
    }
    return ttl > configuration->dns_ttl_minimum ? ttl : configuration->dns_ttl_minimum;
}
