/*
 * What sessions said is gone when they are: no memory goes back to the allocator,
 * from where another tenant gets it, with a message's bytes in it. Whole sessions
 * run in the session fuzzer's world with one word wherever a message can carry it,
 * and every block is searched for that word as it is freed.
 * Rests on the linker's --wrap (see the Makefile), as the fuzzer's world does;
 * test/fuzz/fuzz_session.c tells how a script is read.
 */
#include <check.h>
#include <event2/event.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/buffer.h"
#include "test/suite.h"

#define WORD           "Wort-von-App-A-1"
#define WORD_LENGTH    (sizeof(WORD) - 1)
#define MANY           4096 /* times the word: more than a socket, a relay and a buffer hold */
#define SCRIPT_MAXIMUM ((size_t)1 << 20)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* ---- what is freed is searched ----------------------------------------------------------------
 */

static bool searching;
static size_t freed;           /* blocks, since it is searched */
static char found[1024];       /* the beginning of the first block that held the word */
static size_t length_of_found; /* that block's; 0: none */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *block);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void __wrap_free(void *block);

/* What was never written is no finding: all memory is given out empty. */
void *__wrap_malloc(size_t size)
{
    return __real_calloc(1, size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return __real_calloc(count, size);
}

/* Always moves, so that what is left behind is searched as well. */
void *__wrap_realloc(void *old, size_t size)
{
    void *larger = __real_calloc(1, size);
    if (larger == NULL || old == NULL)
        return larger;
    const size_t held = malloc_usable_size(old);
    memcpy(larger, old, held < size ? held : size);
    __wrap_free(old);
    return larger;
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return __wrap_realloc(old, count * size);
}

void __wrap_free(void *block)
{
    if (searching && block != NULL) {
        const size_t size = malloc_usable_size(block);
        freed++;
        if (length_of_found == 0 && memmem(block, size, WORD, WORD_LENGTH) != NULL) {
            length_of_found = size;
            memcpy(found, block, size < sizeof(found) ? size : sizeof(found) - 1);
        }
    }
    __real_free(block);
}

/* ---- the scripts: '$' is the word, '~' many of them ------------------------------------------ */

#define CLIENT        "\xFF\x40" /* act 0 by the first client: its high half counts modulo four */
#define CLIENT_ENDS   "\xFF\x42"
#define CLIENT_LEAVES "\xFF\x43"
#define CLIENT_PAUSES "\xFF\x4A"
#define ORIGIN        "\xFF\x01"
#define ORIGIN_LEAVES "\xFF\x05"
#define ORIGIN_PAUSES "\xFF\x0B"
#define TIME_PASSES   "\xFF\x76"
#define TO            "http://a.test:8080/$?q=$ HTTP/1.1\r\nHost: a.test:8080\r\nCookie: $\r\n"
#define POST          "POST " TO "Content-Length: 65536\r\n\r\n"
#define CONNECT(where)                                                                             \
    "CONNECT " where " HTTP/1.1\r\nHost: " where "\r\nProxy-Authorization: $\r\n\r\n"

static const struct {
    const char *name;
    const char *script;
} sessions[] = {
    {"a request and its response",
     POST "~" ORIGIN "HTTP/1.1 200 OK\r\nSet-Cookie: $\r\nContent-Length: 65536\r\n\r\n~"},
    {"chunks both ways", "POST " TO "Transfer-Encoding: chunked\r\n\r\n10\r\n$\r\n" CLIENT
                         "10000;$=$\r\n~" CLIENT "\r\n0\r\nX: $\r\n\r\n" ORIGIN
                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n$\r\n" ORIGIN
                         "10000\r\n~\r\n0\r\nX: $\r\n\r\n"},
    {"a client that leaves in its body", POST "$$$" CLIENT_LEAVES},
    {"a client that leaves in its head", "POST " TO "X: $" CLIENT_LEAVES},
    {"a client whose head never ends", "POST " TO "X: $" TIME_PASSES},
    {"a head of many fields", "GET " TO "A: $$$$$$$$$$\r\nB: $$$$$$$$$$\r\nC: $$$$$$$$$$\r\n"
                              "D: $$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$\r\n\r\n"},
    {"a head that is too large", "GET " TO "A: ~~~\r\n\r\n"},
    {"requests behind a request", "GET " TO "\r\nGET " TO "\r\nGET " TO "\r\n" ORIGIN
                                  "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n$" CLIENT_LEAVES},
    {"a request that can be read in two ways", "GET " TO "A : $\r\n\r\nGET " TO "\r\n"},
    {"a denial",
     "POST http://evil.test/$ HTTP/1.1\r\nHost: evil.test\r\nX: $\r\nContent-Length: 65536\r\n\r\n~"},
    {"a response that can be read in two ways",
     "GET " TO "\r\n" ORIGIN "HTTP/1.1 200 OK\r\nA : $\r\nContent-Length: 16\r\n\r\n$"},
    {"an origin that leaves in its body",
     "GET " TO "\r\n" ORIGIN_LEAVES "HTTP/1.1 200 OK\r\nX: $\r\nContent-Length: 65536\r\n\r\n$$$"},
    {"an origin that says more than was asked",
     "GET " TO "\r\n" ORIGIN "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n$$$$" CLIENT "GET " TO
     "\r\n"},
    {"a client that does not read",
     "GET " TO "\r\n" CLIENT_PAUSES ORIGIN
     "HTTP/1.1 200 OK\r\nContent-Length: 655360\r\n\r\n~~~~~~~~" CLIENT_LEAVES},
    {"a tunnel", CONNECT("a.test:8080") CLIENT "$~" ORIGIN "$~" CLIENT "$" CLIENT_ENDS ORIGIN "$"},
    {"a tunnel whose client does not wait", CONNECT("a.test:8080") "$~"},
    {"a tunnel whose client does not read",
     CONNECT("a.test:8080") CLIENT_PAUSES ORIGIN "~~~~~~~~" CLIENT_LEAVES},
    {"a tunnel whose origin does not read",
     CONNECT("a.test:8080") CLIENT "$" ORIGIN_PAUSES "$" CLIENT "~~~~~~~~" ORIGIN_LEAVES "$"},
    {"a tunnel that is not TLS", CONNECT("t.test:8443") CLIENT "$$$$"},
    {"a tunnel whose ClientHello never ends",
     CONNECT("t.test:8443") CLIENT "\x16\x03\x01\x02\x10\x01$$$" TIME_PASSES},
};

static size_t write_script(const char *script, char *bytes)
{
    size_t length = 0;
    for (; *script != '\0'; script++) {
        const int times = *script == '~' ? MANY : *script == '$';
        for (int i = 0; i < times; i++, length += WORD_LENGTH)
            memcpy(bytes + length, WORD, WORD_LENGTH);
        if (times == 0)
            bytes[length++] = *script;
        ck_assert_uint_lt(length, SCRIPT_MAXIMUM);
    }
    return length;
}

START_TEST(no_memory_is_given_back_with_what_they_said)
{
    static char bytes[SCRIPT_MAXIMUM + MANY * sizeof(WORD)];
    const size_t length = write_script(sessions[_i].script, bytes);
    searching = true;
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, length);
    buffer_clear_spare(); /* what is kept for the next is as good as given back */
    searching = false;
    ck_assert_msg(length_of_found == 0, "%s: a block of %zu bytes: %s", sessions[_i].name,
                  length_of_found, found);
    ck_assert_uint_gt(freed, 0);
}
END_TEST

START_TEST(finds_what_is_not_wiped)
{
    char *block = malloc(100);
    searching = true;
    memcpy(block + 10, WORD, WORD_LENGTH);
    ck_assert_mem_eq(block + 10, WORD, WORD_LENGTH);
    free(block);
    searching = false;
    ck_assert_uint_ge(length_of_found, 100);
}
END_TEST

/* Once, before the tests: they are children of this process. */
static void make_world(void)
{
    int count = 0;
    char **arguments = NULL;
    event_set_mem_functions(__wrap_malloc, __wrap_realloc, __wrap_free);
    LLVMFuzzerInitialize(&count, &arguments);
}

int main(void)
{
    make_world();
    Suite *suite = suite_create("session_wiping");
    TCase *tests = tcase_create("session_wiping");
    tcase_add_loop_test(tests, no_memory_is_given_back_with_what_they_said, 0,
                        sizeof(sessions) / sizeof(sessions[0]));
    tcase_add_test(tests, finds_what_is_not_wiped);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
