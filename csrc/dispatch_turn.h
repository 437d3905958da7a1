/* SPDX-License-Identifier: Apache-2.0
 *
 * The turn to dispatch: one thread at a time takes messages and calls callbacks, so that requests are
 * found in the order in which VPP answered them, and callbacks do not run side by side. A callback may
 * dispatch in its turn. Whoever waits for the turn learns when what it waits for has been answered by
 * the thread that has it.
 *
 * Lives in a context; requests_lock guards its list, nothing is held while a callback runs.
 */
#ifndef VAPI_CORE_DISPATCH_TURN_H
#define VAPI_CORE_DISPATCH_TURN_H

#include <pthread.h>
#include <vapi/vapi.h>

#include "deadline.h"

typedef struct dispatch_waiter dispatch_waiter_t;

typedef struct {
    const void *owner; /* the thread's mark, NULL: free */
    u32 depth; /* callbacks that dispatch; the owner's */
    u32 waiting; /* threads in `changed` */
    u64 answered; /* requests that have gone, with callbacks that have returned */
    pthread_cond_t changed;
    dispatch_waiter_t *waiters; /* blocking calls under way, innermost first */
} dispatch_turn_t;

/** A blocking call: lives on the stack of its thread. */
struct dispatch_waiter {
    const void *thread;
    vapi_error_e rv; /* what a callback of its requests said in another thread */
    dispatch_waiter_t *next;
};

/** Zeroed memory to begin with. */
void turn_init(dispatch_turn_t *turn);
void turn_fini(dispatch_turn_t *turn);

/** The calling thread, as `owner` and `thread` have it. */
const void *turn_me(void);

/** Takes the turn: 0. Waits for it until the deadline (-EAGAIN), an interrupt (-ECANCELED), the end of
 * the connection (-ESHUTDOWN), or until `target` requests have been answered (1, without the turn). */
int turn_take(vapi_ctx_t ctx, u64 target, deadline_t deadline);
void turn_leave(vapi_ctx_t ctx);
/** Puts a blocking call into the list. requests_lock. */
void turn_wait(dispatch_turn_t *turn, dispatch_waiter_t *w);
/** Whether `target` requests have been answered and their callbacks have returned, but for those that
 * the calling thread is in. */
bool turn_has_answered(vapi_ctx_t ctx, u64 target);

/** A callback of a request that `thread` made returned `rv`: what the present thread's dispatch is to
 * return. */
vapi_error_e turn_result(vapi_ctx_t ctx, const void *thread, vapi_error_e rv);

#endif
