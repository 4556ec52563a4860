/*
 * Whatever stands in a certificate as its name: what is accepted is written the
 * same way again from its parts, so it has one spelling.
 */
#include <stdio.h>
#include <stdlib.h>

#include "certs/spiffe.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct span given = {(const char *)bytes, size};
    struct spiffe_name name;
    const char *problem = NULL;
    char again[SPIFFE_URI_SIZE];
    if (!spiffe_parse(given, &name, &problem)) {
        require(problem != NULL);
        return 0;
    }
    int length = snprintf(
        again, sizeof(again), "spiffe://%.*s/app/%.*s/environment/%.*s%s%.*s",
        SPAN_FORMAT(name.trust_domain), SPAN_FORMAT(name.app), SPAN_FORMAT(name.environment),
        name.installation.length == 0 ? "" : "/installation/", SPAN_FORMAT(name.installation));
    require(length > 0 && (size_t)length < sizeof(again));
    require(span_equal(given, (struct span){again, (size_t)length}));
    return 0;
}
