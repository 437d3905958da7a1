/* SPDX-License-Identifier: Apache-2.0
 *
 * How the peer locks and wakes queues whose bytes a client can write at any moment.
 *
 * glibc trusts what lies in a shared mutex and condition variable: unlocking a robust mutex writes
 * through pointers that are kept in it, another kind in it aborts the process, and a broadcast waits,
 * without a limit, for waiters that the words speak of (also for one that was killed in the wait).
 * So here a lock is the futex word alone, taken and given back by the same protocol, and a broadcast is
 * glibc's, under the eyes of a second thread: when it has not come back after a moment, that thread
 * clears the condition variable, if need be in a private copy of its page, until it does.
 *
 * Nothing is handed to another thread: a reply costs what it cost before, and nothing but a look when
 * nobody waits.
 *
 * Threads: lock, unlock and wake are the peer's thread's. Owner: the peer.
 */
#ifndef VAPI_CORE_PEER_GUARD_H
#define VAPI_CORE_PEER_GUARD_H

#include "svm_queue.h"

typedef struct {
    svm_queue_guard_t base;
    pthread_t watcher;
    pthread_mutex_t lock; /* of `stopping`, for the watcher's sleep */
    pthread_cond_t wake;
    bool started, stopping;
    bool caught; /* the peer's thread's: the last wake had to be helped out */
    u32 left; /* atomic: the broadcast that is being helped has come back */
    u64 waking; /* atomic: address of the condition variable, | 1: being helped; 0: none */
    u64 wakes; /* atomic: how many there were, to tell one from the next */
} peer_guard_t;

/** Starts the watcher. 0 or what pthread says, negative. */
int peer_guard_start(peer_guard_t *guard);
/** Ends it; idempotent, safe on a zeroed guard. Nothing may be locked or waking. */
void peer_guard_stop(peer_guard_t *guard);
/** Whether a wake has hung since this was asked last: the queue's owner is not to be served any more. */
bool peer_guard_caught(peer_guard_t *guard);
/** The lock's holder is no thread of this machine: gives the lock the state that a death leaves. */
bool peer_guard_break(const svm_queue_t *queue);

#endif
