#include "test/policy/plain_matcher.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 600

/* A declaration or a target, taken apart. */
struct plain_url {
    char scheme[16];
    char host[NAME_SIZE]; /* lower case, one trailing dot dropped, "*." left out */
    long port;
    bool wildcard;
    bool everything;
    bool valid;
};

static void lower(char *text)
{
    for (; *text != '\0'; text++)
        *text = (char)tolower((unsigned char)*text);
}

static long default_port(const char *scheme)
{
    if (strcmp(scheme, "https") == 0 || strcmp(scheme, "wss") == 0)
        return 443;
    if (strcmp(scheme, "http") == 0 || strcmp(scheme, "ws") == 0)
        return 80;
    return -1;
}

static bool is_address(const char *host)
{
    return strspn(host, "0123456789.") == strlen(host);
}

/* Four times one to three digits. */
static bool is_dotted(const char *host)
{
    for (int part = 0; part < 4; part++) {
        size_t digits = strspn(host, "0123456789");
        if (digits < 1 || digits > 3 || host[digits] != (part < 3 ? '.' : '\0'))
            return false;
        host += digits + 1;
    }
    return true;
}

/* A last label of digits makes an address of it, or nothing (WHATWG URL, "ends in a number"). */
static bool number_valid(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *last = dot == NULL ? host : dot + 1;
    return last[strspn(last, "0123456789")] != '\0' || is_dotted(host);
}

static bool host_valid(const char *host)
{
    size_t label = 0;
    if (strlen(host) > 253 || !number_valid(host))
        return false;
    for (; *host != '\0'; host++) {
        if (*host == '.' && label == 0)
            return false;
        if (*host != '.' && !islower((unsigned char)*host) && !isdigit((unsigned char)*host) &&
            *host != '-' && *host != '_')
            return false;
        label = *host == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return label > 0;
}

/* "[:port]" of AUTHORITY, cut off; false: it is no port. */
static bool take_port(char *authority, long *port)
{
    char *colon = strchr(authority, ':');
    char *end;
    if (colon == NULL)
        return true;
    if (!isdigit((unsigned char)colon[1]))
        return false;
    *port = strtol(colon + 1, &end, 10);
    *colon = '\0';
    return *end == '\0' && *port >= 1 && *port <= 65535;
}

static void read_authority(struct plain_url *url, const char *text)
{
    char authority[NAME_SIZE];
    size_t length = strcspn(text, "/?#");
    if (length >= sizeof(authority))
        return;
    memcpy(authority, text, length);
    authority[length] = '\0';
    url->valid = take_port(authority, &url->port);
    url->wildcard = strncmp(authority, "*.", 2) == 0;
    snprintf(url->host, sizeof(url->host), "%s", authority + (url->wildcard ? 2 : 0));
    lower(url->host);
    length = strlen(url->host);
    if (length > 0 && url->host[length - 1] == '.')
        url->host[length - 1] = '\0';
    url->valid = url->valid && host_valid(url->host);
}

static struct plain_url read_url(const char *text)
{
    struct plain_url url = {.scheme = "https", .everything = strcmp(text, "*") == 0};
    const char *mark = strstr(text, "://");
    if (url.everything)
        return url;
    if (mark != NULL) {
        if ((size_t)(mark - text) >= sizeof(url.scheme))
            return url;
        memcpy(url.scheme, text, (size_t)(mark - text));
        url.scheme[mark - text] = '\0';
        lower(url.scheme);
        text = mark + 3;
    }
    url.port = default_port(url.scheme);
    if (url.port > 0)
        read_authority(&url, text);
    return url;
}

static bool is_below(const char *host, const char *ancestor)
{
    size_t length = strlen(host), tail = strlen(ancestor);
    return length > tail + 1 && host[length - tail - 1] == '.' &&
           strcmp(host + length - tail, ancestor) == 0;
}

/* 0: the host is not covered; else the more, the more specific. */
static size_t covers_host(const struct plain_url *rule, const char *host)
{
    if (rule->everything)
        return 1;
    if (!rule->wildcard)
        return strcmp(rule->host, host) == 0 ? 1000 : 0;
    if (is_address(host))
        return 0;
    return is_below(host, rule->host) ? 1 + strlen(rule->host) : 0;
}

/* 0: not near; else the more, the nearer. */
static size_t is_near(const struct plain_url *rule, const char *host)
{
    if (rule->everything || is_address(host) || strchr(rule->host, '.') == NULL)
        return 0;
    if (rule->wildcard)
        return strcmp(rule->host, host) == 0 ? strlen(rule->host) : 0;
    return is_below(host, rule->host) ? strlen(rule->host) : 0;
}

enum fit { FIT, FIT_BUT_PORT, FIT_BUT_SCHEME, FIT_NEAR, FIT_COUNT };

static enum fit fit_of(const struct plain_url *rule, const struct plain_url *target, bool tunnel,
                       size_t *weight)
{
    *weight = covers_host(rule, target->host);
    if (*weight == 0) {
        *weight = is_near(rule, target->host);
        return FIT_NEAR;
    }
    if (rule->everything)
        return FIT;
    if (!tunnel && strcmp(rule->scheme, target->scheme) != 0)
        return FIT_BUT_SCHEME;
    return rule->port == target->port ? FIT : FIT_BUT_PORT;
}

struct plain_answer plain_matcher_decide(const char *const *declared, size_t count,
                                         const char *text, bool tunnel)
{
    static const char *const reasons[] = {"declared", "port_not_declared", "scheme_not_declared",
                                          "undeclared"};
    struct plain_answer answer = {.reason = "undeclared", .rule = -1};
    struct plain_url target = read_url(text);
    size_t best[FIT_COUNT] = {0};
    int rules[FIT_COUNT] = {-1, -1, -1, -1};
    if (!target.valid || target.wildcard || strchr(text, '\t') != NULL ||
        (tunnel && strchr(text, ':') == NULL)) {
        answer.reason = "invalid_target";
        return answer;
    }
    for (size_t i = 0; i < count; i++) {
        struct plain_url rule = read_url(declared[i]);
        size_t weight;
        enum fit fit = fit_of(&rule, &target, tunnel, &weight);
        if (fit == FIT && tunnel && (strcmp(rule.scheme, "http") == 0 || rule.scheme[2] == '\0'))
            answer.plain = true;
        if (weight > best[fit]) {
            best[fit] = weight;
            rules[fit] = (int)i;
        }
    }
    for (int fit = 0; fit < FIT_COUNT; fit++) {
        if (rules[fit] < 0)
            continue;
        answer.rule = rules[fit];
        answer.reason = reasons[fit];
        break;
    }
    if (answer.rule >= 0 && strcmp(declared[answer.rule], "*") == 0)
        answer.reason = "everything_declared";
    return answer;
}
