/* All lines become one array, sorted by name and then by place in the file; a search finds a name's
 * first. */
#include "proxy/resolver_hosts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/arena.h"
#include "proxy/clock.h"

#define FILE_MAXIMUM  ((size_t)4 * 1024 * 1024)
#define LOOK_AGAIN_MS 1000

struct line {
    struct span name;
    struct ip ip;
    size_t order;
};

struct resolver_hosts {
    char *path;
    struct timespec changed; /* the file's, when it was read */
    off_t size;
    uint64_t looked; /* milliseconds, monotonic; 0: never */
    struct arena *arena;
    struct line *lines;
    size_t count;
    size_t capacity;
};

static int compare_names(struct span a, struct span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *left = a, *right = b;
    int order = compare_names(left->name, right->name);
    return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

static void add_line(struct resolver_hosts *hosts, struct span name, const struct ip *ip)
{
    struct host host;
    struct error error;
    if (!host_parse(name, &host, &error) || host.kind != HOST_NAME)
        return;
    if (hosts->count == hosts->capacity) {
        size_t capacity = hosts->capacity == 0 ? 64 : hosts->capacity * 2;
        struct line *grown = realloc(hosts->lines, capacity * sizeof(*grown));
        if (grown == NULL)
            return;
        hosts->lines = grown;
        hosts->capacity = capacity;
    }
    struct span copy = arena_copy(hosts->arena, host_span(&host));
    if (copy.data == NULL)
        return;
    hosts->lines[hosts->count] = (struct line){copy, *ip, hosts->count};
    hosts->count++;
}

/* The next word of REST, "" at its end; blanks before it are dropped. */
static struct span take_word(struct span *rest)
{
    size_t length = 0;
    *rest = span_trim(*rest);
    while (length < rest->length && rest->data[length] != ' ' && rest->data[length] != '\t')
        length++;
    struct span word = span_slice(*rest, 0, length);
    *rest = span_after(*rest, length);
    return word;
}

/* What is no address and names is passed over, as every reader of this file does. */
static void read_line(struct resolver_hosts *hosts, struct span line)
{
    struct ip ip;
    struct span word;
    line.length = span_find(line, '#');
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    if (!ip_parse(take_word(&line), &ip))
        return;
    while ((word = take_word(&line)).length > 0)
        add_line(hosts, word, &ip);
}

static void read_text(struct resolver_hosts *hosts, struct span text)
{
    while (text.length > 0) {
        size_t end = span_find(text, '\n');
        read_line(hosts, span_slice(text, 0, end));
        text = span_after(text, end < text.length ? end + 1 : end);
    }
    if (hosts->count > 0)
        qsort(hosts->lines, hosts->count, sizeof(hosts->lines[0]), compare_lines);
}

static void read_file(struct resolver_hosts *hosts, int fd, size_t size)
{
    char *bytes = malloc(size);
    size_t length = 0;
    ssize_t got;
    while (bytes != NULL && length < size && (got = read(fd, bytes + length, size - length)) > 0)
        length += (size_t)got;
    if (length > 0)
        read_text(hosts, (struct span){bytes, length});
    free(bytes);
}

static void forget(struct resolver_hosts *hosts)
{
    arena_free(hosts->arena);
    hosts->arena = arena_new(FILE_MAXIMUM * 2);
    hosts->count = 0;
}

static bool is_same(const struct resolver_hosts *hosts, const struct stat *file)
{
    return hosts->arena != NULL && hosts->size == file->st_size &&
           hosts->changed.tv_sec == file->st_mtim.tv_sec &&
           hosts->changed.tv_nsec == file->st_mtim.tv_nsec;
}

/* Reads the file when it is not the one that was read. */
static void refresh(struct resolver_hosts *hosts)
{
    struct stat file = {.st_size = 0};
    uint64_t now = clock_milliseconds();
    if (hosts->path[0] == '\0' || (hosts->looked != 0 && now - hosts->looked < LOOK_AGAIN_MS))
        return;
    hosts->looked = now;
    int fd = open(hosts->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)))
        file.st_size = 0;
    if (!is_same(hosts, &file)) {
        forget(hosts);
        hosts->size = file.st_size;
        hosts->changed = file.st_mtim;
        if (hosts->arena != NULL && file.st_size > 0 && (size_t)file.st_size <= FILE_MAXIMUM)
            read_file(hosts, fd, (size_t)file.st_size);
    }
    if (fd >= 0)
        close(fd);
}

struct resolver_hosts *resolver_hosts_new(const char *path)
{
    struct resolver_hosts *hosts = calloc(1, sizeof(*hosts));
    if (hosts == NULL)
        return NULL;
    hosts->path = span_duplicate(span_of(path));
    if (hosts->path != NULL)
        return hosts;
    free(hosts);
    return NULL;
}

void resolver_hosts_free(struct resolver_hosts *hosts)
{
    if (hosts == NULL)
        return;
    arena_free(hosts->arena);
    free(hosts->lines);
    free(hosts->path);
    free(hosts);
}

/* The first line with NAME, or where it would stand. */
static size_t first_line(const struct resolver_hosts *hosts, struct span name)
{
    size_t low = 0, high = hosts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(hosts->lines[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_localhost(struct span name)
{
    return span_equal(name, SPAN("localhost")) || span_ends_with(name, SPAN(".localhost"));
}

bool resolver_hosts_find(struct resolver_hosts *hosts, struct span name,
                         struct resolver_answer *answer)
{
    refresh(hosts);
    answer->status = RESOLVER_OK;
    answer->count = 0;
    for (size_t i = first_line(hosts, name);
         i < hosts->count && span_equal(hosts->lines[i].name, name) &&
         answer->count < RESOLVER_ADDRESSES_MAXIMUM;
         i++)
        answer->addresses[answer->count++] = hosts->lines[i].ip;
    if (answer->count == 0 && is_localhost(name)) {
        answer->addresses[0] = (struct ip){.family = 4, .bytes = {127, 0, 0, 1}};
        answer->addresses[1] = (struct ip){.family = 6, .bytes = {[15] = 1}};
        answer->count = 2;
    }
    return answer->count > 0;
}
