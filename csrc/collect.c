/* SPDX-License-Identifier: Apache-2.0
 *
 * The answers of one dump or stream, packed into memory of the caller. While the caller is inside, an
 * answer is copied once, from where it arrived to where it is wanted; what comes while nobody is, or
 * finds no room, waits in private memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "byteorder.h"
#include "conn.h"

#define REQUEST_HEADER_BYTES 10u

typedef struct {
    receiver_t receiver; /* `done`: the end is here, in `reply` */
    vapi_ctx_t ctx;
    vapi_collect_t *job;
    u32 context; /* with the top bit */
    bool inside; /* the caller's memory may be written to */
    backlog_t waiting;
} collect_run_t;

/** Bytes of the tail of an answer; false when it is too short for what it says. */
static bool measure_tail(const vapi_collect_t *c, const u8 *body, u32 size, u32 *tail)
{
    if (size < c->head_size)
        return false;
    u32 rest = size - c->head_size;
    u64 bytes = c->element_size == 0 ? 0 : rest;
    if (c->element_size != 0 && c->count_width != 0) {
        u64 count = 0;
        for (u32 i = 0; i < c->count_width; i++)
            count = count << 8 | body[c->count_offset + i];
        if (count > rest)
            return false;
        bytes = count * c->element_size;
    } else if (c->element_size > 1 && rest % c->element_size != 0) {
        return false;
    }
    *tail = (u32)bytes;
    return bytes <= rest;
}

/* What one that grows begins with: a dump of a few is not to cost more. */
#define FIRST_ANSWERS 1024u
#define FIRST_TAIL_BYTES (64u << 10)

static bool resize(void *memory, size_t bytes)
{
    void *larger = realloc(*(void **)memory, bytes);
    if (larger != NULL)
        *(void **)memory = larger;
    return larger != NULL;
}

/** Makes room for one more answer; false when there is no memory, or a size leaves its 32 bits. */
static bool grow(vapi_collect_t *c, u32 skip, u32 tail)
{
    if (c->count == c->max) {
        u64 max = c->max == 0 ? FIRST_ANSWERS : 2ull * c->max;
        if (max > UINT32_MAX || (skip != 0 && !resize(&c->heads, max * skip)) ||
            !resize(&c->ends, max * sizeof *c->ends))
            return false;
        c->max = (u32)max;
    }
    u64 wanted = (u64)c->tails_used + tail;
    if (wanted > c->tails_size) {
        u64 size = c->tails_size == 0 ? FIRST_TAIL_BYTES : 2ull * c->tails_size;
        size = size < wanted ? wanted : size > UINT32_MAX ? UINT32_MAX : size;
        if (wanted > UINT32_MAX || !resize(&c->tails, size))
            return false;
        c->tails_size = (u32)size;
    }
    return true;
}

/** Copies an answer to the caller; false when there is no room. Receive lock. */
static bool put(vapi_collect_t *c, const void *body, u32 size)
{
    u32 tail, n = c->count;
    if (!measure_tail(c, body, size, &tail)) {
        c->bad_size = size;
        return true;
    }
    u32 skip = c->whole ? 0 : c->head_size;
    tail += c->head_size - skip;
    if (c->grows && !grow(c, skip, tail)) {
        c->needed = tail != 0 ? tail : 1;
        return false;
    }
    if (n == c->max || tail > c->tails_size - c->tails_used) {
        if (n == 0)
            c->needed = tail;
        return false;
    }
    if (skip != 0)
        memcpy(c->heads + (size_t)n * skip, body, skip);
    if (tail != 0)
        memcpy(c->tails + c->tails_used, (const u8 *)body + skip, tail);
    c->tails_used += tail;
    c->ends[n] = c->tails_used;
    c->count = n + 1;
    return true;
}

static void keep_for_later(collect_run_t *run, const msg_ref_t *ref)
{
    vapi_ctx_t ctx = run->ctx;
    bool full = run->waiting.bytes + ref->size > ctx->backlog_limit;
    void *copy = full ? NULL : private_msg_copy(ref->body, ref->size);
    if (copy == NULL) {
        ctx->overflowed = true;
        STAT_ADD(ctx->transport, dropped, 1);
        return;
    }
    backlog_push(&run->waiting, copy);
    store_relaxed(&ctx->uncollected_bytes, ctx->uncollected_bytes + ref->size);
}

static offer_t offer(receiver_t *r, const msg_ref_t *ref)
{
    collect_run_t *run = (collect_run_t *)(void *)r;
    vapi_collect_t *c = run->job;
    u16 id = load_be16(ref->body);
    bool is_end = id == c->end_id;
    u32 at = is_end ? c->end_context_offset : c->details_context_offset;
    if ((id != c->details_id && !is_end) || r->done || ref->size < at + sizeof(u32) ||
        load_raw32((const u8 *)ref->body + at) != run->context)
        return OFFER_REFUSED;
    if (is_end)
        r->done = true;
    else if (!run->inside || run->waiting.count != 0 || !put(c, ref->body, ref->size))
        keep_for_later(run, ref);
    r->progress++;
    return is_end ? OFFER_KEPT : OFFER_CONSUMED;
}

static vapi_error_e check(vapi_ctx_t ctx, const vapi_collect_t *c)
{
    error_rec_t *error = error_here();
    u32 max = ctx->transport->max_msg_size;
    if (c->request == NULL || c->request_size < REQUEST_HEADER_BYTES || c->request_size > max)
        return error_set(error, VAPI_EINVAL, EMSGSIZE,
                         "collect: a request of %u bytes: must be %u to %u", c->request_size,
                         REQUEST_HEADER_BYTES, max);
    if (c->details_context_offset < 2 || c->end_context_offset < 2 || c->details_id == c->end_id ||
        (c->max == 0) != c->grows ||
        (c->count_width != 0 && c->count_offset + c->count_width > c->head_size))
        return error_set(error, VAPI_EINVAL, 0, "collect: the description makes no sense");
    return conn_is_forbidden(ctx, c->request, c->request_size) ? VAPI_EINVAL : VAPI_OK;
}

/** A message of the request's kind, ready to be sent; NULL when no memory for it became free. */
static void *compose(vapi_ctx_t ctx, const void *bytes, u32 size, u32 context, deadline_t deadline)
{
    u8 *body = conn_alloc(ctx, size, deadline);
    if (body == NULL)
        return NULL;
    memcpy(body, bytes, size);
    memcpy(body + 2, &ctx->transport->client_index_raw, sizeof(u32));
    memcpy(body + 6, &context, sizeof context);
    return body;
}

static int ask(vapi_ctx_t ctx, const collect_run_t *run, deadline_t deadline)
{
    const vapi_collect_t *c = run->job;
    u8 ping[REQUEST_HEADER_BYTES] = {0};
    store_be16(ping, ctx->id_control_ping);
    void *bodies[2] = {NULL, NULL};
    u32 n = 1;
    int rv = 0;
    bodies[0] = compose(ctx, c->request, c->request_size, run->context, deadline);
    if (c->is_dump && bodies[0] != NULL)
        bodies[n++] = compose(ctx, ping, sizeof ping, run->context, deadline);
    if (bodies[n - 1] == NULL)
        rv = ctx->transport->ops->alive(ctx->transport) != 0 ? -ECONNRESET : -EAGAIN;
    if (rv == 0)
        rv = conn_send(ctx, bodies, n, deadline);
    if (rv != 0)
        for (u32 i = 0; i < n; i++)
            if (bodies[i] != NULL)
                conn_free(ctx, bodies[i]);
    return rv;
}

static void end_run(vapi_ctx_t ctx, vapi_collect_t *c)
{
    collect_run_t *run = c->handle;
    c->handle = NULL;
    __atomic_fetch_sub(&ctx->collecting, 1, __ATOMIC_RELAXED);
    conn_remove_receiver(ctx, &run->receiver);
    pthread_mutex_lock(&ctx->receive_lock);
    store_relaxed(&ctx->uncollected_bytes, ctx->uncollected_bytes - run->waiting.bytes);
    pthread_mutex_unlock(&ctx->receive_lock);
    if (!run->receiver.done)
        conn_abandon(ctx, run->context & ~CONTEXT_BIT, 1);
    else if (run->receiver.reply.body != NULL)
        conn_free(ctx, run->receiver.reply.body);
    backlog_clear(&run->waiting);
    free(run);
}

static vapi_error_e begin_run(vapi_ctx_t ctx, vapi_collect_t *c, deadline_t deadline)
{
    vapi_error_e code = check(ctx, c);
    if (code != VAPI_OK)
        return code;
    collect_run_t *run = calloc(1, sizeof *run);
    if (run == NULL)
        return error_set(error_here(), VAPI_ENOMEM, ENOMEM, "out of memory");
    run->receiver.offer = offer;
    run->receiver.gathers = true;
    run->receiver.turn = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    run->ctx = ctx;
    run->job = c;
    run->context = conn_new_contexts(ctx, 1) | CONTEXT_BIT;
    c->handle = run;
    fetch_add_relaxed(&ctx->collecting, 1);
    drainer_attend(ctx);
    conn_add_receiver(ctx, &run->receiver);
    int rv = ask(ctx, run, deadline);
    if (rv == 0)
        return VAPI_OK;
    code = conn_result(ctx, rv);
    end_run(ctx, c);
    return code;
}

/** From now on answers go to the caller; first those that came before. */
static void open_memory(vapi_ctx_t ctx, collect_run_t *run)
{
    vapi_collect_t *c = run->job;
    msg_ref_t ref;
    fetch_add_relaxed(&ctx->activity, 1); /* the drain thread sees that somebody reads */
    pthread_mutex_lock(&ctx->receive_lock);
    c->needed = c->bad_size = 0;
    if (!c->grows)
        c->count = c->tails_used = 0;
    while (run->waiting.first != NULL &&
           put(c, run->waiting.first->header.data, (u32)run->waiting.first->size)) {
        backlog_pop(&run->waiting, &ref);
        store_relaxed(&ctx->uncollected_bytes, ctx->uncollected_bytes - ref.size);
        private_msg_free(ref.body);
    }
    run->inside = true;
    pthread_mutex_unlock(&ctx->receive_lock);
}

/** Hands the end over, when everything before it was. */
static void close_memory(vapi_ctx_t ctx, collect_run_t *run)
{
    vapi_collect_t *c = run->job;
    pthread_mutex_lock(&ctx->receive_lock);
    run->inside = false;
    c->ended = run->receiver.done && run->waiting.count == 0;
    pthread_mutex_unlock(&ctx->receive_lock);
    if (c->ended) {
        c->end = run->receiver.reply.body;
        c->end_size = run->receiver.reply.size;
        run->receiver.reply.body = NULL;
        end_run(ctx, c);
    }
}

/** Whether the caller has something to do; otherwise what comes after this ends a wait. *patient: it
 * would rather wait for more. */
static bool is_served(vapi_ctx_t ctx, collect_run_t *run, bool *patient)
{
    const vapi_collect_t *c = run->job;
    pthread_mutex_lock(&ctx->receive_lock);
    run->receiver.seen = run->receiver.progress;
    *patient = c->count == 0 || c->count < c->want;
    bool served = run->receiver.done || run->waiting.count != 0 || c->bad_size != 0 ||
                  (c->count == c->max && !c->grows);
    pthread_mutex_unlock(&ctx->receive_lock);
    return served;
}

vapi_error_e vapi_collect(vapi_ctx_t ctx, vapi_collect_t *c, u64 timeout_ns)
{
    deadline_t deadline = timeout_ns == 0 ? DEADLINE_NOW : deadline_in(timeout_ns);
    vapi_error_e code = conn_enter(ctx);
    if (code != VAPI_OK)
        return code;
    if (c->handle == NULL && (code = begin_run(ctx, c, deadline)) != VAPI_OK) {
        conn_leave(ctx);
        return code;
    }
    collect_run_t *run = c->handle;
    int rv = 0;
    bool patient;
    u32 before = c->grows ? c->count : 0;
    open_memory(ctx, run);
    while (rv == 0 && !is_served(ctx, run, &patient))
        rv = conn_serve(ctx, &run->receiver, true, patient ? deadline : DEADLINE_NOW);
    close_memory(ctx, run);
    if (c->ended || c->count != before || c->needed != 0 || c->bad_size != 0)
        rv = 0;
    code = conn_result(ctx, rv);
    if (code != VAPI_OK && code != VAPI_EAGAIN)
        end_run(ctx, c);
    conn_leave(ctx);
    return code;
}

void vapi_collect_cancel(vapi_ctx_t ctx, vapi_collect_t *c)
{
    if (ctx == NULL || c == NULL)
        return;
    if (c->handle != NULL && !conn_is_inherited(ctx))
        end_run(ctx, c);
    c->handle = NULL;
}
