/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests and callbacks with descriptions made by hand, as the generator would make them: one
 * answer, dump, stream, events, skipped requests, what does not fit, callbacks that do things.
 */
#include "client_fixture.h"

/* Everything that comes begins like this; bodies in host order for callbacks. */
typedef struct __attribute__((packed)) {
    u16 id;
    u32 context;
    i32 retval;
    u32 count;
    u8 bytes[];
} payload_t;

static void swap_echo_reply(void *p)
{
    payload_t *m = p;
    m->id = htobe16(m->id);
    m->retval = (i32)htobe32((u32)m->retval);
    m->count = htobe32(m->count);
}

static void swap_head(void *p)
{
    u16 id;
    memcpy(&id, p, 2);
    id = htobe16(id);
    memcpy(p, &id, 2);
}

static void swap_reply(void *p)
{
    reply_head_t *m = p;
    m->id = htobe16(m->id);
    m->retval = (i32)htobe32((u32)m->retval);
}

static int verify_echo_reply(void *p, uword size)
{
    const payload_t *m = p;
    return size >= sizeof *m && size - sizeof *m >= m->count ? 0 : -1;
}

static int verify_echo_reply_wire(void *p, uword size)
{
    const payload_t *m = p;
    return size >= sizeof *m && size - sizeof *m >= be32toh(m->count) ? 0 : -1;
}

static int verify_10(void *p, uword size)
{
    (void)p;
    return size >= 10 ? 0 : -1;
}

#define DESCRIBE(variable, text, swap, verify, wire, offset)                                       \
    static vapi_message_desc_t variable = {.name = text,                                           \
                                           .name_len = sizeof(text) - 10,                          \
                                           .name_with_crc = text,                                  \
                                           .name_with_crc_len = sizeof(text) - 1,                  \
                                           .has_context = true,                                    \
                                           .context_offset = offset,                               \
                                           .payload_offset = offset + 4,                           \
                                           .verify_msg_size = verify,                              \
                                           .swap_to_be = swap,                                     \
                                           .swap_to_host = swap,                                   \
                                           .verify_wire_size = wire};
DESCRIBE(echo_reply_desc, ECHO_REPLY, swap_echo_reply, verify_echo_reply, verify_echo_reply_wire, 2)
DESCRIBE(ping_reply_desc, PING_REPLY, swap_reply, verify_10, verify_10, 2)
DESCRIBE(ping_desc, PING, swap_head, verify_10, verify_10, 6)
DESCRIBE(absent_desc, "test_absent_0000000f", swap_head, verify_10, verify_10, 2)
static vapi_message_desc_t shout_desc = {.name = SHOUT,
                                         .name_len = sizeof SHOUT - 10,
                                         .name_with_crc = SHOUT,
                                         .name_with_crc_len = sizeof SHOUT - 1,
                                         .payload_offset = 2,
                                         .verify_msg_size = verify_10,
                                         .swap_to_be = swap_head,
                                         .swap_to_host = swap_head,
                                         .verify_wire_size = verify_10};

static void register_all(void)
{
    vapi_message_desc_t *all[] = {&echo_reply_desc, &ping_reply_desc, &ping_desc, &absent_desc,
                                  &shout_desc};
    for (u32 i = 0; i < 5; i++) {
        CHECK(vapi_register_msg(all[i]) != VAPI_INVALID_MSG_ID);
        CHECK_STR(vapi_get_msg_name(all[i]->id), all[i]->name);
    }
}

typedef struct {
    u32 calls;
    u32 lasts;
    vapi_error_e rv;
    u32 sum; /* of bytes, or of what was seen */
    bool had_payload;
    u32 order[16];
} seen_t;

static vapi_error_e on_echo(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                            void *payload)
{
    (void)ctx;
    seen_t *s = callback_ctx;
    s->calls++;
    s->lasts += is_last;
    s->rv = rv;
    s->had_payload = payload != NULL;
    if (payload != NULL) {
        const payload_t *m = (const void *)((u8 *)payload - 6);
        for (u32 i = 0; i < m->count; i++)
            s->sum += m->bytes[i];
    }
    return VAPI_OK;
}

/** Sends one request as generated code does: the request and its note are one step. */
static u32 request(vapi_ctx_t ctx, const char *name, vapi_msg_id_t reply,
                   enum vapi_request_type type, u32 count, vapi_cb_t callback, void *callback_ctx)
{
    echo_t *m = vapi_msg_alloc(ctx, sizeof *m + count);
    CHECK(m != NULL);
    bool is_echo = strcmp(name, ECHO) == 0;
    m->id = htobe16(vapi_find_msg(ctx, name));
    m->client_index = vapi_client_index_raw(ctx);
    u32 context = vapi_gen_req_context(ctx);
    CHECK((context & 0x80000000u) != 0);
    m->context = context;
    if (is_echo) {
        m->count = htobe32(count);
        memset(m->bytes, 1, count);
    }
    CHECK_OK(ctx, vapi_producer_lock(ctx));
    vapi_error_e rv;
    if (type == VAPI_REQUEST_DUMP) {
        request_head_t *p = vapi_msg_alloc(ctx, sizeof *p);
        CHECK(p != NULL);
        *p = request_of(ctx, PING, 0);
        p->context = context;
        rv = vapi_send2(ctx, m, p);
    } else {
        rv = vapi_send(ctx, m);
    }
    CHECK_OK(ctx, rv);
    vapi_store_request(ctx, context, reply, type, callback, callback_ctx);
    CHECK_OK(ctx, vapi_producer_unlock(ctx));
    return context;
}

static vapi_ctx_t start(server_t *s, vapi_transport_e transport, vapi_mode_e mode)
{
    register_all();
    server_start(s);
    vapi_connect_options_t o = client_options(s, transport);
    o.mode = mode;
    o.max_outstanding_requests = 8;
    return client_with(&o);
}

ON_EACH_TRANSPORT(availability)
{
    server_t s;
    vapi_ctx_t ctx = start(&s, transport, VAPI_MODE_BLOCKING);
    CHECK(vapi_is_msg_available(ctx, echo_reply_desc.id));
    CHECK(!vapi_is_msg_available(ctx, absent_desc.id));
    CHECK(!vapi_is_msg_available(ctx, VAPI_INVALID_MSG_ID));
    CHECK_EQ(vapi_lookup_vl_msg_id(ctx, echo_reply_desc.id), vapi_find_msg(ctx, ECHO_REPLY));
    CHECK_EQ(vapi_lookup_vapi_msg_id_t(ctx, vapi_find_msg(ctx, ECHO_REPLY)), echo_reply_desc.id);
    CHECK_EQ(vapi_lookup_vl_msg_id(ctx, absent_desc.id), UINT16_MAX);
    /* The same message again is the same number. */
    vapi_message_desc_t again = echo_reply_desc;
    CHECK_EQ(vapi_register_msg(&again), echo_reply_desc.id);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(one_answer)
{
    server_t s;
    vapi_ctx_t ctx = start(&s, transport, VAPI_MODE_BLOCKING);
    for (u32 count = 0; count < 2000; count = count * 3 + 1) {
        seen_t seen = {0};
        CHECK(vapi_requests_empty(ctx));
        request(ctx, ECHO, echo_reply_desc.id, VAPI_REQUEST_REG, count, on_echo, &seen);
        CHECK_EQ(vapi_get_request_count(ctx), 1);
        CHECK_OK(ctx, vapi_dispatch(ctx));
        CHECK_EQ(seen.calls, 1);
        CHECK_EQ(seen.lasts, 1);
        CHECK_EQ(seen.rv, VAPI_OK);
        CHECK_EQ(seen.sum, count);
        CHECK(vapi_requests_empty(ctx));
    }
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(a_dump_ends_with_the_ping)
{
    server_t s;
    vapi_ctx_t ctx = start(&s, transport, VAPI_MODE_BLOCKING);
    seen_t seen = {0};
    request(ctx, ECHO, echo_reply_desc.id, VAPI_REQUEST_DUMP, 5, on_echo, &seen);
    CHECK_OK(ctx, vapi_dispatch(ctx));
    CHECK_EQ(seen.calls, 2);
    CHECK_EQ(seen.lasts, 1);
    CHECK_EQ(seen.sum, 5);
    CHECK(!seen.had_payload);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(a_skipped_request_has_no_response)
{
    server_t s;
    vapi_ctx_t ctx = start(&s, transport, VAPI_MODE_BLOCKING);
    seen_t lost[2] = {{0}, {0}}, seen = {0};
    request(ctx, SILENT, ping_reply_desc.id, VAPI_REQUEST_REG, 0, on_echo, &lost[0]);
    request(ctx, SILENT, ping_reply_desc.id, VAPI_REQUEST_REG, 0, on_echo, &lost[1]);
    request(ctx, ECHO, echo_reply_desc.id, VAPI_REQUEST_REG, 3, on_echo, &seen);
    CHECK_OK(ctx, vapi_dispatch(ctx));
    for (u32 i = 0; i < 2; i++) {
        CHECK_EQ(lost[i].calls, 1);
        CHECK_EQ(lost[i].lasts, 1);
        CHECK_EQ(lost[i].rv, VAPI_ENORESP);
        CHECK(!lost[i].had_payload);
    }
    CHECK_EQ(seen.rv, VAPI_OK);
    CHECK_EQ(seen.sum, 3);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(non_blocking_dispatch_does_not_wait)
{
    server_t s;
    vapi_ctx_t ctx = start(&s, transport, VAPI_MODE_NONBLOCKING);
    seen_t seen = {0};
    CHECK_EQ(vapi_dispatch_one(ctx), VAPI_EAGAIN);
    CHECK_OK(ctx, vapi_dispatch(ctx)); /* nothing outstanding */
    store_release(&s.hold, 1);
    request(ctx, ECHO, echo_reply_desc.id, VAPI_REQUEST_REG, 3, on_echo, &seen);
    CHECK_EQ(vapi_dispatch(ctx), VAPI_EAGAIN);
    CHECK_EQ(vapi_dispatch_one(ctx), VAPI_EAGAIN);
    CHECK_EQ(seen.calls, 0);
    u64 begin = now_ns();
    CHECK_EQ(vapi_dispatch_until(ctx, 20 * NS_PER_MS), VAPI_EAGAIN);
    CHECK(now_ns() - begin >= 20 * NS_PER_MS);
    store_release(&s.hold, 0);
    CHECK_OK(ctx, vapi_dispatch_until(ctx, 10 * NS_PER_S));
    CHECK_EQ(seen.sum, 3);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(outstanding_requests_are_bounded)
{
    server_t s;
    vapi_ctx_t ctx = start(&s, transport, VAPI_MODE_NONBLOCKING);
    seen_t seen = {0};
    CHECK_EQ(vapi_get_max_request_count(ctx), 7);
    store_release(&s.hold, 1);
    u32 n = 0;
    while (!vapi_requests_full(ctx) && n < 100) {
        request(ctx, ECHO, echo_reply_desc.id, VAPI_REQUEST_REG, 1, on_echo, &seen);
        n++;
    }
    CHECK(n == 7 || n == 8);
    CHECK_EQ(vapi_get_request_count(ctx), n);
    store_release(&s.hold, 0);
    CHECK_OK(ctx, vapi_dispatch_until(ctx, 10 * NS_PER_S));
    CHECK_EQ(seen.calls, n);
    CHECK(vapi_requests_empty(ctx));
    client_close(ctx);
    server_stop(&s);
}

static vapi_error_e on_shout(vapi_ctx_t ctx, void *callback_ctx, void *payload)
{
    seen_t *s = callback_ctx;
    u16 id;
    memcpy(&id, payload, 2);
    CHECK_EQ(id, vapi_find_msg(ctx, SHOUT)); /* in host order */
    s->calls++;
    return VAPI_OK;
}

static vapi_error_e on_anything(vapi_ctx_t ctx, void *callback_ctx, vapi_msg_id_t id, void *msg)
{
    (void)ctx;
    (void)msg;
    seen_t *s = callback_ctx;
    s->calls++;
    s->sum = id;
    return VAPI_EUSER;
}

ON_EACH_TRANSPORT(events_find_their_callback)
{
    server_t s;
    vapi_ctx_t ctx = start(&s, transport, VAPI_MODE_BLOCKING);
    seen_t own = {0}, any = {0};
    vapi_set_event_cb(ctx, shout_desc.id, on_shout, &own);
    vapi_set_generic_event_cb(ctx, on_anything, &any);
    shout(&s, 3);
    for (u32 i = 0; i < 3; i++)
        CHECK_OK(ctx, vapi_dispatch_one_until(ctx, 10 * NS_PER_S));
    CHECK_EQ(own.calls, 3);
    CHECK_EQ(any.calls, 0);
    vapi_clear_event_cb(ctx, shout_desc.id);
    shout(&s, 1);
    CHECK_EQ(vapi_dispatch_one_until(ctx, 10 * NS_PER_S), VAPI_EUSER);
    CHECK_EQ(any.calls, 1);
    CHECK_EQ(any.sum, shout_desc.id);
    vapi_clear_generic_event_cb(ctx);
    shout(&s, 1);
    CHECK_OK(ctx, vapi_dispatch_one_until(ctx, 10 * NS_PER_S));
    CHECK_EQ(own.calls, 3);
    CHECK_EQ(any.calls, 1);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(messages_that_do_not_fit)
{
    server_t s;
    vapi_ctx_t ctx = start(&s, transport, VAPI_MODE_BLOCKING);
    seen_t seen = {0};
    /* Over the socket of a memfd client the same would come, too: to all, so that it reaches us. */
    u8 lie[14] = {0}, half[2], unknown[10] = {0};
    store_be16(lie, (u16)s.echo_reply);
    store_be32(lie + 10, 1000); /* bytes that are not there */
    CHECK_EQ(peer_send(s.peer, PEER_ALL_CLIENTS, lie, sizeof lie, 1), 0);
    CHECK_EQ(vapi_dispatch_one_until(ctx, 10 * NS_PER_S), VAPI_EINVAL);
    CHECK_HAS(vapi_error_text(ctx), "test_echo_reply");
    store_be16(half, (u16)s.echo_reply);
    CHECK_EQ(peer_send(s.peer, PEER_ALL_CLIENTS, half, sizeof half, 1), 0);
    CHECK_EQ(vapi_dispatch_one_until(ctx, 10 * NS_PER_S), VAPI_EINVAL);
    store_be16(unknown, (u16)s.silent); /* known to VPP, not described here */
    CHECK_EQ(peer_send(s.peer, PEER_ALL_CLIENTS, unknown, sizeof unknown, 1), 0);
    CHECK_EQ(vapi_dispatch_one_until(ctx, 10 * NS_PER_S), VAPI_EINVAL);
    CHECK_HAS(vapi_error_text(ctx), "test_silent");
    CHECK_EQ(stats_of(ctx).bad, 3);
    /* It goes on. */
    request(ctx, ECHO, echo_reply_desc.id, VAPI_REQUEST_REG, 3, on_echo, &seen);
    CHECK_OK(ctx, vapi_dispatch(ctx));
    CHECK_EQ(seen.sum, 3);
    client_close(ctx);
    server_stop(&s);
}

/* A response to nobody: a context of ours that is not outstanding. */
ON_EACH_TRANSPORT(a_response_to_nobody)
{
    server_t s;
    vapi_ctx_t ctx = start(&s, transport, VAPI_MODE_BLOCKING);
    seen_t any = {0};
    u8 m[14] = {0};
    vapi_set_generic_event_cb(ctx, on_anything, &any);
    store_be16(m, (u16)s.echo_reply);
    store_raw32(m + 2, 0x80004711);
    CHECK_EQ(peer_send(s.peer, PEER_ALL_CLIENTS, m, sizeof m, 1), 0);
    CHECK_OK(ctx, vapi_dispatch_one_until(ctx, 10 * NS_PER_S));
    CHECK_EQ(any.calls, 0);
    client_close(ctx);
    server_stop(&s);
}

static vapi_error_e on_echo_and_again(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv,
                                      bool is_last, void *payload)
{
    seen_t *s = callback_ctx;
    on_echo(ctx, callback_ctx, rv, is_last, payload);
    if (s->calls < 50)
        request(ctx, ECHO, echo_reply_desc.id, VAPI_REQUEST_REG, 1, on_echo_and_again, s);
    if (s->calls == 10)
        CHECK_EQ(vapi_disconnect(ctx), VAPI_EINVAL); /* not from here */
    return VAPI_OK;
}

ON_EACH_TRANSPORT(callbacks_may_send)
{
    server_t s;
    vapi_ctx_t ctx = start(&s, transport, VAPI_MODE_BLOCKING);
    seen_t seen = {0};
    request(ctx, ECHO, echo_reply_desc.id, VAPI_REQUEST_REG, 1, on_echo_and_again, &seen);
    CHECK_OK(ctx, vapi_dispatch(ctx));
    CHECK_EQ(seen.calls, 50);
    CHECK(vapi_is_connected(ctx));
    client_close(ctx);
    server_stop(&s);
}

static vapi_error_e on_raw(vapi_ctx_t ctx, void *callback_ctx, u16 vl_msg_id, void *msg,
                           size_t size)
{
    (void)ctx;
    seen_t *s = callback_ctx;
    CHECK_EQ(load_be16(msg), vl_msg_id);
    s->calls++;
    s->sum += (u32)size;
    return s->calls == 7 ? VAPI_EUSER : VAPI_OK;
}

ON_EACH_TRANSPORT(raw_dispatch)
{
    server_t s;
    vapi_ctx_t ctx = start(&s, transport, VAPI_MODE_BLOCKING);
    seen_t seen = {0};
    CHECK_EQ(vapi_dispatch_raw(ctx, on_raw, &seen, 10, 0), VAPI_EAGAIN);
    shout(&s, 10);
    while (seen.calls < 6)
        CHECK_OK(ctx, vapi_dispatch_raw(ctx, on_raw, &seen, 6 - seen.calls, 10 * NS_PER_S));
    CHECK_EQ(vapi_dispatch_raw(ctx, on_raw, &seen, 10, 10 * NS_PER_S), VAPI_EUSER);
    while (seen.calls < 10)
        CHECK_OK(ctx, vapi_dispatch_raw(ctx, on_raw, &seen, 10, 10 * NS_PER_S));
    CHECK_EQ(seen.sum, 100);
    client_close(ctx);
    server_stop(&s);
}
