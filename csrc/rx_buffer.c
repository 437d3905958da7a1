/* SPDX-License-Identifier: Apache-2.0 */
#include "rx_buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "byteorder.h"

/* Large enough for a depth of a thousand small replies a read, small enough to hold on to. */
#define CHUNK_BYTES (64u << 10)
/* With less room than this at its end a chunk is left, as reads would get short. */
#define SMALL_ROOM (4u << 10)

struct rx_chunk {
    u32 refs; /* messages handed out, and one for the buffer that fills it */
    u32 size;
    u8 bytes[];
};

/* A block's address is even, so the lowest bit of q tells a chunk from a private block. */
#define CHUNK_BIT 1ull

static rx_chunk_t *chunk_alloc(u32 size)
{
    rx_chunk_t *c = malloc(sizeof *c + size);
    if (c != NULL) {
        c->refs = 1;
        c->size = size;
    }
    return c;
}

static void chunk_unref(rx_chunk_t *c)
{
    if (__atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(c);
}

/** Bytes that the frame under way needs from `parsed` on; 0 when even its header is not there. */
static u64 frame_bytes(const rx_buffer_t *rx)
{
    if (rx->chunk == NULL || rx->filled - rx->parsed < sizeof(msgbuf_t))
        return 0;
    const u8 *header = rx->chunk->bytes + rx->parsed;
    return sizeof(msgbuf_t) + (u64)load_be32(header + offsetof(msgbuf_t, data_len));
}

/** Moves what is not parsed to the start of a chunk with room for `need` bytes. */
static bool change_chunk(rx_buffer_t *rx, u64 need)
{
    u32 left = rx->filled - rx->parsed;
    rx_chunk_t *old = rx->chunk, *fresh = NULL;
    /* Nobody else holds a message in it: the same chunk serves again. */
    if (old != NULL && old->size >= need && load_acquire(&old->refs) == 1) {
        memmove(old->bytes, old->bytes + rx->parsed, left);
    } else {
        if (rx->spare != NULL && rx->spare->size >= need) {
            fresh = rx->spare;
            rx->spare = NULL;
        } else {
            fresh = chunk_alloc(need > CHUNK_BYTES ? (u32)need : CHUNK_BYTES);
        }
        if (fresh == NULL)
            return false;
        if (left != 0)
            memcpy(fresh->bytes, old->bytes + rx->parsed, left);
        if (old != NULL && rx->spare == NULL && old->size == CHUNK_BYTES &&
            load_acquire(&old->refs) == 1)
            rx->spare = old;
        else if (old != NULL)
            chunk_unref(old);
        rx->chunk = fresh;
    }
    rx->parsed = 0;
    rx->filled = left;
    return true;
}

u8 *rx_buffer_room(rx_buffer_t *rx, u32 *bytes)
{
    u64 frame = frame_bytes(rx);
    u64 need = frame == 0 ? sizeof(msgbuf_t) : frame;
    if (rx->chunk != NULL && rx->parsed == rx->filled && load_acquire(&rx->chunk->refs) == 1)
        rx->parsed = rx->filled = 0;
    u32 room = rx->chunk == NULL ? 0 : rx->chunk->size - rx->filled;
    bool fits = rx->chunk != NULL && need <= rx->chunk->size - rx->parsed;
    /* Little room is enough to finish a long frame, but makes many short reads of short ones. */
    bool enough = room >= SMALL_ROOM || (room != 0 && need > CHUNK_BYTES);
    if (!(fits && enough) && !change_chunk(rx, need > CHUNK_BYTES ? need + SMALL_ROOM : need))
        return NULL;
    *bytes = rx->chunk->size - rx->filled;
    return rx->chunk->bytes + rx->filled;
}

void rx_buffer_filled(rx_buffer_t *rx, u32 bytes) { rx->filled += bytes; }

bool rx_buffer_has_frame(const rx_buffer_t *rx)
{
    u64 frame = frame_bytes(rx);
    return frame != 0 && frame <= rx->filled - rx->parsed;
}

int rx_buffer_next(rx_buffer_t *rx, msg_ref_t *ref)
{
    u64 frame = frame_bytes(rx);
    if (frame > sizeof(msgbuf_t) + RX_LARGEST_BODY)
        return -EBADMSG;
    if (frame == 0 || frame > rx->filled - rx->parsed)
        return 0;
    u8 *header = rx->chunk->bytes + rx->parsed;
    store_raw64(header + offsetof(msgbuf_t, q), (u64)(uintptr_t)rx->chunk | CHUNK_BIT);
    fetch_add_relaxed(&rx->chunk->refs, 1);
    rx->parsed += (u32)frame;
    *ref = (msg_ref_t){.body = header + sizeof(msgbuf_t), .size = (u32)(frame - sizeof(msgbuf_t))};
    return 1;
}

static u64 owner_of(const void *body)
{
    return load_raw64((const u8 *)body - sizeof(msgbuf_t) + offsetof(msgbuf_t, q));
}

bool rx_buffer_owns(const void *body) { return (owner_of(body) & CHUNK_BIT) != 0; }

void rx_buffer_release(void *body)
{
    chunk_unref((rx_chunk_t *)(uintptr_t)(owner_of(body) & ~CHUNK_BIT));
}

void rx_buffer_clear(rx_buffer_t *rx)
{
    if (rx->chunk != NULL)
        chunk_unref(rx->chunk);
    if (rx->spare != NULL)
        chunk_unref(rx->spare);
    memset(rx, 0, sizeof *rx);
}
