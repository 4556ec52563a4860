/* Promises of proxy/admin: three pages, spoken in plain HTTP, and clear words when it cannot start.
 */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/admin.h"
#include "test/suite.h"

static struct event_base *base;
static struct configuration configuration;
static struct admin *admin;
static const char *trouble;
static char directory[] = "/tmp/admin_test.XXXXXX";
static char socket_path[64];
static char reply[65536];

static void write_trouble(void *context, struct text *out)
{
    (void)context;
    text_add_string(out, trouble);
}

static void write_metrics(void *context, struct text *out)
{
    text_add_format(out, "sallyport_up %d\n", *(const int *)context);
}

static int up = 1;
static const struct admin_source source = {
    .context = &up, .write_trouble = write_trouble, .write_metrics = write_metrics};

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(socket_path, sizeof(socket_path), "%s/admin.sock", directory);
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    configuration = (struct configuration){
        .file = "sallyport.yml", .has_admin = true, .admin_ip = {4, {127, 0, 0, 1}}};
    trouble = "";
    admin = NULL;
}

static void tear_down(void)
{
    admin_free(admin);
    event_base_free(base);
    unlink(socket_path);
    rmdir(directory);
}

static void start(void)
{
    struct error error;
    admin = admin_new(base, &configuration, -1, &source, &error);
    ck_assert_msg(admin != NULL, "%s", error.message);
}

static int dial(void)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    socklen_t length = ip_to_sockaddr(&configuration.admin_ip, admin_port(admin), &address);
    if (configuration.admin_unix_path != NULL) {
        snprintf(local.sun_path, sizeof(local.sun_path), "%s", socket_path);
        memcpy(&address, &local, sizeof(local));
        length = sizeof(local);
    }
    int client = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(fcntl(client, F_SETFL, O_NONBLOCK), 0);
    return client;
}

/* Sends REQUEST and gives all that comes back until the connection ends. */
static const char *exchange(const char *request)
{
    int client = dial();
    size_t length = 0;
    ssize_t got = -1;
    ck_assert_int_eq(send(client, request, strlen(request), MSG_NOSIGNAL),
                     (ssize_t)strlen(request));
    for (int i = 0; i < 5000 && got != 0; i++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        got = recv(client, reply + length, sizeof(reply) - 1 - length, 0);
        if (got > 0)
            length += (size_t)got;
        else if (got < 0)
            usleep(1000);
    }
    close(client);
    ck_assert_msg(got == 0, "the connection stays open");
    reply[length] = '\0';
    return reply;
}

static const char *get(const char *path)
{
    char request[128];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
             path);
    return exchange(request);
}

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    ck_assert_ptr_nonnull(end);
    return end + 4;
}

START_TEST(says_that_it_is_healthy_whatever_the_trouble)
{
    trouble = "the log cannot be written\n";
    start();
    const char *answer = get("/healthz");
    ck_assert(begins(answer, "HTTP/1.1 200 "));
    ck_assert_str_eq(body_of(answer), "ok\n");
}
END_TEST

START_TEST(is_ready_where_there_is_no_trouble)
{
    start();
    const char *answer = get("/readyz");
    ck_assert(begins(answer, "HTTP/1.1 200 "));
    ck_assert_str_eq(body_of(answer), "ready\n");
}
END_TEST

START_TEST(says_why_it_is_not_ready)
{
    trouble = "policy: manifest.yml:3:1: broken\ndraining\n";
    start();
    const char *answer = get("/readyz");
    ck_assert(begins(answer, "HTTP/1.1 503 "));
    ck_assert_str_eq(body_of(answer), trouble);
}
END_TEST

START_TEST(shows_metrics_as_prometheus_text)
{
    start();
    const char *answer = get("/metrics");
    ck_assert(begins(answer, "HTTP/1.1 200 "));
    ck_assert_ptr_nonnull(strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4"));
    ck_assert_str_eq(body_of(answer), "sallyport_up 1\n");
}
END_TEST

START_TEST(answers_head_without_a_body)
{
    start();
    const char *answer = exchange("HEAD /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    ck_assert(begins(answer, "HTTP/1.1 200 "));
    ck_assert_str_eq(body_of(answer), "");
}
END_TEST

START_TEST(knows_no_other_page)
{
    start();
    ck_assert(begins(get("/"), "HTTP/1.1 404 "));
    ck_assert(begins(get("/metrics/x"), "HTTP/1.1 404 "));
    ck_assert(begins(get("/../../etc/passwd"), "HTTP/1.1 404 "));
}
END_TEST

static const char *const other_methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"};

START_TEST(allows_no_other_method)
{
    char request[128];
    snprintf(request, sizeof(request),
             "%s /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
             other_methods[_i]);
    start();
    const char *answer = exchange(request);
    ck_assert_msg(begins(answer, "HTTP/1.1 405 "), "%s", answer);
    ck_assert_ptr_nonnull(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
}
END_TEST

START_TEST(bounds_what_it_reads)
{
    static char request[32768];
    size_t length = (size_t)snprintf(request, sizeof(request), "GET /healthz HTTP/1.1\r\nX: ");
    memset(request + length, 'x', 20000);
    memcpy(request + length + 20000, "\r\n\r\n", 5);
    start();
    ck_assert(!begins(exchange(request), "HTTP/1.1 200 "));
    ck_assert(!begins(exchange("GET /healthz HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"),
                      "HTTP/1.1 200 "));
}
END_TEST

START_TEST(listens_on_a_unix_socket_and_takes_it_away)
{
    configuration.admin_unix_path = socket_path;
    start();
    ck_assert_str_eq(body_of(get("/healthz")), "ok\n");
    admin_free(admin);
    admin = NULL;
    ck_assert_int_ne(access(socket_path, F_OK), 0);
}
END_TEST

START_TEST(takes_the_place_of_a_socket_that_nobody_answers)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    snprintf(local.sun_path, sizeof(local.sun_path), "%s", socket_path);
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(dead, (struct sockaddr *)&local, sizeof(local)), 0);
    close(dead);
    configuration.admin_unix_path = socket_path;
    start();
    ck_assert_str_eq(body_of(get("/healthz")), "ok\n");
}
END_TEST

START_TEST(says_that_its_address_is_in_use)
{
    struct error error;
    char expected[128];
    start();
    configuration.admin_port = admin_port(admin);
    ck_assert_ptr_null(admin_new(base, &configuration, -1, &source, &error));
    snprintf(
        expected, sizeof(expected),
        "cannot listen on admin.address 127.0.0.1:%u: Address already in use; end what listens "
        "there, or choose another address",
        configuration.admin_port);
    ck_assert_str_eq(error.message, expected);
    ck_assert_str_eq(error.file, "sallyport.yml");
}
END_TEST

START_TEST(leaves_a_socket_alone_that_somebody_answers)
{
    struct error error;
    configuration.admin_unix_path = socket_path;
    start();
    ck_assert_ptr_null(admin_new(base, &configuration, -1, &source, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "Address already in use"));
    ck_assert_str_eq(body_of(get("/healthz")), "ok\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("admin");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, says_that_it_is_healthy_whatever_the_trouble);
    tcase_add_test(tests, is_ready_where_there_is_no_trouble);
    tcase_add_test(tests, says_why_it_is_not_ready);
    tcase_add_test(tests, shows_metrics_as_prometheus_text);
    tcase_add_test(tests, answers_head_without_a_body);
    tcase_add_test(tests, knows_no_other_page);
    tcase_add_loop_test(tests, allows_no_other_method, 0,
                        (int)(sizeof(other_methods) / sizeof(other_methods[0])));
    tcase_add_test(tests, bounds_what_it_reads);
    tcase_add_test(tests, listens_on_a_unix_socket_and_takes_it_away);
    tcase_add_test(tests, takes_the_place_of_a_socket_that_nobody_answers);
    tcase_add_test(tests, says_that_its_address_is_in_use);
    tcase_add_test(tests, leaves_a_socket_alone_that_somebody_answers);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
