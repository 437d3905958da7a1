/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared memory with a socket beside it for dumps and long answers: everything comes back whole and in
 * the order of the requests, whatever the mixture, and the peer never has to wait or to fall back on
 * its heap.
 */
#include <poll.h>

#include "client_fixture.h"
#include "peer_messages.h"
#include "peer_state.h"

#define ROUTE_ADD "ip_route_add_del_b8ecfe0d"
#define ROUTE_ADD_REPLY "ip_route_add_del_reply_1992deab"
#define ROUTE_DUMP "ip_route_v2_dump_d16f72e6"
#define SOURCE_API 8
#define ROUTE_DETAILS "ip_route_v2_details_b09aa6c0"
#define CLI "cli_inband_f8377302"
#define API_JSON "get_api_json_51077d14"
#define LONG_NS (20 * NS_PER_S)

#define OVER_MEMORY(name, seconds)                                                                 \
    static void name##_over(vapi_transport_e transport);                                           \
    TEST_WITHIN(name##_memfd, seconds) { name##_over(VAPI_TRANSPORT_MEMFD); }                      \
    TEST_WITHIN(name##_shm, seconds) { name##_over(VAPI_TRANSPORT_SHM); }                          \
    static void name##_over(vapi_transport_e transport)

static peer_stats_t peer_stats_of(const server_t *s)
{
    peer_stats_t stats;
    peer_stats(s->peer, &stats);
    return stats;
}

typedef struct __attribute__((packed)) {
    mp_ip_route_add_del_t m;
    mp_fib_path_t path;
} add_route_t;

static void add_routes(vapi_ctx_t ctx, u32 count)
{
    add_route_t *all = calloc(count, sizeof *all);
    for (u32 i = 0; i < count; i++) {
        all[i].m.h.id = htobe16(vapi_find_msg(ctx, ROUTE_ADD));
        all[i].m.is_add = 1;
        all[i].m.route.prefix.len = 32;
        all[i].m.route.n_paths = 1;
        store_be32(all[i].m.route.prefix.address, i);
    }
    vapi_pump_t pump = {.bytes = (const u8 *)all,
                        .stride = sizeof *all,
                        .count = count,
                        .depth = 512,
                        .reply_id = vapi_find_msg(ctx, ROUTE_ADD_REPLY),
                        .context_offset = 2,
                        .retval_offset = 6};
    vapi_error_e rv;
    deadline_t until = deadline_in(60 * NS_PER_S);
    while ((rv = vapi_pump(ctx, &pump, NS_PER_S)) == VAPI_EAGAIN)
        CHECK(!deadline_passed(until));
    CHECK_OK(ctx, rv);
    CHECK_EQ(pump.received, count);
    CHECK_EQ(pump.failed + pump.lost, 0);
    free(all);
}

/** A dump and the ping behind it, both with this context (in network order). */
static vapi_error_e send_dump(vapi_ctx_t ctx, u32 context)
{
    mp_ip_route_v2_dump_t *dump = vapi_msg_alloc(ctx, sizeof *dump);
    request_head_t *end = vapi_msg_alloc(ctx, sizeof *end);
    vapi_error_e rv = VAPI_EAGAIN;
    if (dump != NULL && end != NULL) {
        memset(dump, 0, sizeof *dump);
        dump->h.id = htobe16(vapi_find_msg(ctx, ROUTE_DUMP));
        dump->h.client_index = vapi_client_index_raw(ctx);
        dump->h.context = context;
        dump->src = SOURCE_API; /* not the routes that every table has */
        *end = request_of(ctx, PING, be32toh(context));
        rv = vapi_send2(ctx, dump, end);
    }
    if (rv != VAPI_OK) {
        if (dump != NULL)
            vapi_msg_free(ctx, dump);
        if (end != NULL)
            vapi_msg_free(ctx, end);
    }
    return rv;
}

/** Receives one whole answer: `details` of a dump, or none, and the ping's reply. */
static void receive_answer(vapi_ctx_t ctx, u32 context, u32 details)
{
    u16 id_details = vapi_find_msg(ctx, ROUTE_DETAILS), id_ping = vapi_find_msg(ctx, PING_REPLY);
    void *msg;
    size_t size;
    for (u32 i = 0; i <= details; i++) {
        CHECK_OK(ctx, vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10));
        CHECK(size >= 10);
        CHECK_EQ(load_be16(msg), i == details ? id_ping : id_details);
        CHECK_EQ(load_raw32((u8 *)msg + 2), context);
        if (i < details) {
            const mp_ip_route_v2_details_t *d = msg;
            CHECK_EQ(size, sizeof *d + sizeof(mp_fib_path_t));
            CHECK_EQ(load_be32(d->route.prefix.address), i);
        }
        vapi_msg_free(ctx, msg);
    }
}

static u32 next_random(u32 *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void check_peer_was_free(const server_t *s)
{
    peer_stats_t stats = peer_stats_of(s);
    CHECK(stats.blocked_ns < PREEMPTED_NS);
    CHECK_EQ(stats.heap_failures, 0);
    CHECK_EQ(stats.dropped_messages, 0);
    CHECK_EQ(stats.dropped_clients, 0);
}

#define ROUTES 40u

OVER_MEMORY(a_dump_goes_by_socket, 30)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    add_routes(ctx, ROUTES);
    ping(ctx);
    u64 before = peer_stats_of(&s).sent_socket;
    CHECK_OK(ctx, send_dump(ctx, 5));
    receive_answer(ctx, 5, ROUTES);
    CHECK(peer_stats_of(&s).sent_socket >= before + ROUTES + 1);
    /* And back: what is small goes through memory again, however soon it comes. */
    for (u32 round = 0; round < 100; round++) {
        CHECK_OK(ctx, send_dump(ctx, 5));
        receive_answer(ctx, 5, ROUTES);
        before = peer_stats_of(&s).sent_socket;
        for (u32 i = 0; i < 500; i++)
            ping(ctx);
        /* The first few may be too soon, and the bell has a ping of its own. */
        CHECK(peer_stats_of(&s).sent_socket - before < 100);
    }
    check_peer_was_free(&s);
    client_close(ctx);
    server_stop(&s);
}

OVER_MEMORY(any_mixture_comes_back_in_order, 60)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    add_routes(ctx, ROUTES);
    enum { TOTAL = 3000, WINDOW = 24 };
    static u8 is_dump[TOTAL];
    u32 sent = 0, received = 0, state = 1, dumps = 0;
    while (received < TOTAL) {
        u32 burst = next_random(&state) % WINDOW;
        /* Stretches of one kind, and of both. */
        u32 share = sent / 100 % 3 == 0 ? 0 : sent / 100 % 3 == 1 ? 50 : 5;
        for (; sent < TOTAL && sent - received < burst; sent++) {
            is_dump[sent] = next_random(&state) % 100 < share;
            dumps += is_dump[sent];
            CHECK_OK(ctx, is_dump[sent] ? send_dump(ctx, htobe32(sent)) : send_ping(ctx, sent));
        }
        if (received < sent) {
            receive_answer(ctx, htobe32(received), is_dump[received] ? ROUTES : 0);
            received++;
        }
    }
    CHECK(dumps > 100 && dumps < TOTAL - 100);
    check_peer_was_free(&s);
    client_close(ctx);
    server_stop(&s);
}

/* ---- dispatch ---- */

static void swap_id(void *p)
{
    u16 id = load_be16(p);
    memcpy(p, &id, sizeof id);
}

static int verify_10(void *p, uword size)
{
    (void)p;
    return size >= 10 ? 0 : -1;
}

#define DESCRIBE(variable, text)                                                                   \
    static vapi_message_desc_t variable = {.name = text,                                           \
                                           .name_len = sizeof(text) - 10,                          \
                                           .name_with_crc = text,                                  \
                                           .name_with_crc_len = sizeof(text) - 1,                  \
                                           .has_context = true,                                    \
                                           .context_offset = 2,                                    \
                                           .payload_offset = 6,                                    \
                                           .verify_msg_size = verify_10,                           \
                                           .swap_to_be = swap_id,                                  \
                                           .swap_to_host = swap_id,                                \
                                           .verify_wire_size = verify_10}
DESCRIBE(ping_desc, PING_REPLY);
DESCRIBE(details_desc, ROUTE_DETAILS);

#define SENDERS 3u
#define EACH 400u

typedef struct {
    vapi_ctx_t ctx;
    u32 number; /* of the next request in order of sending; under the producer lock */
    u32 answered; /* of the last that was answered */
    u32 details;
} mixture_t;

typedef struct {
    mixture_t *mixture;
    u32 number;
    bool is_dump;
} note_t;

static vapi_error_e on_answer(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                              void *payload)
{
    note_t *note = callback_ctx;
    mixture_t *m = note->mixture;
    (void)ctx;
    (void)payload;
    CHECK_EQ(rv, VAPI_OK);
    CHECK_EQ(note->number, load_relaxed(&m->answered));
    if (!is_last) {
        CHECK(note->is_dump);
        m->details++;
        return VAPI_OK;
    }
    CHECK_EQ(m->details, note->is_dump ? ROUTES : 0);
    m->details = 0;
    store_release(&m->answered, note->number + 1);
    free(note);
    return VAPI_OK;
}

static void send_mixture(void *argument)
{
    mixture_t *m = argument;
    u32 state = (u32)(uintptr_t)&state;
    for (u32 i = 0; i < EACH; i++) {
        bool is_dump = next_random(&state) % 8 == 0;
        note_t *note = malloc(sizeof *note);
        CHECK_OK(m->ctx, vapi_producer_lock(m->ctx));
        while (vapi_requests_full(m->ctx)) {
            CHECK_OK(m->ctx, vapi_producer_unlock(m->ctx));
            sched_yield();
            CHECK_OK(m->ctx, vapi_producer_lock(m->ctx));
        }
        u32 context = vapi_gen_req_context(m->ctx);
        vapi_error_e rv;
        do {
            rv = is_dump ? send_dump(m->ctx, context) : send_ping(m->ctx, be32toh(context));
        } while (rv == VAPI_EAGAIN);
        CHECK_OK(m->ctx, rv);
        *note = (note_t){m, m->number++, is_dump};
        vapi_store_request(m->ctx, context, is_dump ? details_desc.id : ping_desc.id,
                           is_dump ? VAPI_REQUEST_DUMP : VAPI_REQUEST_REG, on_answer, note);
        CHECK_OK(m->ctx, vapi_producer_unlock(m->ctx));
    }
}

static void threads(vapi_transport_e transport, vapi_mode_e mode)
{
    server_t s;
    CHECK(vapi_register_msg(&ping_desc) != VAPI_INVALID_MSG_ID);
    CHECK(vapi_register_msg(&details_desc) != VAPI_INVALID_MSG_ID);
    server_start(&s);
    vapi_connect_options_t o = client_options(&s, transport);
    o.mode = mode;
    mixture_t m = {0};
    m.ctx = client_with(&o);
    add_routes(m.ctx, ROUTES);
    test_thread_t senders[SENDERS];
    for (u32 i = 0; i < SENDERS; i++)
        thread_start(&senders[i], send_mixture, &m);
    deadline_t until = deadline_in(60 * NS_PER_S);
    while (load_relaxed(&m.answered) < SENDERS * EACH) {
        CHECK(!deadline_passed(until));
        vapi_error_e rv = vapi_dispatch_one_until(m.ctx, 10 * NS_PER_MS);
        if (rv != VAPI_EAGAIN)
            CHECK_OK(m.ctx, rv);
    }
    for (u32 i = 0; i < SENDERS; i++)
        thread_join(&senders[i]);
    CHECK(vapi_requests_empty(m.ctx));
    check_peer_was_free(&s);
    client_close(m.ctx);
    server_stop(&s);
}

OVER_MEMORY(threads_that_mix_and_one_that_dispatches, 90)
{
    threads(transport, VAPI_MODE_BLOCKING);
}
OVER_MEMORY(threads_that_mix_without_blocking, 90) { threads(transport, VAPI_MODE_NONBLOCKING); }

/* ---- without blocking, and with poll ---- */

static void *receive_with_poll(vapi_ctx_t ctx, size_t *size)
{
    void *msg;
    vapi_error_e rv;
    struct pollfd fd = {.events = POLLIN};
    CHECK_OK(ctx, vapi_get_fd(ctx, &fd.fd));
    while ((rv = vapi_recv(ctx, &msg, size, SVM_Q_NOWAIT, 0)) == VAPI_EAGAIN)
        CHECK_EQ(poll(&fd, 1, 10000), 1);
    CHECK_OK(ctx, rv);
    return msg;
}

OVER_MEMORY(the_descriptor_tells_of_both_sides, 60)
{
    server_t s;
    server_start(&s);
    vapi_connect_options_t o = client_options(&s, transport);
    o.mode = VAPI_MODE_NONBLOCKING;
    vapi_ctx_t ctx = client_with(&o);
    add_routes(ctx, ROUTES);
    for (u32 round = 0; round < 50; round++) {
        bool is_dump = round % 3 == 1;
        vapi_error_e rv;
        deadline_t until = deadline_in(LONG_NS);
        while ((rv = is_dump ? send_dump(ctx, round) : send_ping(ctx, be32toh(round))) ==
               VAPI_EAGAIN)
            CHECK(!deadline_passed(until));
        CHECK_OK(ctx, rv);
        for (u32 i = is_dump ? 0 : ROUTES; i <= ROUTES; i++) {
            size_t size;
            void *msg = receive_with_poll(ctx, &size);
            CHECK_EQ(load_raw32((u8 *)msg + 2), round);
            CHECK_EQ(load_be16(msg), vapi_find_msg(ctx, i == ROUTES ? PING_REPLY : ROUTE_DETAILS));
            vapi_msg_free(ctx, msg);
        }
        void *msg;
        size_t size;
        CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_NOWAIT, 0), VAPI_EAGAIN);
    }
    check_peer_was_free(&s);
    client_close(ctx);
    server_stop(&s);
}

/* ---- much ---- */

OVER_MEMORY(a_long_dump_for_a_sleeper, 120)
{
    enum { MANY = 200000 };
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    add_routes(ctx, MANY);
    peer_stats_t before = peer_stats_of(&s);
    CHECK_EQ(before.heap_failures, 0);
    CHECK_OK(ctx, send_dump(ctx, 9));
    /* Nobody receives until the peer has sent it all: it waited for nobody. */
    deadline_t until = deadline_in(60 * NS_PER_S);
    while (peer_stats_of(&s).sent_socket < before.sent_socket + MANY + 1) {
        CHECK(!deadline_passed(until));
        sched_yield();
    }
    CHECK(peer_stats_of(&s).blocked_ns < PREEMPTED_NS);
    receive_answer(ctx, 9, MANY);
    CHECK(stats_of(ctx).backlogged > MANY / 2);
    CHECK_EQ(stats_of(ctx).dropped, 0);
    check_peer_was_free(&s);
    client_close(ctx);
    server_stop(&s);
}

static mp_text_reply_t *text_of(vapi_ctx_t ctx, const void *request, size_t size)
{
    void *reply;
    size_t reply_size;
    CHECK_OK(ctx, call(ctx, request, size, &reply, &reply_size));
    mp_text_reply_t *r = reply;
    CHECK_EQ(r->h.retval, 0);
    CHECK_EQ(reply_size, sizeof *r + be32toh(r->length));
    return r;
}

OVER_MEMORY(long_texts, 60)
{
    server_t s;
    server_start(&s);
    size_t length = 1500000;
    char *json = malloc(length);
    for (size_t i = 0; i < length; i++)
        json[i] = (char)('a' + (i * 31 + (i >> 12)) % 26);
    CHECK_EQ(peer_set_api_json(s.peer, json, length), 0);
    vapi_ctx_t ctx = client(&s, transport);
    for (u32 i = 0; i < 20; i++) {
        peer_request_header_t get = {.id = htobe16(vapi_find_msg(ctx, API_JSON))};
        mp_text_reply_t *r = text_of(ctx, &get, sizeof get);
        CHECK_EQ(be32toh(r->length), length);
        CHECK_MEM(r + 1, json, length);
        vapi_msg_free(ctx, r);
        u8 show[64];
        static const char command[] = "show runtime";
        mp_cli_inband_t *m = (void *)show;
        memset(show, 0, sizeof show);
        m->h.id = htobe16(vapi_find_msg(ctx, CLI));
        m->length = htobe32(sizeof command - 1);
        memcpy(m + 1, command, sizeof command - 1);
        r = text_of(ctx, show, sizeof *m + sizeof command - 1);
        CHECK(be32toh(r->length) > 4096);
        vapi_msg_free(ctx, r);
        ping(ctx);
    }
    peer_stats_t stats = peer_stats_of(&s);
    CHECK_EQ(stats.heap_replies, 0);
    CHECK_EQ(stats.heap_failures, 0);
    client_close(ctx);
    server_stop(&s);
    free(json);
}

OVER_MEMORY(all_through_memory_if_asked_to, 60)
{
    server_t s;
    server_start(&s);
    vapi_connect_options_t o = client_options(&s, transport);
    o.large_over_shm = true;
    vapi_ctx_t ctx = client_with(&o);
    add_routes(ctx, ROUTES);
    u64 before = peer_stats_of(&s).sent_socket;
    for (u32 i = 0; i < 50; i++) {
        CHECK_OK(ctx, send_dump(ctx, i));
        receive_answer(ctx, i, ROUTES);
    }
    /* At most the bell's own pings. */
    CHECK(peer_stats_of(&s).sent_socket <= before + ROUTES);
    client_close(ctx);
    server_stop(&s);
}

/* ---- events ---- */

#define LOOPBACK "create_loopback_42bb5d22"
#define SET_FLAGS "sw_interface_set_flags_f5aec1b8"
#define WANT_EVENTS "want_interface_events_476f5a08"
#define EVENT "sw_interface_event_2d3d95a7"

static u32 make_loopback(vapi_ctx_t ctx)
{
    mp_create_loopback_t m = {.h.id = htobe16(vapi_find_msg(ctx, LOOPBACK))};
    void *reply;
    size_t size;
    CHECK_OK(ctx, call(ctx, &m, sizeof m, &reply, &size));
    u32 index = be32toh(((mp_interface_reply_t *)reply)->sw_if_index);
    vapi_msg_free(ctx, reply);
    return index;
}

static void call_for_retval(vapi_ctx_t ctx, const void *request, size_t size)
{
    void *reply;
    size_t reply_size;
    CHECK_OK(ctx, call(ctx, request, size, &reply, &reply_size));
    CHECK_EQ(((reply_head_t *)reply)->retval, 0);
    vapi_msg_free(ctx, reply);
}

static void want_events(vapi_ctx_t ctx, bool on)
{
    mp_want_interface_events_t m = {.h.id = htobe16(vapi_find_msg(ctx, WANT_EVENTS)),
                                    .enable_disable = htobe32(on),
                                    .pid = htobe32(7)};
    call_for_retval(ctx, &m, sizeof m);
}

static void set_up(vapi_ctx_t ctx, u32 sw_if_index, bool up)
{
    mp_sw_interface_set_flags_t m = {.h.id = htobe16(vapi_find_msg(ctx, SET_FLAGS)),
                                     .sw_if_index = htobe32(sw_if_index),
                                     .flags = htobe32(up)};
    call_for_retval(ctx, &m, sizeof m);
}

/** The next message is the event of this interface. */
static void receive_event(vapi_ctx_t ctx, u32 sw_if_index, bool up)
{
    void *msg;
    size_t size;
    CHECK_OK(ctx, vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10));
    mp_sw_interface_event_t e;
    CHECK_EQ(size, sizeof e);
    memcpy(&e, msg, sizeof e);
    CHECK_EQ(be16toh(e.id), vapi_find_msg(ctx, EVENT));
    CHECK_EQ(be32toh(e.sw_if_index), sw_if_index);
    CHECK_EQ(be32toh(e.flags) & 1, up);
    vapi_msg_free(ctx, msg);
}

/** Asks for events while the answer to a dump is on its way, and once it is there. */
static void events_come(vapi_ctx_t ctx, u32 rounds)
{
    u32 index = make_loopback(ctx);
    for (u32 round = 0; round < rounds; round++) {
        bool up = round % 2 == 0, before = round % 3 == 0;
        CHECK_OK(ctx, send_dump(ctx, round));
        if (!before)
            receive_answer(ctx, round, ROUTES);
        want_events(ctx, true);
        if (before)
            receive_answer(ctx, round, ROUTES);
        set_up(ctx, index, up);
        receive_event(ctx, index, up);
        want_events(ctx, false);
        set_up(ctx, index, up);
        ping(ctx);
    }
    CHECK_EQ(stats_of(ctx).bad, 0);
    CHECK_EQ(stats_of(ctx).dropped, 0);
}

OVER_MEMORY(events_come_whenever_they_are_asked_for, 60)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    add_routes(ctx, ROUTES);
    events_come(ctx, 200);
    /* It did not cost the shared memory. */
    u64 before = peer_stats_of(&s).sent_socket;
    for (u32 i = 0; i < 500; i++)
        ping(ctx);
    CHECK(peer_stats_of(&s).sent_socket - before < 100);
    check_peer_was_free(&s);
    client_close(ctx);
    server_stop(&s);
}

/** As VPP, the peer allocates events in its classic region, where this client cannot look. */
static void events_of_a_hidden_region(bool large_over_shm)
{
    server_t s;
    char path[160];
    server_start(&s);
    snprintf(path, sizeof path, "/dev/shm/%s-vpe-api", s.prefix);
    CHECK_EQ(unlink(path), 0);
    vapi_connect_options_t o = client_options(&s, VAPI_TRANSPORT_MEMFD);
    o.large_over_shm = large_over_shm;
    vapi_ctx_t ctx = client_with(&o);
    add_routes(ctx, ROUTES);
    /* What nobody asked for is not seen, and said to be. */
    shout(&s, 3);
    deadline_t until = deadline_in(LONG_NS);
    while (stats_of(ctx).bad < 3)
        CHECK(!deadline_passed(until));
    CHECK_EQ(stats_of(ctx).bad, 3);
    client_close(ctx);
    ctx = client_with(&o);
    events_come(ctx, 100);
    /* All go by socket now: threads, many in flight, and the end of it. */
    vapi_pump_t pump = {.stride = sizeof(request_head_t),
                        .count = 20000,
                        .depth = 256,
                        .context_offset = 2,
                        .retval_offset = 6};
    request_head_t *all = calloc(pump.count, sizeof *all);
    for (u32 i = 0; i < pump.count; i++)
        all[i].id = htobe16(vapi_find_msg(ctx, PING));
    pump.bytes = (const u8 *)all;
    CHECK_OK(ctx, vapi_pump(ctx, &pump, LONG_NS));
    CHECK_EQ(pump.received, pump.count);
    free(all);
    u64 before = now_ns();
    client_close(ctx);
    CHECK(now_ns() - before < NS_PER_S);
    server_stop(&s);
}

TEST_WITHIN(events_of_a_hidden_region_come_by_socket, 60) { events_of_a_hidden_region(false); }
TEST_WITHIN(events_of_a_hidden_region_come_whatever_dumps_do, 60)
{
    events_of_a_hidden_region(true);
}

/* ---- what is refused ---- */

OVER_MEMORY(dangerous_messages_are_refused, 30)
{
    static const char *const names[] = {
        "memclnt_create",  "memclnt_create_v2", "memclnt_delete", "sockclnt_create",
        "sockclnt_delete", "sock_init_shm",     "rpc_call",       "rx_thread_exit",
    };
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    for (u32 i = 0; i < sizeof names / sizeof names[0]; i++) {
        u32 id = peer_msg_id(s.peer, names[i]);
        CHECK(id != 0);
        u8 bytes[64] = {0};
        store_be16(bytes, (u16)id);
        CHECK_EQ(vapi_send_bytes(ctx, bytes, sizeof bytes, 0), VAPI_EINVAL);
        CHECK_HAS(vapi_error_text(ctx), names[i]);
        void *m = vapi_msg_alloc(ctx, sizeof bytes);
        CHECK(m != NULL);
        memcpy(m, bytes, sizeof bytes);
        CHECK_EQ(vapi_send(ctx, m), VAPI_EINVAL);
        CHECK_HAS(vapi_error_text(ctx), names[i]);
        void *end = vapi_msg_alloc(ctx, sizeof bytes);
        CHECK(end != NULL);
        memcpy(end, bytes, sizeof bytes);
        store_be16(m, vapi_find_msg(ctx, PING));
        CHECK_EQ(vapi_send2(ctx, m, end), VAPI_EINVAL);
        CHECK_HAS(vapi_error_text(ctx), names[i]);
        vapi_msg_free(ctx, m);
        vapi_msg_free(ctx, end);
        void *reply;
        size_t size;
        CHECK_EQ(call(ctx, bytes, sizeof bytes, &reply, &size), VAPI_EINVAL);
        CHECK_HAS(vapi_error_text(ctx), names[i]);
    }
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

/* ---- the peer stands still ---- */

/* VPP may be stopped while it has the lock of our queue: it is not lost, and deadlines hold. */
OVER_MEMORY(a_lock_that_vpp_keeps, 60)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    shm_queue_t *queue = s.peer->shm_clients.at[0]->queue.shm;
    CHECK_EQ(pthread_mutex_lock(&queue->mutex), 0);
    /* As if the ping's answer were being put into it. */
    store_relaxed(&queue->cursize, 1);
    void *msg;
    u32 size, count;
    u64 began = now_ns();
    CHECK_EQ(vapi_recv_many(ctx, &msg, &size, 1, &count, 200 * NS_PER_MS), VAPI_EAGAIN);
    CHECK(now_ns() - began < NS_PER_S);
    CHECK(vapi_is_connected(ctx));
    store_relaxed(&queue->cursize, 0);
    CHECK_EQ(pthread_mutex_unlock(&queue->mutex), 0);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

/* ---- the end of the peer ---- */

OVER_MEMORY(the_peer_is_killed_while_the_socket_is_busy, 60)
{
    server_t s;
    peer_options_t o = server_options(&s);
    int ready[2];
    CHECK_EQ(pipe(ready), 0);
    pid_t peer = fork();
    if (peer == 0) {
        server_start_with(&s, &o);
        CHECK_EQ(write(ready[1], "1", 1), 1);
        for (;;)
            pause();
    }
    char byte;
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    u32 fds = open_fds();
    vapi_ctx_t ctx = client(&s, transport);
    add_routes(ctx, 20000);
    for (u32 i = 0; i < 5; i++)
        CHECK_OK(ctx, send_dump(ctx, i));
    void *msg;
    size_t size;
    CHECK_OK(ctx, vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10));
    CHECK_EQ(load_be16(msg), vapi_find_msg(ctx, ROUTE_DETAILS));
    vapi_msg_free(ctx, msg);
    kill(peer, SIGKILL);
    CHECK_EQ(waitpid(peer, NULL, 0), peer);
    /* What had come is still there; then the loss, and it stays. */
    vapi_error_e rv;
    u32 more = 0;
    while ((rv = vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10)) == VAPI_OK) {
        vapi_msg_free(ctx, msg);
        CHECK(++more < 5 * 20001);
    }
    CHECK_EQ(rv, VAPI_ECONNRESET);
    CHECK_EQ(send_dump(ctx, 7) == VAPI_OK, 0);
    vapi_disconnect(ctx);
    vapi_ctx_free(ctx);
    CHECK_EQ(open_fds(), fds);
    char path[160];
    snprintf(path, sizeof path, "/dev/shm/%s-vpe-api", s.prefix);
    unlink(path);
    snprintf(path, sizeof path, "/dev/shm/%s-global_vm", s.prefix);
    unlink(path);
    unlink(s.socket);
    rmdir(s.dir);
}
