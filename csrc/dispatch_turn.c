/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch_turn.h"

#include <errno.h>

#include "atomics.h"
#include "conn.h"

/* Interrupts and the end of a connection are not signalled here, but looked for this often. */
#define SLICE_NS (20 * NS_PER_MS)

void turn_init(dispatch_turn_t *turn) { pthread_cond_init(&turn->changed, NULL); }
void turn_fini(dispatch_turn_t *turn) { pthread_cond_destroy(&turn->changed); }

const void *turn_me(void)
{
    static _Thread_local char mark;
    return &mark;
}

static bool take_free(dispatch_turn_t *turn, const void *me)
{
    const void *nobody = NULL;
    return __atomic_compare_exchange_n(&turn->owner, &nobody, me, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

static int wait_for_turn(vapi_ctx_t ctx, const void *me, u64 target, deadline_t deadline)
{
    dispatch_turn_t *turn = &ctx->turn;
    u32 interrupts = load_relaxed(&ctx->interrupts);
    int rv;
    pthread_mutex_lock(&ctx->requests_lock);
    /* Before the turn is tried again: either that succeeds, or its owner sees this and signals. */
    __atomic_fetch_add(&turn->waiting, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        rv = 1;
        if (load_acquire(&turn->answered) >= target)
            break;
        rv = 0;
        if (take_free(turn, me))
            break;
        rv = load_relaxed(&ctx->closing)                    ? -ESHUTDOWN
             : load_relaxed(&ctx->interrupts) != interrupts ? -ECANCELED
             : deadline_passed(deadline)                    ? -EAGAIN
                                                            : 0;
        if (rv != 0)
            break;
        deadline_cond_wait(&turn->changed, &ctx->requests_lock, deadline_slice(deadline, SLICE_NS));
    }
    __atomic_fetch_sub(&turn->waiting, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&ctx->requests_lock);
    return rv;
}

int turn_take(vapi_ctx_t ctx, u64 target, deadline_t deadline)
{
    dispatch_turn_t *turn = &ctx->turn;
    const void *me = turn_me();
    if (load_relaxed(&turn->owner) == me) {
        turn->depth++;
        return 0;
    }
    return take_free(turn, me) ? 0 : wait_for_turn(ctx, me, target, deadline);
}

void turn_leave(vapi_ctx_t ctx)
{
    dispatch_turn_t *turn = &ctx->turn;
    if (turn->depth != 0) {
        turn->depth--;
        return;
    }
    /* Only the owner takes requests out, so this is what it leaves behind. */
    store_release(&turn->answered, ctx->requests.taken);
    __atomic_store_n(&turn->owner, NULL, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&turn->waiting, __ATOMIC_SEQ_CST) == 0)
        return;
    pthread_mutex_lock(&ctx->requests_lock);
    pthread_cond_broadcast(&turn->changed);
    pthread_mutex_unlock(&ctx->requests_lock);
}

bool turn_has_answered(vapi_ctx_t ctx, u64 target)
{
    const dispatch_turn_t *turn = &ctx->turn;
    return (load_relaxed(&turn->owner) == turn_me() ? ctx->requests.taken
                                                    : load_acquire(&turn->answered)) >= target;
}

void turn_wait(dispatch_turn_t *turn, dispatch_waiter_t *w)
{
    w->next = turn->waiters;
    turn->waiters = w;
}

vapi_error_e turn_result(vapi_ctx_t ctx, const void *thread, vapi_error_e rv)
{
    if (rv == VAPI_OK || thread == turn_me())
        return rv;
    pthread_mutex_lock(&ctx->requests_lock);
    dispatch_waiter_t *w = ctx->turn.waiters;
    while (w != NULL && w->thread != thread)
        w = w->next;
    if (w != NULL) {
        w->rv = w->rv == VAPI_OK ? rv : w->rv;
        rv = VAPI_OK;
    }
    pthread_mutex_unlock(&ctx->requests_lock);
    return rv;
}
