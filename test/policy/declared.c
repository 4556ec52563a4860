#include "test/policy/declared.h"

#include <check.h>

void declared_add(struct declared *declared, const char *address)
{
    struct error error;
    struct grant *grant = &declared->grant;
    struct grant_rule *rule = &declared->rules[grant->count];
    ck_assert_uint_lt(grant->count, DECLARED_MAXIMUM);
    *rule = (struct grant_rule){.text = span_of(address), .list = GRANT_FETCH_BACKEND};
    if (!address_parse(rule->text, &rule->address, &error))
        ck_abort_msg("%s", error.message);
    grant->count++;
    rule->at = (struct position){(uint32_t)grant->count, 11};
}

void declared_init(struct declared *declared, const char *const *addresses)
{
    declared->grant = (struct grant){.file = "manifest.yml", .rules = declared->rules};
    for (; *addresses != NULL; addresses++)
        declared_add(declared, *addresses);
}

struct target target_of(const char *text)
{
    struct target target;
    struct error error;
    if (!target_parse(span_of(text), &target, &error))
        ck_abort_msg("%s", error.message);
    return target;
}

struct target tunnel_to(const char *authority)
{
    struct target target;
    struct error error;
    if (!target_parse_connect(span_of(authority), &target, &error))
        ck_abort_msg("%s", error.message);
    return target;
}
