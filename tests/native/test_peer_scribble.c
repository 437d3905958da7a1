/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients that write over the lock and the condition variable of a queue, once or all the time: the
 * peer goes on, and whoever can be told apart is dropped. And the locks of the peer beside glibc's.
 */
#include "peer_fixture.h"
#include "peer_guard.h"
#include "threads_fixture.h"

typedef struct {
    u8 *at;
    u32 bytes;
    u32 seed;
    u32 stop; /* atomic */
    u64 rounds;
} scribbler_t;

static void scribble(u8 *at, u32 bytes, u32 pattern)
{
    for (u32 i = 0; i < bytes; i++) {
        u32 mixed = (i + 1) * 2654435761u * (pattern + 1);
        store_relaxed(&at[i], pattern == 0   ? (u8)0xff
                              : pattern == 1 ? (u8)0x01
                              : pattern == 2 ? (u8)0xaa
                                             : (u8)(mixed >> 13));
    }
}

static void scribble_on(void *argument)
{
    scribbler_t *s = argument;
    while (load_relaxed(&s->stop) == 0) {
        scribble(s->at, s->bytes, (u32)(s->rounds % s->seed));
        store_relaxed(&s->rounds, s->rounds + 1);
    }
}

static void wait_for_rounds(const scribbler_t *s, u64 count)
{
    u64 from = load_relaxed(&s->rounds);
    deadline_t until = deadline_in(WAIT_NS);
    while (load_relaxed(&s->rounds) < from + count) {
        CHECK(!deadline_passed(until));
        sched_yield();
    }
}

/** Asks for an answer; whether the server takes it does not matter. */
static void ask(client_t *c)
{
    peer_request_header_t h = {htobe16(23), c->index, 9};
    msgbuf_t *m = (msgbuf_t *)(void *)c->arena;
    if (load_acquire(&m->q) != 0)
        return;
    memcpy(m->data, &h, sizeof h);
    m->data_len = htobe32(sizeof h);
    m->q = 1;
    if (shm_try_send_va(c, region_va(c->own, m->data), 0) != 0)
        store_release(&m->q, 0);
}

static void pings_go_on(client_t *good, u32 count)
{
    u64 longest = 0;
    for (u32 i = 0; i < count; i++) {
        u64 began = now_ns();
        ping(good, i);
        u64 took = now_ns() - began;
        longest = took > longest ? took : longest;
    }
    CHECK(longest < 3 * NS_PER_S);
}

static void left_by_word(peer_transport_e transport, bool condvar)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *good = any_client(&f, PEER_SOCKET), *good_shm = any_client(&f, transport);
    for (u32 pattern = 0; pattern < (condvar ? 6 : 12); pattern++) {
        u64 dropped = stats_of(&f).dropped_clients;
        client_t *bad = any_client(&f, transport);
        shm_queue_t *q = bad->queue.shm;
        shm_release(bad);
        scribble(condvar ? (u8 *)&q->condvar : (u8 *)&q->mutex,
                 condvar ? sizeof q->condvar : sizeof q->mutex, pattern);
        ask(bad);
        pings_go_on(good, 20);
        pings_go_on(good_shm, 20);
        if (condvar && pattern == 0) {
            /* Broadcasting to that one cannot have come back by itself. */
            WAIT_FOR_STAT(&f, dropped_clients, dropped + 1);
            if (transport == PEER_MEMFD)
                CHECK_EQ(frame_recv(bad, WAIT_NS), -ECONNRESET);
        }
        client_drop(bad);
    }
    client_t *next = any_client(&f, transport);
    pings_go_on(next, 20);
    client_close(next);
    client_close(good_shm);
    client_drop(good);
    fixture_end(&f);
}

TEST_WITHIN(condvar_of_a_memfd_queue_scribbled_on, 60) { left_by_word(PEER_MEMFD, true); }
TEST_WITHIN(condvar_of_a_classic_queue_scribbled_on, 60) { left_by_word(PEER_CLASSIC, true); }
TEST_WITHIN(mutex_of_a_memfd_queue_scribbled_on, 60) { left_by_word(PEER_MEMFD, false); }
TEST_WITHIN(mutex_of_a_classic_queue_scribbled_on, 60) { left_by_word(PEER_CLASSIC, false); }

/** Mutex, condition variable and counters change under the peer's hands, all the time. */
static void never_ending(peer_transport_e transport, u32 first, u32 bytes)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *good = any_client(&f, PEER_SOCKET), *good_shm = any_client(&f, transport);
    for (u32 round = 0; round < 4; round++) {
        client_t *bad = any_client(&f, transport);
        shm_release(bad);
        scribbler_t s = {(u8 *)bad->queue.shm + first, bytes, 64, 0, 0};
        test_thread_t thread;
        thread_start(&thread, scribble_on, &s);
        for (u32 i = 0; i < 20; i++) {
            wait_for_rounds(&s, 50);
            ask(bad);
            pings_go_on(good, 2);
            pings_go_on(good_shm, 2);
        }
        store_relaxed(&s.stop, 1);
        thread_join(&thread);
        client_drop(bad);
    }
    client_close(good_shm);
    client_drop(good);
    fixture_end(&f);
}

#define CONDVAR_AT offsetof(shm_queue_t, condvar)
TEST_WITHIN(condvar_of_a_memfd_queue_in_motion, 90) { never_ending(PEER_MEMFD, CONDVAR_AT, 48); }
TEST_WITHIN(condvar_of_a_classic_queue_in_motion, 90)
{
    never_ending(PEER_CLASSIC, CONDVAR_AT, 48);
}
TEST_WITHIN(mutex_of_a_memfd_queue_in_motion, 90) { never_ending(PEER_MEMFD, 0, 40); }
TEST_WITHIN(mutex_of_a_classic_queue_in_motion, 90) { never_ending(PEER_CLASSIC, 0, 40); }
TEST_WITHIN(header_of_a_memfd_queue_in_motion, 90) { never_ending(PEER_MEMFD, 0, 120); }
TEST_WITHIN(header_of_a_classic_queue_in_motion, 90) { never_ending(PEER_CLASSIC, 0, 120); }

TEST_WITHIN(input_queue_of_a_memfd_segment_in_motion, 60)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *good = any_client(&f, PEER_SOCKET), *good_shm = memfd_client(f.path);
    client_t *bad = memfd_client(f.path);
    scribbler_t s = {(u8 *)bad->server.shm, 120, 64, 0, 0};
    test_thread_t thread;
    thread_start(&thread, scribble_on, &s);
    for (u32 i = 0; i < 100; i++) {
        wait_for_rounds(&s, 50);
        pings_go_on(good, 2);
        pings_go_on(good_shm, 2);
    }
    store_relaxed(&s.stop, 1);
    thread_join(&thread);
    client_drop(bad);
    client_close(good_shm);
    client_drop(good);
    fixture_end(&f);
}

TEST_WITHIN(input_queue_of_everybody_in_motion, 60)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *good = any_client(&f, PEER_SOCKET), *memfd = memfd_client(f.path);
    client_t *bad = classic_client(f.prefix);
    scribbler_t s = {(u8 *)bad->server.shm, 120, 64, 0, 0};
    test_thread_t thread;
    thread_start(&thread, scribble_on, &s);
    for (u32 i = 0; i < 100; i++) {
        wait_for_rounds(&s, 50);
        pings_go_on(good, 2);
        pings_go_on(memfd, 2);
    }
    store_relaxed(&s.stop, 1);
    thread_join(&thread);
    client_drop(bad);
    client_close(memfd);
    client_drop(good);
    fixture_end(&f);
}

/** One more element in the input queue, an address that leads nowhere; without the lock. */
static void add_by_hand(client_t *c)
{
    i32 tail = load_relaxed(&c->server.shm->tail);
    memset(c->server.shm->data + (size_t)tail * 8, 0, 8);
    store_relaxed(&c->server.shm->tail, (tail + 1) % (i32)c->server.maxsize);
    store_release(&c->server.shm->cursize, 1);
}

static void wait_until_taken(client_t *c)
{
    deadline_t until = deadline_in(WAIT_NS);
    while (load_acquire(&c->server.shm->cursize) != 0)
        CHECK(!deadline_passed(until));
}

TEST_WITHIN(a_lock_of_nobody_is_broken, 60)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = classic_client(f.prefix);
    i32 *lock = &c->server.shm->mutex.__data.__lock;
    /* No thread has this number: pids end at 2^22. */
    store_relaxed(lock, 0x3ffffff0);
    add_by_hand(c);
    WAIT_FOR_STAT(&f, locks_recovered, 1);
    wait_until_taken(c);
    /* The mark of a lock that others have given up,. */
    store_relaxed(&c->server.shm->mutex.__data.__owner, 0x7ffffffe);
    add_by_hand(c);
    wait_until_taken(c);
    CHECK_EQ(load_relaxed(&c->server.shm->mutex.__data.__owner), 0);
    CHECK_EQ(stats_of(&f).bad_addresses, 2);
    pings_go_on(c, 20);
    client_close(c);
    fixture_end(&f);
}

/**
 * glibc's broadcast waits for those who were woken before and have not left. Whoever was killed there
 * never does: the next one who waits on the queue, and the answer that wakes him, would hang the peer.
 */
static void killed_in_the_wait(peer_transport_e transport)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *good = any_client(&f, PEER_SOCKET), *c = any_client(&f, transport);
    shm_release(c);
    for (u32 round = 0; stats_of(&f).dropped_clients == 0; round++) {
        CHECK(round < 10);
        /* The child waits on the queue that it has inherited. */
        u32 before = load_acquire(&c->queue.shm->condvar.__data.__wrefs) >> 3;
        pid_t child = fork();
        if (child == 0) {
            svm_queue_wait_nonempty(&c->queue, DEADLINE_NEVER);
            _exit(0);
        }
        deadline_t until = deadline_in(WAIT_NS);
        while (load_acquire(&c->queue.shm->condvar.__data.__wrefs) >> 3 == before)
            CHECK(!deadline_passed(until));
        kill(child, SIGKILL);
        CHECK_EQ(waitpid(child, NULL, 0), child);
        ask(c);
        until = deadline_in(5 * NS_PER_S);
        while (svm_queue_length(&c->queue) == 0 && stats_of(&f).dropped_clients == 0)
            CHECK(!deadline_passed(until));
        u64 va;
        pings_go_on(good, 2);
        if (svm_queue_sub_many(&c->queue, &va, 1, deadline_in(NS_PER_S)) != 1)
            continue;
        msgbuf_t *m = region_space_ptr(&c->space, va - 16, 16, NULL);
        CHECK(m != NULL);
        store_release(&m->q, 0);
    }
    client_drop(c);
    pings_go_on(good, 20);
    client_drop(good);
    fixture_end(&f);
}

TEST_WITHIN(killed_while_it_waited_on_memfd, 60) { killed_in_the_wait(PEER_MEMFD); }
TEST_WITHIN(killed_while_it_waited_on_classic, 60) { killed_in_the_wait(PEER_CLASSIC); }

/* ---- the guard by itself ---- */

#define ROUNDS 200000u

typedef struct {
    svm_queue_t queue;
    u64 *counter;
} contender_t;

static void contend(void *argument)
{
    contender_t *c = argument;
    for (u32 i = 0; i < ROUNDS; i++) {
        CHECK_EQ(svm_queue_lock(&c->queue, deadline_in(WAIT_NS)), 0);
        ++*c->counter;
        svm_queue_unlock(&c->queue);
    }
}

static void *shared_page(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    return page;
}

TEST(the_guards_lock_and_glibcs_are_one)
{
    peer_guard_t guard;
    contender_t a = {0}, b;
    u64 counter = 0;
    test_thread_t threads[3];
    CHECK_EQ(peer_guard_start(&guard), 0);
    CHECK_EQ(svm_queue_init(&a.queue, shared_page(), 8, 8, getpid()), 0);
    a.counter = &counter;
    b = a;
    b.queue.guard = &guard.base;
    thread_start(&threads[0], contend, &a);
    thread_start(&threads[1], contend, &b);
    thread_start(&threads[2], contend, &b);
    for (u32 i = 0; i < 3; i++)
        thread_join(&threads[i]);
    CHECK_EQ(counter, 3 * ROUNDS);
    CHECK_EQ(a.queue.shm->mutex.__data.__lock, 0);
    peer_guard_stop(&guard);
    peer_guard_stop(&guard);
}

#define HANDOVERS 300u

typedef struct {
    svm_queue_t queue;
    u32 go, done; /* atomic: rounds */
} sleeper_t;

static void sleep_for_the_lock(void *argument)
{
    sleeper_t *s = argument;
    for (u32 round = 1; round <= HANDOVERS; round++) {
        while (load_acquire(&s->go) != round)
            sched_yield();
        CHECK_EQ(svm_queue_lock(&s->queue, deadline_in(WAIT_NS)), 0);
        svm_queue_unlock(&s->queue);
        store_release(&s->done, round);
    }
}

static void let_sleep(sleeper_t *s, test_thread_t *thread, u32 round)
{
    store_release(&s->go, round);
    while (task_state(getpid(), load_acquire(&thread->tid)) != 'S')
        sched_yield();
}

/* The guard gets the one wake of an unlock while glibc's waiter sleeps on: it must not forget it. */
TEST(two_who_wait_for_a_lock_both_get_it)
{
    peer_guard_t guard;
    sleeper_t mine = {0}, guards, glibcs;
    test_thread_t threads[2];
    CHECK_EQ(peer_guard_start(&guard), 0);
    CHECK_EQ(svm_queue_init(&mine.queue, shared_page(), 8, 8, getpid()), 0);
    guards = glibcs = mine;
    guards.queue.guard = &guard.base;
    thread_start(&threads[0], sleep_for_the_lock, &guards);
    thread_start(&threads[1], sleep_for_the_lock, &glibcs);
    u64 longest = 0;
    for (u32 round = 1; round <= HANDOVERS; round++) {
        CHECK_EQ(svm_queue_lock(&mine.queue, deadline_in(WAIT_NS)), 0);
        let_sleep(&guards, &threads[0], round);
        let_sleep(&glibcs, &threads[1], round);
        u64 began = now_ns();
        svm_queue_unlock(&mine.queue);
        while (load_acquire(&guards.done) != round || load_acquire(&glibcs.done) != round)
            sched_yield();
        u64 took = now_ns() - began;
        longest = took > longest ? took : longest;
    }
    /* Whoever was forgotten looks again after a second. */
    CHECK(longest < 900 * NS_PER_MS);
    for (u32 i = 0; i < 2; i++)
        thread_join(&threads[i]);
    peer_guard_stop(&guard);
}

static void find_it_held(void *argument)
{
    svm_queue_t *guarded = argument;
    CHECK_EQ(svm_queue_lock(guarded, DEADLINE_NOW), -EAGAIN);
    CHECK_EQ(svm_queue_lock(guarded, deadline_in(20 * NS_PER_MS)), -ETIMEDOUT);
    CHECK(!peer_guard_break(guarded));
}

TEST(a_death_with_the_guards_lock_is_noticed)
{
    peer_guard_t guard;
    svm_queue_t glibcs, guarded;
    CHECK_EQ(peer_guard_start(&guard), 0);
    CHECK_EQ(svm_queue_init(&glibcs, shared_page(), 8, 8, getpid()), 0);
    guarded = glibcs;
    guarded.guard = &guard.base;
    for (u32 round = 0; round < 4; round++) {
        pid_t child = fork();
        if (child == 0) {
            CHECK_EQ(svm_queue_lock(round % 2 == 0 ? &guarded : &glibcs, DEADLINE_NEVER), 0);
            store_relaxed(&glibcs.shm->tail, 3); /* an add that was not counted any more */
            kill(getpid(), SIGKILL);
        }
        CHECK_EQ(waitpid(child, NULL, 0), child);
        svm_queue_t *mine = round / 2 == 0 ? &glibcs : &guarded;
        CHECK_EQ(svm_queue_lock(mine, deadline_in(NS_PER_S)), 0);
        CHECK_EQ(svm_queue_length(mine), 3);
        svm_queue_unlock(mine);
    }
    /* Held by one who lives. */
    CHECK_EQ(svm_queue_lock(&glibcs, DEADLINE_NEVER), 0);
    test_thread_t thread;
    thread_start(&thread, find_it_held, &guarded);
    thread_join(&thread);
    svm_queue_unlock(&glibcs);
    peer_guard_stop(&guard);
}
