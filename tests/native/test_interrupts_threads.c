/* SPDX-License-Identifier: Apache-2.0
 *
 * What may end a wait for messages: vapi_stop_rx_thread() does, always, whatever arrives meanwhile; a
 * signal does not.
 */
#include "client_fixture.h"

typedef struct {
    vapi_ctx_t ctx;
    vapi_error_e (*wait)(vapi_ctx_t ctx);
    vapi_error_e ended;
} waiter_t;

static vapi_error_e receive_one(vapi_ctx_t ctx)
{
    void *msg;
    size_t size;
    vapi_error_e rv = vapi_recv(ctx, &msg, &size, SVM_Q_WAIT, 0);
    if (rv == VAPI_OK)
        vapi_msg_free(ctx, msg);
    return rv;
}

/** A program's receiving thread, as it ends on vapi_stop_rx_thread() and nothing else. */
static void receive_until_stopped(void *argument)
{
    waiter_t *w = argument;
    while ((w->ended = w->wait(w->ctx)) == VAPI_OK)
        if (w->wait == vapi_wait)
            receive_one(w->ctx);
}

ON_EACH_TRANSPORT(an_interrupt_is_for_the_next_that_waits)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    void *msg;
    size_t size;
    CHECK_OK(ctx, send_ping(ctx, 1));
    CHECK_OK(ctx, vapi_wait(ctx)); /* it is there */
    vapi_stop_rx_thread(ctx);
    /* Neither who finds a message waits, nor who only looks. */
    CHECK_OK(ctx, receive_one(ctx));
    CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_NOWAIT, 0), VAPI_EAGAIN);
    CHECK_EQ(receive_one(ctx), VAPI_EAGAIN);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

static void stop_amid_messages(vapi_transport_e transport, vapi_error_e (*wait)(vapi_ctx_t))
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    for (u32 i = 0; i < 60; i++) {
        waiter_t w = {.ctx = ctx, .wait = wait};
        test_thread_t t;
        thread_start(&t, receive_until_stopped, &w);
        for (u32 k = 0; k < 1 + i % 20; k++)
            CHECK_OK(ctx, send_ping(ctx, k));
        for (u32 k = 0; k < i % 7; k++)
            sched_yield();
        vapi_stop_rx_thread(ctx);
        thread_join(&t);
        CHECK_EQ(w.ended, VAPI_EAGAIN);
    }
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(receiving_stops_amid_messages) { stop_amid_messages(transport, receive_one); }
ON_EACH_TRANSPORT(waiting_stops_amid_messages) { stop_amid_messages(transport, vapi_wait); }

static u32 signals;

static void on_signal(int number)
{
    (void)number;
    fetch_add_relaxed(&signals, 1);
}

static void wait_once(void *argument)
{
    waiter_t *w = argument;
    w->ended = w->wait(w->ctx);
}

static void signals_amid(vapi_transport_e transport, vapi_error_e (*wait)(vapi_ctx_t))
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    waiter_t w = {.ctx = ctx, .wait = wait};
    test_thread_t t;
    struct sigaction action = {.sa_handler = on_signal};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    thread_start(&t, wait_once, &w);
    for (u32 i = 0; i < 5; i++) {
        thread_wait_asleep(&t);
        CHECK_EQ(pthread_kill(t.thread, SIGUSR1), 0);
        while (load_relaxed(&signals) != i + 1)
            sched_yield();
    }
    thread_wait_asleep(&t);
    shout(&s, 1);
    thread_join(&t);
    CHECK_EQ(w.ended, wait == vapi_dispatch_one ? VAPI_EINVAL : VAPI_OK); /* without description */
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(signals_while_receiving) { signals_amid(transport, receive_one); }
ON_EACH_TRANSPORT(signals_while_waiting) { signals_amid(transport, vapi_wait); }
ON_EACH_TRANSPORT(signals_while_dispatching) { signals_amid(transport, vapi_dispatch_one); }
