/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_guard.h"

#include <errno.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "atomics.h"

#ifdef __SANITIZE_THREAD__
/* The other side uses pthread_mutex_lock(); ThreadSanitizer is to know that this is the same lock. */
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#else
#define __tsan_acquire(address) ((void)(address))
#define __tsan_release(address) ((void)(address))
#endif

/* A broadcast that is seen in two looks in a row hangs: glibc waits in it until those that were woken have
 * stepped aside, which takes no such time, even on a busy machine. */
#define LOOK_NS (300 * NS_PER_MS)
#define HELP_NS NS_PER_MS
/* So often the words are cleared where they are, before the page is taken away from the client. */
#define HELP_IN_PLACE 20u
#define SPINS 100u
/* glibc's marks in __owner of a robust mutex whose owner died. */
#define OWNER_NOT_RECOVERABLE (INT_MAX - 1)
/* The bit of __wrefs. */
#define COND_SHARED 1u
#define COND_WORDS (sizeof(pthread_cond_t) / sizeof(u32))

static peer_guard_t *guard_of(svm_queue_guard_t *base) { return (peer_guard_t *)(void *)base; }

static void pause_ns(u64 ns)
{
    struct timespec ts = {.tv_nsec = (long)ns};
    nanosleep(&ts, NULL);
}

static long futex(u32 *at, int op, u32 value, const struct timespec *timeout)
{
    return syscall(SYS_futex, at, op, value, timeout, NULL, 0);
}

/* ---- the lock ---- */

static u32 *lock_word(pthread_mutex_t *mutex) { return (u32 *)(void *)&mutex->__data.__lock; }

static u32 own_tid(void)
{
    static _Thread_local u32 tid;
    if (tid == 0)
        tid = (u32)gettid();
    return tid;
}

/**
 * Tells the kernel which lock this thread holds, or is about to, so that others learn when it dies
 * with it. This place is for one lock at a time, and unlike glibc's list it lies in memory of our own.
 */
static void announce(pthread_mutex_t *mutex)
{
    static _Thread_local struct robust_list_head *head;
    size_t length;
    if (head == NULL && syscall(SYS_get_robust_list, 0, &head, &length) != 0)
        return;
    store_relaxed(&head->list_op_pending,
                  mutex == NULL ? NULL
                                : (struct robust_list *)(void *)&mutex->__data.__list.__next);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/**
 * 0: not to be had now; 1: taken; 2: taken from somebody who died, or nobody can have left it so.
 * `waiters`: FUTEX_WAITERS if there may be others, whatever the word says.
 */
static int try_lock(u32 *lock, u32 waiters, u32 *seen)
{
    u32 v = load_relaxed(lock);
    /* Our own mark, and we hold nothing: somebody else wrote it. */
    bool free = v == 0, dead = (v & FUTEX_OWNER_DIED) != 0 || (v & FUTEX_TID_MASK) == own_tid();
    *seen = v;
    u32 ours = own_tid() | (v & FUTEX_WAITERS) | waiters;
    if ((free || dead) &&
        __atomic_compare_exchange_n(lock, &v, ours, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return free ? 1 : 2;
    return 0;
}

static int guard_lock(pthread_mutex_t *mutex, deadline_t deadline, bool *died)
{
    u32 *lock = lock_word(mutex);
    /* Who has slept may have used up the one wake of an unlock, which left no mark of the others that
       sleep: from then on there may always be some. */
    u32 v, waiters = 0;
    int rv;
    announce(mutex);
    for (u32 n = 0; (rv = try_lock(lock, waiters, &v)) == 0; n++) {
        if (n < SPINS && v != 0) {
            cpu_relax();
            continue;
        }
        if (deadline_passed(deadline)) {
            if (waiters != 0)
                futex(lock, FUTEX_WAKE, 1, NULL); /* that wake may have been meant for another */
            announce(NULL);
            return deadline == DEADLINE_NOW ? -EAGAIN : -ETIMEDOUT;
        }
        u32 waited = v | FUTEX_WAITERS;
        if (v == 0 ||
            (v != waited && !__atomic_compare_exchange_n(lock, &v, waited, false, __ATOMIC_RELAXED,
                                                         __ATOMIC_RELAXED)))
            continue;
        u64 left = deadline_left_ns(deadline_slice(deadline, NS_PER_MS));
        struct timespec timeout = {.tv_nsec = (long)left};
        futex(lock, FUTEX_WAIT, waited, &timeout);
        waiters = FUTEX_WAITERS;
    }
    __tsan_acquire(mutex);
    *died = rv == 2;
    if (load_relaxed(&mutex->__data.__owner) >= OWNER_NOT_RECOVERABLE) {
        /* Others gave it up; it is ours, and it works again. */
        store_relaxed(&mutex->__data.__owner, 0);
        *died = true;
    }
    return 0;
}

static void guard_unlock(pthread_mutex_t *mutex)
{
    u32 *lock = lock_word(mutex);
    __tsan_release(mutex);
    if ((__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) & FUTEX_WAITERS) != 0)
        futex(lock, FUTEX_WAKE, 1, NULL);
    announce(NULL);
}

bool peer_guard_break(const svm_queue_t *queue)
{
    u32 *lock = lock_word(&queue->shm->mutex);
    u32 v = load_relaxed(lock);
    pid_t holder = (pid_t)(v & FUTEX_TID_MASK);
    if (holder != 0 && (kill(holder, 0) == 0 || errno != ESRCH))
        return false;
    return __atomic_compare_exchange_n(lock, &v, v | FUTEX_OWNER_DIED, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

/* ---- waking ---- */

/** Where glibc keeps the count of waiters (in steps of 8) and the kind: its __wrefs, which 2.41 moved. */
static u32 wrefs_index(void)
{
    static u32 index;
    u32 at = load_relaxed(&index);
    if (at == 0) {
        const char *minor = strchr(gnu_get_libc_version(), '.');
        at = minor != NULL && atoi(minor + 1) >= 41 ? 7 : 9;
        store_relaxed(&index, at);
    }
    return at;
}

/** glibc's broadcast looks here first, too, and does nothing if there are none. */
static bool has_waiters(const pthread_cond_t *cond)
{
    return load_relaxed((const u32 *)(const void *)cond + wrefs_index()) >> 3 != 0;
}

static void guard_wake(svm_queue_guard_t *base, pthread_cond_t *cond)
{
    peer_guard_t *g = guard_of(base);
    if (!has_waiters(cond))
        return;
    u64 mine = (u64)(uintptr_t)cond, expected = mine;
    store_relaxed(&g->left, 0);
    store_relaxed(&g->wakes, g->wakes + 1);
    store_release(&g->waking, mine);
    pthread_cond_broadcast(cond);
    if (__atomic_compare_exchange_n(&g->waking, &expected, 0, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return;
    /* The watcher has its hands on the page: it must be done before anybody unmaps it. */
    store_release(&g->left, 1);
    while (load_acquire(&g->waking) != 0)
        sched_yield();
    g->caught = true;
}

/** A new process-shared condition variable; wakes whoever sleeps on a word, by either kind of futex. */
__attribute__((no_sanitize("thread"))) /* glibc, of all, reads them meanwhile */
static void
clear_words(u32 *words, u32 *shared)
{
    for (u32 i = 0; i < COND_WORDS; i++)
        store_relaxed(&words[i], i == wrefs_index() ? COND_SHARED : 0);
    for (u32 i = 0; i < COND_WORDS; i++) {
        futex(&shared[i], FUTEX_WAKE, INT_MAX, NULL);
        futex(&words[i], FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
    }
}

/**
 * Puts a private copy in the place of the page(s), for this process alone; returns the condition
 * variable in the shared ones, mapped elsewhere, or NULL. Sleepers are known by the shared page.
 */
static u32 *take_page_away(u8 *at, u8 **alias, size_t *bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    u8 *first = (u8 *)((uintptr_t)at & ~(page - 1));
    u8 *end = (u8 *)(((uintptr_t)at + sizeof(pthread_cond_t) + page - 1) & ~(page - 1));
    *bytes = (size_t)(end - first);
    *alias = mremap(first, 0, *bytes, MREMAP_MAYMOVE);
    if (*alias == MAP_FAILED)
        return NULL;
    void *copy = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy != MAP_FAILED) {
        memcpy(copy, *alias, *bytes);
        if (mremap(copy, *bytes, *bytes, MREMAP_MAYMOVE | MREMAP_FIXED, first) != MAP_FAILED)
            return (u32 *)(void *)(*alias + (at - first));
        munmap(copy, *bytes);
    }
    munmap(*alias, *bytes);
    return NULL;
}

static void help_out(peer_guard_t *g, u32 *words)
{
    u32 *shared = words;
    u8 *alias = NULL;
    size_t bytes = 0;
    for (u32 n = 1; load_acquire(&g->left) == 0; n++) {
        if (n % HELP_IN_PLACE == 0 && shared == words) {
            u32 *elsewhere = take_page_away((u8 *)words, &alias, &bytes);
            if (elsewhere != NULL)
                shared = elsewhere;
        }
        clear_words(words, shared);
        pause_ns(HELP_NS);
    }
    if (shared != words)
        munmap(alias, bytes);
}

static void *watch(void *argument)
{
    peer_guard_t *g = argument;
    u64 seen = 0;
    pthread_mutex_lock(&g->lock);
    while (!g->stopping) {
        deadline_t next = deadline_in(LOOK_NS);
        struct timespec until = {.tv_sec = (time_t)(next / NS_PER_S),
                                 .tv_nsec = (long)(next % NS_PER_S)};
        pthread_cond_timedwait(&g->wake, &g->lock, &until);
        u64 waking = load_acquire(&g->waking);
        u64 wakes = load_relaxed(&g->wakes);
        if (waking == 0 || wakes != seen) {
            seen = wakes;
            continue;
        }
        u64 expected = waking;
        if (__atomic_compare_exchange_n(&g->waking, &expected, waking | 1, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            help_out(g, (u32 *)(uintptr_t)waking);
            store_release(&g->waking, 0);
        }
    }
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

bool peer_guard_caught(peer_guard_t *g)
{
    bool caught = g->caught;
    g->caught = false;
    return caught;
}

int peer_guard_start(peer_guard_t *g)
{
    pthread_condattr_t attr;
    sigset_t all, before;
    memset(g, 0, sizeof *g);
    g->base = (svm_queue_guard_t){.lock = guard_lock, .unlock = guard_unlock, .wake = guard_wake};
    pthread_mutex_init(&g->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g->wake, &attr);
    pthread_condattr_destroy(&attr);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rv = pthread_create(&g->watcher, NULL, watch, g);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    g->started = rv == 0;
    return -rv;
}

void peer_guard_stop(peer_guard_t *g)
{
    if (!g->started)
        return;
    pthread_mutex_lock(&g->lock);
    g->stopping = true;
    pthread_cond_signal(&g->wake);
    pthread_mutex_unlock(&g->lock);
    pthread_join(g->watcher, NULL);
    pthread_cond_destroy(&g->wake);
    pthread_mutex_destroy(&g->lock);
    g->started = false;
}
