/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_shm.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "peer_client.h"
#include "peer_dispatch.h"
#include "peer_out.h"

/* Messages that are taken from one queue before the next one gets its turn. */
#define POLL_BATCH 64u
/* Longest wait for the lock of a queue that somebody holds. */
#define LOCK_WAIT_NS (1 * NS_PER_MS)
/* A lock that is held this long, by a thread that does not exist, was never taken by anybody. */
#define BREAK_LOCK_NS NS_PER_S
/* Scans without a sign of life before a client's process is looked at. */
#define SCANS_UNANSWERED 2u

peer_segment_t *peer_segment_new(peer_t *p, u8 transport)
{
    if (p->segment_count == p->segments_size) {
        u32 size = p->segments_size == 0 ? 16 : p->segments_size * 2;
        peer_segment_t **grown = realloc(p->segments, size * sizeof *grown);
        if (grown == NULL)
            return NULL;
        p->segments = grown;
        p->segments_size = size;
    }
    peer_segment_t *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->transport = transport;
    p->segments[p->segment_count++] = s;
    return s;
}

void peer_segment_count_heap(peer_t *p, u64 used_delta, i32 blocks)
{
    peer_count(p, heap_used_bytes, used_delta);
    peer_count(p, heap_free_bytes, 0 - used_delta);
    store_relaxed(&p->stats.heap_blocks, p->stats.heap_blocks + (u64)(i64)blocks);
}

static void segment_free(peer_t *p, peer_segment_t *s)
{
    for (u32 i = 0; i < p->segment_count; i++) {
        if (p->segments[i] != s)
            continue;
        p->segments[i] = p->segments[--p->segment_count];
        break;
    }
    peer_segment_count_heap(p, 0 - s->shm.heap.used_bytes, -(i32)s->shm.heap.blocks);
    store_relaxed(&p->stats.heap_free_bytes,
                  p->stats.heap_free_bytes - (u64)s->shm.heap.units * REGION_HEAP_MIN_BLOCK);
    api_segment_fini(&s->shm);
    free(s);
}

void peer_segment_orphan(peer_t *p, peer_segment_t *s)
{
    s->owner = NULL;
    if (s->registrations == 0)
        segment_free(p, s);
}

void peer_segment_unregister(peer_t *p, peer_segment_t *s)
{
    s->registrations--;
    if (s->registrations != 0 || s->transport != PEER_MEMFD)
        return;
    if (s->owner != NULL)
        s->owner->segment = NULL;
    segment_free(p, s);
}

void peer_segments_clear(peer_t *p)
{
    while (p->segment_count != 0)
        segment_free(p, p->segments[0]);
    free(p->segments);
    p->segments = NULL;
    p->segments_size = 0;
    p->classic = NULL;
}

bool peer_segment_free_block(peer_t *p, peer_segment_t *s, void *block)
{
    u64 before = s->shm.heap.used_bytes;
    if (region_heap_free(&s->shm.heap, block) != 0) {
        peer_count(p, bad_addresses, 1);
        return false;
    }
    peer_segment_count_heap(p, s->shm.heap.used_bytes - before, -1);
    return true;
}

/* ---- receiving ---- */

/** A private copy: what the client changes from now on changes nothing here. NULL: no memory. */
static u8 *copy_body(peer_t *p, const u8 *body, u32 length, u64 left)
{
    size_t want = (size_t)length + PEER_SLACK_BYTES;
    if (p->scratch_size < want) {
        size_t size = want < 65536 ? 65536 : want * 2;
        u8 *grown = realloc(p->scratch, size);
        if (grown == NULL)
            return NULL;
        p->scratch = grown;
        p->scratch_size = size;
    }
    size_t there = want <= left ? want : left;
    memcpy(p->scratch, body, there);
    memset(p->scratch + there, 0, want - there);
    return p->scratch;
}

/** Gives the message back to whoever allocated it, by what its q said when it came. */
static void give_back(peer_t *p, peer_segment_t *s, u8 *header, u64 q)
{
    if (q == 0)
        peer_segment_free_block(p, s, header);
    else if (((uintptr_t)header & 7) == 0)
        msg_ring_release((msgbuf_t *)(void *)header);
    else /* nobody aligns a message so; the slot must become free all the same */
        store_raw64(header, 0);
}

static void take_message(peer_t *p, peer_segment_t *s, u64 va)
{
    u64 left;
    /* Bytes, not a msgbuf_t: the address may be odd. */
    u8 *header = va < sizeof(msgbuf_t) ? NULL
                                       : region_space_ptr(&s->shm.space, va - sizeof(msgbuf_t),
                                                          sizeof(msgbuf_t), &left);
    if (header == NULL || left == sizeof(msgbuf_t)) {
        peer_count(p, bad_addresses, 1);
        return;
    }
    left -= sizeof(msgbuf_t);
    u64 q = load_raw64(header + offsetof(msgbuf_t, q));
    u32 length = load_be32(header + offsetof(msgbuf_t, data_len));
    if (length > left || length > p->options.frame_max_bytes) {
        peer_count(p, bad_addresses, 1);
        length = 0;
    }
    if (length != 0) {
        const u8 *body = copy_body(p, header + sizeof(msgbuf_t), length, left);
        if (s->transport == PEER_MEMFD)
            peer_count(p, received_memfd, 1);
        else
            peer_count(p, received_classic, 1);
        if (body != NULL)
            peer_dispatch_shm(p, s, body, length, left);
    }
    give_back(p, s, header, q);
}

void peer_segment_guard(peer_t *p, peer_segment_t *s)
{
    s->shm.input.guard = &p->guard.base;
    for (u32 i = 0; i < s->shm.rings.count; i++)
        s->shm.rings.rings[i].queue.guard = &p->guard.base;
    for (u32 i = 0; i < s->shm.client_rings.count; i++)
        s->shm.client_rings.rings[i].queue.guard = &p->guard.base;
}

/** Nothing more is read from a segment's queue; its client goes with it. */
static void give_up(peer_t *p, peer_segment_t *s)
{
    s->broken = true;
    if (s->owner != NULL) {
        peer_count(p, dropped_clients, 1);
        peer_client_doom(p, s->owner);
    }
}

/** The input queue's lock was held: from now on it is not waited for. */
static void on_lock_held(peer_t *p, peer_segment_t *s)
{
    if (s->break_lock_at == 0) {
        s->break_lock_at = deadline_in(BREAK_LOCK_NS);
    } else if (deadline_passed(s->break_lock_at)) {
        s->break_lock_at = deadline_in(BREAK_LOCK_NS);
        if (peer_guard_break(&s->shm.input))
            peer_count(p, locks_recovered, 1);
    }
}

/** One segment; its queue may hold anything at all. */
static u32 poll_segment(peer_t *p, peer_segment_t *s)
{
    u64 addresses[POLL_BATCH];
    if (s->broken || svm_queue_length(&s->shm.input) == 0)
        return 0;
    int n = svm_queue_sub_many(&s->shm.input, addresses, POLL_BATCH,
                               s->break_lock_at == 0 ? deadline_in(LOCK_WAIT_NS) : DEADLINE_NOW);
    if (n == -ETIMEDOUT || n == -EAGAIN) {
        on_lock_held(p, s);
        return 0;
    }
    s->break_lock_at = 0;
    /* A full queue's producers could not be woken. Everybody's queue works again after that. */
    if (peer_guard_caught(&p->guard) && s->transport == PEER_MEMFD)
        give_up(p, s);
    if (n < 0) {
        if (s->transport == PEER_CLASSIC && n == -EBADMSG) {
            /* The one queue of everybody: start it anew, what was in it is lost. */
            if (svm_queue_lock(&s->shm.input, deadline_in(LOCK_WAIT_NS)) != 0)
                return 0;
            shm_queue_t *q = s->shm.input.shm;
            store_relaxed(&q->head, 0);
            store_relaxed(&q->tail, 0);
            store_relaxed(&q->cursize, 0);
            svm_queue_unlock(&s->shm.input);
            peer_count(p, locks_recovered, 1);
            return 0;
        }
        give_up(p, s);
        return 0;
    }
    for (int i = 0; i < n; i++)
        take_message(p, s, addresses[i]);
    return (u32)n;
}

bool peer_segments_poll(peer_t *p)
{
    u32 n = 0;
    /* Backwards, as a segment may leave the list on the way. */
    for (u32 i = p->segment_count; i-- > 0;)
        if (i < p->segment_count)
            n += poll_segment(p, p->segments[i]);
    return n != 0;
}

/* ---- registration ---- */

/** The serialized message table, once a segment. 0: no memory for it. */
static u64 table_address(peer_t *p, peer_segment_t *s)
{
    if (s->shm.table_va == 0) {
        u8 *bytes;
        u64 before = s->shm.heap.used_bytes;
        s->shm.table_va = api_segment_add_vector(&s->shm, p->table_serialized_bytes, &bytes);
        if (s->shm.table_va != 0) {
            peer_segment_count_heap(p, s->shm.heap.used_bytes - before, 1);
            memcpy(bytes, p->table_serialized, p->table_serialized_bytes);
        }
    }
    return s->shm.table_va;
}

/** The client's input queue, wherever in the segment it says. */
static int attach_queue(const peer_segment_t *s, u64 va, svm_queue_t *queue)
{
    u64 left;
    void *base = region_space_ptr(&s->shm.space, va, sizeof(shm_queue_t), &left);
    return base == NULL ? -EBADMSG : svm_queue_attach(queue, base, left, sizeof(u64));
}

void peer_shm_register(peer_t *p, const peer_call_t *call, bool v2)
{
    const mp_memclnt_create_t *m = (const void *)call->body;
    peer_segment_t *s = call->segment;
    svm_queue_t queue;
    u64 va = m->input_queue;
    if (attach_queue(s, va, &queue) != 0) {
        peer_count(p, bad_addresses, 1);
        return; /* there is nowhere to say so */
    }
    peer_client_t *c = peer_client_add(p, s->transport);
    if (c == NULL) {
        peer_count(p, dropped_clients, 1);
        return;
    }
    s->registrations++;
    c->segment = s;
    c->queue = queue;
    c->queue.guard = &p->guard.base;
    c->pid = (u32)load_relaxed(&queue.shm->consumer_pid);
    c->keepalive = !v2 || m->keepalive != 0;
    c->heard_until = deadline_in(p->options.keepalive_ns);
    c->scan_head = load_relaxed(&queue.shm->head);
    peer_client_set_name(p, c, m->name);

    u64 table = table_address(p, s);
    mp_memclnt_create_reply_t *r = peer_out_begin(p, c, sizeof *r);
    if (r == NULL)
        return;
    r->id = htobe16(p->ids[v2 ? PEER_MSG_memclnt_create_v2_reply : PEER_MSG_memclnt_create_reply]);
    r->context = m->context;
    r->handle = c->id;
    r->index = c->index_raw;
    r->message_table = table;
    peer_out_end(p, c);
}

void peer_shm_unregister(peer_t *p, const peer_call_t *call)
{
    const mp_memclnt_delete_t *m = (const void *)call->body;
    peer_client_t *c = peer_client_of_index(p, m->index);
    if (c == NULL || c->segment != call->segment || c->id != m->handle) {
        peer_count(p, dropped_messages, 1);
        return;
    }
    mp_memclnt_delete_reply_t *r = peer_out_begin(p, c, sizeof *r);
    if (r != NULL) {
        r->id = htobe16(p->ids[PEER_MSG_memclnt_delete_reply]);
        r->response = 1;
        r->handle = m->handle;
        peer_out_end(p, c);
        peer_out_flush(p, c);
    }
    /* It may free its queue as soon as it has the reply: nothing is sent to it from here on. */
    peer_client_doom(p, c);
}

/* ---- keepalive ---- */

void peer_shm_heard(peer_t *p, const peer_call_t *call)
{
    peer_client_t *c = peer_client_of_index(p, load_raw32(call->body + 2));
    peer_count(p, keepalives_received, 1);
    if (c == NULL || (call->segment != NULL && c->segment != call->segment)) {
        peer_count(p, dropped_messages, 1);
        return;
    }
    c->scans_unanswered = 0;
    c->heard_until = deadline_in(p->options.keepalive_ns);
}

/** A question that only a client of our own could answer; from a client ring, as VPP's comes. */
static void send_keepalive(peer_t *p, peer_client_t *c)
{
    if (svm_queue_length(&c->queue) >= c->queue.maxsize || c->stuck)
        return; /* it has something to read */
    deadline_t lock = deadline_in(LOCK_WAIT_NS);
    msgbuf_t *m = msg_rings_alloc(&c->segment->shm.client_rings, sizeof(peer_request_header_t),
                                  p->now_s, &lock);
    if (m == NULL) {
        peer_count(p, ring_misses, 1);
        return;
    }
    peer_request_header_t *h = (void *)m->data;
    h->id = htobe16(p->ids[PEER_MSG_memclnt_keepalive]);
    h->client_index = c->index_raw;
    h->context = c->index_raw;
    u64 va = region_va(&c->segment->shm.api, m->data);
    if (svm_queue_add_many(&c->queue, &va, 1, true, deadline_in(LOCK_WAIT_NS)) == 1)
        peer_count(p, keepalives_sent, 1);
    else
        msg_ring_release(m);
    if (peer_guard_caught(&p->guard))
        peer_shm_drop(p, c);
}

void peer_shm_drop(peer_t *p, peer_client_t *c)
{
    peer_count(p, dropped_clients, 1);
    peer_client_doom(p, c);
    /* The end of its socket is how it learns that. */
    if (c->segment->owner != NULL)
        peer_client_doom(p, c->segment->owner);
}

/** What a dead client did not read any more: its ring slots and heap blocks would be lost for all. */
static void free_unread(peer_t *p, peer_client_t *c)
{
    peer_segment_t *s = c->segment;
    u64 addresses[POLL_BATCH];
    u32 left = c->queue.maxsize;
    while (left != 0) {
        u32 want = left < POLL_BATCH ? left : POLL_BATCH;
        int n = svm_queue_sub_many(&c->queue, addresses, want, deadline_in(LOCK_WAIT_NS));
        (void)peer_guard_caught(&p->guard); /* it is being dropped anyway */
        if (n <= 0)
            return;
        left -= (u32)n;
        for (int i = 0; i < n; i++) {
            u64 va = addresses[i] - sizeof(msgbuf_t);
            msgbuf_t *m = region_ptr(&s->shm.api, va, sizeof *m);
            if (m == NULL || ((uintptr_t)m & 7) != 0)
                continue;
            if (load_relaxed(&m->q) == 0)
                peer_segment_free_block(p, s, m);
            else
                msg_ring_release(m);
        }
    }
}

static void scan_client(peer_t *p, peer_client_t *c)
{
    i32 head = load_relaxed(&c->queue.shm->head);
    bool moved = head != c->scan_head;
    c->scan_head = head;
    if (!c->keepalive || !deadline_passed(c->heard_until))
        return;
    if (moved) {
        c->scans_unanswered = 0;
        return;
    }
    if (c->scans_unanswered < SCANS_UNANSWERED) {
        c->scans_unanswered++;
        send_keepalive(p, c);
        return;
    }
    c->scans_unanswered = 0;
    /* A pid that the client wrote itself: 0 and negative ones would mean groups of processes. */
    i32 pid = load_relaxed(&c->queue.shm->consumer_pid);
    if (pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH)) {
        peer_count(p, reaped, 1);
        free_unread(p, c);
        peer_client_doom(p, c);
    }
}

void peer_shm_scan(peer_t *p)
{
    if (!deadline_passed(p->next_scan))
        return;
    p->next_scan = deadline_in(p->options.keepalive_ns);
    for (u32 slot = 0; slot < p->shm_clients.size; slot++) {
        peer_client_t *c = p->shm_clients.at[slot];
        if (c != NULL && !c->doomed)
            scan_client(p, c);
    }
}
