/*
 * What the bench programs share: an event loop's few lines, and ends with a word.
 * They measure others, so each is one thread on epoll, bounded in all it does.
 */
#ifndef SALLYPORT_TEST_BENCH_H
#define SALLYPORT_TEST_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#define BENCH_EVENTS 256

/* Prints FORMAT's words and errno's, and ends the process. */
__attribute__((noreturn, format(printf, 1, 2))) void bench_die(const char *format, ...);

/* A number of at least MINIMUM and at most MAXIMUM, or the end. */
uint64_t bench_number(const char *text, uint64_t minimum, uint64_t maximum);

/* A non-blocking listener on ADDRESS (dotted) and a port of the kernel's choice, which it prints.
 */
int bench_listen(const char *address);
/* A non-blocking socket on its way to ADDRESS (dotted) and PORT. */
int bench_dial(const char *address, uint16_t port);
/* The next connection, non-blocking; -1: none now. */
int bench_accept(int listener);

int bench_epoll(void);
void bench_watch(int epoll, int operation, int fd, uint32_t events, void *context);

#define BENCH_HELLO_MAXIMUM      517
#define BENCH_HELLO_HOST_MAXIMUM 100

/* Writes a ClientHello that names HOST; its length. 0: HOST is longer than
 * BENCH_HELLO_HOST_MAXIMUM. */
size_t bench_hello(const char *host, uint8_t bytes[BENCH_HELLO_MAXIMUM]);

#endif
