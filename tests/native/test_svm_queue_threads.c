/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue between threads and between processes: order, wake-ups, nobody left asleep.
 */
#include "queue_fixture.h"
#include "threads_fixture.h"

#include <sys/wait.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define MANY 20000u
#else
#define MANY 100000u
#endif

/** What producer `who` sends as its number n. */
static u64 element_of(u32 who, u32 n) { return (u64)who << 32 | n; }

typedef struct {
    svm_queue_t q; /* each thread has its own view, as processes do */
    u32 who;
    u32 count;
    u32 batch; /* 1: add(), waiting; 2: add2(), waiting; more: add_many() */
} producer_t;

static void produce(void *argument)
{
    producer_t *p = argument;
    u64 batch[64];
    for (u32 n = 0; n < p->count;) {
        u32 want = p->count - n < p->batch ? p->count - n : p->batch;
        for (u32 i = 0; i < want; i++)
            batch[i] = element_of(p->who, n + i);
        int rv;
        if (want == 1)
            rv = svm_queue_add(&p->q, batch, DEADLINE_NEVER) == 0 ? 1 : -1;
        else if (p->batch == 2)
            rv = svm_queue_add2(&p->q, batch, batch + 1, DEADLINE_NEVER) == 0 ? 2 : -1;
        else
            rv = svm_queue_add_many(&p->q, batch, want, false, DEADLINE_NEVER);
        CHECK(rv >= 0);
        if (rv == 0)
            sched_yield();
        n += (u32)rv;
    }
}

/** Takes `total` elements of up to 4 producers and checks that each one's are in order. */
static void consume_in_order(svm_queue_t *q, u32 total, u32 batch, bool pairs)
{
    u64 got[64];
    u32 next[4] = {0};
    for (u32 n = 0; n < total;) {
        int rv;
        if (batch == 1) {
            CHECK_EQ(svm_queue_sub(q, got, DEADLINE_NEVER), 0);
            rv = 1;
        } else {
            rv = svm_queue_wait_nonempty(q, deadline_in(NS_PER_S));
            CHECK(rv == 0 || rv == -EINTR || rv == -ETIMEDOUT);
            rv = svm_queue_sub_many(q, got, batch, DEADLINE_NEVER);
            CHECK(rv >= 0);
        }
        for (int i = 0; i < rv; i++) {
            u32 who = (u32)(got[i] >> 32);
            CHECK(who < 4);
            CHECK_EQ((u32)got[i], next[who]);
            next[who]++;
            /* add2: the second of a pair is right behind the first. */
            if (pairs && i > 0 && ((u32)got[i] & 1) != 0)
                CHECK_EQ(got[i - 1], got[i] - 1);
        }
        n += (u32)rv;
    }
    CHECK_EQ(svm_queue_length(q), 0);
}

static void run_producers(u32 maxsize, u32 producers, u32 producer_batch, u32 consumer_batch)
{
    svm_queue_t q = make_queue(maxsize, 8);
    producer_t p[4];
    test_thread_t t[4];
    for (u32 i = 0; i < producers; i++) {
        p[i] = (producer_t){q, i, MANY, producer_batch};
        thread_start(&t[i], produce, &p[i]);
    }
    consume_in_order(&q, MANY * producers, consumer_batch, producer_batch == 2);
    for (u32 i = 0; i < producers; i++)
        thread_join(&t[i]);
}

TEST_WITHIN(one_producer_one_consumer, 60) { run_producers(64, 1, 1, 1); }
TEST_WITHIN(a_queue_of_one, 60) { run_producers(1, 1, 1, 1); }
TEST_WITHIN(two_producers, 60) { run_producers(16, 2, 1, 1); }
TEST_WITHIN(two_producers_in_batches, 60) { run_producers(100, 2, 33, 64); }
TEST_WITHIN(four_producers_two_at_a_time, 60) { run_producers(7, 4, 2, 64); }

static void produce_in_child(svm_queue_t *q, u32 who, u32 batch, pid_t *child)
{
    *child = fork();
    CHECK(*child >= 0);
    if (*child == 0) {
        produce(&(producer_t){*q, who, MANY, batch});
        _exit(0);
    }
}

TEST_WITHIN(two_producing_processes, 60)
{
    svm_queue_t q = make_queue(32, 8);
    pid_t children[2];
    for (u32 i = 0; i < 2; i++)
        produce_in_child(&q, i, i == 0 ? 1 : 16, &children[i]);
    consume_in_order(&q, 2 * MANY, 64, false);
    for (u32 i = 0; i < 2; i++) {
        int status;
        CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
        CHECK_EQ(status, 0);
    }
}

typedef struct {
    svm_queue_t q;
    int result;
    u64 element;
} waiter_t;

static void wait_sub(void *argument)
{
    waiter_t *w = argument;
    w->result = svm_queue_sub(&w->q, &w->element, DEADLINE_NEVER);
}

static void wait_add(void *argument)
{
    waiter_t *w = argument;
    w->result = svm_queue_add(&w->q, &w->element, DEADLINE_NEVER);
}

static void wait_add2(void *argument)
{
    waiter_t *w = argument;
    w->result = svm_queue_add2(&w->q, &w->element, &w->element, DEADLINE_NEVER);
}

static void wait_nonempty(void *argument)
{
    waiter_t *w = argument;
    w->result = svm_queue_wait_nonempty(&w->q, DEADLINE_NEVER);
}

/* Sleeps look around once a second: a lost wake-up would take a second each time, and the
   deadline of the test would pass. */
#define WAKE_UPS 100

TEST_WITHIN(an_element_wakes_the_consumer, 30)
{
    svm_queue_t q = make_queue(4, 8);
    for (u64 i = 1; i <= WAKE_UPS; i++) {
        waiter_t w = {.q = q, .result = 1};
        test_thread_t t;
        thread_start(&t, wait_sub, &w);
        thread_wait_asleep(&t);
        CHECK_EQ(svm_queue_add(&q, &i, DEADLINE_NOW), 0);
        thread_join(&t);
        CHECK_EQ(w.result, 0);
        CHECK_EQ(w.element, i);
    }
}

TEST_WITHIN(many_elements_wake_all_consumers, 30)
{
    svm_queue_t q = make_queue(4, 8);
    for (int i = 0; i < WAKE_UPS; i++) {
        waiter_t w[3];
        test_thread_t t[3];
        u64 elements[3] = {1, 2, 4}, sum = 0;
        for (int k = 0; k < 3; k++) {
            w[k] = (waiter_t){.q = q, .result = 1};
            thread_start(&t[k], wait_sub, &w[k]);
            thread_wait_asleep(&t[k]);
        }
        CHECK_EQ(svm_queue_add_many(&q, elements, 3, true, DEADLINE_NOW), 3);
        for (int k = 0; k < 3; k++) {
            thread_join(&t[k]);
            CHECK_EQ(w[k].result, 0);
            sum += w[k].element;
        }
        CHECK_EQ(sum, 7);
    }
}

TEST_WITHIN(a_free_place_wakes_the_producer, 30)
{
    svm_queue_t q = make_queue(2, 8);
    u64 element = 1;
    while (svm_queue_add(&q, &element, DEADLINE_NOW) == 0)
        ;
    for (u64 i = 2; i < 2 + WAKE_UPS; i++) {
        waiter_t w = {.q = q, .result = 1, .element = i};
        test_thread_t t;
        thread_start(&t, wait_add, &w);
        thread_wait_asleep(&t);
        if (i % 2 == 0)
            CHECK_EQ(svm_queue_sub(&q, &element, DEADLINE_NOW), 0);
        else
            CHECK_EQ(svm_queue_sub_many(&q, &element, 1, DEADLINE_NOW), 1);
        thread_join(&t);
        CHECK_EQ(w.result, 0);
        CHECK_EQ(svm_queue_length(&q), 2);
    }
}

/* Whoever waits for two places is woken by the first and sleeps on: the second must do, too. */
TEST_WITHIN(two_free_places_wake_add2, 30)
{
    for (int i = 0; i < WAKE_UPS; i++) {
        svm_queue_t q = make_queue(2, 8);
        u64 element = 1;
        while (svm_queue_add(&q, &element, DEADLINE_NOW) == 0)
            ;
        waiter_t w = {.q = q, .result = 1, .element = 9};
        test_thread_t t;
        thread_start(&t, wait_add2, &w);
        thread_wait_asleep(&t);
        CHECK_EQ(svm_queue_sub(&q, &element, DEADLINE_NOW), 0);
        thread_wait_asleep(&t);
        CHECK_EQ(svm_queue_length(&q), 1);
        CHECK_EQ(svm_queue_sub(&q, &element, DEADLINE_NOW), 0);
        thread_join(&t);
        CHECK_EQ(w.result, 0);
        CHECK_EQ(svm_queue_length(&q), 2);
        CHECK_EQ(munmap(q.shm, svm_queue_bytes(2, 8)), 0);
    }
}

TEST(an_element_ends_wait_nonempty)
{
    svm_queue_t q = make_queue(2, 8);
    u64 element = 1;
    waiter_t w = {.q = q, .result = 1};
    test_thread_t t;
    thread_start(&t, wait_nonempty, &w);
    thread_wait_asleep(&t);
    CHECK_EQ(svm_queue_add(&q, &element, DEADLINE_NOW), 0);
    thread_join(&t);
    CHECK_EQ(w.result, 0);
    CHECK_EQ(svm_queue_length(&q), 1);
}

TEST(wake_ends_wait_nonempty)
{
    svm_queue_t q = make_queue(2, 8);
    waiter_t w[2];
    test_thread_t t[2];
    for (int i = 0; i < 2; i++) {
        w[i] = (waiter_t){.q = q, .result = 1};
        thread_start(&t[i], wait_nonempty, &w[i]);
        thread_wait_asleep(&t[i]);
    }
    svm_queue_wake(&q);
    for (int i = 0; i < 2; i++) {
        thread_join(&t[i]);
        CHECK_EQ(w[i].result, -EINTR);
    }
}

/* Processes are killed while they add; the consumer goes on, and what arrives is in order. */
TEST_WITHIN(producers_die_at_random, 60)
{
#ifdef __SANITIZE_THREAD__
    CHECK_SKIP("the sanitizer does not see forked processes");
#endif
    svm_queue_t q = make_queue(16, 8);
    for (u32 round = 0; round < 100; round++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* it spins */
            /* add_many() never sleeps on the condition variable: whoever dies there may block it. */
            for (u32 n = 0;; n++) {
                u64 element = element_of(round, n);
                int rv = svm_queue_add_many(&q, &element, 1, true, DEADLINE_NEVER);
                while (rv == -EAGAIN) {
                    sched_yield();
                    rv = svm_queue_add_many(&q, &element, 1, true, DEADLINE_NEVER);
                }
                if (rv != 1)
                    _exit(1);
            }
        }
        u64 got;
        u32 next = 0, stop_at = 20 + round * 7;
        bool killed = false;
        for (;;) {
            int rv = svm_queue_sub_many(&q, &got, 1, DEADLINE_NEVER);
            CHECK(rv >= 0);
            if (rv == 0 && killed)
                break;
            if (rv == 0) {
                sched_yield(); /* or both wait for each other's time slice to end, on a busy machine */
                continue;
            }
            CHECK_EQ(got, element_of(round, next));
            next++;
            if (next == stop_at) {
                CHECK_EQ(kill(child, SIGKILL), 0);
                int status;
                CHECK_EQ(waitpid(child, &status, 0), child);
                CHECK(WIFSIGNALED(status));
                killed = true;
            }
        }
        CHECK(next >= stop_at);
    }
}
