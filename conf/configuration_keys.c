/*
 * Why: one place that says which keys there are (conf/sallyport.yml), what
 * each may be, and where it goes. conf/sallyport.yml documents them; defaults
 * are in configuration.c, the keys of a listener in configuration_listeners.c.
 */
#include "conf/configuration_reader.h"

#define AT(field) .offset = offsetof(struct configuration, field)

#define SECONDS_OF_AN_HOUR 3600
#define SECONDS_OF_A_DAY   86400

/* clang-format off: one line a key */

static const char *const revoke_words[] = {
    [REVOKE_CLOSE] = "close", [REVOKE_DRAIN] = "drain", [REVOKE_KEEP] = "keep", NULL};

static const char *const ledger_words[] = {
    [LEDGER_WARN] = "warn", [LEDGER_REQUIRE] = "require", [LEDGER_OFF] = "off", NULL};

static const struct configuration_key policy_keys[] = {
    {.name = "path", .read = configuration_read_path, AT(policy_path)},
    {.name = "plain_http", .read = configuration_read_boolean, AT(plain_http)},
    {.name = "production_everything",
     .read = configuration_read_boolean,
     AT(production_everything)},
    {.name = "watch", .read = configuration_read_boolean, AT(policy_watch)},
    {.name = "revoke", .read = configuration_read_choice, AT(policy_revoke), .words = revoke_words},
    {.name = "ledger", .read = configuration_read_choice, AT(policy_ledger), .words = ledger_words},
    {0},
};

static const struct configuration_key network_keys[] = {
    {.name = "trust", .read = configuration_read_path_or_none, AT(trust)},
    {.name = "allow_ranges", .read = configuration_read_ranges},
    {.name = "resolvers", .read = configuration_read_resolvers},
    {.name = "hosts_file", .read = configuration_read_path_or_none, AT(hosts_file)},
    {.name = "dns_ttl_minimum_seconds",
     .read = configuration_read_count,
     AT(dns_ttl_minimum),
     .maximum = SECONDS_OF_A_DAY},
    {.name = "dns_ttl_maximum_seconds",
     .read = configuration_read_count,
     AT(dns_ttl_maximum),
     .maximum = SECONDS_OF_A_DAY},
    {.name = "dns_ttl_negative_seconds",
     .read = configuration_read_count,
     AT(dns_ttl_negative),
     .maximum = SECONDS_OF_A_DAY},
    {.name = "dns_stale_seconds",
     .read = configuration_read_count,
     AT(dns_stale),
     .maximum = 7 * SECONDS_OF_A_DAY},
    {.name = "dns_cache_entries",
     .read = configuration_read_count,
     AT(dns_cache_entries),
     .minimum = 1,
     .maximum = 1000000},
    {0},
};

static const struct configuration_key log_keys[] = {
    {.name = "decisions", .read = configuration_read_output, AT(log_decisions)},
    {0},
};

static const struct configuration_key admin_keys[] = {
    {.name = "address", .read = configuration_read_admin},
    {0},
};

static const char *const sandbox_words[] = {[SANDBOX_ON] = "on", [SANDBOX_OFF] = "off", NULL};

static const struct configuration_key process_keys[] = {
    {.name = "user", .read = configuration_read_user, AT(process_user)},
    {.name = "sandbox",
     .read = configuration_read_choice,
     AT(process_sandbox),
     .words = sandbox_words},
    {.name = "takeover", .read = configuration_read_boolean, AT(process_takeover)},
    {0},
};

static const struct configuration_key timeout_keys[] = {
    {.name = "head_seconds",
     .read = configuration_read_seconds,
     AT(timeout_head),
     .maximum = SECONDS_OF_AN_HOUR},
    {.name = "resolve_seconds",
     .read = configuration_read_seconds,
     AT(timeout_resolve),
     .maximum = SECONDS_OF_AN_HOUR},
    {.name = "dial_seconds",
     .read = configuration_read_seconds,
     AT(timeout_dial),
     .maximum = SECONDS_OF_AN_HOUR},
    {.name = "connection_attempt_delay_seconds",
     .read = configuration_read_seconds,
     AT(attempt_delay),
     .maximum = SECONDS_OF_AN_HOUR},
    {.name = "hello_seconds",
     .read = configuration_read_seconds,
     AT(timeout_hello),
     .maximum = SECONDS_OF_AN_HOUR},
    {.name = "idle_seconds",
     .read = configuration_read_seconds,
     AT(timeout_idle),
     .maximum = SECONDS_OF_A_DAY},
    {.name = "keep_alive_seconds",
     .read = configuration_read_seconds,
     AT(timeout_keep_alive),
     .maximum = SECONDS_OF_A_DAY},
    {.name = "drain_seconds",
     .read = configuration_read_seconds,
     AT(timeout_drain),
     .maximum = SECONDS_OF_AN_HOUR},
    {0},
};

static const struct configuration_key overload_keys[] = {
    {.name = "anonymous_percent",
     .read = configuration_read_count,
     AT(overload_anonymous),
     .minimum = 1,
     .maximum = 100},
    {.name = "greediest_percent",
     .read = configuration_read_count,
     AT(overload_greediest),
     .minimum = 1,
     .maximum = 100},
    {.name = "everyone_percent",
     .read = configuration_read_count,
     AT(overload_everyone),
     .minimum = 1,
     .maximum = 100},
    {.name = "memory_mib",
     .read = configuration_read_count,
     AT(overload_memory),
     .maximum = 1U << 24},
    {.name = "wait_seconds",
     .read = configuration_read_seconds,
     AT(overload_wait),
     .maximum = SECONDS_OF_AN_HOUR},
    {0},
};

static const char *const sni_words[] = {[SNI_ENFORCE] = "enforce", [SNI_OFF] = "off", NULL};
static const char *const mode_words[] = {
    [MODE_ENFORCE] = "enforce", [MODE_REPORT] = "report", NULL};

const struct configuration_key configuration_keys[] = {
    {.name = "listeners",
     .read = configuration_read_listeners,
     .keys = configuration_listener_keys},
    {.name = "policy", .read = configuration_read_keys, .keys = policy_keys},
    {.name = "inspect",
     .read = configuration_read_inspections,
     .keys = configuration_inspection_keys},
    {.name = "sni", .read = configuration_read_choice, AT(sni), .words = sni_words},
    {.name = "ech", .read = configuration_read_apps, AT(ech)},
    {.name = "client_certificates",
     .read = configuration_read_client_certificates,
     .keys = configuration_client_certificate_keys},
    {.name = "mode", .read = configuration_read_choice, AT(mode), .words = mode_words},
    {.name = "network", .read = configuration_read_keys, .keys = network_keys},
    {.name = "log", .read = configuration_read_keys, .keys = log_keys},
    {.name = "admin", .read = configuration_read_keys, .keys = admin_keys},
    {.name = "limits", .read = configuration_read_limits, .keys = configuration_limit_keys},
    {.name = "overload", .read = configuration_read_keys, .keys = overload_keys},
    {.name = "workers", .read = configuration_read_count, AT(workers), .maximum = 256},
    {.name = "process", .read = configuration_read_keys, .keys = process_keys},
    {.name = "timeouts", .read = configuration_read_keys, .keys = timeout_keys},
    {0},
};
