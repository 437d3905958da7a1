/* SPDX-License-Identifier: Apache-2.0
 *
 * VPP's shared rings of message buffers: fixed slots, taken in turn at the ring's head, given back by
 * writing 0 into the slot's q from either side.
 *
 * msg_rings_t is a private view: geometry is read and checked once, so that whoever shares the memory
 * cannot move a bound later. VPP allocates replies from vl_rings and is alone in that (no lock);
 * clients share client_rings and lock each ring's queue mutex.
 *
 * Threads: caller locks around one msg_rings_t; other processes are kept out by the rings' mutexes.
 */
#ifndef VAPI_CORE_MSG_RING_H
#define VAPI_CORE_MSG_RING_H

#include "region.h"
#include "svm_queue.h"

#define MSG_RINGS_MAX 32u
/** A slot that stays in use this long after it was first found at the head is taken over. */
#define MSG_RING_TAKEOVER_S 10u

typedef struct {
    svm_queue_t queue; /* elsize: bytes from slot to slot */
    shm_ring_t *shared; /* where hits and misses are shown; never read back */
    u64 va; /* of the ring's queue: what the q of its messages says */
    u32 size; /* largest message, header included; 0: nobody can allocate here (PROTOCOL 4.4) */
    u32 hits, misses;
} msg_ring_t;

typedef struct {
    msg_ring_t rings[MSG_RINGS_MAX];
    u32 count;
    u64 hits, misses, takeovers;
    u64 locks_failed; /* rings that were skipped because the lock could not be had */
} msg_rings_t;

/**
 * Reads a vector of rings (shm_hdr_t.vl_rings or .client_rings). VAPI_EMAP_FAIL with the reason when
 * anything in it does not fit the regions.
 */
vapi_error_e msg_rings_attach(msg_rings_t *rings, const region_space_t *space, u64 vector_va,
                              error_rec_t *error);

/** Seconds since the epoch, as gc_mark wants them. */
u32 msg_ring_now(void);

/**
 * A buffer for `body_bytes`, first fit: q, data_len and gc_mark are set, the body is not. NULL: all
 * rings that are large enough missed. A slot that blocks its ring's head gets the mark `now_s`, or is
 * taken over when its mark is older than MSG_RING_TAKEOVER_S.
 * `lock_deadline`: how long to wait for each ring's mutex; with NULL the rings are the caller's alone.
 */
msgbuf_t *msg_rings_alloc(msg_rings_t *rings, u32 body_bytes, u32 now_s,
                          const deadline_t *lock_deadline);

/** Gives a buffer back, whichever side allocated it. Only for messages whose q is not 0. */
void msg_ring_release(msgbuf_t *message);

/** Bytes of a ring with its queue header; UINT64_MAX when the geometry is refused. */
u64 msg_ring_bytes(u32 nitems, u32 body_size);

/**
 * Makes an empty ring in `base` (64-byte aligned, msg_ring_bytes() long) and describes it in `shared`.
 * `body_size` as in sock_init_shm: with header and padding a slot has body_size + 24 bytes, and the
 * descriptor's 16-bit size is cut, as VPP's is.
 */
int msg_ring_init(shm_ring_t *shared, void *base, u64 va, u32 nitems, u32 body_size);

#endif
