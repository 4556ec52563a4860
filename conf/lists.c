/* Lists are a line or a few long: each is looked through from its beginning. */
#include "conf/lists.h"

bool app_list_has(const struct app_list *list, struct span app, struct span environment)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct app_name *known = &list->items[i];
        if (span_equal(span_of(known->app), app) &&
            span_equal(span_of(known->environment), environment))
            return true;
    }
    return false;
}

static bool is_below(struct span name, struct span parent)
{
    return name.length > parent.length + 1 && span_ends_with(name, parent) &&
           name.data[name.length - parent.length - 1] == '.';
}

bool host_list_has(const struct host_list *list, const struct host *host)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct host_pattern *pattern = &list->items[i];
        if (pattern->below ? is_below(host_span(host), host_span(&pattern->host))
                           : span_equal(host_span(host), host_span(&pattern->host)))
            return true;
    }
    return false;
}
