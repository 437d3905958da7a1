/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads in tests: start, join, and "is asleep", so that nothing has to be guessed with a pause.
 */
#ifndef THREADS_FIXTURE_H
#define THREADS_FIXTURE_H

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "atomics.h"
#include "check.h"
#include <vapi/vapi_types.h>

typedef struct {
    pthread_t thread;
    void (*run)(void *);
    void *argument;
    int tid; /* of the kernel, 0 until it runs */
} test_thread_t;

__attribute__((unused)) static void *thread_main(void *p)
{
    test_thread_t *t = p;
    store_release(&t->tid, (int)syscall(SYS_gettid));
    t->run(t->argument);
    return NULL;
}

__attribute__((unused)) static void thread_start(test_thread_t *t, void (*run)(void *),
                                                 void *argument)
{
    t->run = run;
    t->argument = argument;
    t->tid = 0;
    CHECK_EQ(pthread_create(&t->thread, NULL, thread_main, t), 0);
}

__attribute__((unused)) static void thread_join(test_thread_t *t)
{
    CHECK_EQ(pthread_join(t->thread, NULL), 0);
}

/** 'S' while it sleeps in the kernel, 'R' while it runs; 0 when it is gone. */
__attribute__((unused)) static char task_state(int pid, int tid)
{
    char path[64], line[512], state = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0;
    if (fgets(line, sizeof line, f) != NULL && strrchr(line, ')') != NULL)
        state = strrchr(line, ')')[2];
    fclose(f);
    return state;
}

/** Waits until the thread sleeps: seen twice, with others having run in between. */
__attribute__((unused)) static void thread_wait_asleep(test_thread_t *t)
{
    for (int seen = 0; seen < 3;) {
        int tid = load_acquire(&t->tid);
        seen = tid != 0 && task_state(getpid(), tid) == 'S' ? seen + 1 : 0;
        sched_yield();
    }
}

#endif
