/*
 * What the parts of the page share: review.c directs, review_reach.c tells hosts,
 * review_risk.c risks and reasons, review_chart.c traffic, review_decide.c the
 * command, review_style.c how it looks.
 */
#ifndef SALLYPORT_POLICY_REVIEW_PARTS_H
#define SALLYPORT_POLICY_REVIEW_PARTS_H

#include "policy/html.h"
#include "policy/review.h"

/* A finding of the new version that tells of risk. */
struct review_risk {
    const struct finding *finding;
    bool is_new; /* the old version was not told so */
};

/* All of one host (and all below it, for a wildcard) that one version lets out and the other
 * does not. */
struct review_host {
    const struct version_reach **reaches;
    size_t count;
};

struct review_hosts {
    struct review_host *items;
    size_t count;
};

struct page {
    const struct review *review;
    struct arena *arena;
    struct text *text;
    struct review_risk *risks; /* the gravest first */
    size_t risk_count;
    size_t analytics_count; /* entries of the new version that an admin can switch off */
    struct review_hosts added;
    struct review_hosts removed;
    const struct reach *old_backend; /* fetch.backend of the two versions */
    const struct reach *new_backend;
    struct tally_entry **targets; /* of the traffic, the most frequent first */
    size_t target_count;
    size_t first_step; /* of the traffic: what drawings show */
    size_t last_step;
    unsigned headings; /* how many ids were given */
    bool out_of_memory;
};

extern const char review_style[];

/* `<section aria-labelledby=ID>` and its heading; review_end_section closes it. */
void review_begin_section(struct page *page, const char *id, const char *title);
void review_end_section(struct page *page);

/* "FILE:LINE:COLUMN", as code. */
void review_add_place(struct page *page, const char *file, struct position at);

/* "1 host", "2,000 hosts". */
void review_add_count(struct page *page, uint64_t count, const char *one, const char *many);

/* Fills page->added and page->removed. */
void review_group_hosts(struct page *page);
void review_add_hosts(struct page *page, bool added);

/* Fills page->risks. */
void review_find_risks(struct page *page);
void review_add_risks(struct page *page);
/* The index in page->risks, from 1, of what is said about the new version's AT; 0: nothing. */
size_t review_risk_at(const struct page *page, struct position at);

void review_add_reasons(struct page *page);

/* Requests over time as a drawing that says in words what it shows, of LABEL. */
void review_add_chart(struct page *page, const struct traffic_count *count, struct span label);
/* Fills page->first_step and last_step. */
void review_frame_charts(struct page *page);
void review_add_traffic(struct page *page);

void review_add_decision(struct page *page);

#endif
