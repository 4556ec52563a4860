/* conf/configuration: what a file means, what is refused and where, and what the samples say. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/configuration_reader.h"
#include "test/suite.h"

#define APP "app: a, environment: e"

#define LISTENER                                                                                   \
    "listeners:\n"                                                                                 \
    "  - address: 127.0.0.1:3128\n"                                                                \
    "    identity: {static: {app: demo, environment: development}}\n"

static struct error error;

static struct configuration *parse(const char *text)
{
    return configuration_parse(span_of(text), "/etc/sallyport/sallyport.yml", &error);
}

static struct configuration *parse_good(const char *text)
{
    struct configuration *configuration = parse(text);
    ck_assert_msg(configuration != NULL, "%u:%u: %s", error.at.line, error.at.column,
                  error.message);
    return configuration;
}

/* ---- What a file means ------------------------------------------------------ */

START_TEST(fills_in_every_default)
{
    struct configuration *c = parse_good(LISTENER);
    ck_assert_uint_eq(c->listener_count, 1);
    ck_assert_str_eq(c->file, "/etc/sallyport/sallyport.yml");
    ck_assert_str_eq(c->policy_path, "/etc/sallyport/policy");
    ck_assert(!c->plain_http);
    ck_assert(c->policy_watch);
    ck_assert_int_eq(c->sni, SNI_ENFORCE);
    ck_assert(!app_list_has(&c->ech, SPAN("demo"), SPAN("development")));
    ck_assert_int_eq(c->mode, MODE_ENFORCE);
    ck_assert_int_eq(c->policy_revoke, REVOKE_CLOSE);
    ck_assert_int_eq(c->policy_ledger, LEDGER_WARN);
    ck_assert_uint_eq(c->allow_range_count, 0);
    ck_assert_uint_eq(c->resolver_count, 0);
    ck_assert_str_eq(c->hosts_file, "/etc/hosts");
    ck_assert_uint_eq(c->dns_ttl_minimum, 5);
    ck_assert_uint_eq(c->dns_ttl_maximum, 300);
    ck_assert_uint_eq(c->dns_ttl_negative, 5);
    ck_assert_uint_eq(c->dns_cache_entries, 10000);
    ck_assert_str_eq(c->log_decisions, "-");
    ck_assert(c->has_admin);
    ck_assert_uint_eq(c->admin_port, 9901);
    ck_assert_uint_eq(c->workers, 0);
    ck_assert_str_eq(c->process_user, "");
    ck_assert_int_eq(c->process_sandbox, SANDBOX_ON);
    ck_assert(c->process_takeover);
    ck_assert_uint_eq(c->timeout_head, 10000);
    ck_assert_uint_eq(c->timeout_resolve, 5000);
    ck_assert_uint_eq(c->timeout_dial, 5000);
    ck_assert_uint_eq(c->attempt_delay, 250);
    ck_assert_uint_eq(c->timeout_hello, 10000);
    ck_assert_uint_eq(c->timeout_idle, 600000);
    ck_assert_uint_eq(c->timeout_keep_alive, 60000);
    ck_assert_uint_eq(c->timeout_drain, 30000);
    configuration_free(c);
}
END_TEST

START_TEST(an_empty_section_is_all_defaults)
{
    struct configuration *c = parse_good(LISTENER "policy:\nnetwork: ~\ntimeouts: {}\n");
    ck_assert_str_eq(c->policy_path, "/etc/sallyport/policy");
    ck_assert_uint_eq(c->timeout_head, 10000);
    configuration_free(c);
}
END_TEST

START_TEST(reads_a_static_listener)
{
    struct configuration *c =
        parse_good("listeners: [{address: '[::1]:0', identity: {static: {app: orders, "
                   "environment: staging, installation: site-1}}}]");
    const struct listener_configuration *listener = &c->listeners[0];
    ck_assert_str_eq(listener->text, "[::1]:0");
    ck_assert_uint_eq(listener->ip.family, 6);
    ck_assert_uint_eq(listener->port, 0);
    ck_assert_ptr_null(listener->unix_path);
    ck_assert_int_eq(listener->identity, IDENTITY_STATIC);
    ck_assert_str_eq(listener->app, "orders");
    ck_assert_str_eq(listener->environment, "staging");
    ck_assert_str_eq(listener->installation, "site-1");
    ck_assert_ptr_null(listener->certificate);
    configuration_free(c);
}
END_TEST

START_TEST(reads_a_tls_listener_with_basic_credentials)
{
    struct configuration *c = parse_good(
        "listeners:\n- address: 0.0.0.0:3130\n  tls: {certificate: a.pem, key: /k/b.key}\n"
        "  identity: {basic: credentials.yml}\n");
    const struct listener_configuration *listener = &c->listeners[0];
    ck_assert_uint_eq(listener->at.line, 2);
    ck_assert_int_eq(listener->identity, IDENTITY_BASIC);
    ck_assert_str_eq(listener->credentials_path, "/etc/sallyport/credentials.yml");
    ck_assert_str_eq(listener->certificate, "/etc/sallyport/a.pem");
    ck_assert_str_eq(listener->key, "/k/b.key");
    configuration_free(c);
}
END_TEST

START_TEST(reads_every_way_to_know_a_client)
{
    struct configuration *c = parse_good(
        "listeners:\n- address: 0.0.0.0:3130\n  proxy_protocol: [10.0.0.0/8, '::1']\n"
        "  tls: {certificate: a.pem, key: b.key, client_ca: c.pem, crl: d.pem}\n"
        "  identity:\n    mtls: {spiffe: example.org}\n    proxy: {cn: roles.yml}\n"
        "    basic: credentials.yml\n    source: [{from: 10.1.0.0/16, " APP "}]\n"
        "    static: {" APP "}\n"
        "- {address: 'unix:/a', identity: {peer: [{gid: 5, uid: 0, " APP "}]}}\n"
        "- {address: '127.0.0.1:1', tls: {certificate: a, key: b, client_ca: c}, identity: {mtls: "
        "cn}}\n");
    const struct listener_configuration *first = &c->listeners[0];
    ck_assert_uint_eq(first->identity, IDENTITY_MTLS | IDENTITY_PROXY | IDENTITY_BASIC |
                                           IDENTITY_SOURCE | IDENTITY_STATIC);
    ck_assert_int_eq(first->mtls.form, NAME_SPIFFE);
    ck_assert_str_eq(first->mtls.trust_domain, "example.org");
    ck_assert_int_eq(first->proxy.form, NAME_CN);
    ck_assert_str_eq(first->proxy.roles_path, "/etc/sallyport/roles.yml");
    ck_assert_str_eq(first->client_ca, "/etc/sallyport/c.pem");
    ck_assert_str_eq(first->crl, "/etc/sallyport/d.pem");
    ck_assert_uint_eq(first->front_count, 2);
    ck_assert_uint_eq(first->source_count, 1);
    ck_assert_uint_eq(first->sources[0].from.prefix, 16);
    const struct identity_peer *peer = &c->listeners[1].peers[0];
    ck_assert(peer->has_uid && peer->has_gid && peer->uid == 0 && peer->gid == 5);
    ck_assert_int_eq(c->listeners[2].mtls.form, NAME_CN);
    ck_assert_ptr_null(c->listeners[2].mtls.roles_path);
    configuration_free(c);
}
END_TEST

START_TEST(reads_a_unix_listener)
{
    struct configuration *c =
        parse_good("listeners: [{address: 'unix:run/s.sock', identity: {basic: c.yml}}]");
    ck_assert_str_eq(c->listeners[0].unix_path, "/etc/sallyport/run/s.sock");
    configuration_free(c);
}
END_TEST

START_TEST(reads_what_else_there_is)
{
    struct configuration *c = parse_good(
        LISTENER
        "policy: {path: /p, plain_http: true, watch: false}\nsni: off\n"
        "inspect: [{apps: [demo/staging], ca: i.pem, key: i.key, except: ['*.pinned.example']}]\n"
        "ech: [demo/development, orders/staging]\n"
        "mode: report\nworkers: 256\nlog: {decisions: d.jsonl}\n"
        "client_certificates: [{apps: [demo/staging], certificate: c.pem, key: c.key,\n"
        "  hosts: [API.example, '*.b\xC3\xBC"
        "cher.example', '[2001:DB8::1]']}]\n"
        "network:\n  trust: t.pem\n  allow_ranges: [127.0.0.2/32, 'fd00::/8']\n"
        "  resolvers: [192.0.2.53, '[2001:db8::53]:5353']\n  hosts_file: ''\n"
        "  dns_ttl_minimum_seconds: 0\n  dns_ttl_maximum_seconds: 0\n");
    ck_assert_str_eq(c->policy_path, "/p");
    ck_assert(c->plain_http);
    ck_assert(!c->policy_watch);
    ck_assert_int_eq(c->sni, SNI_OFF);
    ck_assert(app_list_has(&c->ech, SPAN("orders"), SPAN("staging")));
    ck_assert(app_list_has(&c->ech, SPAN("demo"), SPAN("development")));
    ck_assert(!app_list_has(&c->ech, SPAN("demo"), SPAN("staging")));
    ck_assert_int_eq(c->mode, MODE_REPORT);
    ck_assert_uint_eq(c->workers, 256);
    ck_assert_str_eq(c->log_decisions, "/etc/sallyport/d.jsonl");
    ck_assert_str_eq(c->trust, "/etc/sallyport/t.pem");
    ck_assert_uint_eq(c->inspection_count, 1);
    ck_assert(app_list_has(&c->inspections[0].apps, SPAN("demo"), SPAN("staging")));
    ck_assert_str_eq(c->inspections[0].ca, "/etc/sallyport/i.pem");
    ck_assert_str_eq(c->inspections[0].key, "/etc/sallyport/i.key");
    ck_assert_uint_eq(c->inspections[0].except.count, 1);
    ck_assert_uint_eq(c->client_certificate_count, 1);
    ck_assert(app_list_has(&c->client_certificates[0].apps, SPAN("demo"), SPAN("staging")));
    ck_assert_str_eq(c->client_certificates[0].certificate, "/etc/sallyport/c.pem");
    ck_assert_str_eq(c->client_certificates[0].key, "/etc/sallyport/c.key");
    ck_assert_str_eq(c->hosts_file, "");
    ck_assert_uint_eq(c->allow_range_count, 2);
    ck_assert_uint_eq(c->allow_ranges[0].prefix, 32);
    ck_assert_uint_eq(c->allow_ranges[1].base.family, 6);
    ck_assert_uint_eq(c->resolver_count, 2);
    ck_assert_uint_eq(c->resolvers[0].port, 53);
    ck_assert_uint_eq(c->resolvers[1].port, 5353);
    ck_assert_uint_eq(c->dns_ttl_maximum, 0);
    configuration_free(c);
}
END_TEST

START_TEST(an_apps_own_limits_stand_over_those_for_everybody_in_any_order)
{
    struct configuration *c =
        parse_good(LISTENER "limits:\n  apps: [{app: orders, environment: production, tunnels: 7,\n"
                            "          names_per_minute: 0, tunnel_seconds: 180}]\n"
                            "  requests_per_minute: 100\n  bytes_per_second: 1000000\n");
    ck_assert_uint_eq(c->limits.requests_per_minute, 100);
    ck_assert_uint_eq(c->app_limits[0].limits.bytes_per_second, 1000000);
    ck_assert_uint_eq(c->limits.tunnels, 10000);
    ck_assert_uint_eq(c->app_limit_count, 1);
    ck_assert_str_eq(c->app_limits[0].app, "orders");
    ck_assert_str_eq(c->app_limits[0].environment, "production");
    ck_assert_uint_eq(c->app_limits[0].limits.requests_per_minute, 100);
    ck_assert_uint_eq(c->app_limits[0].limits.tunnels, 7);
    ck_assert_uint_eq(c->limits.names_per_minute, 1000);
    ck_assert_uint_eq(c->app_limits[0].limits.names_per_minute, 0);
    ck_assert_uint_eq(c->limits.tunnel_seconds, 0);
    ck_assert_uint_eq(c->app_limits[0].limits.tunnel_seconds, 180);
    configuration_free(c);
}
END_TEST

START_TEST(seconds_may_have_a_fraction)
{
    struct configuration *c = parse_good(
        LISTENER "timeouts: {head_seconds: 0.25, dial_seconds: 0.001, idle_seconds: 86400,\n"
                 "  hello_seconds: 1.5, drain_seconds: 3600.000}\n");
    ck_assert_uint_eq(c->timeout_head, 250);
    ck_assert_uint_eq(c->timeout_dial, 1);
    ck_assert_uint_eq(c->timeout_idle, 86400000);
    ck_assert_uint_eq(c->timeout_hello, 1500);
    ck_assert_uint_eq(c->timeout_drain, 3600000);
    configuration_free(c);
}
END_TEST

START_TEST(the_process_may_become_a_user_and_leave_the_sandbox_out)
{
    struct configuration *c =
        parse_good(LISTENER "process: {user: _sally-port.1, sandbox: off, takeover: false}\n");
    ck_assert_str_eq(c->process_user, "_sally-port.1");
    ck_assert_int_eq(c->process_sandbox, SANDBOX_OFF);
    ck_assert(!c->process_takeover);
    configuration_free(c);
}
END_TEST

START_TEST(the_admin_address_can_be_moved_and_turned_off)
{
    struct configuration *moved = parse_good(LISTENER "admin: {address: '[::1]:9000'}\n");
    ck_assert(moved->has_admin);
    ck_assert_uint_eq(moved->admin_ip.family, 6);
    ck_assert_uint_eq(moved->admin_port, 9000);
    configuration_free(moved);

    struct configuration *on_a_socket = parse_good(LISTENER "admin: {address: unix:/a.sock}\n");
    ck_assert_str_eq(on_a_socket->admin_unix_path, "/a.sock");
    configuration_free(on_a_socket);

    struct configuration *off = parse_good(LISTENER "admin: {address: \"\"}\n");
    ck_assert(!off->has_admin);
    configuration_free(off);
}
END_TEST

START_TEST(paths_stay_as_they_are_where_the_file_has_no_folder)
{
    struct configuration *c =
        configuration_parse(SPAN(LISTENER "log: {decisions: d}\n"), "sallyport.yml", &error);
    ck_assert_ptr_nonnull(c);
    ck_assert_str_eq(c->policy_path, "policy");
    ck_assert_str_eq(c->log_decisions, "d");
    configuration_free(c);
}
END_TEST

START_TEST(listeners_may_share_a_port_on_different_addresses_and_any_free_port)
{
    struct configuration *c = parse_good("listeners:\n"
                                         "- {address: '127.0.0.1:3128', identity: {basic: c.yml}}\n"
                                         "- {address: '[::1]:3128', identity: {basic: c.yml}}\n"
                                         "- {address: '127.0.0.1:0', identity: {basic: c.yml}}\n"
                                         "- {address: '127.0.0.1:0', identity: {basic: c.yml}}\n");
    ck_assert_uint_eq(c->listener_count, 4);
    configuration_free(c);
}
END_TEST

START_TEST(report_is_for_apps_that_are_not_in_production)
{
    struct configuration *c = parse_good(LISTENER "mode: report\n");
    ck_assert_int_eq(c->mode, MODE_REPORT);
    configuration_free(c);
}
END_TEST

/* ---- What is refused -------------------------------------------------------- */

#define ONE(address, rest) "listeners:\n- address: " address "\n  " rest "\n"
#define TEXT_50            "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define BASIC              "identity: {basic: c.yml}"

static const struct {
    const char *text;
    unsigned line;
    unsigned column;
    const char *message;
} refused[] = {
    {"", 1, 1, "no listeners"},
    {"sni: off\n", 1, 1, "no listeners"},
    {"[]\n", 1, 1, "mapping"},
    {"listeners: []\n", 1, 12, "at least one"},
    {"listeners: 127.0.0.1:3128\n", 1, 12, "list"},
    {"listeners: [a]\n", 1, 13, "mapping"},
    {"listeners: [{}]\n", 1, 13, "no address"},
    /* unknown keys */
    {LISTENER "listner: []\n", 4, 1, "unknown key \"listner\"; did you mean \"listeners\"?"},
    {LISTENER "policy:\n  plain-http: true\n", 5, 3, "did you mean \"plain_http\"?"},
    {LISTENER "timeouts: {head_second: 1}\n", 4, 12, "did you mean \"head_seconds\"?"},
    {LISTENER "zzzzzzzz: 1\n", 4, 1, "known here: listeners, policy, inspect"},
    {LISTENER "? [a]\n: b\n", 4, 3, "unknown key"},
    {ONE("127.0.0.1:1", "identify: {basic: c}"), 3, 3, "did you mean \"identity\"?"},
    /* identities */
    {ONE("127.0.0.1:1", "tls: {certificate: a, key: b}"), 2, 3, "open proxy"},
    {ONE("127.0.0.1:1", "identity:"), 3, 12, "one identity"},
    {ONE("127.0.0.1:1", "identity: {}"), 3, 13, "one identity"},
    {ONE("127.0.0.1:1", "identity: {basic: ''}"), 3, 21, "path"},
    {ONE("127.0.0.1:1", "identity: {static: }"), 3, 22, "no app"},
    {ONE("127.0.0.1:1", "identity: {static: {app: a}}"), 3, 22, "no environment"},
    {ONE("127.0.0.1:1", "identity: {static: {app: A, environment: e}}"), 3, 28, "not a name"},
    {ONE("127.0.0.1:1", "identity: {static: {app: ~, environment: e}}"), 3, 28, "not a name"},
    {ONE("127.0.0.1:1", "identity: {mtls: spiffe}"), 3, 13, "client_ca: FILE"},
    {ONE("127.0.0.1:1", "identity: {mtls: san}"), 3, 20, "mtls may be spiffe, {spiffe: TRUST"},
    {ONE("127.0.0.1:1", "identity: {mtls: {}}"), 3, 20, "mtls may be spiffe"},
    {ONE("127.0.0.1:1", "identity: {mtls: {spiffe: a, cn: b}}"), 3, 20, "mtls may be spiffe"},
    {ONE("127.0.0.1:1", "identity: {mtls: {spiffe: A}}"), 3, 29, "trust domain"},
    {ONE("127.0.0.1:1", "identity: {mtls: {uri: A}}"), 3, 21, "known here: spiffe, cn"},
    {ONE("127.0.0.1:1", "identity: {proxy: cn}"), 3, 13, "proxy_protocol: [RANGE]"},
    {ONE("127.0.0.1:1", "identity: {peer: [{uid: 1, " APP "}]}"), 3, 13, "about unix sockets"},
    {ONE("unix:/a", "identity: {peer: [{" APP "}]}"), 3, 21, "an entry of peer"},
    {ONE("unix:/a", "identity: {peer: [{uid: 1, app: a}]}"), 3, 21, "an entry of peer"},
    {ONE("unix:/a", "identity: {peer: [{uid: root, " APP "}]}"), 3, 27, "uid may be"},
    {ONE("unix:/a", "identity: {source: [{from: 10.0.0.0/8, " APP "}]}"), 3, 13, "use peer"},
    {ONE("127.0.0.1:1", "identity: {source: [{" APP "}]}"), 3, 23, "an entry of source"},
    {ONE("127.0.0.1:1", "identity: {source: [{from: 10.0.0.1/8, " APP "}]}"), 3, 30, "range"},
    {ONE("127.0.0.1:1", "identity: {source: [{from: 10.0.0.0/8, " APP
                        "}, {from: '::ffff:10.0.0.0/104', " APP "}]}"),
     3, 67, "already"},
    {ONE("127.0.0.1:1", "identity: {source: [{from: '::/0', " APP "}, {from: '::/0', " APP "}]}"),
     3, 63, "already"},
    {ONE("127.0.0.1:1", BASIC "\n  proxy_protocol: 10.0.0.0/8"), 4, 19, "a list is wanted"},
    {ONE("unix:/a", BASIC "\n  proxy_protocol: [10.0.0.0/8]"), 4, 19, "have none"},
    /* addresses */
    {ONE("localhost:3128", BASIC), 2, 12, "127.0.0.1:3128"},
    {ONE("127.0.0.1", BASIC), 2, 12, "127.0.0.1:3128"},
    {ONE("3128", BASIC), 2, 12, "127.0.0.1:3128"},
    {ONE("127.0.0.1:65536", BASIC), 2, 12, "127.0.0.1:3128"},
    {ONE("'unix:'", BASIC), 2, 12, "path is missing"},
    {ONE("unix:/" TEXT_50 TEXT_50 "1234567", BASIC), 2, 12, "may have 107 bytes; this one has 108"},
    {LISTENER "  - {address: '127.0.0.1:3128', " BASIC "}\n", 4, 15, "(2:14)"},
    {LISTENER "admin: {address: 127.0.0.1:3128}\n", 4, 18, "(2:14)"},
    {ONE("127.0.0.1:9901", BASIC), 1, 1, "(2:12)"},
    {ONE("unix:/a", BASIC) "- {address: unix:/a, " BASIC "}\n", 4, 13, "(2:12)"},
    /* tls */
    {ONE("127.0.0.1:1", BASIC "\n  tls: {certificate: a}"), 4, 8, "both"},
    {ONE("127.0.0.1:1", BASIC "\n  tls: {key: a}"), 4, 8, "both"},
    {ONE("127.0.0.1:1", BASIC "\n  tls:"), 4, 7, "both"},
    {ONE("127.0.0.1:1", BASIC "\n  tls: {client_ca: a}"), 4, 8, "both"},
    {ONE("127.0.0.1:1", BASIC "\n  tls: {certificate: a, key: b, crl: c}"), 2, 3, "client_ca"},
    /* the rest */
    {LISTENER "inspect: [{ca: a}]\n", 4, 11, "ca: FILE"},
    {LISTENER "inspect: [{apps: [], ca: a, key: b}]\n", 4, 11, "some apps"},
    {LISTENER "inspect: [{except: a.example}]\n", 4, 20, "list"},
    {LISTENER "inspect: yes\n", 4, 10, "list"},
    {LISTENER "sni: on\n", 4, 6, "sni may be enforce or off"},
    {LISTENER "ech: demo/development\n", 4, 6, "a list is wanted"},
    {LISTENER "ech: [demo]\n", 4, 7, "APP/ENVIRONMENT"},
    {LISTENER "ech: [Demo/development]\n", 4, 7, "APP/ENVIRONMENT"},
    {LISTENER "ech: [demo/]\n", 4, 7, "APP/ENVIRONMENT"},
    {LISTENER "ech: [demo/development/site-1]\n", 4, 7, "APP/ENVIRONMENT"},
    {LISTENER "sni: [off]\n", 4, 6, "sni may be enforce or off"},
    {LISTENER "mode: deny\n", 4, 7, "mode may be enforce or report"},
    {LISTENER "policy: {watch: yes}\n", 4, 17, "true or false"},
    {LISTENER "policy: {watch: 'true'}\n", 4, 17, "true or false"},
    {LISTENER "policy: {path: }\n", 4, 16, "path"},
    {LISTENER "policy: {path: \"a\\0b\"}\n", 4, 16, "path"},
    {LISTENER "policy: here\n", 4, 9, "policy is a string; write policy: {path: …}"},
    {LISTENER "log: {decisions: ''}\n", 4, 18, "path"},
    {LISTENER "network: {trust: [ca.pem]}\n", 4, 18, "trust may be the path of a file"},
    {LISTENER "client_certificates: here\n", 4, 22, "list"},
    {LISTENER "client_certificates: [{apps: [demo/development]}]\n", 4, 23, "certificate: FILE"},
    {LISTENER "client_certificates: [{apps: demo/development}]\n", 4, 30, "list"},
    {LISTENER "client_certificates: [{hosts: ['a..b']}]\n", 4, 32, "a label is empty"},
    {LISTENER "client_certificates: [{hosts: ['*.127.0.0.1']}]\n", 4, 32, "no names below"},
    {LISTENER "client_certificates: [{hosts: [[a.example]]}]\n", 4, 32, "not a host"},
    {LISTENER "limits: {apps: [{app: orders, tunnels: 1}]}\n", 4, 17, "environment"},
    {LISTENER "limits: {apps: orders}\n", 4, 16, "list"},
    {LISTENER "limits: {apps: [{" APP "}, {" APP ", tunnels: 1}]}\n", 4, 43,
     "a/e has limits twice"},
    {LISTENER "log: decisions.log\n", 4, 6, "log is a string; write log: {decisions: …}"},
    {LISTENER "limits: {tunnels: many}\n", 4, 19, "whole number"},
    {LISTENER "overload: {anonymous_percent: 0}\n", 4, 31, "from 1 to 100"},
    {LISTENER "overload: {anonymous_percent: 94}\n", 4, 11, "may not decrease"},
    {LISTENER "overload: {everyone_percent: 92}\n", 4, 11, "may not decrease"},
    {LISTENER "policy: {revoke: never}\n", 4, 18, "close, drain or keep"},
    {LISTENER "network: {allow_ranges: 10.0.0.0/8}\n", 4, 25, "list"},
    {LISTENER "network: {allow_ranges: [10.0.0.1/8]}\n", 4, 26, "no bits set"},
    {LISTENER "network: {allow_ranges: [[]]}\n", 4, 26, "range"},
    {LISTENER "network: {resolvers: [dns.example]}\n", 4, 23, "192.0.2.53"},
    {LISTENER "network: {resolvers: ['192.0.2.53:0']}\n", 4, 23, "192.0.2.53"},
    {LISTENER "network: {dns_cache_entries: 0}\n", 4, 30, "from 1 to 1000000"},
    {LISTENER "network: {dns_ttl_minimum_seconds: 301}\n", 4, 36, "more than"},
    {LISTENER "network: {dns_ttl_maximum_seconds: 4}\n", 4, 36, "more than"},
    {LISTENER "admin: {address: here}\n", 4, 18, "address to listen on"},
    {LISTENER "admin: {address: }\n", 4, 18, "address to listen on"},
    {LISTENER "process: {user: }\n", 4, 17, "name of a user"},
    {LISTENER "process: {user: 'a b'}\n", 4, 17, "name of a user"},
    {LISTENER "process: {user: -a}\n", 4, 17, "name of a user"},
    {LISTENER "process: {user: [a]}\n", 4, 17, "name of a user"},
    {LISTENER "process: {sandbox: true}\n", 4, 20, "on or off"},
    {LISTENER "workers: 257\n", 4, 10, "from 0 to 256"},
    {LISTENER "workers: -1\n", 4, 10, "from 0 to 256"},
    {LISTENER "workers: '1'\n", 4, 10, "from 0 to 256"},
    {LISTENER "workers: 1.5\n", 4, 10, "from 0 to 256"},
    {LISTENER "workers: 99999999999999999999\n", 4, 10, "from 0 to 256"},
    {LISTENER "timeouts: {dial_seconds: 0}\n", 4, 26, "from 0.001 to 3600"},
    {LISTENER "timeouts: {dial_seconds: 0.0}\n", 4, 26, "from 0.001"},
    {LISTENER "timeouts: {dial_seconds: 0.0001}\n", 4, 26, "from 0.001"},
    {LISTENER "timeouts: {dial_seconds: -1}\n", 4, 26, "from 0.001"},
    {LISTENER "timeouts: {dial_seconds: 5s}\n", 4, 26, "from 0.001"},
    {LISTENER "timeouts: {dial_seconds: 1.}\n", 4, 26, "from 0.001"},
    {LISTENER "timeouts: {dial_seconds: .5}\n", 4, 26, "from 0.001"},
    {LISTENER "timeouts: {dial_seconds: 3600.001}\n", 4, 26, "from 0.001"},
    {LISTENER "timeouts: {dial_seconds: 1e3}\n", 4, 26, "from 0.001"},
    {LISTENER "sni: off\nsni: off\n", 5, 1, "sni"},
    {"mode: report\nlisteners: [{address: '127.0.0.1:1', identity: {static: {app: a, "
     "environment: production}}}]\n",
     1, 7, "refused for production"},
};

START_TEST(refuses_a_slip_and_says_where_and_what_would_be_right)
{
    struct configuration *configuration = parse(refused[_i].text);
    ck_assert_msg(configuration == NULL, "%s", refused[_i].text);
    ck_assert_str_eq(error.file, "/etc/sallyport/sallyport.yml");
    ck_assert_msg(error.at.line == refused[_i].line && error.at.column == refused[_i].column,
                  "%s%u:%u: %s", refused[_i].text, error.at.line, error.at.column, error.message);
    ck_assert_msg(strstr(error.message, refused[_i].message) != NULL, "%s%s", refused[_i].text,
                  error.message);
}
END_TEST

START_TEST(names_the_file_that_is_not_there)
{
    ck_assert_ptr_null(configuration_read("/nowhere/sallyport.yml", &error));
    ck_assert_str_eq(error.file, "/nowhere/sallyport.yml");
}
END_TEST

START_TEST(names_the_credentials_file_that_is_not_there)
{
    char path[] = "/tmp/sallyport-configuration-XXXXXX";
    static const char text[] = ONE("127.0.0.1:1", "identity: {basic: /nowhere/credentials.yml}");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);

    struct configuration *configuration = configuration_read(path, &error);

    unlink(path);
    ck_assert_ptr_null(configuration);
    ck_assert_str_eq(error.file, "/nowhere/credentials.yml");
}
END_TEST

/* ---- The samples ------------------------------------------------------------ */

/* SALLYPORT_SOURCE is the checkout; tests are run from there. */
static const char *source_path(const char *path)
{
    static char whole[512];
    const char *source = getenv("SALLYPORT_SOURCE");
    snprintf(whole, sizeof(whole), "%s/%s", source == NULL ? "." : source, path);
    return whole;
}

static char *read_file(const char *path)
{
    static char bytes[65536];
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s; run from the checkout or set SALLYPORT_SOURCE", path);
    size_t length = fread(bytes, 1, sizeof(bytes) - 1, file);
    fclose(file);
    bytes[length] = '\0';
    return bytes;
}

static void assert_documented(const char *text, const struct configuration_key *keys)
{
    for (; keys->name != NULL; keys++) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "%s:", keys->name);
        ck_assert_msg(strstr(text, wanted) != NULL, "%s is not documented", keys->name);
        if (keys->keys != NULL)
            assert_documented(text, keys->keys);
    }
}

START_TEST(every_key_is_documented_in_the_configuration_we_ship)
{
    assert_documented(read_file(source_path("conf/sallyport.yml")), configuration_keys);
}
END_TEST

START_TEST(the_configuration_we_ship_is_the_defaults_but_for_the_policy)
{
    struct configuration *c = configuration_read(source_path("conf/sallyport.yml"), &error);
    ck_assert_msg(c != NULL, "%u:%u: %s", error.at.line, error.at.column, error.message);
    struct configuration *defaults = parse_good(LISTENER);

    ck_assert_uint_eq(c->listener_count, 1);
    ck_assert_str_eq(c->listeners[0].text, "127.0.0.1:3128");
    ck_assert(c->policy_watch == defaults->policy_watch && c->plain_http == defaults->plain_http);
    ck_assert(c->sni == defaults->sni && c->mode == defaults->mode);
    ck_assert_int_eq(c->policy_revoke, defaults->policy_revoke);
    ck_assert_int_eq(c->policy_ledger, defaults->policy_ledger);
    ck_assert_str_eq(c->hosts_file, defaults->hosts_file);
    ck_assert_str_eq(c->log_decisions, defaults->log_decisions);
    ck_assert(c->has_admin && c->admin_port == defaults->admin_port &&
              ip_equal(&c->admin_ip, &defaults->admin_ip));
    ck_assert_uint_eq(c->allow_range_count + c->resolver_count, 0);
    ck_assert_uint_eq(c->workers, defaults->workers);
    ck_assert_uint_eq(c->dns_ttl_minimum, defaults->dns_ttl_minimum);
    ck_assert_uint_eq(c->dns_ttl_maximum, defaults->dns_ttl_maximum);
    ck_assert_uint_eq(c->dns_ttl_negative, defaults->dns_ttl_negative);
    ck_assert_uint_eq(c->dns_cache_entries, defaults->dns_cache_entries);
    ck_assert_uint_eq(c->dns_stale, defaults->dns_stale);
    ck_assert_uint_eq(c->timeout_head, defaults->timeout_head);
    ck_assert_uint_eq(c->timeout_resolve, defaults->timeout_resolve);
    ck_assert_uint_eq(c->timeout_dial, defaults->timeout_dial);
    ck_assert_uint_eq(c->attempt_delay, defaults->attempt_delay);
    ck_assert_uint_eq(c->timeout_hello, defaults->timeout_hello);
    ck_assert_uint_eq(c->timeout_idle, defaults->timeout_idle);
    ck_assert_uint_eq(c->timeout_keep_alive, defaults->timeout_keep_alive);
    ck_assert_uint_eq(c->timeout_drain, defaults->timeout_drain);
    configuration_free(defaults);
    configuration_free(c);
}
END_TEST

START_TEST(the_samples_secrets_open_the_sample)
{
    struct configuration *c = configuration_read(source_path("conf/sample/sallyport.yml"), &error);
    ck_assert_msg(c != NULL, "%s:%u:%u: %s", error.file, error.at.line, error.at.column,
                  error.message);
    ck_assert_uint_eq(c->listener_count, 2);
    const struct credentials *credentials = c->listeners[1].roster->credentials;
    ck_assert_ptr_nonnull(credentials);
    ck_assert(credentials_verify(credentials, SPAN("demo"), SPAN("development"), SPAN(""),
                                 SPAN("sample-demo-development")));
    ck_assert(credentials_verify(credentials, SPAN("orders"), SPAN("production"), SPAN(""),
                                 SPAN("sample-orders-production")));
    ck_assert(!credentials_verify(credentials, SPAN("orders"), SPAN("production"), SPAN(""),
                                  SPAN("sample-demo-development")));
    configuration_free(c);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
    Suite *suite = suite_create("conf/configuration");
    TCase *all = tcase_create("configuration");
    suite_add_tcase(suite, all);
    tcase_add_test(all, fills_in_every_default);
    tcase_add_test(all, an_empty_section_is_all_defaults);
    tcase_add_test(all, reads_a_static_listener);
    tcase_add_test(all, reads_a_tls_listener_with_basic_credentials);
    tcase_add_test(all, reads_every_way_to_know_a_client);
    tcase_add_test(all, reads_a_unix_listener);
    tcase_add_test(all, reads_what_else_there_is);
    tcase_add_test(all, an_apps_own_limits_stand_over_those_for_everybody_in_any_order);
    tcase_add_test(all, seconds_may_have_a_fraction);
    tcase_add_test(all, the_process_may_become_a_user_and_leave_the_sandbox_out);
    tcase_add_test(all, the_admin_address_can_be_moved_and_turned_off);
    tcase_add_test(all, paths_stay_as_they_are_where_the_file_has_no_folder);
    tcase_add_test(all, listeners_may_share_a_port_on_different_addresses_and_any_free_port);
    tcase_add_test(all, report_is_for_apps_that_are_not_in_production);
    tcase_add_loop_test(all, refuses_a_slip_and_says_where_and_what_would_be_right, 0,
                        COUNT(refused));
    tcase_add_test(all, names_the_file_that_is_not_there);
    tcase_add_test(all, names_the_credentials_file_that_is_not_there);
    tcase_add_test(all, every_key_is_documented_in_the_configuration_we_ship);
    tcase_add_test(all, the_configuration_we_ship_is_the_defaults_but_for_the_policy);
    tcase_add_test(all, the_samples_secrets_open_the_sample);

    return suite_run(suite);
}
