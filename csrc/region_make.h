/* SPDX-License-Identifier: Apache-2.0
 *
 * Making the shared memory that VPP makes: a memfd segment for one client, or the classic pair of
 * files (root region and API region) for all.
 *
 * Nothing is mapped at a chosen address: the kernel picks one, and it becomes the virtual address
 * that the region speaks of. The classic API region lies inside the root region's address range, as
 * VPP's does.
 *
 * Owner: who makes a segment fini's it, once. Caller locks.
 */
#ifndef VAPI_CORE_REGION_MAKE_H
#define VAPI_CORE_REGION_MAKE_H

#include "msg_ring.h"
#include "region_heap.h"

/** One item of sock_init_shm, as on the wire (machine order). */
typedef struct {
    u8 type; /* ring_type_e */
    u8 pad;
    u16 count;
    u32 size;
} ring_config_t;
_Static_assert(sizeof(ring_config_t) == 8, "8 bytes on the wire");

typedef enum {
    RING_TO_CLIENT = 0,
    RING_FROM_CLIENT = 1,
    RING_INPUT_QUEUE = 2,
} ring_type_e;

/** A segment as its maker sees it: private views and the heap's private state. */
typedef struct {
    region_t api; /* the region that holds hdr, queue, rings and heap */
    region_t root; /* classic only */
    region_space_t space; /* what clients' addresses may lie in */
    shm_hdr_t *hdr;
    svm_queue_t input;
    msg_rings_t rings; /* vl_rings */
    msg_rings_t client_rings;
    region_heap_t heap;
    u64 table_va; /* serialized message table, 0: none yet */
} api_segment_t;

/** What VPP takes when sock_init_shm names nothing. */
extern const ring_config_t region_make_memfd_defaults[];
extern const u32 region_make_memfd_defaults_count;

/**
 * Makes a memfd segment and returns its descriptor (the caller's) in *fd; it is sealed, so that
 * nobody can cut it short under us. -EINVAL: configuration that VPP would abort on; -ENOMEM: does not
 * fit into `size`; else what the system said.
 */
int region_make_memfd(api_segment_t *segment, u64 size, const ring_config_t *configs, u32 count,
                      int *fd);

/**
 * Makes /dev/shm/<prefix>-global_vm and -vpe-api with mode 0660, replacing what is there, with VPP's
 * default rings. `queue_length`: of the input queue. Sets *paths for region_unlink_files().
 */
typedef struct {
    char root[128];
    char api[128];
} region_paths_t;
int region_make_classic(api_segment_t *segment, const char *prefix, u64 root_bytes, u64 api_bytes,
                        u32 queue_length, region_paths_t *paths);
/** Removes the two files if they are still the ones of `segment`. */
void region_unlink_files(const api_segment_t *segment, const region_paths_t *paths);

/** A block of its heap, whose pages exist; NULL when that is full, or what its pages come from. */
void *api_segment_alloc(api_segment_t *segment, u64 bytes);
/** Puts `bytes` as a vector into the heap; its address, or 0. */
u64 api_segment_add_vector(api_segment_t *segment, u32 length, u8 **bytes);

/** Unmaps; idempotent, safe on a zeroed segment. */
void api_segment_fini(api_segment_t *segment);

#endif
