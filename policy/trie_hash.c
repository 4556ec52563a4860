/*
 * Where the process's hash key comes from. No environment variable and no
 * option can choose it: whoever knows the key can make names collide.
 */
#include "policy/trie_hash.h"

#include <pthread.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static struct trie_hash_key process_key;
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;

/* Multipliers are odd, so that no bit of a word is lost in the product. */
static void set_key(uint64_t start, uint64_t word, uint64_t tail)
{
    process_key = (struct trie_hash_key){.start = start, .word = word | 1, .tail = tail | 1};
}

/* A step of splitmix64: well mixed numbers from any seed. */
static uint64_t next_number(uint64_t *seed)
{
    uint64_t mixed = *seed += 0x9E3779B97F4A7C15U;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBU;
    return mixed ^ mixed >> 31;
}

static void set_key_from_seed(uint64_t seed)
{
    uint64_t start = next_number(&seed);
    uint64_t word = next_number(&seed);
    set_key(start, word, next_number(&seed));
}

/* Where the kernel gives no random bytes (a seccomp filter): what a stranger does not know either.
 */
static void set_key_from_clock(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    set_key_from_seed((uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec +
                      ((uint64_t)getpid() << 40) + (uint64_t)(uintptr_t)&now);
}

static void choose_key(void)
{
    uint64_t random[3];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        set_key_from_clock();
        return;
    }
    set_key(random[0], random[1], random[2]);
}

struct trie_hash_key trie_hash_key(void)
{
    pthread_once(&process_key_once, choose_key);
    return process_key;
}

void trie_hash_set_seed(uint64_t seed)
{
    pthread_once(&process_key_once, choose_key);
    set_key_from_seed(seed);
}
