/*
 * Promises of whole sessions, by the scripts that the session fuzzer has kept: each
 * of them holds (test/fuzz/fuzz_session.c tells what that means), and still does
 * when any one allocation of the proxy, or of its event loop, fails on the way.
 * Rests on the linker's --wrap (see the Makefile), as the fuzzer's world does.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/suite.h"

#define SCRIPTS          "test/fuzz/corpus/session"
#define SCRIPTS_MAXIMUM  1024
#define ATTEMPTS_AT_MOST 2000

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct script {
    char name[64];
    uint8_t *bytes;
    size_t size;
};

static struct script scripts[SCRIPTS_MAXIMUM];
static int script_count;
static char current[128]; /* which script runs, and which allocation fails */

/* ---- allocations, of which one fails ------------------------------------------------------ */

static unsigned long left; /* until the one that fails; 0: none does */
static bool failed;        /* it did */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

static bool fails_now(void)
{
    if (left == 0 || --left > 0)
        return false;
    failed = true;
    errno = ENOMEM;
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

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return fails_now() ? NULL : __real_reallocarray(old, count, size);
}

/* ---- the scripts --------------------------------------------------------------------------- */

static void read_script(const char *name)
{
    struct script *script = &scripts[script_count];
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", SCRIPTS, name);
    snprintf(script->name, sizeof(script->name), "%s", name);
    FILE *file = fopen(path, "rb");
    script->bytes = malloc((size_t)1 << 16);
    if (file == NULL || script->bytes == NULL)
        abort();
    script->size = fread(script->bytes, 1, (size_t)1 << 16, file);
    fclose(file);
    script_count++;
}

static void read_scripts(void)
{
    struct dirent *entry;
    DIR *directory = opendir(SCRIPTS);
    if (directory == NULL)
        abort();
    while ((entry = readdir(directory)) != NULL && script_count < SCRIPTS_MAXIMUM) {
        if (entry->d_name[0] != '.')
            read_script(entry->d_name);
    }
    closedir(directory);
}

/* Once, before the tests: they are children of this process. */
static void make_world(void)
{
    int count = 0;
    char **arguments = NULL;
    event_set_mem_functions(__wrap_malloc, __wrap_realloc, free);
    LLVMFuzzerInitialize(&count, &arguments);
    for (int i = 0; i < script_count; i++) /* what is made once and kept is made now */
        LLVMFuzzerTestOneInput(scripts[i].bytes, scripts[i].size);
}

static void run_with_failure(const struct script *script, unsigned long at)
{
    failed = false;
    snprintf(current, sizeof(current), "%s, allocation %lu\n", script->name, at);
    left = at;
    LLVMFuzzerTestOneInput(script->bytes, script->size);
    left = 0;
}

START_TEST(holds_whatever_allocation_fails)
{
    const struct script *script = &scripts[_i];
    unsigned long at = 0;
    mark_point();
    do {
        run_with_failure(script, ++at);
    } while (failed && at < ATTEMPTS_AT_MOST);
    ck_assert_msg(!failed, "%s allocates without end", script->name);
}
END_TEST

/* A script that does not hold ends the process: its name is what one wants to know. */
static void on_abort(int number)
{
    (void)number;
    ssize_t written = write(STDERR_FILENO, current, strlen(current));
    (void)written;
}

int main(void)
{
    signal(SIGABRT, on_abort);
    read_scripts();
    make_world();
    Suite *suite = suite_create("session_memory");
    TCase *tests = tcase_create("session_memory");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, holds_whatever_allocation_fails, 0, script_count);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
