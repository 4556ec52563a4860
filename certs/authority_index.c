/*
 * index.txt in the form that openssl-ca(1) reads and writes: one line a
 * certificate, six fields parted by tabs: V or R, when it expires, when it was revoked, serial,
 * name of its files, subject.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/authority_private.h"
#include "certs/certificate_names.h"

#define FIELDS      6
#define FIRST_2050S 2524608000 /* from here on the form of times has four digits for the year */

enum authority_state authority_entry_state(const struct authority_entry *entry)
{
    if (entry->revoked != 0)
        return AUTHORITY_REVOKED;
    return entry->expires < time(NULL) ? AUTHORITY_EXPIRED : AUTHORITY_VALID;
}

/* ---- Reading --------------------------------------------------------------- */

static bool parse_time(const char *text, time_t *when)
{
    ASN1_TIME *time = ASN1_TIME_new();
    bool parsed = time != NULL && ASN1_TIME_set_string(time, text) == 1;
    *when = parsed ? certificate_time(time) : 0;
    ASN1_TIME_free(time);
    return parsed && *when > 0;
}

static bool parse_line(char *line, struct authority_entry *entry)
{
    char *fields[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = strsep(&line, "\t\n");
        if (fields[i] == NULL)
            return false;
    }
    char *comma = strchr(fields[2], ','); /* behind it may stand a reason */
    if (comma != NULL)
        *comma = '\0';
    *entry = (struct authority_entry){.revoked = 0};
    if (!parse_time(fields[1], &entry->expires) ||
        (fields[0][0] == 'R' && !parse_time(fields[2], &entry->revoked)) ||
        strlen(fields[3]) >= sizeof(entry->serial) || strlen(fields[4]) >= sizeof(entry->name))
        return false;
    strcpy(entry->serial, fields[3]); /* NOLINT: both fit */
    strcpy(entry->name, fields[4]);   /* NOLINT */
    snprintf(entry->subject, sizeof(entry->subject), "%s", fields[5]);
    return true;
}

static bool read_lines(const struct authority *authority, FILE *file, struct authority_index *index,
                       struct error *error)
{
    struct authority_entry entry;
    char *line = NULL;
    size_t size = 0, number = 0;
    bool fine = true;
    while (fine && getline(&line, &size, file) > 0) {
        number++;
        if (!parse_line(line, &entry))
            fine = authority_refuse(authority, "index.txt", error,
                                    "line %zu is none of this file; see openssl-ca(1)", number);
        else if (!authority_index_add(index, &entry))
            fine = authority_refuse(authority, "index.txt", error, "out of memory");
    }
    free(line);
    return fine;
}

bool authority_index_read(const struct authority *authority, struct authority_index *index,
                          struct error *error)
{
    *index = (struct authority_index){NULL, 0};
    int fd = openat(authority->fd, "index.txt", O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (file == NULL)
        return errno == ENOENT || authority_refuse(authority, "index.txt", error,
                                                   "cannot be read: %s", strerror(errno));
    bool fine = read_lines(authority, file, index, error);
    fclose(file);
    return fine;
}

bool authority_index_add(struct authority_index *index, const struct authority_entry *entry)
{
    struct authority_entry *entries =
        reallocarray(index->entries, index->count + 1, sizeof(*entries));
    if (entries == NULL)
        return false;
    entries[index->count++] = *entry;
    index->entries = entries;
    return true;
}

void authority_index_clear(struct authority_index *index)
{
    free(index->entries);
    *index = (struct authority_index){NULL, 0};
}

/* ---- Writing --------------------------------------------------------------- */

static const char *format_time(time_t when, char text[20])
{
    struct tm parts;
    text[0] = '\0';
    if (when != 0 && gmtime_r(&when, &parts) != NULL)
        strftime(text, 20, when < FIRST_2050S ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &parts);
    return text;
}

bool authority_index_write(const struct authority *authority, const struct authority_index *index,
                           struct error *error)
{
    char expires[20], revoked[20];
    BIO *lines = BIO_new(BIO_s_mem());
    for (size_t i = 0; i < index->count && lines != NULL; i++) {
        const struct authority_entry *entry = &index->entries[i];
        if (BIO_printf(lines, "%c\t%s\t%s\t%s\t%s\t%s\n", entry->revoked == 0 ? 'V' : 'R',
                       format_time(entry->expires, expires), format_time(entry->revoked, revoked),
                       entry->serial, entry->name, entry->subject) > 0)
            continue;
        BIO_free(lines);
        lines = NULL;
    }
    return authority_write(authority, "index.txt", lines, PEM_FILE_PUBLIC, PEM_FILE_REPLACE, error);
}

bool authority_list(const char *directory, struct authority_entry **entries, size_t *count,
                    struct error *error)
{
    struct authority authority;
    struct authority_index index = {NULL, 0};
    bool read = authority_open_directory(&authority, directory, error) &&
                authority_index_read(&authority, &index, error);
    if (read && !authority_has(&authority, "ca.pem"))
        read = authority_refuse(&authority, "ca.pem", error,
                                "there is no authority here; sallyport ca init makes one");
    authority_close(&authority);
    if (!read)
        authority_index_clear(&index);
    *entries = index.entries;
    *count = index.count;
    return read;
}
