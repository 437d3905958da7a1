/* SPDX-License-Identifier: Apache-2.0
 *
 * The owner of the lock dies: a child that runs one operation on a shared queue is killed at every
 * instruction of it in turn (single-stepped by ptrace). Whoever comes next must find the queue as it
 * was before the operation or as it is after it: nothing lost, nothing invented, lock usable.
 */
#include "queue_fixture.h"

#include <sys/ptrace.h>

typedef struct {
    const char *what;
    u32 maxsize;
    u32 start; /* position of head */
    u32 filled; /* elements before */
    u32 add; /* elements that the operation adds, ... */
    u32 sub; /* ... or takes */
} death_t;

#define MAX_ELEMENTS 16

static void operate(svm_queue_t *q, const death_t *d)
{
    u64 elements[MAX_ELEMENTS];
    for (u32 i = 0; i < d->add; i++)
        elements[i] = 100 + d->filled + i;
    if (d->add == 1)
        svm_queue_add(q, elements, DEADLINE_NOW);
    else if (d->add == 2)
        svm_queue_add2(q, elements, elements + 1, DEADLINE_NOW);
    else if (d->add != 0)
        svm_queue_add_many(q, elements, d->add, true, DEADLINE_NOW);
    else if (d->sub == 1)
        svm_queue_sub(q, elements, DEADLINE_NOW);
    else
        svm_queue_sub_many(q, elements, d->sub, DEADLINE_NOW);
}

static void prepare(svm_queue_t *q, const death_t *d)
{
    void *base = q->shm;
    CHECK_EQ(svm_queue_init(q, base, d->maxsize, 8, getpid()), 0);
    turn_queue(q, d->start);
    for (u32 i = 0; i < d->filled; i++) {
        u64 element = 100 + i;
        CHECK_EQ(svm_queue_add(q, &element, DEADLINE_NOW), 0);
    }
}

/** A child that is stopped right before the operation. */
static pid_t start_child(svm_queue_t *q, const death_t *d)
{
    pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(1);
        raise(SIGSTOP);
        operate(q, d);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        CHECK_SKIP("ptrace is not allowed here");
    CHECK(WIFSTOPPED(status));
    return child;
}

static bool step(pid_t child)
{
    int status;
    CHECK_EQ(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFSTOPPED(status);
}

/** Whether the queue is as before the operation (0) or after it (1); anything else fails. */
static int state_after(svm_queue_t *q, const death_t *d)
{
    u64 got[MAX_ELEMENTS];
    int rv = svm_queue_lock(q, deadline_in(10 * NS_PER_S));
    CHECK_EQ(rv, 0);
    svm_queue_unlock(q);
    rv = svm_queue_sub_many(q, got, MAX_ELEMENTS, deadline_in(10 * NS_PER_S));
    CHECK(rv >= 0);
    bool after = (u32)rv == d->filled + d->add - d->sub;
    if (!after && (u32)rv != d->filled) {
        fprintf(stderr, "%s: %u elements before, %d after the death\n", d->what, d->filled, rv);
        CHECK(after);
    }
    for (int i = 0; i < rv; i++)
        CHECK_EQ(got[i], 100 + (after ? d->sub : 0) + (u32)i);
    /* And it works on, all the way round. */
    for (u64 i = 0; i < d->maxsize; i++)
        CHECK_EQ(svm_queue_add(q, &i, DEADLINE_NOW), 0);
    CHECK_EQ(svm_queue_add(q, got, DEADLINE_NOW), -EAGAIN);
    for (u64 i = 0; i < d->maxsize; i++) {
        CHECK_EQ(svm_queue_sub(q, got, DEADLINE_NOW), 0);
        CHECK_EQ(got[0], i);
    }
    CHECK_EQ(svm_queue_sub(q, got, DEADLINE_NOW), -EAGAIN);
    return after;
}

static void die_everywhere(const death_t *d)
{
#ifdef __SANITIZE_THREAD__
    CHECK_SKIP("single steps through the sanitizer's runtime take for ever");
#endif
    svm_queue_t q = make_queue(d->maxsize, 8);
    u64 bytes = svm_queue_bytes(d->maxsize, 8);
    u8 before[4096], now[4096];
    CHECK(bytes <= sizeof before);
    u32 steps = 0, changes = 0, deaths = 0, completed = 0;
    u32 interesting[512], interesting_count = 0;

    /* The first call of a function goes through the dynamic linker: not in the children. */
    prepare(&q, d);
    operate(&q, d);
    /* Once through, to learn after which steps the shared memory is another. */
    prepare(&q, d);
    memcpy(before, q.shm, bytes);
    pid_t child = start_child(&q, d);
    while (step(child)) {
        steps++;
        memcpy(now, q.shm, bytes);
        if (memcmp(before, now, bytes) != 0) {
            memcpy(before, now, bytes);
            changes++;
            CHECK(interesting_count + 3 <= 512);
            /* Before, at and after it; the first of them is the last of the one before, maybe. */
            for (u32 s = steps - 1; s <= steps + 1; s++)
                if (interesting_count == 0 || interesting[interesting_count - 1] < s)
                    interesting[interesting_count++] = s;
        }
    }
    /* Lock, list, elements, position, count, unlock at the least. */
    CHECK(changes >= 6);
    for (u32 i = 0; i < interesting_count; i++) {
        prepare(&q, d);
        child = start_child(&q, d);
        for (u32 s = 0; s < interesting[i]; s++)
            CHECK(step(child));
        CHECK_EQ(kill(child, SIGKILL), 0);
        CHECK_EQ(waitpid(child, NULL, 0), child);
        deaths++;
        completed += (u32)state_after(&q, d);
    }
    CHECK(completed > 0 && completed < deaths);
    printf("      %s: %u steps, killed at %u of them, %u times it was done\n", d->what, steps,
           deaths, completed);
}

TEST(adding_the_first) { die_everywhere(&(death_t){"add to empty", 4, 1, 0, 1, 0}); }

TEST(adding_at_the_wrap) { die_everywhere(&(death_t){"add at the wrap", 4, 2, 1, 1, 0}); }

TEST(adding_the_last) { die_everywhere(&(death_t){"add that fills", 4, 1, 3, 1, 0}); }

TEST(adding_to_a_queue_of_one)
{
    die_everywhere(&(death_t){"add to a queue of one", 1, 0, 0, 1, 0});
}

TEST(adding_two) { die_everywhere(&(death_t){"add2 at the wrap", 5, 4, 2, 2, 0}); }

TEST(adding_two_that_fill) { die_everywhere(&(death_t){"add2 that fills", 4, 3, 2, 2, 0}); }

TEST(adding_many_that_fill) { die_everywhere(&(death_t){"add_many that fills", 8, 3, 2, 6, 0}); }

TEST(adding_as_many_as_there_are)
{
    die_everywhere(&(death_t){"add_many from empty to full", 8, 3, 0, 8, 0});
}

TEST(taking_one) { die_everywhere(&(death_t){"sub", 4, 2, 3, 0, 1}); }

TEST(taking_the_last) { die_everywhere(&(death_t){"sub that empties", 4, 3, 1, 0, 1}); }

TEST(taking_from_a_full_queue) { die_everywhere(&(death_t){"sub from full", 4, 3, 4, 0, 1}); }

TEST(taking_from_a_queue_of_one)
{
    die_everywhere(&(death_t){"sub from a queue of one", 1, 0, 1, 0, 1});
}

TEST(taking_most) { die_everywhere(&(death_t){"sub_many that empties", 8, 5, 6, 0, 6}); }

TEST(taking_all) { die_everywhere(&(death_t){"sub_many from full to empty", 8, 5, 8, 0, 8}); }

/** A child takes the lock, does something to the memory and is killed. */
static void die_holding(svm_queue_t *q, i32 head, i32 tail, i32 cursize)
{
    pid_t child = fork();
    if (child == 0) {
        if (svm_queue_lock(q, DEADLINE_NOW) != 0)
            _exit(1);
        q->shm->head = head;
        q->shm->tail = tail;
        q->shm->cursize = cursize;
        kill(getpid(), SIGKILL);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
}

TEST(whoever_waits_for_the_lock_gets_it)
{
    svm_queue_t q = make_queue(4, 8);
    u64 v = 7;
    die_holding(&q, 0, 0, 0);
    CHECK_EQ(svm_queue_add(&q, &v, DEADLINE_NOW), 0);
    die_holding(&q, 0, 1, 1);
    CHECK_EQ(svm_queue_add2(&q, &v, &v, DEADLINE_NOW), 0);
    die_holding(&q, 0, 3, 3);
    CHECK_EQ(svm_queue_wait_nonempty(&q, DEADLINE_NOW), 0);
    die_holding(&q, 0, 3, 3);
    CHECK_EQ(svm_queue_sub(&q, &v, DEADLINE_NOW), 0);
    CHECK_EQ(svm_queue_length(&q), 2);
}

/* A hundred processes that die with the lock held while others want it. */
TEST(deaths_in_a_row)
{
    svm_queue_t q = make_queue(8, 8);
    u64 v = 1;
    CHECK_EQ(svm_queue_add(&q, &v, DEADLINE_NOW), 0);
    for (int i = 0; i < 100; i++)
        die_holding(&q, 0, 1, 1);
    CHECK_EQ(svm_queue_sub(&q, &v, DEADLINE_NOW), 0);
    CHECK_EQ(v, 1);
    CHECK_EQ(svm_queue_sub(&q, &v, DEADLINE_NOW), -EAGAIN);
}

TEST(nonsense_left_behind_becomes_an_empty_queue)
{
    static const i32 nonsense[][3] = {{-1, 0, 0}, {0, 4, 1}, {0, 0, 5}, {INT32_MAX, INT32_MIN, -7}};
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        svm_queue_t q = make_queue(4, 8);
        u64 v = 3;
        die_holding(&q, nonsense[i][0], nonsense[i][1], nonsense[i][2]);
        CHECK_EQ(svm_queue_sub(&q, &v, DEADLINE_NOW), -EAGAIN);
        for (int k = 0; k < 4; k++)
            CHECK_EQ(svm_queue_add(&q, &v, DEADLINE_NOW), 0);
        CHECK_EQ(svm_queue_add(&q, &v, DEADLINE_NOW), -EAGAIN);
    }
}

/* The waiter sleeps in pthread_mutex_timedlock() when the owner dies. */
TEST(a_sleeping_waiter_inherits_the_lock)
{
    svm_queue_t q = make_queue(4, 8);
    int ready[2];
    char c;
    CHECK_EQ(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (svm_queue_lock(&q, DEADLINE_NOW) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    CHECK_EQ(read(ready[0], &c, 1), 1);
    pid_t killer = fork();
    if (killer == 0) {
        /* The word of a contended mutex has the waiters bit, FUTEX_WAITERS. */
        while ((__atomic_load_n((u32 *)(void *)&q.shm->mutex, __ATOMIC_RELAXED) & 0x80000000u) == 0)
            ;
        kill(child, SIGKILL);
        _exit(0);
    }
    u64 v = 5;
    CHECK_EQ(svm_queue_add(&q, &v, deadline_in(10 * NS_PER_S)), 0);
    CHECK_EQ(svm_queue_length(&q), 1);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_EQ(waitpid(killer, NULL, 0), killer);
}
