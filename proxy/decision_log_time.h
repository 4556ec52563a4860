/*
 * The time as the decision log writes it. The calendar is asked once a second,
 * not once a line.
 */
#ifndef SALLYPORT_PROXY_DECISION_LOG_TIME_H
#define SALLYPORT_PROXY_DECISION_LOG_TIME_H

#include <stdbool.h>
#include <time.h>

#define LOG_TIME_SIZE 28 /* "2026-01-02T03:04:05.678901Z" and NUL */

struct log_clock {
    bool known;
    time_t second;
    char text[LOG_TIME_SIZE]; /* of the last time asked for */
};

/* MOMENT in UTC, to the microsecond. Valid until the next call. */
const char *log_clock_format(struct log_clock *clock, const struct timespec *moment);

#endif
