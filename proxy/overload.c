/*
 * Descriptors are counted anew each time (a few loads a worker); memory and the
 * greediest app at most every so often, by whoever comes first.
 */
#include "proxy/overload.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proxy/clock.h"

#define LOOKS_APART       50   /* milliseconds */
#define WORKER_OWN        6    /* descriptors: its loop, poller and wake-up, and the resolver's */
#define PROCESS_OWN       4    /* opened later: the log, the watch of the policy */
#define RESERVED_PART     64   /* of all descriptors one in so many is not for clients, … */
#define RESERVED_ENOUGH   24   /* … and at least so many, … */
#define RESERVED_MOST     8    /* … but no more than one in so many */
#define STRANGERS_PART    32   /* one in so many may be nobody's during a shortage … */
#define STRANGERS_LEAST   4    /* … and at least so many */
#define NOTE_MILLISECONDS 1000 /* a worker's wait of longer ago tells nothing */

struct noted {
    atomic_size_t descriptors;
    atomic_uint_least64_t wait;
    atomic_uint_least64_t at; /* milliseconds, monotonic */
};

struct overload {
    const struct configuration *configuration;
    struct limiter *limiter;
    struct metrics *const *metrics;
    size_t workers;
    uint64_t limits[OVERLOAD_RESOURCES]; /* descriptors, bytes, nanoseconds; 0: not known */
    uint64_t own_descriptors;            /* the process's, besides connections */
    int memory_fd;                       /* /proc/self/statm */
    atomic_uint_least64_t memory;        /* bytes */
    atomic_uint_least64_t memory_due;    /* milliseconds: when to look again */
    _Atomic(const struct limit_account *) greediest;
    atomic_uint_least64_t greediest_due;
    atomic_int strangers;
    atomic_uint_least64_t gave_way[OVERLOAD_LEVELS][OVERLOAD_RESOURCES];
    struct noted noted[];
};

static const char *const resource_names[] = {
    [OVERLOAD_DESCRIPTORS] = "descriptors", [OVERLOAD_MEMORY] = "memory", [OVERLOAD_TIME] = "time"};

static const char *const level_names[] = {[OVERLOAD_NONE] = "nobody",
                                          [OVERLOAD_ANONYMOUS] = "anonymous",
                                          [OVERLOAD_GREEDIEST] = "greediest",
                                          [OVERLOAD_EVERYONE] = "everyone"};

/* ---- life ------------------------------------------------------------------- */

/* The lowest free one is as many as are open, while none was closed. */
static uint64_t open_descriptors(void)
{
    int fd = dup(STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? PROCESS_OWN : (uint64_t)fd;
}

static uint64_t descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return 0;
    const uint64_t all = limit.rlim_cur, most = all / RESERVED_MOST;
    uint64_t reserved = all / RESERVED_PART;
    if (reserved < RESERVED_ENOUGH)
        reserved = RESERVED_ENOUGH < most ? RESERVED_ENOUGH : most;
    return all - reserved;
}

/* A number alone in a file; 0: there is none ("max"). */
static uint64_t read_number(const char *path)
{
    char digits[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t count = read(fd, digits, sizeof(digits) - 1);
    close(fd);
    return count <= 0 ? 0 : strtoull(digits, NULL, 10);
}

/* What is configured; else nine tenths of what the control group (in a container) or the machine
 * has. */
static uint64_t memory_limit(uint32_t configured)
{
    if (configured > 0)
        return (uint64_t)configured << 20;
    const uint64_t group = read_number("/sys/fs/cgroup/memory.max");
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages < 0 || page < 0 ? 0 : (uint64_t)pages * (uint64_t)page;
    if (group > 0 && (machine == 0 || group < machine))
        machine = group;
    return machine / 10 * 9;
}

struct overload *overload_new(const struct configuration *configuration, struct limiter *limiter,
                              struct metrics *const *metrics, size_t workers)
{
    struct overload *overload = calloc(1, sizeof(*overload) + workers * sizeof(struct noted));
    if (overload == NULL)
        return NULL;
    overload->configuration = configuration;
    overload->limiter = limiter;
    overload->metrics = metrics;
    overload->workers = workers;
    overload->limits[OVERLOAD_DESCRIPTORS] = descriptor_limit();
    overload->limits[OVERLOAD_MEMORY] = memory_limit(configuration->overload_memory);
    overload->limits[OVERLOAD_TIME] = configuration->overload_wait * UINT64_C(1000000);
    overload->memory_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    overload->own_descriptors = open_descriptors() + workers * WORKER_OWN + PROCESS_OWN;
    return overload;
}

void overload_free(struct overload *overload)
{
    if (overload != NULL && overload->memory_fd >= 0)
        close(overload->memory_fd);
    free(overload);
}

/* ---- how full --------------------------------------------------------------- */

void overload_note(struct overload *overload, size_t worker, size_t descriptors, uint64_t wait)
{
    struct noted *noted = &overload->noted[worker];
    atomic_store_explicit(&noted->descriptors, descriptors, memory_order_relaxed);
    atomic_store_explicit(&noted->wait, wait, memory_order_relaxed);
    atomic_store_explicit(&noted->at, clock_milliseconds(), memory_order_relaxed);
}

static uint64_t used_descriptors(const struct overload *overload)
{
    uint64_t used = overload->own_descriptors +
                    metrics_sum(overload->metrics, overload->workers, METRIC_CONNECTIONS_OPEN) +
                    metrics_sum(overload->metrics, overload->workers, METRIC_UPSTREAMS_OPEN) +
                    metrics_sum(overload->metrics, overload->workers, METRIC_STREAMS_OPEN);
    for (size_t i = 0; i < overload->workers; i++)
        used += atomic_load_explicit(&overload->noted[i].descriptors, memory_order_relaxed);
    return used;
}

/* The longest of those that workers noted lately. */
static uint64_t longest_wait(const struct overload *overload)
{
    const uint64_t now = clock_milliseconds();
    uint64_t longest = 0;
    for (size_t i = 0; i < overload->workers; i++) {
        const struct noted *noted = &overload->noted[i];
        const uint64_t wait = atomic_load_explicit(&noted->wait, memory_order_relaxed);
        const uint64_t at = atomic_load_explicit(&noted->at, memory_order_relaxed);
        if (wait > longest && at + NOTE_MILLISECONDS > now)
            longest = wait;
    }
    return longest;
}

/* True to one of all who ask, once in LOOKS_APART. */
static bool is_due(atomic_uint_least64_t *due)
{
    const uint64_t now = clock_milliseconds();
    uint64_t seen = atomic_load_explicit(due, memory_order_relaxed);
    return now >= seen && atomic_compare_exchange_strong(due, &seen, now + LOOKS_APART);
}

/* Resident pages are the second number of /proc/self/statm. */
static void look_at_memory(struct overload *overload)
{
    char numbers[64] = "";
    const long page = sysconf(_SC_PAGESIZE);
    if (pread(overload->memory_fd, numbers, sizeof(numbers) - 1, 0) <= 0)
        return;
    const char *second = strchr(numbers, ' ');
    if (second != NULL && page > 0)
        atomic_store_explicit(&overload->memory, strtoull(second, NULL, 10) * (uint64_t)page,
                              memory_order_relaxed);
}

/* What was freed goes back to the machine before anybody has to give way for it. */
static uint64_t used_memory(struct overload *overload)
{
    const uint64_t limit = overload->limits[OVERLOAD_MEMORY];
    if (is_due(&overload->memory_due)) {
        look_at_memory(overload);
        if (atomic_load(&overload->memory) >
                limit / 100 * overload->configuration->overload_anonymous &&
            malloc_trim(0) != 0)
            look_at_memory(overload);
    }
    return atomic_load_explicit(&overload->memory, memory_order_relaxed);
}

static uint64_t used_of(struct overload *overload, enum overload_resource resource)
{
    switch (resource) {
    case OVERLOAD_DESCRIPTORS:
        return used_descriptors(overload);
    case OVERLOAD_MEMORY:
        return used_memory(overload);
    case OVERLOAD_TIME:
        return longest_wait(overload);
    case OVERLOAD_RESOURCES:
        break;
    }
    return 0;
}

/* In parts of a hundred; more than that where it is over its limit. */
static uint64_t fullness(struct overload *overload, enum overload_resource resource)
{
    const uint64_t limit = overload->limits[resource];
    return limit == 0 ? 0 : used_of(overload, resource) * 100 / limit;
}

enum overload_level overload_level(struct overload *overload, enum overload_resource *resource)
{
    const struct configuration *configuration = overload->configuration;
    uint64_t fullest = 0;
    *resource = OVERLOAD_DESCRIPTORS;
    for (int i = 0; i < OVERLOAD_RESOURCES; i++) {
        const uint64_t full = fullness(overload, (enum overload_resource)i);
        if (full <= fullest)
            continue;
        fullest = full;
        *resource = (enum overload_resource)i;
    }
    if (fullest >= configuration->overload_everyone)
        return OVERLOAD_EVERYONE;
    if (fullest >= configuration->overload_greediest)
        return OVERLOAD_GREEDIEST;
    return fullest >= configuration->overload_anonymous ? OVERLOAD_ANONYMOUS : OVERLOAD_NONE;
}

bool overload_is_full(struct overload *overload)
{
    return fullness(overload, OVERLOAD_DESCRIPTORS) >= 100;
}

/* ---- who gives way ---------------------------------------------------------- */

static const char *words_for(enum overload_level level, enum overload_resource resource)
{
    static const char *const words[OVERLOAD_LEVELS][OVERLOAD_RESOURCES] = {
        [OVERLOAD_ANONYMOUS] = {"the proxy is short of descriptors; who has shown no credentials "
                                "gives way",
                                "the proxy is short of memory; who has shown no credentials gives "
                                "way",
                                "the proxy is short of processor time; who has shown no "
                                "credentials gives way"},
        [OVERLOAD_GREEDIEST] = {"the proxy is short of descriptors; this app holds the most and "
                                "gives way",
                                "the proxy is short of memory; this app holds the most and gives "
                                "way",
                                "the proxy is short of processor time; this app holds the most and "
                                "gives way"},
        [OVERLOAD_EVERYONE] = {"the proxy is out of descriptors", "the proxy is out of memory",
                               "the proxy is out of processor time"},
    };
    return words[level][resource];
}

static const struct limit_account *greediest(struct overload *overload)
{
    if (is_due(&overload->greediest_due))
        atomic_store(&overload->greediest, limiter_greediest(overload->limiter));
    return atomic_load(&overload->greediest);
}

static bool give_way(struct overload *overload, enum overload_level level,
                     enum overload_resource resource, const char **why)
{
    atomic_fetch_add_explicit(&overload->gave_way[level][resource], 1, memory_order_relaxed);
    *why = words_for(level, resource);
    return true;
}

bool overload_gives_way(struct overload *overload, const struct limit_account *account,
                        const char **why)
{
    enum overload_resource resource;
    const enum overload_level level = overload_level(overload, &resource);
    if (level == OVERLOAD_NONE)
        return false;
    if (level == OVERLOAD_EVERYONE)
        return give_way(overload, OVERLOAD_EVERYONE, resource, why);
    if (account == NULL)
        return give_way(overload, OVERLOAD_ANONYMOUS, resource, why);
    return level == OVERLOAD_GREEDIEST && account == greediest(overload) &&
           give_way(overload, OVERLOAD_GREEDIEST, resource, why);
}

bool overload_stranger_gives_way(struct overload *overload, const char **why)
{
    const uint64_t part = overload->limits[OVERLOAD_DESCRIPTORS] / STRANGERS_PART;
    const int most = part < STRANGERS_LEAST ? STRANGERS_LEAST : (int)part;
    enum overload_resource resource;
    const enum overload_level level = overload_level(overload, &resource);
    if (level == OVERLOAD_EVERYONE)
        return give_way(overload, OVERLOAD_EVERYONE, resource, why);
    return level != OVERLOAD_NONE && atomic_load(&overload->strangers) > most &&
           give_way(overload, OVERLOAD_ANONYMOUS, resource, why);
}

void overload_count_stranger(struct overload *overload, int change)
{
    atomic_fetch_add_explicit(&overload->strangers, change, memory_order_relaxed);
}

/* ---- in words --------------------------------------------------------------- */

void overload_write_trouble(struct overload *overload, struct text *out)
{
    enum overload_resource resource;
    const enum overload_level level = overload_level(overload, &resource);
    if (level != OVERLOAD_NONE)
        text_add_format(out, "overloaded: %s %llu %% used, new work of %s gives way\n",
                        resource_names[resource], (unsigned long long)fullness(overload, resource),
                        level_names[level]);
}

static void write_gave_way(const struct overload *overload, enum overload_level level,
                           struct text *out)
{
    for (int i = 0; i < OVERLOAD_RESOURCES; i++)
        text_add_format(out, "sallyport_gave_way_total{who=\"%s\",resource=\"%s\"} %llu\n",
                        level_names[level], resource_names[i],
                        (unsigned long long)atomic_load(&overload->gave_way[level][i]));
}

void overload_write_metrics(struct overload *overload, struct text *out)
{
    text_add_string(out, "# HELP sallyport_used_ratio Of each limited resource, how much is used.\n"
                         "# TYPE sallyport_used_ratio gauge\n");
    for (int i = 0; i < OVERLOAD_RESOURCES; i++) {
        const uint64_t percent = fullness(overload, (enum overload_resource)i);
        text_add_format(out, "sallyport_used_ratio{resource=\"%s\"} %llu.%02llu\n",
                        resource_names[i], (unsigned long long)(percent / 100),
                        (unsigned long long)(percent % 100));
    }
    text_add_string(out, "# HELP sallyport_gave_way_total New work refused in overload.\n"
                         "# TYPE sallyport_gave_way_total counter\n");
    for (int level = OVERLOAD_ANONYMOUS; level < OVERLOAD_LEVELS; level++)
        write_gave_way(overload, (enum overload_level)level, out);
}
