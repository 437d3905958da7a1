/* SPDX-License-Identifier: Apache-2.0 */
#include "svm_queue.h"

#include <errno.h>
#include <string.h>

#include "atomics.h"

#define GUARDED_SLEEP_NS (100 * NS_PER_US)

/* The steps of an operation, in one piece: as calls they cost as much as the mutex. */
#define HOT static inline __attribute__((always_inline))

/** head, tail and cursize as one consistent, checked reading; only valid under the lock. */
typedef struct {
    u32 head, tail, cursize;
} counters_t;

u64 svm_queue_bytes(u32 maxsize, u32 elsize)
{
    if (maxsize == 0 || maxsize > SVM_QUEUE_MAX_ELEMENTS || elsize == 0 ||
        elsize > SVM_QUEUE_MAX_ELSIZE)
        return UINT64_MAX;
    return sizeof(shm_queue_t) + (u64)maxsize * elsize;
}

int svm_queue_init(svm_queue_t *q, void *base, u32 maxsize, u32 elsize, i32 consumer_pid)
{
    if (svm_queue_bytes(maxsize, elsize) == UINT64_MAX)
        return -EINVAL;
    shm_queue_t *shm = base;
    memset(shm, 0, sizeof *shm);

    pthread_mutexattr_t mutex_attr;
    pthread_condattr_t cond_attr;
    int rv = pthread_mutexattr_init(&mutex_attr);
    if (rv != 0)
        return -rv;
    pthread_mutexattr_setpshared(&mutex_attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&mutex_attr, PTHREAD_MUTEX_ROBUST);
    rv = pthread_mutex_init(&shm->mutex, &mutex_attr);
    pthread_mutexattr_destroy(&mutex_attr);
    if (rv == 0)
        rv = pthread_condattr_init(&cond_attr);
    if (rv != 0)
        return -rv;
    pthread_condattr_setpshared(&cond_attr, PTHREAD_PROCESS_SHARED);
    rv = pthread_cond_init(&shm->condvar, &cond_attr);
    pthread_condattr_destroy(&cond_attr);
    if (rv != 0)
        return -rv;

    shm->maxsize = (i32)maxsize;
    shm->elsize = (i32)elsize;
    shm->consumer_pid = consumer_pid;
    shm->producer_evtfd = -1;
    shm->consumer_evtfd = -1;
    *q = (svm_queue_t){.shm = shm, .maxsize = maxsize, .elsize = elsize};
    return 0;
}

int svm_queue_attach(svm_queue_t *q, void *base, u64 bytes, u32 elsize)
{
    shm_queue_t *shm = base;
    if (base == NULL || ((uintptr_t)base & 7) != 0 || bytes < sizeof *shm)
        return -EBADMSG;
    i32 their_maxsize = load_relaxed(&shm->maxsize);
    i32 their_elsize = load_relaxed(&shm->elsize);
    if (their_maxsize <= 0 || their_elsize <= 0 || (elsize != 0 && (u32)their_elsize != elsize))
        return -EBADMSG;
    u64 need = svm_queue_bytes((u32)their_maxsize, (u32)their_elsize);
    if (need == UINT64_MAX || need > bytes)
        return -EBADMSG;
    *q = (svm_queue_t){.shm = shm, .maxsize = (u32)their_maxsize, .elsize = (u32)their_elsize};
    return 0;
}

HOT int read_counters(const svm_queue_t *q, counters_t *c)
{
    c->head = (u32)load_relaxed(&q->shm->head);
    c->tail = (u32)load_relaxed(&q->shm->tail);
    c->cursize = (u32)load_relaxed(&q->shm->cursize);
    return c->head < q->maxsize && c->tail < q->maxsize && c->cursize <= q->maxsize ? 0 : -EBADMSG;
}

/**
 * The owner died in the middle of an operation. Whoever adds moves tail and then counts, whoever
 * takes counts and then moves head (see commit_added() and take_elements()): the positions are the
 * truth and the count follows. When they meet, the queue is full unless the count says empty: an add
 * that filled it has left the old count, which is 0 only when nothing but its own elements would be
 * lost, and an interrupted sub of everything has left 0 and had its elements.
 */
static void repair_counters(svm_queue_t *q)
{
    shm_queue_t *shm = q->shm;
    counters_t c;
    if (read_counters(q, &c) != 0) {
        /* Nothing to go by: empty loses messages, but anything else would invent some. */
        store_relaxed(&shm->head, 0);
        store_relaxed(&shm->tail, 0);
        store_relaxed(&shm->cursize, 0);
        return;
    }
    u32 distance = (c.tail + q->maxsize - c.head) % q->maxsize;
    if (distance == 0 && c.cursize != 0)
        distance = q->maxsize;
    store_relaxed(&shm->cursize, (i32)distance);
}

/** What lock and wait may return with the mutex held, as 0 or -errno. */
static int locked_result(svm_queue_t *q, int rv)
{
    if (rv == EOWNERDEAD) {
        repair_counters(q);
        rv = pthread_mutex_consistent(&q->shm->mutex);
        if (rv != 0)
            pthread_mutex_unlock(&q->shm->mutex);
    }
    return -rv;
}

/**
 * Whether glibc would treat the mutex as the kind that VPP makes. With another kind in it (priority
 * inheritance, say), a lock word that makes no sense aborts the process that tries to lock it. Whoever
 * changes the kind between this look and the lock still can; whoever left nonsense there cannot.
 */
static bool is_plain_mutex(const pthread_mutex_t *mutex)
{
    enum { ROBUST = 16, SHARED = 128 };
    return (load_relaxed(&mutex->__data.__kind) & ~(ROBUST | SHARED)) == 0;
}

/* What glibc puts in place of the owner of a mutex that was not made consistent. */
#define OWNER_NOT_RECOVERABLE (INT32_MAX - 1)

static int guarded_lock(svm_queue_t *q, deadline_t deadline)
{
    bool died = false;
    int rv = q->guard->lock(&q->shm->mutex, deadline, &died);
    if (rv == 0 && died)
        repair_counters(q);
    return rv;
}

int svm_queue_lock(svm_queue_t *q, deadline_t deadline)
{
    pthread_mutex_t *mutex = &q->shm->mutex;
    if (q->guard != NULL)
        return guarded_lock(q, deadline);
    if (!is_plain_mutex(mutex))
        return -ENOTRECOVERABLE;
    /* The usual case: free. Not when it is irrecoverable: glibc's trylock would leave it locked, and
       the next one would wait for ever instead of learning of it. A time that is over tells. */
    int rv = load_relaxed(&mutex->__data.__owner) != OWNER_NOT_RECOVERABLE
                 ? pthread_mutex_trylock(mutex)
                 : EBUSY;
    if (rv != EBUSY)
        return rv == 0 ? 0 : locked_result(q, rv);
    struct timespec until = {0};
    while ((rv = pthread_mutex_timedlock(mutex, &until)) == ETIMEDOUT) {
        if (deadline_passed(deadline))
            return deadline == DEADLINE_NOW ? -EAGAIN : -ETIMEDOUT;
        until = deadline_realtime(deadline_slice(deadline, NS_PER_S));
    }
    return rv == 0 ? 0 : locked_result(q, rv);
}

void svm_queue_unlock(svm_queue_t *q)
{
    if (q->guard != NULL)
        q->guard->unlock(&q->shm->mutex);
    else
        pthread_mutex_unlock(&q->shm->mutex);
}

void svm_queue_wake(svm_queue_t *q)
{
    if (q->guard != NULL)
        q->guard->wake(q->guard, &q->shm->condvar);
    else
        pthread_cond_broadcast(&q->shm->condvar);
}

u32 svm_queue_length(const svm_queue_t *q)
{
    /* Acquire: whoever sees the count also sees the element and the message behind it. */
    u32 n = (u32)load_acquire(&q->shm->cursize);
    return n <= q->maxsize ? n : q->maxsize;
}

/** Copies into free slots; nobody sees them before commit_added(). */
HOT void store_elements(svm_queue_t *q, u32 at, const u8 *from, u32 count)
{
    if (count == 1 && q->elsize == sizeof(u64)) {
        memcpy(q->shm->data + (size_t)at * sizeof(u64), from, sizeof(u64)); /* one move */
        return;
    }
    u32 first = q->maxsize - at < count ? q->maxsize - at : count;
    memcpy(q->shm->data + (size_t)at * q->elsize, from, (size_t)first * q->elsize);
    memcpy(q->shm->data, from + (size_t)first * q->elsize, (size_t)(count - first) * q->elsize);
}

static inline u32 advance(const svm_queue_t *q, u32 position, u32 by)
{
    return position + by >= q->maxsize ? position + by - q->maxsize : position + by;
}

HOT void commit_added(svm_queue_t *q, const counters_t *c, u32 count)
{
    store_relaxed(&q->shm->tail, (i32)advance(q, c->tail, count));
    /* Release: pairs with svm_queue_length(), which consumers spin on without the lock; and counts
       last, for repair_counters(). */
    store_release(&q->shm->cursize, (i32)(c->cursize + count));
    if (c->cursize == 0)
        svm_queue_wake(q);
}

HOT void load_elements(const svm_queue_t *q, u32 at, u8 *to, u32 count)
{
    if (count == 1 && q->elsize == sizeof(u64)) {
        memcpy(to, q->shm->data + (size_t)at * sizeof(u64), sizeof(u64));
        return;
    }
    u32 first = q->maxsize - at < count ? q->maxsize - at : count;
    memcpy(to, q->shm->data + (size_t)at * q->elsize, (size_t)first * q->elsize);
    memcpy(to + (size_t)first * q->elsize, q->shm->data, (size_t)(count - first) * q->elsize);
}

HOT void take_elements(svm_queue_t *q, const counters_t *c, u8 *to, u32 count)
{
    load_elements(q, c->head, to, count);
    /* Counts first, for repair_counters(). */
    store_relaxed(&q->shm->cursize, (i32)(c->cursize - count));
    store_release(&q->shm->head, (i32)advance(q, c->head, count));
    /* VPP wakes when the queue was full; one earlier is for those who wait for two places. */
    if (c->cursize >= q->maxsize - 1)
        svm_queue_wake(q);
}

/** Locks and reads the counters; on an error nothing is held. */
HOT int lock_counters(svm_queue_t *q, counters_t *c, deadline_t deadline)
{
    int rv = svm_queue_lock(q, deadline);
    if (rv == 0 && (rv = read_counters(q, c)) != 0)
        svm_queue_unlock(q);
    return rv;
}

int svm_queue_add_many(svm_queue_t *q, const void *elements, u32 count, bool all,
                       deadline_t lock_deadline)
{
    counters_t c;
    int rv = lock_counters(q, &c, lock_deadline);
    if (rv != 0)
        return rv;
    u32 room = q->maxsize - c.cursize;
    u32 n = count <= room ? count : all ? 0 : room;
    if (n != 0) {
        store_elements(q, c.tail, elements, n);
        commit_added(q, &c, n);
    }
    svm_queue_unlock(q);
    return n == 0 && all && count != 0 ? -EAGAIN : (int)n;
}

int svm_queue_sub_many(svm_queue_t *q, void *elements, u32 count, deadline_t lock_deadline)
{
    counters_t c;
    int rv = lock_counters(q, &c, lock_deadline);
    if (rv != 0)
        return rv;
    u32 n = count <= c.cursize ? count : c.cursize;
    if (n != 0)
        take_elements(q, &c, elements, n);
    svm_queue_unlock(q);
    return (int)n;
}

/** One sleep on the condition variable, with the lock held before and (if 0 or -ETIMEDOUT) after. */
static int sleep_locked(svm_queue_t *q, deadline_t deadline)
{
    if (q->guard != NULL) {
        /* Not in a condition variable that anybody may write to: a short sleep, and another look. */
        struct timespec pause = {.tv_nsec = (long)GUARDED_SLEEP_NS};
        svm_queue_unlock(q);
        nanosleep(&pause, NULL);
        int locked = svm_queue_lock(q, deadline);
        return locked != 0 ? locked : deadline_passed(deadline) ? -ETIMEDOUT : 0;
    }
    int rv = deadline_cond_wait(&q->shm->condvar, &q->shm->mutex, deadline);
    if (rv == ETIMEDOUT)
        return deadline_passed(deadline) ? -ETIMEDOUT : 0;
    return locked_result(q, rv);
}

/** Waits, locked, until `room` elements fit (or, with room 0, until one is there). */
HOT int lock_when_ready(svm_queue_t *q, counters_t *c, u32 room, deadline_t deadline)
{
    int rv = lock_counters(q, c, DEADLINE_NOW);
    /* Held for the copy of an element: "do not wait" is for room, not for that. */
    if (rv == -EAGAIN)
        rv = lock_counters(q, c, deadline == DEADLINE_NOW ? deadline_in(NS_PER_S) : deadline);
    while (rv == 0 && (room != 0 ? q->maxsize - c->cursize < room : c->cursize == 0)) {
        if (deadline_passed(deadline)) {
            svm_queue_unlock(q);
            return deadline == DEADLINE_NOW ? -EAGAIN : -ETIMEDOUT;
        }
        /* In slices: where VPP consumes, whoever waits for two places is not woken by the second. */
        rv = sleep_locked(q, deadline_slice(deadline, room > 1 ? 2 * NS_PER_MS : NS_PER_S));
        if (rv == 0 || rv == -ETIMEDOUT) {
            rv = read_counters(q, c);
            if (rv != 0)
                svm_queue_unlock(q);
        }
    }
    return rv;
}

int svm_queue_add(svm_queue_t *q, const void *element, deadline_t deadline)
{
    counters_t c;
    int rv = lock_when_ready(q, &c, 1, deadline);
    if (rv != 0)
        return rv;
    store_elements(q, c.tail, element, 1);
    commit_added(q, &c, 1);
    svm_queue_unlock(q);
    return 0;
}

int svm_queue_add2(svm_queue_t *q, const void *first, const void *second, deadline_t deadline)
{
    if (q->maxsize < 2)
        return -EINVAL;
    counters_t c;
    int rv = lock_when_ready(q, &c, 2, deadline);
    if (rv != 0)
        return rv;
    store_elements(q, c.tail, first, 1);
    store_elements(q, advance(q, c.tail, 1), second, 1);
    commit_added(q, &c, 2);
    svm_queue_unlock(q);
    return 0;
}

int svm_queue_sub(svm_queue_t *q, void *element, deadline_t deadline)
{
    counters_t c;
    int rv = lock_when_ready(q, &c, 0, deadline);
    if (rv != 0)
        return rv;
    take_elements(q, &c, element, 1);
    svm_queue_unlock(q);
    return 0;
}

int svm_queue_wait_nonempty(svm_queue_t *q, deadline_t deadline)
{
    counters_t c;
    int rv = lock_counters(q, &c, deadline);
    if (rv != 0)
        return rv;
    if (c.cursize == 0) {
        rv = deadline_passed(deadline) ? -ETIMEDOUT : sleep_locked(q, deadline);
        if (rv != 0 && rv != -ETIMEDOUT)
            return rv;
        rv = read_counters(q, &c) != 0 ? -EBADMSG : c.cursize != 0 ? 0 : rv == 0 ? -EINTR : rv;
    }
    svm_queue_unlock(q);
    return rv;
}
