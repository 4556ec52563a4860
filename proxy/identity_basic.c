/* Basic credentials (RFC 7617): decoded strictly, compared in constant time, wiped when looked at.
 */
#include "proxy/identity.h"
#include "proxy/identity_name.h"

#define CREDENTIALS_MAXIMUM 512 /* bytes of "user:password" */

/* The six bits of a base64 digit (RFC 4648, section 4), or -1. */
static int base64_digit(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    if (byte == '+')
        return 62;
    return byte == '/' ? 63 : -1;
}

/* Strict: padding where it belongs, no bits left over. False: not base64, or longer than the room.
 */
static bool base64_decode(struct span digits, char *bytes, size_t room, size_t *length)
{
    uint32_t bits = 0;
    unsigned held = 0;
    *length = 0;
    if (digits.length % 4 != 0)
        return false;
    for (int i = 0; i < 2 && span_ends_with(digits, SPAN("=")); i++)
        digits.length--;
    for (size_t i = 0; i < digits.length; i++) {
        int digit = base64_digit(digits.data[i]);
        if (digit < 0)
            return false;
        bits = (bits << 6 | (uint32_t)digit) & 0xFFFF;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        if (*length == room)
            return false;
        bytes[(*length)++] = (char)(bits >> held & 0xFF);
    }
    return (bits & ((1U << held) - 1)) == 0;
}

/* "user:password" out of a Basic value; the password may hold colons (RFC 7617, section 2). */
static const struct tenant *tenant_of_pair(struct tenants *tenants,
                                           const struct credentials *credentials, struct span pair)
{
    struct subject subject;
    size_t colon = span_find(pair, ':');
    if (colon == pair.length || !identity_parse_name(span_slice(pair, 0, colon), &subject))
        return NULL;
    if (!credentials_verify(credentials, subject.app, subject.environment, subject.installation,
                            span_after(pair, colon + 1)))
        return NULL;
    return tenants_find(tenants, &subject);
}

const struct tenant *identity_of_request(struct tenants *tenants,
                                         const struct credentials *credentials,
                                         const struct http_request *request)
{
    char pair[CREDENTIALS_MAXIMUM];
    size_t length;
    struct span value = request->proxy_authorization;
    const struct tenant *tenant = NULL;
    if (!request->has_proxy_authorization || !span_starts_with_nocase(value, SPAN("Basic ")))
        return NULL;
    value = span_trim(span_after(value, sizeof("Basic ") - 1));
    if (base64_decode(value, pair, sizeof(pair), &length))
        tenant = tenant_of_pair(tenants, credentials, (struct span){pair, length});
    explicit_bzero(pair, sizeof(pair));
    return tenant;
}
