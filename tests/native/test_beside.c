/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections beside another one, for dumps that are read slowly.
 */
#include "client_fixture.h"

#define DUMP "sw_interface_dump_aa610c27"
#define DETAILS "sw_interface_details_6c221fc7"
#define CREATE "create_loopback_42bb5d22"
#define LOOPS 1000u
#define DUMPS 10u

typedef struct __attribute__((packed)) {
    u16 id;
    u32 client_index, context;
    u8 mac[6];
} create_t;

typedef struct __attribute__((packed)) {
    u16 id;
    u32 client_index, context, sw_if_index;
    u8 filter;
    u32 length;
} dump_t;

static vapi_ctx_t context(void)
{
    vapi_ctx_t ctx;
    CHECK_EQ(vapi_ctx_alloc(&ctx), VAPI_OK);
    return ctx;
}

static vapi_ctx_t beside(vapi_ctx_t ctx)
{
    vapi_ctx_t side = context();
    CHECK_OK(side, vapi_connect_beside(ctx, side, NS_PER_S));
    return side;
}

/** Interfaces enough that no socket holds all that a few dumps bring. */
static void make_loops(vapi_ctx_t ctx)
{
    static create_t request;
    request = (create_t){.id = htobe16(vapi_find_msg(ctx, CREATE))};
    static u32 offsets[LOOPS], sizes[LOOPS];
    for (u32 i = 0; i < LOOPS; i++)
        sizes[i] = sizeof request;
    vapi_pump_t p = {.bytes = (u8 *)&request,
                     .offsets = offsets,
                     .sizes = sizes,
                     .count = LOOPS,
                     .depth = 64,
                     .context_offset = 2,
                     .retval_offset = 6};
    vapi_error_e rv;
    while ((rv = vapi_pump(ctx, &p, NS_PER_S)) == VAPI_EAGAIN)
        ;
    CHECK_OK(ctx, rv);
    CHECK_EQ(p.received, LOOPS);
    CHECK_EQ(p.failed, 0);
}

/** Dumps that nobody reads the answers of. */
static void ask_much(vapi_ctx_t ctx)
{
    dump_t m = {.id = htobe16(vapi_find_msg(ctx, DUMP)),
                .client_index = vapi_client_index_raw(ctx),
                .sw_if_index = ~0u};
    for (u32 i = 0; i < DUMPS; i++)
        CHECK_OK(ctx, vapi_send_bytes(ctx, &m, sizeof m, NS_PER_S));
    CHECK_EQ(send_ping(ctx, DUMPS), VAPI_OK);
}

ON_EACH_TRANSPORT(each_has_its_own_answers)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport), side = beside(ctx), another = beside(ctx);
    CHECK_EQ(vapi_find_msg(side, ECHO), vapi_find_msg(ctx, ECHO));
    CHECK(vapi_client_index_raw(side) != vapi_client_index_raw(another));
    CHECK_EQ(send_ping(ctx, 1), VAPI_OK);
    CHECK_EQ(send_ping(side, 2), VAPI_OK);
    CHECK_EQ(send_ping(another, 3), VAPI_OK);
    CHECK_EQ(receive_ping(another), 3);
    CHECK_EQ(receive_ping(side), 2);
    CHECK_EQ(receive_ping(ctx), 1);
    client_close(side);
    client_close(ctx); /* in any order */
    CHECK_EQ(send_ping(another, 4), VAPI_OK);
    CHECK_EQ(receive_ping(another), 4);
    client_close(another);
    server_stop(&s);
}

/** What nobody reads is not received, and holds nobody up. */
ON_EACH_TRANSPORT(what_is_not_read_stays_there)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport), side = beside(ctx);
    make_loops(ctx);
    ask_much(side);
    for (u32 i = 0; i < 100; i++)
        ping(ctx);
    CHECK_EQ(stats_of(side).received, 0);
    CHECK_EQ(stats_of(side).backlog_bytes, 0);
    u16 details = vapi_find_msg(side, DETAILS), number;
    void *msg;
    size_t size;
    for (u32 i = 0; i < DUMPS * (LOOPS + 1); i++) {
        CHECK_OK(side, vapi_recv(side, &msg, &size, SVM_Q_TIMEDWAIT, 10));
        number = load_be16(msg);
        CHECK_EQ(number, details);
        vapi_msg_free(side, msg);
        CHECK(stats_of(side).received <= i + 2);
    }
    CHECK_EQ(receive_ping(side), DUMPS);
    client_close(side);
    client_close(ctx);
    server_stop(&s);
}

/** The rest of what is not read goes with the connection. */
ON_EACH_TRANSPORT(left_with_much_unread)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport), side = beside(ctx);
    make_loops(ctx);
    ask_much(side);
    vapi_disconnect(side); /* with or without its goodbye, which may be behind all that */
    vapi_ctx_free(side);
    side = beside(ctx);
    CHECK_EQ(send_ping(side, 5), VAPI_OK);
    CHECK_EQ(receive_ping(side), 5);
    client_close(side);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(where_there_is_none)
{
    server_t s;
    server_start(&s);
    vapi_connect_options_t o = client_options(&s, transport);
    o.large_over_shm = true;
    vapi_ctx_t ctx = client_with(&o), side = context();
    CHECK_EQ(vapi_connect_beside(ctx, NULL, NS_PER_S), VAPI_EINVAL);
    CHECK_EQ(vapi_connect_beside(ctx, ctx, NS_PER_S), VAPI_EINVAL);
    CHECK_EQ(vapi_connect_beside(NULL, side, NS_PER_S), VAPI_EINVAL);
    CHECK_EQ(vapi_connect_beside(side, ctx, NS_PER_S), VAPI_EINVAL); /* not connected */
    vapi_error_e rv = vapi_connect_beside(ctx, side, NS_PER_S);
    CHECK_EQ(rv, transport == VAPI_TRANSPORT_SOCKET ? VAPI_OK : VAPI_ENOTSUP);
    CHECK_EQ(vapi_is_connected(side), transport == VAPI_TRANSPORT_SOCKET);
    vapi_ctx_free(side);
    client_close(ctx);
    server_stop(&s);
}

/** At the same path there is another one now, with other messages or with the same. */
ON_EACH_TRANSPORT(another_vpp)
{
    server_t s, before;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport), side = context();
    before = s;
    peer_stop(s.peer);
    thread_join(&s.handler);
    CHECK_EQ(vapi_connect_beside(ctx, side, NS_PER_S), VAPI_ECON_FAIL);
    CHECK(!vapi_is_connected(side));
    peer_options_t o;
    peer_options_init(&o);
    o.socket_path = before.socket;
    server_t other = {.prefix = "-"};
    memcpy(other.socket, before.socket, sizeof other.socket);
    memcpy(other.dir, before.dir, sizeof other.dir);
    CHECK_EQ(mkdir(before.dir, 0700) == 0 || errno == EEXIST, 1);
    server_start_with(&other, &o);
    vapi_error_e rv = vapi_connect_beside(ctx, side, NS_PER_S);
    CHECK(rv == VAPI_ECONNRESET || rv == VAPI_EINVAL);
    CHECK(!vapi_is_connected(side));
    vapi_ctx_free(side);
    vapi_ctx_free(ctx);
    peer_stop(other.peer);
    thread_join(&other.handler);
    peer_free(other.peer);
    peer_free(before.peer);
    rmdir(before.dir);
}
