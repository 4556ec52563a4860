/*
 * PCRE2's only home. The limits are what keeps one app's expression from being
 * another app's wait: a match that reaches them is cut, and what is cut is denied.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "policy/narrow_regex.h"

#include <pcre2.h>
#include <stdlib.h>

/*
 * What one match may cost. The interpreter counts each step. Machine code counts
 * only some, and between two of them may go over the whole path: so there steps
 * times bytes are bounded. Both are far more than a path needs that is read from
 * left to right with a little going back.
 */
#define STEPS_INTERPRETED 5000
#define STEPS_TIMES_BYTES 200000
#define STEPS_AT_LEAST    50
#define DEPTH_LIMIT       500
#define STACK_SIZE        ((size_t)160 * 1024) /* bytes of matching; PCRE2 begins with 20 KiB */
#define PROBE_LENGTH      200

struct narrow_regex {
    pcre2_code *code;
    bool is_machine_code;
};

/* ---- memory for one match -------------------------------------------------------- */

/* Given out from the front, given back all at once. */
struct match_memory {
    size_t used;
    _Alignas(max_align_t) char bytes[STACK_SIZE];
};

static void *take_memory(size_t size, void *context)
{
    struct match_memory *memory = context;
    size_t aligned = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    if (aligned < size || aligned > STACK_SIZE - memory->used)
        return NULL;
    memory->used += aligned;
    return memory->bytes + memory->used - aligned;
}

static void give_memory(void *block, void *context)
{
    (void)block;
    (void)context; /* the match's end gives it back */
}

static uint32_t step_limit(const struct narrow_regex *regex, size_t length)
{
    if (!regex->is_machine_code)
        return STEPS_INTERPRETED;
    size_t steps = STEPS_TIMES_BYTES / (length + 1);
    return steps < STEPS_AT_LEAST ? STEPS_AT_LEAST : (uint32_t)steps;
}

enum narrow_match narrow_regex_match(const struct narrow_regex *regex, struct span text)
{
    struct match_memory memory;
    memory.used = 0;
    pcre2_general_context *general =
        pcre2_general_context_create(take_memory, give_memory, &memory);
    pcre2_match_data *found = general == NULL ? NULL : pcre2_match_data_create(1, general);
    pcre2_match_context *limits = found == NULL ? NULL : pcre2_match_context_create(general);
    if (limits == NULL)
        return NARROW_CUT;
    pcre2_set_match_limit(limits, step_limit(regex, text.length));
    pcre2_set_depth_limit(limits, DEPTH_LIMIT);
    int result = pcre2_match(regex->code, (PCRE2_SPTR)text.data, text.length, 0, PCRE2_NO_UTF_CHECK,
                             found, limits);
    if (result == PCRE2_ERROR_NOMATCH)
        return NARROW_NO_MATCH;
    if (result < 0)
        return NARROW_CUT;
    /* An expression can end a match early, (*ACCEPT), or move its beginning, \K. */
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(found);
    return ends[0] == 0 && ends[1] == text.length ? NARROW_MATCH : NARROW_NO_MATCH;
}

/* ---- compiling ------------------------------------------------------------------- */

static bool refuse_compile(int code, size_t offset, struct error *error)
{
    PCRE2_UCHAR why[256];
    pcre2_get_error_message(code, why, sizeof(why));
    error_set(error, "the regular expression is not valid: %s at its byte %zu; see pcre2syntax(3)",
              (const char *)why, offset + 1);
    return false;
}

static bool compile(struct narrow_regex *regex, struct span pattern, struct error *error)
{
    const uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF |
                             PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
    int code;
    PCRE2_SIZE offset;
    regex->code =
        pcre2_compile((PCRE2_SPTR)pattern.data, pattern.length, options, &code, &offset, NULL);
    if (regex->code == NULL)
        return refuse_compile(code, offset, error);
    /* A sandboxed process may make no code; then PCRE2 interprets. */
    regex->is_machine_code = pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0;
    return true;
}

/* Nothing that looks like a prefix, then many of BYTE, then what hardly any path ends with. */
static bool runs_away_on(const struct narrow_regex *regex, struct span prefix, char byte)
{
    char probe[NARROW_REGEX_MAXIMUM + PROBE_LENGTH + 1];
    memcpy(probe, prefix.data, prefix.length);
    memset(probe + prefix.length, byte, PROBE_LENGTH);
    probe[prefix.length + PROBE_LENGTH] = '\x01'; /* a control character: in no path */
    return narrow_regex_match(regex, (struct span){probe, prefix.length + PROBE_LENGTH + 1}) ==
           NARROW_CUT;
}

static bool runs_away_on_any(const struct narrow_regex *regex, struct span prefix,
                             struct span bytes, bool seen[128])
{
    for (size_t i = 0; i < bytes.length; i++) {
        char byte = bytes.data[i];
        if (byte < '!' || byte > '~' || seen[(unsigned char)byte])
            continue;
        seen[(unsigned char)byte] = true;
        if (runs_away_on(regex, prefix, byte))
            return true;
    }
    return false;
}

/*
 * The classical mistakes, (a+)+ and its kin, show on a run of one character. That
 * is no proof: what passes here is still cut when it happens.
 */
static bool runs_away(const struct narrow_regex *regex, struct span pattern)
{
    char storage[NARROW_REGEX_MAXIMUM];
    struct span prefix = narrow_regex_prefix(pattern, storage);
    bool seen[128] = {false};
    return runs_away_on_any(regex, prefix, pattern, seen) ||
           runs_away_on_any(regex, prefix, SPAN("a0/-"), seen);
}

static bool check_length(struct span pattern, struct error *error)
{
    if (pattern.length > 0 && pattern.length <= NARROW_REGEX_MAXIMUM)
        return true;
    error_set(error, "a regular expression has 1 to %d bytes", NARROW_REGEX_MAXIMUM);
    return false;
}

static bool fill(struct narrow_regex *regex, struct span pattern, struct error *error)
{
    if (!compile(regex, pattern, error))
        return false;
    if (!runs_away(regex, pattern))
        return true;
    error_set(error, "the regular expression runs away on a long path: it tries the same "
                     "characters in too many ways; have no repetition of a repetition, such as "
                     "(a+)+");
    return false;
}

struct narrow_regex *narrow_regex_new(struct span pattern, struct error *error)
{
    if (!check_length(pattern, error))
        return NULL;
    struct narrow_regex *regex = calloc(1, sizeof(*regex));
    if (regex == NULL) {
        error_set(error, "memory is out");
        return NULL;
    }
    if (fill(regex, pattern, error))
        return regex;
    narrow_regex_free(regex);
    return NULL;
}

void narrow_regex_free(struct narrow_regex *regex)
{
    if (regex == NULL)
        return;
    pcre2_code_free(regex->code);
    free(regex);
}

size_t narrow_regex_size(const struct narrow_regex *regex)
{
    size_t code = 0, machine = 0;
    pcre2_pattern_info(regex->code, PCRE2_INFO_SIZE, &code);
    pcre2_pattern_info(regex->code, PCRE2_INFO_JITSIZE, &machine);
    return sizeof(*regex) + code + machine;
}

/* ---- what every match begins with -------------------------------------------------- */

static bool is_meta(char byte)
{
    return byte == '\0' || strchr("^$.[]|()?*+{}\\", byte) != NULL;
}

static bool is_alphanumeric(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

/*
 * One character that stands for itself, from *at on; false: there is none, or what
 * follows may repeat it or take it away.
 */
static bool take_literal(struct span pattern, size_t *at, char *byte)
{
    size_t next = *at;
    if (next < pattern.length && pattern.data[next] == '\\')
        next++;
    if (next == pattern.length)
        return false;
    *byte = pattern.data[next];
    bool escaped = next > *at;
    if (escaped ? is_alphanumeric(*byte) || (unsigned char)*byte >= 0x80 : is_meta(*byte))
        return false;
    next++;
    if (next < pattern.length && strchr("?*+{", pattern.data[next]) != NULL)
        return false;
    *at = next;
    return true;
}

/* With a "|" anywhere, a match may begin otherwise: then nothing is known. */
struct span narrow_regex_prefix(struct span pattern, char *prefix)
{
    size_t length = 0, whole = 1;
    size_t at = pattern.length > 0 && pattern.data[0] == '^';
    bool one_way = span_find(pattern, '|') == pattern.length;
    while (one_way && length < NARROW_REGEX_MAXIMUM &&
           take_literal(pattern, &at, &prefix[length])) {
        length++;
        if (prefix[length - 1] == '/')
            whole = length;
    }
    if (length == 0 || prefix[0] != '/') {
        prefix[0] = '/';
        whole = 1;
    }
    return (struct span){prefix, whole};
}
