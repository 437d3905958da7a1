/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages through a pair of queues in shared memory; what the memfd segment and the classic region
 * have in common. attach_memfd.c and attach_classic.c make one, and say where its memory comes from.
 */
#ifndef VAPI_CORE_TRANSPORT_SHM_H
#define VAPI_CORE_TRANSPORT_SHM_H

#include "arena.h"
#include "bell.h"
#include "rouse.h"
#include "svm_queue.h"
#include "transport.h"

/* Messages of VPP's rings that the program may keep at a time. A ring whose oldest message is not
 * returned serves nobody, so beyond this few the program gets copies. */
#define SHM_HELD_MAX 32

typedef struct shm_transport shm_transport_t;

typedef struct {
    u64 *at;
    u32 count, room;
} returns_t;

struct shm_transport {
    transport_t base;
    region_t regions[2]; /* memfd: the segment; classic: the API region and the root */
    region_space_t space;
    const region_t *own; /* the one of them that our queue and arena lie in */
    shm_hdr_t *hdr;
    svm_queue_t vpp_queue; /* VPP's input: we add */
    svm_queue_t own_queue; /* our input: we take */
    /* memfd: VPP's input queue in its classic region, if that is mapped. VPP takes events that it sends
       by itself from there, also for a client of a private segment. shm NULL: not mapped. */
    svm_queue_t primary_queue;
    arena_t arena;
    bell_t bell;
    rouse_t rouse;
    u32 seen_head; /* of VPP's queue when something was last added, or VPP was seen at work; relaxed */
    u64 handle; /* as VPP gave it, for leaving */
    u32 pokes;
    bool gone;
    bool watch_pid; /* the server's pid means something here */
    u64 next_look_ns;
    char path[128]; /* classic: the API region's file, "" otherwise */

    /* messages of VPP's heaps that go back: of the region that our requests go to, and of the classic one
       of a private segment's VPP. What finds the queue full waits here. Receive lock. */
    returns_t returns, primary_returns;

    pthread_mutex_t held_lock;
    struct {
        void *body;
        u64 since_ns;
    } held[SHM_HELD_MAX];
    u32 held_count;
    u32 unsent; /* buffers of the arena that the program has */
    bool closed; /* the arena is not ours any more */
    bool disowned; /* a forked child's copy */

    /** Lets go of the memory that own_queue and the arena are in. */
    void (*release_memory)(shm_transport_t *s, bool clean);
    u8 *run; /* classic: the carved pages; memfd: the oversized element */
    u64 run_bytes;
    u32 *page_map; /* memfd: which pages of the element long messages use */
};

shm_transport_t *shm_transport_alloc(vapi_transport_e kind, vapi_stats_t *stats);

/** Finds VPP's queue through the header at user_ctx. Regions and space are set. */
vapi_error_e shm_attach(shm_transport_t *s, deadline_t deadline, error_rec_t *error);

/** Lays out queue and arena in `memory` of the region `own`. */
u64 shm_memory_bytes(u32 queue_size);
vapi_error_e shm_lay_out(shm_transport_t *s, const region_t *own, u8 *memory, u32 queue_size,
                         const page_source_t *pages, error_rec_t *error);

/** Registers over the queues; v2 where the release is known to have it. *table_va: VPP's pointer to
 * the serialized message table, unchecked. */
vapi_error_e shm_register(shm_transport_t *s, const transport_options_t *o, bool v2, u64 *table_va,
                          error_rec_t *error);

/** Reads the table that the pointer leads to, if it leads anywhere sensible. */
vapi_error_e shm_read_table(shm_transport_t *s, u64 table_va, msg_table_t *table,
                            error_rec_t *error);

extern const transport_ops_t shm_ops;

#endif
