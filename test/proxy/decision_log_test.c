/* Promises of proxy/decision_log: every record written once, whole, in order, whatever fails. */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/decision_log.h"
#include "test/suite.h"

static char directory[] = "/tmp/decision_log_test.XXXXXX";
static char path[64];
static size_t cut; /* bytes, by the log that wrote last */
static char moved[64];

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/log", directory);
    snprintf(moved, sizeof(moved), "%s/log.1", directory);
}

static void tear_down(void)
{
    unlink(path);
    unlink(moved);
    umount2(directory, MNT_DETACH);
    rmdir(directory);
}

static struct decision_log *open_log(const char *name, size_t queues)
{
    struct error error;
    struct decision_log *log = decision_log_open(name, queues, &error);
    ck_assert_msg(log != NULL, "%s", error.message);
    return log;
}

static void pause_milliseconds(long milliseconds)
{
    nanosleep(&(struct timespec){.tv_sec = milliseconds / 1000,
                                 .tv_nsec = milliseconds % 1000 * 1000000L},
              NULL);
}

/* Record NUMBER of queue QUEUE: told apart by its id and its bytes. */
static void put(struct decision_log *log, size_t queue, unsigned number)
{
    char id[32];
    snprintf(id, sizeof(id), "q%zu-%u", queue, number);
    const struct close_record record = {
        .id = id, .upstream = SPAN("192.0.2.1:443"), .bytes_up = number, .outcome = "ok"};
    log_queue_close(decision_log_queue(log, queue), &record);
}

static void put_many(struct decision_log *log, size_t queue, unsigned from, unsigned to)
{
    for (unsigned number = from; number < to; number++)
        put(log, queue, number);
}

static bool is_whole(const char *line)
{
    size_t length = strlen(line);
    return strncmp(line, "{\"time\":\"", 9) == 0 && length > 2 &&
           strcmp(line + length - 3, "\"}\n") == 0;
}

/* Counts queue by queue the records in NAME, each of which must be whole and its queue's next. */
static void check_records(const char *name, unsigned *next, size_t queues)
{
    char line[4096];
    FILE *file = fopen(name, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        ck_assert_msg(is_whole(line), "torn: %s", line);
        const char *id = strstr(line, "\"id\":\"q");
        ck_assert_ptr_nonnull(id);
        char *rest;
        unsigned long queue = strtoul(id + 7, &rest, 10);
        ck_assert_uint_lt(queue, queues);
        ck_assert_uint_eq(strtoul(rest + 1, NULL, 10), next[queue]);
        next[queue]++;
    }
    fclose(file);
}

static bool in_trouble(const struct decision_log *log)
{
    return decision_log_trouble(log)[0] != '\0';
}

static void wait_for_trouble(const struct decision_log *log, bool wanted)
{
    for (int i = 0; i < 1000 && in_trouble(log) != wanted; i++)
        pause_milliseconds(10);
    ck_assert_msg(in_trouble(log) == wanted, "trouble: \"%s\"", decision_log_trouble(log));
}

static void wait_until_written(const struct decision_log *log, uint64_t count)
{
    uint64_t made, written = 0;
    for (int i = 0; i < 1000 && written < count; i++) {
        decision_log_counts(log, &made, &written);
        pause_milliseconds(5);
    }
    ck_assert_uint_ge(written, count);
}

enum { QUEUES = 4, RECORDS = 10000 };

struct producer {
    struct decision_log *log;
    size_t queue;
};

static void *produce(void *argument)
{
    const struct producer *producer = argument;
    put_many(producer->log, producer->queue, 0, RECORDS);
    return NULL;
}

START_TEST(writes_every_record_of_every_queue_once_and_in_order)
{
    struct decision_log *log = open_log(path, QUEUES);
    struct producer producers[QUEUES];
    pthread_t threads[QUEUES];
    unsigned next[QUEUES] = {0};
    for (size_t i = 0; i < QUEUES; i++) {
        producers[i] = (struct producer){log, i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    for (size_t i = 0; i < QUEUES; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(decision_log_close(log, 10000), 0);
    check_records(path, next, QUEUES);
    for (size_t i = 0; i < QUEUES; i++)
        ck_assert_uint_eq(next[i], RECORDS);
}
END_TEST

START_TEST(writes_a_single_record_at_once_not_only_at_the_end)
{
    struct decision_log *log = open_log(path, 2);
    unsigned next[2] = {0};
    for (unsigned i = 0; i < 5; i++) {
        put(log, 1, i);
        wait_until_written(log, i + 1);
    }
    check_records(path, next, 2);
    ck_assert_uint_eq(next[1], 5);
    ck_assert_uint_eq(decision_log_close(log, 1000), 0);
}
END_TEST

START_TEST(says_why_it_cannot_be_opened)
{
    struct error error;
    snprintf(path, sizeof(path), "%s/none/log", directory);
    ck_assert_ptr_null(decision_log_open(path, 1, &error));
    ck_assert_str_eq(error.file, path);
    ck_assert_str_eq(error.message, "cannot open the decision log: No such file or directory");
}
END_TEST

START_TEST(reopens_without_losing_or_tearing_a_line)
{
    struct decision_log *log = open_log(path, 1);
    unsigned next[1] = {0};
    put_many(log, 0, 0, 500);
    wait_until_written(log, 500);
    ck_assert_int_eq(rename(path, moved), 0);
    put_many(log, 0, 500, 1000);
    decision_log_reopen(log);
    put_many(log, 0, 1000, 2000);
    ck_assert_uint_eq(decision_log_close(log, 5000), 0);
    check_records(moved, next, 1);
    ck_assert_uint_ge(next[0], 500);
    ck_assert_uint_lt(next[0], 2000);
    check_records(path, next, 1);
    ck_assert_uint_eq(next[0], 2000);
}
END_TEST

START_TEST(keeps_the_old_file_while_the_new_one_cannot_be_opened)
{
    struct decision_log *log = open_log(path, 1);
    unsigned next[1] = {0};
    put(log, 0, 0);
    wait_until_written(log, 1);
    ck_assert_int_eq(rename(path, moved), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    decision_log_reopen(log);
    wait_for_trouble(log, true);
    ck_assert_ptr_nonnull(strstr(decision_log_trouble(log), "Is a directory"));
    put(log, 0, 1);
    wait_until_written(log, 2);
    check_records(moved, next, 1);
    ck_assert_uint_eq(next[0], 2);
    ck_assert_int_eq(rmdir(path), 0);
    wait_for_trouble(log, false);
    put(log, 0, 2);
    ck_assert_uint_eq(decision_log_close(log, 5000), 0);
    check_records(path, next, 1);
    ck_assert_uint_eq(next[0], 3);
}
END_TEST

/* GIVEN a file of WHOLE lines and then UNFINISHED; WHEN one record is written, ITS lines are. */
static void write_behind(const char *whole, const char *unfinished)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(whole, file);
    fputs(unfinished, file);
    fclose(file);
    struct decision_log *log = open_log(path, 1);
    put(log, 0, 0);
    cut = decision_log_cut(log);
    ck_assert_uint_eq(decision_log_close(log, 5000), 0);
}

/* THEN the file is BEFORE, and a record behind it. */
static void check_written_behind(const char *before)
{
    char bytes[4096];
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    struct span got = {bytes, fread(bytes, 1, sizeof(bytes), file)};
    fclose(file);
    ck_assert_msg(span_starts_with(got, span_of(before)), "%.*s", SPAN_FORMAT(got));
    got = span_after(got, strlen(before));
    ck_assert_msg(span_starts_with(got, SPAN("{\"time\":\"")), "%.*s", SPAN_FORMAT(got));
    ck_assert_ptr_eq(memchr(got.data, '\n', got.length), got.data + got.length - 1);
}

START_TEST(cuts_off_a_record_that_an_earlier_process_did_not_finish)
{
    static const char *const unfinished[] = {"{", "{\"tim",
                                             "{\"time\":\"2026-10-01T00:00:00Z\",\"ev"};
    static const char *const whole[] = {"", "{\"time\":\"2026\"}\n"};
    for (size_t i = 0; i < 6; i++) {
        write_behind(whole[i % 2], unfinished[i / 2]);
        ck_assert_uint_eq(cut, strlen(unfinished[i / 2]));
        check_written_behind(whole[i % 2]);
    }
}
END_TEST

START_TEST(begins_a_new_line_behind_one_that_is_not_its_own)
{
    write_behind("", "# kept by hand");
    ck_assert_uint_eq(cut, 0);
    check_written_behind("# kept by hand\n");
}
END_TEST

START_TEST(cuts_off_nothing_while_somebody_else_may_be_writing_it)
{
    int other = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    ck_assert_int_ge(other, 0);
    ck_assert_int_eq(flock(other, LOCK_SH), 0);
    write_behind("", "{\"time\":\"2026");
    close(other);
    ck_assert_uint_eq(cut, 0);
    check_written_behind("{\"time\":\"2026\n");
}
END_TEST

START_TEST(holds_the_lock_of_its_file_for_as_long_as_it_writes)
{
    struct decision_log *log = open_log(path, 1);
    int other = open(path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(other, 0);
    ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), -1);
    ck_assert_int_eq(flock(other, LOCK_SH | LOCK_NB), 0);
    ck_assert_uint_eq(decision_log_close(log, 5000), 0);
    ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), 0);
    close(other);
}
END_TEST

START_TEST(adds_nothing_to_a_file_that_ends_well_or_to_an_idle_log)
{
    struct stat state;
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs("{}\n", file);
    fclose(file);
    ck_assert_uint_eq(decision_log_close(open_log(path, 1), 1000), 0);
    ck_assert_int_eq(stat(path, &state), 0);
    ck_assert_int_eq(state.st_size, 3);
}
END_TEST

/* Fills the log against a limit of bytes that LIFT takes away; nothing may be lost or torn. */
static void survive_a_full_file(const char *words, void (*lift)(void))
{
    struct decision_log *log = open_log(path, 2);
    unsigned next[2] = {0};
    put_many(log, 0, 0, 1000);
    put_many(log, 1, 0, 1000);
    wait_for_trouble(log, true);
    ck_assert_ptr_nonnull(strstr(decision_log_trouble(log), path));
    ck_assert_ptr_nonnull(strstr(decision_log_trouble(log), words));
    put_many(log, 1, 1000, 2000);
    lift();
    wait_for_trouble(log, false);
    ck_assert_uint_eq(decision_log_close(log, 10000), 0);
    check_records(path, next, 2);
    ck_assert_uint_eq(next[0], 1000);
    ck_assert_uint_eq(next[1], 2000);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void lift_file_size(void)
{
    limit_file_size(RLIM_INFINITY);
}

START_TEST(goes_on_at_the_very_byte_when_a_file_may_grow_again)
{
    limit_file_size(50001);
    survive_a_full_file("File too large", lift_file_size);
}
END_TEST

static void grow_disk(void)
{
    ck_assert_int_eq(mount("none", directory, "tmpfs", MS_REMOUNT, "size=8m"), 0);
}

/* A small disk of our own; false: this user may not have one. */
static bool mount_disk(void)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", directory, "tmpfs", 0, "size=64k") == 0;
}

START_TEST(goes_on_at_the_very_byte_when_a_full_disk_has_room_again)
{
    if (mount_disk())
        survive_a_full_file("No space left on device", grow_disk);
}
END_TEST

START_TEST(says_how_many_records_a_full_device_has_cost)
{
    struct decision_log *log = open_log("/dev/full", 1);
    put_many(log, 0, 0, 7);
    wait_for_trouble(log, true);
    ck_assert_str_eq(decision_log_trouble(log), "cannot write /dev/full: No space left on device");
    ck_assert_uint_eq(decision_log_close(log, 100), 7);
}
END_TEST

START_TEST(has_no_room_while_four_mebibytes_wait_and_room_again_after)
{
    limit_file_size(1000);
    struct decision_log *log = open_log(path, 1);
    const struct log_queue *queue = decision_log_queue(log, 0);
    unsigned number = 0;
    while (log_queue_has_room(queue) && number < 100000)
        put(log, 0, number++);
    ck_assert_uint_gt(number, 10000);
    ck_assert_uint_lt(number, 100000);
    put(log, 0, number++);
    lift_file_size();
    wait_until_written(log, number);
    ck_assert(log_queue_has_room(queue));
    ck_assert_uint_eq(decision_log_close(log, 10000), 0);
}
END_TEST

START_TEST(of_a_queue_that_is_half_full_who_filled_it_waits_and_others_go_on)
{
    limit_file_size(1000);
    struct decision_log *log = open_log(path, 1);
    struct log_queue *queue = decision_log_queue(log, 0);
    struct log_share greedy = {0, 0}, modest = {0, 0};
    unsigned number = 0;
    while (log_queue_has_room_for(queue, &greedy) && number < 100000) {
        const uint64_t from = log_queue_bytes(queue);
        put(log, 0, number++);
        log_queue_charge(queue, &greedy, from);
    }
    const uint64_t from = log_queue_bytes(queue);
    put(log, 0, number++);
    log_queue_charge(queue, &modest, from);
    ck_assert(!log_queue_has_room_for(queue, &greedy));
    ck_assert(log_queue_has_room_for(queue, &modest));
    ck_assert(log_queue_has_room(queue));
    lift_file_size();
    wait_until_written(log, number);
    ck_assert(log_queue_has_room_for(queue, &greedy));
    ck_assert_uint_eq(decision_log_close(log, 10000), 0);
}
END_TEST

struct reader {
    int from;
    int to;
};

static void *copy_slowly(void *argument)
{
    const struct reader *reader = argument;
    char bytes[1500];
    ssize_t got;
    while ((got = read(reader->from, bytes, sizeof(bytes))) > 0) {
        ck_assert_int_eq(write(reader->to, bytes, (size_t)got), got);
        pause_milliseconds(1);
    }
    return NULL;
}

/* Standard output becomes a pipe; returns its reading end. */
static int pipe_stdout(void)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    close(ends[1]);
    return ends[0];
}

START_TEST(feeds_a_slow_reader_of_standard_output)
{
    struct reader reader = {.from = pipe_stdout()};
    unsigned next[1] = {0};
    pthread_t thread;
    reader.to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(reader.to, 0);
    struct decision_log *log = open_log("-", 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, copy_slowly, &reader), 0);
    put_many(log, 0, 0, 2000);
    ck_assert_uint_eq(decision_log_close(log, 20000), 0);
    close(STDOUT_FILENO);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    check_records(path, next, 1);
    ck_assert_uint_eq(next[0], 2000);
}
END_TEST

START_TEST(gives_a_reader_that_does_not_read_up_in_time)
{
    int unread = pipe_stdout();
    struct decision_log *log = open_log("-", 1);
    put_many(log, 0, 0, 2000);
    wait_for_trouble(log, true);
    ck_assert_str_eq(decision_log_trouble(log), "cannot write -: its reader does not read");
    uint64_t lost = decision_log_close(log, 100);
    ck_assert_uint_gt(lost, 1000);
    ck_assert_uint_lt(lost, 2000);
    close(unread);
}
END_TEST

START_TEST(lives_on_when_the_reader_has_gone)
{
    close(pipe_stdout());
    struct decision_log *log = open_log("-", 1);
    put(log, 0, 0);
    wait_for_trouble(log, true);
    ck_assert_str_eq(decision_log_trouble(log), "cannot write -: Broken pipe");
    ck_assert_uint_eq(decision_log_close(log, 50), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decision_log");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, writes_every_record_of_every_queue_once_and_in_order);
    tcase_add_test(tests, writes_a_single_record_at_once_not_only_at_the_end);
    tcase_add_test(tests, says_why_it_cannot_be_opened);
    tcase_add_test(tests, reopens_without_losing_or_tearing_a_line);
    tcase_add_test(tests, keeps_the_old_file_while_the_new_one_cannot_be_opened);
    tcase_add_test(tests, cuts_off_a_record_that_an_earlier_process_did_not_finish);
    tcase_add_test(tests, begins_a_new_line_behind_one_that_is_not_its_own);
    tcase_add_test(tests, cuts_off_nothing_while_somebody_else_may_be_writing_it);
    tcase_add_test(tests, holds_the_lock_of_its_file_for_as_long_as_it_writes);
    tcase_add_test(tests, adds_nothing_to_a_file_that_ends_well_or_to_an_idle_log);
    tcase_add_test(tests, goes_on_at_the_very_byte_when_a_file_may_grow_again);
    tcase_add_test(tests, goes_on_at_the_very_byte_when_a_full_disk_has_room_again);
    tcase_add_test(tests, says_how_many_records_a_full_device_has_cost);
    tcase_add_test(tests, has_no_room_while_four_mebibytes_wait_and_room_again_after);
    tcase_add_test(tests, of_a_queue_that_is_half_full_who_filled_it_waits_and_others_go_on);
    tcase_add_test(tests, feeds_a_slow_reader_of_standard_output);
    tcase_add_test(tests, gives_a_reader_that_does_not_read_up_in_time);
    tcase_add_test(tests, lives_on_when_the_reader_has_gone);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
