/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "atomics.h"
#include "byteorder.h"
#include "conn.h"
#include "handshake.h"
#include "rx_buffer.h"

/* Messages that are taken from the transport at once. */
#define TAKE_BATCH 64u
/* How long a thread waits for its turn before it looks around. */
#define TURN_SLICE_NS (50 * NS_PER_MS)
#define SPINS_A_LOOK 16
/* A VPP that is awake takes a request within a few microseconds. One that had to be woken for the last
 * one is about to sleep again, and is best caught before it does: measured, 1.5 us is better than 0
 * (a bell for each request keeps VPP busy with its socket), 3 and 8. */
#define BELL_AFTER_NS (8 * NS_PER_US)
#define BELL_SOON_NS 1500u

/* ---- who gets a message */

static void answer_keepalive(vapi_ctx_t ctx, const msg_ref_t *ref)
{
    u8 reply[sizeof(msg_plain_reply_t)] = {0};
    store_be16(reply, ctx->id_keepalive_reply);
    if (ref->size >= sizeof(msg_control_ping_t))
        memcpy(reply + 2, (const u8 *)ref->body + 6, sizeof(u32)); /* the context, as it came */
    const out_batch_t batch = {.bytes = reply, .stride = sizeof reply};
    pthread_mutex_lock(&ctx->send_lock);
    /* Best effort: taking the question off the queue is a sign of life by itself. */
    int n = ctx->transport->ops->send_copies(ctx->transport, &batch, 0, 1);
    pthread_mutex_unlock(&ctx->send_lock);
    if (n == 1)
        STAT_ADD(ctx->transport, keepalives, 1);
}

static bool is_abandoned(const vapi_ctx_t ctx, const msg_ref_t *ref)
{
    if (ref->size < 6)
        return false;
    u32 context = load_raw32((const u8 *)ref->body + 2);
    if ((context & CONTEXT_BIT) == 0)
        return false;
    for (u32 i = 0; i < ABANDONED_MAX; i++) {
        const context_range_t *a = &ctx->abandoned[i];
        if (((context - a->first) & ~CONTEXT_BIT) < a->count)
            return true;
    }
    return false;
}

/** Wakes the thread that waits as `r`; it is not the one that runs. */
static void notify(vapi_ctx_t ctx, receiver_t *r)
{
    if (r->waiting)
        pthread_cond_signal(&r->turn);
    else if (ctx->sleeper == r)
        ctx->transport->ops->poke(ctx->transport);
}

/** A message waits in the backlog for whoever takes anything. */
static void notify_any_reader(vapi_ctx_t ctx)
{
    if (ctx->sleeper != NULL && ctx->sleeper->offer == NULL) {
        notify(ctx, ctx->sleeper);
        return;
    }
    for (receiver_t *r = ctx->receivers; r != NULL; r = r->next)
        if (r->offer == NULL && r->waiting) {
            notify(ctx, r);
            return;
        }
}

/** Gives a taken message to who waits for it specially; false when nobody does. */
static bool deliver(vapi_ctx_t ctx, const msg_ref_t *ref)
{
    transport_t *t = ctx->transport;
    if (ctx->handle_keepalives && load_be16(ref->body) == ctx->id_keepalive) {
        answer_keepalive(ctx, ref);
        conn_release(ctx, ref->body);
        return true;
    }
    for (receiver_t *r = ctx->receivers; r != NULL; r = r->next) {
        offer_t answer = r->offer == NULL ? OFFER_REFUSED : r->offer(r, ref);
        if (answer == OFFER_REFUSED)
            continue;
        if (answer == OFFER_CONSUMED) {
            conn_release(ctx, ref->body);
        } else {
            void *held = t->ops->hold(t, ref->body, ref->size);
            r->reply = (msg_ref_t){.body = held, .size = ref->size};
        }
        notify(ctx, r);
        return true;
    }
    if (ctx->abandoned_next != 0 && is_abandoned(ctx, ref)) {
        STAT_ADD(t, late, 1);
        conn_release(ctx, ref->body);
        return true;
    }
    return false;
}

/** Takes what is there; keeps what nobody waits for specially at the start of `refs`: how many.
 * *taken: messages taken in all. Receive lock. */
static int take_some(vapi_ctx_t ctx, msg_ref_t *refs, u32 max, u32 *taken)
{
    transport_t *t = ctx->transport;
    int n = t->ops->take(t, refs, max);
    *taken = n > 0 ? (u32)n : 0;
    if (n <= 0)
        return n;
    ctx->nothing_until = 0;
    STAT_ADD(t, received, (u64)n);
    if (gather_see(&ctx->gather, &refs[n - 1], (u32)n) && t->ops->trickles(t))
        gather_trickled(&ctx->gather, now_ns());
    u32 kept = 0;
    for (int i = 0; i < n; i++)
        if (!deliver(ctx, &refs[i]))
            refs[kept++] = refs[i];
    return (int)kept;
}

/* ---- the backlog */

/** Somebody's answer, not an event: it has a context of ours where an event has its client_index. */
static bool is_answer(const vapi_ctx_t ctx, const msg_ref_t *ref)
{
    if (ref->size < 6)
        return false;
    u32 context = load_raw32((const u8 *)ref->body + 2);
    const transport_t *t = ctx->transport;
    return (context & CONTEXT_BIT) != 0 && context != t->client_index_raw &&
           context != load_relaxed(&t->other_index_raw);
}

static bool is_private(const vapi_ctx_t ctx, const void *body)
{
    return !ctx->transport->ops->owns(ctx->transport, body) && !rx_buffer_owns(body);
}

static void put_into_backlog(vapi_ctx_t ctx, const msg_ref_t *ref)
{
    transport_t *t = ctx->transport;
    bool full = ctx->backlog.bytes + ref->size > ctx->backlog_limit;
    void *copy = full                         ? NULL
                 : is_private(ctx, ref->body) ? ref->body
                                              : private_msg_copy(ref->body, ref->size);
    if (copy != ref->body) {
        if (copy == NULL) {
            if (is_answer(ctx, ref))
                ctx->overflowed = true;
            STAT_ADD(t, dropped, 1);
        }
        conn_release(ctx, ref->body);
    }
    if (copy != NULL) {
        backlog_push(&ctx->backlog, copy);
        STAT_ADD(t, backlogged, 1);
    }
    store_relaxed(&ctx->stats.backlog_bytes, ctx->backlog.bytes);
}

static u32 pop_backlog(vapi_ctx_t ctx, msg_ref_t *refs, u32 max)
{
    u32 n = 0;
    while (n < max && backlog_pop(&ctx->backlog, &refs[n]))
        n++;
    if (n != 0)
        store_relaxed(&ctx->stats.backlog_bytes, ctx->backlog.bytes);
    return n;
}

/* ---- waiting */

void conn_update_fd(vapi_ctx_t ctx)
{
    if (!load_relaxed(&ctx->fd_wanted))
        return;
    transport_t *t = ctx->transport;
    for (;;) {
        bool more = ctx->backlog.count != 0 || t->ops->buffered(t);
        if (more == ctx->fd_ready)
            return;
        if (more)
            transport_set_ready(t);
        else
            transport_clear_ready(t);
        ctx->fd_ready = more;
        if (more)
            return;
        /* It watches the queue while nobody receives; and what came since is looked at once more. */
        drainer_wake(ctx);
    }
}

/** Wakes VPP if it has not looked at what was sent, and keeps it awake if that pays. */
static bool wake(vapi_ctx_t ctx, bool *roused)
{
    transport_t *t = ctx->transport;
    if (!ctx->keep_awake || pthread_mutex_trylock(&ctx->send_lock) != 0)
        return t->ops->wake(t, NULL);
    bool rung = t->ops->wake(t, roused);
    pthread_mutex_unlock(&ctx->send_lock);
    return rung;
}

/**
 * For who looks without waiting, again and again: nobody would wake a VPP that sleeps over his requests.
 * Receive lock.
 */
static void look_after_vpp(vapi_ctx_t ctx)
{
    u64 now = now_ns();
    if (ctx->nothing_until == 0) {
        ctx->nothing_until = now + BELL_AFTER_NS;
    } else if (now >= ctx->nothing_until) {
        bool roused = false;
        ctx->nothing_until = now + (wake(ctx, &roused) ? ctx->spin_ns : 0) + BELL_AFTER_NS;
    }
}

/** Spins while that may pay, then sleeps. */
static int spin_or_sleep(vapi_ctx_t ctx, deadline_t deadline, u64 *spin_until)
{
    transport_t *t = ctx->transport;
    u64 now = now_ns();
    if (*spin_until == 0)
        *spin_until = now + ctx->spin_ns;
    if (now < *spin_until) {
        /* To look at a socket is to read from it, which the caller does. */
        if (t->kind == VAPI_TRANSPORT_SOCKET)
            return 0;
        bool rung = false, roused = false;
        u64 end = *spin_until;
        u64 bell_at = now + (load_relaxed(&ctx->vpp_dozes) ? BELL_SOON_NS : BELL_AFTER_NS);
        while (now < end && now < deadline) {
            for (int i = 0; i < SPINS_A_LOOK; i++) {
                if (t->ops->waiting(t)) {
                    store_relaxed(&ctx->vpp_dozes, rung && !roused);
                    return 0;
                }
                cpu_relax();
            }
            /* On a busy machine VPP may be waiting for this very core; alone on it, this is cheap. */
            sched_yield();
            now = now_ns();
            if (now < bell_at)
                continue;
            /* The answer of a VPP that was woken is worth another spin: the next request then meets
               it awake, and it stays so for a millisecond. Asleep we would both oversleep, again and
               again. */
            rung = wake(ctx, &roused);
            bell_at = rung ? UINT64_MAX : now + BELL_AFTER_NS;
            if (rung)
                end = *spin_until = now + ctx->spin_ns;
        }
    }
    return t->ops->sleep(t, false, deadline);
}

/** Whether `r` had better let messages gather than take those that are there. Receive lock. */
static bool should_rest(vapi_ctx_t ctx, const receiver_t *r, deadline_t deadline)
{
    if (ctx->gather.rest_ns == 0 || !r->gathers || deadline == DEADLINE_NOW ||
        ctx->sleeper != NULL || ctx->transport->ops->buffered(ctx->transport))
        return false;
    for (const receiver_t *other = ctx->receivers; other != NULL; other = other->next)
        if (other->waiting)
            return false;
    return true;
}

/** Waits for a message, or for somebody to bring one. Receive lock held before and after. */
static int wait_turn(vapi_ctx_t ctx, receiver_t *r, deadline_t deadline, u64 *spin_until)
{
    int rv;
    if (ctx->sleeper == NULL) {
        u64 rest_ns = should_rest(ctx, r, deadline) ? ctx->gather.rest_ns : 0;
        ctx->sleeper = r;
        store_relaxed(&ctx->resting, rest_ns != 0);
        ctx->gather.rest_ns = 0;
        pthread_mutex_unlock(&ctx->receive_lock);
        rv = 0;
        if (rest_ns != 0)
            ctx->transport->ops->rest(ctx->transport, deadline_slice(deadline, rest_ns));
        else
            rv = spin_or_sleep(ctx, deadline, spin_until);
        pthread_mutex_lock(&ctx->receive_lock);
        ctx->sleeper = NULL;
        store_relaxed(&ctx->resting, false);
    } else {
        if (ctx->resting)
            ctx->transport->ops->poke(ctx->transport);
        r->waiting = true;
        deadline_cond_wait(&r->turn, &ctx->receive_lock, deadline_slice(deadline, TURN_SLICE_NS));
        r->waiting = false;
        rv = 0;
    }
    return rv == -ETIMEDOUT ? 0 : rv;
}

/** Whoever stops waiting hands the sleeper's place over. */
static void pass_turn(vapi_ctx_t ctx)
{
    if (ctx->sleeper != NULL)
        return;
    for (receiver_t *r = ctx->receivers; r != NULL; r = r->next)
        if (r->waiting) {
            pthread_cond_signal(&r->turn);
            return;
        }
}

static void link_receiver(vapi_ctx_t ctx, receiver_t *r)
{
    r->next = ctx->receivers;
    ctx->receivers = r;
}

static void unlink_receiver(vapi_ctx_t ctx, receiver_t *r)
{
    for (receiver_t **at = &ctx->receivers; *at != NULL; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            return;
        }
}

/** Why a wait must end: 0 to go on. Receive lock. */
static int wait_over(vapi_ctx_t ctx, u32 interrupts, deadline_t deadline)
{
    if (load_relaxed(&ctx->closing))
        return -ESHUTDOWN;
    if (ctx->interrupts != interrupts)
        return -ECANCELED;
    if (deadline == DEADLINE_NOW)
        return -EAGAIN;
    if (ctx->interrupt_pending) {
        ctx->interrupt_pending = false;
        return -ECANCELED;
    }
    return deadline_passed(deadline) ? -EAGAIN : 0;
}

/** Bookkeeping around everything that waits for messages. Returns the interrupts so far. */
static u32 begin_receiving(vapi_ctx_t ctx)
{
    fetch_add_relaxed(&ctx->activity, 1);
    pthread_mutex_lock(&ctx->receive_lock);
    /* Under the lock: an interrupt sees either no receiver, or one that will notice it. */
    fetch_add_relaxed(&ctx->receiving, 1);
    return ctx->interrupts;
}

static void end_receiving(vapi_ctx_t ctx, u32 interrupts, int rv)
{
    /* What came first, or a signal, ended this wait: the interrupt is for the next one. */
    if (rv != -ECANCELED && ctx->interrupts != interrupts)
        ctx->interrupt_pending = true;
    pass_turn(ctx);
    conn_update_fd(ctx);
    fetch_add_relaxed(&ctx->activity, 1);
    __atomic_fetch_sub(&ctx->receiving, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&ctx->receive_lock);
    drainer_attend(ctx);
}

static int lost_or(const vapi_ctx_t ctx, int n) { return n == 0 && ctx->overflowed ? -ENOBUFS : n; }

static int receive(vapi_ctx_t ctx, msg_ref_t *refs, u32 max, bool hold, deadline_t deadline)
{
    receiver_t me = {.turn = PTHREAD_COND_INITIALIZER, .gathers = load_relaxed(&ctx->in_dump)};
    transport_t *t = ctx->transport;
    u64 spin_until = 0;
    bool linked = false;
    u32 interrupts = begin_receiving(ctx);
    int n;
    for (;;) {
        u32 taken = 0;
        n = (int)pop_backlog(ctx, refs, max);
        if (n != 0)
            break;
        if (!should_rest(ctx, &me, deadline))
            n = take_some(ctx, refs, max, &taken);
        n = lost_or(ctx, n);
        if (n > 0 && hold) {
            int kept = 0;
            for (int i = 0; i < n; i++) {
                refs[kept] = refs[i];
                refs[kept].body = t->ops->hold(t, refs[i].body, refs[i].size);
                kept += refs[kept].body != NULL;
            }
            n = kept != 0 ? kept : -ENOMEM;
        }
        if (n != 0)
            break;
        if (taken != 0)
            continue;
        n = wait_over(ctx, interrupts, deadline);
        if (n == -EAGAIN && deadline == DEADLINE_NOW && t->kind != VAPI_TRANSPORT_SOCKET)
            look_after_vpp(ctx);
        if (n != 0)
            break;
        if (!linked) {
            link_receiver(ctx, &me);
            linked = true;
        }
        n = wait_turn(ctx, &me, deadline, &spin_until);
        if (n < 0)
            break;
    }
    if (linked)
        unlink_receiver(ctx, &me);
    end_receiving(ctx, interrupts, n);
    return n;
}

int conn_receive(vapi_ctx_t ctx, msg_ref_t *refs, u32 max, deadline_t deadline)
{
    return receive(ctx, refs, max, false, deadline);
}

int conn_receive_held(vapi_ctx_t ctx, msg_ref_t *refs, u32 max, deadline_t deadline)
{
    return receive(ctx, refs, max, true, deadline);
}

int conn_wait(vapi_ctx_t ctx, deadline_t deadline)
{
    receiver_t me = {.turn = PTHREAD_COND_INITIALIZER};
    u64 spin_until = 0;
    u32 interrupts = begin_receiving(ctx);
    int rv;
    link_receiver(ctx, &me);
    for (;;) {
        msg_ref_t ref;
        u32 taken;
        if (ctx->backlog.count != 0 || ctx->overflowed) {
            rv = 0;
            break;
        }
        /* Only taking one tells whether it is for us; then it waits in the backlog, in its place. */
        rv = take_some(ctx, &ref, 1, &taken);
        if (rv == 1) {
            put_into_backlog(ctx, &ref);
            continue;
        }
        if (rv < 0)
            break;
        if (taken != 0)
            continue;
        rv = wait_over(ctx, interrupts, deadline);
        if (rv != 0 || (rv = wait_turn(ctx, &me, deadline, &spin_until)) < 0)
            break;
    }
    unlink_receiver(ctx, &me);
    end_receiving(ctx, interrupts, rv);
    return rv;
}

void conn_release(vapi_ctx_t ctx, void *body)
{
    transport_t *t = ctx->transport;
    if (t->ops->owns(t, body))
        t->ops->release(t, body);
    else if (rx_buffer_owns(body))
        rx_buffer_release(body);
    else
        private_msg_free(body);
}

/** Takes a batch on behalf of others: what nobody waits for specially goes into the backlog. */
static int take_for_others(vapi_ctx_t ctx, u32 max, u32 *taken)
{
    msg_ref_t refs[TAKE_BATCH];
    int n = take_some(ctx, refs, max < TAKE_BATCH ? max : TAKE_BATCH, taken);
    for (int i = 0; i < n; i++)
        put_into_backlog(ctx, &refs[i]);
    if (n > 0)
        notify_any_reader(ctx);
    return n;
}

int conn_ingest(vapi_ctx_t ctx, u32 max)
{
    u32 total = 0, taken = 0;
    int rv = 0;
    pthread_mutex_lock(&ctx->receive_lock);
    while (total < max && (rv = take_for_others(ctx, max - total, &taken)) >= 0 && taken != 0)
        total += taken;
    conn_update_fd(ctx);
    pthread_mutex_unlock(&ctx->receive_lock);
    return rv < 0 && total == 0 ? rv : (int)total;
}

void conn_add_receiver(vapi_ctx_t ctx, receiver_t *r)
{
    pthread_mutex_lock(&ctx->receive_lock);
    link_receiver(ctx, r);
    pthread_mutex_unlock(&ctx->receive_lock);
}

void conn_remove_receiver(vapi_ctx_t ctx, receiver_t *r)
{
    pthread_mutex_lock(&ctx->receive_lock);
    unlink_receiver(ctx, r);
    pthread_mutex_unlock(&ctx->receive_lock);
}

void conn_move_receiver(vapi_ctx_t ctx, receiver_t *from, receiver_t *to, size_t bytes)
{
    pthread_mutex_lock(&ctx->receive_lock);
    unlink_receiver(ctx, from);
    memcpy((void *)to, from, bytes);
    to->turn = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    link_receiver(ctx, to);
    pthread_mutex_unlock(&ctx->receive_lock);
}

int conn_serve(vapi_ctx_t ctx, receiver_t *r, bool once, deadline_t deadline)
{
    u64 spin_until = 0;
    u32 interrupts = begin_receiving(ctx);
    int rv = 0;
    while (!r->done && !(once && r->progress != r->seen)) {
        u32 taken = 0;
        if (!should_rest(ctx, r, deadline))
            rv = take_for_others(ctx, TAKE_BATCH, &taken);
        if (rv < 0)
            break;
        if (taken != 0)
            continue;
        rv = lost_or(ctx, wait_over(ctx, interrupts, deadline));
        if (rv != 0 || (rv = wait_turn(ctx, r, deadline, &spin_until)) < 0)
            break;
    }
    if (r->done || rv > 0)
        rv = 0;
    end_receiving(ctx, interrupts, rv);
    return rv;
}

void conn_abandon(vapi_ctx_t ctx, u32 first, u32 count)
{
    pthread_mutex_lock(&ctx->receive_lock);
    context_range_t *a = &ctx->abandoned[ctx->abandoned_next % ABANDONED_MAX];
    *a = (context_range_t){.first = first, .count = count};
    ctx->abandoned_next++;
    pthread_mutex_unlock(&ctx->receive_lock);
}

void conn_interrupt(vapi_ctx_t ctx)
{
    pthread_mutex_lock(&ctx->receive_lock);
    bool somebody = load_relaxed(&ctx->receiving) != 0;
    store_relaxed(&ctx->interrupts, ctx->interrupts + 1);
    ctx->interrupt_pending |= !somebody;
    for (receiver_t *r = ctx->receivers; r != NULL; r = r->next)
        if (r->waiting)
            pthread_cond_signal(&r->turn);
    pthread_mutex_unlock(&ctx->receive_lock);
    ctx->transport->ops->poke(ctx->transport);
}
