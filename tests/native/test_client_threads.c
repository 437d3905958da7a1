/* SPDX-License-Identifier: Apache-2.0
 *
 * Many threads in one connection. Also run under ThreadSanitizer.
 */
#include "client_fixture.h"

#ifdef __SANITIZE_THREAD__
#define CALLS 300u
#else
#define CALLS 3000u
#endif
#define THREADS 4

typedef struct {
    vapi_ctx_t ctx;
    u32 who;
    u32 done;
    u32 *stop;
    u32 *others; /* counts what somebody else sees */
} worker_t;

static void call_echo(void *argument)
{
    worker_t *w = argument;
    for (; w->done < CALLS; w->done++)
        echo(w->ctx, (w->who * 37 + w->done) % 300, w->who * 1000 + w->done);
}

ON_EACH_TRANSPORT_WITHIN(calls_from_many_threads, 60)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    worker_t w[THREADS];
    test_thread_t t[THREADS];
    for (u32 i = 0; i < THREADS; i++) {
        w[i] = (worker_t){.ctx = ctx, .who = i};
        thread_start(&t[i], call_echo, &w[i]);
    }
    for (u32 i = 0; i < THREADS; i++) {
        thread_join(&t[i]);
        CHECK_EQ(w[i].done, CALLS);
    }
    CHECK_EQ(stats_of(ctx).late, 0);
    CHECK_EQ(stats_of(ctx).bad, 0);
    client_close(ctx);
    server_stop(&s);
}

static void receive_shouts(void *argument)
{
    worker_t *w = argument;
    while (load_acquire(w->others) < CALLS) {
        void *msg;
        size_t size;
        vapi_error_e rv = vapi_recv(w->ctx, &msg, &size, SVM_Q_TIMEDWAIT, 1);
        CHECK(rv == VAPI_OK || rv == VAPI_EAGAIN);
        if (rv != VAPI_OK)
            continue;
        CHECK_EQ(load_be16(msg), vapi_find_msg(w->ctx, SHOUT));
        vapi_msg_free(w->ctx, msg);
        w->done++;
        fetch_add_acq_rel(w->others, 1);
    }
}

/* Events go to who receives, answers to who called, each of them once. */
ON_EACH_TRANSPORT_WITHIN(calls_and_events_at_once, 60)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    worker_t w[THREADS];
    test_thread_t t[THREADS];
    u32 seen = 0;
    for (u32 i = 0; i < THREADS; i++) {
        w[i] = (worker_t){.ctx = ctx, .who = i, .others = &seen};
        thread_start(&t[i], i < 2 ? call_echo : receive_shouts, &w[i]);
    }
    for (u32 i = 0; i < CALLS; i += 50)
        shout(&s, 50);
    for (u32 i = 0; i < THREADS; i++)
        thread_join(&t[i]);
    CHECK_EQ(seen, CALLS);
    CHECK_EQ(w[2].done + w[3].done, CALLS);
    CHECK_EQ(stats_of(ctx).dropped, 0);
    client_close(ctx);
    server_stop(&s);
}

static void send_pings(void *argument)
{
    worker_t *w = argument;
    for (; w->done < CALLS; w->done++)
        CHECK_OK(w->ctx, send_ping(w->ctx, w->who << 24 | w->done));
}

/* Several senders, one receiver: every sender's replies come in its order. */
ON_EACH_TRANSPORT_WITHIN(senders_and_one_receiver, 60)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    worker_t w[THREADS];
    test_thread_t t[THREADS];
    u32 next[THREADS] = {0};
    for (u32 i = 0; i < THREADS; i++) {
        w[i] = (worker_t){.ctx = ctx, .who = i};
        thread_start(&t[i], send_pings, &w[i]);
    }
    for (u32 n = 0; n < THREADS * CALLS; n++) {
        u32 context = receive_ping(ctx);
        CHECK(context >> 24 < THREADS);
        CHECK_EQ(context & 0xffffff, next[context >> 24]++);
    }
    for (u32 i = 0; i < THREADS; i++)
        thread_join(&t[i]);
    client_close(ctx);
    server_stop(&s);
}

static void pump_pings(void *argument)
{
    worker_t *w = argument;
    request_head_t m = request_of(w->ctx, PING, 0);
    u8 *bytes = malloc(CALLS * sizeof m);
    i32 *retvals = malloc(CALLS * sizeof *retvals);
    for (u32 i = 0; i < CALLS; i++)
        memcpy(bytes + i * sizeof m, &m, sizeof m);
    vapi_pump_t p = {.bytes = bytes,
                     .stride = sizeof m,
                     .count = CALLS,
                     .depth = 50 + w->who,
                     .context_offset = 2,
                     .retval_offset = 6,
                     .retvals = retvals};
    vapi_error_e rv;
    while ((rv = vapi_pump(w->ctx, &p, NS_PER_S)) == VAPI_EAGAIN)
        ;
    CHECK_OK(w->ctx, rv);
    CHECK_EQ(p.received, CALLS);
    w->done = p.received;
    free(bytes);
    free(retvals);
}

ON_EACH_TRANSPORT_WITHIN(pumps_beside_each_other, 60)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    worker_t w[THREADS];
    test_thread_t t[THREADS];
    for (u32 i = 0; i < THREADS; i++) {
        w[i] = (worker_t){.ctx = ctx, .who = i};
        thread_start(&t[i], i == 0 ? call_echo : pump_pings, &w[i]);
    }
    for (u32 i = 0; i < THREADS; i++) {
        thread_join(&t[i]);
        CHECK_EQ(w[i].done, CALLS);
    }
    client_close(ctx);
    server_stop(&s);
}

static void wait_for_message(void *argument)
{
    worker_t *w = argument;
    void *msg;
    size_t size;
    w->done = 100 + (u32)vapi_recv(w->ctx, &msg, &size, SVM_Q_WAIT, 0);
}

ON_EACH_TRANSPORT(an_interrupt_from_another_thread)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    for (u32 i = 0; i < 20; i++) {
        worker_t w = {.ctx = ctx};
        test_thread_t t;
        thread_start(&t, wait_for_message, &w);
        if (i % 2 == 0)
            thread_wait_asleep(&t);
        vapi_stop_rx_thread(ctx);
        thread_join(&t);
        CHECK_EQ(w.done, 100 + VAPI_EAGAIN);
    }
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

/* Disconnecting ends what waits in other threads. */
ON_EACH_TRANSPORT(disconnect_while_another_thread_waits)
{
    server_t s;
    server_start(&s);
    for (u32 i = 0; i < 10; i++) {
        vapi_ctx_t ctx = client(&s, transport);
        worker_t w = {.ctx = ctx};
        test_thread_t t;
        thread_start(&t, wait_for_message, &w);
        thread_wait_asleep(&t);
        CHECK_OK(ctx, vapi_disconnect(ctx));
        thread_join(&t);
        CHECK(w.done == 100 + VAPI_EAGAIN || w.done == 100 + VAPI_EINVAL);
        vapi_ctx_free(ctx);
    }
    server_stop(&s);
}

static void hold_and_free(void *argument)
{
    worker_t *w = argument;
    void *held[40];
    u32 sizes[40], count;
    while (load_acquire(w->stop) == 0) {
        vapi_error_e rv = vapi_recv_many(w->ctx, held, sizes, 40, &count, 10 * NS_PER_MS);
        if (rv != VAPI_OK)
            continue;
        fetch_add_acq_rel(w->others, count);
        vapi_free_many(w->ctx, held, count);
    }
}

ON_EACH_TRANSPORT_WITHIN(receivers_that_hold_messages, 60)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    worker_t w[THREADS];
    test_thread_t t[THREADS];
    u32 stop = 0, seen = 0;
    for (u32 i = 0; i < THREADS; i++) {
        w[i] = (worker_t){.ctx = ctx, .who = i, .stop = &stop, .others = &seen};
        thread_start(&t[i], hold_and_free, &w[i]);
    }
    for (u32 i = 0; i < CALLS * 4; i += 100)
        shout(&s, 100);
    while (load_acquire(&seen) < CALLS * 4)
        sched_yield();
    store_release(&stop, 1);
    for (u32 i = 0; i < THREADS; i++)
        thread_join(&t[i]);
    CHECK_EQ(stats_of(ctx).held, 0);
    client_close(ctx);
    server_stop(&s);
}
