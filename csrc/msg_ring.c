/* SPDX-License-Identifier: Apache-2.0 */
#include "msg_ring.h"

#include <errno.h>
#include <string.h>

#include "atomics.h"

/* What VPP adds to a ring's configured size for a slot: the msgbuf header and one word. */
#define SLOT_EXTRA 24u

u64 msg_ring_bytes(u32 nitems, u32 body_size)
{
    if (body_size > UINT32_MAX - SLOT_EXTRA)
        return UINT64_MAX;
    return svm_queue_bytes(nitems, body_size + SLOT_EXTRA);
}

int msg_ring_init(shm_ring_t *shared, void *base, u64 va, u32 nitems, u32 body_size)
{
    svm_queue_t queue;
    u64 bytes = msg_ring_bytes(nitems, body_size);
    if (bytes == UINT64_MAX || nitems > UINT16_MAX)
        return -EINVAL;
    int rv = svm_queue_init(&queue, base, nitems, body_size + SLOT_EXTRA, 0);
    if (rv != 0)
        return rv;
    /* A slot is free when its q is 0; only that word must be clean. */
    for (u32 i = 0; i < nitems; i++)
        memset(queue.shm->data + (size_t)i * queue.elsize, 0, sizeof(msgbuf_t));
    *shared = (shm_ring_t){.rp = va, .size = (u16)(body_size + SLOT_EXTRA), .nitems = (u16)nitems};
    return 0;
}

static int attach_ring(msg_ring_t *ring, const region_space_t *space, shm_ring_t *shared)
{
    u64 left;
    u64 va = load_relaxed(&shared->rp);
    u32 size = load_relaxed(&shared->size);
    u32 nitems = load_relaxed(&shared->nitems);
    void *base = region_space_ptr(space, va, sizeof(shm_queue_t), &left);
    memset(ring, 0, sizeof *ring);
    if (base == NULL || svm_queue_attach(&ring->queue, base, left, 0) != 0)
        return -EBADMSG;
    if (ring->queue.maxsize != nitems || ring->queue.elsize < sizeof(msgbuf_t) ||
        ring->queue.elsize % 8 != 0 || size > ring->queue.elsize)
        return -EBADMSG;
    ring->shared = shared;
    ring->va = va;
    ring->size = size;
    return 0;
}

vapi_error_e msg_rings_attach(msg_rings_t *rings, const region_space_t *space, u64 vector_va,
                              error_rec_t *error)
{
    u32 count;
    memset(rings, 0, sizeof *rings);
    shm_ring_t *shared = vector_va % 8 != 0 ? NULL
                                            : region_space_vector(space, vector_va, sizeof *shared,
                                                                  MSG_RINGS_MAX, &count);
    if (shared == NULL)
        return error_set(error, VAPI_EMAP_FAIL, 0,
                         "message rings: the vector at 0x%llx is not inside the region",
                         (unsigned long long)vector_va);
    for (u32 i = 0; i < count; i++)
        if (attach_ring(&rings->rings[i], space, shared + i) != 0)
            return error_set(error, VAPI_EMAP_FAIL, 0,
                             "message rings: ring %u of %u does not fit the region", i, count);
    rings->count = count;
    return VAPI_OK;
}

u32 msg_ring_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    return (u32)ts.tv_sec;
}

/** The slot at the head, if it is free or overdue; advances the head. */
static msgbuf_t *take_head(msg_rings_t *rings, msg_ring_t *ring, u32 now_s)
{
    shm_queue_t *shm = ring->queue.shm;
    u32 head = (u32)load_relaxed(&shm->head);
    if (head >= ring->queue.maxsize)
        head = 0;
    msgbuf_t *m = (msgbuf_t *)(void *)(shm->data + (size_t)head * ring->queue.elsize);
    /* Acquire: whoever gave the slot back is done with its bytes. */
    if (load_acquire(&m->q) != 0) {
        u32 mark = load_relaxed(&m->gc_mark);
        if (mark == 0)
            store_relaxed(&m->gc_mark, now_s);
        if (mark == 0 || now_s - mark <= MSG_RING_TAKEOVER_S || now_s < mark)
            return NULL;
        rings->takeovers++;
    }
    store_relaxed(&m->gc_mark, 0);
    store_relaxed(&m->q, ring->va);
    store_relaxed(&shm->head, head + 1 == ring->queue.maxsize ? 0 : (i32)(head + 1));
    return m;
}

msgbuf_t *msg_rings_alloc(msg_rings_t *rings, u32 body_bytes, u32 now_s,
                          const deadline_t *lock_deadline)
{
    u64 need = (u64)body_bytes + sizeof(msgbuf_t);
    for (u32 i = 0; i < rings->count; i++) {
        msg_ring_t *ring = &rings->rings[i];
        if (ring->size < need)
            continue;
        if (lock_deadline != NULL && svm_queue_lock(&ring->queue, *lock_deadline) != 0) {
            rings->locks_failed++;
            continue;
        }
        msgbuf_t *m = take_head(rings, ring, now_s);
        if (lock_deadline != NULL)
            svm_queue_unlock(&ring->queue);
        if (m != NULL) {
            rings->hits++;
            store_relaxed(&ring->shared->hits, ++ring->hits);
            store_relaxed(&m->data_len, __builtin_bswap32(body_bytes));
            return m;
        }
        rings->misses++;
        store_relaxed(&ring->shared->misses, ++ring->misses);
    }
    return NULL;
}

void msg_ring_release(msgbuf_t *message)
{
    store_relaxed(&message->gc_mark, 0);
    /* Release: what was read from or written to the body comes before the slot is seen free. */
    store_release(&message->q, 0);
}
