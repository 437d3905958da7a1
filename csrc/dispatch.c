/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages to callbacks, in one thread at a time (dispatch_turn.h). No lock is held while a callback
 * runs: it may send, dispatch, or change callbacks; it may not disconnect.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "byteorder.h"
#include "conn.h"

static _Thread_local const struct vapi_ctx_s *inside;

bool conn_is_inside(const struct vapi_ctx_s *ctx) { return inside == ctx; }

/** A bracket around callbacks: returns what to restore. */
static const struct vapi_ctx_s *step_in(const struct vapi_ctx_s *ctx)
{
    const struct vapi_ctx_s *before = inside;
    inside = ctx;
    return before;
}

static vapi_error_e call_back(vapi_ctx_t ctx, const request_t *r, vapi_error_e rv, bool is_last,
                              void *payload)
{
    const struct vapi_ctx_s *before = step_in(ctx);
    vapi_error_e result = r->callback(ctx, r->callback_ctx, rv, is_last, payload);
    inside = before;
    return turn_result(ctx, r->thread, result);
}

/** The request that a response belongs to. Those before it get no response any more: VPP answers in
 * order. false when it was none of ours. *ends: it is the last response, and the request is gone. */
static bool find_request(vapi_ctx_t ctx, u32 context, vapi_msg_id_t id, u16 vl_id, request_t *out,
                         bool *ends)
{
    pthread_mutex_lock(&ctx->requests_lock);
    u32 skipped = request_ring_find(&ctx->requests, context);
    bool found = skipped != UINT32_MAX;
    while (found && skipped-- != 0) {
        request_t lost = request_ring_pop(&ctx->requests);
        pthread_mutex_unlock(&ctx->requests_lock);
        call_back(ctx, &lost, VAPI_ENORESP, true, NULL);
        pthread_mutex_lock(&ctx->requests_lock);
        /* The callback may have dispatched or sent: look again. */
        skipped = request_ring_find(&ctx->requests, context);
        found = skipped != UINT32_MAX;
    }
    if (found) {
        *out = *request_ring_first(&ctx->requests);
        *ends = out->type == VAPI_REQUEST_REG ||
                (out->type == VAPI_REQUEST_DUMP && vl_id == ctx->id_control_ping_reply) ||
                (out->type == VAPI_REQUEST_STREAM && out->response_id != id);
        if (*ends) {
            request_ring_pop(&ctx->requests);
            /* A stream has two places: the one with the reply follows that of its details. */
            const request_t *next = request_ring_first(&ctx->requests);
            if (out->type == VAPI_REQUEST_STREAM && next != NULL && next->context == context)
                *out = request_ring_pop(&ctx->requests);
        }
    }
    store_relaxed(&ctx->in_dump, found && !*ends);
    pthread_mutex_unlock(&ctx->requests_lock);
    return found;
}

static vapi_error_e dispatch_response(vapi_ctx_t ctx, const vapi_message_desc_t *d, u16 vl_id,
                                      u32 context, void *msg)
{
    request_t request;
    bool ends;
    if (!find_request(ctx, context, d->id, vl_id, &request, &ends))
        return VAPI_OK;
    void *payload = d->payload_offset == ~0u ? NULL : (u8 *)msg + d->payload_offset;
    if (request.type == VAPI_REQUEST_DUMP && ends)
        payload = NULL;
    return call_back(ctx, &request, VAPI_OK, ends, payload);
}

static vapi_error_e dispatch_event(vapi_ctx_t ctx, vapi_msg_id_t id, void *msg)
{
    const struct vapi_ctx_s *before = step_in(ctx);
    vapi_error_e rv = VAPI_OK;
    pthread_mutex_lock(&ctx->requests_lock);
    vapi_event_cb callback = ctx->event_callbacks[id].callback;
    void *callback_ctx = ctx->event_callbacks[id].ctx;
    vapi_generic_event_cb generic = ctx->generic_callback;
    void *generic_ctx = ctx->generic_ctx;
    pthread_mutex_unlock(&ctx->requests_lock);
    if (callback != NULL)
        rv = callback(ctx, callback_ctx, msg);
    else if (generic != NULL)
        rv = generic(ctx, generic_ctx, id, msg);
    inside = before;
    return rv;
}

static vapi_error_e dispatch_message(vapi_ctx_t ctx, const msg_ref_t *ref)
{
    error_rec_t *error = error_here();
    u16 vl_id = load_be16(ref->body);
    vapi_msg_id_t id = vl_id < ctx->vapi_ids_count ? ctx->vapi_ids[vl_id] : VAPI_INVALID_MSG_ID;
    const vapi_message_desc_t *d = registry_get(id);
    if (d == NULL) {
        const char *name = msg_table_name(ctx->transport->table, vl_id);
        STAT_ADD(ctx->transport, bad, 1);
        return error_set(error, VAPI_EINVAL, 0,
                         "message %u (%s) has no description in this program", vl_id,
                         name != NULL ? name : "unknown to VPP, too");
    }
    if (!vapi_msg_to_host(id, ref->body, ref->size)) {
        STAT_ADD(ctx->transport, bad, 1);
        return error_set(error, VAPI_EINVAL, EMSGSIZE, "%s: %u bytes are not one", d->name_with_crc,
                         ref->size);
    }
    if (d->has_context) {
        u32 context = load_raw32((const u8 *)ref->body + d->context_offset);
        if ((context & CONTEXT_BIT) != 0)
            return dispatch_response(ctx, d, vl_id, context, ref->body);
    }
    return dispatch_event(ctx, id, ref->body);
}

/** Dispatches one message, or, should another thread be at it, waits until `target` requests have been
 * answered. Entered already. */
static vapi_error_e dispatch_towards(vapi_ctx_t ctx, u64 target, deadline_t deadline)
{
    int turn = turn_take(ctx, target, deadline);
    if (turn != 0)
        return turn > 0 ? VAPI_OK : conn_result(ctx, turn);
    msg_ref_t ref;
    int n;
    /* To come back for a signal would leave a blocking call's request outstanding behind it. */
    do
        n = conn_receive(ctx, &ref, 1, deadline);
    while (n == -EINTR);
    vapi_error_e rv = n < 0 ? conn_result(ctx, n) : dispatch_message(ctx, &ref);
    if (n > 0)
        conn_release(ctx, ref.body);
    turn_leave(ctx);
    return rv;
}

static vapi_error_e dispatch_one(vapi_ctx_t ctx, deadline_t deadline)
{
    return dispatch_towards(ctx, UINT64_MAX, deadline);
}

/** As many as there have been: those answered are not outstanding any more. */
static u64 requests_made(vapi_ctx_t ctx) { return load_relaxed(&ctx->requests.put); }

/** How long a blocking call waits: for an answer the connection's timeout, for an event for ever. */
static deadline_t blocking_deadline(vapi_ctx_t ctx)
{
    return vapi_requests_empty(ctx) ? DEADLINE_NEVER : deadline_in(ctx->timeout_ns);
}

vapi_error_e vapi_dispatch_one_until(vapi_ctx_t ctx, u64 timeout_ns)
{
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    rv = dispatch_one(ctx, timeout_ns == 0 ? DEADLINE_NOW : deadline_in(timeout_ns));
    conn_leave(ctx);
    return rv;
}

vapi_error_e vapi_dispatch_one_timedwait(vapi_ctx_t ctx, u32 wait_time)
{
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    deadline_t deadline = ctx->mode == VAPI_MODE_BLOCKING ? blocking_deadline(ctx)
                          : wait_time == 0                ? DEADLINE_NOW
                                                          : deadline_in(wait_time * NS_PER_S);
    rv = dispatch_one(ctx, deadline);
    conn_leave(ctx);
    return rv;
}

vapi_error_e vapi_dispatch_one(vapi_ctx_t ctx) { return vapi_dispatch_one_timedwait(ctx, 0); }

vapi_error_e vapi_dispatch(vapi_ctx_t ctx)
{
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    u64 target;
    while (rv == VAPI_OK && !turn_has_answered(ctx, target = requests_made(ctx)))
        rv = dispatch_towards(ctx, target,
                              ctx->mode == VAPI_MODE_BLOCKING ? deadline_in(ctx->timeout_ns)
                                                              : DEADLINE_NOW);
    conn_leave(ctx);
    return rv;
}

/** Waits for all requests that were made before. requests_lock, which it gives back; entered already. */
static vapi_error_e dispatch_sent(vapi_ctx_t ctx)
{
    vapi_error_e rv = VAPI_OK;
    dispatch_waiter_t me = {.thread = turn_me()};
    u64 target = ctx->requests.put;
    turn_wait(&ctx->turn, &me);
    pthread_mutex_unlock(&ctx->requests_lock);
    while (rv == VAPI_OK && !turn_has_answered(ctx, target))
        rv = dispatch_towards(ctx, target, deadline_in(ctx->timeout_ns));
    pthread_mutex_lock(&ctx->requests_lock);
    dispatch_waiter_t **at = &ctx->turn.waiters;
    while (*at != &me)
        at = &(*at)->next;
    *at = me.next;
    pthread_mutex_unlock(&ctx->requests_lock);
    conn_leave(ctx);
    return rv != VAPI_OK ? rv : me.rv;
}

vapi_error_e vapi_dispatch_sent(vapi_ctx_t ctx)
{
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    pthread_mutex_lock(&ctx->requests_lock);
    return dispatch_sent(ctx);
}

vapi_error_e vapi_dispatch_locked(vapi_ctx_t ctx)
{
    vapi_error_e rv = conn_enter(ctx);
    if (rv == VAPI_OK)
        return dispatch_sent(ctx);
    vapi_producer_unlock(ctx);
    return rv;
}

vapi_error_e vapi_dispatch_until(vapi_ctx_t ctx, u64 timeout_ns)
{
    deadline_t deadline = timeout_ns == 0 ? DEADLINE_NOW : deadline_in(timeout_ns);
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    u64 target;
    while (rv == VAPI_OK && !turn_has_answered(ctx, target = requests_made(ctx)))
        rv = dispatch_towards(ctx, target, deadline);
    conn_leave(ctx);
    return rv;
}

vapi_error_e vapi_dispatch_raw(vapi_ctx_t ctx, vapi_raw_cb callback, void *callback_ctx, u32 max,
                               u64 timeout_ns)
{
    deadline_t deadline = timeout_ns == 0 ? DEADLINE_NOW : deadline_in(timeout_ns);
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    for (u32 i = 0; i < max && rv == VAPI_OK; i++) {
        msg_ref_t ref;
        /* Waits for the first only. */
        int n = conn_receive(ctx, &ref, 1, i == 0 ? deadline : DEADLINE_NOW);
        if (n == -EAGAIN && i != 0)
            break;
        if (n < 0) {
            rv = conn_result(ctx, n);
            break;
        }
        const struct vapi_ctx_s *before = step_in(ctx);
        rv = callback(ctx, callback_ctx, load_be16(ref.body), ref.body, ref.size);
        inside = before;
        conn_release(ctx, ref.body);
    }
    conn_leave(ctx);
    return rv;
}

bool conn_make_room_for_callbacks(vapi_ctx_t ctx, u32 descriptions)
{
    u32 before = ctx->event_callbacks_count;
    if (descriptions <= before)
        return true;
    void *grown = realloc(ctx->event_callbacks, descriptions * sizeof *ctx->event_callbacks);
    if (grown == NULL)
        return false;
    ctx->event_callbacks = grown;
    memset(&ctx->event_callbacks[before], 0,
           (descriptions - before) * sizeof *ctx->event_callbacks);
    ctx->event_callbacks_count = descriptions;
    return true;
}

void vapi_set_event_cb(vapi_ctx_t ctx, vapi_msg_id_t id, vapi_event_cb callback, void *callback_ctx)
{
    u32 descriptions = registry_count();
    if (id >= descriptions) {
        error_set(error_here(), VAPI_EINVAL, 0, "vapi_set_event_cb: no message is %u", id);
        return;
    }
    pthread_mutex_lock(&ctx->requests_lock);
    if (!conn_make_room_for_callbacks(ctx, descriptions)) {
        error_set(error_here(), VAPI_ENOMEM, ENOMEM, "out of memory for an event callback");
    } else {
        ctx->event_callbacks[id].callback = callback;
        ctx->event_callbacks[id].ctx = callback_ctx;
    }
    pthread_mutex_unlock(&ctx->requests_lock);
}

void vapi_clear_event_cb(vapi_ctx_t ctx, vapi_msg_id_t id)
{
    vapi_set_event_cb(ctx, id, NULL, NULL);
}

void vapi_set_generic_event_cb(vapi_ctx_t ctx, vapi_generic_event_cb callback, void *callback_ctx)
{
    pthread_mutex_lock(&ctx->requests_lock);
    ctx->generic_callback = callback;
    ctx->generic_ctx = callback_ctx;
    pthread_mutex_unlock(&ctx->requests_lock);
}

void vapi_clear_generic_event_cb(vapi_ctx_t ctx) { vapi_set_generic_event_cb(ctx, NULL, NULL); }
