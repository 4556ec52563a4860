/*
 * Which files there are is asked once for each look at a place: what is not there is no fault,
 * but for the manifest, and a file that comes a moment later is seen at the next look.
 */
#include "policy/policy_place.h"

#include <errno.h>
#include <sys/stat.h>

static bool refuse(const char *path, const char *why, struct error *error)
{
    error_set_at(error, path, (struct position){0, 0}, "%s", why);
    return false;
}

bool policy_place_refuse_unreadable(const char *path, struct error *error)
{
    error_set_at(error, path, (struct position){0, 0}, "cannot be read: %s; " POLICY_PLACE_EXPECTED,
                 strerror(errno));
    return false;
}

bool policy_place_join(char path[PATH_MAX], const char *directory, const char *name,
                       struct error *error)
{
    int length = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return (length >= 0 && length < PATH_MAX) || refuse(directory, "the path is too long", error);
}

static bool is_there(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0;
}

static const char *path_if_there(const char *path)
{
    return is_there(path) ? path : NULL;
}

/* ---- Where it is ------------------------------------------------------------------ */

bool policy_place_set(struct policy_place *place, const char *directory, struct span app,
                      struct span environment, struct error *error)
{
    int length = snprintf(place->directory, sizeof(place->directory), "%s/%.*s/%.*s", directory,
                          SPAN_FORMAT(app), SPAN_FORMAT(environment));
    place->app = app;
    place->environment = environment;
    place->files = (struct policy_files){0};
    return (length >= 0 && (size_t)length < sizeof(place->directory)) ||
           refuse(directory, "the path is too long", error);
}

bool policy_place_open(struct policy_place *place, const char *directory, struct span app,
                       struct span environment, struct error *error)
{
    return policy_place_set(place, directory, app, environment, error) &&
           (is_there(place->directory) || policy_place_refuse_unreadable(place->directory, error));
}

/* ---- What is in it ---------------------------------------------------------------- */

/* The one manifest of PLACE, in any of its three forms. */
static bool find_manifest(struct policy_place *place, struct error *error)
{
    static const char *const names[] = {"manifest.yml", "manifest.yaml", "manifest.json"};
    char candidate[PATH_MAX];
    place->manifest[0] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!policy_place_join(candidate, place->directory, names[i], error))
            return false;
        if (!is_there(candidate))
            continue;
        if (place->manifest[0] != '\0')
            return refuse(candidate, "a second manifest; keep one of them", error);
        snprintf(place->manifest, sizeof(place->manifest), "%s", candidate);
    }
    return place->manifest[0] != '\0' ||
           refuse(place->directory, "there is no manifest.yml; " POLICY_PLACE_EXPECTED, error);
}

/* What lies beside the manifest; versions are listed only where somebody has installed one. */
static bool find_beside(struct policy_place *place, struct error *error)
{
    const char *directory = place->directory;
    if (!policy_place_join(place->variables, directory, "variables.yml", error) ||
        !policy_place_join(place->installations, directory, "installations.yml", error) ||
        !policy_place_join(place->narrow, directory, "narrow.yml", error) ||
        !policy_place_join(place->versions_directory, directory, "versions", error))
        return false;
    place->files = (struct policy_files){.manifest = place->manifest,
                                         .variables = path_if_there(place->variables),
                                         .installations = path_if_there(place->installations),
                                         .narrow = path_if_there(place->narrow),
                                         .versions_directory = place->versions_directory};
    return place->files.installations == NULL ||
           versions_list(place->versions_directory, true, &place->files.versions, error);
}

bool policy_place_find(struct policy_place *place, struct error *error)
{
    return find_manifest(place, error) && find_beside(place, error);
}

bool policy_place_find_candidate(struct policy_place *place,
                                 const struct policy_candidate *candidate, struct error *error)
{
    if ((!candidate->deployed && !find_manifest(place, error)) || !find_beside(place, error))
        return false;
    if (candidate->deployed)
        place->files.manifest = candidate->manifest;
    place->files.candidate = candidate;
    return place->files.installations == NULL ||
           versions_put(&place->files.versions, candidate->version) ||
           refuse(place->directory, "memory is out", error);
}

struct app_policy *policy_place_read(const struct policy_place *place,
                                     const struct policy_options *options, struct error *error)
{
    return policy_files_load(&place->files, options, place->app, place->environment, error);
}

void policy_place_clear(struct policy_place *place)
{
    versions_clear(&place->files.versions);
}
