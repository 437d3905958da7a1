/* SPDX-License-Identifier: Apache-2.0 */
#include "drainer.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "atomics.h"
#include "conn.h"

/* Messages that are moved before the program is looked at again. */
#define DRAIN_BATCH 4096u
/* What is kept for the reader of a dump at once, and how long it may not come for more. */
#define UNCOLLECTED_BYTES (16u << 20)
#define LEFT_TO_VPP_NS NS_PER_S
/* How often it looks whether the reader of a dump keeps up, at first, and when it does. */
#define SPOOL_LOOK_NS NS_PER_MS
#define SPOOL_LOOK_RARELY_NS (16 * NS_PER_MS)
/* How long it watches the transport without looking around. */
#define WATCH_NS NS_PER_S

/** Naps for `ns` (0: until woken); false when it is to stop. */
static bool nap(drainer_t *d, u64 ns)
{
    pthread_mutex_lock(&d->lock);
    if (!d->stop) {
        store_relaxed(&d->napping, true);
        store_relaxed(&d->long_nap, ns == 0);
        deadline_cond_wait(&d->wake, &d->lock, deadline_in(ns == 0 ? NS_PER_S : ns));
        store_relaxed(&d->napping, false);
        store_relaxed(&d->long_nap, false);
    }
    bool go_on = !d->stop;
    pthread_mutex_unlock(&d->lock);
    return go_on;
}

static void push_out(vapi_ctx_t ctx)
{
    if (pthread_mutex_trylock(&ctx->send_lock) != 0)
        return; /* whoever sends does it */
    ctx->transport->ops->flush(ctx->transport);
    pthread_mutex_unlock(&ctx->send_lock);
}

static void show_on_fd(vapi_ctx_t ctx)
{
    pthread_mutex_lock(&ctx->receive_lock);
    conn_update_fd(ctx);
    pthread_mutex_unlock(&ctx->receive_lock);
}

/** Whether the program looked after its messages itself during the nap. */
static bool attended(vapi_ctx_t ctx, u32 activity)
{
    transport_t *t = ctx->transport;
    bool somebody = load_relaxed(&ctx->activity) != activity || load_relaxed(&ctx->receiving) != 0;
    return somebody && t->ops->backlog(t) < t->ops->capacity(t);
}

/**
 * Whether what is left of a dump may stay in the socket: its reader is slower than VPP, but reads. VPP
 * has made all of a dump before its first byte is here, so that this costs it nothing more.
 */
static bool is_left_to_vpp(vapi_ctx_t ctx, u64 idle_ns)
{
    return ctx->transport->kind == VAPI_TRANSPORT_SOCKET && idle_ns < LEFT_TO_VPP_NS &&
           load_relaxed(&ctx->uncollected_bytes) >= UNCOLLECTED_BYTES;
}

static void *run(void *argument)
{
    vapi_ctx_t ctx = argument;
    drainer_t *d = &ctx->drainer;
    transport_t *t = ctx->transport;
    u64 pause = ctx->grace_ns, active_at = 0;
    u32 last_activity = load_relaxed(&ctx->activity);
    for (;;) {
        u32 activity = load_relaxed(&ctx->activity);
        if (activity != last_activity)
            active_at = now_ns();
        last_activity = activity;
        bool receiving = load_relaxed(&ctx->receiving) != 0;
        if (!nap(d, pause))
            break;
        push_out(ctx);
        if (t->ops->alive(t) != 0) {
            show_on_fd(ctx);
            pause = 0;
            continue;
        }
        pause = ctx->grace_ns;
        if (attended(ctx, activity)) {
            /* Somebody has waited all that time: it will say when it stops. */
            if (receiving && load_relaxed(&ctx->activity) == activity)
                pause = 0;
            if (!(load_relaxed(&ctx->fd_wanted) && load_relaxed(&ctx->receiving) == 0))
                continue;
        } else {
            while (!is_left_to_vpp(ctx, now_ns() - active_at) && t->ops->waiting(t) &&
                   conn_ingest(ctx, DRAIN_BATCH) > 0 && load_relaxed(&ctx->activity) == activity &&
                   !load_relaxed(&d->stop))
                continue;
        }
        if (is_left_to_vpp(ctx, now_ns() - active_at))
            continue;
        /* Nobody receives, nothing waits: watch. */
        store_relaxed(&d->watching, true);
        if (!load_relaxed(&d->stop) && !t->ops->waiting(t))
            t->ops->sleep(t, false, deadline_in(WATCH_NS));
        store_relaxed(&d->watching, false);
        show_on_fd(ctx);
    }
    return NULL;
}

/**
 * The same for a connection beside another one. A slow reader would cost VPP dear: of what waits to be
 * written, it moves all that is left for each few hundred kilobytes that go out, and a million routes
 * are hundreds of megabytes.
 */
static void *run_spooling(void *argument)
{
    vapi_ctx_t ctx = argument;
    drainer_t *d = &ctx->drainer;
    u64 pause = SPOOL_LOOK_NS;
    while (nap(d, load_relaxed(&ctx->collecting) == 0 ? 0 : pause)) {
        push_out(ctx);
        pause = pause < SPOOL_LOOK_RARELY_NS ? 2 * pause : pause;
        /* A reader that rests is not slow: it comes for all of it in a moment. */
        while (load_relaxed(&ctx->collecting) != 0 && !load_relaxed(&d->stop) &&
               !load_relaxed(&ctx->resting) &&
               transport_socket_spool(ctx->transport, ctx->backlog_limit)) {
            pause = SPOOL_LOOK_NS;
            if (load_relaxed(&ctx->receiving) != 0)
                ctx->transport->ops->poke(ctx->transport);
            show_on_fd(ctx);
        }
        if (load_relaxed(&ctx->collecting) == 0)
            pause = SPOOL_LOOK_NS;
    }
    return NULL;
}

vapi_error_e drainer_start(vapi_ctx_t ctx, error_rec_t *error)
{
    drainer_t *d = &ctx->drainer;
    sigset_t all, before;
    memset(d, 0, sizeof *d);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wake, NULL);
    /* Signals are the program's: none may be handled in this thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rv = pthread_create(&d->thread, NULL, ctx->spools ? run_spooling : run, ctx);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rv != 0)
        return error_set(error, VAPI_ENOMEM, rv, "cannot start the drain thread: %s", strerror(rv));
    d->running = true;
    return VAPI_OK;
}

void drainer_stop(vapi_ctx_t ctx)
{
    drainer_t *d = &ctx->drainer;
    if (!d->running)
        return;
    pthread_mutex_lock(&d->lock);
    store_relaxed(&d->stop, true);
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    ctx->transport->ops->poke(ctx->transport);
    pthread_join(d->thread, NULL);
    d->running = false;
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->wake);
}

void drainer_wake(vapi_ctx_t ctx)
{
    drainer_t *d = &ctx->drainer;
    if (!load_relaxed(&d->napping))
        return;
    pthread_mutex_lock(&d->lock);
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
}

void drainer_attend(vapi_ctx_t ctx)
{
    if (load_relaxed(&ctx->drainer.long_nap))
        drainer_wake(ctx);
}
