/* SPDX-License-Identifier: Apache-2.0 */
#include "conn.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomics.h"
#include "handshake.h"
#include "msg_kind.h"
#include "rx_buffer.h"
#include "transport_dual.h"

/* VPP says goodbye in its next loop; one that does not is busy or dead. */
#define GOODBYE_NS (2 * NS_PER_S)
#define DEFAULT_TIMEOUT_NS (10 * NS_PER_S)
#define DEFAULT_BACKLOG_BYTES (256ull << 20)
#define DEFAULT_GRACE_NS (2 * NS_PER_MS)
#define DEFAULT_REQUESTS 1024u
#define DEFAULT_QUEUE 8192u
#define MOST_REQUESTS 65536u
/* With a core for VPP and one for us, a spin of this length catches most answers of an idle VPP that
 * was woken (30 us to notice, then the bell); on one core it would only take VPP's time. */
#define SPIN_NS (40 * NS_PER_US)

/* ---- fork */

static u32 fork_generation;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void in_child(void) { fork_generation++; }
static void watch_forks(void) { pthread_atfork(NULL, NULL, in_child); }

bool conn_is_inherited(const vapi_ctx_t ctx) { return ctx->fork_generation != fork_generation; }

/* ---- life */

vapi_error_e vapi_ctx_alloc(vapi_ctx_t *result)
{
    if (result == NULL)
        return error_set(error_here(), VAPI_EINVAL, 0, "vapi_ctx_alloc: result is NULL");
    pthread_once(&fork_once, watch_forks);
    vapi_ctx_t ctx = calloc(1, sizeof *ctx);
    if (ctx == NULL)
        return error_set(error_here(), VAPI_ENOMEM, ENOMEM, "out of memory");
    pthread_mutex_init(&ctx->send_lock, NULL);
    pthread_mutex_init(&ctx->receive_lock, NULL);
    pthread_mutex_init(&ctx->requests_lock, NULL);
    pthread_mutex_init(&ctx->retired_lock, NULL);
    turn_init(&ctx->turn);
    ctx->mode = VAPI_MODE_BLOCKING;
    ctx->fork_generation = fork_generation;
    *result = ctx;
    return VAPI_OK;
}

void vapi_ctx_free(vapi_ctx_t ctx)
{
    if (ctx == NULL)
        return;
    if (ctx->connected && conn_is_inherited(ctx)) {
        /* The parent's connection: let go of our copies of its descriptors and mappings, and of
           nothing that it shares with VPP. */
        transport_t *t = ctx->transport;
        t->ops->disown(t);
        t->ops->close(t, false);
        t->ops->destroy(t);
    } else if (ctx->connected) {
        vapi_disconnect(ctx);
    }
    for (u32 i = 0; i < ctx->retired_count; i++)
        ctx->retired[i]->ops->destroy(ctx->retired[i]);
    backlog_clear(&ctx->backlog);
    request_ring_fini(&ctx->requests);
    free(ctx->vl_ids);
    free(ctx->vapi_ids);
    free(ctx->kinds);
    free(ctx->event_callbacks);
    turn_fini(&ctx->turn);
    pthread_mutex_destroy(&ctx->send_lock);
    pthread_mutex_destroy(&ctx->receive_lock);
    pthread_mutex_destroy(&ctx->requests_lock);
    pthread_mutex_destroy(&ctx->retired_lock);
    free(ctx);
}

vapi_error_e conn_enter(vapi_ctx_t ctx)
{
    if (ctx == NULL)
        return error_set(error_here(), VAPI_EINVAL, 0, "the context is NULL");
    if (ctx->fork_generation != fork_generation)
        return error_set(error_here(), VAPI_EINVAL, 0,
                         "this connection belongs to the parent process: connect again after fork");
    /* Counted first: who disconnects waits until nobody is inside. */
    fetch_add_acq_rel(&ctx->users, 1);
    if (load_acquire(&ctx->connected) && !load_acquire(&ctx->closing))
        return VAPI_OK;
    conn_leave(ctx);
    return error_set(error_here(), VAPI_EINVAL, ENOTCONN, "not connected");
}

void conn_leave(vapi_ctx_t ctx) { __atomic_fetch_sub(&ctx->users, 1, __ATOMIC_RELEASE); }

vapi_error_e conn_result(vapi_ctx_t ctx, int rv)
{
    error_rec_t *error = error_here();
    switch (-rv) {
    case 0:
        return VAPI_OK;
    case EAGAIN:
    case ETIMEDOUT:
        return error_set(error, VAPI_EAGAIN, 0, "nothing could be done in the given time");
    case EINTR:
        return error_set(error, VAPI_EAGAIN, EINTR, "interrupted");
    case ECONNRESET:
        *error = *transport_lost(ctx->transport);
        if (error->text[0] == 0) {
            /* One that is made of two: the other has the words, and tells when it is looked at. */
            ctx->transport->ops->alive(ctx->transport);
            *error = *transport_lost(ctx->transport);
        }
        return error->text[0] != 0
                   ? VAPI_ECONNRESET
                   : error_set(error, VAPI_ECONNRESET, ECONNRESET, "the connection to VPP is lost");
    case ENOBUFS:
        return error_set(error, VAPI_ECONNRESET, ENOBUFS,
                         "the connection is given up: answers that nobody received exceeded the "
                         "backlog of %llu bytes",
                         (unsigned long long)ctx->backlog_limit);
    case ESHUTDOWN:
        return error_set(error, VAPI_EINVAL, ENOTCONN, "disconnected by another thread");
    default:
        return error_set(error, error_from_errno(rv), -rv, "%s", strerror(-rv));
    }
}

u32 conn_new_contexts(vapi_ctx_t ctx, u32 count)
{
    return (fetch_add_relaxed(&ctx->context_counter, count) + 1) & ~CONTEXT_BIT;
}

/** Gives a message of the present connection back; false when it is not of it, or there is none. */
static bool free_of_transport(vapi_ctx_t ctx, void *body)
{
    /* Counted as inside, so that the transport cannot go away meanwhile. */
    fetch_add_acq_rel(&ctx->users, 1);
    bool ours = false;
    if (load_acquire(&ctx->connected) && !load_acquire(&ctx->parting)) {
        transport_t *t = ctx->transport;
        ours = t->ops->owns(t, body);
        if (ours)
            t->ops->free_held(t, body);
    }
    conn_leave(ctx);
    return ours;
}

void conn_free(vapi_ctx_t ctx, void *body)
{
    if (conn_is_inherited(ctx))
        return; /* the slot is the parent's, who may still read it */
    if (free_of_transport(ctx, body))
        return;
    /* Any thread may be the last that holds a message of a connection that has ended. */
    pthread_mutex_lock(&ctx->retired_lock);
    for (u32 i = 0; i < ctx->retired_count; i++) {
        transport_t *t = ctx->retired[i];
        if (!t->ops->owns(t, body))
            continue;
        t->ops->free_held(t, body);
        if (t->ops->held(t) == 0) {
            t->ops->destroy(t);
            ctx->retired[i] = ctx->retired[--ctx->retired_count];
        }
        pthread_mutex_unlock(&ctx->retired_lock);
        return;
    }
    pthread_mutex_unlock(&ctx->retired_lock);
    if (rx_buffer_owns(body))
        rx_buffer_release(body);
    else
        private_msg_free(body);
}

/* ---- connecting */

void vapi_connect_options_init(vapi_connect_options_t *o)
{
    *o = (vapi_connect_options_t){
        .transport = VAPI_TRANSPORT_SOCKET,
        .mode = VAPI_MODE_BLOCKING,
        .handle_keepalives = true,
        .max_outstanding_requests = DEFAULT_REQUESTS,
        .response_queue_size = DEFAULT_QUEUE,
        .timeout_ns = DEFAULT_TIMEOUT_NS,
        .spin_ns = UINT64_MAX,
        .backlog_bytes = DEFAULT_BACKLOG_BYTES,
        .grace_ns = DEFAULT_GRACE_NS,
        .keep_awake = true,
    };
}

static vapi_error_e check_options(const vapi_connect_options_t *o, error_rec_t *error)
{
    size_t length = o->name == NULL ? 0 : strlen(o->name);
    if (length == 0 || length >= CLIENT_NAME_BYTES)
        return error_set(error, VAPI_EINVAL, 0, "client name '%.80s': %zu bytes, must be 1 to %u",
                         o->name == NULL ? "" : o->name, length, CLIENT_NAME_BYTES - 1);
    if (o->max_outstanding_requests == 0 || o->max_outstanding_requests > MOST_REQUESTS)
        return error_set(error, VAPI_EINVAL, 0, "max_outstanding_requests: %u, must be 1 to %u",
                         o->max_outstanding_requests, MOST_REQUESTS);
    if (o->response_queue_size == 0 || o->response_queue_size > 2 * MOST_REQUESTS)
        return error_set(error, VAPI_EINVAL, 0, "response_queue_size: %u, must be 1 to %u",
                         o->response_queue_size, 2 * MOST_REQUESTS);
    if (o->mode != VAPI_MODE_BLOCKING && o->mode != VAPI_MODE_NONBLOCKING)
        return error_set(error, VAPI_EINVAL, 0, "mode: %d is neither blocking nor non-blocking",
                         (int)o->mode);
    if (o->grace_ns == 0 || o->grace_ns > NS_PER_S)
        return error_set(error, VAPI_EINVAL, 0, "grace_ns: %llu, must be 1 to 1000000000",
                         (unsigned long long)o->grace_ns);
    return VAPI_OK;
}

/** Room for the answer to every request, and as much again for what comes unasked. */
static u32 queue_size(const vapi_connect_options_t *o)
{
    u32 need = 2 * o->max_outstanding_requests + 64;
    return o->response_queue_size > need ? o->response_queue_size : need;
}

static vapi_error_e connect_transport(transport_t **t, const vapi_connect_options_t *o,
                                      vapi_stats_t *stats, error_rec_t *error)
{
    transport_options_t options = {
        .name = o->name,
        .address = o->address != NULL ? o->address : VAPI_DEFAULT_SOCKET,
        .bell_address = o->bell_address,
        .queue_size = queue_size(o),
        .keepalive = true,
        .deadline = deadline_in(o->timeout_ns),
        .stats = stats,
    };
    switch (o->transport) {
    case VAPI_TRANSPORT_SOCKET:
        return transport_socket_connect(t, &options, error);
    case VAPI_TRANSPORT_MEMFD:
        return transport_memfd_connect(t, &options, error);
    case VAPI_TRANSPORT_SHM:
        options.address = o->address != NULL ? o->address : "";
        return transport_classic_connect(t, &options, error);
    }
    return error_set(error, VAPI_EINVAL, 0, "transport: %d is none", (int)o->transport);
}

/** Both directions between this program's descriptions and VPP's numbers. */
static vapi_error_e map_ids(vapi_ctx_t ctx, error_rec_t *error)
{
    const msg_table_t *table = ctx->transport->table;
    u32 described = registry_count(), ids = (u32)msg_table_max_id(table) + 1;
    u16 *vl_ids = malloc((described + 1) * sizeof *vl_ids);
    vapi_msg_id_t *vapi_ids = malloc(ids * sizeof *vapi_ids);
    u8 *kinds = msg_kinds_alloc(table);
    if (vl_ids == NULL || vapi_ids == NULL || kinds == NULL ||
        !conn_make_room_for_callbacks(ctx, described)) {
        free(vl_ids);
        free(vapi_ids);
        free(kinds);
        return error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory for message numbers");
    }
    free(ctx->vl_ids);
    free(ctx->vapi_ids);
    free(ctx->kinds);
    ctx->kinds = kinds;
    ctx->vl_ids = vl_ids;
    ctx->vapi_ids = vapi_ids;
    ctx->vapi_ids_count = ids;
    ctx->described = described;
    for (u32 i = 0; i < ids; i++)
        vapi_ids[i] = VAPI_INVALID_MSG_ID;
    for (u32 i = 0; i < described; i++) {
        u16 id = msg_table_find(table, registry_get(i)->name_with_crc);
        vl_ids[i] = id;
        if (id != MSG_ID_NONE)
            vapi_ids[id] = i;
    }
    return VAPI_OK;
}

static vapi_error_e check_release(vapi_ctx_t ctx, error_rec_t *error)
{
    const msg_table_t *table = ctx->transport->table;
    ctx->id_control_ping = msg_table_find(table, "control_ping_51077d14");
    ctx->id_control_ping_reply = msg_table_find(table, "control_ping_reply_f6b0b8ca");
    ctx->id_keepalive = msg_table_find(table, "memclnt_keepalive_51077d14");
    ctx->id_keepalive_reply = msg_table_find(table, "memclnt_keepalive_reply_e8d4e804");
    if (ctx->id_control_ping == MSG_ID_NONE || ctx->id_control_ping_reply == MSG_ID_NONE)
        return error_set(error, VAPI_EINCOMPATIBLE, 0,
                         "this VPP has no control_ping_51077d14 with control_ping_reply_f6b0b8ca "
                         "among its %u messages",
                         msg_table_count(table));
    if (ctx->id_keepalive == MSG_ID_NONE || ctx->id_keepalive_reply == MSG_ID_NONE)
        ctx->handle_keepalives = false;
    return VAPI_OK;
}

static void apply_options(vapi_ctx_t ctx, const vapi_connect_options_t *o)
{
    ctx->mode = o->mode;
    ctx->handle_keepalives = o->handle_keepalives;
    ctx->timeout_ns = o->timeout_ns;
    ctx->backlog_limit = o->backlog_bytes;
    ctx->grace_ns = o->grace_ns;
    ctx->keep_awake = o->keep_awake;
    ctx->spin_ns = o->spin_ns != UINT64_MAX            ? o->spin_ns
                   : sysconf(_SC_NPROCESSORS_ONLN) > 1 ? SPIN_NS
                                                       : 0;
    ctx->activity = ctx->receiving = ctx->interrupts = ctx->collecting = 0;
    ctx->gather = (gather_t){0};
    ctx->in_dump = false;
    ctx->interrupt_pending = ctx->closing = ctx->overflowed = false;
    ctx->fd_wanted = ctx->fd_ready = false;
    ctx->nothing_until = 0;
    ctx->receivers = ctx->sleeper = NULL;
    ctx->abandoned_next = 0;
    ctx->turn.answered = 0;
    memset(ctx->abandoned, 0, sizeof ctx->abandoned);
    memset(&ctx->stats, 0, sizeof ctx->stats);
}

/** Where a socket beside this connection would be opened. */
static void note_socket(vapi_ctx_t ctx, const vapi_connect_options_t *o)
{
    const char *path = ctx->transport->socket_path;
    if (o->transport == VAPI_TRANSPORT_SOCKET)
        path = o->address != NULL ? o->address : VAPI_DEFAULT_SOCKET;
    else if (o->large_over_shm)
        path = "";
    /* One that would be too long, VPP has not been found at. */
    memcpy(ctx->socket_path, path, strnlen(path, SOCKIO_MAX_PATH) + 1);
    memcpy(ctx->name, o->name, strlen(o->name) + 1);
}

/** Says goodbye and lets go of the transport; kept for as long as messages of it are held. */
static int part(vapi_ctx_t ctx, deadline_t deadline)
{
    transport_t *t = ctx->transport;
    bool goodbye = false;
    pthread_mutex_lock(&ctx->send_lock);
    int rv = t->ops->leave(t);
    pthread_mutex_unlock(&ctx->send_lock);
    while (!goodbye && (rv == 0 || rv == -EAGAIN)) {
        msg_ref_t ref;
        bool said = rv == 0;
        rv = t->ops->take(t, &ref, 1);
        if (rv == 1) {
            goodbye = t->ops->is_goodbye(t, ref.body, ref.size);
            conn_release(ctx, ref.body);
            rv = said ? 0 : -EAGAIN;
            continue;
        }
        if (rv < 0 || deadline_passed(deadline))
            break;
        rv = t->ops->sleep(t, !said, deadline);
        if (rv == -EINTR || rv == -ETIMEDOUT)
            rv = 0;
        if (rv == 0 && !said) {
            pthread_mutex_lock(&ctx->send_lock);
            rv = t->ops->leave(t);
            pthread_mutex_unlock(&ctx->send_lock);
        }
    }
    t->ops->close(t, goodbye);
    if (t->ops->held(t) != 0 && ctx->retired_count < sizeof ctx->retired / sizeof ctx->retired[0])
        ctx->retired[ctx->retired_count++] = t;
    else
        t->ops->destroy(t);
    ctx->transport = NULL;
    return goodbye ? 0 : -ETIMEDOUT;
}

vapi_error_e conn_open(vapi_ctx_t ctx, const vapi_connect_options_t *options, bool spools)
{
    error_rec_t *error = error_here();
    if (ctx == NULL || options == NULL)
        return error_set(error, VAPI_EINVAL, 0,
                         "vapi_connect: the context or the options are NULL");
    if (ctx->connected)
        return error_set(error, VAPI_EINVAL, EISCONN, "already connected%s",
                         conn_is_inherited(ctx) ? ", by the parent process" : "");
    /* One that was not is the child's to connect, as any. */
    ctx->fork_generation = fork_generation;
    if (ctx->retired_count == sizeof ctx->retired / sizeof ctx->retired[0])
        return error_set(error, VAPI_EINVAL, 0,
                         "messages of %u earlier connections are still held: free them first",
                         ctx->retired_count);
    vapi_error_e rv = check_options(options, error);
    if (rv != VAPI_OK)
        return rv;
    apply_options(ctx, options);
    if (request_ring_init(&ctx->requests, options->max_outstanding_requests) != VAPI_OK)
        return error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory for %u requests",
                         options->max_outstanding_requests);
    rv = connect_transport(&ctx->transport, options, &ctx->stats, error);
    if (rv != VAPI_OK)
        return rv;
    rv = check_release(ctx, error);
    transport_t *t = ctx->transport;
    if (rv == VAPI_OK && t->socket_path[0] != 0 && !(options->large_over_shm && t->sees_events))
        rv = transport_dual_wrap(&ctx->transport, t->socket_path, options->name,
                                 options->large_over_shm, error);
    if (rv == VAPI_OK)
        rv = map_ids(ctx, error);
    ctx->spools = spools;
    if (rv == VAPI_OK && spools && !transport_socket_use_spool(ctx->transport))
        rv = error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory");
    if (rv == VAPI_OK)
        rv = drainer_start(ctx, error);
    if (rv != VAPI_OK) {
        error_rec_t why = *error;
        part(ctx, deadline_in(GOODBYE_NS));
        *error = why;
        return rv;
    }
    note_socket(ctx, options);
    ctx->transport->ops->settle(ctx->transport, ctx->id_control_ping);
    store_release(&ctx->connected, true);
    return VAPI_OK;
}

vapi_error_e vapi_connect_options(vapi_ctx_t ctx, const vapi_connect_options_t *options)
{
    return conn_open(ctx, options, false);
}

vapi_error_e vapi_disconnect(vapi_ctx_t ctx)
{
    error_rec_t *error = error_here();
    vapi_error_e rv = conn_enter(ctx);
    if (rv != VAPI_OK)
        return rv;
    conn_leave(ctx);
    if (conn_is_inside(ctx))
        return error_set(error, VAPI_EINVAL, EDEADLK, "disconnect from within a callback");
    if (exchange_acq_rel(&ctx->closing, true))
        return error_set(error, VAPI_EINVAL, EALREADY, "another thread is disconnecting");
    if (!load_acquire(&ctx->connected)) {
        /* It was, between the look above and this. */
        store_release(&ctx->closing, false);
        return error_set(error, VAPI_EINVAL, ENOTCONN, "not connected");
    }
    deadline_t patience = deadline_in(GOODBYE_NS);
    /* Threads that wait inside leave at once; those in a callback need their time. */
    while (load_acquire(&ctx->users) != 0) {
        if (deadline_passed(patience)) {
            store_release(&ctx->closing, false);
            return error_set(error, VAPI_EAGAIN, EBUSY,
                             "another thread is still inside a call on this connection");
        }
        conn_interrupt(ctx);
        struct timespec pause = {.tv_nsec = 100 * NS_PER_US};
        nanosleep(&pause, NULL);
    }
    drainer_stop(ctx);
    bool lost = ctx->transport->ops->alive(ctx->transport) != 0;
    /* Who frees a message from here on waits until it is clear which transport has it; who is doing
       so already is counted as a user, and waits for nothing. */
    pthread_mutex_lock(&ctx->retired_lock);
    store_release(&ctx->parting, true);
    while (load_acquire(&ctx->users) != 0)
        sched_yield();
    int parted = part(ctx, deadline_in(lost ? 0 : GOODBYE_NS));
    store_release(&ctx->connected, false);
    store_release(&ctx->parting, false);
    pthread_mutex_unlock(&ctx->retired_lock);
    backlog_clear(&ctx->backlog);
    ctx->stats.backlog_bytes = 0;
    while (ctx->requests.count != 0)
        request_ring_pop(&ctx->requests);
    store_release(&ctx->closing, false);
    return parted == 0 ? VAPI_OK
                       : error_set(error, VAPI_ENORESP, lost ? ECONNRESET : ETIMEDOUT,
                                   lost ? "VPP was gone already" : "VPP did not say goodbye");
}
