/* SPDX-License-Identifier: Apache-2.0
 *
 * What programs do all day must not cost a VPP its heap or its time: bulk requests, dumps, many clients
 * on all transports at once, and programs that are busy elsewhere under a flood of events.
 */
#include "client_fixture.h"
#include "peer_messages.h"

#define ROUTE_ADD "ip_route_add_del_b8ecfe0d"
#define ROUTE_ADD_REPLY "ip_route_add_del_reply_1992deab"
#define ROUTE_DUMP "ip_route_v2_dump_d16f72e6"
#define SOURCE_API 8
#define WORKERS 3u
#define ROUTES_EACH 20000u
#define CLIENTS 64u

static peer_stats_t peer_stats_of(const server_t *s)
{
    peer_stats_t stats;
    peer_stats(s->peer, &stats);
    return stats;
}

static void check_peer_was_free(const server_t *s)
{
    peer_stats_t stats = peer_stats_of(s);
    CHECK_EQ(stats.heap_failures, 0);
    CHECK(stats.blocked_ns < PREEMPTED_NS);
    CHECK_EQ(stats.dropped_messages, 0);
    CHECK_EQ(stats.dropped_clients, 0);
    CHECK_EQ(stats.bad_addresses, 0);
}

typedef struct __attribute__((packed)) {
    mp_ip_route_add_del_t m;
    mp_fib_path_t path;
} add_route_t;

static void pump_all(vapi_ctx_t ctx, vapi_pump_t *pump)
{
    vapi_error_e rv;
    deadline_t until = deadline_in(60 * NS_PER_S);
    while ((rv = vapi_pump(ctx, pump, NS_PER_S)) == VAPI_EAGAIN)
        CHECK(!deadline_passed(until));
    CHECK_OK(ctx, rv);
    CHECK_EQ(pump->received, pump->count);
    CHECK_EQ(pump->failed + pump->lost, 0);
}

static void add_routes(vapi_ctx_t ctx, u32 first, u32 count, bool is_add)
{
    add_route_t *all = calloc(count, sizeof *all);
    for (u32 i = 0; i < count; i++) {
        all[i].m.h.id = htobe16(vapi_find_msg(ctx, ROUTE_ADD));
        all[i].m.is_add = is_add;
        all[i].m.route.prefix.len = 32;
        all[i].m.route.n_paths = 1;
        store_be32(all[i].m.route.prefix.address, first + i);
    }
    vapi_pump_t pump = {.bytes = (const u8 *)all,
                        .stride = sizeof *all,
                        .count = count,
                        .depth = 512,
                        .reply_id = vapi_find_msg(ctx, ROUTE_ADD_REPLY),
                        .context_offset = 2,
                        .retval_offset = 6};
    pump_all(ctx, &pump);
    free(all);
}

static u32 dump_routes(vapi_ctx_t ctx)
{
    mp_ip_route_v2_dump_t *dump = vapi_msg_alloc(ctx, sizeof *dump);
    request_head_t *end = vapi_msg_alloc(ctx, sizeof *end);
    CHECK(dump != NULL && end != NULL);
    memset(dump, 0, sizeof *dump);
    dump->h.id = htobe16(vapi_find_msg(ctx, ROUTE_DUMP));
    dump->h.client_index = vapi_client_index_raw(ctx);
    dump->src = SOURCE_API; /* not the routes that every table has */
    *end = request_of(ctx, PING, 1);
    CHECK_OK(ctx, vapi_send2(ctx, dump, end));
    for (u32 n = 0;; n++) {
        void *msg;
        size_t size;
        CHECK_OK(ctx, vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10));
        bool last = load_be16(msg) == vapi_find_msg(ctx, PING_REPLY);
        vapi_msg_free(ctx, msg);
        if (last)
            return n;
    }
}

typedef struct {
    const server_t *s;
    vapi_transport_e transport;
    u32 number;
} worker_t;

static void work(void *argument)
{
    const worker_t *w = argument;
    vapi_ctx_t ctx = client(w->s, w->transport);
    for (u32 round = 0; round < 3; round++) {
        add_routes(ctx, w->number << 24, ROUTES_EACH, true);
        CHECK(dump_routes(ctx) >= ROUTES_EACH);
        add_routes(ctx, w->number << 24, ROUTES_EACH, false);
    }
    client_close(ctx);
}

static void bulk(const vapi_transport_e transports[WORKERS])
{
    server_t s;
    server_start(&s);
    worker_t workers[WORKERS];
    test_thread_t threads[WORKERS];
    for (u32 i = 0; i < WORKERS; i++) {
        workers[i] = (worker_t){&s, transports[i], i};
        thread_start(&threads[i], work, &workers[i]);
    }
    for (u32 i = 0; i < WORKERS; i++)
        thread_join(&threads[i]);
    check_peer_was_free(&s);
    CHECK_EQ(peer_stats_of(&s).routes, 0);
    server_stop(&s);
}

TEST_WITHIN(bulk_and_dumps_in_one_segment, 120)
{
    bulk((const vapi_transport_e[]){VAPI_TRANSPORT_SHM, VAPI_TRANSPORT_SHM, VAPI_TRANSPORT_SHM});
}

TEST_WITHIN(bulk_and_dumps_on_three_transports, 120)
{
    bulk((const vapi_transport_e[]){VAPI_TRANSPORT_SHM, VAPI_TRANSPORT_MEMFD,
                                    VAPI_TRANSPORT_SOCKET});
}

TEST(the_default_segment_is_as_large_as_vpps)
{
    server_t s;
    server_start(&s);
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "/dev/shm/%s-vpe-api", s.prefix);
    CHECK_EQ(stat(path, &st), 0);
    /* VPP: api-size 16 MiB, api-pvt-heap-size 128 KiB; and the one byte that it writes at the end. */
    CHECK_EQ(st.st_size, (16 << 20) + (128 << 10) + 1);
    snprintf(path, sizeof path, "/dev/shm/%s-global_vm", s.prefix);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_size, (64 << 20) + 1);
    server_stop(&s);
}

TEST_WITHIN(sixty_four_clients_on_mixed_transports, 120)
{
    server_t s;
    server_start(&s);
    u32 fds = open_fds();
    vapi_ctx_t clients[CLIENTS];
    for (u32 i = 0; i < CLIENTS; i++)
        clients[i] = client(&s, (vapi_transport_e)(i % 3));
    for (u32 round = 0; round < 20; round++) {
        for (u32 i = 0; i < CLIENTS; i++)
            for (u32 n = 0; n < 8; n++)
                CHECK_OK(clients[i], send_ping(clients[i], i << 16 | n));
        for (u32 i = CLIENTS; i-- > 0;)
            for (u32 n = 0; n < 8; n++)
                CHECK_EQ(receive_ping(clients[i]), i << 16 | n);
    }
    add_routes(clients[0], 0, 500, true);
    for (u32 i = 0; i < CLIENTS; i++)
        CHECK_EQ(dump_routes(clients[i]), 500);
    check_peer_was_free(&s);
    for (u32 i = 0; i < CLIENTS; i++)
        client_close(clients[i]);
    /* The peer's ends are closed by its own thread. */
    deadline_t until = deadline_in(10 * NS_PER_S);
    while (open_fds() != fds)
        CHECK(!deadline_passed(until));
    server_stop(&s);
}

/** Nobody receives on `busy`; its drain thread does, and the peer answers others at once. */
ON_EACH_TRANSPORT_WITHIN(a_flood_of_events_for_a_busy_program, 120)
{
    enum { ROUNDS = 300, BURST = 1000 };
    server_t s;
    server_start(&s);
    vapi_ctx_t busy = client(&s, transport), other = client(&s, VAPI_TRANSPORT_SOCKET);
    vapi_connect_options_t o = client_options(&s, transport);
    for (u32 round = 1; round <= ROUNDS; round++) {
        shout(&s, BURST);
        /* As fast as they are taken: more would be a peer that fills its own memory. */
        deadline_t until = deadline_in(20 * NS_PER_S);
        while (stats_of(busy).received < (u64)round * BURST && transport != VAPI_TRANSPORT_SOCKET) {
            CHECK(!deadline_passed(until));
            sched_yield();
        }
        for (u32 i = 0; i < BURST; i++) {
            void *msg;
            size_t size;
            CHECK_OK(other, vapi_recv(other, &msg, &size, SVM_Q_TIMEDWAIT, 10));
            vapi_msg_free(other, msg);
        }
        u64 began = now_ns();
        ping(other);
        CHECK(now_ns() - began < NS_PER_S);
    }
    check_peer_was_free(&s);
    CHECK(o.backlog_bytes > (u64)ROUNDS * BURST * 64); /* or some would have been dropped */
    CHECK_EQ(stats_of(busy).dropped, 0);
    for (u32 i = 0; i < ROUNDS * BURST; i++) {
        void *msg;
        size_t size;
        CHECK_OK(busy, vapi_recv(busy, &msg, &size, SVM_Q_TIMEDWAIT, 10));
        CHECK_EQ(size, 10);
        vapi_msg_free(busy, msg);
    }
    client_close(other);
    client_close(busy);
    server_stop(&s);
}
