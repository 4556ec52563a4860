/*
 * What a comparison promises of any two manifests, held against the compiled
 * policies: both are made from one small pool of entries, so that they cover,
 * narrow and repeat each other on purpose. SALLYPORT_SEED chooses the run (it is
 * printed), SALLYPORT_DIFF_PAIRS its length.
 */
#include <time.h>

#include "policy/trie.h"
#include "policy/version_diff.h"
#include "test/policy/reading.h"
#include "test/policy/slow.h"
#include "test/suite.h"

#define PAIRS              20000
#define TARGETS_PER_PAIR   24
#define ENTRIES_MAXIMUM    6
#define TEXT_SIZE          4096
#define ANALYTICS_SWITCHES 2

static uint64_t seed;
static uint64_t random_state;
static unsigned long pairs;

static uint32_t below(uint32_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545F4914F6CDD1DU >> 32) * limit >> 32);
}

static bool one_in(uint32_t number)
{
    return below(number) == 0;
}

#define PICK(list) (list)[below(sizeof(list) / sizeof((list)[0]))]

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoul(text, NULL, 10);
}

static void start(void)
{
    seed = from_environment("SALLYPORT_SEED", (unsigned long)time(NULL));
    pairs = from_environment("SALLYPORT_DIFF_PAIRS", PAIRS);
    random_state = seed * 2 + 1;
    printf("SALLYPORT_SEED=%llu\n", (unsigned long long)seed);
}

/* ---- Random manifests ------------------------------------------------------ */

static const char *const schemes[] = {"", "", "", "https://", "wss://", "http://"};
static const char *const ports[] = {"", "", "", "", ":8443", ":443"};
static const char *const names[] = {"a.com",     "b.com",     "b.a.com",
                                    "c.b.a.com", "d.b.a.com", "ba.com"};

static void add_address(struct text *text, bool wildcards)
{
    if (wildcards && one_in(20)) {
        text_add_string(text, "'*'");
        return;
    }
    text_add_format(text, "'%s%s%s%s'", PICK(schemes), wildcards && one_in(3) ? "*." : "",
                    PICK(names), PICK(ports));
}

static void add_entry(struct text *text)
{
    if (one_in(5)) {
        text_add_string(text, one_in(2) ? "{remote: r}," : "{remote: s},");
        return;
    }
    text_add_string(text, "{address: ");
    add_address(text, true);
    text_add_string(text, one_in(4) ? ", category: analytics" : "");
    text_add_string(text, one_in(4) ? ", inScopeEUD: false" : "");
    text_add_string(text, "},");
}

/* Entries that both manifests of a pair draw from; remotes' URLs too. */
struct pool {
    char entries[ENTRIES_MAXIMUM][128];
    char urls[3][64];
};

static void fill_pool(struct pool *pool)
{
    struct text text;
    for (size_t i = 0; i < ENTRIES_MAXIMUM; i++) {
        text_init_fixed(&text, pool->entries[i], sizeof(pool->entries[i]) - 1);
        add_entry(&text);
        pool->entries[i][text.length] = '\0';
    }
    for (size_t i = 0; i < 3; i++) {
        text_init_fixed(&text, pool->urls[i], sizeof(pool->urls[i]) - 1);
        add_address(&text, false);
        pool->urls[i][text.length] = '\0';
    }
}

static void add_remote(struct text *text, const struct pool *pool, const char *key)
{
    text_add_format(text, "- {key: %s", key);
    if (one_in(6))
        text_add_string(text, ", configurable: {supportedPatterns: ['*.a.com']}");
    if (one_in(2))
        text_add_format(text, ", baseUrl: %s", PICK(pool->urls));
    else
        text_add_format(text, ", baseUrl: {%s: %s, EU: %s}", one_in(2) ? "default" : "US",
                        PICK(pool->urls), PICK(pool->urls));
    text_add_string(text, "}\n");
}

/* EXTRA: one more entry at the end, "" for none. */
static void write_manifest(const struct pool *pool, uint32_t chosen, const char *extra,
                           struct text *text)
{
    text_add_string(text, "permissions: {external: {fetch: {backend: [");
    for (size_t i = 0; i < ENTRIES_MAXIMUM; i++) {
        if (chosen >> i & 1)
            text_add_string(text, pool->entries[i]);
    }
    text_add_format(text, "%s]}}}\n", extra);
}

/* ---- A manifest, compiled for each situation -------------------------------- */

static const char *const regions[] = {"EU", "US", "default"};
#define REGION_COUNT (sizeof(regions) / sizeof(regions[0]))

struct side {
    char yaml[TEXT_SIZE];
    struct reading reading;
    struct trie *tries[REGION_COUNT][ANALYTICS_SWITCHES]; /* [][0]: analytics on */
};

static struct trie *compile(struct grant grant, bool analytics)
{
    struct grant_rule kept[ENTRIES_MAXIMUM + 1];
    struct grant some = {.file = grant.file, .rules = kept};
    for (size_t i = 0; i < grant.count; i++) {
        if (analytics || !grant.rules[i].analytics)
            kept[some.count++] = grant.rules[i];
    }
    return trie_build(&some);
}

static void open_side(struct side *side)
{
    reading_start(&side->reading);
    side->reading.options.plain_http = true;
    reading_read(&side->reading, side->yaml);
    ck_assert_msg(side->reading.findings.errors == 0, "%s", side->yaml);
    for (size_t i = 0; i < REGION_COUNT; i++) {
        struct grant grant;
        ck_assert(manifest_grant(side->reading.manifest, span_of(regions[i]), side->reading.arena,
                                 &grant));
        side->tries[i][0] = compile(grant, true);
        side->tries[i][1] = compile(grant, false);
        ck_assert(side->tries[i][0] != NULL && side->tries[i][1] != NULL);
    }
}

static void close_side(struct side *side)
{
    for (size_t i = 0; i < REGION_COUNT; i++) {
        trie_unref(side->tries[i][0]);
        trie_unref(side->tries[i][1]);
    }
    reading_end(&side->reading);
}

static void write_side(struct side *side, const struct pool *pool, const char *remotes,
                       uint32_t chosen, const char *extra)
{
    struct text text;
    text_init_fixed(&text, side->yaml, sizeof(side->yaml) - 1);
    text_add_format(&text, "remotes:\n%s", remotes);
    write_manifest(pool, chosen, extra, &text);
    ck_assert(!text.overflow);
    side->yaml[text.length] = '\0';
}

static void write_remotes(const struct pool *pool, char remotes[512])
{
    struct text text;
    text_init_fixed(&text, remotes, 511);
    add_remote(&text, pool, "r");
    add_remote(&text, pool, "s");
    remotes[text.length] = '\0';
}

static struct side old, new;

/* Half of the pairs have the same remotes. */
static void open_pair(void)
{
    static struct pool pool;
    char remotes[512];
    fill_pool(&pool);
    write_remotes(&pool, remotes);
    write_side(&old, &pool, remotes, below(1U << ENTRIES_MAXIMUM), "");
    if (one_in(2))
        write_remotes(&pool, remotes);
    write_side(&new, &pool, remotes, below(1U << ENTRIES_MAXIMUM), "");
    open_side(&old);
    open_side(&new);
}

static void close_pair(void)
{
    close_side(&old);
    close_side(&new);
}

static const struct version_diff *compare(struct side *from, struct side *to)
{
    static const struct version_diff_options options = {.production = false};
    const struct version_diff *diff =
        version_diff(from->reading.manifest, to->reading.manifest, &options, to->reading.arena);
    ck_assert_ptr_nonnull(diff);
    return diff;
}

/* ---- What both let out ------------------------------------------------------ */

static struct target random_target(void)
{
    static const char *const target_schemes[] = {"https", "https", "wss", "http", "ws"};
    static const char *const target_ports[] = {"", "", ":8443", ":443", ":80"};
    struct target target;
    struct error error;
    char url[128];
    snprintf(url, sizeof(url), "%s://%s%s%s", PICK(target_schemes), one_in(3) ? "x." : "",
             PICK(names), PICK(target_ports));
    ck_assert(target_parse(span_of(url), &target, &error));
    if (one_in(3))
        target.scheme = SCHEME_TUNNEL;
    return target;
}

/* 0: denied; 1: allowed; 2: a tunnel that may carry anything. */
static int freedom(const struct trie *trie, const struct target *target)
{
    struct trie_answer answer;
    trie_find(trie, target, &answer);
    return answer.match != TRIE_MATCH ? 0 : answer.plain ? 2 : 1;
}

/* A target of some situation that AFTER lets out more freely than BEFORE: true. */
static bool lets_more_out(const struct side *before, const struct side *after,
                          const struct target *target)
{
    for (size_t i = 0; i < REGION_COUNT; i++) {
        for (size_t off = 0; off < ANALYTICS_SWITCHES; off++) {
            if (freedom(after->tries[i][off], target) > freedom(before->tries[i][off], target))
                return true;
        }
    }
    return false;
}

#define SHOW "SALLYPORT_SEED=%llu\n%s\n%s", (unsigned long long)seed, old.yaml, new.yaml

START_TEST(lets_nothing_more_out_when_it_says_same_or_narrower)
{
    clock_t began = clock();
    size_t narrower = 0;
    for (unsigned long i = 0; i < pairs; i++) {
        open_pair();
        enum version_verdict verdict = compare(&old, &new)->verdict;
        narrower += verdict == VERSION_NARROWER;
        for (size_t k = 0; k < TARGETS_PER_PAIR && verdict != VERSION_WIDER; k++) {
            struct target target = random_target();
            ck_assert_msg(!lets_more_out(&old, &new, &target), SHOW);
            ck_assert_msg(verdict != VERSION_SAME || !lets_more_out(&new, &old, &target), SHOW);
        }
        close_pair();
    }
    ck_assert_uint_gt(narrower, pairs / 100);
    ck_assert_double_lt(seconds_since(began), 5.0 * (double)pairs / PAIRS + 1);
}
END_TEST

START_TEST(needs_approval_for_everything_wider)
{
    for (unsigned long i = 0; i < pairs / 2; i++) {
        open_pair();
        const struct version_diff *diff = compare(&old, &new);
        ck_assert_msg(diff->verdict != VERSION_WIDER || diff->bump == BUMP_MAJOR, SHOW);
        ck_assert_msg(diff->verdict == VERSION_SAME || diff->bump != BUMP_NONE, SHOW);
        close_pair();
    }
}
END_TEST

/* Something that ITEM lets out, at a name that nothing else declares if it is a wildcard. */
static struct target witness(const struct reach_item *item, bool tunnel)
{
    const struct address *address = item->address;
    struct target target;
    struct error error;
    char url[512];
    if (address->scheme == SCHEME_ANY)
        snprintf(url, sizeof(url), "https://zq.invalid");
    else
        snprintf(url, sizeof(url), "%s://%s%s:%u", scheme_name(address->scheme),
                 address->wildcard ? "zq." : "", address->host.text, address->port);
    ck_assert(target_parse(span_of(url), &target, &error));
    if (tunnel)
        target.scheme = SCHEME_TUNNEL;
    return target;
}

START_TEST(can_show_a_target_for_everything_that_it_calls_added)
{
    for (unsigned long i = 0; i < pairs / 2; i++) {
        open_pair();
        const struct version_diff *diff = compare(&old, &new);
        for (size_t k = 0; k < diff->added_count; k++) {
            struct target url = witness(diff->added[k].item, false);
            struct target tunnel = witness(diff->added[k].item, true);
            ck_assert_msg(lets_more_out(&old, &new, &url) || lets_more_out(&old, &new, &tunnel),
                          SHOW);
        }
        close_pair();
    }
}
END_TEST

START_TEST(finds_no_difference_between_a_manifest_and_itself)
{
    for (unsigned long i = 0; i < pairs / 4; i++) {
        open_pair();
        const struct version_diff *diff = compare(&old, &old);
        ck_assert_msg(diff->verdict == VERSION_SAME && diff->change_count == 0, SHOW);
        close_pair();
    }
}
END_TEST

START_TEST(calls_removed_what_the_way_back_calls_added)
{
    for (unsigned long i = 0; i < pairs / 4; i++) {
        open_pair();
        size_t added = compare(&old, &new)->added_count;
        ck_assert_msg(compare(&new, &old)->removed_count == added, SHOW);
        close_pair();
    }
}
END_TEST

START_TEST(takes_no_allowance_away_by_adding_an_entry)
{
    for (unsigned long i = 0; i < pairs / 4; i++) {
        static struct pool pool;
        char remotes[512];
        uint32_t chosen = below(1U << (ENTRIES_MAXIMUM - 1));
        fill_pool(&pool);
        write_remotes(&pool, remotes);
        write_side(&old, &pool, remotes, chosen, "");
        write_side(&new, &pool, remotes, chosen, pool.entries[ENTRIES_MAXIMUM - 1]);
        open_side(&old);
        open_side(&new);
        ck_assert_msg(compare(&old, &new)->removed_count == 0, SHOW);
        for (size_t k = 0; k < TARGETS_PER_PAIR; k++) {
            struct target target = random_target();
            ck_assert_msg(!lets_more_out(&new, &old, &target), SHOW);
        }
        close_pair();
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("version_diff_property");
    TCase *group = tcase_create("version_diff_property");
    tcase_add_checked_fixture(group, start, NULL);
    tcase_set_timeout(group, 0);
    tcase_add_test(group, lets_nothing_more_out_when_it_says_same_or_narrower);
    tcase_add_test(group, needs_approval_for_everything_wider);
    tcase_add_test(group, can_show_a_target_for_everything_that_it_calls_added);
    tcase_add_test(group, finds_no_difference_between_a_manifest_and_itself);
    tcase_add_test(group, calls_removed_what_the_way_back_calls_added);
    tcase_add_test(group, takes_no_allowance_away_by_adding_an_entry);
    suite_add_tcase(all, group);
    return all;
}

int main(void)
{
    return suite_run(suite());
}
