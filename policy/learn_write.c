/*
 * The fragment in words. Every byte of it is ours or canonical: hosts were
 * parsed, times have the one right shape, and addresses stand in quotes, so that
 * nothing in a log can be anything but a value.
 */
#include <inttypes.h>

#include "policy/learn_proposal.h"
#include "policy/yaml_node.h"

#define ARENA_MAXIMUM ((size_t)256 << 20)

struct writing {
    const struct learn_options *options;
    struct text *fragment;
    struct text *cautions;
    bool opened; /* the list's head is written */
};

static void add_requests(struct text *text, uint64_t count)
{
    text_add_decimal(text, count);
    text_add_string(text, count == 1 ? " request" : " requests");
}

/* "12 requests to 5 names, FIRST to LAST". */
static void add_facts(struct text *text, const struct proposal *proposal)
{
    add_requests(text, proposal->count);
    if (proposal->wildcard)
        text_add_format(text, " to %zu names", proposal->names);
    if (proposal->first[0] == '\0')
        return;
    text_add_format(text, ", %s", proposal->first);
    if (strcmp(proposal->first, proposal->last) != 0)
        text_add_format(text, " to %s", proposal->last);
}

/* WHY stands above the address as a comment, and among the cautions with it. */
static void add_caution(const struct writing *writing, const struct proposal *proposal,
                        const char *why)
{
    text_add_string(writing->fragment, "        # caution: ");
    text_add_string(writing->fragment, why);
    text_add_char(writing->fragment, '\n');
    proposal_add_address(proposal, writing->cautions);
    text_add_string(writing->cautions, ": ");
    text_add_string(writing->cautions, why);
    text_add_char(writing->cautions, '\n');
}

static void add_cautions(const struct writing *writing, const struct proposal *proposal)
{
    char why[640];
    if (proposal->wildcard) {
        snprintf(why, sizeof(why), "opens every name below %.*s, at any depth, asked for or not",
                 SPAN_FORMAT(proposal->host));
        add_caution(writing, proposal, why);
    }
    if (proposal->siblings > 0) {
        snprintf(
            why, sizeof(why),
            "one of %zu names side by side, but no wildcard may cover %s, where anyone can get "
            "a name",
            proposal->siblings, proposal->shared);
        add_caution(writing, proposal, why);
    }
    if (proposal->host_kind != HOST_NAME)
        add_caution(writing, proposal, "an IP address, which can change hands; declare a name");
    if (proposal->scheme == SCHEME_HTTP || proposal->scheme == SCHEME_WS)
        add_caution(writing, proposal,
                    "not encrypted; use https or wss if it "
                    "can be had");
}

static void open_list(struct writing *writing)
{
    if (!writing->opened)
        text_add_string(writing->fragment, "permissions:\n"
                                           "  external:\n"
                                           "    fetch:\n"
                                           "      backend:\n");
    writing->opened = true;
}

static void write_proposal(struct writing *writing, const struct proposal *proposal)
{
    struct text *fragment = writing->fragment;
    struct error error;
    if (!proposal_can_be_declared(proposal, writing->options->plain_http, &error))
        return;
    open_list(writing);
    add_cautions(writing, proposal);
    text_add_string(fragment, "        - address: \"");
    proposal_add_address(proposal, fragment);
    text_add_string(fragment, "\" # ");
    add_facts(fragment, proposal);
    text_add_char(fragment, '\n');
}

/* What no address can allow is told, so that nobody waits for it. */
static void write_rest(const struct writing *writing, const struct proposal *proposal)
{
    struct text *fragment = writing->fragment;
    struct error error;
    if (proposal_can_be_declared(proposal, writing->options->plain_http, &error))
        return;
    text_add_string(fragment, "# left out: ");
    proposal_add_address(proposal, fragment);
    text_add_format(fragment, ", %s; ", error.message);
    add_facts(fragment, proposal);
    text_add_char(fragment, '\n');
    proposal_add_address(proposal, writing->cautions);
    text_add_format(writing->cautions, ": left out, %s\n", error.message);
}

static void write_others(const struct writing *writing, uint64_t others)
{
    if (others == 0)
        return;
    text_add_format(writing->fragment,
                    "# left out: %" PRIu64 " requests to targets beyond the first %d\n", others,
                    LEARN_TARGETS_MAXIMUM);
    text_add_format(writing->cautions,
                    "%" PRIu64 " requests to targets beyond the first %d are "
                    "left out\n",
                    others, LEARN_TARGETS_MAXIMUM);
}

static void write_size(const struct writing *writing)
{
    if (writing->fragment->length > YAML_SIZE_MAXIMUM)
        text_add_format(writing->cautions,
                        "the fragment has more than %d bytes, and no manifest may; --wildcards "
                        "makes it shorter\n",
                        YAML_SIZE_MAXIMUM);
}

bool learn_write(struct learn *learn, const struct learn_options *options, struct text *fragment,
                 struct text *cautions)
{
    struct writing writing = {options, fragment, cautions, false};
    struct proposals proposals;
    size_t count;
    struct tally_entry **entries = tally_entries(learn->denied, &count);
    struct arena *arena = arena_new(ARENA_MAXIMUM);
    bool made =
        arena != NULL && proposals_make(entries, count, options->wildcards, arena, &proposals);
    for (size_t i = 0; made && i < proposals.count; i++)
        write_proposal(&writing, &proposals.items[i]);
    for (size_t i = 0; made && i < proposals.count; i++)
        write_rest(&writing, &proposals.items[i]);
    arena_free(arena);
    write_others(&writing, tally_others(learn->denied));
    write_size(&writing);
    if (fragment->length == 0)
        text_add_string(fragment, "# nothing was denied that a declaration would allow\n");
    return made && !fragment->overflow && !cautions->overflow;
}
