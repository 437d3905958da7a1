/* SPDX-License-Identifier: Apache-2.0
 *
 * Slow readers, handlers in other threads, events, recordings, faults.
 */
#include "peer_fixture.h"

/* Enough for queue and socket buffer, many times over. */
#define FLOOD 20000u

static void slow_reader(peer_transport_e t)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *slow = any_client(&f, t), *other = any_client(&f, t);
    u8 event[64] = {0};
    store_be16(event, id_of(slow, "sw_interface_event_2d3d95a7"));
    peer_client_info_t info[8];
    int n = peer_clients(f.peer, info, 8);
    /* The one that registered first has the smaller id among those of its transport. */
    u64 id = 0;
    for (int i = 0; i < n; i++)
        if (info[i].transport == t && (id == 0 || info[i].client_id < id))
            id = info[i].client_id;
    CHECK(id != 0);
    for (u32 i = 0; i < FLOOD; i++) {
        store_be32(event + 2, i);
        CHECK_EQ(peer_send(f.peer, id, event, sizeof event, 1), 0);
    }
    CHECK_EQ(peer_flush(f.peer, WAIT_NS), 0);
    for (u32 i = 0; i < 1000; i++)
        ping(other, i);
    if (t != PEER_SOCKET) {
        CHECK_EQ(stats_of(&f).blocked_count, 1);
        CHECK(stats_of(&f).blocked_ns != 0);
    }
    /* Late, but all of it and in order; then the answer to a request among it. */
    request(slow, "control_ping_51077d14", 5, NULL, 0);
    for (u32 i = 0; i < FLOOD; i++) {
        CHECK_EQ(client_recv(slow, WAIT_NS), 0);
        CHECK_EQ(load_be32(slow->body + 2), i);
    }
    CHECK_EQ(expect_retval(slow, "control_ping_reply_f6b0b8ca", 5), 0);
    ping(other, 0);
    u64 blocked = stats_of(&f).blocked_ns;
    ping(other, 1);
    CHECK_EQ(stats_of(&f).blocked_ns, blocked);
    client_close(slow);
    client_close(other);
    fixture_end(&f);
}

TEST(slow_socket) { slow_reader(PEER_SOCKET); }
TEST(slow_memfd) { slow_reader(PEER_MEMFD); }
TEST(slow_classic) { slow_reader(PEER_CLASSIC); }

static void flooded(peer_transport_e t)
{
    fixture_t f;
    fixture_init(&f);
    f.options.client_backlog_bytes = 1 << 20;
    fixture_start(&f);
    client_t *slow = any_client(&f, t);
    client_t *other = socket_client(f.path);
    const u8 event[200] = {0, 1};
    CHECK_EQ(peer_send(f.peer, PEER_ALL_CLIENTS, event, sizeof event, 0), 0);
    peer_client_info_t info[8];
    int n = peer_clients(f.peer, info, 8);
    for (int i = 0; i < n; i++)
        if (info[i].transport == t && (t != PEER_SOCKET || i == 0))
            CHECK_EQ(peer_send(f.peer, info[i].client_id, event, sizeof event, 100000), 0);
    WAIT_FOR_STAT(&f, dropped_clients, 1);
    for (u32 i = 0; i < 100; i++)
        ping(other, i);
    client_drop(slow);
    client_drop(other);
    fixture_end(&f);
}

TEST(beyond_the_bound_a_socket_client_is_dropped) { flooded(PEER_SOCKET); }
TEST(beyond_the_bound_a_memfd_client_is_dropped) { flooded(PEER_MEMFD); }
TEST(beyond_the_bound_a_classic_client_is_dropped) { flooded(PEER_CLASSIC); }

TEST(like_vpp_a_full_queue_blocks_everybody)
{
    fixture_t f;
    fixture_init(&f);
    f.options.block_when_full = 1;
    fixture_start(&f);
    client_t *slow = classic_client_with(f.prefix, 8), *other = socket_client(f.path);
    for (u32 i = 0; i < 20; i++)
        request(slow, "control_ping_51077d14", i, NULL, 0);
    WAIT_FOR_STAT(&f, blocked_count, 1);
    request(other, "control_ping_51077d14", 1, NULL, 0);
    CHECK_EQ(client_recv(other, 50 * NS_PER_MS), -ETIMEDOUT);
    for (u32 i = 0; i < 20; i++)
        CHECK_EQ(expect_retval(slow, "control_ping_reply_f6b0b8ca", i), 0);
    CHECK_EQ(expect_retval(other, "control_ping_reply_f6b0b8ca", 1), 0);
    CHECK(stats_of(&f).blocked_ns >= 40 * NS_PER_MS);
    client_close(slow);
    client_close(other);
    fixture_end(&f);
}

static void *answer(void *peer)
{
    peer_request_t requests[8];
    for (;;) {
        int n = peer_poll(peer, requests, 8, 50 * NS_PER_MS);
        if (n == -ETIMEDOUT)
            continue;
        if (n < 0)
            return NULL;
        for (int i = 0; i < n; i++) {
            u8 details[10], reply[10] = {0};
            u32 id = peer_msg_id(peer, "sw_interface_set_mtu_reply");
            store_be16(reply, (u16)id);
            store_raw32(reply + 2, requests[i].context);
            store_be32(reply + 6, requests[i].length);
            memcpy(details, reply, sizeof details);
            CHECK_EQ(peer_send(peer, requests[i].client_id, details, sizeof details, 2), 0);
            CHECK_EQ(peer_send(peer, requests[i].client_id, reply, sizeof reply, 1), 0);
            CHECK_EQ(peer_done(peer, requests[i].token), 0);
        }
        peer_release(requests, (u32)n);
    }
}

TEST(handlers_in_another_thread_keep_the_order)
{
    fixture_t f;
    pthread_t thread;
    fixture_init(&f);
    fixture_start(&f);
    CHECK_EQ(peer_set_handled(f.peer, peer_msg_id(f.peer, "sw_interface_set_mtu"), 1), 0);
    CHECK_EQ(pthread_create(&thread, NULL, answer, f.peer), 0);
    for (peer_transport_e t = PEER_SOCKET; t <= PEER_CLASSIC; t++) {
        client_t *c = any_client(&f, t);
        const u8 rest[20] = {0};
        for (u32 round = 0; round < 50; round++) {
            request(c, "sw_interface_set_mtu_5cbe85e5", round, rest, sizeof rest);
            request(c, "control_ping_51077d14", 1000 + round, NULL, 0);
        }
        for (u32 round = 0; round < 50; round++) {
            for (u32 i = 0; i < 3; i++)
                CHECK_EQ(expect_retval(c, "sw_interface_set_mtu_reply_e8d4e804", round), 30);
            CHECK_EQ(expect_retval(c, "control_ping_reply_f6b0b8ca", 1000 + round), 0);
        }
        client_close(c);
    }
    CHECK_EQ(stats_of(&f).handler_requests, 150);
    peer_stop(f.peer);
    pthread_join(thread, NULL);
    fixture_end(&f);
}

TEST(a_handler_that_never_answers_holds_its_client_for_a_time)
{
    fixture_t f;
    fixture_init(&f);
    f.options.handler_timeout_ns = 100 * NS_PER_MS;
    fixture_start(&f);
    CHECK_EQ(peer_set_handled(f.peer, peer_msg_id(f.peer, "show_version"), 1), 0);
    client_t *c = socket_client(f.path);
    u64 began = now_ns();
    request(c, "show_version_51077d14", 1, NULL, 0);
    ping(c, 2);
    CHECK(now_ns() - began >= 90 * NS_PER_MS);
    CHECK_EQ(stats_of(&f).handler_timeouts, 1);
    client_close(c);
    fixture_end(&f);
}

TEST(recordings)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = socket_client(f.path);
    CHECK_EQ(peer_record(f.peer, 100), 0);
    for (u32 i = 0; i < 20; i++)
        ping(c, i);
    peer_request_t requests[32];
    CHECK_EQ(peer_recorded(f.peer, requests, 32), 10);
    CHECK_EQ(requests[3].context, 3);
    CHECK_EQ(requests[3].length, 10);
    peer_release(requests, 10);
    CHECK_EQ(stats_of(&f).record_dropped, 10);
    CHECK_EQ(peer_record(f.peer, 0), 0);
    ping(c, 1);
    CHECK_EQ(peer_recorded(f.peer, requests, 32), 0);
    client_close(c);
    fixture_end(&f);
}

TEST(faults)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = socket_client(f.path);
    CHECK_EQ(peer_fault_drop(f.peer, 24, 2), 0);
    CHECK_EQ(peer_flush(f.peer, WAIT_NS), 0);
    for (u32 i = 0; i < 3; i++)
        request(c, "control_ping_51077d14", i, NULL, 0);
    CHECK_EQ(expect_retval(c, "control_ping_reply_f6b0b8ca", 2), 0);
    CHECK_EQ(peer_fault_stall(f.peer, UINT64_MAX), 0);
    request(c, "control_ping_51077d14", 3, NULL, 0);
    CHECK_EQ(frame_recv(c, 50 * NS_PER_MS), -ETIMEDOUT);
    CHECK_EQ(peer_fault_stall(f.peer, 0), 0);
    CHECK_EQ(expect_retval(c, "control_ping_reply_f6b0b8ca", 3), 0);
    CHECK_EQ(peer_fault_close_after(f.peer, 20), 0);
    request(c, "control_ping_51077d14", 4, NULL, 0);
    u8 part[20];
    CHECK_EQ(sockio_recv_all(c->fd, part, 20, deadline_in(WAIT_NS)), 0);
    CHECK_EQ(sockio_recv_all(c->fd, part, 1, deadline_in(WAIT_NS)), -ECONNRESET);
    client_drop(c);
    fixture_end(&f);
}

TEST(a_restart_loses_everybody_and_serves_again)
{
    fixture_t f;
    char path[128];
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = socket_client(f.path), *shm = classic_client(f.prefix);
    snprintf(path, sizeof path, "/dev/shm/%s-vpe-api", f.prefix);
    CHECK(region_file_is_current(&shm->api, path));
    for (u32 i = 0; i < 5; i++)
        CHECK_EQ(peer_restart(f.peer), 0);
    CHECK_EQ(frame_recv(c, WAIT_NS), -ECONNRESET);
    CHECK(!region_file_is_current(&shm->api, path));
    client_drop(c);
    client_drop(shm);
    for (peer_transport_e t = PEER_SOCKET; t <= PEER_CLASSIC; t++) {
        c = any_client(&f, t);
        ping(c, 1);
        client_close(c);
    }
    fixture_end(&f);
}
