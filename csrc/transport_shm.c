/* SPDX-License-Identifier: Apache-2.0 */
#include "transport_shm.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomics.h"
#include "byteorder.h"
#include "handshake.h"

/* Elements that go through a queue under one lock. */
#define BATCH 64u
/* How long the mutex of a queue is waited for, whose holder may have been preempted in it, or stopped.
 * Who can wait longer tries again, with a look at its deadline. */
#define LOCK_PATIENCE_NS (50 * NS_PER_MS)
/* A sleep looks around this often: there is no descriptor for a VPP that died. */
#define SLEEP_SLICE_NS (50 * NS_PER_MS)
#define LOOK_NS (20 * NS_PER_MS)
/* More messages than this waiting: a burst. */
#define HOLD_BELOW 16u
/* VPP takes a ring message back ten seconds after it first missed it. */
#define HELD_SAFE_NS (8 * NS_PER_S)
/* Between two tries to get into a full queue of VPP. Not its condition variable: a process killed in
 * there can make VPP's next broadcast wait for ever. */
#define ROOM_PAUSE_NS (30 * NS_PER_US)
/* A process number that no process has. */
#define NO_PROCESS INT32_MAX
/* So many blocks of VPP's heap may wait for room in its queue to go back. Beyond that they go first: each
 * request that took the place of one would bring another block, until the heap is full and VPP aborts. */
#define MOST_RETURNS 64u

static shm_transport_t *shm_of(transport_t *t) { return (shm_transport_t *)t; }

static int lose(shm_transport_t *s, int e, const char *what)
{
    error_rec_t why;
    error_set(&why, VAPI_ECONNRESET, e, "the connection to VPP is lost: %s", what);
    transport_lose(&s->base, &why);
    store_release(&s->gone, true);
    return -ECONNRESET;
}

static int queue_error(shm_transport_t *s, int rv)
{
    if (rv == -EBADMSG)
        return lose(s, EBADMSG, "a queue in shared memory is corrupt");
    if (rv == -ENOTRECOVERABLE)
        return lose(s, ENOTRECOVERABLE, "the mutex of a queue in shared memory is beyond repair");
    return rv == -ETIMEDOUT ? -EAGAIN : rv;
}

/* ---- sending */

static bool returns_come_first(const shm_transport_t *s)
{
    return load_relaxed(&s->returns.count) > MOST_RETURNS ||
           load_relaxed(&s->primary_returns.count) > MOST_RETURNS;
}

static void *shm_alloc(transport_t *t, u32 size)
{
    void *body = arena_alloc(&shm_of(t)->arena, size, true);
    if (body != NULL)
        fetch_add_relaxed(&shm_of(t)->unsent, 1);
    return body;
}

static bool shm_made(transport_t *t, const void *body)
{
    const shm_transport_t *s = shm_of(t);
    return region_holds(s->own, body) && load_relaxed(&msgbuf_of(body)->q) == s->arena.q_mark;
}

static void shm_unsend(transport_t *t, void *body)
{
    shm_transport_t *s = shm_of(t);
    __atomic_fetch_sub(&s->unsent, 1, __ATOMIC_RELAXED);
    if (!load_acquire(&s->closed))
        arena_free(body);
}

/** Adds addresses to a queue of VPP: how many, or an error. */
static int enqueue(shm_transport_t *s, svm_queue_t *queue, const u64 *addresses, u32 count,
                   bool all)
{
    if (load_relaxed(&s->gone))
        return -ECONNRESET;
    /* The lock is mostly free: to look at the clock for it first would cost as much as the rest. */
    int n = svm_queue_add_many(queue, addresses, count, all, DEADLINE_NOW);
    if (n == -EAGAIN)
        n = svm_queue_add_many(queue, addresses, count, all, deadline_in(LOCK_PATIENCE_NS));
    store_relaxed(&s->seen_head, (u32)load_relaxed(&s->vpp_queue.shm->head));
    return n < 0 && n != -EAGAIN ? queue_error(s, n) : n;
}

static int shm_send(transport_t *t, void *const *bodies, u32 count, bool all)
{
    shm_transport_t *s = shm_of(t);
    u64 addresses[BATCH];
    u32 sent = 0;
    if (all && count > BATCH)
        return -EINVAL;
    if (returns_come_first(s))
        return load_relaxed(&s->gone) ? -ECONNRESET : -EAGAIN;
    while (sent < count) {
        u32 n = count - sent < BATCH ? count - sent : BATCH;
        for (u32 i = 0; i < n; i++)
            addresses[i] = region_va(s->own, bodies[sent + i]);
        int rv = enqueue(s, &s->vpp_queue, addresses, n, all);
        if (rv < 0)
            return sent != 0 ? (int)sent : rv;
        sent += (u32)rv;
        __atomic_fetch_sub(&s->unsent, (u32)rv, __ATOMIC_RELAXED);
        if ((u32)rv < n)
            break;
    }
    return sent == 0 && count != 0 ? -EAGAIN : (int)sent;
}

static int shm_send_copies(transport_t *t, const out_batch_t *batch, u32 first, u32 count)
{
    shm_transport_t *s = shm_of(t);
    u64 addresses[BATCH];
    void *bodies[BATCH];
    u32 n = 0;
    while (n < count && n < BATCH && !returns_come_first(s)) {
        void *body = arena_alloc(&s->arena, out_size(batch, first + n), false);
        if (body == NULL)
            break;
        out_copy(batch, first + n, body);
        bodies[n] = body;
        addresses[n++] = region_va(s->own, body);
    }
    int sent = n != 0                   ? enqueue(s, &s->vpp_queue, addresses, n, false)
               : load_relaxed(&s->gone) ? -ECONNRESET
                                        : -EAGAIN;
    for (u32 i = sent < 0 ? 0 : (u32)sent; i < n; i++)
        arena_free(bodies[i]);
    return sent == 0 && count != 0 ? -EAGAIN : sent;
}

static int shm_flush(transport_t *t)
{
    (void)t;
    return 0;
}

/* ---- receiving */

static void flush_list(shm_transport_t *s, returns_t *r, svm_queue_t *queue)
{
    while (r->count != 0) {
        u32 n = r->count < BATCH ? r->count : BATCH;
        int sent = enqueue(s, queue, r->at + r->count - n, n, true);
        if (sent < 0 && n > 1)
            sent = enqueue(s, queue, r->at + r->count - (n = 1), 1, true);
        if (sent <= 0)
            return;
        store_relaxed(&r->count, r->count - n);
    }
}

/** Sends heap blocks back to VPP, which frees them. */
static void flush_returns(shm_transport_t *s)
{
    flush_list(s, &s->returns, &s->vpp_queue);
    flush_list(s, &s->primary_returns, &s->primary_queue);
}

static bool any_returns(const shm_transport_t *s)
{
    return load_relaxed(&s->returns.count) != 0 || load_relaxed(&s->primary_returns.count) != 0;
}

static void return_later(shm_transport_t *s, returns_t *r, u64 va)
{
    if (r->count == r->room) {
        u32 room = r->room == 0 ? 64 : r->room * 2;
        u64 *larger = realloc(r->at, room * sizeof *larger);
        if (larger == NULL)
            return;
        r->at = larger;
        r->room = room;
    }
    r->at[r->count] = va;
    store_relaxed(&r->count, r->count + 1);
    STAT_ADD(&s->base, returned, 1);
}

static void return_to_sender(shm_transport_t *s, u8 *body, u32 size, u64 va)
{
    if (s->base.kind != VAPI_TRANSPORT_MEMFD || region_holds(&s->regions[0], body)) {
        /* Its body becomes a sign of life; six bytes of it, as the block may have no more. */
        store_be16(body, ID_MEMCLNT_KEEPALIVE_REPLY);
        store_raw32(body + 2, s->base.client_index_raw);
        return_later(s, &s->returns, va);
    } else if (size >= sizeof(msg_control_ping_t) && s->primary_queue.shm != NULL) {
        /* A block of the classic region's heap in the queue of a private segment: only through its own
           queue it finds its own heap, and there this client has no index. The ping of a client that
           cannot exist is dropped without a word, and freed. */
        store_be16(body, ID_CONTROL_PING);
        store_raw32(body + 2, UINT32_MAX);
        store_raw32(body + 6, 0);
        return_later(s, &s->primary_returns, va);
    } /* else VPP keeps the block: a leak there is better than a crash here */
}

static void ring_release(void *body)
{
    msgbuf_t *m = msgbuf_of(body);
    store_relaxed(&m->gc_mark, 0);
    /* Release: VPP reuses the slot as soon as it sees 0. */
    store_release(&m->q, 0);
}

/** Checks one address from our queue and makes a reference of it; false when it is refused. */
static bool accept(shm_transport_t *s, u64 va, msg_ref_t *ref)
{
    u64 left;
    msgbuf_t *m =
        va < sizeof *m ? NULL : region_space_ptr(&s->space, va - sizeof *m, sizeof *m + 2, &left);
    if (m == NULL || ((uintptr_t)m & 7) != 0) {
        STAT_ADD(&s->base, bad, 1);
        return false;
    }
    u64 q = load_acquire(&m->q);
    u32 size = be32toh(load_relaxed(&m->data_len));
    bool possible = size >= 2 && size <= left - sizeof *m;
    if (!possible)
        STAT_ADD(&s->base, bad, 1);
    if (q != 0) {
        if (!possible)
            ring_release(m->data);
        *ref = (msg_ref_t){.body = m->data, .size = size};
        return possible;
    }
    void *copy = possible ? private_msg_copy(m->data, size) : NULL;
    return_to_sender(s, m->data, possible ? size : 0, va);
    *ref = (msg_ref_t){.body = copy, .size = size};
    return copy != NULL;
}

static int shm_take(transport_t *t, msg_ref_t *refs, u32 max)
{
    shm_transport_t *s = shm_of(t);
    u64 addresses[BATCH];
    u32 count = 0;
    if (any_returns(s))
        flush_returns(s);
    while (count < max && svm_queue_length(&s->own_queue) != 0) {
        u32 want = max - count < BATCH ? max - count : BATCH;
        int n = svm_queue_sub_many(&s->own_queue, addresses, want, DEADLINE_NOW);
        if (n == -EAGAIN)
            n = svm_queue_sub_many(&s->own_queue, addresses, want, deadline_in(LOCK_PATIENCE_NS));
        if (n <= 0) {
            /* Where the lock is not to be had, nothing is there yet. */
            int rv = n == 0 ? 0 : queue_error(s, n);
            return count != 0 ? (int)count : rv == -EAGAIN ? 0 : rv;
        }
        for (int i = 0; i < n; i++) {
            const u8 *next = region_space_ptr(&s->space, addresses[i], 1, NULL);
            if (next != NULL)
                __builtin_prefetch(next - sizeof(msgbuf_t), 1);
        }
        for (int i = 0; i < n; i++)
            if (accept(s, addresses[i], &refs[count]))
                count++;
    }
    if (any_returns(s))
        flush_returns(s);
    if (count == 0 && load_relaxed(&s->gone))
        return -ECONNRESET;
    return (int)count;
}

static bool in_regions(const shm_transport_t *s, const void *body)
{
    for (u32 i = 0; i < s->space.count; i++)
        if (region_holds(s->space.regions[i], body))
            return true;
    return false;
}

static void shm_release(transport_t *t, void *body)
{
    if (in_regions(shm_of(t), body))
        ring_release(body);
    else
        private_msg_free(body);
}

static void *shm_hold(transport_t *t, void *body, u32 size)
{
    shm_transport_t *s = shm_of(t);
    if (!in_regions(s, body))
        return body;
    pthread_mutex_lock(&s->held_lock);
    /* A slot that is kept stops its ring, and VPP then allocates from its heap: not while messages
       stream in. */
    bool kept = s->held_count < SHM_HELD_MAX && svm_queue_length(&s->own_queue) < HOLD_BELOW;
    if (kept) {
        s->held[s->held_count].body = body;
        s->held[s->held_count++].since_ns = now_ns();
    }
    pthread_mutex_unlock(&s->held_lock);
    if (kept)
        return body;
    STAT_ADD(t, copied, 1);
    void *copy = private_msg_copy(body, size);
    ring_release(body);
    return copy;
}

static void shm_free_held(transport_t *t, void *body)
{
    shm_transport_t *s = shm_of(t);
    u64 since = 0;
    if (!in_regions(s, body)) {
        private_msg_free(body);
        return;
    }
    pthread_mutex_lock(&s->held_lock);
    for (u32 i = 0; i < s->held_count; i++)
        if (s->held[i].body == body) {
            since = s->held[i].since_ns;
            s->held[i] = s->held[--s->held_count];
            break;
        }
    pthread_mutex_unlock(&s->held_lock);
    if (since == 0)
        shm_unsend(t, body); /* not received: one of our own that was never sent */
    else if (now_ns() - since < HELD_SAFE_NS)
        ring_release(body);
    /* else VPP may have taken the slot back already: it is not ours to free any more */
}

static bool shm_owns(transport_t *t, const void *body) { return in_regions(shm_of(t), body); }

static u32 shm_held(transport_t *t)
{
    return load_relaxed(&shm_of(t)->held_count) + load_relaxed(&shm_of(t)->unsent);
}

/** Whether blocks of VPP's heap wait to go back, and take() would find room for them. */
static bool can_return(const shm_transport_t *s)
{
    return (load_relaxed(&s->returns.count) != 0 &&
            svm_queue_length(&s->vpp_queue) < s->vpp_queue.maxsize) ||
           (load_relaxed(&s->primary_returns.count) != 0 &&
            svm_queue_length(&s->primary_queue) < s->primary_queue.maxsize);
}

static bool shm_is_quiet(transport_t *t)
{
    shm_transport_t *s = shm_of(t);
    return arena_busy(&s->arena) <= load_relaxed(&s->unsent);
}

static bool shm_waiting(transport_t *t)
{
    shm_transport_t *s = shm_of(t);
    return svm_queue_length(&s->own_queue) != 0 || can_return(s) || load_relaxed(&s->gone);
}

/* ---- waiting */

static int shm_look(transport_t *t)
{
    shm_transport_t *s = shm_of(t);
    if (load_relaxed(&s->gone))
        return -ECONNRESET;
    store_relaxed(&s->next_look_ns, now_ns() + LOOK_NS);
    if (bell_broken(&s->bell))
        return lose(s, ECONNRESET, "VPP closed its socket");
    if (s->watch_pid && kill(t->server_pid, 0) != 0 && errno == ESRCH)
        return lose(s, ESRCH, "VPP's process is gone");
    if (s->path[0] != 0 && !region_file_is_current(&s->regions[0], s->path))
        return lose(s, ESTALE, "VPP was restarted: its shared memory is another file now");
    return 0;
}

static int shm_alive(transport_t *t)
{
    shm_transport_t *s = shm_of(t);
    if (!load_relaxed(&s->gone) && now_ns() < load_relaxed(&s->next_look_ns))
        return 0;
    return shm_look(t);
}

static bool ring(shm_transport_t *s)
{
    if (!bell_ring(&s->bell))
        return false;
    STAT_ADD(&s->base, bells, 1);
    return true;
}

/** Whether something of ours (or of others) waits that VPP has not looked at, and it is not just working
 * through its queue, which it does to the end. Of a private one it takes one message, and may sleep. */
static bool is_vpp_asleep(shm_transport_t *s)
{
    u32 head = (u32)load_relaxed(&s->vpp_queue.shm->head);
    bool works = s->base.kind == VAPI_TRANSPORT_SHM && load_relaxed(&s->seen_head) != head;
    store_relaxed(&s->seen_head, head);
    return !works && svm_queue_length(&s->vpp_queue) != 0;
}

/** Gives VPP some work, if that pays now. */
static bool rouse(shm_transport_t *s)
{
    transport_t *t = &s->base;
    u64 addresses[ROUSE_MOST];
    if (t->kind != VAPI_TRANSPORT_SHM)
        return false; /* of a private queue VPP takes one message a loop: no work that lasts */
    u32 count = rouse_decide(&s->rouse, now_ns(), load_relaxed(&t->stats->sent));
    if (count == 0 || svm_queue_length(&s->vpp_queue) + count > s->vpp_queue.maxsize * 3 / 4)
        return false;
    u32 n = 0;
    for (; n < count; n++) {
        msg_plain_reply_t *m = arena_alloc(&s->arena, sizeof *m, false);
        if (m == NULL)
            break;
        *m = (msg_plain_reply_t){.id = htobe16(ID_MEMCLNT_KEEPALIVE_REPLY),
                                 .context = t->client_index_raw};
        addresses[n] = region_va(s->own, m);
    }
    int added = enqueue(s, &s->vpp_queue, addresses, n, false);
    for (u32 i = added < 0 ? 0 : (u32)added; i < n; i++)
        arena_free(region_ptr(s->own, addresses[i], 0));
    if (added > 0)
        STAT_ADD(t, roused, (u64)added);
    return added > 0;
}

static bool shm_wake(transport_t *t, bool *roused)
{
    shm_transport_t *s = shm_of(t);
    if (s->bell.fd < 0 || !is_vpp_asleep(s))
        return false;
    if (roused != NULL)
        *roused = rouse(s);
    return ring(s);
}

static bool shm_trickles(transport_t *t)
{
    (void)t;
    return false; /* a message costs VPP the same, whether others wait or not */
}

static int shm_sleep(transport_t *t, bool for_room, deadline_t deadline)
{
    shm_transport_t *s = shm_of(t);
    u32 pokes = load_acquire(&s->pokes);
    if (svm_queue_length(&s->vpp_queue) != 0)
        ring(s);
    for (;;) {
        int rv;
        if (load_acquire(&s->pokes) != pokes)
            return 0;
        if (for_room) {
            struct timespec pause = {.tv_nsec = ROOM_PAUSE_NS};
            nanosleep(&pause, NULL);
            rv = 0;
        } else if (can_return(s)) {
            rv = 0;
        } else {
            /* Nobody wakes us when VPP has room for what goes back to its heap. */
            u64 slice = any_returns(s) ? ROOM_PAUSE_NS : SLEEP_SLICE_NS;
            rv = svm_queue_wait_nonempty(&s->own_queue, deadline_slice(deadline, slice));
        }
        if (rv == 0)
            return shm_alive(t) == 0 || !for_room ? 0 : -ECONNRESET;
        if (rv != -ETIMEDOUT && rv != -EINTR)
            return queue_error(s, rv);
        if (shm_alive(t) != 0)
            return -ECONNRESET;
        if (deadline_passed(deadline))
            return -ETIMEDOUT;
        /* The caller looks around: a poke that came before pokes was read above is not seen here. */
        if (rv == -ETIMEDOUT)
            return 0;
    }
}

static void shm_poke(transport_t *t)
{
    shm_transport_t *s = shm_of(t);
    fetch_add_acq_rel(&s->pokes, 1);
    /* Under the lock: a sleeper that has looked at the count is in the wait by then. */
    if (svm_queue_lock(&s->own_queue, deadline_in(LOCK_PATIENCE_NS)) == 0) {
        svm_queue_wake(&s->own_queue);
        svm_queue_unlock(&s->own_queue);
    }
}

static u32 shm_capacity(transport_t *t)
{
    /* Half for answers that are counted, half for what comes unasked. */
    return shm_of(t)->own_queue.maxsize / 2;
}

static u32 shm_backlog(transport_t *t) { return svm_queue_length(&shm_of(t)->own_queue); }

/* ---- leaving */

static int shm_show(transport_t *t)
{
    (void)t; /* the drain thread watches the queue */
    return 0;
}

static void shm_settle(transport_t *t, u16 id_control_ping)
{
    bell_arm(&shm_of(t)->bell, id_control_ping);
}

static void shm_disown(transport_t *t)
{
    shm_of(t)->release_memory = NULL;
    shm_of(t)->disowned = true;
}

static int shm_leave(transport_t *t)
{
    shm_transport_t *s = shm_of(t);
    flush_returns(s);
    msg_memclnt_delete_t *m = shm_alloc(t, sizeof *m);
    if (m == NULL)
        return -EAGAIN;
    m->id = htobe16(ID_MEMCLNT_DELETE);
    m->index = t->client_index_raw;
    m->handle = s->handle;
    void *body = m;
    int rv = shm_send(t, &body, 1, true);
    if (rv < 0)
        shm_unsend(t, body);
    return rv < 0 ? rv : 0;
}

static bool shm_is_goodbye(transport_t *t, const void *body, u32 size)
{
    (void)t;
    return size >= 2 && load_be16(body) == ID_MEMCLNT_DELETE_REPLY;
}

static void shm_close(transport_t *t, bool clean)
{
    shm_transport_t *s = shm_of(t);
    bool was_gone = exchange_acq_rel(&s->gone, true);
    /* VPP frees the goodbye after it answered; our memory is its until then. A private segment it has unmapped
       by now, the goodbye in it. */
    store_release(&s->closed, true);
    deadline_t patience = deadline_in(NS_PER_S);
    while (clean && t->kind == VAPI_TRANSPORT_SHM && s->own != NULL &&
           arena_busy(&s->arena) > load_relaxed(&s->unsent)) {
        if (deadline_passed(patience)) {
            clean = false;
            break;
        }
        struct timespec pause = {.tv_nsec = ROOM_PAUSE_NS};
        nanosleep(&pause, NULL);
    }
    /* VPP asks for the process of a client that is silent, and keeps it while that lives. This one is not
       coming back for what it has in VPP, be it a registration whose answer it did not wait for. */
    if (!clean && !s->disowned && s->own != NULL)
        store_relaxed(&s->own_queue.shm->consumer_pid, NO_PROCESS);
    if (s->release_memory != NULL)
        s->release_memory(s, clean);
    s->release_memory = NULL;
    bell_close(&s->bell, !s->disowned && !was_gone);
    transport_close_fds(t);
    free(s->returns.at);
    free(s->primary_returns.at);
    s->returns = s->primary_returns = (returns_t){0};
}

static void shm_destroy(transport_t *t)
{
    shm_transport_t *s = shm_of(t);
    for (u32 i = 0; i < 2; i++)
        region_unmap(&s->regions[i]);
    pthread_mutex_destroy(&s->held_lock);
    rouse_fini(&s->rouse);
    free(s->page_map);
    msg_table_free(t->table);
    free(s);
}

static bool shm_buffered(transport_t *t) { return shm_waiting(t); }

const transport_ops_t shm_ops = {
    .alloc = shm_alloc,
    .made = shm_made,
    .unsend = shm_unsend,
    .send = shm_send,
    .send_copies = shm_send_copies,
    .flush = shm_flush,
    .take = shm_take,
    .release = shm_release,
    .hold = shm_hold,
    .free_held = shm_free_held,
    .owns = shm_owns,
    .held = shm_held,
    .is_quiet = shm_is_quiet,
    .waiting = shm_waiting,
    .buffered = shm_buffered,
    .trickles = shm_trickles,
    .sleep = shm_sleep,
    .wake = shm_wake,
    .poke = shm_poke,
    .alive = shm_alive,
    .look = shm_look,
    .capacity = shm_capacity,
    .backlog = shm_backlog,
    .show = shm_show,
    .settle = shm_settle,
    .leave = shm_leave,
    .is_goodbye = shm_is_goodbye,
    .disown = shm_disown,
    .close = shm_close,
    .destroy = shm_destroy,
};
