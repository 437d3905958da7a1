/* SPDX-License-Identifier: Apache-2.0
 *
 * A heap inside a shared region, for messages that miss the rings and for vectors.
 *
 * A buddy allocator whose whole state is private memory: nothing that is written into the region can
 * mislead it, and an address that comes back from a client is checked to be a block before it is
 * freed. Blocks are powers of two from REGION_HEAP_MIN_BLOCK, aligned to their size or 4096.
 *
 * Caller locks.
 */
#ifndef VAPI_CORE_REGION_HEAP_H
#define VAPI_CORE_REGION_HEAP_H

#include <vapi/vapi_types.h>

#define REGION_HEAP_MIN_BLOCK 256u
#define REGION_HEAP_ORDERS 24u

typedef struct {
    u8 *base;
    u32 units; /* min blocks */
    u8 *state; /* a unit: 0, or what begins there */
    u32 *next, *prev; /* free blocks of one size, by unit number */
    u32 first[REGION_HEAP_ORDERS];
    u64 used_bytes;
    u32 blocks;
} region_heap_t;

/** Manages `size` bytes at `base` (aligned to REGION_HEAP_MIN_BLOCK). 0, -EINVAL, -ENOMEM. */
int region_heap_init(region_heap_t *heap, void *base, u64 size);
/** Frees the private state; idempotent, safe on a zeroed heap. */
void region_heap_fini(region_heap_t *heap);

/** NULL when there is no block that large. The bytes are not cleared. */
void *region_heap_alloc(region_heap_t *heap, u64 size);
/** -EINVAL when `p` is not the start of a block that is allocated. */
int region_heap_free(region_heap_t *heap, void *p);
/** Bytes from `p` to the end of its block; 0 when `p` is not the start of an allocated block. */
u64 region_heap_block_bytes(const region_heap_t *heap, const void *p);

u64 region_heap_free_bytes(const region_heap_t *heap);

#endif
