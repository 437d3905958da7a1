/* SPDX-License-Identifier: Apache-2.0 */
#include "region_heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* state of the unit where a block begins: order + 1, with USED set while it is allocated */
#define USED 0x80u
#define NONE UINT32_MAX

static u32 units_of(u32 order) { return 1u << order; }

static void push(region_heap_t *h, u32 unit, u32 order)
{
    h->state[unit] = (u8)(order + 1);
    h->prev[unit] = NONE;
    h->next[unit] = h->first[order];
    if (h->first[order] != NONE)
        h->prev[h->first[order]] = unit;
    h->first[order] = unit;
}

static void unlink_block(region_heap_t *h, u32 unit, u32 order)
{
    if (h->prev[unit] != NONE)
        h->next[h->prev[unit]] = h->next[unit];
    else
        h->first[order] = h->next[unit];
    if (h->next[unit] != NONE)
        h->prev[h->next[unit]] = h->prev[unit];
    h->state[unit] = 0;
}

int region_heap_init(region_heap_t *h, void *base, u64 size)
{
    memset(h, 0, sizeof *h);
    u64 units = size / REGION_HEAP_MIN_BLOCK;
    if (((uintptr_t)base & (REGION_HEAP_MIN_BLOCK - 1)) != 0 || units > UINT32_MAX / 2)
        return -EINVAL;
    h->base = base;
    h->units = (u32)units;
    /* calloc of this size comes from fresh pages, which are committed only where they are used. */
    h->state = calloc(units + 1, 1);
    h->next = calloc(units + 1, sizeof *h->next);
    h->prev = calloc(units + 1, sizeof *h->prev);
    if (h->state == NULL || h->next == NULL || h->prev == NULL) {
        region_heap_fini(h);
        return -ENOMEM;
    }
    for (u32 i = 0; i < REGION_HEAP_ORDERS; i++)
        h->first[i] = NONE;
    for (u32 at = 0; at < h->units;) {
        u32 order = REGION_HEAP_ORDERS - 1;
        while ((at & (units_of(order) - 1)) != 0 || units_of(order) > h->units - at)
            order--;
        push(h, at, order);
        at += units_of(order);
    }
    return 0;
}

void region_heap_fini(region_heap_t *h)
{
    free(h->state);
    free(h->next);
    free(h->prev);
    memset(h, 0, sizeof *h);
}

void *region_heap_alloc(region_heap_t *h, u64 size)
{
    u32 order = 0;
    while (order < REGION_HEAP_ORDERS && (u64)units_of(order) * REGION_HEAP_MIN_BLOCK < size)
        order++;
    u32 from = order;
    while (from < REGION_HEAP_ORDERS && (h->units == 0 || h->first[from] == NONE))
        from++;
    if (from >= REGION_HEAP_ORDERS)
        return NULL;
    u32 unit = h->first[from];
    unlink_block(h, unit, from);
    while (from > order) {
        from--;
        push(h, unit + units_of(from), from);
    }
    h->state[unit] = (u8)((order + 1) | USED);
    h->used_bytes += (u64)units_of(order) * REGION_HEAP_MIN_BLOCK;
    h->blocks++;
    return h->base + (u64)unit * REGION_HEAP_MIN_BLOCK;
}

/** The unit that `p` begins, if an allocated block begins there; NONE otherwise. */
static u32 used_unit(const region_heap_t *h, const void *p)
{
    u64 offset = (u64)((uintptr_t)p - (uintptr_t)h->base);
    if ((uintptr_t)p < (uintptr_t)h->base || offset % REGION_HEAP_MIN_BLOCK != 0 ||
        offset / REGION_HEAP_MIN_BLOCK >= h->units)
        return NONE;
    u32 unit = (u32)(offset / REGION_HEAP_MIN_BLOCK);
    return (h->state[unit] & USED) != 0 ? unit : NONE;
}

u64 region_heap_block_bytes(const region_heap_t *h, const void *p)
{
    u32 unit = used_unit(h, p);
    return unit == NONE ? 0 : (u64)units_of((h->state[unit] & ~USED) - 1u) * REGION_HEAP_MIN_BLOCK;
}

int region_heap_free(region_heap_t *h, void *p)
{
    u32 unit = used_unit(h, p);
    if (unit == NONE)
        return -EINVAL;
    u32 order = (h->state[unit] & ~USED) - 1u;
    h->used_bytes -= (u64)units_of(order) * REGION_HEAP_MIN_BLOCK;
    h->blocks--;
    h->state[unit] = 0;
    while (order + 1 < REGION_HEAP_ORDERS) {
        u32 buddy = unit ^ units_of(order);
        /* A free block of exactly this order; a smaller or used one ends the merging. */
        if (buddy >= h->units || h->state[buddy] != order + 1 ||
            units_of(order + 1) > h->units - (unit & ~units_of(order)))
            break;
        unlink_block(h, buddy, order);
        unit &= ~units_of(order);
        order++;
    }
    push(h, unit, order);
    return 0;
}

u64 region_heap_free_bytes(const region_heap_t *h)
{
    return (u64)h->units * REGION_HEAP_MIN_BLOCK - h->used_bytes;
}
