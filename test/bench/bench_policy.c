/*
 * What the policy engine costs: building a trie, a decision in it, loading and
 * reloading a directory of many apps. Lines of plain text, "name: value unit".
 *
 *   bench_policy [RULES…]      default: 10000 1000000
 *
 * Decisions are timed one by one with the time stamp counter, the cost of
 * reading it subtracted, each for another host in random order: nothing that
 * one decision fetched helps the next. The cost of one cache miss beside them
 * is a chase of random pointers through as many bytes as the trie has.
 */
#include <ftw.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "policy/decision.h"
#include "policy/policy_directory.h"

#define DECISIONS 400000
#define APPS      10000
#define ADDRESSES 100

/* xorshift64*: the same names in every run. */
static uint64_t random_state = 88172645463325252U;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545F4914F6CDD1DU >> 32) * limit >> 32);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_policy: %s\n", what);
    exit(1);
}

static void *need(void *memory)
{
    if (memory == NULL)
        fail("memory is out");
    return memory;
}

/* Nanoseconds of one tick of the time stamp counter. */
static double tick(void)
{
    double from = seconds();
    uint64_t ticks = __rdtsc();
    while (seconds() - from < 0.05)
        continue;
    return (seconds() - from) * 1e9 / (double)(__rdtsc() - ticks);
}

static int compare_ticks(const void *a, const void *b)
{
    const uint32_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* ---- Names of real shape ------------------------------------------------- */

static const char *const services[] = {"api",   "www",   "auth",  "cdn",     "static",  "eu",
                                       "hooks", "login", "files", "gateway", "uploads", "app"};
static const char *const starts[] = {"cloud", "data", "pay",   "north", "blue", "open", "smart",
                                     "swift", "meta", "stone", "green", "my",   "go",   "net"};
static const char *const ends[] = {"flow", "hub",  "labs",  "desk", "ware", "point",
                                   "line", "base", "works", "ly",   "ify",  "soft"};
static const char *const tops[] = {"com", "com", "com", "com", "io",    "net",   "org",
                                   "dev", "app", "de",  "ai",  "co.uk", "cloud", "com.au"};

#define PICK(list) (list)[random_below(sizeof(list) / sizeof((list)[0]))]

/* "swifthub4711.com": COUNT of them at most. */
static void add_domain(struct text *text, size_t count)
{
    text_add_string(text, PICK(starts));
    text_add_string(text, PICK(ends));
    text_add_decimal(text, random_below((uint32_t)(count / 64 + 8)));
    text_add_char(text, '.');
    text_add_string(text, PICK(tops));
}

/* 70 % names, 25 % wildcards, 5 % with ports. */
static void add_address(struct text *text, size_t count)
{
    uint32_t kind = random_below(100);
    if (kind < 25)
        text_add_string(text, "*.");
    if (kind >= 25 && random_below(100) < 80) {
        text_add_string(text, PICK(services));
        if (random_below(4) == 0)
            text_add_decimal(text, random_below(30));
        text_add_char(text, '.');
    }
    add_domain(text, count);
    if (kind >= 95)
        text_add_string(text, random_below(2) == 0 ? ":8443" : ":9200");
}

struct sample {
    struct grant grant;
    struct text names;
};

static void sample_make(struct sample *sample, size_t count)
{
    size_t *starts_at = need(calloc(count + 1, sizeof(*starts_at)));
    struct error error;
    text_init(&sample->names, (size_t)1 << 30);
    for (size_t i = 0; i < count; i++) {
        starts_at[i] = sample->names.length;
        add_address(&sample->names, count);
    }
    starts_at[count] = sample->names.length;
    sample->grant = (struct grant){.file = "manifest.yml", .count = count};
    sample->grant.rules = need(calloc(count, sizeof(struct grant_rule)));
    double from = seconds();
    for (size_t i = 0; i < count; i++) {
        struct grant_rule *rule = &sample->grant.rules[i];
        rule->text =
            span_slice(text_span(&sample->names), starts_at[i], starts_at[i + 1] - starts_at[i]);
        rule->at = (struct position){(uint32_t)i + 1, 11};
        if (!address_parse(rule->text, &rule->address, &error))
            fail(error.message);
    }
    printf("rules %zu, reading addresses: %.3f s\n", count, seconds() - from);
    free(starts_at);
}

static void sample_clear(struct sample *sample)
{
    free(sample->grant.rules);
    text_clear(&sample->names);
}

/* ---- One trie ------------------------------------------------------------ */

/* A target for a rule: what it names, or a name below its wildcard; one in five is undeclared. */
static struct target make_target(const struct grant_rule *rule)
{
    char storage[300];
    struct text text;
    struct target target = {.scheme = rule->address.scheme, .port = rule->address.port};
    struct error error;
    text_init_fixed(&text, storage, sizeof(storage));
    if (random_below(5) == 0)
        text_add_string(&text, "undeclared-");
    if (rule->address.wildcard)
        text_add_format(&text, "%s%u.", PICK(services), random_below(100));
    text_add(&text, host_span(&rule->address.host));
    if (!host_parse(text_span(&text), &target.host, &error))
        fail(error.message);
    return target;
}

/* One miss: the time of a step along a random cycle through BYTES bytes. */
static double measure_miss(size_t bytes)
{
    size_t count = bytes / 64 + 1, at = 0, steps = 2000000;
    size_t(*lines)[8] = need(calloc(count, sizeof(*lines)));
    for (size_t i = 0; i < count; i++)
        lines[i][0] = i;
    for (size_t i = count - 1; i > 0; i--) {
        size_t other = random_below((uint32_t)i);
        size_t swap = lines[i][0];
        lines[i][0] = lines[other][0];
        lines[other][0] = swap;
    }
    double from = seconds();
    for (size_t i = 0; i < steps; i++)
        at = lines[at][0];
    double took = seconds() - from;
    free(lines);
    return at > count ? 0 : took * 1e9 / (double)steps;
}

static uint32_t timer_cost(void)
{
    uint32_t least = UINT32_MAX;
    for (int i = 0; i < 10000; i++) {
        unsigned core;
        uint64_t from = __rdtsc();
        _mm_lfence();
        uint32_t took = (uint32_t)(__rdtscp(&core) - from);
        least = took < least ? took : least;
    }
    return least;
}

static void measure_decisions(const struct trie *trie, const struct grant *grant)
{
    struct target *targets = need(calloc(DECISIONS, sizeof(*targets)));
    uint32_t *ticks = need(calloc(DECISIONS, sizeof(*ticks)));
    struct trie_answer answer;
    uint32_t overhead = timer_cost();
    size_t allowed = 0;
    double nanoseconds = tick();
    for (size_t i = 0; i < DECISIONS; i++)
        targets[i] = make_target(&grant->rules[random_below((uint32_t)grant->count)]);
    for (size_t i = 0; i < DECISIONS; i++) {
        unsigned core;
        /* The target is the request's own and warm; the trie is not. */
        const struct target target = targets[i];
        _mm_lfence();
        uint64_t from = __rdtsc();
        _mm_lfence();
        trie_find(trie, &target, &answer);
        uint32_t took = (uint32_t)(__rdtscp(&core) - from);
        ticks[i] = took > overhead ? took - overhead : 0;
        allowed += answer.match == TRIE_MATCH;
    }
    double from = seconds();
    for (size_t i = 0; i < DECISIONS; i++)
        trie_find(trie, &targets[i], &answer);
    double each = (seconds() - from) * 1e9 / DECISIONS;
    qsort(ticks, DECISIONS, sizeof(*ticks), compare_ticks);
    const uint32_t median = ticks[DECISIONS / 2], p99 = ticks[(size_t)DECISIONS / 100 * 99];
    printf("rules %zu, decision: median %.0f ns, p99 %.0f ns, one behind the other %.0f ns each "
           "(%.0f %% allowed)\n",
           grant->count, median * nanoseconds, p99 * nanoseconds, each,
           (double)allowed * 100 / DECISIONS);
    free(ticks);
    free(targets);
}

static void bench_trie(size_t count)
{
    struct sample sample;
    sample_make(&sample, count);
    double from = seconds();
    struct trie *trie = need(trie_build(&sample.grant));
    printf("rules %zu, building the trie: %.3f s\n", count, seconds() - from);
    printf("rules %zu, memory: %.1f bytes a rule, texts as declared %.1f of them\n", count,
           (double)trie_size(trie) / (double)count, (double)sample.names.length / (double)count);
    measure_decisions(trie, &sample.grant);
    printf("rules %zu, one cache miss in %zu KiB: %.0f ns\n", count, trie_size(trie) / 1024,
           measure_miss(trie_size(trie)));
    trie_unref(trie);
    sample_clear(&sample);
}

/* ---- A directory of many apps ---------------------------------------------- */

static char root[64];

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *walk)
{
    (void)file, (void)kind, (void)walk;
    return remove(path);
}

static void remove_directory(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* DIR/app-N/production/manifest.yml with ADDRESSES of its own. */
static void write_app(unsigned app)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/app-%u", root, app);
    mkdir(path, 0777);
    snprintf(path, sizeof(path), "%s/app-%u/production", root, app);
    mkdir(path, 0777);
    snprintf(path, sizeof(path), "%s/app-%u/production/manifest.yml", root, app);
    FILE *file = need(fopen(path, "w"));
    struct text text;
    text_init(&text, (size_t)1 << 20);
    text_add_format(&text, "app:\n  id: ari:cloud:ecosystem::app/%08u\n", app);
    text_add_string(&text, "permissions:\n  external:\n    fetch:\n      backend:\n");
    for (int i = 0; i < ADDRESSES; i++) {
        text_add_string(&text, "        - address: \"");
        add_address(&text, 1000000);
        text_add_string(&text, "\"\n");
    }
    if (text.overflow || fwrite(text.data, 1, text.length, file) != text.length ||
        fclose(file) != 0)
        fail("the sample directory cannot be written");
    text_clear(&text);
}

static void write_directory(void)
{
    strcpy(root, "/tmp/sallyport-bench-XXXXXX");
    need(mkdtemp(root));
    atexit(remove_directory);
    for (unsigned app = 0; app < APPS; app++)
        write_app(app);
}

static long peak_kilobytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static struct snapshot *load(const struct snapshot *previous)
{
    const struct policy_options options = {.plain_http = false};
    struct error error;
    struct snapshot *snapshot = policy_directory_load(root, &options, previous, &error);
    if (snapshot == NULL)
        fail(error.message);
    return snapshot;
}

/* One app's files read and put into a new snapshot; the old one given back. */
static void measure_reload(struct snapshot *snapshot)
{
    const struct policy_options options = {.plain_http = false};
    struct error error;
    double from = seconds();
    struct app_policy *policy =
        policy_directory_load_one(root, SPAN("app-4711"), SPAN("production"), &options, &error);
    if (policy == NULL)
        fail(error.message);
    double read = seconds();
    struct snapshot *next = need(snapshot_with(snapshot, policy));
    double made = seconds();
    snapshot_unref(next);
    app_policy_unref(policy);
    printf("apps %d, reload of one: %.2f ms (its manifest %.2f ms, the new snapshot %.2f ms, the "
           "old one freed %.2f ms)\n",
           APPS, (made - from) * 1e3, (read - from) * 1e3, (made - read) * 1e3,
           (seconds() - made) * 1e3);
}

static int compare_times(const void *a, const void *b)
{
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Decisions through the whole snapshot, each for another app, in batches of 100. */
static void measure_apps(const struct snapshot *snapshot)
{
    enum { BATCHES = 1000, BATCH = 100 };
    static double times[BATCHES];
    struct target target;
    struct error error;
    if (!target_parse(SPAN("https://api.cloudflow12.com"), &target, &error))
        fail(error.message);
    for (int i = 0; i < BATCHES; i++) {
        struct decision decision;
        double from = seconds();
        for (int j = 0; j < BATCH; j++) {
            char app[16];
            int length = snprintf(app, sizeof(app), "app-%u", random_below(APPS));
            const struct subject subject = {{app, (size_t)length}, SPAN("production"), SPAN("")};
            decide(snapshot, &subject, &target, &decision);
        }
        times[i] = (seconds() - from) * 1e9 / BATCH;
    }
    qsort(times, BATCHES, sizeof(*times), compare_times);
    printf("apps %d, decision for a random app (its name's printing included): median %.0f ns\n",
           APPS, times[BATCHES / 2]);
}

static void bench_directory(void)
{
    write_directory();
    long before = peak_kilobytes();
    double from = seconds();
    struct snapshot *snapshot = load(NULL);
    printf("apps %d x %d addresses, load: %.2f s, %ld MiB resident at most (%ld before), snapshot "
           "%zu MiB\n",
           APPS, ADDRESSES, seconds() - from, peak_kilobytes() / 1024, before / 1024,
           snapshot_size(snapshot) >> 20);
    measure_apps(snapshot);
    measure_reload(snapshot);
    write_app(1);
    from = seconds();
    struct snapshot *next = load(snapshot);
    printf("apps %d, whole directory loaded again, one app changed: %.0f ms\n", APPS,
           (seconds() - from) * 1e3);
    snapshot_unref(next);
    snapshot_unref(snapshot);
}

static size_t read_count(const char *text)
{
    uint64_t count;
    if (!span_parse_decimal(span_of(text), 100000000, &count) || count == 0)
        fail("RULES is a number from 1 to 100000000");
    return (size_t)count;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    bench_directory();
    if (argc < 2) {
        bench_trie(10000);
        bench_trie(1000000);
    }
    for (int i = 1; i < argc; i++)
        bench_trie(read_count(argv[i]));
    return 0;
}
