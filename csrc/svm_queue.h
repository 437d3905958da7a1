/* SPDX-License-Identifier: Apache-2.0
 *
 * VPP's process-shared bounded queue.
 *
 * A svm_queue_t is a private view of a queue that lies in shared memory: its geometry is read and
 * checked once, so that nobody on the other side can move the bounds later. head, tail and cursize
 * are loaded once an operation and checked against it.
 *
 * Threads: every function may be called by any thread of any process; the queue's own mutex
 * serialises. The mutex is robust: when its owner died, the next one to lock it repairs the counters
 * and goes on. It is held for the copy of the elements only, never over a system call but the wake-up.
 *
 * Errors (negative errno):
 *   -EAGAIN           full or empty, and not to wait
 *   -ETIMEDOUT        the deadline passed
 *   -EINTR            a wait ended early (svm_queue_wait_nonempty only, see there)
 *   -ENOTRECOVERABLE  the mutex is beyond repair: the connection is lost
 *   -EBADMSG          head, tail or cursize out of range: the region is corrupt
 */
#ifndef VAPI_CORE_SVM_QUEUE_H
#define VAPI_CORE_SVM_QUEUE_H

#include "deadline.h"
#include "shm_layout.h"

/**
 * Another way to lock and wake than glibc's, for a side that must not trust what lies in the mutex and
 * the condition variable. lock: 0, -EAGAIN, -ETIMEDOUT; *died: the counters need repair.
 */
typedef struct svm_queue_guard {
    int (*lock)(pthread_mutex_t *mutex, deadline_t deadline, bool *died);
    void (*unlock)(pthread_mutex_t *mutex);
    void (*wake)(struct svm_queue_guard *guard, pthread_cond_t *condvar);
} svm_queue_guard_t;

typedef struct {
    shm_queue_t *shm;
    u32 maxsize; /* elements */
    u32 elsize; /* bytes */
    svm_queue_guard_t *guard; /* NULL: glibc's; set by who attached, not owned */
} svm_queue_t;

/** Most elements and bytes an element that attach accepts: keeps every product below 2^32. */
#define SVM_QUEUE_MAX_ELEMENTS (1u << 20)
#define SVM_QUEUE_MAX_ELSIZE (1u << 24)

/** Bytes that a queue needs: header and elements; UINT64_MAX when the geometry is refused. */
u64 svm_queue_bytes(u32 maxsize, u32 elsize);

/**
 * Makes an empty queue in `base` (64-byte aligned, svm_queue_bytes() long, owned by the caller, may
 * hold anything) and attaches `q` to it. 0, -EINVAL for a refused geometry, or what pthread returns.
 */
int svm_queue_init(svm_queue_t *q, void *base, u32 maxsize, u32 elsize, i32 consumer_pid);

/**
 * Attaches to a queue that somebody else made. `bytes` is how much of the mapping follows `base`.
 * -EBADMSG when the geometry is impossible or does not fit; `elsize` 0 accepts any.
 */
int svm_queue_attach(svm_queue_t *q, void *base, u64 bytes, u32 elsize);

/** Waits for the mutex until the deadline (DEADLINE_NOW: tries once). Repairs after owner death. */
int svm_queue_lock(svm_queue_t *q, deadline_t deadline);
void svm_queue_unlock(svm_queue_t *q);

/** How many elements wait; unlocked, a hint. Never above maxsize. */
u32 svm_queue_length(const svm_queue_t *q);

/**
 * Adds up to `count` elements that lie one after the other at `elements`, as many as fit, under one
 * lock; returns how many (>= 0). With `all`, all or none (-EAGAIN): this is add2. Wakes consumers
 * when the queue was empty. Does not wait for room; `lock_deadline` bounds the wait for the mutex.
 */
int svm_queue_add_many(svm_queue_t *q, const void *elements, u32 count, bool all,
                       deadline_t lock_deadline);
/** Takes up to `count` elements; returns how many (>= 0). Wakes producers when it was
 * full, or had a single place left. */
int svm_queue_sub_many(svm_queue_t *q, void *elements, u32 count, deadline_t lock_deadline);

/**
 * One element, waiting on the condition variable for room or for an element until the deadline.
 * A producer on somebody else's queue must not wait there: if it were killed in the wait, glibc's
 * condition variable could block the next broadcast of the other side for ever. Use DEADLINE_NOW
 * and come back. The consumer of its own queue may wait.
 */
int svm_queue_add(svm_queue_t *q, const void *element, deadline_t deadline);
int svm_queue_add2(svm_queue_t *q, const void *first, const void *second, deadline_t deadline);
int svm_queue_sub(svm_queue_t *q, void *element, deadline_t deadline);

/** Waits on the condition variable until there is an element (0), the deadline (-ETIMEDOUT), or
 * svm_queue_wake() by somebody (-EINTR, also for a spurious wake-up). */
int svm_queue_wait_nonempty(svm_queue_t *q, deadline_t deadline);
/** Wakes everyone who waits on the queue. */
void svm_queue_wake(svm_queue_t *q);

#endif
