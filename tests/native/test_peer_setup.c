/* SPDX-License-Identifier: Apache-2.0
 *
 * Setting a peer up, and commands to it, when they cannot work: each says what is wrong.
 */
#include "client_fixture.h"

TEST(options_that_are_refused)
{
    peer_options_t good, o;
    peer_options_init(&good);
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        o = good;                                                                                  \
        change;                                                                                    \
        CHECK(peer_alloc(&o) == NULL);                                                             \
    } while (0)
    REFUSED(o.queue_length = 0);
    REFUSED(o.max_clients = 0);
    REFUSED(o.keepalive_ns = 0);
    peer_free(NULL);
}

static const peer_message_t message = {
    .name_crc = "thing_01020304", .fixed_bytes = 10, .context_offset = 6};

TEST(messages_that_are_refused)
{
    peer_options_t o;
    peer_options_init(&o);
    peer_t *peer = peer_alloc(&o);
    CHECK(peer != NULL);
    peer_message_t m;
#define NO_MESSAGE(change)                                                                         \
    do {                                                                                           \
        m = message;                                                                               \
        change;                                                                                    \
        CHECK_EQ(peer_add_message(peer, &m), -EINVAL);                                             \
        CHECK_HAS(peer_error(peer), m.name_crc);                                                   \
    } while (0)
    NO_MESSAGE(m.reply_name_crc = "thing_reply_01020304"; m.reply_bytes = 5);
    NO_MESSAGE(m.reply_name_crc = "thing_reply_01020304"; m.reply_bytes = 10;
               m.reply_context_offset = 7);
    NO_MESSAGE(m.tail_kind = 77);
    NO_MESSAGE(m.tail_kind = PEER_TAIL_COUNTED; m.tail_count_width = 3; m.tail_count_offset = 2);
    NO_MESSAGE(m.tail_kind = PEER_TAIL_COUNTED; m.tail_count_width = 4; m.tail_count_offset = 7);
    int id = peer_add_message(peer, &message);
    CHECK(id > 0);
    CHECK_EQ(peer_add_message(peer, &message), id); /* known already */
    CHECK_EQ(peer_msg_id(peer, "thing"), id);
    /* Two of that name: only the whole one tells them apart. */
    m = message;
    m.name_crc = "thing_0a0b0c0d";
    CHECK(peer_add_message(peer, &m) > id);
    CHECK_EQ(peer_msg_id(peer, "thing"), 0);
    CHECK_EQ(peer_msg_id(peer, "thing_01020304"), id);
    CHECK_STR(peer_msg_name(peer, (u32)id), "thing_01020304");
    CHECK_EQ(peer_set_handled(peer, 60000, 1), -EINVAL);
    char name[80];
    memset(name, 'm', sizeof name);
    name[79] = 0;
    CHECK_EQ(peer_add_module(peer, name, 1, 0, 0), -EINVAL);
    CHECK_EQ(peer_add_module(peer, "", 1, 0, 0), -EINVAL);
    CHECK_EQ(peer_add_module(peer, "things_01020304", 1, 0, 0), 0);
    CHECK_EQ(peer_add_module(peer, "things_01020304", 1, 0, 0), 0);
    CHECK(peer_msg_name(peer, 60000) == NULL);
    peer_free(peer);
}

TEST(all_numbers_are_used_up)
{
    peer_options_t o;
    peer_options_init(&o);
    peer_t *peer = peer_alloc(&o);
    char name[32];
    int rv = 1;
    u32 n = 0;
    for (; rv > 0 && n < 70000; n++) {
        peer_message_t m = message;
        m.name_crc = name;
        snprintf(name, sizeof name, "thing%u_01020304", n);
        rv = peer_add_message(peer, &m);
    }
    CHECK_EQ(rv, -ENOSPC);
    CHECK(n > 60000);
    CHECK_HAS(peer_error(peer), name);
    peer_free(peer);
}

TEST(a_peer_that_runs_is_not_set_up)
{
    server_t s;
    server_start(&s);
    CHECK_EQ(peer_start(s.peer), -EBUSY);
    CHECK_EQ(peer_add_message(s.peer, &message), -EBUSY);
    CHECK_EQ(peer_add_module(s.peer, "things_01020304", 1, 0, 0), -EBUSY);
    CHECK_HAS(peer_error(s.peer), "runs");
    server_stop(&s);
}

TEST(places_where_nothing_can_be_made)
{
    server_t s;
    peer_options_t o = server_options(&s);
    o.socket_path = "/nonexistent/api.sock";
    peer_t *peer = peer_alloc(&o);
    CHECK(peer_start(peer) < 0);
    CHECK_HAS(peer_error(peer), "/nonexistent/api.sock");
    CHECK(!peer_is_running(peer));
    peer_free(peer);
    o = server_options(&s);
    o.shm_prefix = "a/b";
    peer = peer_alloc(&o);
    CHECK_EQ(peer_start(peer), -EINVAL);
    peer_free(peer);
    o.shm_prefix = s.prefix;
    o.root_bytes = 1 << 20;
    o.api_bytes = 2 << 20; /* does not fit into it */
    peer = peer_alloc(&o);
    CHECK_EQ(peer_start(peer), -EINVAL);
    peer_free(peer);
    CHECK_EQ(access(s.socket, F_OK), -1);
    rmdir(s.dir);
}

TEST(commands_that_are_refused)
{
    server_t s;
    server_start(&s);
    u8 bytes[16] = {0};
    const u32 short_length = 1;
    CHECK_EQ(peer_send(s.peer, PEER_ALL_CLIENTS, bytes, 1, 1), -EINVAL);
    CHECK_EQ(peer_send(s.peer, PEER_ALL_CLIENTS, bytes, UINT32_MAX, 1), -EINVAL);
    CHECK_EQ(peer_send_many(s.peer, PEER_ALL_CLIENTS, bytes, &short_length, 1), -EINVAL);
    CHECK_EQ(peer_fault_drop(s.peer, 60000, 1), -EINVAL);
    /* A client that is not there is none of the others' business. */
    CHECK_EQ(peer_disconnect(s.peer, 4711), 0);
    CHECK_EQ(peer_done(s.peer, 4711), 0);
    CHECK_EQ(peer_flush(s.peer, NS_PER_S * 10), 0);
    peer_stop(s.peer);
    CHECK_EQ(peer_send(s.peer, PEER_ALL_CLIENTS, bytes, 10, 1), -ESHUTDOWN);
    CHECK_EQ(peer_flush(s.peer, NS_PER_S), -ESHUTDOWN);
    server_stop(&s);
}

TEST(a_stalled_peer_does_not_carry_out)
{
    server_t s;
    server_start(&s);
    CHECK_EQ(peer_fault_stall(s.peer, UINT64_MAX), 0);
    CHECK_EQ(peer_flush(s.peer, 20 * NS_PER_MS), -ETIMEDOUT);
    CHECK_EQ(peer_fault_stall(s.peer, 0), 0);
    CHECK_EQ(peer_flush(s.peer, 10 * NS_PER_S), 0);
    server_stop(&s);
}

/* ---- many messages in one crossing, to a client of each transport */

ON_EACH_TRANSPORT(several_messages_at_once)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    /* Over shared memory it has a socket besides. */
    peer_client_info_t infos[4], info = {0};
    int count = peer_clients(s.peer, infos, 4);
    for (int i = 0; i < count; i++)
        if (infos[i].transport == (transport == VAPI_TRANSPORT_SOCKET  ? PEER_SOCKET
                                   : transport == VAPI_TRANSPORT_MEMFD ? PEER_MEMFD
                                                                       : PEER_CLASSIC))
            info = infos[i];
    CHECK_STR(info.name, "test");
    u8 bytes[10 + 14 + 12] = {0};
    const u32 lengths[] = {10, 14, 12};
    u32 at = 0;
    for (u32 i = 0; i < 3; at += lengths[i++]) {
        store_be16(bytes + at, (u16)s.shout);
        store_be32(bytes + at + 2, i);
    }
    CHECK_EQ(peer_send_many(s.peer, info.client_id, bytes, lengths, 3), 0);
    for (u32 i = 0; i < 3; i++) {
        void *msg;
        size_t size;
        CHECK_OK(ctx, vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10));
        CHECK_EQ(load_be32((u8 *)msg + 2), i);
        CHECK_EQ(size, lengths[i]);
        vapi_msg_free(ctx, msg);
    }
    client_close(ctx);
    server_stop(&s);
}
