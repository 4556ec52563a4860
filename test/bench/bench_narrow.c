/*
 * What narrow.yml costs a decision: ten thousand path patterns on one app, of the
 * kinds that people write, and expressions at their worst. Lines of plain text.
 *
 * Decisions are timed one by one, each for another path in random order, the clock's
 * reading and the path's normalising included; the slow ones by their processor time.
 */
#include <stdlib.h>
#include <time.h>

#include "policy/decision.h"

#define PATTERNS  10000
#define DECISIONS 100000
#define ARENA     ((size_t)256 << 20)
#define YAML_SIZE ((size_t)2 << 20)
#define LONG_PATH 4000

struct bench {
    struct snapshot *snapshot;
    struct target target;
    double (*clock)(void); /* nanoseconds */
    const char *kind;
    const char *method;
    bool allowed;                                   /* what every decision has to say */
    void (*path)(unsigned number, struct text *to); /* the path of pattern NUMBER */
};

static uint64_t random_state = 88172645463325252U;
static double times[DECISIONS];

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545F4914F6CDD1DU >> 32) * limit >> 32);
}

static double nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* This thread's own: what the machine's other work does not add to. */
static double processor_nanoseconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e9 + (double)used.tv_nsec;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_narrow: %s\n", what);
    exit(1);
}

static void *need(void *memory)
{
    if (memory == NULL)
        fail("memory is out");
    return memory;
}

/* ---- a policy ---------------------------------------------------------------------- */

static struct narrow *compile(struct span yaml)
{
    struct arena *arena = need(arena_new(ARENA));
    struct findings findings;
    struct error error;
    struct yaml_document *document =
        yaml_document_parse_within(yaml, "narrow.yml", &narrow_limits, &error);
    if (document == NULL)
        fail(error.message);
    findings_init(&findings, arena, "narrow.yml");
    const struct narrow_file *file = need(narrow_file_read(document, arena, &findings));
    struct narrow *narrow = findings_error(&findings, &error) ? NULL : narrow_new(file, &findings);
    if (findings_error(&findings, &error))
        fail(error.message);
    yaml_document_free(document);
    arena_free(arena);
    return need(narrow);
}

/* An app that declares http://api.example.com, narrowed as YAML says (NULL: not at all). */
static struct snapshot *make_snapshot(struct text *yaml)
{
    struct grant_rule rule = {.text = SPAN("http://api.example.com"), .at = {1, 1}};
    const struct grant grant = {.file = "manifest.yml", .rules = &rule, .count = 1};
    struct error error;
    if (!address_parse(rule.text, &rule.address, &error))
        fail(error.message);
    struct app_policy *policy = need(app_policy_new(SPAN("demo"), SPAN("production"), &grant));
    if (yaml != NULL)
        app_policy_set_narrow(policy, compile(text_span(yaml)));
    struct snapshot *snapshot = need(snapshot_new(&policy, 1));
    app_policy_unref(policy);
    return snapshot;
}

/* ---- measuring ----------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static double decide_one(const struct bench *bench, struct span asked)
{
    static struct path path;
    const struct subject subject = {SPAN("demo"), SPAN("production"), SPAN("")};
    const struct request_line request = {
        .method = span_of(bench->method), .has_path = true, .path = asked, .normal = &path};
    struct decision decision;
    double from = bench->clock();
    decide_request(bench->snapshot, &subject, &bench->target, &request, &decision);
    double took = bench->clock() - from;
    if ((decision.verdict == VERDICT_ALLOW) != bench->allowed)
        fail("a decision is not what it has to be");
    return took;
}

static void measure(const struct bench *bench, size_t count)
{
    char storage[LONG_PATH + 64];
    struct text asked;
    for (size_t i = 0; i < count; i++) {
        text_init_fixed(&asked, storage, sizeof(storage));
        bench->path(random_below(PATTERNS), &asked);
        times[i] = decide_one(bench, text_span(&asked));
    }
    qsort(times, count, sizeof(*times), compare_times);
    printf("narrow, %s: decision median %.0f ns, 99 %% below %.0f ns\n", bench->kind,
           times[count / 2], times[count * 99 / 100]);
}

/* ---- patterns ------------------------------------------------------------------------ */

static void literal_path(unsigned number, struct text *to)
{
    text_add_format(to, "/v2/collection-%u/items/item-%u", number % 100, number);
}

static void star_path(unsigned number, struct text *to)
{
    text_add_format(to, "/v2/tenant-%u/items/item-%u", number / 7, number);
}

static void below_path(unsigned number, struct text *to)
{
    text_add_format(to, "/v2/collection-%u/items/deeper/%%7Euser//item-%u", number, number * 3);
}

static void other_path(unsigned number, struct text *to)
{
    text_add_format(to, "/v3/collection-%u/items/item-%u", number % 100, number);
}

/* Every way to part it among the repetitions fails at its last byte. */
static void cubic_path(unsigned number, struct text *to)
{
    text_add_string(to, "/y/");
    for (unsigned i = 0; i < LONG_PATH; i++)
        text_add_char(to, i % 2 == number % 2 ? 'z' : 'a');
    text_add_string(to, "/!");
}

/* Not whole, so that no repetition can end it. */
static void catastrophic_path(unsigned number, struct text *to)
{
    text_add_string(to, "/x/");
    for (unsigned i = 0; i < LONG_PATH; i++)
        text_add_char(to, i % 7 == number % 7 ? 'b' : 'a');
    text_add_string(to, "c/");
}

static void add_pattern(struct text *yaml, unsigned number)
{
    switch (number % 3) {
    case 0:
        text_add_format(yaml, "    - /v2/collection-%u/items/item-%u\n", number % 100, number);
        break;
    case 1:
        text_add_format(yaml, "    - /v2/*/items/item-%u\n", number);
        break;
    default:
        text_add_format(yaml, "    - /v2/collection-%u/items/deeper/*\n", number);
    }
}

static struct snapshot *narrowed(bool with_regexes)
{
    struct text yaml;
    text_init(&yaml, YAML_SIZE);
    text_add_string(&yaml, "- address: http://api.example.com\n  methods: [GET, HEAD, POST]\n"
                           "  paths:\n");
    for (unsigned i = 0; i < PATTERNS; i++)
        add_pattern(&yaml, i);
    for (unsigned i = 0; with_regexes && i < NARROW_REGEXES_MAXIMUM - 2; i++)
        text_add_format(&yaml, "    - regex: '/reports-%u/[0-9]{4}-[0-9]{2}\\.csv'\n", i);
    if (with_regexes)
        text_add_string(&yaml, "    - regex: '/x/([a-z]*b)*c[^/]*([a-z]*b)*'\n"
                               "    - regex: '/y/.*az.*az.*az.*/[a-z]'\n");
    double from = nanoseconds();
    struct snapshot *snapshot = make_snapshot(&yaml);
    printf("narrow, %d patterns%s: loaded in %.1f ms, %zu KiB\n", PATTERNS,
           with_regexes ? " and 100 expressions" : "", (nanoseconds() - from) / 1e6,
           snapshot_size(snapshot) >> 10);
    text_clear(&yaml);
    return snapshot;
}

/* Patterns of each kind ask only for numbers of their kind. */
static unsigned of_kind(unsigned number, unsigned kind)
{
    return number / 3 * 3 + kind < PATTERNS ? number / 3 * 3 + kind : kind;
}

static void allowed_path(unsigned number, struct text *to)
{
    void (*const kinds[])(unsigned, struct text *) = {literal_path, star_path, below_path};
    kinds[number % 3](of_kind(number, number % 3), to);
}

int main(void)
{
    struct error error;
    struct bench bench = {
        .clock = nanoseconds, .method = "GET", .path = allowed_path, .allowed = true};
    if (!target_parse(SPAN("http://api.example.com"), &bench.target, &error))
        fail(error.message);
    bench.snapshot = make_snapshot(NULL);
    bench.kind = "no narrow.yml";
    measure(&bench, DECISIONS);
    snapshot_unref(bench.snapshot);
    bench.snapshot = narrowed(false);
    bench.kind = "10000 patterns, allowed";
    measure(&bench, DECISIONS);
    bench.allowed = false;
    bench.path = other_path;
    bench.kind = "10000 patterns, other path";
    measure(&bench, DECISIONS);
    bench.path = allowed_path;
    bench.method = "DELETE";
    bench.kind = "10000 patterns, other method";
    measure(&bench, DECISIONS);
    snapshot_unref(bench.snapshot);
    bench.method = "GET";
    bench.snapshot = narrowed(true);
    bench.path = other_path;
    bench.kind = "with 100 expressions, other path";
    measure(&bench, DECISIONS);
    bench.clock = processor_nanoseconds;
    bench.path = catastrophic_path;
    bench.kind = "an expression that runs away over 4000 bytes, cut";
    measure(&bench, DECISIONS / 100);
    bench.path = cubic_path;
    bench.kind = "another, which grows with the fourth power of 4000 bytes, cut";
    measure(&bench, DECISIONS / 100);
    snapshot_unref(bench.snapshot);
    return 0;
}
