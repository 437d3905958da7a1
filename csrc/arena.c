/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <string.h>

#include "atomics.h"
#include "byteorder.h"
#include "private_msg.h"

/* Most requests have under 112 bytes; the number of small slots exceeds any depth that pays. */
static const struct {
    u32 slot_bytes, count;
} class_sizes[ARENA_CLASSES] = {{128, 1024}, {512, 192}, {4096, 24}};

/* VPP does not check lengths in shared memory: a handler reads its whole message, so what follows a
 * short one must at least be zeros, this many. */
#define ZEROS_BEYOND 256u
/* How many slots are looked at before a class counts as full. */
#define LOOK_AHEAD 16u

u64 arena_slot_bytes(void)
{
    u64 bytes = 0;
    for (int i = 0; i < ARENA_CLASSES; i++)
        bytes += (u64)class_sizes[i].slot_bytes * class_sizes[i].count;
    return bytes;
}

void arena_init(arena_t *a, u8 *base, u64 q_mark, const page_source_t *pages)
{
    memset(a, 0, sizeof *a);
    a->pages = *pages;
    a->q_mark = q_mark;
    for (int i = 0; i < ARENA_CLASSES; i++) {
        arena_class_t *c = &a->classes[i];
        *c = (arena_class_t){
            .base = base, .slot_bytes = class_sizes[i].slot_bytes, .count = class_sizes[i].count};
        for (u32 k = 0; k < c->count; k++)
            memset(base + (size_t)k * c->slot_bytes, 0, sizeof(msgbuf_t));
        base += (size_t)c->slot_bytes * c->count;
    }
}

static u32 pages_for(const arena_t *a, u32 size)
{
    u64 bytes = (u64)a->pages.header_bytes + sizeof(msgbuf_t) + size + ZEROS_BEYOND;
    return (u32)((bytes + SHM_PAGE_SIZE - 1) / SHM_PAGE_SIZE);
}

u32 arena_max_size(const arena_t *a)
{
    u32 largest = class_sizes[ARENA_CLASSES - 1].slot_bytes - (u32)sizeof(msgbuf_t);
    u64 pages = (u64)a->pages.max_pages * SHM_PAGE_SIZE;
    u64 overhead = a->pages.header_bytes + sizeof(msgbuf_t) + ZEROS_BEYOND;
    return pages > largest + overhead ? (u32)(pages - overhead) : largest;
}

static void *take_buffer(arena_t *a, u8 *buffer, u32 buffer_bytes, u32 size, bool zero)
{
    msgbuf_t *m = (void *)buffer;
    m->data_len = htobe32(size);
    m->gc_mark = 0;
    store_relaxed(&m->q, a->q_mark);
    u32 room = buffer_bytes - (u32)sizeof *m;
    u32 end = size + ZEROS_BEYOND < room ? size + ZEROS_BEYOND : room;
    u32 start = zero ? 0 : size;
    memset(m->data + start, 0, end - start);
    return m->data;
}

static void *take_slot(arena_t *a, arena_class_t *c, u32 size, bool zero)
{
    u32 tries = c->count < LOOK_AHEAD ? c->count : LOOK_AHEAD;
    for (u32 i = 0; i < tries; i++) {
        u8 *slot = c->base + (size_t)c->cursor * c->slot_bytes;
        c->cursor = c->cursor + 1 == c->count ? 0 : c->cursor + 1;
        /* Acquire: VPP's last read of the message is before its store of 0. */
        if (load_acquire(&((msgbuf_t *)(void *)slot)->q) == 0)
            return take_buffer(a, slot, c->slot_bytes, size, zero);
    }
    return NULL;
}

bool arena_sweep(arena_t *a)
{
    for (u32 i = 0; i < a->long_count;) {
        msgbuf_t *m = (void *)(a->longs[i].run + a->pages.header_bytes);
        if (load_acquire(&m->q) != 0) {
            i++;
            continue;
        }
        a->pages.free(a->pages.context, a->longs[i].run, a->longs[i].pages);
        a->longs[i] = a->longs[--a->long_count];
    }
    return a->long_count == 0;
}

static void *take_long(arena_t *a, u32 size, bool zero)
{
    u32 pages = pages_for(a, size);
    arena_sweep(a);
    if (a->long_count == ARENA_LONG_MAX || pages > a->pages.max_pages)
        return NULL;
    u8 *run = a->pages.alloc(a->pages.context, pages);
    if (run == NULL)
        return NULL;
    a->longs[a->long_count].run = run;
    a->longs[a->long_count++].pages = pages;
    return take_buffer(a, run + a->pages.header_bytes,
                       pages * SHM_PAGE_SIZE - a->pages.header_bytes, size, zero);
}

void *arena_alloc(arena_t *a, u32 size, bool zero)
{
    bool fits_slot = false;
    for (int i = 0; i < ARENA_CLASSES; i++) {
        arena_class_t *c = &a->classes[i];
        if (size + sizeof(msgbuf_t) > c->slot_bytes)
            continue;
        fits_slot = true;
        void *body = take_slot(a, c, size, zero);
        if (body != NULL)
            return body;
    }
    return fits_slot ? NULL : take_long(a, size, zero);
}

void arena_free(void *body)
{
    /* Release: whoever takes the buffer next sees our last access before it. */
    store_release(&msgbuf_of(body)->q, 0);
}

u32 arena_busy(arena_t *a)
{
    u32 busy = 0;
    for (int i = 0; i < ARENA_CLASSES; i++)
        for (u32 k = 0; k < a->classes[i].count; k++) {
            msgbuf_t *m = (void *)(a->classes[i].base + (size_t)k * a->classes[i].slot_bytes);
            busy += load_acquire(&m->q) != 0;
        }
    arena_sweep(a);
    return busy + a->long_count;
}
