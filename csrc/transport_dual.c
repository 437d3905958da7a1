/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared memory for what has one small answer, a socket for what may have many or long ones, or events.
 *
 * Why: VPP takes messages that its rings have no room for from the heap of the shared segment, a few
 * megabytes, and aborts when that is full. A client frees such a message by sending it back, but VPP
 * looks at what is sent back only between requests, and it answers a dump in one go. So a client that
 * falls behind in a dump, be it for milliseconds, can bring VPP down; and one that is killed in a dump
 * leaves VPP waiting for its full queue for ever. Over a socket VPP does neither.
 *
 * Order: requests are seen by VPP in the order they were sent, and answers come in that order, as on
 * one transport. Before the first request goes to the socket, those in shared memory have been
 * handled; from then on all go to the socket, and a ping of our own behind each batch tells when it
 * is empty again. Only then the next one may go to shared memory.
 *
 * Events: VPP sends them to the client that asked for them, at any time, also when the socket is not
 * looked at. So a request for events waits for its turn to go through shared memory. A client that
 * could not see them there (see attach_memfd.c) asks by socket, and uses the socket alone from then on.
 */
#include "transport_dual.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "byteorder.h"
#include "handshake.h"
#include "msg_kind.h"
#include "rx_buffer.h"

#define CONNECT_NS (2 * NS_PER_S)
/* VPP frees a request a moment after it answered it. */
#define QUIET_SPINS 2000
/* While answers come by socket, one that comes through shared memory is seen this much later at most. */
#define LOOK_ASIDE_NS NS_PER_MS
/* The same when only signs of life come there any more. */
#define LOOK_ASIDE_RARELY_NS (50 * NS_PER_MS)
#define BATCH 64u
/* Contexts of the marker pings: below the bit that those of requests have. */
#define MARKER_CONTEXT 0x56000000u
#define MARKER_MASK 0x00ffffffu

typedef struct {
    transport_t base;
    transport_t *fast;
    transport_t *wide; /* NULL until it is needed */
    char path[SOCKIO_MAX_PATH + 1];
    char name[CLIENT_NAME_BYTES];
    u8 *kinds;
    u32 kinds_count;
    bool large_over_shm;
    u16 id_control_ping, id_control_ping_reply;
    u32 marker_sent; /* send lock */
    u32 marker_seen; /* receive lock */
    bool marker_owed; /* send lock: there was no room for it behind what it marks the end of */
    bool subscribed; /* events come by socket: everything does, for good; set under the send lock */
    bool
        settling; /* send lock: a request waits until the socket is idle; nothing goes there before */
    bool shown; /* the program looks at the descriptor */
    u32 clash; /* send lock: the number that the context of the program's last such ping would be */
    /* receive lock: the last look for markers found the one that ends it. From then on requests may go
       through shared memory, and others behind those by socket: what comes by socket now is not to be
       taken before shared memory was looked at again. */
    bool idle;
    msg_ref_t next; /* receive lock: taken from the socket in search of a marker; body NULL: none */
} dual_transport_t;

static dual_transport_t *dual_of(transport_t *t) { return (dual_transport_t *)t; }

/* ---- which way */

static msg_kind_t kind_of(const dual_transport_t *d, const void *bytes)
{
    u16 id = load_be16(bytes);
    return id < d->kinds_count ? (msg_kind_t)d->kinds[id] : MSG_KIND_PLAIN;
}

static bool is_wide_busy(dual_transport_t *d)
{
    /* Acquire all: what is looked at next is looked at after this. */
    return load_acquire(&d->subscribed) ||
           load_acquire(&d->marker_seen) != load_acquire(&d->marker_sent) ||
           load_acquire(&d->marker_owed);
}

typedef enum {
    WAY_FAST, /* through shared memory */
    WAY_WIDE, /* by socket */
    WAY_SETTLE, /* through shared memory, once the socket is idle */
} way_t;

/** Which way a message must go; `fallback` when it may go either way. */
static way_t way_of(const dual_transport_t *d, const void *bytes, way_t fallback)
{
    switch (kind_of(d, bytes)) {
    case MSG_KIND_LARGE:
        return d->large_over_shm ? fallback : WAY_WIDE;
    case MSG_KIND_EVENTS:
        return load_relaxed(&d->subscribed) || !d->fast->sees_events ? WAY_WIDE
               : fallback == WAY_WIDE                                ? WAY_SETTLE
                                                                     : WAY_FAST;
    case MSG_KIND_LIFE:
        return WAY_FAST; /* it names the client of the shared memory; order does not matter */
    default:
        return fallback;
    }
}

static int lose(dual_transport_t *d, transport_t *lost)
{
    return transport_lose(&d->base, transport_lost(lost));
}

/** What one of the two said: only the loss of it is one of both. */
static int said(dual_transport_t *d, transport_t *by, int rv)
{
    return rv == -ECONNRESET ? lose(d, by) : rv;
}

/** What this process has none of at the moment: the next request may find some, and VPP is well. */
static bool is_want_of_ours(int e) { return e == EMFILE || e == ENFILE || e == ENOMEM; }

static int open_wide(dual_transport_t *d)
{
    error_rec_t error;
    const transport_options_t options = {.name = d->name,
                                         .address = d->path,
                                         .deadline = deadline_in(CONNECT_NS),
                                         .stats = d->base.stats};
    transport_t *wide;
    vapi_error_e rv = transport_socket_connect(&wide, &options, &error);
    if (rv != VAPI_OK && is_want_of_ours(error.os_errno))
        return -error.os_errno;
    if (rv != VAPI_OK)
        return error.os_errno == ETIMEDOUT ? -EAGAIN : transport_lose(&d->base, &error);
    /* After it is connected: where the VPP of the shared memory still is now, this is the same one. One that
       was restarted would take our numbers for other messages. */
    if (d->fast->ops->look(d->fast) != 0) {
        wide->ops->close(wide, false);
        wide->ops->destroy(wide);
        return lose(d, d->fast);
    }
    /* The socket is in its own epoll descriptor once somebody wants to see it, and that in the
       one which the program has. */
    if (transport_watch_fd(d->fast, wide->fd) != 0) {
        wide->ops->close(wide, false);
        wide->ops->destroy(wide);
        return -ENOMEM;
    }
    store_relaxed(&d->base.other_index_raw, wide->client_index_raw);
    (void)exchange_acq_rel(&d->wide, wide); /* and the load below stays below it */
    /* Who asks to see it from here on finds it; who did before is served here. Twice does no harm. */
    if (load_acquire(&d->shown))
        wide->ops->show(wide);
    return 0;
}

/** Whether VPP is done with everything that was sent through shared memory. */
static bool is_fast_quiet(dual_transport_t *d)
{
    for (int i = 0; i < QUIET_SPINS; i++) {
        if (d->fast->ops->is_quiet(d->fast))
            return true;
        cpu_relax();
    }
    return false;
}

/** Ready to send by socket: 0, or -EAGAIN to come back, or an error. */
static int go_wide(dual_transport_t *d)
{
    if (is_wide_busy(d))
        return 0;
    if (!is_fast_quiet(d))
        return -EAGAIN;
    return d->wide != NULL ? 0 : open_wide(d);
}

/* ---- sending by socket */

/** The answer must come the same way: to the socket's client, not to that of the shared memory. */
static void readdress(dual_transport_t *d, u8 *message, u32 size)
{
    if (size >= 6 && load_raw32(message + 2) == d->fast->client_index_raw)
        store_raw32(message + 2, d->wide->client_index_raw);
}

static void *wide_copy(dual_transport_t *d, const void *bytes, u32 size)
{
    void *copy = private_msg_copy(bytes, size);
    if (copy != NULL)
        readdress(d, copy, size);
    return copy;
}

/** Whether this context is that of a marker whose answer is due. */
static bool is_marker(dual_transport_t *d, u32 context)
{
    u32 seen = load_relaxed(&d->marker_seen), number = context & MARKER_MASK;
    return (context & ~MARKER_MASK) == MARKER_CONTEXT && number != load_relaxed(&d->clash) &&
           ((number - seen - 1) & MARKER_MASK) <
               ((load_acquire(&d->marker_sent) - seen) & MARKER_MASK);
}

/** A ping of the program's own whose context looks like a marker's: false if it has to wait for that. */
static bool is_apart(dual_transport_t *d, const void *bytes, u32 size)
{
    u32 context = size >= 10 ? load_raw32((const u8 *)bytes + 6) : 0;
    if ((context & ~MARKER_MASK) != MARKER_CONTEXT || load_be16(bytes) != d->id_control_ping)
        return true;
    if (is_marker(d, context))
        return false;
    store_relaxed(&d->clash, context & MARKER_MASK);
    return true;
}

static void send_marker(dual_transport_t *d)
{
    if (load_relaxed(&d->subscribed))
        return; /* nobody waits for the socket to be idle any more */
    msg_control_ping_t *ping = private_msg_alloc(sizeof *ping);
    store_relaxed(&d->marker_owed, true);
    if (ping == NULL)
        return;
    u32 next = (d->marker_sent + 1) & MARKER_MASK;
    if (next == d->clash)
        next = (next + 1) & MARKER_MASK;
    ping->id = htobe16(d->id_control_ping);
    ping->client_index = d->wide->client_index_raw;
    ping->context = MARKER_CONTEXT | next;
    void *body = ping;
    /* Before it is sent: another thread may have the answer at once. */
    u32 before = d->marker_sent;
    store_release(&d->marker_sent, next);
    if (d->wide->ops->send(d->wide, &body, 1, true) == 1) {
        store_relaxed(&d->marker_owed, false);
    } else {
        store_release(&d->marker_sent, before);
        private_msg_free(ping);
    }
}

/** Something that is to be sent by socket may lead to events: there they come from then on. */
static void note_events(dual_transport_t *d, void *const *copies, u32 count)
{
    for (u32 i = 0; i < count; i++)
        if (kind_of(d, copies[i]) == MSG_KIND_EVENTS)
            store_release(&d->subscribed, true);
}

/** Sends private messages and the marker behind them. Those that did not go are freed. */
static int send_wide(dual_transport_t *d, void **copies, u32 count, bool all)
{
    u32 apart = 0;
    while (apart < count && is_apart(d, copies[apart], be32toh(msgbuf_of(copies[apart])->data_len)))
        apart++;
    bool goes = apart == count || (apart != 0 && !all);
    if (goes)
        /* Before: another thread may be sent the first event at once. */
        note_events(d, copies, apart);
    int n = goes ? d->wide->ops->send(d->wide, copies, apart, all) : -EAGAIN;
    for (u32 i = n < 0 ? 0 : (u32)n; i < count; i++)
        private_msg_free(copies[i]);
    if (n > 0)
        send_marker(d);
    return n;
}

/**
 * The way of the next messages: `count` of them at most with `all`, else as many as go the same way
 * (*count). -EAGAIN: the socket must become idle first.
 */
static int choose_way(dual_transport_t *d, const void *(*at)(const void *messages, u32 i),
                      const void *messages, u32 *count, bool all)
{
    way_t fallback = is_wide_busy(d) ? WAY_WIDE : WAY_FAST, way = WAY_FAST;
    u32 n = 0;
    for (; n < *count && n < BATCH; n++) {
        way_t next = way_of(d, at(messages, n), way == WAY_WIDE ? WAY_WIDE : fallback);
        if (n != 0 && next != way && !all)
            break;
        /* All or none: what one of them needs, they all do. */
        way = n == 0 || next == WAY_WIDE || way == WAY_FAST ? next : way;
    }
    *count = n;
    d->settling &= fallback == WAY_WIDE && !load_relaxed(&d->subscribed);
    if (way == WAY_SETTLE)
        d->settling = true;
    else if (way == WAY_FAST || !d->settling)
        return (int)way;
    if (load_relaxed(&d->marker_owed))
        send_marker(d);
    return -EAGAIN;
}

static const void *body_at(const void *bodies, u32 i) { return ((void *const *)bodies)[i]; }

static int dual_send(transport_t *t, void *const *bodies, u32 count, bool all)
{
    dual_transport_t *d = dual_of(t);
    if (count > BATCH && all)
        return -EINVAL;
    int rv = choose_way(d, body_at, bodies, &count, all);
    if (rv == WAY_FAST)
        return d->fast->ops->send(d->fast, bodies, count, all);
    if (rv < 0 || (rv = go_wide(d)) != 0)
        return rv;
    void *copies[BATCH];
    u32 n = 0;
    for (; n < count; n++)
        if ((copies[n] = wide_copy(d, bodies[n], be32toh(msgbuf_of(bodies[n])->data_len))) == NULL)
            break;
    if (n < count && (all || n == 0)) {
        while (n-- != 0)
            private_msg_free(copies[n]);
        return -ENOMEM;
    }
    rv = send_wide(d, copies, n, all);
    for (int i = 0; i < rv; i++)
        d->fast->ops->unsend(d->fast, bodies[i]);
    return rv;
}

typedef struct {
    const out_batch_t *batch;
    u32 first;
} rest_t;

static const void *rest_at(const void *rest, u32 i)
{
    const rest_t *r = rest;
    return out_bytes(r->batch, r->first + i);
}

static int dual_send_copies(transport_t *t, const out_batch_t *batch, u32 first, u32 count)
{
    dual_transport_t *d = dual_of(t);
    const rest_t rest = {batch, first};
    int rv = choose_way(d, rest_at, &rest, &count, false);
    if (rv == WAY_FAST)
        return d->fast->ops->send_copies(d->fast, batch, first, count);
    if (rv < 0 || (rv = go_wide(d)) != 0)
        return rv;
    void *copies[BATCH];
    for (u32 i = 0; i < count; i++) {
        u32 size = out_size(batch, first + i);
        copies[i] = private_msg_alloc(size);
        if (copies[i] == NULL) {
            while (i-- != 0)
                private_msg_free(copies[i]);
            return -ENOMEM;
        }
        out_copy(batch, first + i, copies[i]);
        readdress(d, copies[i], size);
    }
    return send_wide(d, copies, count, false);
}

static int dual_flush(transport_t *t)
{
    dual_transport_t *d = dual_of(t);
    return d->wide == NULL ? 0 : d->wide->ops->flush(d->wide);
}

/* ---- receiving */

/** Takes the answers to markers out. */
static int drop_markers(dual_transport_t *d, msg_ref_t *refs, int count)
{
    int kept = 0;
    d->idle = false;
    for (int i = 0; i < count; i++) {
        const u8 *body = refs[i].body;
        u32 context = refs[i].size >= 6 ? load_raw32(body + 2) : 0;
        if (load_be16(body) != d->id_control_ping_reply || !is_marker(d, context)) {
            refs[kept++] = refs[i];
            continue;
        }
        d->idle = load_acquire(&d->marker_sent) == (context & MARKER_MASK);
        store_release(&d->marker_seen, context & MARKER_MASK);
        rx_buffer_release(refs[i].body);
    }
    return kept;
}

static void set_next(dual_transport_t *d, void *body, u32 size)
{
    d->next.size = size;
    store_relaxed(&d->next.body, body); /* looked at without the lock */
}

/**
 * VPP's answer to the marker mostly lies right behind what it marks the end of. To find it there, and
 * not when the next message is asked for, lets the next request go through shared memory again.
 */
static void look_ahead(dual_transport_t *d, transport_t *wide)
{
    while (!d->idle && d->next.body == NULL && is_wide_busy(d) && wide->ops->buffered(wide)) {
        msg_ref_t ref;
        if (wide->ops->take(wide, &ref, 1) != 1)
            return; /* an error is still there for who takes next */
        if (drop_markers(d, &ref, 1) == 1)
            set_next(d, ref.body, ref.size);
    }
}

/** What was taken ahead goes first: all that shared memory has now was asked for later. */
static int take_ahead(dual_transport_t *d, msg_ref_t *refs, u32 max)
{
    if (d->next.body == NULL || max == 0)
        return 0;
    refs[0] = d->next;
    set_next(d, NULL, 0);
    int n = max == 1 ? 0 : d->wide->ops->take(d->wide, refs + 1, max - 1);
    n = 1 + (n <= 0 ? 0 : drop_markers(d, refs + 1, n));
    look_ahead(d, d->wide);
    return n;
}

static int dual_take(transport_t *t, msg_ref_t *refs, u32 max)
{
    dual_transport_t *d = dual_of(t);
    int n = take_ahead(d, refs, max);
    if (n != 0)
        return n;
    for (;;) {
        /* Before shared memory is looked at: else a request and a dump behind it may both be asked and
           answered between the two looks. */
        bool busy = is_wide_busy(d);
        n = d->fast->ops->take(d->fast, refs, max);
        transport_t *wide = load_acquire(&d->wide);
        if (n < 0 || (u32)n == max || wide == NULL || !busy)
            return said(d, d->fast, n);
        /* What was asked through shared memory was asked before: its answers were all there before the
           first of the socket's. */
        int more = wide->ops->take(wide, refs + n, max - (u32)n);
        if (more < 0)
            return n != 0 ? n : said(d, wide, more);
        int kept = drop_markers(d, refs + n, more);
        if (kept != 0)
            look_ahead(d, wide);
        if (n + kept != 0 || more == 0)
            return n + kept;
    }
}

static void dual_release(transport_t *t, void *body)
{
    dual_transport_t *d = dual_of(t);
    d->fast->ops->release(d->fast, body);
}

static void *dual_hold(transport_t *t, void *body, u32 size)
{
    dual_transport_t *d = dual_of(t);
    return d->fast->ops->owns(d->fast, body) ? d->fast->ops->hold(d->fast, body, size) : body;
}

static bool dual_waiting(transport_t *t)
{
    dual_transport_t *d = dual_of(t);
    transport_t *wide = load_acquire(&d->wide);
    return d->fast->ops->waiting(d->fast) || load_relaxed(&d->next.body) != NULL ||
           (wide != NULL && is_wide_busy(d) && wide->ops->waiting(wide));
}

static bool dual_buffered(transport_t *t)
{
    dual_transport_t *d = dual_of(t);
    return d->fast->ops->buffered(d->fast) || d->next.body != NULL ||
           (d->wide != NULL && d->wide->ops->buffered(d->wide));
}

static bool dual_trickles(transport_t *t)
{
    dual_transport_t *d = dual_of(t);
    transport_t *wide = load_acquire(&d->wide);
    return wide != NULL && is_wide_busy(d) && wide->ops->trickles(wide);
}

static void dual_rest(transport_t *t, deadline_t deadline)
{
    transport_t *wide = load_acquire(&dual_of(t)->wide);
    wide->ops->rest(wide, deadline);
}

static int dual_sleep(transport_t *t, bool for_room, deadline_t deadline)
{
    dual_transport_t *d = dual_of(t);
    transport_t *wide = load_acquire(&d->wide);
    int rv = -ETIMEDOUT;
    if (!for_room && load_relaxed(&d->next.body) != NULL)
        return 0;
    if (wide == NULL || !is_wide_busy(d)) {
        rv = d->fast->ops->sleep(d->fast, for_room, deadline);
        return said(d, d->fast, rv);
    }
    u64 slice = load_relaxed(&d->subscribed) ? LOOK_ASIDE_RARELY_NS : LOOK_ASIDE_NS;
    while (rv == -ETIMEDOUT && !d->fast->ops->waiting(d->fast)) {
        rv = wide->ops->sleep(wide, for_room, deadline_slice(deadline, slice));
        if (rv == -ETIMEDOUT && (deadline_passed(deadline) || for_room))
            break;
        if (rv == -ETIMEDOUT && d->fast->ops->alive(d->fast) != 0)
            return lose(d, d->fast);
    }
    return rv == -ECONNRESET                ? lose(d, wide)
           : rv == -ETIMEDOUT && for_room   ? 0
           : d->fast->ops->waiting(d->fast) ? 0
                                            : rv;
}

static bool dual_wake(transport_t *t, bool *roused)
{
    return dual_of(t)->fast->ops->wake(dual_of(t)->fast, roused);
}

static void dual_poke(transport_t *t)
{
    dual_transport_t *d = dual_of(t);
    transport_t *wide = load_acquire(&d->wide);
    d->fast->ops->poke(d->fast);
    if (wide != NULL)
        wide->ops->poke(wide);
}

static int dual_alive(transport_t *t)
{
    dual_transport_t *d = dual_of(t);
    transport_t *wide = load_acquire(&d->wide);
    if (d->fast->ops->alive(d->fast) != 0)
        return lose(d, d->fast);
    return wide != NULL && wide->ops->alive(wide) != 0 ? lose(d, wide) : 0;
}

static int dual_look(transport_t *t)
{
    dual_transport_t *d = dual_of(t);
    return d->fast->ops->look(d->fast) != 0 ? lose(d, d->fast) : dual_alive(t);
}

/* ---- the rest is the shared memory's */

static void *dual_alloc(transport_t *t, u32 size)
{
    return dual_of(t)->fast->ops->alloc(dual_of(t)->fast, size);
}

static bool dual_made(transport_t *t, const void *body)
{
    return dual_of(t)->fast->ops->made(dual_of(t)->fast, body);
}

static void dual_unsend(transport_t *t, void *body)
{
    dual_of(t)->fast->ops->unsend(dual_of(t)->fast, body);
}

static void dual_free_held(transport_t *t, void *body)
{
    dual_of(t)->fast->ops->free_held(dual_of(t)->fast, body);
}

static bool dual_owns(transport_t *t, const void *body)
{
    return dual_of(t)->fast->ops->owns(dual_of(t)->fast, body);
}

static u32 dual_held(transport_t *t) { return dual_of(t)->fast->ops->held(dual_of(t)->fast); }
static bool dual_is_quiet(transport_t *t) { return is_fast_quiet(dual_of(t)); }
static u32 dual_capacity(transport_t *t)
{
    return dual_of(t)->fast->ops->capacity(dual_of(t)->fast);
}
static u32 dual_backlog(transport_t *t) { return dual_of(t)->fast->ops->backlog(dual_of(t)->fast); }

static int dual_show(transport_t *t)
{
    dual_transport_t *d = dual_of(t);
    (void)exchange_acq_rel(&d->shown, true);
    transport_t *wide = load_acquire(&d->wide);
    int rv = d->fast->ops->show(d->fast);
    return rv != 0 || wide == NULL ? rv : wide->ops->show(wide);
}

static void dual_settle(transport_t *t, u16 id_control_ping)
{
    dual_of(t)->fast->ops->settle(dual_of(t)->fast, id_control_ping);
}

/* ---- leaving */

static int dual_leave(transport_t *t)
{
    dual_transport_t *d = dual_of(t);
    transport_t *wide = d->wide;
    /* Its client goes first; what it has not answered, nobody waits for. */
    if (wide != NULL && load_acquire(&d->marker_seen) != d->marker_sent)
        store_release(&d->marker_seen, d->marker_sent);
    store_relaxed(&d->marker_owed, false);
    store_release(&d->subscribed, false);
    return said(d, d->fast, d->fast->ops->leave(d->fast));
}

static bool dual_is_goodbye(transport_t *t, const void *body, u32 size)
{
    return dual_of(t)->fast->ops->is_goodbye(dual_of(t)->fast, body, size);
}

static void dual_disown(transport_t *t)
{
    dual_transport_t *d = dual_of(t);
    d->fast->ops->disown(d->fast);
    if (d->wide != NULL)
        d->wide->ops->disown(d->wide);
}

static void dual_close(transport_t *t, bool clean)
{
    dual_transport_t *d = dual_of(t);
    if (d->wide != NULL)
        d->wide->ops->close(d->wide, false);
    d->fast->ops->close(d->fast, clean);
}

static void dual_destroy(transport_t *t)
{
    dual_transport_t *d = dual_of(t);
    if (d->next.body != NULL)
        rx_buffer_release(d->next.body);
    if (d->wide != NULL)
        d->wide->ops->destroy(d->wide);
    d->fast->ops->destroy(d->fast);
    free(d->kinds);
    free(d);
}

static const transport_ops_t dual_ops = {
    .alloc = dual_alloc,
    .made = dual_made,
    .unsend = dual_unsend,
    .send = dual_send,
    .send_copies = dual_send_copies,
    .flush = dual_flush,
    .take = dual_take,
    .release = dual_release,
    .hold = dual_hold,
    .free_held = dual_free_held,
    .owns = dual_owns,
    .held = dual_held,
    .is_quiet = dual_is_quiet,
    .waiting = dual_waiting,
    .buffered = dual_buffered,
    .trickles = dual_trickles,
    .rest = dual_rest,
    .sleep = dual_sleep,
    .wake = dual_wake,
    .poke = dual_poke,
    .alive = dual_alive,
    .look = dual_look,
    .capacity = dual_capacity,
    .backlog = dual_backlog,
    .show = dual_show,
    .settle = dual_settle,
    .leave = dual_leave,
    .is_goodbye = dual_is_goodbye,
    .disown = dual_disown,
    .close = dual_close,
    .destroy = dual_destroy,
};

vapi_error_e transport_dual_wrap(transport_t **t, const char *path, const char *name,
                                 bool large_over_shm, error_rec_t *error)
{
    transport_t *fast = *t;
    dual_transport_t *d = calloc(1, sizeof *d);
    if (d == NULL || strlen(path) > SOCKIO_MAX_PATH ||
        (d->kinds = msg_kinds_alloc(fast->table)) == NULL) {
        free(d);
        return error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory");
    }
    d->base = *fast; /* the table, the descriptors and the index are the fast one's */
    d->base.ops = &dual_ops;
    d->fast = fast;
    d->large_over_shm = large_over_shm;
    d->kinds_count = (u32)msg_table_max_id(fast->table) + 1;
    d->id_control_ping = msg_table_find(fast->table, "control_ping_51077d14");
    d->id_control_ping_reply = msg_table_find(fast->table, "control_ping_reply_f6b0b8ca");
    memcpy(d->path, path, strlen(path));
    memcpy(d->name, name, strnlen(name, CLIENT_NAME_BYTES - 1));
    *t = &d->base;
    return VAPI_OK;
}
