/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's own message buffers, in memory that VPP maps and does not use. A buffer is busy while
 * its q is not 0; VPP's way of freeing a message is to store 0 there, so nothing comes back through a
 * queue and no lock is shared with anybody.
 *
 * Slots of a few sizes are reused in turn (VPP frees in order, mostly). Longer messages take runs of
 * pages from a page source and give them back once VPP is done with them.
 *
 * Caller locks, but for arena_free(), which any thread may call.
 */
#ifndef VAPI_CORE_ARENA_H
#define VAPI_CORE_ARENA_H

#include "region.h"

/** Where pages for long messages come from. A run is the caller's from `header_bytes` on. */
typedef struct {
    void *(*alloc)(void *context, u32 pages);
    void (*free)(void *context, void *run, u32 pages);
    void *context;
    u32 header_bytes;
    u32 max_pages;
} page_source_t;

#define ARENA_CLASSES 3
#define ARENA_LONG_MAX 64

typedef struct {
    u8 *base;
    u32 slot_bytes;
    u32 count;
    u32 cursor;
} arena_class_t;

typedef struct {
    arena_class_t classes[ARENA_CLASSES];
    page_source_t pages;
    struct {
        u8 *run;
        u32 pages;
    } longs[ARENA_LONG_MAX];
    u32 long_count;
    u64 q_mark; /* what a busy slot's q holds: any address of ours that VPP has */
} arena_t;

/** Bytes of the slots of all classes. */
u64 arena_slot_bytes(void);
/** Lays the slots out in `base` (64-byte aligned, arena_slot_bytes() long). */
void arena_init(arena_t *a, u8 *base, u64 q_mark, const page_source_t *pages);
/** Longest body. */
u32 arena_max_size(const arena_t *a);
/** A body with `size` bytes, all zeroed with `zero`, else only what VPP could read beyond a message
 * that is too short. NULL when no buffer is free. */
void *arena_alloc(arena_t *a, u32 size, bool zero);
/** What VPP does: marks the buffer free. */
void arena_free(void *body);
/** Gives pages of long messages back that VPP is done with; true when none is left. */
bool arena_sweep(arena_t *a);
/** Buffers that are the program's or VPP's. */
u32 arena_busy(arena_t *a);

#endif
