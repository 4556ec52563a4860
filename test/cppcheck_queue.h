/*
 * For cppcheck alone, which does not read <sys/queue.h>: the one macro of it that
 * it takes for a function, and so for the use of a variable that nobody has set.
 */
#define TAILQ_FOREACH(var, head, field)                                                            \
    for ((var) = (head)->tqh_first; (var) != 0; (var) = (var)->field.tqe_next)
