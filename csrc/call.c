/* SPDX-License-Identifier: Apache-2.0
 *
 * One request, one answer, any number of threads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "byteorder.h"
#include "conn.h"

/* Where a request's client_index and context are, and so how long it is at least. */
#define REQUEST_HEADER_BYTES 10u

struct vapi_call_s {
    receiver_t receiver;
    vapi_ctx_t ctx;
    u32 context; /* with the top bit */
    u32 context_offset;
    u16 reply_id; /* 0: any */
    vapi_answer_t *answer; /* takes a short one in; NULL: the message itself is wanted */
};

static offer_t offer(receiver_t *r, const msg_ref_t *ref)
{
    vapi_call_t *call = (vapi_call_t *)(void *)r;
    if (r->done || ref->size < call->context_offset + sizeof(u32) ||
        load_raw32((const u8 *)ref->body + call->context_offset) != call->context ||
        !conn_is_answer(call->ctx, load_be16(ref->body), call->reply_id))
        return OFFER_REFUSED;
    r->done = true;
    if (call->answer == NULL || ref->size > sizeof call->answer->bytes)
        return OFFER_KEPT;
    memcpy(call->answer->bytes, ref->body, ref->size);
    r->reply = (msg_ref_t){.body = call->answer->bytes, .size = ref->size};
    return OFFER_CONSUMED;
}

static vapi_error_e finish(vapi_ctx_t ctx, vapi_call_t *call, void **reply, size_t *reply_size)
{
    conn_remove_receiver(ctx, &call->receiver);
    *reply = call->receiver.reply.body;
    *reply_size = call->receiver.reply.size;
    return *reply != NULL
               ? VAPI_OK
               : error_set(error_here(), VAPI_ENOMEM, ENOMEM, "out of memory for the reply");
}

/** The caller goes on waiting later: moves the call from the stack to memory that stays. */
static vapi_call_t *keep(vapi_ctx_t ctx, vapi_call_t *call)
{
    vapi_call_t *kept = malloc(sizeof *kept);
    if (kept != NULL) {
        conn_move_receiver(ctx, &call->receiver, &kept->receiver, sizeof *kept);
        return kept;
    }
    conn_remove_receiver(ctx, &call->receiver);
    conn_abandon(ctx, call->context & ~CONTEXT_BIT, 1);
    return NULL;
}

static vapi_error_e run(vapi_ctx_t ctx, const void *bytes, size_t size, u16 reply_id,
                        u32 context_offset, vapi_answer_t *answer, void **reply, size_t *reply_size,
                        u64 timeout_ns, vapi_call_t **resume)
{
    deadline_t deadline = timeout_ns == 0 ? DEADLINE_NOW : deadline_in(timeout_ns);
    vapi_error_e code = conn_enter(ctx);
    if (code != VAPI_OK)
        return code;
    vapi_call_t here, *call = *resume;
    int rv = 0;
    if (call == NULL) {
        if (size < REQUEST_HEADER_BYTES || size > ctx->transport->max_msg_size) {
            conn_leave(ctx);
            return error_set(error_here(), VAPI_EINVAL, EMSGSIZE,
                             "a request of %zu bytes: must be %u to %u", size, REQUEST_HEADER_BYTES,
                             ctx->transport->max_msg_size);
        }
        if (conn_is_forbidden(ctx, bytes, (u32)size)) {
            conn_leave(ctx);
            return VAPI_EINVAL;
        }
        u32 first = conn_new_contexts(ctx, 1), sent = 0;
        here = (vapi_call_t){.receiver = {.offer = offer, .turn = PTHREAD_COND_INITIALIZER},
                             .ctx = ctx,
                             .context = first | CONTEXT_BIT,
                             .context_offset = context_offset,
                             .reply_id = reply_id,
                             .answer = answer};
        const out_batch_t batch = {.bytes = bytes,
                                   .stride = (u32)size,
                                   .patch = true,
                                   .client_index_raw = ctx->transport->client_index_raw,
                                   .first_context = first};
        call = &here;
        /* Before it is sent: the answer may come at once, to another thread. */
        conn_add_receiver(ctx, &call->receiver);
        rv = conn_send_copies(ctx, &batch, 1, &sent, deadline);
        if (rv != 0) {
            conn_remove_receiver(ctx, &call->receiver);
            code = conn_result(ctx, rv);
            conn_leave(ctx);
            return code;
        }
    }
    rv = conn_serve(ctx, &call->receiver, false, deadline);
    if (rv == 0) {
        code = finish(ctx, call, reply, reply_size);
    } else {
        code = conn_result(ctx, rv);
        if (code == VAPI_EAGAIN) {
            *resume = call == &here ? keep(ctx, call) : call;
            conn_leave(ctx);
            return code;
        }
        conn_remove_receiver(ctx, &call->receiver);
    }
    if (*resume != NULL)
        free(call);
    *resume = NULL;
    conn_leave(ctx);
    return code;
}

vapi_error_e vapi_call(vapi_ctx_t ctx, const void *bytes, size_t size, u16 reply_id,
                       u32 context_offset, void **reply, size_t *reply_size, u64 timeout_ns,
                       vapi_call_t **resume)
{
    return run(ctx, bytes, size, reply_id, context_offset, NULL, reply, reply_size, timeout_ns,
               resume);
}

i32 vapi_call_answer(vapi_ctx_t ctx, const void *bytes, size_t size, u16 reply_id,
                     u32 context_offset, vapi_answer_t *answer, u64 timeout_ns)
{
    void *reply;
    vapi_error_e code = run(ctx, bytes, size, reply_id, context_offset, answer, &reply,
                            &answer->size, timeout_ns, &answer->resume);
    if (code != VAPI_OK)
        return -(i32)code;
    if (reply == answer->bytes)
        return (i32)answer->size;
    answer->reply = reply;
    return 0;
}

void vapi_call_cancel(vapi_ctx_t ctx, vapi_call_t *call)
{
    if (ctx == NULL || call == NULL)
        return;
    if (conn_is_inherited(ctx)) {
        free(call); /* as for a pump, the lock may be nobody's */
        return;
    }
    conn_remove_receiver(ctx, &call->receiver);
    void *body = call->receiver.reply.body;
    if (body != NULL && call->answer != NULL && body == call->answer->bytes)
        ; /* it has arrived, and is the caller's already */
    else if (body != NULL)
        conn_free(ctx, body);
    else
        conn_abandon(ctx, call->context & ~CONTEXT_BIT, 1);
    free(call);
}
