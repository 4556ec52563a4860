/*
 * What the policy engine costs: building a trie, a decision in it, loading and
 * reloading a directory of many apps. Lines of plain text, "name: value unit".
 *
 *   bench_policy [RULES…]      default: 10000 1000000
 *
 * Decisions are timed one by one with the time stamp counter, the cost of
 * reading it subtracted. The target has just been read, as a request's has; the
 * rules are asked for in random order, each as often as any other, so that next
 * to nothing that one decision fetched helps another. Beside that: the same
 * target asked again at once, which is the decision without its cache misses,
 * and a mix where the n-th rule is asked for 1/n as often as the first (Zipf).
 * The cost of one cache miss is a chase of random pointers through as many bytes
 * as the trie has, in memory like the trie's (huge pages) and in small pages.
 */
#include <ftw.h>
#include <stdlib.h>
#include <sys/mman.h>
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
    sample->grant.rules = need(calloc(count + 1, sizeof(struct grant_rule)));
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

/* What is asked, in few bytes: to read it takes little of the cache from the trie. */
struct question {
    size_t name_at;
    uint8_t name_length;
    enum scheme scheme;
    uint16_t port;
};

struct questions {
    struct question asked[DECISIONS];
    struct text names;
};

/* What a rule names, or a name below its wildcard; one in five is undeclared. */
static void add_question(struct questions *questions, struct question *question,
                         const struct grant_rule *rule)
{
    struct text *names = &questions->names;
    question->name_at = names->length;
    if (random_below(5) == 0)
        text_add_string(names, "undeclared-");
    if (rule->address.wildcard)
        text_add_format(names, "%s%u.", PICK(services), random_below(100));
    text_add(names, host_span(&rule->address.host));
    question->name_length = (uint8_t)(names->length - question->name_at);
    question->scheme = rule->address.scheme;
    question->port = rule->address.port;
}

/* The n-th of COUNT is chosen 1/n as often as the first: each octave of them alike. */
static uint32_t choose_by_rank(uint32_t count)
{
    uint32_t octaves = 32 - (uint32_t)__builtin_clz(count);
    uint32_t first = (uint32_t)1 << random_below(octaves);
    uint32_t rank = first + random_below(first);
    return rank <= count ? rank - 1 : choose_by_rank(count);
}

static void questions_make(struct questions *questions, const struct grant *grant,
                           uint32_t (*choose)(uint32_t))
{
    text_init(&questions->names, (size_t)1 << 30);
    for (size_t i = 0; i < DECISIONS; i++)
        add_question(questions, &questions->asked[i],
                     &grant->rules[choose((uint32_t)grant->count)]);
}

static struct target read_question(const struct questions *questions, size_t number)
{
    const struct question *question = &questions->asked[number];
    struct target target = {.scheme = question->scheme, .port = question->port};
    struct error error;
    struct span name =
        span_slice(text_span(&questions->names), question->name_at, question->name_length);
    if (!host_parse(name, &target.host, &error))
        fail(error.message);
    return target;
}

/* One miss: the time of a step along a random cycle through BYTES bytes; ADVICE for madvise. */
static double measure_miss(size_t bytes, int advice)
{
    const size_t huge = (size_t)2 << 20, steps = 2000000;
    const size_t size = (bytes + huge - 1) / huge * huge, count = bytes / 64;
    size_t at = 0, (*lines)[8];
    void *block;
    if (posix_memalign(&block, huge, size) != 0)
        fail("memory is out");
    madvise(block, size, advice);
    lines = block;
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

static uint32_t time_decision(const struct trie *trie, const struct target *target,
                              struct trie_answer *answer)
{
    unsigned core;
    _mm_lfence();
    uint64_t from = __rdtsc();
    _mm_lfence();
    trie_find(trie, target, answer);
    return (uint32_t)(__rdtscp(&core) - from);
}

/* Nanoseconds that PERCENT of TICKS, which it sorts, stay below; what the timer costs is taken off.
 */
static double percentile(uint32_t *ticks, size_t percent, double nanoseconds)
{
    static uint32_t overhead;
    if (overhead == 0)
        overhead = timer_cost();
    qsort(ticks, DECISIONS, sizeof(*ticks), compare_ticks);
    uint32_t found = ticks[(size_t)DECISIONS / 100 * percent];
    return found > overhead ? (found - overhead) * nanoseconds : 0;
}

static void measure_decisions(const struct trie *trie, const struct grant *grant,
                              uint32_t (*choose)(uint32_t), const char *mix)
{
    struct questions *questions = need(calloc(1, sizeof(*questions)));
    uint32_t *first = need(calloc(DECISIONS, sizeof(*first)));
    uint32_t *again = need(calloc(DECISIONS, sizeof(*again)));
    struct trie_answer answer;
    size_t allowed = 0;
    double nanoseconds = tick();
    questions_make(questions, grant, choose);
    for (size_t i = 0; i < DECISIONS; i++) {
        const struct target target = read_question(questions, i);
        first[i] = time_decision(trie, &target, &answer);
        again[i] = time_decision(trie, &target, &answer);
        allowed += answer.match == TRIE_MATCH;
    }
    printf("rules %zu, decision, %s: median %.0f ns, p99 %.0f ns; asked again at once %.0f ns "
           "(%.0f %% allowed)\n",
           grant->count, mix, percentile(first, 50, nanoseconds),
           percentile(first, 99, nanoseconds), percentile(again, 50, nanoseconds),
           (double)allowed * 100 / DECISIONS);
    text_clear(&questions->names);
    free(again);
    free(first);
    free(questions);
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
    measure_decisions(trie, &sample.grant, random_below, "every rule alike");
    measure_decisions(trie, &sample.grant, choose_by_rank, "n-th rule 1/n as often");
    printf("rules %zu, one cache miss in %zu KiB: %.0f ns in huge pages, %.0f ns in small ones\n",
           count, trie_size(trie) / 1024, measure_miss(trie_size(trie), MADV_HUGEPAGE),
           measure_miss(trie_size(trie), MADV_NOHUGEPAGE));
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
