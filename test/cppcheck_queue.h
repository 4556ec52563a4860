/*
 * For cppcheck alone, which does not read <sys/queue.h>: its loops, that
 * it takes for functions, and so for the use of a variable that nobody has set.
 */
#define TAILQ_FOREACH(var, head, field)                                                            \
    for ((var) = (head)->tqh_first; (var) != 0; (var) = (var)->field.tqe_next)
#define TAILQ_FOREACH_REVERSE(var, head, type, field)                                              \
    for ((var) = (head)->tqh_first; (var) != 0; (var) = (var)->field.tqe_next)
#define LIST_FOREACH(var, head, field)                                                             \
    for ((var) = (head)->lh_first; (var) != 0; (var) = (var)->field.le_next)
