/* The newest version, out of the newest minors of all majors. */
#include "policy/deploy_versions.h"

void version_format(struct version version, char text[VERSION_TEXT_SIZE])
{
    snprintf(text, VERSION_TEXT_SIZE, "%u.%u", version.major, version.minor);
}

bool version_find_newest(const char *directory, uint32_t major, struct version *newest,
                         struct error *error)
{
    struct versions versions;
    *newest = (struct version){0, 0};
    bool fine = versions_list(directory, true, &versions, error);
    for (size_t i = 0; fine && i < versions.count; i++) {
        if (major == 0 || versions.items[i].major == major)
            *newest = versions.items[i];
    }
    versions_clear(&versions);
    return fine;
}
