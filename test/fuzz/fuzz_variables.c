/*
 * Any bytes as variables.yml, and, behind a NUL, as an address with ${NAME}s in
 * it. Beyond not crashing and not leaking: names are valid and stand once, what
 * was set is found, and an address that is granted is what a second, plainer
 * replacement makes of the same text: each value once, never looked at again.
 */
#include "policy/manifest.h"
#include "test/fuzz/host_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_MAXIMUM  ((size_t)64 * 1024 * 1024)
#define MANIFEST_SIZE  65536
#define EXPANSION_SIZE 4096
#define DEFAULT_OF_B   "b.${A}.example"
#define DECLARED       "environment: {variables: [A, {key: B, default: '" DEFAULT_OF_B "'}]}\n"
#define BEFORE_ADDRESS DECLARED "permissions: {external: {fetch: {backend: [{address: "
#define BEHIND_ADDRESS "}]}}}\n"

static void require_sound(const struct variables *variables)
{
    size_t count = 0;
    for (const struct variable *one = variables->first; one != NULL; one = one->next) {
        struct span value;
        require(variable_name_valid(one->name));
        require(variables_find(variables, one->name, &value));
        require(value.data == one->value.data && value.length == one->value.length);
        count++;
    }
    require(count <= VARIABLES_MAXIMUM);
}

/* The value of A or B, which alone are declared. */
static bool find_value(const struct variables *variables, struct span name, struct span *value)
{
    if (!span_equal(name, SPAN("A")) && !span_equal(name, SPAN("B")))
        return false;
    if (variables_find(variables, name, value))
        return true;
    *value = SPAN(DEFAULT_OF_B);
    return span_equal(name, SPAN("B"));
}

/* The second opinion: byte by byte from the left. False: there is a variable without a value. */
static bool expand(const struct variables *variables, struct span from, struct text *into)
{
    for (size_t at = 0; at < from.length; at++) {
        struct span rest = span_after(from, at), value;
        if (!span_starts_with(rest, SPAN("${"))) {
            text_add_char(into, rest.data[0]);
            continue;
        }
        size_t end = span_find(rest, '}');
        if (end == rest.length || !find_value(variables, span_slice(rest, 2, end - 2), &value))
            return false;
        text_add(into, value);
        at += end;
    }
    return true;
}

static void require_expansion(const struct variables *variables, struct span address,
                              const struct grant_rule *rule)
{
    char storage[EXPANSION_SIZE];
    struct text expanded;
    text_init_fixed(&expanded, storage, sizeof(storage));
    require(expand(variables, address, &expanded));
    require(!expanded.overflow && span_equal(text_span(&expanded), rule->text));
}

/* What YAML reads as it is written: it folds some characters beyond ASCII. */
static bool is_plain(struct span address)
{
    for (size_t i = 0; i < address.length; i++) {
        if (address.data[i] < ' ' || address.data[i] > '~')
            return false;
    }
    return true;
}

static void read_address(struct variables *variables, struct span address, struct arena *arena)
{
    static char storage[MANIFEST_SIZE];
    const struct manifest_options options = {.plain_http = true, .variables = variables};
    struct findings findings;
    struct grant grant;
    struct error error;
    struct text yaml;
    text_init_fixed(&yaml, storage, sizeof(storage));
    text_add_string(&yaml, BEFORE_ADDRESS);
    text_add_json(&yaml, address);
    text_add_string(&yaml, BEHIND_ADDRESS);
    if (yaml.overflow)
        return;
    struct yaml_document *document = yaml_document_parse(text_span(&yaml), "manifest.yml", &error);
    if (document == NULL)
        return;
    findings_init(&findings, arena, "manifest.yml");
    const struct manifest *manifest = manifest_read(document, &options, arena, &findings);
    require(manifest != NULL && manifest_grant(manifest, SPAN(""), arena, &grant));
    require(grant.count <= 1);
    if (grant.count == 1 && is_plain(address))
        require_expansion(variables, address, &grant.rules[0]);
    yaml_document_free(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = {(const char *)data, size};
    struct span file = span_slice(bytes, 0, span_find(bytes, '\0'));
    struct span address = span_after(bytes, file.length < size ? file.length + 1 : size);
    struct variables variables = {NULL};
    struct error error = {.message = ""};
    struct arena *arena = arena_new(ARENA_MAXIMUM);
    struct yaml_document *document = yaml_document_parse(file, "variables.yml", &error);
    require(arena != NULL);
    if (document == NULL || !variables_read(&variables, arena, document, &error))
        require_readable(&error);
    if (!variables_set_pair(&variables, arena, address, &error))
        require_readable(&error);
    require_sound(&variables);
    read_address(&variables, address, arena);
    yaml_document_free(document);
    arena_free(arena);
    return 0;
}
