/* SPDX-License-Identifier: Apache-2.0
 *
 * One request, one answer, any number of threads.
 */
#include <errno.h>
#include <stdlib.h>

#include "atomics.h"
#include "byteorder.h"
#include "conn.h"

/* Where a request's client_index and context are, and so how long it is at least. */
#define REQUEST_HEADER_BYTES 10u

struct vapi_call_s {
    receiver_t receiver;
    u32 context; /* with the top bit */
    u32 context_offset;
    u16 reply_id; /* 0: any */
};

static offer_t offer(receiver_t *r, const msg_ref_t *ref)
{
    vapi_call_t *call = (vapi_call_t *)(void *)r;
    if (r->done || ref->size < call->context_offset + sizeof(u32) ||
        load_raw32((const u8 *)ref->body + call->context_offset) != call->context ||
        (call->reply_id != 0 && load_be16(ref->body) != call->reply_id))
        return OFFER_REFUSED;
    r->done = true;
    return OFFER_KEPT;
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

vapi_error_e vapi_call(vapi_ctx_t ctx, const void *bytes, size_t size, u16 reply_id,
                       u32 context_offset, void **reply, size_t *reply_size, u64 timeout_ns,
                       vapi_call_t **resume)
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
        if (conn_is_forbidden(ctx, bytes)) {
            conn_leave(ctx);
            return VAPI_EINVAL;
        }
        u32 first = conn_new_contexts(ctx, 1), sent = 0;
        here = (vapi_call_t){.receiver = {.offer = offer, .turn = PTHREAD_COND_INITIALIZER},
                             .context = first | CONTEXT_BIT,
                             .context_offset = context_offset,
                             .reply_id = reply_id};
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

void vapi_call_cancel(vapi_ctx_t ctx, vapi_call_t *call)
{
    if (ctx == NULL || call == NULL)
        return;
    conn_remove_receiver(ctx, &call->receiver);
    if (call->receiver.reply.body != NULL)
        conn_free(ctx, call->receiver.reply.body);
    else
        conn_abandon(ctx, call->context & ~CONTEXT_BIT, 1);
    free(call);
}
