/*
 * Why: strftime a line would cost more than the line. The text of the current
 * second is kept and only its fraction written anew.
 */
#include "proxy/decision_log_time.h"

static void put_decimal(char *place, int count, long value)
{
    while (count-- > 0) {
        place[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

static void set_second(struct log_clock *clock, time_t second)
{
    static const char form[LOG_TIME_SIZE] = "0000-00-00T00:00:00.000000Z";
    struct tm date;
    if (gmtime_r(&second, &date) == NULL)
        date = (struct tm){0};
    for (int i = 0; i < LOG_TIME_SIZE; i++)
        clock->text[i] = form[i];
    put_decimal(clock->text, 4, date.tm_year + 1900L);
    put_decimal(clock->text + 5, 2, date.tm_mon + 1L);
    put_decimal(clock->text + 8, 2, date.tm_mday);
    put_decimal(clock->text + 11, 2, date.tm_hour);
    put_decimal(clock->text + 14, 2, date.tm_min);
    put_decimal(clock->text + 17, 2, date.tm_sec);
    clock->second = second;
    clock->known = true;
}

const char *log_clock_format(struct log_clock *clock, const struct timespec *moment)
{
    if (!clock->known || clock->second != moment->tv_sec)
        set_second(clock, moment->tv_sec);
    put_decimal(clock->text + 20, 6, moment->tv_nsec / 1000);
    return clock->text;
}
