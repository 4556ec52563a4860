/* Promises of proxy/takeover and proxy/handover: sockets go over by their address, all of them and
 * nothing else; the old process learns how it ended. */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
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
static enum takeover_word followed[8];
static size_t followed_count;
static pthread_t old; /* runs the old one's loop */
static bool old_runs;
static bool interrupts; /* the old one leaves amid signals to the new one */
static pthread_t new;

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

static void ignore_signal(int number)
{
    (void)number;
}

/* Long enough for the new one to wait for what is said next. */
static void interrupt_new(void)
{
    for (int i = 0; i < 50; i++) {
        pthread_kill(new, SIGUSR1);
        usleep(2000);
    }
}

static void leave(void *context, pid_t process)
{
    (void)context;
    left_to = process;
    if (interrupts)
        interrupt_new();
}

static void follow(void *context, enum takeover_word word)
{
    (void)context;
    followed[followed_count++] = word;
    if (word == TAKEOVER_LOG)
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
    followed_count = 0;
    interrupts = false;
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
    takeover_pass_on(&takeover, TAKEOVER_LOG);
    wait_for_old();
    ck_assert_int_eq(left_to, getpid());
    ck_assert_uint_eq(followed_count, 3);
    ck_assert_int_eq(followed[0], TAKEOVER_POLICY);
    ck_assert_int_eq(followed[1], TAKEOVER_IDENTITIES);
    ck_assert_int_eq(followed[2], TAKEOVER_LOG);
    ck_assert_str_eq(stayed, "");
    ck_assert_int_eq(*handover_socket(handover), -1);
    takeover_end(&takeover);
}
END_TEST

/* A SIGHUP right behind the upgrade: nobody would serve if it ended the wait. */
START_TEST(is_not_disturbed_by_signals)
{
    const struct sigaction restarting = {.sa_handler = ignore_signal, .sa_flags = SA_RESTART};
    struct error error;
    struct takeover takeover = begin();
    new = pthread_self();
    interrupts = true;
    ck_assert_int_eq(sigaction(SIGUSR1, &restarting, NULL), 0);
    ck_assert_msg(takeover_succeed(&takeover, &error), "%s", error.message);
    ck_assert_int_eq(left_to, getpid());
    takeover_pass_on(&takeover, TAKEOVER_LOG);
    wait_for_old();
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
    tcase_add_test(both, is_not_disturbed_by_signals);
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
