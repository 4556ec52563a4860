/*
 * `sallyport ca`: a small authority for people without one. Words become orders
 * here; certs/authority.h carries them out.
 */
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "certs/authority.h"
#include "policy/command.h"

extern const struct command command_ca_description;

#define NAMES_MAXIMUM  64
#define OUTPUT_MAXIMUM ((size_t)256 * 1024 * 1024)
#define DEFAULT_PROXY  "http://127.0.0.1:3128"
#define INIT_DAYS      3650

enum {
    OPTION_DAYS = 256,
    OPTION_SERVER,
    OPTION_INSPECT,
    OPTION_LEDGER,
    OPTION_REPLACE,
    OPTION_TRUST_DOMAIN,
    OPTION_PROXY,
    OPTION_HELP
};

struct ca_command {
    struct authority_order order;
    const char *servers[NAMES_MAXIMUM];
    bool is_ledger;
    bool is_inspect;
    const char *trust_domain;
    const char *proxy;
    const char *directory;
    const char *name; /* of revoke */
};

static int complain(const struct error *error)
{
    error_print(error, stderr);
    return COMMAND_BAD_INPUT;
}

/* ---- Options --------------------------------------------------------------- */

static int take_days(struct ca_command *command, const char *text)
{
    uint64_t days = 0;
    if (!span_parse_decimal(span_of(text), AUTHORITY_DAYS_MAXIMUM, &days) || days == 0)
        return command_usage_error("ca", "--days takes a number from 1 to %d, not %s",
                                   AUTHORITY_DAYS_MAXIMUM, text);
    command->order.days = (unsigned)days;
    return -1;
}

static int take_server(struct ca_command *command, const char *name)
{
    if (command->order.name_count == NAMES_MAXIMUM)
        return command_usage_error("ca", "more than %d times --server", NAMES_MAXIMUM);
    command->servers[command->order.name_count++] = name;
    command->order.names = command->servers;
    return -1;
}

/* Below 0: go on; else the exit status. */
static int take_option(void *context, int option, char **argv)
{
    struct ca_command *command = context;
    switch (option) {
    case 'a':
        command->order.app = optarg;
        return -1;
    case 'e':
        command->order.environment = optarg;
        return -1;
    case 'i':
        command->order.installation = optarg;
        return -1;
    case OPTION_DAYS:
        return take_days(command, optarg);
    case OPTION_SERVER:
        return take_server(command, optarg);
    case OPTION_INSPECT:
        command->is_inspect = true;
        return -1;
    case OPTION_LEDGER:
        command->is_ledger = true;
        return -1;
    case OPTION_REPLACE:
        command->order.replace = true;
        return -1;
    case OPTION_TRUST_DOMAIN:
        command->trust_domain = optarg;
        return -1;
    case OPTION_PROXY:
        command->proxy = optarg;
        return -1;
    case OPTION_HELP:
        command_print_help(&command_ca_description, stdout);
        return 0;
    default:
        return command_option_error("ca", option, argv);
    }
}

static int read_options(struct ca_command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"app", required_argument, NULL, 'a'},
        {"environment", required_argument, NULL, 'e'},
        {"installation", required_argument, NULL, 'i'},
        {"days", required_argument, NULL, OPTION_DAYS},
        {"server", required_argument, NULL, OPTION_SERVER},
        {"inspect", no_argument, NULL, OPTION_INSPECT},
        {"ledger", no_argument, NULL, OPTION_LEDGER},
        {"replace", no_argument, NULL, OPTION_REPLACE},
        {"trust-domain", required_argument, NULL, OPTION_TRUST_DOMAIN},
        {"proxy", required_argument, NULL, OPTION_PROXY},
        {"help", no_argument, NULL, OPTION_HELP},
        {NULL, 0, NULL, 0},
    };
    return command_read_options(argc, argv, ":a:e:i:", options, take_option, command);
}

/* ---- Verbs ----------------------------------------------------------------- */

static int run_init(const struct ca_command *command)
{
    struct error error;
    const char *domain =
        command->trust_domain == NULL ? AUTHORITY_TRUST_DOMAIN : command->trust_domain;
    const unsigned days = command->order.days == 0 ? INIT_DAYS : command->order.days;
    if (!authority_init(command->directory, domain, days, &error))
        return complain(&error);
    printf("%s/ca.pem\n", command->directory);
    return 0;
}

static int check_kinds(const struct ca_command *command)
{
    const struct authority_order *order = &command->order;
    const bool is_app =
        order->app != NULL || order->environment != NULL || order->installation != NULL;
    const int kinds = is_app + (order->name_count > 0) + command->is_inspect + command->is_ledger;
    if (kinds != 1)
        return command_usage_error("ca", "issue takes one of --app and --environment, --server, "
                                         "--inspect and --ledger");
    if (is_app && (order->app == NULL || order->environment == NULL))
        return command_usage_error("ca", "an app's certificate needs --app and --environment");
    return -1;
}

static int run_issue(const struct ca_command *command)
{
    struct authority_order order = command->order;
    char name[AUTHORITY_NAME_SIZE] = "ledger";
    struct error error;
    int status = check_kinds(command);
    if (status >= 0)
        return status;
    order.kind = order.app != NULL     ? AUTHORITY_APP
                 : command->is_inspect ? AUTHORITY_INSPECT
                                       : AUTHORITY_SERVER;
    bool issued = command->is_ledger
                      ? authority_issue_ledger(command->directory, order.replace, &error)
                      : authority_issue(command->directory, &order, name, &error);
    if (!issued)
        return complain(&error);
    printf("%s/%s.%s\n%s/%s.key\n", command->directory, name, command->is_ledger ? "pub" : "pem",
           command->directory, name);
    return 0;
}

static void print_entry(const struct authority_entry *entry, struct text *out)
{
    static const char *const states[] = {[AUTHORITY_VALID] = "valid",
                                         [AUTHORITY_EXPIRED] = "expired",
                                         [AUTHORITY_REVOKED] = "revoked"};
    char expires[32] = "";
    struct tm parts;
    if (gmtime_r(&entry->expires, &parts) != NULL)
        strftime(expires, sizeof(expires), "%Y-%m-%dT%H:%M:%SZ", &parts);
    text_add_format(out, "%-7s  %s  %s  %s\n", states[authority_entry_state(entry)], expires,
                    entry->serial, entry->name);
}

static int run_list(const struct ca_command *command)
{
    struct authority_entry *entries = NULL;
    struct error error;
    struct text out;
    size_t count = 0;
    if (!authority_list(command->directory, &entries, &count, &error))
        return complain(&error);
    text_init(&out, OUTPUT_MAXIMUM);
    for (size_t i = 0; i < count; i++)
        print_entry(&entries[i], &out);
    free(entries);
    int status = command_print_text(&out, stdout);
    text_clear(&out);
    return status;
}

static int run_revoke(const struct ca_command *command)
{
    struct error error;
    size_t count = 0;
    if (!authority_revoke(command->directory, command->name, &count, &error))
        return complain(&error);
    printf("%zu revoked in %s/crl.pem; a proxy that has it as tls.crl takes it up on SIGHUP\n",
           count, command->directory);
    return 0;
}

/* ---- env ------------------------------------------------------------------- */

/* VALUE as a shell takes it, whatever is in it. */
static void add_export(struct text *out, const char *name, const char *value)
{
    text_add_format(out, "export %s='", name);
    for (; *value != '\0'; value++) {
        if (*value == '\'')
            text_add_string(out, "'\\''");
        else
            text_add_char(out, *value);
    }
    text_add_string(out, "'\n");
}

/* "http://host:port" as Java wants it: in two properties. Empty where there is no port. */
static void add_java_proxy(struct text *out, const char *proxy)
{
    const char *host = strstr(proxy, "://");
    host = host == NULL ? proxy : host + strlen("://");
    const char *port = strrchr(host, ':');
    size_t length = port == NULL ? 0 : (size_t)(port - host);
    size_t digits = port == NULL ? 0 : strspn(port + 1, "0123456789");
    if (length == 0 || digits == 0)
        return;
    static const char *const schemes[] = {"http", "https"};
    for (size_t i = 0; i < 2; i++)
        text_add_format(out, " -D%s.proxyHost=%.*s -D%s.proxyPort=%.*s", schemes[i], (int)length,
                        host, schemes[i], (int)digits, port + 1);
}

static void add_java(struct text *out, const char *directory, const char *proxy)
{
    char storage[PATH_MAX + 1024];
    struct text options;
    text_init_fixed(&options, storage, sizeof(storage) - 1);
    text_add_format(&options,
                    "-Djavax.net.ssl.trustStore=%s/truststore.p12 "
                    "-Djavax.net.ssl.trustStoreType=PKCS12 "
                    "-Djavax.net.ssl.trustStorePassword=" AUTHORITY_TRUST_STORE_PASSWORD,
                    directory);
    add_java_proxy(&options, proxy);
    storage[options.length] = '\0';
    add_export(out, "JAVA_TOOL_OPTIONS", storage);
}

static void add_environment(struct text *out, const char *directory, const char *proxy)
{
    static const char *const proxies[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"};
    static const char *const bundles[] = {"SSL_CERT_FILE",  "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
                                          "GIT_SSL_CAINFO", "PIP_CERT",       "AWS_CA_BUNDLE"};
    char file[PATH_MAX + 16];
    for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
        add_export(out, proxies[i], proxy);
    snprintf(file, sizeof(file), "%s/bundle.pem", directory);
    for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++)
        add_export(out, bundles[i], file);
    snprintf(file, sizeof(file), "%s/ca.pem", directory);
    add_export(out, "NODE_EXTRA_CA_CERTS", file); /* beside its own, so not the whole bundle */
    add_java(out, directory, proxy);
}

static int run_env(const struct ca_command *command)
{
    char directory[PATH_MAX];
    struct error error;
    struct text out;
    if (!authority_write_trust(command->directory, &error))
        return complain(&error);
    if (realpath(command->directory, directory) == NULL)
        return command_usage_error("ca", "%s has no absolute path", command->directory);
    text_init(&out, OUTPUT_MAXIMUM);
    add_environment(&out, directory, command->proxy == NULL ? DEFAULT_PROXY : command->proxy);
    int status = command_print_text(&out, stdout);
    text_clear(&out);
    return status;
}

/* ---- The command ------------------------------------------------------------- */

static const struct verb {
    const char *name;
    int arguments; /* behind it */
    const char *wanted;
    int (*run)(const struct ca_command *command);
} verbs[] = {
    {"init", 1, "init takes a directory", run_init},
    {"issue", 1, "issue takes the authority's directory", run_issue},
    {"list", 1, "list takes the authority's directory", run_list},
    {"revoke", 2, "revoke takes the authority's directory and a name (or serial)", run_revoke},
    {"env", 1, "env takes the authority's directory", run_env},
};

static int run_verb(struct ca_command *command, int count, char **arguments)
{
    if (count == 0)
        return command_usage_error("ca", "init, issue, list, revoke or env is wanted");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(arguments[0], verbs[i].name) != 0)
            continue;
        if (count - 1 != verbs[i].arguments)
            return command_usage_error("ca", "%s", verbs[i].wanted);
        command->directory = arguments[1];
        command->name = arguments[count - 1];
        return verbs[i].run(command);
    }
    return command_usage_error("ca", "there is no '%s'; init, issue, list, revoke or env is wanted",
                               arguments[0]);
}

static int command_ca(int argc, char **argv)
{
    struct ca_command command = {.directory = NULL};
    int status = read_options(&command, argc, argv);
    return status >= 0 ? status : run_verb(&command, argc - optind, argv + optind);
}

const struct command command_ca_description = {
    .name = "ca",
    .synopsis = "init|issue|list|revoke|env DIR [NAME] [--app A --environment E] [--server NAME]…",
    .summary = "a small authority: certificates for apps, servers and inspection",
    .help =
        "A certificate authority in a directory, for people without one. Keys are ECDSA P-256,\n"
        "in files that only their owner may read; no file is replaced unless told to.\n"
        "\n"
        "init DIR makes DIR/ca.pem, ca.key and an empty crl.pem. issue DIR makes a certificate and\n"
        "its key and prints where they are: A-E.pem (an app, for mtls: spiffe), server-NAME.pem (an\n"
        "https:// proxy), inspect.pem (signs what inspection mints), ledger.key and .pub. list DIR\n"
        "shows all that was issued. revoke DIR NAME puts every valid certificate of that name, or the\n"
        "one with that serial, into crl.pem. env DIR prints what a shell evaluates so that clients\n"
        "use the proxy and trust the authority; it writes DIR/bundle.pem (the system's authorities\n"
        "and this one) and, for Java, truststore.p12 anew.\n"
        "\n"
        "  -a, --app A             issue: the app whose certificate it is\n"
        "  -e, --environment E     issue: its environment\n"
        "  -i, --installation I    issue: one installation of it\n"
        "  --server NAME           issue: a server's DNS name or IP address; may be given more\n"
        "                          than once, the first one names the file\n"
        "  --inspect               issue: an authority below this one, for servers' names alone\n"
        "  --ledger                issue: an Ed25519 pair that signs the ledger's checkpoints\n"
        "  --days N                how long it is valid, 1 to 3650: 90 for an app, 397 for a server,\n"
        "                          1825 for inspection, 3650 for the authority\n"
        "  --replace               issue: in place of files that are there; what they held stays\n"
        "                          valid until it expires or is revoked\n"
        "  --trust-domain DOMAIN   init: of the apps' names (default " AUTHORITY_TRUST_DOMAIN ")\n"
        "  --proxy URL             env: the proxy (default " DEFAULT_PROXY ")\n"
        "  --help                  this text\n"
        "\n"
        "Exit status: 0 done, 2 bad usage or it could not be done.\n"
        "\n"
        "Example: sallyport ca issue ca --app orders --environment production\n",
    .run = command_ca,
};
