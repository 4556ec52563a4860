/* What a name may be is asked in every room, so it is said in a file that rests on nothing else. */
#include "policy/policy_name.h"

#include "policy/text.h"

bool policy_name_valid(struct span name)
{
    if (name.length == 0 || name.length > 63 || name.data[0] == '-')
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.data[i];
        bool fine = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
        if (!fine)
            return false;
    }
    return true;
}

bool policy_name_check(const char *name, const char *what, struct error *error)
{
    if (policy_name_valid(span_of(name)))
        return true;
    error_set(error, "%s cannot be the name of an %s; it is " POLICY_NAME_FORM,
              text_quote(span_of(name), (char[TEXT_QUOTE_SIZE]){0}), what);
    return false;
}
