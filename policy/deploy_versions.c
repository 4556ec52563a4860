/* Version numbers, and which of them a directory holds. */
#include "policy/deploy_versions.h"

#include <dirent.h>
#include <errno.h>

#include "policy/text.h"

static bool parse_part(struct span digits, uint32_t *part)
{
    uint64_t value;
    if (digits.length == 0 || digits.data[0] == '0' ||
        !span_parse_decimal(digits, VERSION_PART_MAXIMUM, &value))
        return false;
    *part = (uint32_t)value;
    return true;
}

bool version_number_parse(struct span text, struct version_number *number)
{
    size_t dot = span_find(text, '.');
    return dot < text.length && parse_part(span_slice(text, 0, dot), &number->major) &&
           parse_part(span_after(text, dot + 1), &number->minor);
}

void version_number_format(struct version_number number, char text[VERSION_TEXT_SIZE])
{
    snprintf(text, VERSION_TEXT_SIZE, "%u.%u", number.major, number.minor);
}

int version_number_compare(struct version_number a, struct version_number b)
{
    if (a.major != b.major)
        return a.major < b.major ? -1 : 1;
    return (a.minor > b.minor) - (a.minor < b.minor);
}

/* What NAME in the directory is: a version that is newer, or not, or none at all. */
static bool take_name(const char *versions, const char *name, uint32_t major,
                      struct version_number *newest, struct error *error)
{
    struct version_number found;
    if (name[0] == '.')
        return true;
    if (!version_number_parse(span_of(name), &found)) {
        error_set_at(error, versions, (struct position){0, 0},
                     "%s is no version; versions/MAJOR.MINOR/manifest.yml is expected",
                     text_quote(span_of(name), (char[TEXT_QUOTE_SIZE]){0}));
        return false;
    }
    if ((major == 0 || found.major == major) && version_number_compare(found, *newest) > 0)
        *newest = found;
    return true;
}

bool version_find_newest(const char *versions, uint32_t major, struct version_number *newest,
                         struct error *error)
{
    *newest = (struct version_number){0, 0};
    DIR *directory = opendir(versions);
    if (directory == NULL && errno == ENOENT)
        return true;
    if (directory == NULL) {
        error_set_at(error, versions, (struct position){0, 0}, "cannot be read: %s",
                     strerror(errno));
        return false;
    }
    bool fine = true;
    const struct dirent *entry;
    while (fine && (entry = readdir(directory)) != NULL)
        fine = take_name(versions, entry->d_name, major, newest, error);
    closedir(directory);
    return fine;
}
