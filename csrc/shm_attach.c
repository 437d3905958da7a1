/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining VPP over shared memory: its header and queue, our queue and arena, registration, table.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomics.h"
#include "byteorder.h"
#include "handshake.h"
#include "transport_shm.h"

/* Queue and slots start on cache lines. */
#define LINE 64u
#define ALIGN_UP(n, a) (((n) + (a) - 1) / (a) * (a))
/* A serialized table of 65534 names of 63 bytes has under 5 MB. */
#define LARGEST_TABLE (8u << 20)
#define REGISTRATION_CONTEXT 0x76617069u

shm_transport_t *shm_transport_alloc(vapi_transport_e kind, vapi_stats_t *stats)
{
    shm_transport_t *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->base.ops = &shm_ops;
    s->base.kind = kind;
    s->base.stats = stats;
    s->base.fd = s->base.ready_fd = -1;
    bell_init(&s->bell);
    rouse_init(&s->rouse);
    pthread_mutex_init(&s->held_lock, NULL);
    s->base.table = msg_table_alloc();
    if (s->base.table == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

vapi_error_e shm_attach(shm_transport_t *s, deadline_t deadline, error_rec_t *error)
{
    vapi_error_e rv = region_find_hdr(&s->regions[0], &s->space, &s->hdr, deadline, error);
    if (rv != VAPI_OK)
        return rv;
    u64 left, va = load_relaxed(&s->hdr->vl_input_queue);
    void *queue = region_space_ptr(&s->space, va, sizeof(shm_queue_t), &left);
    if (queue == NULL || svm_queue_attach(&s->vpp_queue, queue, left, sizeof(u64)) != 0)
        return error_set(error, VAPI_EMAP_FAIL, EBADMSG,
                         "VPP's input queue at 0x%llx is not a queue: the region is corrupt or "
                         "being torn down",
                         (unsigned long long)va);
    /* VPP has touched of it what its messages went through so far. */
    if (region_commit(queue, svm_queue_bytes(s->vpp_queue.maxsize, sizeof(u64))) != 0)
        return error_set(error, VAPI_ENOMEM, ENOSPC,
                         "the file system of VPP's shared memory is full");
    return VAPI_OK;
}

u64 shm_memory_bytes(u32 queue_size)
{
    return LINE + ALIGN_UP(svm_queue_bytes(queue_size, sizeof(u64)), LINE) + arena_slot_bytes();
}

vapi_error_e shm_lay_out(shm_transport_t *s, const region_t *own, u8 *memory, u32 queue_size,
                         const page_source_t *pages, error_rec_t *error)
{
    u8 *queue = (u8 *)ALIGN_UP((uintptr_t)memory, (uintptr_t)LINE);
    u64 queue_bytes = ALIGN_UP(svm_queue_bytes(queue_size, sizeof(u64)), LINE);
    int rv = svm_queue_init(&s->own_queue, queue, queue_size, sizeof(u64), getpid());
    if (rv != 0)
        return error_set(error, VAPI_EINVAL, -rv, "an input queue of %u messages is refused",
                         queue_size);
    arena_init(&s->arena, queue + queue_bytes, region_va(own, queue), pages);
    s->own = own;
    s->base.max_msg_size = arena_max_size(&s->arena);
    return VAPI_OK;
}

static int send_create(shm_transport_t *s, const transport_options_t *o, bool v2)
{
    u32 size = (u32)sizeof(msg_memclnt_create_v2_t) - (v2 ? 0 : 1);
    msg_memclnt_create_v2_t *m = s->base.ops->alloc(&s->base, size);
    if (m == NULL)
        return -EAGAIN;
    m->id = htobe16(v2 ? ID_MEMCLNT_CREATE_V2 : ID_MEMCLNT_CREATE);
    m->context = REGISTRATION_CONTEXT;
    m->input_queue = region_va(s->own, s->own_queue.shm);
    memcpy(m->name, o->name, strnlen(o->name, CLIENT_NAME_BYTES - 1));
    if (v2)
        m->keepalive = o->keepalive;
    void *body = m;
    int rv;
    while ((rv = s->base.ops->send(&s->base, &body, 1, true)) == -EAGAIN &&
           !deadline_passed(o->deadline))
        s->base.ops->sleep(&s->base, true, o->deadline);
    if (rv < 0)
        s->base.ops->unsend(&s->base, m);
    return rv < 0 ? rv : 0;
}

/** The answer's fields; other messages that come meanwhile are nobody's. */
static int take_create_reply(shm_transport_t *s, bool v2, msg_memclnt_create_reply_t *reply)
{
    msg_ref_t ref;
    int n = s->base.ops->take(&s->base, &ref, 1);
    if (n <= 0)
        return n;
    u16 id = load_be16(ref.body);
    bool is_it = id == (v2 ? ID_MEMCLNT_CREATE_V2_REPLY : ID_MEMCLNT_CREATE_REPLY) &&
                 ref.size >= sizeof *reply;
    if (is_it)
        memcpy(reply, ref.body, sizeof *reply);
    s->base.ops->release(&s->base, ref.body);
    return is_it && reply->context == REGISTRATION_CONTEXT ? 1 : 0;
}

vapi_error_e shm_register(shm_transport_t *s, const transport_options_t *o, bool v2, u64 *table_va,
                          error_rec_t *error)
{
    msg_memclnt_create_reply_t reply = {0};
    const char *where = s->path[0] != 0 ? s->path : o->address;
    const char *step = v2 ? "memclnt_create_v2" : "memclnt_create";
    int rv = send_create(s, o, v2);
    while (rv == 0) {
        rv = take_create_reply(s, v2, &reply);
        if (rv != 0)
            break;
        rv = s->base.ops->sleep(&s->base, false, o->deadline);
    }
    if (rv == -ECONNRESET)
        return error_set(error, VAPI_ECONNRESET, ECONNRESET, "%s: %s: %s", where, step,
                         s->base.lost.text);
    if ((rv == -EAGAIN || rv == -ETIMEDOUT) && s->base.kind == VAPI_TRANSPORT_SHM &&
        s->base.server_pid > 0 && !s->watch_pid)
        return error_set(
            error, VAPI_ECON_FAIL, ETIMEDOUT,
            "%s: no answer to %s in time, and there is no process %d, whose it is: was "
            "VPP killed?",
            where, step, s->base.server_pid);
    if (rv < 0)
        return handshake_error(error, rv == -EAGAIN ? -ETIMEDOUT : rv, where, step);
    i32 response = (i32)be32toh((u32)reply.response);
    if (response != 0)
        return error_set(error, VAPI_ECON_FAIL, 0, "%s: VPP refused the client '%s' (%d)", where,
                         o->name, response);
    s->base.client_index_raw = reply.index;
    s->handle = reply.handle;
    *table_va = reply.message_table;
    return VAPI_OK;
}

vapi_error_e shm_read_table(shm_transport_t *s, u64 table_va, msg_table_t *table,
                            error_rec_t *error)
{
    u32 length;
    u8 *bytes = region_space_vector(&s->space, table_va, 1, LARGEST_TABLE, &length);
    if (bytes == NULL)
        return error_set(error, VAPI_EINCOMPATIBLE, 0,
                         "VPP's message table at 0x%llx is not in its shared memory",
                         (unsigned long long)table_va);
    return msg_table_parse_serialized(table, bytes, length, error);
}
