/*
 * Promises of all commands about memory that runs out: at whatever allocation
 * it does, a command says so and exits with 2, and never says what is not so.
 * Rests on the linker's --wrap (see the Makefile): the library's allocations pass
 * through the functions below, of which one, counted from the beginning, fails.
 */
#include <errno.h>
#include <sys/mman.h>

#include "test/policy/running.h"
#include "test/suite.h"

#define DATA             "test/policy/data/"
#define ATTEMPTS_AT_MOST 20000

static unsigned long left; /* allocations until the one that fails; 0: none does */
static bool *failed;       /* it did; shared with the command's process */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
int __real_posix_memalign(void **block, size_t alignment, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
int __wrap_posix_memalign(void **block, size_t alignment, size_t size);

static bool fails_now(void)
{
    if (left == 0 || --left > 0)
        return false;
    *failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return fails_now() ? NULL : __real_reallocarray(old, count, size);
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
    return fails_now() ? ENOMEM : __real_posix_memalign(block, alignment, size);
}

static struct running whole, short_of_memory;
static const struct command *chosen;
static unsigned long fail_at;

/* Only the command itself is short of memory, and not the test that watches it. */
static int run_chosen(int argc, char **argv)
{
    left = fail_at;
    int status = chosen->run(argc, argv);
    left = 0;
    return status;
}

static const struct command watched = {.name = "watched", .run = run_chosen};

static void setup(void)
{
    failed = mmap(NULL, sizeof(*failed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(failed, MAP_FAILED);
}

static void teardown(void)
{
    munmap(failed, sizeof(*failed));
}

/* What was lost was not needed for the answer. */
static bool is_whole(void)
{
    return short_of_memory.status == whole.status &&
           strcmp(short_of_memory.output, whole.output) == 0;
}

/* GIVEN one allocation that fails, THEN this is what was said. */
static void expect_refusal(const char *line, unsigned long at)
{
    if (is_whole())
        return;
    ck_assert_msg(short_of_memory.status == COMMAND_BAD_INPUT, "%s ends with %d at allocation %lu",
                  line, short_of_memory.status, at);
    ck_assert_msg(short_of_memory.complaints[0] != '\0', "%s says nothing at allocation %lu", line,
                  at);
}

/* WHEN each allocation of COMMAND fails in its turn. */
static void run_short(const struct command *command, const char *line)
{
    chosen = command;
    fail_at = 0;
    running_run(&whole, &watched, line);
    for (unsigned long at = 1; at < ATTEMPTS_AT_MOST; at++) {
        fail_at = at;
        *failed = false;
        running_run(&short_of_memory, &watched, line);
        if (!*failed) {
            ck_assert(is_whole());
            ck_assert_uint_gt(at, 1);
            return;
        }
        expect_refusal(line, at);
    }
    ck_abort_msg("%s goes on allocating", line);
}

static const struct {
    const struct command *command;
    const char *line;
} lines[] = {
    {&command_check_description,
     "-m " DATA "everything.yml --set V=v.example.com --plain-http a.example.com"},
    {&command_check_description, "--policy conf/sample/policy -a demo -e development example.com"},
    {&command_check_description, "--policy conf/sample/policy -a orders -e staging "
                                 "https://payments-sandbox.example/v1/payments/1"},
    {&command_lint_description, DATA "manifests/pit-crew-for-jira.yml"},
    {&command_lint_description, "--format json " DATA "everything.yml"},
    {&command_lint_description, "--format sarif " DATA "everything.yml"},
    {&command_csp_description, DATA "everything.yml --set V=v.example.com --plain-http"},
    {&command_diff_description,
     DATA "manifests/pit-crew-for-jira.yml " DATA "manifests/flagsmith-jira-integration.yml"},
    {&command_review_description,
     DATA "diff/old.yml " DATA "diff/wider.yml --html - --log " DATA "logs/decisions.log"},
    {&command_why_description, "01 --log " DATA "logs/decisions.log --policy conf/sample/policy"},
    {&command_test_description, DATA "tests/good.yml"},
    {&command_replay_description, "-m " DATA "logs/manifest.yml " DATA "logs/decisions.log.1.gz"},
    {&command_replay_description,
     "--format json -m " DATA "logs/manifest.yml " DATA "logs/decisions.log"},
    {&command_learn_description,
     "-m " DATA "logs/manifest.yml --wildcards 2 " DATA "logs/decisions.log"},
    {&command_completion_description, "bash"},
    {&command_completion_description, "zsh"},
    {&command_completion_description, "fish"},
};

START_TEST(a_command_without_memory_says_so_and_ends_with_two)
{
    run_short(lines[_i].command, lines[_i].line);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("out_of_memory");
    TCase *tests = tcase_create("out_of_memory");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_command_without_memory_says_so_and_ends_with_two, 0,
                        (int)(sizeof(lines) / sizeof(lines[0])));
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
