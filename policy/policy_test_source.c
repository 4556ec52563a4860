/* A test's keys, and the policy that they name; see the header. */
#include "policy/policy_test_source.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "policy/nearest.h"
#include "policy/policy_directory.h"

#define QUOTE(span) text_quote((span), (char[TEXT_QUOTE_SIZE]){0})

bool policy_test_refuse(const struct policy_test_file *file, const struct yaml_node *node,
                        struct error *error, const char *format, ...)
{
    char message[sizeof(error->message)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    error_set_at(error, file->path, node->at, "%s", message);
    return false;
}

/* ---- Keys ---------------------------------------------------------------- */

enum key_kind { KEY_STRING, KEY_MAPPING, KEY_LIST, KEY_BOOLEAN };

struct key {
    const char *name;
    size_t offset;
    enum key_kind kind;
};

#define KEY(name, kind)                                                                            \
    {                                                                                              \
#name, offsetof(struct policy_test, name), kind                                            \
    }

static const struct key keys[] = {
    KEY(name, KEY_STRING),        KEY(manifest, KEY_STRING),    KEY(policy, KEY_STRING),
    KEY(app, KEY_STRING),         KEY(environment, KEY_STRING), KEY(installation, KEY_STRING),
    KEY(set, KEY_MAPPING),        KEY(allow, KEY_LIST),         KEY(deny, KEY_LIST),
    KEY(plain_http, KEY_BOOLEAN),
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

static bool is_of_kind(const struct yaml_node *node, enum key_kind kind)
{
    bool value;
    switch (kind) {
    case KEY_STRING:
        return node->kind == YAML_SCALAR && !yaml_is_null(node) && node->text.length > 0;
    case KEY_MAPPING:
        return node->kind == YAML_MAPPING;
    case KEY_LIST:
        return node->kind == YAML_SEQUENCE;
    case KEY_BOOLEAN:
        return yaml_boolean(node, &value);
    }
    return false;
}

bool policy_test_check_keys(const struct policy_test_file *file, const struct yaml_node *node,
                            const char *const *known, struct error *error)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->entries[i].key;
        struct span name = key->kind == YAML_SCALAR ? key->text : SPAN("");
        const char *const *at = known;
        while (*at != NULL && !span_equal(name, span_of(*at)))
            at++;
        if (*at != NULL)
            continue;
        const char *nearest = nearest_name(name, known);
        return policy_test_refuse(file, key, error, "unknown key %s; %s%s%s", QUOTE(name),
                                  nearest == NULL ? "take it out" : "did you mean \"",
                                  nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
    }
    return true;
}

static bool check_names(const struct policy_test_file *file, const struct policy_test *test,
                        struct error *error)
{
    const struct yaml_node *const names[] = {test->app, test->environment, test->installation};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i] != NULL && !policy_name_valid(names[i]->text))
            return policy_test_refuse(file, names[i], error,
                                      "%s is no name; it is " POLICY_NAME_FORM,
                                      QUOTE(names[i]->text));
    }
    return true;
}

/* The keys that have to be there, and those that do not go together. */
static bool check_whole(const struct policy_test_file *file, const struct yaml_node *node,
                        const struct policy_test *test, struct error *error)
{
    bool named = test->app != NULL || test->environment != NULL || test->installation != NULL;
    const char *why = NULL;
    if ((test->manifest == NULL) == (test->policy == NULL))
        why = "a test names its policy by one of \"manifest\" and \"policy\"";
    else if (test->policy != NULL && (test->app == NULL || test->environment == NULL))
        why = "\"policy\" needs \"app\" and \"environment\" beside it";
    else if (test->policy != NULL && test->set != NULL)
        why = "\"set\" goes with \"manifest\"; a policy directory has variables.yml";
    else if (test->manifest != NULL && named)
        why = "\"app\", \"environment\" and \"installation\" go with \"policy\"";
    else if (test->allow == NULL && test->deny == NULL)
        why = "a test without \"allow\" or \"deny\" promises nothing; list some targets";
    if (why != NULL)
        return policy_test_refuse(file, node, error, "%s", why);
    return check_names(file, test, error);
}

static bool read_key(const struct policy_test_file *file, const struct yaml_node *node,
                     const struct key *key, struct policy_test *test, struct error *error)
{
    static const char *const rights[] = {"a string", "a mapping", "a list", "true or false"};
    const struct yaml_node *value = yaml_get(node, key->name);
    if (value == NULL)
        return true;
    if (!is_of_kind(value, key->kind))
        return policy_test_refuse(file, value, error, "\"%s\" is %s; it must be %s", key->name,
                                  yaml_describe(value), rights[key->kind]);
    *(const struct yaml_node **)((char *)test + key->offset) = value;
    return true;
}

bool policy_test_read(const struct policy_test_file *file, const struct yaml_node *node,
                      struct policy_test *test, struct error *error)
{
    const char *names[KEY_COUNT + 1] = {NULL};
    *test = (struct policy_test){.name = NULL};
    if (node->kind != YAML_MAPPING)
        return policy_test_refuse(file, node, error, "a test is %s; it must be a mapping",
                                  yaml_describe(node));
    for (size_t i = 0; i < KEY_COUNT; i++) {
        names[i] = keys[i].name;
        if (!read_key(file, node, &keys[i], test, error))
            return false;
    }
    return policy_test_check_keys(file, node, names, error) && check_whole(file, node, test, error);
}

/* ---- The policy ---------------------------------------------------------- */

static bool make_path(const struct policy_test_file *file, const struct yaml_node *node,
                      char path[POLICY_TEST_PATH_SIZE], struct error *error)
{
    struct span given = node->text;
    bool absolute = given.data[0] == '/';
    int length = memchr(given.data, '\0', given.length) != NULL
                     ? -1
                     : snprintf(path, POLICY_TEST_PATH_SIZE, "%s%.*s",
                                absolute ? "" : file->directory, SPAN_FORMAT(given));
    if (length >= 0 && length < POLICY_TEST_PATH_SIZE)
        return true;
    return policy_test_refuse(file, node, error, "%s is no path", QUOTE(given));
}

static bool read_set(const struct policy_test_file *file, const struct policy_test *test,
                     struct variables *variables, struct error *error)
{
    for (size_t i = 0; test->set != NULL && i < test->set->count; i++) {
        const struct yaml_node *key = test->set->entries[i].key;
        const struct yaml_node *value = test->set->entries[i].value;
        if (key->kind != YAML_SCALAR || value->kind != YAML_SCALAR)
            return policy_test_refuse(file, value, error, "\"set\" takes NAME: value");
        if (!variables_set(variables, file->arena, key->text, value->text, error)) {
            error_locate(error, file->path, key->at);
            return false;
        }
    }
    return true;
}

static struct snapshot *load_manifest(const struct policy_test_file *file,
                                      const struct policy_test *test, bool plain_http,
                                      struct error *error)
{
    char path[POLICY_TEST_PATH_SIZE];
    struct variables variables = {NULL};
    const struct manifest_options options = {.plain_http = plain_http, .variables = &variables};
    if (!make_path(file, test->manifest, path, error) || !read_set(file, test, &variables, error))
        return NULL;
    struct app_policy *policy = policy_file_load(path, NULL, &options, SPAN(""), SPAN(""), error);
    if (policy == NULL)
        return NULL;
    struct snapshot *snapshot = snapshot_new(&policy, 1);
    app_policy_unref(policy);
    if (snapshot == NULL)
        policy_test_refuse(file, test->manifest, error, "memory is out");
    return snapshot;
}

/* A directory is read whole, as the proxy reads it, and once for all tests in a row that ask it. */
static struct snapshot *load_directory(struct policy_test_file *file,
                                       const struct policy_test *test, bool plain_http,
                                       struct error *error)
{
    char path[POLICY_TEST_PATH_SIZE];
    const struct policy_options options = {.plain_http = plain_http, .production_everything = true};
    if (!make_path(file, test->policy, path, error))
        return NULL;
    if (strcmp(path, file->loaded) != 0 || plain_http != file->loaded_plain) {
        snapshot_unref(file->directory_snapshot);
        file->loaded[0] = '\0';
        file->directory_snapshot = policy_directory_load(path, &options, NULL, error);
        if (file->directory_snapshot == NULL)
            return NULL;
        memcpy(file->loaded, path, sizeof(file->loaded));
        file->loaded_plain = plain_http;
    }
    return snapshot_ref(file->directory_snapshot);
}

struct snapshot *policy_test_load(struct policy_test_file *file, const struct policy_test *test,
                                  struct error *error)
{
    bool plain_http = false;
    if (test->plain_http != NULL)
        yaml_boolean(test->plain_http, &plain_http);
    return test->manifest != NULL ? load_manifest(file, test, plain_http, error)
                                  : load_directory(file, test, plain_http, error);
}
