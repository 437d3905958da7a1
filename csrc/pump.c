/* SPDX-License-Identifier: Apache-2.0
 *
 * Many requests, a window of them in flight. Contexts are consecutive, so an answer's context is its
 * index; no memory is touched a message but the caller's retvals.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "byteorder.h"
#include "conn.h"

#define LOST_RETVAL INT32_MIN
#define REQUEST_HEADER_BYTES 10u
/* Answers come in order. When the last requests have none after this long, a control ping behind them
 * tells whether VPP is slow or will never answer. */
#define QUIET_NS (50 * NS_PER_MS)
/* Refill the window in steps, as a step costs one lock of VPP's queue (or one system call). */
#define LARGEST_STEP 64u
/* However long the messages are, so many may be in flight: VPP is to have one while we look. */
#define LEAST_WINDOW 16u

typedef struct {
    receiver_t receiver;
    vapi_ctx_t ctx;
    vapi_pump_t *pump;
    u16 id_ping_reply;
    u32 announced; /* requests that are out or on their way; ahead of `sent` while they are sent */
    u32 next; /* index that the next answer should have */
    bool stopped; /* sends no more */
    bool pinged; /* the ping behind the last request is out */
    u32 window; /* most in flight that VPP likes */
} pump_run_t;

/* Written under the receive lock by whoever takes the answer, read by the pump without it. */
static void count(u32 *counter, u32 by) { store_relaxed(counter, *counter + by); }

static u32 limit(const pump_run_t *run)
{
    const vapi_pump_t *p = run->pump, *before = p->before;
    const pump_run_t *other = before != NULL ? before->handle : NULL;
    bool stopped = load_relaxed(&run->stopped) || (other != NULL && load_relaxed(&other->stopped));
    return stopped ? p->sent : p->count;
}

static void mark_lost(pump_run_t *run, u32 end)
{
    vapi_pump_t *p = run->pump;
    for (; run->next < end; run->next++) {
        if (p->retvals != NULL)
            p->retvals[run->next] = LOST_RETVAL;
        count(&p->lost, 1);
    }
}

static void take_answer(pump_run_t *run, const msg_ref_t *ref, u32 index)
{
    vapi_pump_t *p = run->pump;
    i32 retval = 0;
    if (index >= run->next) {
        mark_lost(run, index);
        run->next = index + 1;
    } else {
        /* Out of order, after all: it had been counted as lost, or it comes twice. */
        if (p->retvals == NULL || p->retvals[index] != LOST_RETVAL)
            return;
        count(&p->lost, UINT32_MAX); /* one less */
    }
    if (p->retval_offset != 0 && ref->size >= p->retval_offset + sizeof retval)
        retval = (i32)load_be32((const u8 *)ref->body + p->retval_offset);
    if (p->retvals != NULL)
        p->retvals[index] = retval;
    if (p->replies != NULL)
        memcpy(p->replies + (size_t)index * p->reply_stride, ref->body,
               ref->size < p->reply_stride ? ref->size : p->reply_stride);
    if (retval < 0) {
        p->failed++;
        if (p->stop_on_error)
            store_relaxed(&run->stopped, true);
    }
    /* Last, and released: who sees the window empty sees everything above. */
    store_release(&p->received, p->received + 1);
}

static offer_t offer(receiver_t *r, const msg_ref_t *ref)
{
    pump_run_t *run = (pump_run_t *)(void *)r;
    vapi_pump_t *p = run->pump;
    if (ref->size < p->context_offset + sizeof(u32))
        return OFFER_REFUSED;
    u32 context = load_raw32((const u8 *)ref->body + p->context_offset);
    u32 index = (context - p->first_context) & ~CONTEXT_BIT;
    if ((context & CONTEXT_BIT) == 0 || index > p->count)
        return OFFER_REFUSED;
    u16 id = load_be16(ref->body);
    if (index == p->count) {
        if (id != run->id_ping_reply)
            return OFFER_REFUSED;
        mark_lost(run, p->sent);
    } else {
        /* An answer may be here before the sender has counted, but not before it began to send. */
        if (!conn_is_answer(run->ctx, id, p->reply_id) || index >= load_acquire(&run->announced))
            return OFFER_REFUSED;
        take_answer(run, ref, index);
    }
    /* Release: who sees the progress sees the counts. */
    store_release(&r->progress, r->progress + 1);
    return OFFER_CONSUMED;
}

static u32 in_flight(const pump_run_t *run)
{
    const vapi_pump_t *p = run->pump;
    u32 answered = load_acquire(&p->received) + load_relaxed(&p->lost);
    /* A peer that answers what it cannot have got yet must not make it wrap. */
    return p->sent > answered ? p->sent - answered : 0;
}

static bool is_complete(const pump_run_t *run)
{
    return run->pump->sent >= limit(run) && in_flight(run) == 0;
}

static out_batch_t batch_of(vapi_ctx_t ctx, const vapi_pump_t *p)
{
    return (out_batch_t){.bytes = p->bytes,
                         .offsets = p->offsets,
                         .sizes = p->sizes,
                         .stride = p->stride,
                         .patch = true,
                         .client_index_raw = ctx->transport->client_index_raw,
                         .first_context = p->first_context};
}

/** Whether the caller may turn to its next pump: all is sent, and little is under way. */
static bool is_ahead(const pump_run_t *run)
{
    const vapi_pump_t *p = run->pump;
    return p->ahead != 0 && p->sent >= limit(run) && in_flight(run) <= p->ahead;
}

/** What is under way of the pump that this one follows: the two share a window. */
static u32 flying_before(const vapi_pump_t *p)
{
    return p->before != NULL && p->before->handle != NULL ? in_flight(p->before->handle) : 0;
}

/** Sends what the window has room for. -EAGAIN: VPP has none. */
static int refill(vapi_ctx_t ctx, pump_run_t *run, u32 depth)
{
    vapi_pump_t *p = run->pump;
    u32 left = limit(run) - p->sent, flying = in_flight(run) + flying_before(p);
    u32 room = flying < depth ? depth - flying : 0;
    u32 step = depth / 4 < LARGEST_STEP ? depth / 4 + 1 : LARGEST_STEP;
    u32 n = left < room ? left : room;
    if (n == 0 || (room < step && left > room && flying != 0))
        return 0;
    const out_batch_t batch = batch_of(ctx, p);
    u32 before = p->sent;
    store_release(&run->announced, before + n);
    int rv = conn_send_copies(ctx, &batch, before + n, &p->sent, DEADLINE_NOW);
    store_release(&run->announced, p->sent);
    return rv == -EAGAIN && p->sent != before ? 0 : rv;
}

static int send_ping(vapi_ctx_t ctx, pump_run_t *run, deadline_t deadline)
{
    u8 ping[REQUEST_HEADER_BYTES] = {0};
    u32 sent = 0;
    store_be16(ping, ctx->id_control_ping);
    const out_batch_t batch = {.bytes = ping,
                               .stride = sizeof ping,
                               .patch = true,
                               .client_index_raw = ctx->transport->client_index_raw,
                               .first_context = run->pump->first_context + run->pump->count};
    int rv = conn_send_copies(ctx, &batch, 1, &sent, deadline);
    run->pinged = rv == 0;
    return rv;
}

/** One round: sends, then receives until something came. */
static int step(vapi_ctx_t ctx, pump_run_t *run, u32 depth, deadline_t deadline)
{
    run->receiver.seen = load_acquire(&run->receiver.progress);
    int rv = refill(ctx, run, depth);
    if (rv < 0 && rv != -EAGAIN)
        return rv;
    if (is_complete(run))
        return 0;
    if (in_flight(run) == 0) {
        /* Others have filled VPP's queue: nothing will come, but room. Or the pump before this one has
           the window: its answers make room, and a socket that can be written to says nothing. */
        bool for_room = flying_before(run->pump) == 0;
        rv = conn_ingest(ctx, LARGEST_STEP);
        if (rv == 0 || (rv > 0 && for_room))
            rv = ctx->transport->ops->sleep(ctx->transport, for_room, deadline);
        return rv < 0 && rv != -ETIMEDOUT ? rv : deadline_passed(deadline) ? -EAGAIN : 0;
    }
    bool all_sent = run->pump->sent >= limit(run);
    deadline_t until = all_sent && !run->pinged ? deadline_slice(deadline, QUIET_NS) : deadline;
    rv = conn_serve(ctx, &run->receiver, true, until);
    if (rv == -EAGAIN && until < deadline)
        rv = send_ping(ctx, run, deadline);
    return rv;
}

/** How many messages of the average length VPP likes to have in flight. */
static u32 window_of(vapi_ctx_t ctx, const vapi_pump_t *p)
{
    u64 window = ctx->transport->window_bytes, total = 0;
    if (window == 0)
        return UINT32_MAX;
    for (u32 i = 0; p->sizes != NULL && i < p->count; i++)
        total += p->sizes[i];
    u64 frame = sizeof(msgbuf_t) + (p->sizes != NULL ? total / p->count : p->stride);
    return window / frame > LEAST_WINDOW ? (u32)(window / frame) : LEAST_WINDOW;
}

static vapi_error_e check(vapi_ctx_t ctx, const vapi_pump_t *p)
{
    error_rec_t *error = error_here();
    u32 max = ctx->transport->max_msg_size;
    if (p->bytes == NULL || p->depth == 0 || p->context_offset < 2)
        return error_set(
            error, VAPI_EINVAL, 0,
            "pump: bytes must be given, depth %u be above 0, context_offset %u above 1", p->depth,
            p->context_offset);
    if (p->count >= ~CONTEXT_BIT)
        return error_set(error, VAPI_EINVAL, 0, "pump: %u messages are too many", p->count);
    for (u32 i = 0; i < (p->sizes != NULL ? p->count : 1); i++) {
        u32 size = p->sizes != NULL ? p->sizes[i] : p->stride;
        if (size < REQUEST_HEADER_BYTES || size > max)
            return error_set(error, VAPI_EINVAL, EMSGSIZE,
                             "pump: message %u has %u bytes, must be %u to %u", i, size,
                             REQUEST_HEADER_BYTES, max);
    }
    const out_batch_t batch = batch_of(ctx, p);
    for (u32 i = 0; i < p->count; i++)
        if (conn_is_forbidden(ctx, out_bytes(&batch, i), out_size(&batch, i)))
            return VAPI_EINVAL;
    return VAPI_OK;
}

static void end_run(vapi_ctx_t ctx, vapi_pump_t *p)
{
    pump_run_t *run = p->handle;
    p->handle = NULL;
    conn_remove_receiver(ctx, &run->receiver);
    if (in_flight(run) != 0 || run->pinged)
        conn_abandon(ctx, p->first_context, p->count + 1);
    free(run);
}

vapi_error_e vapi_pump(vapi_ctx_t ctx, vapi_pump_t *p, u64 timeout_ns)
{
    deadline_t deadline = timeout_ns == 0 ? DEADLINE_NOW : deadline_in(timeout_ns);
    vapi_error_e code = conn_enter(ctx);
    if (code != VAPI_OK)
        return code;
    pump_run_t *run = p->handle;
    if (run == NULL) {
        code = p->count == 0 ? VAPI_OK : check(ctx, p);
        if (code == VAPI_OK && p->count != 0 && (run = calloc(1, sizeof *run)) == NULL)
            code = error_set(error_here(), VAPI_ENOMEM, ENOMEM, "out of memory");
        if (run == NULL) {
            conn_leave(ctx);
            return code;
        }
        run->receiver.offer = offer;
        run->receiver.turn = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
        run->pump = p;
        run->ctx = ctx;
        run->window = window_of(ctx, p);
        run->id_ping_reply = ctx->id_control_ping_reply;
        p->sent = p->received = p->failed = p->lost = 0;
        p->first_context = conn_new_contexts(ctx, p->count + 1);
        p->handle = run;
        conn_add_receiver(ctx, &run->receiver);
    }
    u32 capacity = ctx->transport->ops->capacity(ctx->transport);
    u32 depth = p->depth < capacity ? p->depth : capacity;
    depth = depth < run->window ? depth : run->window;
    int rv = 0;
    while (rv == 0 && !is_complete(run) && !is_ahead(run))
        rv = step(ctx, run, depth, deadline);
    if (rv == 0 && !is_complete(run))
        rv = -EAGAIN;
    if (rv == -EAGAIN && is_complete(run))
        rv = 0;
    code = conn_result(ctx, rv);
    if (code != VAPI_EAGAIN)
        end_run(ctx, p);
    conn_leave(ctx);
    return code;
}

void vapi_pump_cancel(vapi_ctx_t ctx, vapi_pump_t *p)
{
    if (ctx == NULL || p == NULL)
        return;
    /* In a forked child the lock may be that of a thread which is not there. */
    if (p->handle != NULL && !conn_is_inherited(ctx))
        end_run(ctx, p);
    p->handle = NULL;
}
