/*
 * A narrow.yml, compiled: what of declared addresses may be used. Immutable, part
 * of an app_policy, shared by all installations of its app and environment.
 *
 * Entries speak of a host and a port, whatever the scheme: the same server answers
 * to http and ws, and to https and wss. Of the entries that cover a target, those
 * of the most specific host count, and no others: the host itself, then the deepest
 * "*.", then "*". Of these, one has to allow both the method and the path.
 */
#ifndef SALLYPORT_POLICY_NARROW_H
#define SALLYPORT_POLICY_NARROW_H

#include "policy/narrow_file.h"
#include "policy/path.h"

struct narrow;

/* What is known of a request beyond its target. All zero: nothing, and nothing will be. */
struct request_line {
    struct span method; /* "": not known */
    bool has_path;
    struct span path; /* as the client wrote it, up to its "?"; only where has_path */
    bool inspected;   /* a tunnel whose requests are decided one by one: itself it may open */
    bool opaque; /* method and path will never be known, as in a tunnel that is not inspected */
    /*
     * Room for the path's normal form, where has_path. Written only where rules for
     * paths apply; then normal->wire is what was judged and what has to be sent.
     */
    struct path *normal;
};

enum narrow_verdict {
    NARROW_ALLOW,
    NARROW_METHOD, /* no entry allows the method (here) */
    NARROW_PATH,   /* no entry allows the path, or it cannot be known */
};

/* Spans point into the narrow. */
struct narrow_answer {
    enum narrow_verdict verdict;
    bool has_entry;      /* entries cover the target; the rest is set only then */
    bool opaque;         /* NARROW_PATH: it is a tunnel that nobody looks into */
    bool path_judged;    /* request->normal is written */
    const char *problem; /* NARROW_PATH: why the path is refused whatever is allowed; static */
    struct span address; /* of the entry that allows, or of one that would have to */
    struct position at;  /* of the path or address that allows, or of that entry */
};

/*
 * Compiles FILE; copies what it keeps. NULL: memory is out, or a regular expression cannot
 * be taken, which a finding says. Owned by the caller.
 */
struct narrow *narrow_new(const struct narrow_file *file, struct findings *findings);
void narrow_free(struct narrow *narrow); /* takes NULL */

/*
 * What NARROW says of REQUEST (NULL: nothing is known) to TARGET, which the grant
 * allows. A tunnel is opaque unless it is inspected. Where the method or the path of
 * another request is not known, it takes nothing away. Allocates nothing; any thread.
 */
void narrow_judge(const struct narrow *narrow, const struct target *target,
                  const struct request_line *request, struct narrow_answer *answer);

/* The file's name as errors have it. */
const char *narrow_name(const struct narrow *narrow);

/* 64 bits that follow from the entries and their places. */
uint64_t narrow_fingerprint(const struct narrow *narrow);

/* Bytes of memory held. */
size_t narrow_size(const struct narrow *narrow);

#endif
