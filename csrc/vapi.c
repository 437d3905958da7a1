/* SPDX-License-Identifier: Apache-2.0
 *
 * The public functions that only check and forward.
 */
#include <vapi/vapi.h>

#include <errno.h>
#include <string.h>

#include "atomics.h"
#include "byteorder.h"
#include "conn.h"

/* ---- connecting */

vapi_error_e vapi_connect_ex(vapi_ctx_t ctx, const char *name, const char *path,
                             int max_outstanding_requests, int response_queue_size,
                             vapi_mode_e mode, bool handle_keepalives, bool use_uds)
{
    if (max_outstanding_requests <= 0 || response_queue_size <= 0)
        return error_set(error_here(), VAPI_EINVAL, 0,
                         "max_outstanding_requests %d and response_queue_size %d must be above 0",
                         max_outstanding_requests, response_queue_size);
    vapi_connect_options_t options;
    vapi_connect_options_init(&options);
    options.name = name;
    options.transport = use_uds ? VAPI_TRANSPORT_SOCKET : VAPI_TRANSPORT_SHM;
    options.address = path;
    options.mode = mode;
    options.handle_keepalives = handle_keepalives;
    options.max_outstanding_requests = (u32)max_outstanding_requests;
    if ((u32)response_queue_size > options.response_queue_size)
        options.response_queue_size = (u32)response_queue_size;
    return vapi_connect_options(ctx, &options);
}

vapi_error_e vapi_connect(vapi_ctx_t ctx, const char *name, const char *chroot_prefix,
                          int max_outstanding_requests, int response_queue_size, vapi_mode_e mode,
                          bool handle_keepalives)
{
    return vapi_connect_ex(ctx, name, chroot_prefix, max_outstanding_requests, response_queue_size,
                           mode, handle_keepalives, false);
}

vapi_error_e vapi_connect_from_vpp(vapi_ctx_t ctx, const char *name, int max_outstanding_requests,
                                   int response_queue_size, vapi_mode_e mode,
                                   bool handle_keepalives)
{
    (void)ctx;
    (void)name;
    (void)max_outstanding_requests;
    (void)response_queue_size;
    (void)mode;
    (void)handle_keepalives;
    return error_set(error_here(), VAPI_ENOTSUP, 0,
                     "vapi_connect_from_vpp: this library does not run inside VPP");
}

vapi_error_e vapi_disconnect_from_vpp(vapi_ctx_t ctx)
{
    (void)ctx;
    return error_set(error_here(), VAPI_ENOTSUP, 0,
                     "vapi_disconnect_from_vpp: this library does not run inside VPP");
}

/* ---- errors and state */

const char *vapi_error_text(vapi_ctx_t ctx)
{
    (void)ctx;
    return error_here()->text;
}

int vapi_error_os_errno(vapi_ctx_t ctx)
{
    (void)ctx;
    return error_here()->os_errno;
}

const char *vapi_error_name(vapi_error_e code) { return error_code_name(code); }

bool vapi_is_connected(vapi_ctx_t ctx)
{
    /* To ask is no failure: the sentence of the last one stays. */
    error_rec_t before = *error_here();
    if (conn_enter(ctx) != VAPI_OK) {
        *error_here() = before;
        return false;
    }
    /* One that was given up, because answers had no place any more, is there for nobody. */
    bool alive = !load_relaxed(&ctx->overflowed) && ctx->transport->ops->alive(ctx->transport) == 0;
    conn_leave(ctx);
    return alive;
}

vapi_transport_e vapi_get_transport(vapi_ctx_t ctx)
{
    vapi_transport_e kind = VAPI_TRANSPORT_SOCKET;
    if (conn_enter(ctx) == VAPI_OK) {
        kind = ctx->transport->kind;
        conn_leave(ctx);
    }
    return kind;
}

int vapi_get_server_pid(vapi_ctx_t ctx)
{
    int pid = 0;
    if (conn_enter(ctx) == VAPI_OK) {
        pid = ctx->transport->server_pid;
        conn_leave(ctx);
    }
    return pid;
}

u32 vapi_client_index_raw(vapi_ctx_t ctx)
{
    u32 index = UINT32_MAX;
    if (conn_enter(ctx) == VAPI_OK) {
        index = ctx->transport->client_index_raw;
        conn_leave(ctx);
    }
    return index;
}

int vapi_get_client_index(vapi_ctx_t ctx) { return (int)vapi_client_index_raw(ctx); }

bool vapi_is_nonblocking(vapi_ctx_t ctx) { return ctx->mode == VAPI_MODE_NONBLOCKING; }

vapi_error_e vapi_get_fd(vapi_ctx_t ctx, int *fd)
{
    if (fd == NULL)
        return error_set(error_here(), VAPI_EINVAL, 0, "vapi_get_fd: fd is NULL");
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    pthread_mutex_lock(&ctx->receive_lock);
    int shown = ctx->transport->ops->show(ctx->transport);
    store_relaxed(&ctx->fd_wanted, shown == 0);
    conn_update_fd(ctx);
    pthread_mutex_unlock(&ctx->receive_lock);
    drainer_wake(ctx);
    *fd = ctx->transport->fd;
    rv = conn_result(ctx, shown);
    conn_leave(ctx);
    return rv;
}

void vapi_get_stats(vapi_ctx_t ctx, vapi_stats_t *stats)
{
    if (ctx == NULL || stats == NULL)
        return;
    /* Each field is whole; together they need not be of one instant. */
    const u64 *from = (const u64 *)&ctx->stats;
    u64 *to = (u64 *)stats;
    for (size_t i = 0; i < sizeof *stats / sizeof *to; i++)
        to[i] = load_relaxed(&from[i]);
    if (conn_enter(ctx) == VAPI_OK) {
        stats->held = ctx->transport->ops->held(ctx->transport);
        conn_leave(ctx);
    }
}

/* ---- the message table */

u16 vapi_find_msg(vapi_ctx_t ctx, const char *name_crc)
{
    u16 id = MSG_ID_NONE;
    if (name_crc != NULL && conn_enter(ctx) == VAPI_OK) {
        id = msg_table_find(ctx->transport->table, name_crc);
        conn_leave(ctx);
    }
    return id;
}

u16 vapi_table_max_id(vapi_ctx_t ctx)
{
    u16 id = 0;
    if (conn_enter(ctx) == VAPI_OK) {
        id = msg_table_max_id(ctx->transport->table);
        conn_leave(ctx);
    }
    return id;
}

u32 vapi_table_count(vapi_ctx_t ctx)
{
    u32 count = 0;
    if (conn_enter(ctx) == VAPI_OK) {
        count = msg_table_count(ctx->transport->table);
        conn_leave(ctx);
    }
    return count;
}

const char *vapi_table_name(vapi_ctx_t ctx, u16 id)
{
    const char *name = NULL;
    if (conn_enter(ctx) == VAPI_OK) {
        name = msg_table_name(ctx->transport->table, id);
        conn_leave(ctx);
    }
    return name;
}

bool vapi_is_msg_available(vapi_ctx_t ctx, vapi_msg_id_t id)
{
    return vapi_lookup_vl_msg_id(ctx, id) != UINT16_MAX;
}

u16 vapi_lookup_vl_msg_id(vapi_ctx_t ctx, vapi_msg_id_t id)
{
    u16 vl_id = UINT16_MAX;
    if (conn_enter(ctx) == VAPI_OK) {
        if (id < ctx->described)
            vl_id = ctx->vl_ids[id];
        conn_leave(ctx);
    }
    return vl_id;
}

vapi_msg_id_t vapi_lookup_vapi_msg_id_t(vapi_ctx_t ctx, u16 vl_msg_id)
{
    vapi_msg_id_t id = VAPI_INVALID_MSG_ID;
    if (conn_enter(ctx) == VAPI_OK) {
        if (vl_msg_id < ctx->vapi_ids_count)
            id = ctx->vapi_ids[vl_msg_id];
        conn_leave(ctx);
    }
    return id;
}

/* ---- requests */

static u32 count_requests(vapi_ctx_t ctx)
{
    return __atomic_load_n(&ctx->requests.count, __ATOMIC_RELAXED);
}

bool vapi_requests_empty(vapi_ctx_t ctx) { return count_requests(ctx) == 0; }
bool vapi_requests_full(vapi_ctx_t ctx) { return count_requests(ctx) == ctx->requests.size; }
size_t vapi_get_request_count(vapi_ctx_t ctx) { return count_requests(ctx); }
size_t vapi_get_max_request_count(vapi_ctx_t ctx) { return ctx->requests.size - 1; }
u32 vapi_gen_req_context(vapi_ctx_t ctx) { return conn_new_contexts(ctx, 1) | CONTEXT_BIT; }

void vapi_store_request(vapi_ctx_t ctx, u32 context, vapi_msg_id_t response_id,
                        enum vapi_request_type type, vapi_cb_t callback, void *callback_ctx)
{
    const request_t request = {.context = context,
                               .response_id = response_id,
                               .type = type,
                               .callback = callback,
                               .callback_ctx = callback_ctx,
                               .thread = turn_me()};
    if (!request_ring_push(&ctx->requests, &request))
        callback(ctx, callback_ctx, VAPI_EAGAIN, true, NULL);
}

vapi_error_e vapi_producer_lock(vapi_ctx_t ctx)
{
    return pthread_mutex_lock(&ctx->requests_lock) == 0 ? VAPI_OK : VAPI_MUTEX_FAILURE;
}

vapi_error_e vapi_producer_unlock(vapi_ctx_t ctx)
{
    return pthread_mutex_unlock(&ctx->requests_lock) == 0 ? VAPI_OK : VAPI_MUTEX_FAILURE;
}

/* ---- messages out */

static deadline_t from_timeout(u64 timeout_ns)
{
    return timeout_ns == 0 ? DEADLINE_NOW : deadline_in(timeout_ns);
}

/** How long calls without a timeout of their own wait. */
static u64 mode_timeout(vapi_ctx_t ctx)
{
    return ctx->mode == VAPI_MODE_BLOCKING ? ctx->timeout_ns : 0;
}

static vapi_error_e check_size(vapi_ctx_t ctx, size_t size)
{
    u32 max = ctx->transport->max_msg_size;
    return size >= 2 && size <= max
               ? VAPI_OK
               : error_set(error_here(), VAPI_EINVAL, EMSGSIZE,
                           "a message of %zu bytes: must be 2 to %u on this connection", size, max);
}

size_t vapi_max_msg_size(vapi_ctx_t ctx)
{
    size_t size = 0;
    if (conn_enter(ctx) == VAPI_OK) {
        size = ctx->transport->max_msg_size;
        conn_leave(ctx);
    }
    return size;
}

void *vapi_msg_alloc(vapi_ctx_t ctx, size_t size)
{
    return vapi_msg_alloc_until(ctx, size, ctx == NULL ? 0 : mode_timeout(ctx));
}

void *vapi_msg_alloc_until(vapi_ctx_t ctx, size_t size, u64 timeout_ns)
{
    void *msg = NULL;
    if (conn_enter(ctx) != VAPI_OK)
        return NULL;
    /* A single byte is no message, but memory that may be asked for. */
    if (size == 1 || check_size(ctx, size) == VAPI_OK) {
        msg = conn_alloc(ctx, (u32)size, from_timeout(timeout_ns));
        if (msg == NULL)
            error_set(error_here(), VAPI_EAGAIN, 0, "no buffer for a message of %zu bytes is free",
                      size);
    }
    conn_leave(ctx);
    return msg;
}

void vapi_msg_free(vapi_ctx_t ctx, void *msg)
{
    if (ctx != NULL && msg != NULL)
        conn_free(ctx, msg);
}

void vapi_free_many(vapi_ctx_t ctx, void *const *msgs, u32 count)
{
    for (u32 i = 0; i < count; i++)
        vapi_msg_free(ctx, msgs[i]);
}

static vapi_error_e send_all(vapi_ctx_t ctx, void *const *msgs, u32 count, u64 timeout_ns)
{
    for (u32 i = 0; i < count; i++)
        if (msgs[i] == NULL)
            return error_set(error_here(), VAPI_EINVAL, 0, "vapi_send: the message is NULL");
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    for (u32 i = 0; i < count && rv == VAPI_OK; i++)
        if (!ctx->transport->ops->made(ctx->transport, msgs[i]))
            rv = error_set(error_here(), VAPI_EINVAL, EFAULT,
                           "vapi_send: the message is not one of vapi_msg_alloc() on this "
                           "connection, or was sent already");
        else if (conn_is_forbidden(ctx, msgs[i], be32toh(msgbuf_of(msgs[i])->data_len)))
            rv = VAPI_EINVAL;
    if (rv == VAPI_OK)
        rv = conn_result(ctx, conn_send(ctx, msgs, count, from_timeout(timeout_ns)));
    conn_leave(ctx);
    return rv;
}

vapi_error_e vapi_send_until(vapi_ctx_t ctx, void *msg, u64 timeout_ns)
{
    return send_all(ctx, &msg, 1, timeout_ns);
}

vapi_error_e vapi_send2_until(vapi_ctx_t ctx, void *msg1, void *msg2, u64 timeout_ns)
{
    void *const msgs[2] = {msg1, msg2};
    return send_all(ctx, msgs, 2, timeout_ns);
}

vapi_error_e vapi_send(vapi_ctx_t ctx, void *msg)
{
    return vapi_send_until(ctx, msg, ctx == NULL ? 0 : mode_timeout(ctx));
}

vapi_error_e vapi_send2(vapi_ctx_t ctx, void *msg1, void *msg2)
{
    return vapi_send2_until(ctx, msg1, msg2, ctx == NULL ? 0 : mode_timeout(ctx));
}

vapi_error_e vapi_send_many(vapi_ctx_t ctx, const void *bytes, const u32 *offsets, const u32 *sizes,
                            u32 count, u32 *sent, u64 timeout_ns)
{
    *sent = 0;
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    for (u32 i = 0; i < count && rv == VAPI_OK; i++)
        if ((rv = check_size(ctx, sizes[i])) == VAPI_OK &&
            conn_is_forbidden(ctx, (const u8 *)bytes + offsets[i], sizes[i]))
            rv = VAPI_EINVAL;
    if (rv == VAPI_OK) {
        const out_batch_t batch = {.bytes = bytes, .offsets = offsets, .sizes = sizes};
        rv = conn_result(ctx, conn_send_copies(ctx, &batch, count, sent, from_timeout(timeout_ns)));
    }
    conn_leave(ctx);
    return rv;
}

vapi_error_e vapi_send_bytes(vapi_ctx_t ctx, const void *bytes, size_t size, u64 timeout_ns)
{
    const u32 offset = 0, one_size = size <= UINT32_MAX ? (u32)size : UINT32_MAX;
    u32 sent;
    return vapi_send_many(ctx, bytes, &offset, &one_size, 1, &sent, timeout_ns);
}

/* ---- messages in */

vapi_error_e vapi_recv_many(vapi_ctx_t ctx, void **msgs, u32 *sizes, u32 max, u32 *count,
                            u64 timeout_ns)
{
    msg_ref_t refs[64];
    deadline_t deadline = from_timeout(timeout_ns);
    *count = 0;
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    while (*count < max) {
        u32 want = max - *count < 64 ? max - *count : 64;
        int n = conn_receive_held(ctx, refs, want, *count == 0 ? deadline : DEADLINE_NOW);
        if (n < 0) {
            rv = *count != 0 ? VAPI_OK : conn_result(ctx, n);
            break;
        }
        for (int i = 0; i < n; i++) {
            msgs[*count] = refs[i].body;
            sizes[(*count)++] = refs[i].size;
        }
    }
    conn_leave(ctx);
    return rv;
}

vapi_error_e vapi_recv(vapi_ctx_t ctx, void **msg, size_t *msg_size, svm_q_conditional_wait_t cond,
                       u32 time)
{
    if (msg == NULL || msg_size == NULL)
        return error_set(error_here(), VAPI_EINVAL, 0, "vapi_recv: msg or msg_size is NULL");
    u64 timeout_ns = cond == SVM_Q_NOWAIT ? 0 : cond == SVM_Q_WAIT ? UINT64_MAX : time * NS_PER_S;
    deadline_t deadline = from_timeout(timeout_ns);
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    msg_ref_t ref;
    int n;
    /* A signal is not a reason to come back here; vapi_stop_rx_thread() (-ECANCELED) is. */
    do
        n = conn_receive_held(ctx, &ref, 1, deadline);
    while (n == -EINTR);
    if (n > 0) {
        *msg = ref.body;
        *msg_size = ref.size;
    } else {
        rv = conn_result(ctx, n);
    }
    conn_leave(ctx);
    return rv;
}

static vapi_error_e wait_until(vapi_ctx_t ctx, deadline_t deadline, bool past_signals)
{
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    int waited;
    do
        waited = conn_wait(ctx, deadline);
    while (past_signals && waited == -EINTR);
    rv = conn_result(ctx, waited);
    conn_leave(ctx);
    return rv;
}

vapi_error_e vapi_wait_until(vapi_ctx_t ctx, u64 timeout_ns)
{
    return wait_until(ctx, from_timeout(timeout_ns), false);
}

vapi_error_e vapi_wait(vapi_ctx_t ctx)
{
    return wait_until(ctx, DEADLINE_NEVER, true); /* as in vapi_recv() */
}

void vapi_interrupt(vapi_ctx_t ctx)
{
    if (conn_enter(ctx) == VAPI_OK) {
        conn_interrupt(ctx);
        conn_leave(ctx);
    }
}

void vapi_stop_rx_thread(vapi_ctx_t ctx) { vapi_interrupt(ctx); }
