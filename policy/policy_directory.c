/*
 * The walk over DIR/APP/ENVIRONMENT, in the order of names, so that the same
 * directory always has the same first error. Symbolic links are followed:
 * a mounted configuration often is one.
 */
#include "policy/policy_directory.h"

#include <dirent.h>
#include <stdlib.h>

#include "policy/policy_place.h"

struct names {
    struct dirent **entries;
    int count; /* below 0: the directory could not be read, errno says why */
};

struct loader {
    const char *directory;
    const struct policy_options *options;
    const struct snapshot *previous;
    struct app_policy **policies;
    size_t count;
    size_t capacity;
    struct error *error;
};

static bool refuse(struct loader *loader, const char *path, const char *why)
{
    error_set_at(loader->error, path, (struct position){0, 0}, "%s", why);
    return false;
}

static bool refuse_name(struct loader *loader, const char *directory, const char *name,
                        const char *what)
{
    error_set_at(loader->error, directory, (struct position){0, 0},
                 "%s cannot be the name of an %s; it is " POLICY_NAME_FORM
                 "; " POLICY_PLACE_EXPECTED,
                 text_quote(span_of(name), (char[TEXT_QUOTE_SIZE]){0}), what);
    return false;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static struct names list_names(const char *directory)
{
    struct names names = {0};
    names.count = scandir(directory, &names.entries, is_visible, compare_entries);
    return names;
}

static void names_free(struct names *names)
{
    for (int i = 0; i < names->count; i++)
        free(names->entries[i]);
    free(names->entries);
}

static bool keep_policy(struct loader *loader, struct app_policy *policy)
{
    if (loader->count == loader->capacity) {
        size_t capacity = loader->capacity == 0 ? 64 : loader->capacity * 2;
        void *grown = reallocarray(loader->policies, capacity, sizeof(struct app_policy *));
        if (grown == NULL) {
            app_policy_unref(policy);
            return refuse(loader, loader->directory, "memory is out");
        }
        loader->policies = grown;
        loader->capacity = capacity;
    }
    loader->policies[loader->count++] = policy;
    return true;
}

/* The policy that the same, unchanged files have made before; NULL: there is none. */
static struct app_policy *find_unchanged(const struct loader *loader,
                                         const struct policy_place *place,
                                         const struct policy_stamp *stamp)
{
    if (loader->previous == NULL)
        return NULL;
    const struct app_policy *old = snapshot_find(loader->previous, place->app, place->environment);
    if (old == NULL || strcmp(app_policy_file(old), place->manifest) != 0 ||
        !policy_stamp_same(app_policy_stamp(old), stamp))
        return NULL;
    return app_policy_ref((struct app_policy *)old);
}

/* Environments of one app mostly declare the same: they lie behind one another here. */
static void share_trie(const struct loader *loader, struct app_policy *policy)
{
    for (size_t i = loader->count; i-- > 0;) {
        const struct app_policy *earlier = loader->policies[i];
        if (!span_equal(app_policy_app(earlier), app_policy_app(policy)))
            return;
        if (app_policy_share_trie(policy, earlier))
            return;
    }
}

static bool load_files(struct loader *loader, struct policy_place *place)
{
    struct policy_stamp stamp;
    if (!policy_place_find(place, loader->error))
        return false;
    policy_stamp_take(&place->files, loader->options, &stamp);
    struct app_policy *policy = find_unchanged(loader, place, &stamp);
    if (policy != NULL)
        return keep_policy(loader, policy);
    policy = policy_place_read(place, loader->options, loader->error);
    if (policy == NULL)
        return false;
    app_policy_set_stamp(policy, &stamp);
    share_trie(loader, policy);
    return keep_policy(loader, policy);
}

static bool load_place(struct loader *loader, struct policy_place *place)
{
    bool loaded = load_files(loader, place);
    policy_place_clear(place);
    return loaded;
}

static bool load_environments(struct loader *loader, const char *directory, struct span app,
                              const struct names *names)
{
    struct policy_place place;
    if (names->count < 0)
        return policy_place_refuse_unreadable(directory, loader->error);
    if (names->count == 0)
        return refuse(loader, directory, "the app has no environment; " POLICY_PLACE_EXPECTED);
    for (int i = 0; i < names->count; i++) {
        const char *name = names->entries[i]->d_name;
        if (!policy_name_valid(span_of(name)))
            return refuse_name(loader, directory, name, "environment");
        if (!policy_place_set(&place, loader->directory, app, span_of(name), loader->error) ||
            !load_place(loader, &place))
            return false;
    }
    return true;
}

static bool load_app(struct loader *loader, const char *name)
{
    char directory[PATH_MAX];
    if (!policy_name_valid(span_of(name)))
        return refuse_name(loader, loader->directory, name, "app");
    if (!policy_place_join(directory, loader->directory, name, loader->error))
        return false;
    struct names names = list_names(directory);
    bool fine = load_environments(loader, directory, span_of(name), &names);
    names_free(&names);
    return fine;
}

/* The record of deploys lies beside the apps (README.md, the policy directory). */
static bool is_ledger(const char *name)
{
    return strcmp(name, "ledger.jsonl") == 0;
}

static bool load_apps(struct loader *loader, const struct names *names)
{
    if (names->count < 0)
        return policy_place_refuse_unreadable(loader->directory, loader->error);
    for (int i = 0; i < names->count; i++) {
        const char *name = names->entries[i]->d_name;
        if (!is_ledger(name) && !load_app(loader, name))
            return false;
    }
    if (loader->count == 0)
        return refuse(loader, loader->directory, "there is no app in it; " POLICY_PLACE_EXPECTED);
    return true;
}

static void loader_clear(struct loader *loader)
{
    for (size_t i = 0; i < loader->count; i++)
        app_policy_unref(loader->policies[i]);
    free(loader->policies);
}

struct snapshot *policy_directory_load(const char *directory, const struct policy_options *options,
                                       const struct snapshot *previous, struct error *error)
{
    struct loader loader = {
        .directory = directory, .options = options, .previous = previous, .error = error};
    struct snapshot *snapshot = NULL;
    struct names names = list_names(directory);
    if (load_apps(&loader, &names)) {
        snapshot = snapshot_new(loader.policies, loader.count);
        if (snapshot == NULL)
            refuse(&loader, directory, "memory is out");
    }
    loader_clear(&loader);
    names_free(&names);
    return snapshot;
}

/* SNAPSHOT, which is taken over, with the policy that was loaded last. */
static struct snapshot *take_loaded(struct loader *loader, struct snapshot *snapshot)
{
    struct app_policy *policy = loader->policies[loader->count - 1];
    if (snapshot_find(snapshot, app_policy_app(policy), app_policy_environment(policy)) == policy)
        return snapshot;
    struct snapshot *next = snapshot_with(snapshot, policy);
    snapshot_unref(snapshot);
    if (next == NULL)
        refuse(loader, loader->directory, "memory is out");
    return next;
}

/* SNAPSHOT, which is taken over, with NAME ("APP/ENVIRONMENT") as its files are now. */
static struct snapshot *load_changed(struct loader *loader, struct snapshot *snapshot,
                                     struct span name)
{
    struct policy_place place;
    size_t slash = span_find(name, '/');
    if (policy_place_open(&place, loader->directory, span_slice(name, 0, slash),
                          span_after(name, slash + 1), loader->error) &&
        load_place(loader, &place))
        return take_loaded(loader, snapshot);
    snapshot_unref(snapshot);
    return NULL;
}

struct snapshot *policy_directory_load_changed(const char *directory,
                                               const struct policy_options *options,
                                               struct snapshot *previous,
                                               const struct policy_change *change,
                                               struct error *error)
{
    struct loader loader = {
        .directory = directory, .options = options, .previous = previous, .error = error};
    struct snapshot *snapshot = snapshot_ref(previous);
    for (size_t i = 0; i < change->count && snapshot != NULL; i++)
        snapshot = load_changed(&loader, snapshot, span_of(change->places[i]));
    loader_clear(&loader);
    return snapshot;
}

struct app_policy *policy_directory_load_one(const char *directory, struct span app,
                                             struct span environment,
                                             const struct policy_options *options,
                                             struct error *error)
{
    struct policy_place place;
    if (!policy_place_open(&place, directory, app, environment, error))
        return NULL;
    struct app_policy *policy =
        policy_place_find(&place, error) ? policy_place_read(&place, options, error) : NULL;
    policy_place_clear(&place);
    return policy;
}

bool policy_directory_judge(const char *directory, struct span app, struct span environment,
                            const struct policy_options *options,
                            const struct policy_candidate *candidate, struct error *error)
{
    struct policy_place place;
    if (!policy_place_set(&place, directory, app, environment, error))
        return false;
    struct app_policy *policy = policy_place_find_candidate(&place, candidate, error)
                                    ? policy_place_read(&place, options, error)
                                    : NULL;
    policy_place_clear(&place);
    app_policy_unref(policy);
    return policy != NULL;
}
