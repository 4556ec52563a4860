/*
 * Why: "bücher.example" and "xn--bcher-kva.example" are one name, and a policy
 * compares one form only. Names that are neither never come here.
 * Rests on: libidn2 for mapping and Punycode. It is not asked whether an A-label
 * is a fair one: that is shown by decoding and encoding it again.
 */
#include "policy/idna.h"

#include <idn2.h>
#include <string.h>

#include "policy/text.h"

/* The longest UTF-8 name that is worth mapping: 253 code points of four bytes, and some. */
#define NAME_MAXIMUM 1024

static void refuse(struct error *error, struct span name, const char *why)
{
    char quoted[TEXT_QUOTE_SIZE];
    error_set(error, "%s is not an international name: %s", text_quote(name, quoted), why);
}

/* UTS 46's deviation characters, which alone the transitional mapping treats otherwise. */
static bool has_deviation_character(const char *name)
{
    return strstr(name, "ß") != NULL || strstr(name, "ς") != NULL ||
           strstr(name, "\u200C") != NULL || strstr(name, "\u200D") != NULL;
}

/*
 * libidn2's non-transitional mode puts the rules of IDNA 2008 on top of UTS 46
 * and refuses symbols and emoji, which UTS 46 (and every browser) takes. Its
 * transitional mode does not, and is the same mapping where there is no
 * deviation character.
 */
static char *map(const char *name, struct error *error)
{
    uint8_t *mapped = NULL;
    int result = idn2_lookup_u8((const uint8_t *)name, &mapped, IDN2_NONTRANSITIONAL);
    if (result == IDN2_DISALLOWED && !has_deviation_character(name))
        result = idn2_lookup_u8((const uint8_t *)name, &mapped, IDN2_TRANSITIONAL);
    if (result == IDN2_OK)
        return (char *)mapped;
    refuse(error, span_of(name), idn2_strerror(result));
    return NULL;
}

char *idna_to_ascii(struct span name, struct error *error)
{
    char terminated[NAME_MAXIMUM + 1];
    if (name.length > NAME_MAXIMUM) {
        refuse(error, name, "it is longer than any name can be");
        return NULL;
    }
    memcpy(terminated, name.data, name.length);
    terminated[name.length] = '\0';
    return map(terminated, error);
}

void idna_free(char *name)
{
    idn2_free(name);
}

bool idna_check(const char *name, struct error *error)
{
    char *decoded = NULL;
    int result = idn2_to_unicode_8z8z(name, &decoded, IDN2_NONTRANSITIONAL);
    if (result != IDN2_OK) {
        refuse(error, span_of(name), idn2_strerror(result));
        return false;
    }
    char *encoded = map(decoded, error);
    bool same = encoded != NULL && strcmp(encoded, name) == 0;
    if (encoded != NULL && !same)
        refuse(error, span_of(name), "its \"xn--\" label is not how that name is encoded");
    idna_free(encoded);
    idna_free(decoded);
    return same;
}
