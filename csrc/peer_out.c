/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_out.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "peer_client.h"
#include "peer_shm.h"

/* A dump pauses while a socket has this much unread. */
#define DUMP_PAUSE_BYTES (512u << 10)
#define DUMP_STEP 256u
/* A socket's buffer is written in between when it has grown this much. */
#define EAGER_BYTES (64u << 10)

static void mark_dirty(peer_t *p, peer_client_t *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    p->dirty[p->dirty_count++] = c;
}

static bool over_backlog(peer_t *p, peer_client_t *c, u64 unread)
{
    if (unread <= p->options.client_backlog_bytes)
        return false;
    peer_count(p, dropped_clients, 1);
    peer_client_doom(p, c);
    return true;
}

/** Whether a fault wants this message lost. */
static bool is_dropped(peer_t *p, const u8 *body)
{
    u16 id = load_be16(body);
    u32 *drops = id < p->entries_size ? &p->entries[id].drops : NULL;
    if (drops == NULL || *drops == 0)
        return false;
    if (*drops != UINT32_MAX)
        --*drops;
    return true;
}

/* ---- sockets ---- */

static void *begin_socket(peer_t *p, peer_client_t *c, u32 bytes)
{
    if (over_backlog(p, c, peer_buffer_length(&c->out)))
        return NULL;
    u8 *frame = peer_buffer_reserve(&c->out, sizeof(msgbuf_t) + (size_t)bytes);
    if (frame == NULL)
        return NULL;
    memset(frame, 0, sizeof(msgbuf_t) + (size_t)bytes);
    store_be32(frame + offsetof(msgbuf_t, data_len), bytes);
    c->open = frame + sizeof(msgbuf_t);
    return c->open;
}

static void end_socket(peer_t *p, peer_client_t *c)
{
    u32 bytes = load_be32(c->open - sizeof(msgbuf_t) + offsetof(msgbuf_t, data_len));
    bool lost = is_dropped(p, c->open);
    c->open = NULL;
    if (lost)
        return;
    c->out.end += sizeof(msgbuf_t) + (size_t)bytes;
    peer_count(p, sent_socket, 1);
    mark_dirty(p, c);
    if (peer_buffer_length(&c->out) >= EAGER_BYTES)
        peer_out_flush(p, c);
}

/** How much of the buffer the faults let through now; sets *cut if the connection ends with it. */
static size_t fault_limit(peer_t *p, size_t length, u64 until_close, bool *cut)
{
    u32 trickle = load_relaxed(&p->trickle_bytes);
    *cut = false;
    if (trickle != 0 && length > trickle)
        length = trickle;
    if (until_close != 0 && length >= until_close) {
        length = until_close;
        *cut = true;
    }
    return length;
}

static bool flush_socket(peer_t *p, peer_client_t *c)
{
    bool moved = false, cut = false;
    if (c->pass_armed)
        return false;
    while (peer_buffer_length(&c->out) != 0 && !c->doomed) {
        /* Once: a test may set it while this goes out, and means what comes after. */
        u64 until_close = load_relaxed(&p->close_after_bytes);
        size_t length = fault_limit(p, peer_buffer_length(&c->out), until_close, &cut);
        ssize_t n = send(c->fd, c->out.bytes + c->out.start, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                peer_client_doom(p, c);
            break;
        }
        moved = true;
        peer_buffer_consume(&c->out, (size_t)n);
        if (until_close != 0) {
            bool ends = cut && (size_t)n == length;
            store_relaxed(&p->close_after_bytes, ends ? 0 : until_close - (u64)n);
            if (ends)
                peer_client_doom(p, c);
        }
        /* One write a pass; the rest when the socket is found writable again. */
        if (load_relaxed(&p->trickle_bytes) != 0)
            break;
    }
    if (c->closing && peer_buffer_length(&c->out) == 0)
        peer_client_doom(p, c);
    if (!c->doomed)
        peer_socket_update_events(p, c);
    return moved;
}

/* ---- shared memory ---- */

/** Where VPP would allocate: for what it sends outside of the handling of a request that is the classic
 * region, whatever segment its client has. */
static peer_segment_t *home_of(const peer_t *p, const peer_client_t *c)
{
    return p->unasked && p->classic != NULL ? p->classic : c->segment;
}

/** A message in shared memory; NULL: neither rings nor heap have room. */
static u8 *alloc_shared(peer_t *p, peer_segment_t *home, u32 bytes)
{
    api_segment_t *s = &home->shm;
    u32 misses = load_relaxed(&p->forced_misses);
    msgbuf_t *m = NULL;
    if (misses == 0) {
        u64 hits = s->rings.hits, missed = s->rings.misses, takeovers = s->rings.takeovers;
        m = msg_rings_alloc(&s->rings, bytes, p->now_s, NULL);
        peer_count(p, ring_hits, s->rings.hits - hits);
        peer_count(p, ring_misses, s->rings.misses - missed);
        if (s->rings.takeovers != takeovers) {
            peer_count(p, ring_takeovers, s->rings.takeovers - takeovers);
            store_relaxed(&s->hdr->garbage_collects, (i32)s->rings.takeovers);
        }
    } else if (misses != UINT32_MAX) {
        store_relaxed(&p->forced_misses, misses - 1);
    }
    if (m == NULL) {
        u64 before = s->heap.used_bytes;
        m = api_segment_alloc(s, sizeof *m + (u64)bytes);
        if (m == NULL) {
            peer_count(p, heap_failures, 1);
            return NULL;
        }
        peer_segment_count_heap(p, s->heap.used_bytes - before, 1);
        peer_count(p, heap_replies, 1);
        *m = (msgbuf_t){.q = 0, .data_len = htobe32(bytes)};
    }
    return m->data;
}

static void *begin_shm(peer_t *p, peer_client_t *c, u32 bytes)
{
    c->open_letter = NULL;
    if (c->letters.count == 0 && c->staged_count < PEER_STAGED_MAX && !c->stuck) {
        c->open_home = home_of(p, c);
        c->open = alloc_shared(p, c->open_home, bytes);
        if (c->open != NULL)
            memset(c->open, 0, bytes);
        return c->open;
    }
    /* Whoever cannot take it must not keep the shared slots from others. */
    if (over_backlog(p, c, c->letters.bytes + bytes))
        return NULL;
    c->open_letter = peer_letter_copy(NULL, bytes);
    if (c->open_letter == NULL)
        return NULL;
    memset(c->open_letter->bytes, 0, bytes);
    c->open = c->open_letter->bytes;
    return c->open;
}

static void free_shared(peer_t *p, peer_segment_t *home, u8 *body)
{
    msgbuf_t *m = (msgbuf_t *)(void *)(body - sizeof *m);
    if (load_relaxed(&m->q) != 0)
        msg_ring_release(m);
    else
        peer_segment_free_block(p, home, m);
}

static void end_shm(peer_t *p, peer_client_t *c)
{
    bool lost = is_dropped(p, c->open);
    u8 *body = c->open;
    c->open = NULL;
    if (c->open_letter != NULL) {
        if (lost) {
            free(c->open_letter);
        } else {
            peer_letters_add(&c->letters, c->open_letter);
            peer_client_activate(p, c);
        }
        c->open_letter = NULL;
        return;
    }
    if (lost) {
        free_shared(p, c->open_home, body);
        return;
    }
    c->staged[c->staged_count++] = region_va(&c->open_home->shm.api, body);
    mark_dirty(p, c);
    if (c->staged_count == PEER_STAGED_MAX)
        peer_out_flush(p, c);
}

void peer_out_set_stuck(peer_t *p, peer_client_t *c, bool stuck)
{
    if (c->stuck == stuck)
        return;
    c->stuck = stuck;
    if (stuck) {
        peer_count(p, blocked_count, 1);
        if (p->stuck_clients++ == 0)
            store_relaxed(&p->stuck_since, now_ns());
        peer_client_activate(p, c);
    } else if (--p->stuck_clients == 0) {
        peer_count(p, blocked_ns, now_ns() - p->stuck_since);
        store_relaxed(&p->stuck_since, 0);
    }
}

/** Adds what is staged. A queue that cannot be used any more dooms its client. */
static u32 push_staged(peer_t *p, peer_client_t *c)
{
    /* Once it was not to be had, the lock is not waited for: others want to be served. */
    int n = svm_queue_add_many(&c->queue, c->staged, c->staged_count, false,
                               c->stuck ? DEADLINE_NOW : deadline_in(NS_PER_MS));
    bool caught = peer_guard_caught(&p->guard);
    if (n == -ETIMEDOUT || n == -EAGAIN)
        return 0; /* somebody holds the lock: looked at again, others go on */
    if (n < 0) {
        peer_shm_drop(p, c);
        return 0;
    }
    u32 added = (u32)n;
    if (c->transport == PEER_MEMFD)
        peer_count(p, sent_memfd, added);
    else
        peer_count(p, sent_classic, added);
    c->staged_count -= added;
    memmove(c->staged, c->staged + added, c->staged_count * sizeof c->staged[0]);
    if (caught)
        peer_shm_drop(p, c);
    return added;
}

/** VPP's main thread sleeps here until the client has made room; so do we if we are asked to. */
static void block_until_room(peer_t *p, peer_client_t *c)
{
    u64 began = now_ns();
    peer_count(p, blocked_count, 1);
    while (c->staged_count != 0 && !c->doomed && load_acquire(&p->stopping) == 0) {
        int rv = svm_queue_add(&c->queue, c->staged, deadline_in(10 * NS_PER_MS));
        if (rv == 0) {
            peer_count(p, sent_classic, c->transport == PEER_CLASSIC);
            peer_count(p, sent_memfd, c->transport == PEER_MEMFD);
            c->staged_count--;
            memmove(c->staged, c->staged + 1, c->staged_count * sizeof c->staged[0]);
        } else if (rv != -ETIMEDOUT && rv != -EAGAIN) {
            peer_client_doom(p, c);
        }
        if (peer_guard_caught(&p->guard))
            peer_shm_drop(p, c);
    }
    peer_count(p, blocked_ns, now_ns() - began);
}

/** Letters become messages while there is room for them. */
static void stage_letters(peer_t *p, peer_client_t *c)
{
    while (c->letters.count != 0 && c->staged_count < PEER_STAGED_MAX &&
           svm_queue_length(&c->queue) + c->staged_count < c->queue.maxsize) {
        u8 *body = alloc_shared(p, c->segment, c->letters.first->length);
        if (body == NULL)
            return; /* the heap may have room later */
        peer_letter_t *letter = peer_letters_take(&c->letters);
        memcpy(body, letter->bytes, letter->length);
        c->staged[c->staged_count++] = region_va(&c->segment->shm.api, body);
        free(letter);
    }
}

static bool flush_shm(peer_t *p, peer_client_t *c)
{
    u32 added = 0;
    for (;;) {
        if (c->staged_count == 0)
            stage_letters(p, c);
        if (c->staged_count == 0 || c->doomed)
            break;
        u32 n = push_staged(p, c);
        added += n;
        if (c->staged_count != 0 && !c->doomed) {
            if (p->options.block_when_full == 0)
                break;
            block_until_room(p, c);
        }
    }
    if (!c->doomed)
        peer_out_set_stuck(p, c, c->staged_count != 0 || c->letters.count != 0);
    return added != 0;
}

/* ---- both ---- */

void *peer_out_begin(peer_t *p, peer_client_t *c, u32 bytes)
{
    if (c->doomed || c->closing)
        return NULL;
    void *body = c->transport == PEER_SOCKET ? begin_socket(p, c, bytes) : begin_shm(p, c, bytes);
    if (body == NULL)
        peer_count(p, dropped_messages, 1);
    return body;
}

void peer_out_end(peer_t *p, peer_client_t *c)
{
    if (c->transport == PEER_SOCKET)
        end_socket(p, c);
    else
        end_shm(p, c);
}

void peer_out_copy(peer_t *p, peer_client_t *c, const u8 *body, u32 bytes)
{
    u8 *to = peer_out_begin(p, c, bytes);
    if (to == NULL)
        return;
    memcpy(to, body, bytes);
    peer_out_end(p, c);
}

void *peer_reply_begin(peer_t *p, const peer_call_t *call, peer_msg_e msg, u32 bytes)
{
    if (call->client == NULL)
        return NULL;
    u8 *body = peer_out_begin(p, call->client, bytes);
    if (body != NULL) {
        store_be16(body, p->ids[msg]);
        store_raw32(body + 2, call->context);
    }
    return body;
}

void peer_reply_retval(peer_t *p, const peer_call_t *call, peer_msg_e msg, i32 retval)
{
    u8 *body = peer_reply_begin(p, call, msg, sizeof(peer_reply_header_t));
    if (body == NULL)
        return;
    store_be32(body + offsetof(peer_reply_header_t, retval), (u32)retval);
    peer_out_end(p, call->client);
}

u32 peer_out_room(const peer_client_t *c)
{
    if (c->doomed || c->closing)
        return DUMP_STEP; /* nothing is sent, so that the dump comes to its end */
    if (c->transport == PEER_SOCKET)
        return peer_buffer_length(&c->out) < DUMP_PAUSE_BYTES ? DUMP_STEP : 0;
    if (c->stuck || c->letters.count != 0)
        return 0;
    u32 taken = svm_queue_length(&c->queue) + c->staged_count;
    u32 room = taken < c->queue.maxsize ? c->queue.maxsize - taken : 0;
    u32 staged_room = PEER_STAGED_MAX - c->staged_count;
    return room < staged_room ? room : staged_room;
}

bool peer_out_flush(peer_t *p, peer_client_t *c)
{
    if (c->doomed)
        return false;
    return c->transport == PEER_SOCKET ? flush_socket(p, c) : flush_shm(p, c);
}

void peer_out_flush_dirty(peer_t *p)
{
    for (u32 i = 0; i < p->dirty_count; i++) {
        p->dirty[i]->dirty = false;
        peer_out_flush(p, p->dirty[i]);
    }
    p->dirty_count = 0;
}

void peer_out_forget(peer_t *p, peer_client_t *c)
{
    peer_out_set_stuck(p, c, false);
    peer_letters_clear(&c->letters);
    free(c->open_letter);
    c->open_letter = NULL;
    if (c->transport == PEER_SOCKET || c->segment == NULL)
        return;
    for (u32 i = 0; i < c->staged_count; i++) {
        peer_segment_t *home = c->segment;
        u8 *body = region_ptr(&home->shm.api, c->staged[i], 0);
        if (body == NULL && (home = p->classic) != NULL)
            body = region_ptr(&home->shm.api, c->staged[i], 0);
        if (body != NULL)
            free_shared(p, home, body);
    }
    c->staged_count = 0;
}
