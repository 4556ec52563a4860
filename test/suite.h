/* How every unit test program ends: its suite is run, and its exit status says how. */
#ifndef SALLYPORT_TEST_SUITE_H
#define SALLYPORT_TEST_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Runs SUITE as CK_RUN_… and CK_VERBOSITY say; main's exit status. */
static inline int suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
