/* SPDX-License-Identifier: Apache-2.0
 *
 * The library's own functions, as vapi.h and vapi_internal.h declare them: what programs use that do
 * without the generated calls, and what code of VPP's own generator expects.
 */
#include <pthread.h>
#include <vapi/demo.api.vapi.h>

#include "client.h"

DEFINE_VAPI_MSG_IDS_DEMO_API_JSON;

typedef struct {
    u32 calls;
    vapi_error_e last_rv;
} seen_t;

static vapi_error_e on_event(vapi_ctx_t ctx, void *callback_ctx, vapi_payload_demo_event *p)
{
    seen_t *seen = callback_ctx;
    (void)ctx;
    CHECK_EQ(p->number, seen->calls);
    seen->calls++;
    return VAPI_OK;
}

static vapi_error_e on_anything(vapi_ctx_t ctx, void *callback_ctx, vapi_msg_id_t id, void *msg)
{
    (void)ctx;
    (void)msg;
    CHECK_EQ(id, vapi_msg_id_demo_event);
    ++*(u32 *)callback_ctx;
    return VAPI_OK;
}

static vapi_error_e on_echo(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                            vapi_payload_demo_echo_reply *reply)
{
    seen_t *seen = callback_ctx;
    (void)ctx;
    CHECK(is_last);
    CHECK((reply != NULL) == (rv == VAPI_OK));
    seen->last_rv = rv;
    seen->calls++;
    return VAPI_OK;
}

/* ---- connecting */

TEST(connect_over_shared_memory_by_prefix)
{
    capi_server_t *server = server_start();
    vapi_ctx_t ctx;
    seen_t seen = {0};
    CHECK_OK(vapi_ctx_alloc(&ctx));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(
            vapi_connect(ctx, "by prefix", server_prefix(server), 8, 16, VAPI_MODE_BLOCKING, true));
        CHECK_EQ(vapi_get_transport(ctx), VAPI_TRANSPORT_SHM);
        CHECK_EQ(vapi_connect(ctx, "twice", server_prefix(server), 8, 16, VAPI_MODE_BLOCKING, true),
                 VAPI_EINVAL);
        CHECK(!vapi_is_nonblocking(ctx));
        CHECK_EQ(vapi_get_max_request_count(ctx), 7);
        CHECK_OK(vapi_demo_echo(ctx, vapi_alloc_demo_echo(ctx, 0), on_echo, &seen));
        CHECK_OK(vapi_disconnect(ctx));
        CHECK_EQ(vapi_disconnect(ctx), VAPI_EINVAL);
    }
    CHECK_EQ(seen.calls, 2);
    CHECK_EQ(vapi_connect(ctx, "no such", "capi-no-such-prefix", 8, 16, VAPI_MODE_BLOCKING, true),
             VAPI_EMAP_FAIL);
    CHECK_EQ(vapi_connect(NULL, "x", NULL, 8, 16, VAPI_MODE_BLOCKING, true), VAPI_EINVAL);
    CHECK_EQ(vapi_connect(ctx, "x", server_prefix(server), -1, 16, VAPI_MODE_BLOCKING, true),
             VAPI_EINVAL);
    CHECK_EQ(vapi_connect(ctx, "x", server_prefix(server), 8, 0, VAPI_MODE_BLOCKING, true),
             VAPI_EINVAL);
    vapi_ctx_free(ctx);
    server_stop(server);
}

TEST(inside_vpp_is_not_supported)
{
    vapi_ctx_t ctx;
    CHECK_OK(vapi_ctx_alloc(&ctx));
    CHECK_EQ(vapi_connect_from_vpp(ctx, "x", 1, 1, VAPI_MODE_BLOCKING, true), VAPI_ENOTSUP);
    CHECK_HAS(vapi_error_text(ctx), "inside VPP");
    CHECK_EQ(vapi_disconnect_from_vpp(ctx), VAPI_ENOTSUP);
    CHECK_HAS(vapi_error_text(ctx), "inside VPP");
    vapi_ctx_free(ctx);
}

/* ---- event callbacks, at any time of a context's life */

OVER_EACH_TRANSPORT(callbacks_that_were_set_before_connecting)
{
    seen_t seen = {0};
    u32 generic = 0;
    vapi_ctx_t ctx;
    CHECK_OK(vapi_ctx_alloc(&ctx));
    vapi_set_vapi_msg_demo_event_event_cb(ctx, on_event, &seen);
    vapi_set_generic_event_cb(ctx, on_anything, &generic);
    vapi_connect_options_t o = server_options(server, transport, VAPI_MODE_BLOCKING);
    /* They stay from one connection to the next. */
    for (u32 round = 1; round <= 2; round++) {
        CHECK_OK(vapi_connect_options(ctx, &o));
        seen.calls = 0;
        server_send_events(server, 1, 0);
        CHECK_OK(vapi_dispatch_one(ctx));
        CHECK_EQ(seen.calls, 1);
        CHECK_OK(vapi_disconnect(ctx));
    }
    vapi_clear_event_cb(ctx, vapi_msg_id_demo_event);
    CHECK_OK(vapi_connect_options(ctx, &o));
    server_send_events(server, 1, 0);
    CHECK_OK(vapi_dispatch_one(ctx));
    CHECK_EQ(seen.calls, 1);
    CHECK_EQ(generic, 1);
    vapi_set_event_cb(ctx, VAPI_INVALID_MSG_ID, NULL, NULL);
    CHECK_HAS(vapi_error_text(ctx), "no message is 4294967295");
    client_close(ctx);
}

/* ---- sending and receiving by hand */

/** A demo_echo as a program makes it that has only vapi.h: allocated and numbered by hand. */
static vapi_msg_demo_echo *by_hand(vapi_ctx_t ctx, u32 context)
{
    const size_t size = sizeof(vapi_msg_demo_echo);
    vapi_msg_demo_echo *m = vapi_msg_alloc(ctx, size);
    CHECK(m != NULL);
    for (size_t i = 0; i < size; i++)
        CHECK_EQ(((u8 *)m)[i], 0);
    m->header._vl_msg_id = vapi_lookup_vl_msg_id(ctx, vapi_msg_id_demo_echo);
    m->header.client_index = (u32)vapi_get_client_index(ctx);
    m->header.context = context;
    m->payload.index = context;
    vapi_get_swap_to_be_func(vapi_msg_id_demo_echo)(m);
    return m;
}

static void expect(vapi_ctx_t ctx, svm_q_conditional_wait_t how, u32 seconds, u32 context)
{
    void *msg;
    size_t size;
    CHECK_OK(vapi_recv(ctx, &msg, &size, how, seconds));
    vapi_msg_demo_echo_reply *reply = msg;
    CHECK_EQ(vapi_lookup_vapi_msg_id_t(ctx, be16toh(reply->header._vl_msg_id)),
             vapi_msg_id_demo_echo_reply);
    CHECK_EQ(size, sizeof *reply);
    CHECK_EQ(reply->header.context, context);
    vapi_get_swap_to_host_func(vapi_msg_id_demo_echo_reply)(reply);
    CHECK_EQ(reply->payload.index, context);
    vapi_msg_free(ctx, msg);
}

OVER_EACH_TRANSPORT(send_and_receive_by_hand)
{
    for (int blocking = 0; blocking < 2; blocking++) {
        vapi_ctx_t ctx =
            client_open(server, transport, blocking ? VAPI_MODE_BLOCKING : VAPI_MODE_NONBLOCKING);
        void *msg;
        size_t size;
        CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_NOWAIT, 0), VAPI_EAGAIN);
        CHECK_OK(vapi_send(ctx, by_hand(ctx, 1)));
        expect(ctx, SVM_Q_TIMEDWAIT, 5, 1);
        CHECK_OK(vapi_send2(ctx, by_hand(ctx, 2), by_hand(ctx, 3)));
        expect(ctx, SVM_Q_WAIT, 0, 2);
        CHECK_OK(vapi_wait(ctx));
        expect(ctx, SVM_Q_NOWAIT, 0, 3);
        /* Neither is sent, both stay ours. */
        vapi_msg_demo_echo *m = by_hand(ctx, 4);
        CHECK_EQ(vapi_send2(ctx, m, NULL), VAPI_EINVAL);
        CHECK_EQ(vapi_send2(ctx, NULL, m), VAPI_EINVAL);
        CHECK_OK(vapi_send(ctx, m));
        expect(ctx, SVM_Q_TIMEDWAIT, 5, 4);
        CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_NOWAIT, 0), VAPI_EAGAIN);
        CHECK_EQ(vapi_recv(ctx, NULL, &size, SVM_Q_NOWAIT, 0), VAPI_EINVAL);
        CHECK_EQ(vapi_recv(ctx, &msg, NULL, SVM_Q_NOWAIT, 0), VAPI_EINVAL);
        /* What is not dispatched has no effect on the requests. */
        CHECK(vapi_requests_empty(ctx));
        client_close(ctx);
    }
}

OVER_EACH_TRANSPORT(dispatch_that_waits_for_seconds)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_NONBLOCKING);
    seen_t seen = {0};
    CHECK(vapi_is_nonblocking(ctx));
    CHECK_EQ(vapi_dispatch_one_timedwait(ctx, 0), VAPI_EAGAIN);
    CHECK_OK(vapi_demo_echo(ctx, vapi_alloc_demo_echo(ctx, 0), on_echo, &seen));
    CHECK_OK(vapi_dispatch_one_timedwait(ctx, 10));
    CHECK_EQ(seen.calls, 1);
    client_close(ctx);
    if (transport != VAPI_TRANSPORT_SOCKET)
        return;
    /* Blocking mode waits for a message, whatever the argument says. */
    ctx = client_open(server, transport, VAPI_MODE_BLOCKING);
    CHECK_EQ(vapi_dispatch_one_timedwait(NULL, 1), VAPI_EINVAL);
    server_send_events(server, 1, 0);
    CHECK_OK(vapi_dispatch_one_timedwait(ctx, 0));
    client_close(ctx);
}

TEST(a_wait_of_one_second_ends)
{
    capi_server_t *server = server_start();
    vapi_ctx_t ctx = client_open(server, VAPI_TRANSPORT_SHM, VAPI_MODE_NONBLOCKING);
    struct timespec from, to;
    void *msg;
    size_t size;
    clock_gettime(CLOCK_MONOTONIC, &from);
    CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 1), VAPI_EAGAIN);
    clock_gettime(CLOCK_MONOTONIC, &to);
    CHECK((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 >= 999);
    client_close(ctx);
    server_stop(server);
}

/* ---- the steps of a request, as code of VPP's generator takes them */

OVER_EACH_TRANSPORT(a_request_step_by_step)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_NONBLOCKING);
    seen_t seen = {0};
    for (u32 i = 0; i < 3; i++) {
        CHECK(!vapi_requests_full(ctx));
        CHECK_OK(vapi_producer_lock(ctx));
        u32 context = vapi_gen_req_context(ctx);
        CHECK(context >> 31 == 1);
        CHECK_OK(vapi_send(ctx, by_hand(ctx, context)));
        vapi_store_request(ctx, context, vapi_msg_id_demo_echo_reply, VAPI_REQUEST_REG,
                           (vapi_cb_t)(void (*)(void))on_echo, &seen);
        CHECK_OK(vapi_producer_unlock(ctx));
        CHECK_EQ(vapi_get_request_count(ctx), 1);
        settle(ctx);
        CHECK_EQ(seen.calls, i + 1);
    }
    client_close(ctx);
}

TEST(a_request_too_many_is_told_so)
{
    capi_server_t *server = server_start();
    vapi_ctx_t ctx;
    CHECK_OK(vapi_ctx_alloc(&ctx));
    CHECK_OK(vapi_connect_ex(ctx, "few", server_socket(server), 2, 16, VAPI_MODE_NONBLOCKING, true,
                             true));
    seen_t seen = {0};
    for (u32 i = 0; i < 2; i++)
        vapi_store_request(ctx, vapi_gen_req_context(ctx), vapi_msg_id_demo_echo_reply,
                           VAPI_REQUEST_REG, (vapi_cb_t)(void (*)(void))on_echo, &seen);
    CHECK(vapi_requests_full(ctx));
    CHECK_EQ(seen.calls, 0);
    vapi_store_request(ctx, vapi_gen_req_context(ctx), vapi_msg_id_demo_echo_reply,
                       VAPI_REQUEST_REG, (vapi_cb_t)(void (*)(void))on_echo, &seen);
    CHECK_EQ(seen.calls, 1);
    CHECK_EQ(seen.last_rv, VAPI_EAGAIN);
    client_close(ctx);
    server_stop(server);
}

/* ---- descriptions of messages */

static int always_fits(void *msg, uword size)
{
    (void)msg;
    (void)size;
    return 0;
}

static void no_swap(void *msg) { (void)msg; }

static const char *numbered(const char *format, u32 number)
{
    char *name = malloc(64);
    CHECK(name != NULL);
    snprintf(name, 64, format, number);
    return name;
}

/* More than the registry begins with: it grows, and what is known keeps its number. */
TEST(many_descriptions)
{
    enum { MANY = 3000 };
    static vapi_message_desc_t many[MANY], again;
    u32 before = (u32)vapi_get_message_count();
    for (u32 i = 0; i < MANY; i++) {
        many[i] = (vapi_message_desc_t){.name = numbered("invented_%u", i),
                                        .name_with_crc = numbered("invented_%u_01020304", i),
                                        .has_context = i % 2 == 0,
                                        .context_offset = 2,
                                        .payload_offset = i % 3 == 0 ? ~0u : 6,
                                        .verify_msg_size = always_fits,
                                        .swap_to_be = no_swap,
                                        .swap_to_host = no_swap};
        CHECK_EQ(vapi_register_msg(&many[i]), before + i);
    }
    CHECK_EQ(vapi_get_message_count(), before + MANY);
    again = many[1234];
    CHECK_EQ(vapi_register_msg(&again), many[1234].id);
    CHECK_EQ(vapi_get_message_count(), before + MANY);
    CHECK_STR(vapi_get_msg_name(many[2999].id), "invented_2999");
    CHECK_STR(vapi_get_msg_name(vapi_msg_id_demo_echo), "demo_echo");
    /* No payload, no context, too short for its header. */
    u8 bytes[16] = {0};
    CHECK_EQ(vapi_get_payload_offset(many[0].id), -1);
    CHECK(vapi_msg_to_host(many[0].id, bytes, 6));
    CHECK(!vapi_msg_to_host(many[0].id, bytes, 5));
    CHECK(vapi_msg_to_host(many[3].id, bytes, 2));
    CHECK(!vapi_msg_to_host(many[3].id, bytes, 1));
    CHECK(!vapi_msg_to_host(many[1].id, bytes, 5));
    CHECK(vapi_get_swap_to_be_func(many[7].id) == no_swap);

    capi_server_t *server = server_start();
    vapi_ctx_t ctx = client_open(server, VAPI_TRANSPORT_SOCKET, VAPI_MODE_BLOCKING);
    CHECK(!vapi_is_msg_available(ctx, many[5].id));
    CHECK_EQ(vapi_lookup_vl_msg_id(ctx, many[5].id), UINT16_MAX);
    CHECK_EQ(vapi_lookup_vapi_msg_id_t(ctx, UINT16_MAX), VAPI_INVALID_MSG_ID);
    CHECK(vapi_is_msg_available(ctx, vapi_msg_id_demo_echo));
    client_close(ctx);
    server_stop(server);
    for (u32 i = 0; i < MANY; i++) {
        free((void *)(uintptr_t)many[i].name);
        free((void *)(uintptr_t)many[i].name_with_crc);
    }
}

TEST(a_description_that_does_not_exist)
{
    CHECK(vapi_get_msg_name(VAPI_INVALID_MSG_ID) == NULL);
    CHECK_EQ(vapi_get_payload_offset(VAPI_INVALID_MSG_ID), -1);
    CHECK(vapi_get_swap_to_be_func(VAPI_INVALID_MSG_ID) == NULL);
    CHECK(vapi_get_swap_to_host_func(VAPI_INVALID_MSG_ID) == NULL);
    CHECK_EQ(vapi_get_context_offset(VAPI_INVALID_MSG_ID), 0);
    CHECK(!vapi_msg_is_with_context(VAPI_INVALID_MSG_ID));
}

/* ---- one connection, several threads in blocking mode */

typedef struct {
    vapi_ctx_t ctx;
    u32 rounds;
} worker_t;

static void *work(void *argument)
{
    worker_t *w = argument;
    for (u32 i = 1; i <= w->rounds; i++) {
        seen_t seen = {0};
        CHECK_OK(vapi_demo_echo(w->ctx, vapi_alloc_demo_echo(w->ctx, 0), on_echo, &seen));
        /* It returns when its own callback has been called, whichever thread did so. */
        CHECK_EQ(seen.calls, 1);
        CHECK_EQ(seen.last_rv, VAPI_OK);
    }
    return NULL;
}

/* What a callback returns comes out of the call that it belongs to, in whichever thread it ran. */
static vapi_error_e refuse(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                           vapi_payload_demo_echo_reply *reply)
{
    CHECK_OK(on_echo(ctx, callback_ctx, rv, is_last, reply));
    return VAPI_EUSER;
}

static void *be_refused(void *argument)
{
    worker_t *w = argument;
    for (u32 i = 1; i <= w->rounds; i++) {
        seen_t seen = {0};
        CHECK_EQ(vapi_demo_echo(w->ctx, vapi_alloc_demo_echo(w->ctx, 0), refuse, &seen),
                 VAPI_EUSER);
        CHECK_EQ(seen.calls, 1);
    }
    return NULL;
}

static void *listen_for_events(void *argument)
{
    worker_t *w = argument;
    seen_t seen = {0};
    vapi_set_vapi_msg_demo_event_event_cb(w->ctx, on_event, &seen);
    while (seen.calls < w->rounds) {
        vapi_error_e rv = vapi_dispatch_one(w->ctx);
        if (rv != VAPI_EAGAIN) /* a request was outstanding, and no event came for its timeout */
            CHECK_OK(rv);
    }
    vapi_clear_event_cb(w->ctx, vapi_msg_id_demo_event);
    return NULL;
}

OVER_EACH_TRANSPORT(blocking_calls_of_many_threads)
{
    vapi_ctx_t ctx = client_open(server, transport, VAPI_MODE_BLOCKING);
    worker_t worker = {ctx, 300};
    void *(*const what[])(void *) = {work, work, be_refused, listen_for_events};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, what[i], &worker), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    server_send_events(server, 300, 0);
    CHECK_EQ(pthread_join(threads[3], NULL), 0);
    client_close(ctx);
}
