/*
 * Steps on the disk, each of which can be the last one before power fails: what
 * is written is synchronised before something rests on it, names and bytes.
 */
#include "policy/ledger_stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/file_replace.h"

#define TREE      ".pending"
#define ENTRY     TREE "/.entry"
#define NEW_ENTRY TREE "/.entry.new"

#define PATH_SIZE (sizeof(TREE "/") + LEDGER_PATH_MAXIMUM)

static bool close_after(int file, bool fine)
{
    int reason = errno;
    close(file);
    errno = reason;
    return fine;
}

static bool write_file(int directory, const char *path, struct span bytes)
{
    int file = openat(directory, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0)
        return false;
    return close_after(file, file_write_all(file, bytes) && fsync(file) == 0);
}

/* Synchronises the directory that PATH lies in. */
static bool sync_parent(int directory, const char *path)
{
    char parent[PATH_SIZE];
    snprintf(parent, sizeof(parent), "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash != NULL)
        *slash = '\0';
    int file = openat(directory, slash == NULL ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return false;
    return close_after(file, fsync(file) == 0);
}

/* Makes the directories that lead to PATH; those that are new are synchronised. */
static bool make_parents(int directory, char *path)
{
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdirat(directory, path, 0755) == 0;
        bool fine = (made || errno == EEXIST) && (!made || sync_parent(directory, path));
        *slash = '/';
        if (!fine)
            return false;
    }
    return true;
}

bool stage_write_entry(int directory, struct span line)
{
    char path[] = NEW_ENTRY;
    return make_parents(directory, path) && write_file(directory, NEW_ENTRY, line) &&
           renameat(directory, NEW_ENTRY, directory, ENTRY) == 0 && sync_parent(directory, ENTRY);
}

bool stage_read_entry(int directory, char **line, size_t *length)
{
    return ledger_file_read(directory, ENTRY, line, length);
}

bool stage_write_file(int directory, const char *path, struct span bytes)
{
    char staged[PATH_SIZE];
    snprintf(staged, sizeof(staged), TREE "/%s", path);
    return make_parents(directory, staged) && write_file(directory, staged, bytes) &&
           sync_parent(directory, staged);
}

/* Cuts PLACE to the topmost part that is not there yet, or leaves it whole. */
static void find_new_part(int directory, char *place)
{
    struct stat status;
    for (char *slash = strchr(place, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (fstatat(directory, place, &status, 0) != 0)
            return;
        *slash = '/';
    }
}

bool stage_can_publish(int directory, const char *path)
{
    struct stat whole, parent;
    char place[PATH_SIZE];
    snprintf(place, sizeof(place), "%s", path);
    find_new_part(directory, place);
    char *slash = strrchr(place, '/');
    if (slash != NULL)
        *slash = '\0';
    return fstat(directory, &whole) == 0 &&
           fstatat(directory, slash == NULL ? "." : place, &parent, 0) == 0 &&
           whole.st_dev == parent.st_dev;
}

bool stage_publish(int directory, const char *path)
{
    char place[PATH_SIZE], staged[PATH_SIZE + sizeof(TREE)];
    struct stat status;
    snprintf(staged, sizeof(staged), TREE "/%s", path);
    if (fstatat(directory, staged, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT;
    snprintf(place, sizeof(place), "%s", path);
    find_new_part(directory, place);
    snprintf(staged, sizeof(staged), TREE "/%s", place);
    return renameat(directory, staged, directory, place) == 0 && sync_parent(directory, place);
}

/* ---- Removing --------------------------------------------------------------------------- */

static bool remove_below(int directory, const char *name, int levels, bool keep_entry);

static bool remove_name(int directory, const struct dirent *entry, int levels, bool keep_entry)
{
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        (keep_entry && strcmp(name, ".entry") == 0))
        return true;
    if (unlinkat(directory, name, 0) == 0)
        return true;
    if (errno != EISDIR || levels == 0)
        return false;
    return remove_below(directory, name, levels - 1, false) &&
           unlinkat(directory, name, AT_REMOVEDIR) == 0;
}

static bool remove_below(int directory, const char *name, int levels, bool keep_entry)
{
    int below = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *list = below < 0 ? NULL : fdopendir(below);
    if (list == NULL)
        return below >= 0 ? close_after(below, false) : false;
    bool fine = true;
    const struct dirent *entry;
    while (fine && (entry = readdir(list)) != NULL)
        fine = remove_name(below, entry, levels, keep_entry);
    int reason = errno;
    closedir(list);
    errno = reason;
    return fine;
}

/* APP/ENV/versions/MAJOR.MINOR/manifest.yml */
#define TREE_LEVELS 5

bool stage_remove(int directory, bool keep_entry)
{
    if (!remove_below(directory, TREE, TREE_LEVELS, keep_entry))
        return errno == ENOENT;
    return keep_entry || (unlinkat(directory, TREE, AT_REMOVEDIR) == 0 && fsync(directory) == 0);
}

/* ---- The ledger ------------------------------------------------------------------------- */

static int open_ledger(int directory)
{
    return openat(directory, LEDGER_FILE_NAME,
                  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
}

/* A write that came short (a full disk) is taken back: a line stands whole or not at all. */
static bool append_to(int file, int directory, struct span line, uint64_t length)
{
    ssize_t count = write(file, line.data, line.length);
    if (count == (ssize_t)line.length && fsync(file) == 0 && fsync(directory) == 0)
        return true;
    int reason = count < 0 || count == (ssize_t)line.length ? errno : ENOSPC;
    if (ftruncate(file, (off_t)length) == 0)
        fsync(file);
    errno = reason;
    return false;
}

bool stage_append(int directory, struct span line, uint64_t length)
{
    struct stat status;
    int file = open_ledger(directory);
    if (file < 0)
        return false;
    if (fstat(file, &status) != 0 || (uint64_t)status.st_size != length) {
        errno = EBUSY;
        return close_after(file, false);
    }
    return close_after(file, append_to(file, directory, line, length));
}

bool stage_truncate(int directory, uint64_t length)
{
    int file = open_ledger(directory);
    if (file < 0)
        return false;
    return close_after(file, ftruncate(file, (off_t)length) == 0 && fsync(file) == 0);
}
