/* SPDX-License-Identifier: Apache-2.0
 *
 * The generated C calls, in both modes, over each transport.
 */
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <vapi/demo.api.vapi.h>

#include "client.h"
#include "threads_fixture.h"

DEFINE_VAPI_MSG_IDS_DEMO_API_JSON;

static vapi_msg_demo_echo *make_echo(vapi_ctx_t ctx)
{
    vapi_msg_demo_echo *m = vapi_alloc_demo_echo(ctx, 3);
    CHECK(m != NULL);
    CHECK_EQ(m->payload.list.n_items, 3);
    vapi_payload_demo_echo *p = &m->payload;
    p->index = 0x01020304;
    p->small = -2;
    p->large = -3;
    p->ratio = 1.5;
    p->flags = (vapi_enum_demo_flags)(DEMO_FLAG_A | DEMO_FLAG_B);
    for (u16 i = 0; i < 3; i++) {
        p->ports[i] = (u16)(i + 1);
        p->rows[0][i] = (u16)(10 + i);
        p->rows[1][i] = (u16)(20 + i);
    }
    for (u32 i = 0; i < 4; i++)
        p->numbers[i] = i << 16;
    p->pairs[1].low = 5;
    p->pairs[1].high = 1ull << 40;
    memcpy(p->label, "label", 6);
    p->list.wide = DEMO_WIDE_TWO;
    p->list.items[0].kind = DEMO_KIND_NUMBER;
    p->list.items[0].value.number = 0x0a0b0c0d;
    p->list.items[1].kind = DEMO_KIND_PAIR;
    p->list.items[1].value.pair.low = 0x1122;
    p->list.items[1].value.pair.high = 0x3344;
    p->list.items[2].kind = DEMO_KIND_BYTES;
    memcpy(p->list.items[2].value.bytes, "0123456789abcdef", 16);
    return m;
}

static void check_echo(const vapi_payload_demo_echo_reply *p)
{
    CHECK_EQ(p->retval, 0);
    CHECK_EQ(p->index, 0x01020304);
    CHECK_EQ(p->small, -2);
    CHECK_EQ(p->large, -3);
    CHECK(p->ratio == 1.5);
    CHECK_EQ(p->flags, DEMO_FLAG_A | DEMO_FLAG_B);
    CHECK_EQ(p->ports[2], 3);
    CHECK_EQ(p->rows[1][2], 22);
    CHECK_EQ(p->numbers[3], 3 << 16);
    CHECK_EQ(p->pairs[1].low, 5);
    CHECK_EQ(p->pairs[1].high, 1ll << 40);
    CHECK_STR((const char *)p->label, "label");
    CHECK_EQ(p->list.wide, DEMO_WIDE_TWO);
    CHECK_EQ(p->list.n_items, 3);
    CHECK_EQ(p->list.items[0].value.number, 0x0a0b0c0d);
    CHECK_EQ(p->list.items[1].value.pair.low, 0x1122);
    CHECK_EQ(p->list.items[1].value.pair.high, 0x3344);
    CHECK_MEM(p->list.items[2].value.bytes, "0123456789abcdef", 16);
}

typedef struct {
    u32 calls, last, lost;
    vapi_error_e returns;
} seen_t;

static vapi_error_e on_echo(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                            vapi_payload_demo_echo_reply *reply)
{
    seen_t *seen = callback_ctx;
    CHECK(ctx != NULL);
    CHECK(is_last);
    if (rv == VAPI_ENORESP) {
        CHECK(reply == NULL);
        seen->lost++;
    } else {
        CHECK_EQ(rv, VAPI_OK);
        check_echo(reply);
    }
    seen->calls++;
    return seen->returns;
}

OVER_EACH_TRANSPORT(blocking_request)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_BLOCKING);
    seen_t seen = {0};
    for (u32 i = 1; i <= 100; i++) {
        CHECK_OK(vapi_demo_echo(ctx, make_echo(ctx), on_echo, &seen));
        CHECK_EQ(seen.calls, i);
    }
    CHECK(vapi_requests_empty(ctx));
    client_close(ctx);
}

typedef struct {
    vapi_ctx_t ctx;
    seen_t seen;
    vapi_error_e rv;
} call_t;

static void call_echo(void *argument)
{
    call_t *c = argument;
    c->rv = vapi_demo_echo(c->ctx, make_echo(c->ctx), on_echo, &c->seen);
}

static u32 signals;

static void on_signal(int number)
{
    (void)number;
    __atomic_fetch_add(&signals, 1, __ATOMIC_RELAXED);
}

/* It would come back with its request outstanding, and the callback's memory gone. */
OVER_EACH_TRANSPORT(signals_do_not_end_a_blocking_request)
{
    call_t c = {.ctx = client_open(server, transport, VAPI_MODE_BLOCKING)};
    test_thread_t t;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    server_hold(server, 1);
    thread_start(&t, call_echo, &c);
    for (u32 i = 0; i < 5; i++) {
        thread_wait_asleep(&t);
        CHECK_EQ(pthread_kill(t.thread, SIGUSR1), 0);
        while (__atomic_load_n(&signals, __ATOMIC_RELAXED) != i + 1)
            sched_yield();
    }
    thread_wait_asleep(&t);
    server_hold(server, 0);
    thread_join(&t);
    CHECK_OK(c.rv);
    CHECK_EQ(c.seen.calls, 1);
    client_close(c.ctx);
}

OVER_EACH_TRANSPORT(nonblocking_requests)
{
    vapi_connect_options_t o = server_options(server, transport, VAPI_MODE_NONBLOCKING);
    o.max_outstanding_requests = 9;
    vapi_ctx_t ctx;
    CHECK_OK(vapi_ctx_alloc(&ctx));
    CHECK_OK(vapi_connect_options(ctx, &o));
    seen_t seen = {0};
    server_hold(server, 1);
    for (u32 i = 0; i < 8; i++)
        CHECK_OK(vapi_demo_echo(ctx, make_echo(ctx), on_echo, &seen));
    /* One place is never used, as in VAPI. */
    CHECK_EQ(vapi_get_request_count(ctx), vapi_get_max_request_count(ctx));
    vapi_msg_demo_echo *m = make_echo(ctx);
    CHECK_EQ(vapi_demo_echo(ctx, m, on_echo, &seen), VAPI_EAGAIN);
    /* It is still ours, in host order. */
    CHECK_EQ(m->payload.index, 0x01020304);
    CHECK_EQ(m->payload.list.items[0].value.number, 0x0a0b0c0d);
    CHECK_EQ(vapi_dispatch_one(ctx), VAPI_EAGAIN);
    CHECK_EQ(seen.calls, 0);
    server_hold(server, 0);
    settle(ctx);
    CHECK_EQ(seen.calls, 8);
    CHECK_OK(vapi_demo_echo(ctx, m, on_echo, &seen));
    settle(ctx);
    CHECK_EQ(seen.calls, 9);
    CHECK_OK(vapi_dispatch(ctx));
    client_close(ctx);
}

OVER_EACH_TRANSPORT(a_skipped_request_gets_no_response)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_NONBLOCKING);
    seen_t seen = {0}, later = {0};
    vapi_msg_demo_echo *m = make_echo(ctx);
    m->payload.silent = true;
    CHECK_OK(vapi_demo_echo(ctx, m, on_echo, &seen));
    CHECK_OK(vapi_demo_echo(ctx, make_echo(ctx), on_echo, &later));
    settle(ctx);
    CHECK_EQ(seen.lost, 1);
    CHECK_EQ(seen.calls, 1);
    CHECK_EQ(later.lost, 0);
    CHECK_EQ(later.calls, 1);
    client_close(ctx);
}

OVER_EACH_TRANSPORT(a_callback_breaks_dispatch)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_BLOCKING);
    seen_t seen = {.returns = VAPI_EUSER};
    CHECK_EQ(vapi_demo_echo(ctx, make_echo(ctx), on_echo, &seen), VAPI_EUSER);
    CHECK_EQ(seen.calls, 1);
    CHECK(vapi_requests_empty(ctx));
    client_close(ctx);
}

static vapi_error_e on_details(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                               vapi_payload_demo_details *p)
{
    seen_t *seen = callback_ctx;
    (void)ctx;
    CHECK_EQ(rv, VAPI_OK);
    CHECK_EQ(seen->last, 0);
    if (is_last) {
        CHECK(p == NULL);
        seen->last++;
        return VAPI_OK;
    }
    CHECK_EQ(p->index, seen->calls);
    CHECK_EQ(p->count, p->index);
    for (u32 k = 0; k < p->count; k++)
        CHECK_EQ(p->numbers[k], 1000 * p->index + k);
    seen->calls++;
    return VAPI_OK;
}

OVER_EACH_TRANSPORT(dump_in_both_modes)
{
    for (int blocking = 0; blocking < 2; blocking++) {
        vapi_ctx_t ctx =
            client_open(server, transport, blocking ? VAPI_MODE_BLOCKING : VAPI_MODE_NONBLOCKING);
        const u32 counts[] = {0, 1, 300};
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            seen_t seen = {0};
            vapi_msg_demo_dump *m = vapi_alloc_demo_dump(ctx);
            m->payload.count = counts[i];
            CHECK_OK(vapi_demo_dump(ctx, m, on_details, &seen));
            settle(ctx);
            CHECK_EQ(seen.calls, counts[i]);
            CHECK_EQ(seen.last, 1);
        }
        client_close(ctx);
    }
}

static vapi_error_e on_pick_item(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                                 vapi_payload_demo_pick_details *p)
{
    seen_t *seen = callback_ctx;
    (void)ctx;
    CHECK_EQ(rv, VAPI_OK);
    CHECK(!is_last);
    CHECK_EQ(p->wanted, 7 * seen->calls);
    CHECK_EQ(seen->last, 0);
    seen->calls++;
    return VAPI_OK;
}

static vapi_error_e on_pick(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                            vapi_payload_demo_pick_get_reply *p)
{
    seen_t *seen = callback_ctx;
    (void)ctx;
    CHECK_EQ(rv, VAPI_OK);
    CHECK(is_last);
    CHECK_EQ(p->count, seen->calls);
    seen->last++;
    return VAPI_OK;
}

OVER_EACH_TRANSPORT(stream_with_an_array)
{
    for (int blocking = 0; blocking < 2; blocking++) {
        vapi_ctx_t ctx =
            client_open(server, transport, blocking ? VAPI_MODE_BLOCKING : VAPI_MODE_NONBLOCKING);
        for (u32 count = 0; count < 200; count += 100) {
            seen_t seen = {0};
            vapi_msg_demo_pick_get *m = vapi_alloc_demo_pick_get(ctx, count);
            CHECK_EQ(m->payload.count, count);
            for (u32 i = 0; i < count; i++)
                m->payload.wanted[i] = 7 * i;
            CHECK_EQ(vapi_demo_pick_get(ctx, m, on_pick, &seen, NULL, NULL), VAPI_EINVAL);
            CHECK_OK(vapi_demo_pick_get(ctx, m, on_pick, &seen, on_pick_item, &seen));
            settle(ctx);
            CHECK_EQ(seen.calls, count);
            CHECK_EQ(seen.last, 1);
        }
        client_close(ctx);
    }
}

static vapi_error_e on_text(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                            vapi_payload_demo_text_reply *p)
{
    seen_t *seen = callback_ctx;
    (void)ctx;
    CHECK_EQ(rv, VAPI_OK);
    CHECK(is_last);
    CHECK_EQ(p->text.length, 6);
    CHECK_MEM(p->text.buf, "olleh!", 6);
    seen->calls++;
    return VAPI_OK;
}

OVER_EACH_TRANSPORT(strings)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_BLOCKING);
    seen_t seen = {0};
    vapi_msg_demo_text *m = vapi_alloc_demo_text(ctx, 6);
    CHECK_EQ(m->payload.text.length, 6);
    memcpy(m->payload.text.buf, "!hello", 6);
    CHECK_OK(vapi_demo_text(ctx, m, on_text, &seen));
    CHECK_EQ(seen.calls, 1);
    client_close(ctx);
}

static vapi_error_e on_want(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                            vapi_payload_want_demo_events_reply *p)
{
    (void)ctx;
    CHECK_EQ(rv, VAPI_OK);
    CHECK(is_last);
    CHECK_EQ(p->retval, 0);
    ++*(u32 *)callback_ctx;
    return VAPI_OK;
}

static vapi_error_e on_event(vapi_ctx_t ctx, void *callback_ctx, vapi_payload_demo_event *p)
{
    seen_t *seen = callback_ctx;
    (void)ctx;
    CHECK_EQ(p->pid, 77);
    CHECK_EQ(p->number, seen->calls);
    seen->calls++;
    return VAPI_OK;
}

static vapi_error_e on_anything(vapi_ctx_t ctx, void *callback_ctx, vapi_msg_id_t id, void *msg)
{
    (void)ctx;
    CHECK_EQ(id, vapi_msg_id_demo_event);
    CHECK_EQ(((vapi_msg_demo_event *)msg)->payload.pid, 77);
    ++*(u32 *)callback_ctx;
    return VAPI_OK;
}

OVER_EACH_TRANSPORT(events)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_BLOCKING);
    seen_t seen = {0};
    u32 wanted = 0, generic = 0;
    vapi_set_vapi_msg_demo_event_event_cb(ctx, on_event, &seen);
    vapi_set_generic_event_cb(ctx, on_anything, &generic);
    vapi_msg_want_demo_events *m = vapi_alloc_want_demo_events(ctx);
    m->payload.count = 5;
    CHECK_OK(vapi_want_demo_events(ctx, m, on_want, &wanted));
    CHECK_EQ(wanted, 1);
    while (seen.calls < 5)
        CHECK_OK(vapi_dispatch_one(ctx));
    CHECK_EQ(generic, 0);
    vapi_clear_event_cb(ctx, vapi_msg_id_demo_event);
    server_send_events(server, 2, 0);
    while (generic < 2)
        CHECK_OK(vapi_dispatch_one(ctx));
    CHECK_EQ(seen.calls, 5);
    vapi_clear_generic_event_cb(ctx);
    server_send_events(server, 1, 0);
    CHECK_OK(vapi_dispatch_one(ctx));
    CHECK_EQ(generic, 2);
    client_close(ctx);
}

OVER_EACH_TRANSPORT(short_and_lying_messages_are_refused)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_BLOCKING);
    seen_t seen = {0};
    vapi_set_vapi_msg_demo_event_event_cb(ctx, on_event, &seen);
    u32 details = 0;
    vapi_set_generic_event_cb(ctx, on_anything, &details);
    server_send_events(server, 1, 4);
    CHECK_EQ(vapi_dispatch_one(ctx), VAPI_EINVAL);
    CHECK_HAS(vapi_error_text(ctx), "demo_event_");
    server_send_lie(server, 0xffff);
    CHECK_EQ(vapi_dispatch_one(ctx), VAPI_EINVAL);
    CHECK_HAS(vapi_error_text(ctx), "demo_details_");
    server_send_events(server, 1, 0);
    CHECK_OK(vapi_dispatch_one(ctx));
    CHECK_EQ(seen.calls, 1);
    CHECK_EQ(details, 0);
    client_close(ctx);
}

OVER_EACH_TRANSPORT(a_message_without_answer)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_BLOCKING);
    CHECK_EQ(vapi_demo_poke(ctx, NULL), VAPI_EINVAL);
    for (u32 i = 0; i < 3; i++)
        CHECK_OK(vapi_demo_poke(ctx, vapi_alloc_demo_poke(ctx)));
    CHECK(vapi_requests_empty(ctx));
    /* Handled in order: when this is answered, they have been. */
    seen_t seen = {0};
    CHECK_OK(vapi_demo_echo(ctx, make_echo(ctx), on_echo, &seen));
    CHECK_EQ(server_pokes(server), 3);
    client_close(ctx);
}

OVER_EACH_TRANSPORT(descriptor_and_stop)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_NONBLOCKING);
    struct pollfd p = {.events = POLLIN};
    CHECK_OK(vapi_get_fd(ctx, &p.fd));
    CHECK_EQ(poll(&p, 1, 0), 0);
    seen_t seen = {0};
    CHECK_OK(vapi_demo_echo(ctx, make_echo(ctx), on_echo, &seen));
    while (!vapi_requests_empty(ctx)) {
        CHECK_EQ(poll(&p, 1, 5000), 1);
        vapi_error_e rv = vapi_dispatch(ctx);
        CHECK(rv == VAPI_OK || rv == VAPI_EAGAIN);
    }
    CHECK_EQ(seen.calls, 1);
    vapi_stop_rx_thread(ctx);
    CHECK_EQ(vapi_wait(ctx), VAPI_EAGAIN);
    client_close(ctx);
}

OVER_EACH_TRANSPORT(messages_do_not_leak)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_NONBLOCKING);
    /* More than any arena holds. */
    for (u32 i = 0; i < 20000; i++) {
        vapi_msg_demo_echo *m = vapi_alloc_demo_echo(ctx, 255);
        CHECK(m != NULL);
        vapi_msg_free(ctx, m);
    }
    CHECK(vapi_alloc_demo_echo(ctx, 256) == NULL);
    CHECK(vapi_alloc_demo_text(ctx, (size_t)1 << 32) == NULL);
    CHECK(vapi_alloc_demo_pick_get(ctx, ~(size_t)0 / 4) == NULL);
    client_close(ctx);
}

typedef struct {
    capi_server_t *server;
    vapi_transport_e transport;
} worker_t;

typedef struct {
    vapi_ctx_t ctx;
    bool over; /* atomic, and the next */
    u32 broke; /* how often a dispatch returned what a callback said */
} beside_t;

static void *work(void *argument)
{
    worker_t *w = argument;
    vapi_ctx_t ctx = client_open(w->server, w->transport, VAPI_MODE_BLOCKING);
    seen_t seen = {0};
    for (u32 i = 0; i < 200; i++)
        CHECK_OK(vapi_demo_echo(ctx, make_echo(ctx), on_echo, &seen));
    CHECK_EQ(seen.calls, 200);
    client_close(ctx);
    return NULL;
}

OVER_EACH_TRANSPORT(two_servers_in_two_threads)
{
    capi_server_t *second = server_start();
    worker_t workers[2] = {{server, transport}, {second, transport}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    server_stop(second);
}

/* Who dispatches beside a blocking call must not get what the call's callback returns, and the call
 * must, however quick the other is; a request that was stored by hand has nobody who waits. */
static void *dispatch_all(void *argument)
{
    beside_t *b = argument;
    while (!__atomic_load_n(&b->over, __ATOMIC_ACQUIRE)) {
        vapi_error_e rv = vapi_dispatch_one_until(b->ctx, 1000000);
        if (rv == VAPI_EUSER)
            __atomic_fetch_add(&b->broke, 1, __ATOMIC_ACQ_REL);
        else
            CHECK(rv == VAPI_OK || rv == VAPI_EAGAIN);
    }
    return NULL;
}

OVER_EACH_TRANSPORT(what_a_callback_returns_goes_to_its_own_call)
{
    beside_t b = {.ctx = client_open(server, transport, VAPI_MODE_BLOCKING)};
    pthread_t thread;
    seen_t breaks = {.returns = VAPI_EUSER}, goes_on = {0};
    CHECK_EQ(pthread_create(&thread, NULL, dispatch_all, &b), 0);
    for (u32 i = 0; i < 300; i++) {
        CHECK_EQ(vapi_demo_echo(b.ctx, make_echo(b.ctx), on_echo, &breaks), VAPI_EUSER);
        CHECK_EQ(__atomic_load_n(&b.broke, __ATOMIC_ACQUIRE), 0);
        CHECK_OK(vapi_demo_echo(b.ctx, make_echo(b.ctx), on_echo, &goes_on));
    }
    for (u32 i = 1; i <= 20; i++) {
        vapi_msg_demo_echo *m = make_echo(b.ctx);
        CHECK_OK(vapi_producer_lock(b.ctx));
        u32 context = m->header.context = vapi_gen_req_context(b.ctx);
        vapi_msg_demo_echo_hton(m);
        CHECK_OK(vapi_send(b.ctx, m));
        vapi_store_request(b.ctx, context, vapi_msg_id_demo_echo_reply, VAPI_REQUEST_REG,
                           (vapi_cb_t)(void (*)(void))on_echo, &breaks);
        CHECK_OK(vapi_producer_unlock(b.ctx));
        while (__atomic_load_n(&b.broke, __ATOMIC_ACQUIRE) != i)
            sched_yield();
        CHECK_OK(vapi_demo_echo(b.ctx, make_echo(b.ctx), on_echo, &goes_on));
    }
    __atomic_store_n(&b.over, true, __ATOMIC_RELEASE);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    client_close(b.ctx);
}

OVER_EACH_TRANSPORT(a_server_that_is_gone)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_BLOCKING);
    seen_t seen = {0};
    server_restart(server);
    vapi_msg_demo_echo *m = vapi_alloc_demo_echo(ctx, 0);
    if (m != NULL) {
        CHECK_EQ(vapi_demo_echo(ctx, m, on_echo, &seen), VAPI_ECONNRESET);
        CHECK_EQ(seen.calls, 0);
        vapi_msg_free(ctx, m); /* was not sent, so it is still ours */
    }
    CHECK_EQ(vapi_disconnect(ctx), VAPI_ENORESP);
    vapi_connect_options_t o = server_options(server, transport, VAPI_MODE_BLOCKING);
    CHECK_OK(vapi_connect_options(ctx, &o));
    CHECK_OK(vapi_demo_echo(ctx, make_echo(ctx), on_echo, &seen));
    CHECK_EQ(seen.calls, 1);
    client_close(ctx);
}

TEST(wrong_arguments)
{
    vapi_ctx_t ctx;
    seen_t seen = {0};
    CHECK_OK(vapi_ctx_alloc(&ctx));
    CHECK(vapi_alloc_demo_echo(ctx, 1) == NULL);
    CHECK_EQ(vapi_demo_echo(ctx, NULL, on_echo, &seen), VAPI_EINVAL);
    CHECK_EQ(vapi_send(ctx, NULL), VAPI_EINVAL);
    CHECK_EQ(vapi_send_with_control_ping(ctx, NULL, 1), VAPI_EINVAL);
    CHECK(!vapi_is_msg_available(ctx, vapi_msg_id_demo_echo));
    CHECK_EQ(vapi_connect_ex(ctx, "x", "/nonexistent/sock", 0, 1, VAPI_MODE_BLOCKING, true, true),
             VAPI_EINVAL);
    CHECK(vapi_connect_ex(ctx, "x", "/nonexistent/sock", 1, 1, VAPI_MODE_BLOCKING, true, true) !=
          VAPI_OK);
    CHECK_EQ(vapi_connect_from_vpp(ctx, "x", 1, 1, VAPI_MODE_BLOCKING, true), VAPI_ENOTSUP);
    vapi_ctx_free(ctx);
}

/* ---- without a connection */

TEST(sizes_and_counts)
{
    u8 bytes[512] = {0};
    vapi_msg_demo_details *m = (void *)bytes;
    const uword fixed = sizeof *m;
    m->payload.count = 3;
    CHECK_EQ(vapi_calc_demo_details_msg_size(m), fixed + 12);
    CHECK_EQ(vapi_verify_demo_details_msg_size(m, fixed + 12), 0);
    CHECK_EQ(vapi_verify_demo_details_msg_size(m, fixed + 13), 0);
    CHECK_EQ(vapi_verify_demo_details_msg_size(m, fixed + 11), -1);
    CHECK_EQ(vapi_verify_demo_details_msg_size(m, fixed - 1), -1);
    vapi_msg_demo_details_hton(m);
    CHECK_EQ(vapi_verify_demo_details_wire_size(m, fixed + 12), 0);
    CHECK_EQ(vapi_verify_demo_details_wire_size(m, fixed + 11), -1);
    CHECK_EQ(vapi_verify_demo_details_wire_size(m, fixed - 1), -1);
    vapi_msg_demo_text *t = (void *)bytes;
    t->payload.text.length = ~0u;
    CHECK_EQ(vapi_verify_demo_text_wire_size(t, sizeof bytes), -1);
    CHECK_EQ(vapi_verify_demo_text_msg_size(t, sizeof bytes), -1);
    CHECK_EQ(vapi_size_with_tail(10, ~(uword)0, 2), ~(uword)0);
    CHECK_EQ(vapi_size_with_tail(10, ~(uword)0 - 5, 1), ~(uword)0);
    CHECK(!vapi_msg_to_host(VAPI_INVALID_MSG_ID, bytes, sizeof bytes));
}

TEST(unions_are_swapped_by_discriminator)
{
    vapi_type_demo_item item = {.kind = DEMO_KIND_PAIR};
    item.value.pair.low = 0x0102;
    item.value.pair.high = 0x0304050607080900ull;
    vapi_type_demo_item_hton(&item);
    CHECK_MEM(&item, "\1\1\2\3\4\5\6\7\10\11\0", 11);
    vapi_type_demo_item_ntoh(&item);
    CHECK_EQ(item.value.pair.low, 0x0102);
    CHECK_EQ(item.value.pair.high, 0x0304050607080900ull);
    item.kind = DEMO_KIND_BYTES;
    memcpy(item.value.bytes, "0123456789abcdef", 16);
    vapi_type_demo_item_hton(&item);
    CHECK_MEM(item.value.bytes, "0123456789abcdef", 16);
}

TEST(descriptions)
{
    CHECK_STR(vapi_get_msg_name(vapi_msg_id_demo_echo), "demo_echo");
    CHECK(vapi_msg_is_with_context(vapi_msg_id_demo_echo));
    CHECK_EQ(vapi_get_context_offset(vapi_msg_id_demo_echo), 6);
    CHECK_EQ(vapi_get_context_offset(vapi_msg_id_demo_echo_reply), 2);
    CHECK_EQ(vapi_get_payload_offset(vapi_msg_id_demo_echo), 10);
    CHECK_EQ(vapi_get_payload_offset(vapi_msg_id_demo_event), 0);
    CHECK(!vapi_msg_is_with_context(vapi_msg_id_demo_event));
    CHECK(vapi_get_msg_name(vapi_msg_id_control_ping) != NULL);
    CHECK(vapi_get_message_count() > vapi_msg_id_demo_poke);
}
