/*
 * What installations cost: loading many apps with many sites each, one approval
 * among them, a decision for a site, and the bytes of a site. Lines of plain
 * text, "name: value unit". Arguments: APPS SITES (default 1000 100).
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/decision.h"
#include "policy/policy_directory.h"

#define DECISIONS 1000000

static char root[64];

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_installations: %s\n", what);
    exit(1);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What the machine's other work does not add to. */
static double processor_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *walk)
{
    (void)file, (void)kind, (void)walk;
    return remove(path);
}

static void remove_directory(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static FILE *create(const char *format, unsigned app)
{
    char path[256], below[128];
    snprintf(below, sizeof(below), format, app);
    snprintf(path, sizeof(path), "%s/%s", root, below);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            fail("the sample directory cannot be made");
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    if (file == NULL)
        fail("a sample file cannot be written");
    return file;
}

static void write_manifest(const char *name, unsigned app, unsigned hosts)
{
    FILE *file = create(name, app);
    fputs("permissions:\n  external:\n    fetch:\n      backend:\n", file);
    for (unsigned i = 0; i < hosts; i++)
        fprintf(file, "        - address: \"api-%u.app-%u.example\"\n", i, app);
    if (fclose(file) != 0)
        fail("a manifest cannot be written");
}

static void write_installations(unsigned app, unsigned sites, unsigned approved)
{
    static const char *const more[] = {"", ", region: EU", ", analytics: off",
                                       ", region: US, analytics: off"};
    FILE *file = create("app-%u/production/installations.yml", app);
    fputs("installations:\n", file);
    for (unsigned i = 0; i < sites; i++)
        fprintf(file, "  - {id: site-%06u, approved: %u%s}\n", i, i == 0 ? approved : i % 2 + 1,
                more[i % 4]);
    if (fclose(file) != 0)
        fail("the installations cannot be written");
}

static void write_app(unsigned app, unsigned sites)
{
    write_manifest("app-%u/production/manifest.yml", app, 20);
    write_manifest("app-%u/production/versions/1.1/manifest.yml", app, 10);
    write_manifest("app-%u/production/versions/2.1/manifest.yml", app, 20);
    write_installations(app, sites, 1);
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

static void measure_decisions(const struct snapshot *snapshot, const char *what,
                              struct span installation, const char *asked)
{
    const struct subject subject = {SPAN("app-0"), SPAN("production"), installation};
    struct target target;
    struct error error;
    struct decision decision;
    if (!target_parse(span_of(asked), &target, &error))
        fail(error.message);
    double from = processor_seconds();
    for (int i = 0; i < DECISIONS; i++)
        decide(snapshot, &subject, &target, &decision);
    printf("decision, %s: %.0f ns, %s\n", what, (processor_seconds() - from) * 1e9 / DECISIONS,
           reason_name(decision.reason));
}

static unsigned read_count(const char *text)
{
    uint64_t count;
    if (!span_parse_decimal(span_of(text), 200000, &count) || count == 0)
        fail("APPS and SITES are numbers from 1 to 200000");
    return (unsigned)count;
}

int main(int argc, char **argv)
{
    unsigned apps = argc > 1 ? read_count(argv[1]) : 1000;
    unsigned sites = argc > 2 ? read_count(argv[2]) : 100;
    setvbuf(stdout, NULL, _IOLBF, 0);
    strcpy(root, "/tmp/sallyport-bench-XXXXXX");
    if (mkdtemp(root) == NULL)
        fail("no temporary directory");
    atexit(remove_directory);
    for (unsigned app = 0; app < apps; app++)
        write_app(app, sites);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL); /* files too young are read again */
    double from = seconds(), used = processor_seconds();
    struct snapshot *snapshot = load(NULL);
    printf("apps %u x %u installations, load: %.2f s (%.2f s of a processor), snapshot %zu KiB\n",
           apps, sites, seconds() - from, processor_seconds() - used,
           snapshot_size(snapshot) >> 10);
    size_t bytes = 0;
    for (size_t i = 0; i < snapshot_count(snapshot); i++) {
        const struct app_policy *policy = snapshot_at(snapshot, i);
        bytes += grant_table_size(app_policy_installations(policy), app_policy_trie(policy));
    }
    printf("an installation, its share of its app's tries included: %.1f bytes\n",
           (double)bytes / ((double)apps * sites));
    write_installations(apps / 2, sites, 2);
    from = seconds();
    used = processor_seconds();
    struct snapshot *next = load(snapshot);
    printf("one approval, the directory loaded again: %.1f ms (%.1f ms of a processor)\n",
           (seconds() - from) * 1e3, (processor_seconds() - used) * 1e3);
    measure_decisions(next, "no installation", SPAN(""), "api-3.app-0.example");
    measure_decisions(next, "an installation", SPAN("site-000001"), "api-3.app-0.example");
    measure_decisions(next, "a pending one", SPAN("site-000000"), "api-15.app-0.example");
    snapshot_unref(next);
    snapshot_unref(snapshot);
    return 0;
}
