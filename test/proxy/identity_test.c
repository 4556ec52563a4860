/* Promises of proxy/identity: only the right secret makes a tenant, and only of that name. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/identity.h"
#include "test/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The digests of "open:sesame" and of "site". */
static const char credentials_file[] =
    "- {app: demo, environment: production,\n"
    "   sha256: 6059085b284f75bb5891257419b3e3e16df20c7fd88c85b40fd3af2ef9b6ddee}\n"
    "- {app: demo, environment: production, installation: site-1,\n"
    "   sha256: fbae041b02c41ed0fd8a4efb039bc780dd6af4a1f0c420f42561ae705dda43fe}\n";

static char path[64];
static struct credentials *credentials;
static struct tenants tenants;

static void begin(void)
{
    struct error error;
    strcpy(path, "/tmp/sallyport-identity-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, credentials_file, sizeof(credentials_file) - 1),
                     (ssize_t)sizeof(credentials_file) - 1);
    close(fd);
    credentials = credentials_read(path, &error);
    ck_assert_msg(credentials != NULL, "%s", error.message);
}

static void end(void)
{
    credentials_free(credentials);
    tenants_clear(&tenants);
    unlink(path);
}

static const struct tenant *who_is(const char *proxy_authorization)
{
    static struct http_request request;
    request.has_proxy_authorization = proxy_authorization != NULL;
    if (proxy_authorization != NULL)
        request.proxy_authorization = span_of(proxy_authorization);
    return identity_of_request(&tenants, credentials, &request);
}

START_TEST(knows_an_app_by_its_secret)
{
    const struct tenant *tenant = who_is("Basic ZGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW1l");
    ck_assert_ptr_nonnull(tenant);
    ck_assert(span_equal(tenant->key, SPAN("demo/production/")));
    ck_assert(span_equal(tenant->subject.app, SPAN("demo")));
    ck_assert(span_equal(tenant->subject.environment, SPAN("production")));
    ck_assert_uint_eq(tenant->subject.installation.length, 0);
}
END_TEST

START_TEST(knows_an_installation_by_its_own_secret)
{
    const struct tenant *tenant = who_is("basic ZGVtby9wcm9kdWN0aW9uL3NpdGUtMTpzaXRl");
    ck_assert_ptr_nonnull(tenant);
    ck_assert(span_equal(tenant->subject.installation, SPAN("site-1")));
}
END_TEST

START_TEST(one_name_is_one_tenant)
{
    ck_assert_ptr_eq(who_is("Basic ZGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW1l"),
                     who_is("Basic ZGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW1l"));
}
END_TEST

static const char *const wrong[][2] = {
    {"wrong secret", "Basic ZGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW0="},
    {"secret of the installation for the environment", "Basic ZGVtby9wcm9kdWN0aW9uOnNpdGU="},
    {"unknown app", "Basic b3RoZXIvcHJvZHVjdGlvbjpvcGVuOnNlc2FtZQ=="},
    {"other environment", "Basic ZGVtby9zdGFnaW5nOm9wZW46c2VzYW1l"},
    {"no colon", "Basic ZGVtby9wcm9kdWN0aW9u"},
    {"no environment", "Basic ZGVtbzpvcGVuOnNlc2FtZQ=="},
    {"empty", "Basic "},
    {"upper case name", "Basic RGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW1l"},
    {"an installation without a name", "Basic ZGVtby9wcm9kdWN0aW9uLzpvcGVuOnNlc2FtZQ=="},
    {"no app", "Basic L3Byb2R1Y3Rpb246b3BlbjpzZXNhbWU="},
    {"a name beyond ASCII", "Basic ZMOpbW8vcHJvZHVjdGlvbjpvcGVuOnNlc2FtZQ=="},
    {"a NUL in the name", "Basic ZGVtbwAvcHJvZHVjdGlvbjpvcGVuOnNlc2FtZQ=="},
    {"a space before the name", "Basic IGRlbW8vcHJvZHVjdGlvbjpvcGVuOnNlc2FtZQ=="},
    {"the environment's secret for the installation",
     "Basic ZGVtby9wcm9kdWN0aW9uL3NpdGUtMTpvcGVuOnNlc2FtZQ=="},
    {"an empty secret", "Basic ZGVtby9wcm9kdWN0aW9uOg=="},
    {"a colon alone", "Basic Og=="},
    {"a secret with a colon more", "Basic ZGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW1lOg=="},
    {"a secret in capitals", "Basic ZGVtby9wcm9kdWN0aW9uOk9QRU46c2VzYW1l"},
    {"bits left over in the last digit", "Basic ZGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW1lAB=="},
    {"padding alone", "Basic ===="},
    {"too much padding", "Basic ZGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW1l===="},
    {"a tab behind the scheme", "Basic\tZGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW1l"},
    {"two installations", "Basic ZGVtby9wcm9kdWN0aW9uL2EvYjpzaXRl"},
    {"not base64", "Basic !!!!"},
    {"url-safe alphabet", "Basic __--"},
    {"cut padding", "Basic ZGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW1"},
    {"padding inside", "Basic ZGVtby9w=cm9kdWN0aW9uOm9wZW46c2VzYW1l"},
    {"secret with a NUL behind it", "Basic ZGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW1lAA=="},
    {"another scheme", "Bearer ZGVtby9wcm9kdWN0aW9uOm9wZW46c2VzYW1l"},
    {"a scheme alone", "Basic"},
    {"no credentials", NULL},
};

START_TEST(knows_nobody_by_anything_else)
{
    ck_assert_msg(who_is(wrong[_i][1]) == NULL, "%s", wrong[_i][0]);
}
END_TEST

START_TEST(a_static_listener_has_one_tenant_and_a_basic_one_none)
{
    const struct listener_configuration fixed = {
        .identity = IDENTITY_STATIC, .app = "demo", .environment = "staging", .installation = ""};
    const struct listener_configuration basic = {.identity = IDENTITY_BASIC};
    const struct ip nowhere = {.family = 0};
    struct identity identity = {.tenant = NULL};
    identity_of_place(&identity, &tenants, &basic, &nowhere);
    ck_assert_ptr_null(identity.tenant);
    identity_of_place(&identity, &tenants, &fixed, &nowhere);
    ck_assert(span_equal(identity.tenant->key, SPAN("demo/staging/")));
    ck_assert(!identity.settled);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identity");
    TCase *tests = tcase_create("identity");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, knows_an_app_by_its_secret);
    tcase_add_test(tests, knows_an_installation_by_its_own_secret);
    tcase_add_test(tests, one_name_is_one_tenant);
    tcase_add_loop_test(tests, knows_nobody_by_anything_else, 0, COUNT(wrong));
    tcase_add_test(tests, a_static_listener_has_one_tenant_and_a_basic_one_none);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
