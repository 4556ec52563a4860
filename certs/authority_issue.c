/*
 * What an authority issues. The order rests on one thought: a certificate that is
 * in the index and nowhere else does no harm, one that is out and not in the index
 * cannot be revoked. So the index is written first.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "certs/authority_private.h"
#include "certs/certificate.h"
#include "certs/certificate_names.h"
#include "certs/spiffe.h"
#include "certs/tls_error.h"
#include "policy/policy_name.h"

#define SECONDS_A_DAY 86400
#define CLOCK_SKEW    300 /* seconds that a certificate is valid already when it is made */
#define NAMES_MAXIMUM 64

static const unsigned default_days[] = {
    [AUTHORITY_APP] = 90,
    [AUTHORITY_SERVER] = 397, /* what browsers accept at most */
    [AUTHORITY_INSPECT] = 1825,
};

/* ---- What it is about ---------------------------------------------------------- */

/* What is made of an order before anything is written. */
struct issue {
    const struct authority_order *order;
    char name[AUTHORITY_NAME_SIZE];
    char common_name[AUTHORITY_NAME_SIZE];
    char uri[SPIFFE_URI_SIZE];
    const char *names[NAMES_MAXIMUM];
    size_t name_count;
    const struct certificate_profile *profile;
};

static bool is_letter_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

/* An address, or a DNS name in A-form, where its first label may be '*'. */
static bool is_server_name(const char *name)
{
    size_t length = strlen(name), label = 0;
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
    ASN1_OCTET_STRING_free(address);
    ERR_clear_error();
    if (address != NULL)
        return true;
    const char *start = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
    for (const char *byte = start; *byte != '\0'; byte++) {
        label = *byte == '.' ? 0 : label + 1;
        if (!(is_letter_or_digit(*byte) || (*byte == '-' && label > 1) ||
              (*byte == '.' && byte > start && byte[-1] != '.' && byte[-1] != '-')) ||
            label > 63)
            return false;
    }
    return label > 0 && length <= 253 && name[length - 1] != '-';
}

static bool prepare_server(struct issue *issue, struct error *error)
{
    const struct authority_order *order = issue->order;
    if (order->name_count > NAMES_MAXIMUM) {
        error_set(error, "more than %d names for one server", NAMES_MAXIMUM);
        return false;
    }
    for (size_t i = 0; i < order->name_count; i++) {
        if (!is_server_name(order->names[i])) {
            error_set(error,
                      "%s is no server's name; write a DNS name (in A-form) or an IP address",
                      order->names[i]);
            return false;
        }
        issue->names[issue->name_count++] = order->names[i];
    }
    issue->profile = &certificate_server;
    snprintf(issue->common_name, sizeof(issue->common_name), "%s", order->names[0]);
    snprintf(issue->name, sizeof(issue->name), "server-%s", order->names[0]);
    char *star = strchr(issue->name, '*');
    if (star != NULL)
        *star = '_'; /* which no DNS name has here */
    return true;
}

static bool check_name(const char *what, const char *name, struct error *error)
{
    if (policy_name_valid((struct span){name, strlen(name)}))
        return true;
    error_set(error, "%s is no %s; a name is [a-z0-9][a-z0-9-]{0,62}", name, what);
    return false;
}

static bool prepare_app(struct issue *issue, const struct authority *authority, struct error *error)
{
    const struct authority_order *order = issue->order;
    const char *installation = order->installation == NULL ? "" : order->installation;
    const char *slash = installation[0] == '\0' ? "" : "/";
    char domain[sizeof("spiffe://") + SPIFFE_DOMAIN_MAXIMUM];
    if (!check_name("app", order->app, error) ||
        !check_name("environment", order->environment, error) ||
        (order->installation != NULL && !check_name("installation", installation, error)))
        return false;
    if (!certificate_one_uri(authority->certificate, domain, sizeof(domain)))
        return authority_refuse(authority, "ca.pem", error,
                                "this authority has no trust domain (a spiffe:// name of its "
                                "own); one made by sallyport ca init has");
    snprintf(issue->uri, sizeof(issue->uri), "%s/app/%s/environment/%s%s%s", domain, order->app,
             order->environment, slash[0] == '\0' ? "" : "/installation/", installation);
    issue->names[issue->name_count++] = issue->uri;
    issue->profile = &certificate_client;
    snprintf(issue->common_name, sizeof(issue->common_name), "%s/%s%s%s", order->app,
             order->environment, slash, installation);
    snprintf(issue->name, sizeof(issue->name), "%s-%s%s%s", order->app, order->environment,
             slash[0] == '\0' ? "" : "-", installation);
    return true;
}

static bool prepare(struct issue *issue, const struct authority *authority, struct error *error)
{
    switch (issue->order->kind) {
    case AUTHORITY_APP:
        return prepare_app(issue, authority, error);
    case AUTHORITY_SERVER:
        return prepare_server(issue, error);
    case AUTHORITY_INSPECT:
        break;
    }
    issue->profile = &certificate_intermediate;
    snprintf(issue->name, sizeof(issue->name), "inspect");
    snprintf(issue->common_name, sizeof(issue->common_name), "Sallyport inspection");
    return true;
}

static X509 *make_certificate(const struct issue *issue, const struct authority *authority,
                              EVP_PKEY *key)
{
    const time_t now = time(NULL);
    const unsigned days =
        issue->order->days == 0 ? default_days[issue->order->kind] : issue->order->days;
    const struct certificate_order order = {
        .profile = issue->profile,
        .common_name = issue->common_name,
        .names = issue->names,
        .name_count = issue->name_count,
        .not_before = now - CLOCK_SKEW,
        .not_after = now + (time_t)days * SECONDS_A_DAY,
        .subject_key = key,
        .issuer = authority->certificate,
        .issuer_key = authority->key,
    };
    return key == NULL ? NULL : certificate_new(&order);
}

static bool record(const struct issue *issue, const struct authority *authority,
                   const X509 *certificate, struct error *error)
{
    struct authority_index index;
    struct authority_entry entry = {.name = ""};
    memcpy(entry.name, issue->name, sizeof(entry.name));
    certificate_serial_text(certificate, entry.serial, sizeof(entry.serial));
    X509_NAME_oneline(X509_get_subject_name(certificate), entry.subject, sizeof(entry.subject));
    entry.expires = certificate_expires(certificate);
    bool fine = authority_index_read(authority, &index, error);
    if (fine && !authority_index_add(&index, &entry)) {
        error_set(error, "out of memory");
        fine = false;
    }
    fine = fine && authority_index_write(authority, &index, error);
    authority_index_clear(&index);
    return fine;
}

/*
 * A server's file holds its chain only where there is one to hold: what the root has signed
 * needs none, what inspect.pem signs is sent with inspect.pem.
 */
static bool write_pair(const struct issue *issue, const struct authority *authority,
                       X509 *certificate, const EVP_PKEY *key, struct error *error)
{
    const enum pem_file_writing writing = issue->order->replace ? PEM_FILE_REPLACE : PEM_FILE_NEW;
    char file[AUTHORITY_NAME_SIZE + 8];
    snprintf(file, sizeof(file), "%s.key", issue->name);
    if (!authority_write(authority, file, pem_file_of_key(key), PEM_FILE_SECRET, writing, error))
        return false;
    snprintf(file, sizeof(file), "%s.pem", issue->name);
    return authority_write(authority, file, pem_file_of_certificates(certificate, NULL),
                           PEM_FILE_PUBLIC, writing, error);
}

/* Both are looked for before one is written: a new key beside an old certificate would help nobody.
 */
static bool check_free(const struct issue *issue, const struct authority *authority,
                       struct error *error)
{
    static const char *const endings[] = {"key", "pem"};
    char file[AUTHORITY_NAME_SIZE + 8];
    for (size_t i = 0; i < 2 && !issue->order->replace; i++) {
        snprintf(file, sizeof(file), "%s.%s", issue->name, endings[i]);
        if (authority_has(authority, file))
            return authority_refuse(authority, file, error,
                                    "there is such a file already; --replace issues a new one in "
                                    "its place");
    }
    return true;
}

static bool issue_all(struct issue *issue, const struct authority *authority, struct error *error)
{
    if (!prepare(issue, authority, error) || !check_free(issue, authority, error))
        return false;
    EVP_PKEY *key = certificate_key_new();
    X509 *certificate = make_certificate(issue, authority, key);
    bool issued = certificate == NULL ? tls_error_set("the certificate could not be made", error)
                                      : record(issue, authority, certificate, error) &&
                                            write_pair(issue, authority, certificate, key, error);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return issued;
}

bool authority_issue(const char *directory, const struct authority_order *order,
                     char name[AUTHORITY_NAME_SIZE], struct error *error)
{
    struct authority authority;
    struct issue issue = {.order = order};
    bool issued =
        authority_open(&authority, directory, error) && issue_all(&issue, &authority, error);
    authority_close(&authority);
    memcpy(name, issue.name, AUTHORITY_NAME_SIZE);
    return issued;
}

static BIO *public_half(EVP_PKEY *key)
{
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory != NULL && PEM_write_bio_PUBKEY(memory, key) == 1)
        return memory;
    BIO_free(memory);
    return NULL;
}

bool authority_issue_ledger(const char *directory, bool replace, struct error *error)
{
    struct authority authority;
    const struct authority_order order = {.replace = replace};
    const struct issue issue = {.order = &order, .name = "ledger"};
    const enum pem_file_writing writing = replace ? PEM_FILE_REPLACE : PEM_FILE_NEW;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    bool issued = authority_open(&authority, directory, error) &&
                  check_free(&issue, &authority, error) &&
                  (key != NULL || tls_error_set("the key could not be made", error)) &&
                  authority_write(&authority, "ledger.key", pem_file_of_key(key), PEM_FILE_SECRET,
                                  writing, error) &&
                  authority_write(&authority, "ledger.pub", public_half(key), PEM_FILE_PUBLIC,
                                  writing, error);
    authority_close(&authority);
    EVP_PKEY_free(key);
    return issued;
}
