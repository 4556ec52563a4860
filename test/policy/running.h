/*
 * Commands in tests: run in a process of their own, with what they wrote and
 * how they ended. Data is found where the tests run, at the top of the checkout.
 */
#ifndef SALLYPORT_TEST_POLICY_RUNNING_H
#define SALLYPORT_TEST_POLICY_RUNNING_H

#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/command.h"
#include "policy/span.h"

struct running {
    int status;
    char output[65536];
    char complaints[8192];
};

/* What stands in FILE, which is closed. */
static inline void running_read_back(FILE *file, char *to, size_t size)
{
    rewind(file);
    size_t length = fread(to, 1, size - 1, file);
    to[length] = '\0';
    fclose(file);
}

/* WHEN COMMAND is run with LINE, its words parted by single spaces. */
static inline void running_run(struct running *running, const struct command *command,
                               const char *line)
{
    char name[32], copy[1024];
    char *words[32] = {name};
    int count = 1;
    FILE *output = tmpfile(), *complaints = tmpfile();
    ck_assert(output != NULL && complaints != NULL);
    snprintf(name, sizeof(name), "%s", command->name);
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *rest, *word = strtok_r(copy, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (dup2(fileno(output), STDOUT_FILENO) < 0 || dup2(fileno(complaints), STDERR_FILENO) < 0)
            _exit(99);
        exit(command->run(count, words)); /* flushes, and looks for leaks */
    }
    ck_assert_int_eq(waitpid(child, &running->status, 0), child);
    ck_assert(WIFEXITED(running->status));
    running->status = WEXITSTATUS(running->status);
    running_read_back(output, running->output, sizeof(running->output));
    running_read_back(complaints, running->complaints, sizeof(running->complaints));
}

#endif
