/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "atomics.h"
#include "byteorder.h"
#include "conn.h"
#include "msg_kind.h"

/* Messages that a sender moves out of the way at once. */
#define MAKE_ROOM 256u

/**
 * Before more is asked of VPP: what it has answered must not fill our queue, or it would wait for us
 * while we wait for it.
 */
static void make_room(vapi_ctx_t ctx)
{
    transport_t *t = ctx->transport;
    if (t->ops->backlog(t) >= t->ops->capacity(t))
        conn_ingest(ctx, t->ops->capacity(t));
}

/** After a send that found no room: 0 to try again, or why not. */
static int wait_for_room(vapi_ctx_t ctx, u32 interrupts, bool *counted, deadline_t deadline)
{
    transport_t *t = ctx->transport;
    if (!*counted)
        STAT_ADD(t, queue_full, 1);
    *counted = true;
    if (load_relaxed(&ctx->closing))
        return -ESHUTDOWN;
    if (load_relaxed(&ctx->interrupts) != interrupts)
        return -ECANCELED;
    if (deadline_passed(deadline))
        return -EAGAIN;
    /* VPP may be waiting for us to take its answers before it takes our requests. */
    int rv = conn_ingest(ctx, MAKE_ROOM);
    if (rv < 0)
        return rv;
    rv = t->ops->sleep(t, true, deadline);
    return rv == -ETIMEDOUT || rv == -EINTR ? 0 : rv;
}

bool conn_is_forbidden(vapi_ctx_t ctx, const void *bytes, u32 size)
{
    u16 id = load_be16(bytes);
    msg_kind_t kind = id < ctx->vapi_ids_count ? (msg_kind_t)ctx->kinds[id] : MSG_KIND_PLAIN;
    if (kind == MSG_KIND_GUARDED && msg_is_deadly(bytes, size))
        error_set(error_here(), VAPI_EINVAL, EPERM,
                  "%s of all nodes could stop VPP: cursor must be 0xffffffff, and one node given "
                  "by index "
                  "or name",
                  msg_table_name(ctx->transport->table, id));
    else if (kind == MSG_KIND_FORBIDDEN)
        error_set(error_here(), VAPI_EINVAL, EPERM,
                  "%s is not for programs to send: it could stop VPP",
                  msg_table_name(ctx->transport->table, id));
    else
        return false;
    return true;
}

int conn_send(vapi_ctx_t ctx, void *const *bodies, u32 count, deadline_t deadline)
{
    transport_t *t = ctx->transport;
    u32 interrupts = load_relaxed(&ctx->interrupts);
    bool counted = false;
    make_room(ctx);
    for (;;) {
        pthread_mutex_lock(&ctx->send_lock);
        int n = t->ops->send(t, bodies, count, true);
        pthread_mutex_unlock(&ctx->send_lock);
        if (n >= 0) {
            STAT_ADD(t, sent, count);
            return 0;
        }
        if (n != -EAGAIN || (n = wait_for_room(ctx, interrupts, &counted, deadline)) != 0)
            return n;
    }
}

int conn_send_copies(vapi_ctx_t ctx, const out_batch_t *batch, u32 count, u32 *sent,
                     deadline_t deadline)
{
    transport_t *t = ctx->transport;
    u32 interrupts = load_relaxed(&ctx->interrupts);
    bool counted = false;
    while (*sent < count) {
        make_room(ctx);
        pthread_mutex_lock(&ctx->send_lock);
        int n = t->ops->send_copies(t, batch, *sent, count - *sent);
        pthread_mutex_unlock(&ctx->send_lock);
        if (n > 0) {
            STAT_ADD(t, sent, (u64)n);
            *sent += (u32)n;
            continue;
        }
        if (n != -EAGAIN || (n = wait_for_room(ctx, interrupts, &counted, deadline)) != 0)
            return n;
    }
    return 0;
}

void *conn_alloc(vapi_ctx_t ctx, u32 size, deadline_t deadline)
{
    transport_t *t = ctx->transport;
    u32 interrupts = load_relaxed(&ctx->interrupts);
    bool counted = false;
    for (;;) {
        pthread_mutex_lock(&ctx->send_lock);
        void *body = t->ops->alloc(t, size);
        pthread_mutex_unlock(&ctx->send_lock);
        if (body != NULL || t->ops->alive(t) != 0 ||
            wait_for_room(ctx, interrupts, &counted, deadline) != 0)
            return body;
    }
}
