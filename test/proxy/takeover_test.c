/* Promises of proxy/takeover and proxy/handover: sockets go over by their address, all of them and
 * nothing else; the old process learns how it ended. */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/handover.h"
#include "proxy/takeover.h"
#include "test/suite.h"

#define SOCKETS 150 /* more than go into one message */

static struct event_base *base;
static struct handover *handover;
static char address[64];
static int offered[SOCKETS];
static size_t offered_count;
static char stayed[128]; /* why */
static pid_t left_to;    /* 0: it has not left */
static int followed;     /* the last word */
static pthread_t old;    /* runs the old one's loop */
static bool old_runs;

static const int *find(void *context, const char *wanted, size_t *count)
{
    (void)context;
    *count = offered_count;
    return strcmp(wanted, "192.0.2.1:3128") == 0 ? offered : NULL;
}

static void stay(void *context, const char *why)
{
    (void)context;
    snprintf(stayed, sizeof(stayed), "%s", why);
    event_base_loopbreak(base);
}

static void leave(void *context, pid_t process)
{
    (void)context;
    left_to = process;
}

static void follow(void *context, enum takeover_word word)
{
    (void)context;
    followed = (int)word;
    event_base_loopbreak(base);
}

static const struct handover_source source = {
    .find = find, .stay = stay, .leave = leave, .follow = follow};

static void *run_old(void *context)
{
    event_base_dispatch(context);
    return NULL;
}

static int listening_socket(void)
{
    const struct sockaddr_un any = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&any, sizeof(sa_family_t)), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

static void set_up(void)
{
    snprintf(address, sizeof(address), "test %ld", (long)getpid());
    offered_count = 0;
    left_to = 0;
    followed = 0;
    stayed[0] = '\0';
    base = event_base_new();
    int listening = takeover_listen(address);
    ck_assert_int_ge(listening, 0);
    handover = handover_new(base, listening, &source);
    ck_assert_ptr_nonnull(handover);
}

/* A callback ends its loop: the new one's end, or what is to be followed. */
static void wait_for_old(void)
{
    if (old_runs)
        pthread_join(old, NULL);
    old_runs = false;
}

static void tear_down(void)
{
    wait_for_old();
    handover_free(handover);
    event_base_free(base);
    while (offered_count > 0)
        close(offered[--offered_count]);
}

static struct takeover begin(void)
{
    struct takeover takeover;
    struct error error;
    if (!old_runs)
        ck_assert_int_eq(pthread_create(&old, NULL, run_old, base), 0);
    old_runs = true;
    ck_assert_msg(takeover_begin(&takeover, address, &error), "%s", error.message);
    return takeover;
}

static void offer(size_t count)
{
    for (offered_count = 0; offered_count < count; offered_count++)
        offered[offered_count] = listening_socket();
}

static size_t ask(const struct takeover *takeover, const char *wanted)
{
    struct error error;
    size_t count;
    int *descriptors;
    ck_assert_msg(takeover_ask(takeover, wanted, &descriptors, &count, &error), "%s",
                  error.message);
    for (size_t i = 0; i < count; i++)
        close(descriptors[i]);
    free(descriptors);
    return count;
}

START_TEST(brings_every_socket_of_an_address_and_none_of_another)
{
    offer(SOCKETS);
    struct takeover takeover = begin();
    ck_assert_uint_eq(ask(&takeover, "192.0.2.1:3128"), SOCKETS);
    ck_assert_uint_eq(ask(&takeover, "192.0.2.1:3129"), 0);
    takeover_end(&takeover);
}
END_TEST

START_TEST(takes_nothing_that_does_not_listen)
{
    offer(2);
    close(offered[0]);
    offered[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct takeover takeover = begin();
    ck_assert_uint_eq(ask(&takeover, "192.0.2.1:3128"), 1);
    takeover_end(&takeover);
}
END_TEST

START_TEST(leaves_once_the_new_one_is_ready_and_follows_it)
{
    struct takeover takeover = begin();
    struct error error;
    ck_assert(takeover_succeed(&takeover, &error));
    takeover_pass_on(&takeover, TAKEOVER_POLICY);
    wait_for_old();
    ck_assert_int_eq(left_to, getpid());
    ck_assert_int_eq(followed, TAKEOVER_POLICY);
    ck_assert_str_eq(stayed, "");
    ck_assert_int_eq(*handover_socket(handover), -1);
    takeover_end(&takeover);
}
END_TEST

START_TEST(stays_with_the_reason_where_the_new_one_fails)
{
    struct takeover takeover = begin();
    struct error why;
    error_set(&why, "the policy does not load");
    takeover_fail(&takeover, &why);
    wait_for_old();
    ck_assert_str_eq(stayed, "the policy does not load");
    ck_assert_int_eq(left_to, 0);
}
END_TEST

START_TEST(stays_where_the_new_one_ends_without_a_word)
{
    struct takeover takeover = begin();
    takeover_end(&takeover);
    wait_for_old();
    ck_assert_str_eq(stayed, "it ended without a word");
}
END_TEST

START_TEST(turns_a_second_away_while_one_is_there)
{
    struct takeover first = begin();
    ck_assert_uint_eq(ask(&first, "192.0.2.1:3128"), 0);
    struct takeover second = begin();
    struct error error;
    int *descriptors;
    size_t count;
    ck_assert(!takeover_ask(&second, "192.0.2.1:3128", &descriptors, &count, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "another takes over"));
    takeover_end(&second);
    takeover_end(&first);
}
END_TEST

START_TEST(knows_a_peer_of_another_user)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(takeover_peer(ends[0], geteuid()), getpid());
    ck_assert_int_eq(takeover_peer(ends[0], geteuid() + 1), -1);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(says_that_nobody_is_there)
{
    struct takeover takeover;
    struct error error;
    ck_assert(!takeover_begin(&takeover, "192.0.2.1:1", &error));
    ck_assert_ptr_nonnull(strstr(error.message, "nobody at 192.0.2.1:1"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("takeover");
    TCase *both = tcase_create("both sides");
    tcase_add_checked_fixture(both, set_up, tear_down);
    tcase_add_test(both, brings_every_socket_of_an_address_and_none_of_another);
    tcase_add_test(both, takes_nothing_that_does_not_listen);
    tcase_add_test(both, leaves_once_the_new_one_is_ready_and_follows_it);
    tcase_add_test(both, stays_with_the_reason_where_the_new_one_fails);
    tcase_add_test(both, stays_where_the_new_one_ends_without_a_word);
    tcase_add_test(both, turns_a_second_away_while_one_is_there);
    suite_add_tcase(suite, both);
    TCase *alone = tcase_create("alone");
    tcase_add_test(alone, knows_a_peer_of_another_user);
    tcase_add_test(alone, says_that_nobody_is_there);
    suite_add_tcase(suite, alone);
    return suite_run(suite);
}
