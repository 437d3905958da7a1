/* SPDX-License-Identifier: Apache-2.0
 *
 * A second connection to the VPP of a first one, for answers that are read at leisure. What its program
 * does not read holds up nothing that is asked on the first one: of a dump it goes into a file (drainer.c,
 * spool.h), anything else stays in the socket, and behind that in VPP.
 */
#include <errno.h>
#include <string.h>

#include "conn.h"

/** Whether every message that one VPP has is the same number's in the other. */
static bool is_same_table(const msg_table_t *one, const msg_table_t *other)
{
    for (u32 id = 0; id <= msg_table_max_id(one); id++) {
        const char *name = msg_table_name(one, (u16)id);
        if (name != NULL && msg_table_find(other, name) != id)
            return false;
    }
    return true;
}

/** Whether the VPP that `side` reached is that of `ctx`. */
static vapi_error_e check_side(vapi_ctx_t ctx, vapi_ctx_t side)
{
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    /* After it is connected: a VPP that is there now has been there all the time. */
    if (ctx->transport->ops->look(ctx->transport) != 0)
        rv = error_set(error_here(), VAPI_ECONNRESET, ECONNRESET,
                       "VPP went away while a socket beside the connection was opened");
    else if (!is_same_table(ctx->transport->table, side->transport->table))
        rv = error_set(error_here(), VAPI_ENOTSUP, 0, "%s: another VPP than the connection's",
                       ctx->socket_path);
    conn_leave(ctx);
    return rv;
}

vapi_error_e vapi_connect_beside(vapi_ctx_t ctx, vapi_ctx_t side, u64 timeout_ns)
{
    char name[sizeof ctx->name], path[sizeof ctx->socket_path];
    vapi_connect_options_t o;
    vapi_connect_options_init(&o);
    if (side == NULL || side == ctx)
        return error_set(error_here(), VAPI_EINVAL, 0,
                         "vapi_connect_beside: two contexts are needed");
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    memcpy(name, ctx->name, sizeof name);
    memcpy(path, ctx->socket_path, sizeof path);
    o.spin_ns = ctx->spin_ns;
    o.handle_keepalives = ctx->handle_keepalives;
    o.backlog_bytes = ctx->backlog_limit;
    conn_leave(ctx); /* it may be disconnected while this waits for VPP */
    if (path[0] == 0)
        return error_set(error_here(), VAPI_ENOTSUP, 0,
                         "no socket of this VPP is known, or wanted");
    o.name = name;
    o.address = path;
    o.timeout_ns = timeout_ns;
    o.max_outstanding_requests = 1;
    rv = conn_open(side, &o, true);
    if (rv != VAPI_OK || (rv = check_side(ctx, side)) == VAPI_OK)
        return rv;
    error_rec_t why = *error_here();
    vapi_disconnect(side);
    *error_here() = why;
    return rv;
}
