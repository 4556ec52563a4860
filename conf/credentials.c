/*
 * Why: on a gateway the secret is all that tells one app from another, so
 * looking it up may tell a guesser nothing, and a file with a slip in it may
 * not let anybody in.
 * Rests on one array of names in order, searched in steps that depend on its
 * size alone, each with a fixed number of digest slots that are all compared
 * every time; a name that is not there is compared with a row of empty slots.
 */
#include "conf/credentials.h"

#include <stdlib.h>

#include "certs/digest.h"
#include "policy/arena.h"
#include "policy/policy_directory.h"
#include "policy/text.h"
#include "policy/yaml_node.h"

#define CREDENTIALS_MEMORY ((size_t)64 * 1024 * 1024)

struct credential {
    struct span app;
    struct span environment;
    struct span installation;
    struct position at;
    unsigned digest_count;
    uint8_t digests[CREDENTIALS_PER_NAME_MAXIMUM][DIGEST_SHA256_SIZE];
};

struct credentials {
    struct arena *arena;
    struct credential *items; /* in the order of their names, each name once */
    size_t count;
};

static int compare_spans(struct span a, struct span b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0)
        return order;
    return (a.length > b.length) - (a.length < b.length);
}

static int compare_names(const struct credential *a, const struct credential *b)
{
    int order = compare_spans(a->app, b->app);
    if (order != 0)
        return order;
    order = compare_spans(a->environment, b->environment);
    return order != 0 ? order : compare_spans(a->installation, b->installation);
}

/* For qsort: of one name, the file's order. */
static int compare_entries(const void *left, const void *right)
{
    const struct credential *a = left;
    const struct credential *b = right;
    int order = compare_names(a, b);
    if (order != 0)
        return order;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    return (a->at.column > b->at.column) - (a->at.column < b->at.column);
}

/* ---- Reading ---------------------------------------------------------------- */

struct credentials_reader {
    struct credentials *credentials;
    const char *file;
    struct error *error;
};

static bool refuse(struct credentials_reader *reader, const struct yaml_node *node,
                   const char *message)
{
    error_set_at(reader->error, reader->file, node->at, "%s", message);
    return false;
}

static bool read_name(struct credentials_reader *reader, const struct yaml_node *node,
                      struct span *name)
{
    if (node->kind != YAML_SCALAR || yaml_is_null(node) || !policy_name_valid(node->text))
        return refuse(reader, node, "not a name; a name is [a-z0-9][a-z0-9-]{0,62}");
    *name = arena_copy(reader->credentials->arena, node->text);
    return name->data != NULL || refuse(reader, node, "out of memory");
}

static bool read_digest(struct credentials_reader *reader, const struct yaml_node *node,
                        uint8_t digest[DIGEST_SHA256_SIZE])
{
    static const char what[] =
        "not a SHA-256 digest; write 64 hex digits, as printf %s SECRET | sha256sum prints them";
    if (node->kind != YAML_SCALAR || node->text.length != (size_t)2 * DIGEST_SHA256_SIZE)
        return refuse(reader, node, what);
    for (size_t i = 0; i < DIGEST_SHA256_SIZE; i++) {
        int high = span_hex_digit(node->text.data[2 * i]);
        int low = span_hex_digit(node->text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return refuse(reader, node, what);
        digest[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static bool read_field(struct credentials_reader *reader, const struct yaml_entry *entry,
                       struct credential *credential)
{
    struct span key = entry->key->text;
    if (span_equal(key, SPAN("app")))
        return read_name(reader, entry->value, &credential->app);
    if (span_equal(key, SPAN("environment")))
        return read_name(reader, entry->value, &credential->environment);
    if (span_equal(key, SPAN("installation")))
        return read_name(reader, entry->value, &credential->installation);
    if (span_equal(key, SPAN("sha256"))) {
        credential->digest_count = 1;
        return read_digest(reader, entry->value, credential->digests[0]);
    }
    char quoted[TEXT_QUOTE_SIZE];
    error_set_at(reader->error, reader->file, entry->key->at,
                 "unknown key %s; a credential has app, environment, installation and sha256",
                 text_quote(key, quoted));
    return false;
}

static bool read_credential(struct credentials_reader *reader, const struct yaml_node *node,
                            struct credential *credential)
{
    if (node->kind != YAML_MAPPING)
        return refuse(reader, node, "not a credential; write {app, environment, sha256}");
    credential->at = node->at;
    credential->installation = SPAN("");
    for (size_t i = 0; i < node->count; i++) {
        if (!read_field(reader, &node->entries[i], credential))
            return false;
    }
    if (credential->app.length == 0)
        return refuse(reader, node, "this credential has no app");
    if (credential->environment.length == 0)
        return refuse(reader, node, "this credential has no environment");
    if (credential->digest_count == 0)
        return refuse(reader, node, "this credential has no sha256");
    return true;
}

/* Entries of one name become one, with a digest each. */
static bool join_names(struct credentials_reader *reader)
{
    struct credentials *credentials = reader->credentials;
    size_t kept = 0;
    for (size_t i = 0; i < credentials->count; i++) {
        const struct credential *next = &credentials->items[i];
        if (kept == 0 || compare_names(&credentials->items[kept - 1], next) != 0) {
            credentials->items[kept++] = *next;
            continue;
        }
        struct credential *name = &credentials->items[kept - 1];
        if (name->digest_count == CREDENTIALS_PER_NAME_MAXIMUM) {
            error_set_at(reader->error, reader->file, next->at,
                         "more than %d secrets for one name; take an old one away",
                         CREDENTIALS_PER_NAME_MAXIMUM);
            return false;
        }
        memcpy(name->digests[name->digest_count++], next->digests[0], DIGEST_SHA256_SIZE);
    }
    credentials->count = kept;
    return true;
}

static bool read_list(struct credentials_reader *reader, const struct yaml_node *list)
{
    struct credentials *credentials = reader->credentials;
    if (list->kind != YAML_SEQUENCE)
        return refuse(reader, list, "not a list; write - {app, environment, sha256} a line");
    if (list->count == 0)
        return true;

    credentials->items =
        arena_allocate_array(credentials->arena, list->count, sizeof(*credentials->items));
    if (credentials->items == NULL)
        return refuse(reader, list, "out of memory");
    for (size_t i = 0; i < list->count; i++) {
        if (!read_credential(reader, list->items[i], &credentials->items[i]))
            return false;
    }
    credentials->count = list->count;
    qsort(credentials->items, credentials->count, sizeof(*credentials->items), compare_entries);
    return join_names(reader);
}

static struct credentials *credentials_from(const struct yaml_document *document,
                                            struct error *error)
{
    struct credentials *credentials = calloc(1, sizeof(*credentials));
    if (credentials == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    struct credentials_reader reader = {credentials, yaml_document_file(document), error};
    credentials->arena = arena_new(CREDENTIALS_MEMORY);
    if (credentials->arena == NULL) {
        error_set(error, "out of memory");
        credentials_free(credentials);
        return NULL;
    }
    if (!read_list(&reader, yaml_document_root(document))) {
        credentials_free(credentials);
        return NULL;
    }
    return credentials;
}

struct credentials *credentials_read(const char *path, struct error *error)
{
    struct yaml_document *document = yaml_document_read(path, error);
    if (document == NULL)
        return NULL;
    struct credentials *credentials = credentials_from(document, error);
    yaml_document_free(document);
    return credentials;
}

void credentials_free(struct credentials *credentials)
{
    if (credentials == NULL)
        return;
    arena_free(credentials->arena);
    free(credentials);
}

/* ---- Verifying -------------------------------------------------------------- */

/* The number of steps depends on the count alone, never on whether NAME is there. */
static const struct credential *find_name(const struct credentials *credentials,
                                          const struct credential *name)
{
    static const struct credential nobody;
    const struct credential *base = credentials->items;
    if (credentials->count == 0)
        return &nobody;
    for (size_t left = credentials->count; left > 1; left -= left / 2) {
        if (compare_names(&base[left / 2], name) <= 0)
            base += left / 2;
    }
    return compare_names(base, name) == 0 ? base : &nobody;
}

bool credentials_verify(const struct credentials *credentials, struct span app,
                        struct span environment, struct span installation, struct span secret)
{
    const struct credential name = {
        .app = app, .environment = environment, .installation = installation};
    uint8_t digest[DIGEST_SHA256_SIZE];
    if (!digest_sha256(secret.data, secret.length, digest))
        return false;

    const struct credential *found = find_name(credentials, &name);
    unsigned match = 0;
    for (unsigned i = 0; i < CREDENTIALS_PER_NAME_MAXIMUM; i++) {
        unsigned equal = digest_equal(found->digests[i], digest, DIGEST_SHA256_SIZE);
        match |= equal & (i < found->digest_count);
    }
    return match != 0;
}
