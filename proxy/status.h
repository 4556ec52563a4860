/* What the admin pages show: the parts of the process, put into words. */
#ifndef SALLYPORT_PROXY_STATUS_H
#define SALLYPORT_PROXY_STATUS_H

#include "proxy/certificate_keeper.h"
#include "proxy/overload.h"
#include "proxy/policy_keeper.h"
#include "proxy/roster_keeper.h"

struct status {
    const struct policy_keeper *policy;
    const struct certificate_keeper *certificates;
    const struct roster_keeper *rosters;
    const struct decision_log *log;
    struct overload *overload;
    struct metrics *const *metrics; /* one a worker */
    size_t worker_count;
    bool stopping;
};

/* Two admin_source callbacks; CONTEXT is the status. */
void status_write_trouble(void *context, struct text *out);
void status_write_metrics(void *context, struct text *out);

#endif
