/*
 * The daemon's configuration (conf/sallyport.yml), read once into one
 * struct with every default filled in. conf/sallyport.yml documents each key;
 * a test holds the two together.
 */
#ifndef SALLYPORT_CONF_CONFIGURATION_H
#define SALLYPORT_CONF_CONFIGURATION_H

#include "conf/ip.h"
#include "conf/lists.h"
#include "conf/roster.h"
#include "policy/error.h"

/*
 * How a listener knows who asks: a set of ways, in the order of how much they prove. The first
 * that a connection or request brings decides, also when it says no: a wrong
 * certificate is not made good by an address.
 */
enum identity_way {
    IDENTITY_MTLS = 1,    /* the verified certificate of this connection */
    IDENTITY_PROXY = 2,   /* what a front says of it, by the PROXY protocol */
    IDENTITY_PEER = 4,    /* the user or group at the other end of a unix socket */
    IDENTITY_BASIC = 8,   /* Proxy-Authorization: Basic */
    IDENTITY_SOURCE = 16, /* the client's address */
    IDENTITY_STATIC = 32, /* every client of the listener is this app */
};

/* Which name of a certificate is read, and how. */
enum name_form {
    NAME_SPIFFE, /* its one URI: spiffe://DOMAIN/app/APP/environment/ENVIRONMENT[/installation/ID]
                  */
    NAME_CN,     /* its common name: APP/ENVIRONMENT[/INSTALLATION], or what roles say */
};

struct name_rule {
    enum name_form form;
    const char *trust_domain; /* NULL: any that the authorities vouch for */
    const char *roles_path;   /* NULL: the name speaks for itself */
};

struct identity_source {
    struct ip_range from;
    const char *app;
    const char *environment;
    const char *installation; /* "" where there is none */
};

/* What is given has to be equal. */
struct identity_peer {
    bool has_uid, has_gid;
    uint32_t uid, gid;
    const char *app;
    const char *environment;
    const char *installation; /* "" where there is none */
};

struct listener_configuration {
    struct position at;
    const char *text;      /* the address as written */
    const char *unix_path; /* NULL: an IP listener */
    struct ip ip;
    uint16_t port;     /* 0: the kernel chooses, the start line says which */
    unsigned identity; /* enum identity_way, at least one */
    const char *app;   /* IDENTITY_STATIC */
    const char *environment;
    const char *installation;        /* "" where there is none */
    const char *credentials_path;    /* IDENTITY_BASIC */
    struct name_rule mtls;           /* IDENTITY_MTLS */
    struct name_rule proxy;          /* IDENTITY_PROXY */
    struct roster *roster;           /* what the files of these held at the start; a reference */
    struct identity_source *sources; /* IDENTITY_SOURCE: the longest prefix counts */
    size_t source_count;
    struct identity_peer *peers; /* IDENTITY_PEER: the first that fits counts */
    size_t peer_count;
    const char *certificate; /* PEM paths; NULL: no TLS */
    const char *key;
    const char *client_ca;   /* NULL: no certificate is asked for */
    const char *crl;         /* NULL: nothing is revoked */
    struct ip_range *fronts; /* proxy_protocol: only these may connect, and say for whom */
    size_t front_count;      /* 0: no PROXY protocol */
};

enum mode { MODE_ENFORCE, MODE_REPORT };
enum sni_mode { SNI_ENFORCE, SNI_OFF };

enum sandbox_mode { SANDBOX_ON, SANDBOX_OFF };

/* What a policy whose ledger does not hold together is worth. */
enum ledger_mode {
    LEDGER_WARN,    /* it is said, and the policy is taken; having no ledger is no fault */
    LEDGER_REQUIRE, /* it is not taken */
    LEDGER_OFF,     /* the ledger is not looked at */
};

/* What happens to an open tunnel whose rule a new policy no longer holds. */
enum revoke_mode {
    REVOKE_CLOSE, /* it ends at once */
    REVOKE_DRAIN, /* it ends after timeouts.drain_seconds */
    REVOKE_KEEP,  /* it goes on */
};

/* What an app may use, over all workers; 0: as much as it likes. */
struct limits {
    uint32_t requests_per_minute; /* default 50000, as the platform's */
    uint32_t names_per_minute;    /* distinct ones under wildcards (default 1000) */
    uint32_t tunnels;             /* open at a time (default 10000) */
    uint32_t tunnel_seconds;      /* how long one may last (default 0) */
    uint32_t bytes_per_second;    /* payload of tunnels and bodies, both ways (default 0) */
};

/* One app and environment's own. */
struct app_limits {
    const char *app;
    const char *environment;
    struct limits limits;
};

/* Whose tunnels are looked into, but for those to `except`; PEM paths. */
struct inspection {
    struct app_list apps;
    struct host_list except;
    const char *ca; /* signs what their clients are shown; what vouches for it may follow */
    const char *key;
};

/* What the proxy shows as a TLS client to these hosts in these apps' name; PEM paths. */
struct client_certificate {
    struct app_list apps;
    struct host_list hosts;
    const char *certificate; /* its chain may follow it */
    const char *key;
};

struct resolver_address {
    struct ip ip;
    uint16_t port; /* 53 where none is written */
};

struct arena;

struct configuration {
    struct arena *arena; /* holds what is below, credentials excepted */
    const char *file;
    struct listener_configuration *listeners;
    size_t listener_count;

    const char *policy_path;
    bool plain_http;            /* policy.plain_http */
    bool production_everything; /* policy.production_everything */
    bool policy_watch; /* policy.watch: reload by itself when files change (default true) */
    enum revoke_mode policy_revoke; /* policy.revoke (default close) */
    enum ledger_mode policy_ledger; /* policy.ledger (default warn) */

    enum sni_mode sni;
    struct app_list ech; /* whose tunnels may begin with an encrypted ClientHello (default none) */
    struct inspection *inspections; /* inspect (default none): the first with the app counts */
    size_t inspection_count;
    struct client_certificate *client_certificates; /* the first that fits counts */
    size_t client_certificate_count;
    enum mode mode;

    const char *trust; /* network.trust: authorities beside the system's (default ""); "": none */
    struct ip_range *allow_ranges;
    size_t allow_range_count;
    struct resolver_address *resolvers; /* none: /etc/resolv.conf */
    size_t resolver_count;
    const char *hosts_file;     /* network.hosts_file (default /etc/hosts); "": none */
    uint32_t dns_ttl_minimum;   /* seconds: network.dns_ttl_minimum_seconds (default 5) */
    uint32_t dns_ttl_maximum;   /* seconds: network.dns_ttl_maximum_seconds (default 300) */
    uint32_t dns_ttl_negative;  /* seconds: network.dns_ttl_negative_seconds (default 5) */
    uint32_t dns_stale;         /* seconds: network.dns_stale_seconds (default 0: never) */
    uint32_t dns_cache_entries; /* per worker (default 10000) */

    const char *log_decisions; /* "-": stdout */

    bool has_admin;              /* admin.address (default 127.0.0.1:9901; "": none) */
    const char *admin_unix_path; /* NULL: an IP listener */
    struct ip admin_ip;
    uint16_t admin_port;
    struct position admin_at; /* where the file says so; {0, 0}: nowhere */

    struct limits limits; /* for every app and environment that has none of its own */
    struct app_limits *app_limits;
    size_t app_limit_count;

    /* overload: percent of a resource at which they give way */
    uint32_t overload_anonymous; /* default 85 */
    uint32_t overload_greediest; /* default 93 */
    uint32_t overload_everyone;  /* default 98 */
    uint32_t overload_memory;    /* MiB; 0: nine tenths of what there is */
    uint32_t overload_wait;      /* milliseconds, `wait_seconds`: for a turn (default 2 s) */

    uint32_t workers; /* 0: one per processor */

    const char *process_user;          /* process.user; "": whoever started it */
    enum sandbox_mode process_sandbox; /* process.sandbox (default on) */
    bool process_takeover;             /* process.takeover (default true) */

    /* timeouts: all in milliseconds here, `…_seconds` (fractions allowed) in the file */
    uint32_t timeout_head;    /* a whole request head, from its first byte (default 10 s) */
    uint32_t timeout_resolve; /* default 5 s */
    uint32_t timeout_dial;    /* one address (default 5 s) */
    uint32_t attempt_delay;   /* between attempts at two addresses (default 250 ms) */
    uint32_t timeout_hello;   /* a ClientHello, from the 200 on (default 10 s) */
    uint32_t timeout_idle;    /* no byte either way during an exchange or tunnel (default 600 s) */
    uint32_t timeout_keep_alive; /* a kept connection without a request (default 60 s) */
    uint32_t timeout_drain;      /* after SIGTERM (default 30 s) */
};

/*
 * Reads the file and the credentials it names. Relative paths in it are made
 * relative to the file. NULL: ERROR has the place. Owned by the caller.
 */
struct configuration *configuration_read(const char *path, struct error *error);

/*
 * The same from BYTES, which stand for the file at PATH; touches no file, so no
 * listener has its credentials yet.
 */
struct configuration *configuration_parse(struct span bytes, const char *path, struct error *error);

/* NULL is fine. */
void configuration_free(struct configuration *configuration);

#endif
