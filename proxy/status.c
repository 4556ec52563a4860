#include "proxy/status.h"

void status_write_trouble(void *context, struct text *out)
{
    const struct status *status = context;
    const char *log_trouble = decision_log_trouble(status->log);
    policy_keeper_write_trouble(status->policy, out);
    certificate_keeper_write_trouble(status->certificates, out);
    roster_keeper_write_trouble(status->rosters, out);
    if (log_trouble[0] != '\0')
        text_add_format(out, "log: %s\n", log_trouble);
    overload_write_trouble(status->overload, out);
    if (status->stopping)
        text_add_string(out, "draining\n");
}

void status_write_metrics(void *context, struct text *out)
{
    const struct status *status = context;
    uint64_t made, written;
    metrics_write(status->metrics, status->worker_count, out);
    policy_keeper_write_metrics(status->policy, out);
    certificate_keeper_write_metrics(status->certificates, out);
    roster_keeper_write_metrics(status->rosters, out);
    overload_write_metrics(status->overload, out);
    decision_log_counts(status->log, &made, &written);
    text_add_format(out,
                    "# HELP sallyport_log_records_total Decision log records, by state.\n"
                    "# TYPE sallyport_log_records_total counter\n"
                    "sallyport_log_records_total{state=\"made\"} %llu\n"
                    "sallyport_log_records_total{state=\"written\"} %llu\n",
                    (unsigned long long)made, (unsigned long long)written);
    text_add_format(out,
                    "# HELP sallyport_build_info The program.\n"
                    "# TYPE sallyport_build_info gauge\n"
                    "sallyport_build_info{version=\"%s\"} 1\n",
                    SALLYPORT_VERSION);
}
