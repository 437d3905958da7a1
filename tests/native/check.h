/* SPDX-License-Identifier: Apache-2.0
 *
 * The test harness: a program includes this once, defines tests with TEST(), and gets a main().
 *
 *     TEST(adds_two) { CHECK_EQ(add(1, 1), 2); }
 *     TEST_WITHIN(takes_long, 60) { ... }        a deadline other than CHECK_SECONDS
 *
 * Each test runs in a process of its own and in a process group of its own: a crash, a leak found at
 * exit, a hang and forgotten children cost that test only. A failed check ends the test there.
 *
 *     test_x [-l] [-n] [name...]    -l: list; -n: in this process, for a debugger, no deadline
 *
 * CHECK_SCALE in the environment multiplies all deadlines (slow machines, sanitizers).
 * Exit: 0 all passed, 1 something failed, 77 all skipped. Last line: "N passed, N failed".
 */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CHECK_SECONDS
#define CHECK_SECONDS 20u
#endif
#define CHECK_SKIPPED 77

typedef struct check_test {
    const char *name;
    void (*run)(void);
    unsigned seconds;
    struct check_test *next;
} check_test_t;

static check_test_t *check_first, **check_last = &check_first;

static inline void check_register(check_test_t *test)
{
    *check_last = test;
    check_last = &test->next;
}

#define TEST_WITHIN(test_name, deadline_seconds)                                                   \
    static void test_##test_name(void);                                                            \
    __attribute__((constructor)) static void check_register_##test_name(void)                      \
    {                                                                                              \
        static check_test_t check_it = {#test_name, test_##test_name, deadline_seconds, NULL};     \
        check_register(&check_it);                                                                 \
    }                                                                                              \
    static void test_##test_name(void)

#define TEST(test_name) TEST_WITHIN(test_name, CHECK_SECONDS)

/** Ends the test from any thread; nothing is cleaned up, the process is gone. */
__attribute__((noreturn, unused)) static void check_fail(const char *file, int line,
                                                         const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    fflush(NULL);
    _exit(1);
}

__attribute__((unused)) static void check_equal(const char *file, int line, const char *a_text,
                                                const char *b_text, long long a, long long b)
{
    char what[512];
    if (a == b)
        return;
    snprintf(what, sizeof what, "%s == %s: %lld (0x%llx) is not %lld (0x%llx)", a_text, b_text, a,
             (unsigned long long)a, b, (unsigned long long)b);
    check_fail(file, line, what);
}

__attribute__((unused)) static void check_string(const char *file, int line, const char *a,
                                                 const char *b)
{
    char what[512];
    if (a != NULL && b != NULL && strcmp(a, b) == 0)
        return;
    snprintf(what, sizeof what, "\"%s\" is not \"%s\"", a != NULL ? a : "(null)",
             b != NULL ? b : "(null)");
    check_fail(file, line, what);
}

__attribute__((unused)) static void check_has(const char *file, int line, const char *text,
                                              const char *part)
{
    char what[512];
    if (text != NULL && strstr(text, part) != NULL)
        return;
    snprintf(what, sizeof what, "\"%s\" does not contain \"%s\"", text != NULL ? text : "(null)",
             part);
    check_fail(file, line, what);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            check_fail(__FILE__, __LINE__, "failed: " #condition);                                 \
    } while (0)
/** Whole numbers and pointers, compared and shown as long long. */
#define CHECK_EQ(a, b) check_equal(__FILE__, __LINE__, #a, #b, (long long)(a), (long long)(b))
#define CHECK_STR(a, b) check_string(__FILE__, __LINE__, (a), (b))
/** The text contains the part. */
#define CHECK_HAS(text, part) check_has(__FILE__, __LINE__, (text), (part))
#define CHECK_MEM(a, b, length) CHECK(memcmp((a), (b), (length)) == 0)

/** Ends the test as skipped, from its main thread. */
#define CHECK_SKIP(reason)                                                                         \
    do {                                                                                           \
        fprintf(stderr, "%s:%d: skipped: %s\n", __FILE__, __LINE__, (reason));                     \
        exit(CHECK_SKIPPED);                                                                       \
    } while (0)

static unsigned check_deadline(unsigned seconds)
{
    const char *scale = getenv("CHECK_SCALE");
    int factor = scale != NULL ? atoi(scale) : 1;
    return seconds * (factor > 0 ? (unsigned)factor : 1u);
}

/** Exit status of the test: 0, CHECK_SKIPPED, or anything else with *reason in words. */
static int check_run(const check_test_t *test, char *reason, size_t size)
{
    reason[0] = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        snprintf(reason, size, "fork: %s", strerror(errno));
        return 1;
    }
    if (pid == 0) {
        setpgid(0, 0);
        /* Nor does it outlive one that is killed: out of its reach in a group of its own. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(check_deadline(test->seconds));
        test->run();
        exit(0);
    }
    setpgid(pid, pid);
    siginfo_t info;
    /* Before the zombie is collected its group id cannot belong to anybody else. */
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    kill(-pid, SIGKILL);
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status)) {
        if (WEXITSTATUS(status) != 0)
            snprintf(reason, size, "exit status %d", WEXITSTATUS(status));
        return WEXITSTATUS(status);
    }
    if (WTERMSIG(status) == SIGALRM)
        snprintf(reason, size, "not done within %u s", check_deadline(test->seconds));
    else
        snprintf(reason, size, "killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    return 1;
}

int main(int argc, char **argv)
{
    bool here = false;
    int first_name = 1;
    for (; first_name < argc && argv[first_name][0] == '-'; first_name++) {
        if (strcmp(argv[first_name], "-n") == 0) {
            here = true;
        } else if (strcmp(argv[first_name], "-l") == 0) {
            for (const check_test_t *t = check_first; t != NULL; t = t->next)
                printf("%s\n", t->name);
            return 0;
        } else {
            fprintf(stderr, "usage: %s [-l] [-n] [test...]\n", argv[0]);
            return 2;
        }
    }
    for (int i = first_name; i < argc; i++) {
        const check_test_t *t = check_first;
        while (t != NULL && strcmp(t->name, argv[i]) != 0)
            t = t->next;
        if (t == NULL) {
            fprintf(stderr, "no test is called %s\n", argv[i]);
            return 2;
        }
    }
    unsigned passed = 0, failed = 0, skipped = 0;
    for (const check_test_t *t = check_first; t != NULL; t = t->next) {
        bool wanted = first_name == argc;
        for (int i = first_name; i < argc; i++)
            wanted = wanted || strcmp(t->name, argv[i]) == 0;
        if (!wanted)
            continue;
        if (here) {
            t->run();
            passed++;
            continue;
        }
        struct timespec start, end;
        char reason[160];
        clock_gettime(CLOCK_MONOTONIC, &start);
        int rv = check_run(t, reason, sizeof reason);
        clock_gettime(CLOCK_MONOTONIC, &end);
        long long ms =
            (end.tv_sec - start.tv_sec) * 1000ll + (end.tv_nsec - start.tv_nsec) / 1000000;
        if (rv == 0) {
            passed++;
            printf("ok    %s (%lld ms)\n", t->name, ms);
        } else if (rv == CHECK_SKIPPED) {
            skipped++;
            printf("skip  %s\n", t->name);
        } else {
            failed++;
            printf("FAIL  %s: %s (%lld ms)\n", t->name, reason, ms);
        }
        fflush(stdout);
    }
    printf("%u passed, %u failed", passed, failed);
    if (skipped != 0)
        printf(", %u skipped", skipped);
    printf("\n");
    return failed != 0 ? 1 : passed == 0 && skipped != 0 ? CHECK_SKIPPED : 0;
}

#endif
