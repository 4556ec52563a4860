/*
 * Any bytes as narrow.yml and, behind a NUL, as a request's method, host and path, a
 * line each. Beyond not crashing and not leaking: what it allows is never more than
 * its entries say, asked again in the form that was judged, the answer is the same,
 * and a refused path is allowed by nobody who names paths.
 */
#include "policy/narrow.h"
#include "test/fuzz/host_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_MAXIMUM ((size_t)256 << 20)

static struct path path, again;

static struct span take_line(struct span *rest)
{
    size_t end = span_find(*rest, '\n');
    struct span line = span_slice(*rest, 0, end);
    *rest = span_after(*rest, end < rest->length ? end + 1 : end);
    return line;
}

/* What is judged in its normal form is judged the same as it came. */
static void ask(const struct narrow *narrow, struct span bytes)
{
    struct target target;
    struct error error;
    struct narrow_answer answer, second;
    struct span method = take_line(&bytes), host = take_line(&bytes);
    struct request_line request = {.method = method, .has_path = true, .normal = &path};
    if (!target_parse(host, &target, &error))
        return;
    request.path = path_without_query(bytes);
    narrow_judge(narrow, &target, &request, &answer);
    require(answer.has_entry || answer.verdict == NARROW_ALLOW);
    if (answer.problem != NULL)
        require(answer.verdict == NARROW_PATH);
    if (!answer.path_judged)
        return;
    request.path = path.wire;
    request.normal = &again;
    narrow_judge(narrow, &target, &request, &second);
    require(second.verdict == answer.verdict && span_equal(path.wire, again.wire));
    request.opaque = true;
    narrow_judge(narrow, &target, &request, &second);
    require(second.opaque && (second.verdict == NARROW_PATH || second.verdict == NARROW_ALLOW));
}

static void require_entries(const struct narrow_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct narrow_entry *entry = &file->items[i];
        require(entry->text.length > 0 && entry->at.line > 0);
        require(!entry->any_method || !entry->any_path);
        require(entry->any_method == (entry->method_count == 0));
        require(entry->any_path == (entry->path_count == 0));
        for (size_t k = 0; k < entry->method_count; k++)
            require(narrow_method_valid(entry->methods[k]));
    }
}

static void read_file(const struct yaml_document *document, struct span request)
{
    struct arena *arena = arena_new(ARENA_MAXIMUM);
    struct findings findings;
    struct error error = {.message = ""};
    require(arena != NULL);
    findings_init(&findings, arena, "narrow.yml");
    const struct narrow_file *file = narrow_file_read(document, arena, &findings);
    require(file != NULL);
    if (!findings_error(&findings, &error)) {
        require_entries(file);
        struct narrow *narrow = narrow_new(file, &findings);
        require(narrow != NULL || findings_error(&findings, &error));
        if (narrow != NULL)
            ask(narrow, request);
        narrow_free(narrow);
    }
    if (error.message[0] != '\0')
        require_readable(&error);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span bytes = {(const char *)data, size};
    struct span file = span_slice(bytes, 0, span_find(bytes, '\0'));
    struct span request = span_after(bytes, file.length < size ? file.length + 1 : size);
    struct error error = {.message = ""};
    struct yaml_document *document =
        yaml_document_parse_within(file, "narrow.yml", &narrow_limits, &error);
    if (document != NULL)
        read_file(document, request);
    else
        require_readable(&error);
    yaml_document_free(document);
    return 0;
}
