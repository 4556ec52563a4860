/*
 * One line of the ledger, read and written. The form is exact, so a line has
 * one spelling only and the parser is a row of words that have to follow.
 */
#include "policy/ledger.h"

#include <stddef.h>
#include <time.h>

#include "certs/digest.h"
#include "policy/log_reader.h"
#include "policy/log_scan.h"

#define HASH_LENGTH (LEDGER_HASH_SIZE - 1)
#define DIGEST_WORD "sha256:"
#define HASH_WORD   ",\"hash\":\""
#define TAIL_LENGTH (sizeof(HASH_WORD) - 1 + HASH_LENGTH + 2) /* and the quote and brace behind */

/* The members that are strings, between "n" and "files". */
static const struct member {
    struct span before; /* what introduces it */
    size_t offset;      /* of its span in an entry */
    bool required;
} members[] = {
#define MEMBER(name, required)                                                                     \
    {                                                                                              \
        {",\"" #name "\":", sizeof(",\"" #name "\":") - 1}, offsetof(struct ledger_entry, name),   \
            required                                                                               \
    }
    MEMBER(time, true),         MEMBER(event, true),         MEMBER(app, false),
    MEMBER(environment, false), MEMBER(installation, false), MEMBER(version, false),
    MEMBER(by, false),          MEMBER(why, false),
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

bool ledger_digest(struct span bytes, char hex[LEDGER_HASH_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[DIGEST_SHA256_SIZE];
    if (!digest_sha256(bytes.data, bytes.length, digest))
        return false;
    for (size_t i = 0; i < sizeof(digest); i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[HASH_LENGTH] = '\0';
    return true;
}

bool ledger_path_valid(struct span path)
{
    bool begins = true;
    if (path.length == 0 || path.length > LEDGER_PATH_MAXIMUM || path.data[path.length - 1] == '/')
        return false;
    for (size_t i = 0; i < path.length; i++) {
        unsigned char byte = (unsigned char)path.data[i];
        if (byte <= ' ' || byte > '~' || (begins && (byte == '.' || byte == '/')))
            return false;
        begins = byte == '/';
    }
    return true;
}

/* ---- Reading ----------------------------------------------------------------------- */

/* Refuses what stands COUNT bytes before the place where the scan is. */
static bool refuse_before(struct scan *scan, size_t count, const char *why)
{
    const struct position at = {0, (uint32_t)(scan->at - scan->begin - (ptrdiff_t)count) + 1};
    error_set_at(scan->error, NULL, at, "%s", why);
    return false;
}

static bool take_word(struct scan *scan, struct span word)
{
    char why[128];
    if (scan_take_word(scan, word))
        return true;
    snprintf(why, sizeof(why), "an entry of the ledger goes on with %.*s here", SPAN_FORMAT(word));
    return scan_refuse(scan, why);
}

/* 64 hex digits and the quote behind them. */
static bool take_hash(struct scan *scan, struct span *hash)
{
    const char *begin = scan->at;
    while (scan->at < scan->end && scan->at - begin < HASH_LENGTH &&
           ((*scan->at >= '0' && *scan->at <= '9') || (*scan->at >= 'a' && *scan->at <= 'f')))
        scan->at++;
    *hash = (struct span){begin, (size_t)(scan->at - begin)};
    if (hash->length < HASH_LENGTH || !scan_take(scan, '"'))
        return scan_refuse(scan, "a hash is 64 hexadecimal digits, in lower case");
    return true;
}

static bool take_number(struct scan *scan, struct ledger_entry *entry)
{
    struct span digits;
    if (!take_word(scan, SPAN("{\"n\":")) || !scan_take_number(scan, &digits))
        return false;
    if (!span_parse_decimal(digits, UINT32_MAX, &entry->n) || entry->n == 0)
        return refuse_before(scan, digits.length, "entries are numbered from 1");
    return true;
}

static struct span *member_of(struct ledger_entry *entry, size_t index)
{
    return (struct span *)(void *)((char *)entry + members[index].offset);
}

static bool take_strings(struct scan *scan, struct ledger_entry *entry)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const struct member *member = &members[i];
        struct span *value = member_of(entry, i);
        if (!scan_take_word(scan, member->before)) {
            if (member->required)
                return take_word(scan, member->before);
            continue;
        }
        if (!scan_take_string(scan, value))
            return false;
        if (value->length == 0)
            return refuse_before(scan, 2, "an empty member; what is not known is left out");
    }
    return log_time_valid(entry->time) ||
           refuse_before(scan, 0, "the entry's time is none; it reads 2026-01-02T03:04:05.678901Z");
}

static bool take_file(struct scan *scan, struct ledger_entry *entry)
{
    struct ledger_file *file = &entry->files[entry->file_count];
    if (entry->file_count == LEDGER_FILES_MAXIMUM)
        return scan_refuse(scan, "more files than an entry can have");
    if (!scan_take_string(scan, &file->path))
        return false;
    if (!ledger_path_valid(file->path))
        return refuse_before(scan, 1, "no path of a policy file; it is relative to the directory");
    if (!take_word(scan, SPAN(":\"" DIGEST_WORD)) || !take_hash(scan, &file->digest))
        return false;
    entry->file_count++;
    return true;
}

static bool take_files(struct scan *scan, struct ledger_entry *entry)
{
    if (!scan_take_word(scan, SPAN(",\"files\":{")))
        return true;
    do {
        if (!take_file(scan, entry))
            return false;
    } while (scan_take(scan, ','));
    return take_word(scan, SPAN("}"));
}

static bool take_hashes(struct scan *scan, struct ledger_entry *entry)
{
    if (!take_word(scan, SPAN(",\"previous\":\"")) || !take_hash(scan, &entry->previous) ||
        !take_word(scan, SPAN(HASH_WORD)) || !take_hash(scan, &entry->hash) ||
        !take_word(scan, SPAN("}")))
        return false;
    return scan->at == scan->end || scan_refuse(scan, "more behind the entry");
}

static bool check_hash(struct scan *scan, const struct ledger_entry *entry)
{
    char hash[LEDGER_HASH_SIZE];
    struct span whole = {scan->begin, (size_t)(scan->end - scan->begin)};
    if (!ledger_digest(span_slice(whole, 0, whole.length - TAIL_LENGTH), hash))
        return refuse_before(scan, 0, "its hash cannot be computed");
    return span_equal(span_of(hash), entry->hash) ||
           refuse_before(scan, HASH_LENGTH + 2,
                         "the line was changed: it does not have the hash that it names");
}

bool ledger_entry_parse(struct span line, struct text *scratch, struct ledger_entry *entry,
                        struct error *error)
{
    struct scan scan = {line.data, line.data, line.data + line.length, scratch, error};
    text_reset(scratch);
    *entry = (struct ledger_entry){.n = 0};
    if (!take_number(&scan, entry) || !take_strings(&scan, entry) || !take_files(&scan, entry) ||
        !take_hashes(&scan, entry))
        return false;
    if (scratch->overflow)
        return scan_refuse(&scan, "too long a line");
    return check_hash(&scan, entry);
}

void ledger_format_now(char text[LEDGER_TIME_SIZE])
{
    struct timespec now;
    struct tm date;
    char seconds[LEDGER_TIME_SIZE / 2];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &date);
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &date);
    snprintf(text, LEDGER_TIME_SIZE, "%s.%06uZ", seconds,
             (unsigned)(now.tv_nsec / 1000) % 1000000U);
}

/* ---- Writing ----------------------------------------------------------------------- */

static void add_files(const struct ledger_entry *entry, struct text *text)
{
    for (size_t i = 0; i < entry->file_count; i++) {
        text_add_string(text, i == 0 ? ",\"files\":{" : ",");
        text_add_json(text, entry->files[i].path);
        text_add_format(text, ":\"" DIGEST_WORD "%.*s\"", SPAN_FORMAT(entry->files[i].digest));
    }
    if (entry->file_count > 0)
        text_add_char(text, '}');
}

bool ledger_entry_write(const struct ledger_entry *entry, struct text *text)
{
    char hash[LEDGER_HASH_SIZE];
    text_add_string(text, "{\"n\":");
    text_add_decimal(text, entry->n);
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        struct span value = *member_of((struct ledger_entry *)entry, i);
        if (value.length == 0)
            continue;
        text_add(text, members[i].before);
        text_add_json(text, value);
    }
    add_files(entry, text);
    text_add_format(text, ",\"previous\":\"%.*s\"", SPAN_FORMAT(entry->previous));
    if (text->overflow || !ledger_digest(text_span(text), hash))
        return false;
    text_add_format(text, HASH_WORD "%s\"}\n", hash);
    return !text->overflow && text->length <= LEDGER_LINE_MAXIMUM + 1;
}
