/* SPDX-License-Identifier: Apache-2.0
 *
 * The client through its public functions against the embedded peer.
 */
#include "client_fixture.h"

#include <poll.h>

#include <sys/wait.h>

ON_EACH_TRANSPORT(connect_ping_disconnect)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    CHECK(vapi_is_connected(ctx));
    CHECK_EQ(vapi_get_transport(ctx), transport);
    CHECK_EQ(vapi_get_server_pid(ctx), getpid());
    CHECK(vapi_find_msg(ctx, PING) != 0xffff);
    CHECK_EQ(vapi_find_msg(ctx, "control_ping_00000000"), 0xffff);
    CHECK_STR(vapi_table_name(ctx, vapi_find_msg(ctx, ECHO)), ECHO);
    CHECK(vapi_table_name(ctx, 0) == NULL);
    CHECK(vapi_table_count(ctx) > 28);
    CHECK(vapi_table_max_id(ctx) >= vapi_table_count(ctx));
    for (int i = 0; i < 100; i++)
        ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(show_version)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    request_head_t m = request_of(ctx, VERSION, 0);
    void *reply;
    size_t size;
    CHECK_OK(ctx, call(ctx, &m, sizeof m, &reply, &size));
    CHECK_EQ(load_be16(reply), vapi_find_msg(ctx, VERSION_REPLY));
    CHECK_EQ(size, 10 + 32 + 32 + 32 + 256);
    CHECK(((const char *)reply)[10] != 0);
    CHECK(memchr((const u8 *)reply + 10, 0, 32) != NULL);
    vapi_msg_free(ctx, reply);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(messages_of_every_size)
{
    static const u32 sizes[] = {0,    1,    2,    63,   64,    65,    255,    256,
                                1000, 1023, 1024, 4096, 65535, 65536, 100000, 1 << 20};
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    CHECK(vapi_max_msg_size(ctx) > (1 << 20) + 14);
    for (u32 round = 0; round < 3; round++)
        for (u32 i = 0; i < sizeof sizes / sizeof *sizes; i++)
            echo(ctx, sizes[i], i * 31 + round);
    CHECK_EQ(stats_of(ctx).bad, 0);
    CHECK_EQ(stats_of(ctx).held, 0);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(sizes_that_are_refused)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    size_t max = vapi_max_msg_size(ctx);
    CHECK(vapi_msg_alloc(ctx, 0) == NULL);
    CHECK(vapi_msg_alloc(ctx, max + 1) == NULL);
    CHECK(vapi_msg_alloc(ctx, SIZE_MAX) == NULL);
    CHECK_EQ(vapi_send_bytes(ctx, "", 0, 0), VAPI_EINVAL);
    CHECK(vapi_error_text(ctx)[0] != 0);
    u8 *large = calloc(1, max + 1);
    CHECK_EQ(vapi_send_bytes(ctx, large, max + 1, 0), VAPI_EINVAL);
    char number[32];
    snprintf(number, sizeof number, "%zu", max + 1);
    CHECK_HAS(vapi_error_text(ctx), number);
    free(large);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(allocated_memory_is_zeroed)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    for (int i = 0; i < 2000; i++) {
        u32 size = (u32)(i * 37) % 3000 + 1;
        u8 *m = vapi_msg_alloc(ctx, size);
        CHECK(m != NULL);
        for (u32 k = 0; k < size; k++)
            CHECK_EQ(m[k], 0);
        memset(m, 0xff, size);
        vapi_msg_free(ctx, m);
    }
    vapi_msg_free(ctx, NULL);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(replies_come_in_order)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    u32 next = 0, sent = 0;
    for (; sent < 256; sent++)
        CHECK_OK(ctx, send_ping(ctx, sent));
    for (; next < 5000; next++) {
        CHECK_EQ(receive_ping(ctx), next);
        if (sent < 5000)
            CHECK_OK(ctx, send_ping(ctx, sent++));
    }
    CHECK_EQ(stats_of(ctx).sent, 5000);
    CHECK_EQ(stats_of(ctx).received, 5000);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(send2_sends_both)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    for (u32 i = 0; i < 200; i += 2) {
        request_head_t *a = vapi_msg_alloc(ctx, sizeof *a), *b = vapi_msg_alloc(ctx, sizeof *b);
        CHECK(a != NULL && b != NULL && a != b);
        *a = request_of(ctx, PING, i);
        *b = request_of(ctx, PING, i + 1);
        CHECK_OK(ctx, vapi_send2(ctx, a, b));
        CHECK_EQ(receive_ping(ctx), i);
        CHECK_EQ(receive_ping(ctx), i + 1);
    }
    client_close(ctx);
    server_stop(&s);
}

/* A peer that serves nobody: sends end with EAGAIN, the messages stay the caller's, and what went out
   before is answered in order once it goes on. */
ON_EACH_TRANSPORT(send2_both_or_neither_when_there_is_no_room)
{
    server_t s;
    server_start(&s);
    vapi_connect_options_t o = client_options(&s, transport);
    o.mode = VAPI_MODE_NONBLOCKING;
    vapi_ctx_t ctx = client_with(&o);
    CHECK_EQ(peer_fault_stall(s.peer, UINT64_MAX), 0);
    u32 sent = 0;
    vapi_error_e rv = VAPI_OK;
    while (sent < 2000000) {
        request_head_t *a = vapi_msg_alloc(ctx, sizeof *a), *b = vapi_msg_alloc(ctx, sizeof *b);
        if (a == NULL || b == NULL) {
            vapi_msg_free(ctx, a);
            vapi_msg_free(ctx, b);
            rv = VAPI_EAGAIN;
            break;
        }
        *a = request_of(ctx, PING, sent);
        *b = request_of(ctx, PING, sent + 1);
        rv = vapi_send2(ctx, a, b);
        if (rv != VAPI_OK) {
            vapi_msg_free(ctx, a);
            vapi_msg_free(ctx, b);
            break;
        }
        sent += 2;
    }
    CHECK_EQ(rv, VAPI_EAGAIN);
    CHECK(sent >= 64);
    CHECK_EQ(peer_fault_stall(s.peer, 0), 0);
    for (u32 i = 0; i < sent; i++)
        CHECK_EQ(receive_ping(ctx), i);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(blocking_sends_wait_for_room_until_the_timeout)
{
    server_t s;
    server_start(&s);
    vapi_connect_options_t o = client_options(&s, transport);
    o.timeout_ns = 100 * NS_PER_MS;
    vapi_ctx_t ctx = client_with(&o);
    CHECK_EQ(peer_fault_stall(s.peer, UINT64_MAX), 0);
    request_head_t m = request_of(ctx, PING, 0);
    vapi_error_e rv;
    u32 sent = 0;
    while (sent < 2000000 && (rv = vapi_send_bytes(ctx, &m, sizeof m, 0)) == VAPI_OK)
        m.context = htobe32(++sent);
    CHECK_EQ(rv, VAPI_EAGAIN);
    u64 start = now_ns();
    CHECK_EQ(vapi_send_bytes(ctx, &m, sizeof m, 50 * NS_PER_MS), VAPI_EAGAIN);
    CHECK(now_ns() - start >= 50 * NS_PER_MS);
    CHECK(stats_of(ctx).queue_full > 0);
    CHECK_EQ(peer_fault_stall(s.peer, 0), 0);
    CHECK_OK(ctx, vapi_send_bytes(ctx, &m, sizeof m, 10 * NS_PER_S));
    for (u32 i = 0; i <= sent; i++)
        CHECK_EQ(receive_ping(ctx), i);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(nothing_to_receive)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    void *msg = &s, *msgs[4];
    size_t size = 99;
    u32 sizes[4], count = 99;
    CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_NOWAIT, 0), VAPI_EAGAIN);
    u64 start = now_ns();
    CHECK_EQ(vapi_recv_many(ctx, msgs, sizes, 4, &count, 30 * NS_PER_MS), VAPI_EAGAIN);
    CHECK(now_ns() - start >= 30 * NS_PER_MS);
    CHECK_EQ(count, 0);
    start = now_ns();
    CHECK_EQ(vapi_wait_until(ctx, 30 * NS_PER_MS), VAPI_EAGAIN);
    CHECK(now_ns() - start >= 30 * NS_PER_MS);
    CHECK_EQ(vapi_recv(ctx, NULL, &size, SVM_Q_NOWAIT, 0), VAPI_EINVAL);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(recv_many_takes_what_is_there)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    void *msgs[64];
    u32 sizes[64], count, next = 0;
    for (u32 i = 0; i < 300; i++)
        CHECK_OK(ctx, send_ping(ctx, i));
    while (next < 300) {
        CHECK_OK(ctx, vapi_recv_many(ctx, msgs, sizes, 64, &count, 10 * NS_PER_S));
        CHECK(count >= 1 && count <= 64);
        for (u32 i = 0; i < count; i++, next++)
            CHECK_EQ(load_be32((const u8 *)msgs[i] + 2), next);
        CHECK_EQ(stats_of(ctx).held <= count, 1);
        vapi_free_many(ctx, msgs, count);
    }
    CHECK_EQ(next, 300);
    CHECK_EQ(stats_of(ctx).held, 0);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(many_held_messages_stay_as_they_are)
{
    enum { HELD = 500 };
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    static void *held[HELD];
    size_t size;
    for (u32 i = 0; i < HELD; i++) {
        CHECK_OK(ctx, send_ping(ctx, i));
        CHECK_OK(ctx, vapi_recv(ctx, &held[i], &size, SVM_Q_TIMEDWAIT, 10));
    }
    for (u32 i = 0; i < 2000; i++)
        ping(ctx);
    for (u32 i = 0; i < HELD; i++) {
        CHECK_EQ(load_be32((const u8 *)held[i] + 2), i);
        vapi_msg_free(ctx, held[i]);
    }
    CHECK_EQ(stats_of(ctx).held, 0);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(held_messages_survive_disconnecting)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    void *held[20];
    size_t size;
    for (u32 i = 0; i < 20; i++) {
        CHECK_OK(ctx, send_ping(ctx, i));
        CHECK_OK(ctx, vapi_recv(ctx, &held[i], &size, SVM_Q_TIMEDWAIT, 10));
    }
    CHECK_OK(ctx, vapi_disconnect(ctx));
    for (u32 i = 0; i < 10; i++) {
        CHECK_EQ(load_be32((const u8 *)held[i] + 2), i);
        vapi_msg_free(ctx, held[i]);
    }
    vapi_connect_options_t o = client_options(&s, transport);
    CHECK_OK(ctx, vapi_connect_options(ctx, &o));
    ping(ctx);
    for (u32 i = 10; i < 20; i++) {
        CHECK_EQ(load_be32((const u8 *)held[i] + 2), i);
        vapi_msg_free(ctx, held[i]);
    }
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(send_many_and_the_window)
{
    enum { COUNT = 3000 };
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    static request_head_t bytes[COUNT];
    static u32 offsets[COUNT], sizes[COUNT];
    for (u32 i = 0; i < COUNT; i++) {
        bytes[i] = request_of(ctx, PING, i);
        offsets[i] = i * (u32)sizeof *bytes;
        sizes[i] = sizeof *bytes;
    }
    u32 done = 0, next = 0;
    while (done < COUNT) {
        u32 sent = 0, n = COUNT - done < 200 ? COUNT - done : 200;
        CHECK_OK(ctx,
                 vapi_send_many(ctx, bytes, offsets + done, sizes + done, n, &sent, 10 * NS_PER_S));
        CHECK_EQ(sent, n);
        done += sent;
        while (next < done)
            CHECK_EQ(receive_ping(ctx), next++);
    }
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(the_descriptor_shows_messages)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    int fd = -1;
    CHECK_OK(ctx, vapi_get_fd(ctx, &fd));
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (u32 i = 0; i < 50; i++) {
        CHECK_OK(ctx, send_ping(ctx, i));
        CHECK_EQ(poll(&p, 1, 10000), 1);
        CHECK_EQ(receive_ping(ctx), i);
    }
    /* Several at once, and it stays readable until the last is taken. */
    shout(&s, 10);
    CHECK_EQ(peer_flush(s.peer, 10 * NS_PER_S), 0);
    for (u32 i = 0; i < 10; i++) {
        CHECK_EQ(poll(&p, 1, 10000), 1);
        void *msg;
        size_t size;
        CHECK_OK(ctx, vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10));
        vapi_msg_free(ctx, msg);
    }
    u64 start = now_ns();
    /* May be readable for a moment yet, but not for good. */
    while (poll(&p, 1, 20) != 0) {
        void *msg;
        size_t size;
        CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_NOWAIT, 0), VAPI_EAGAIN);
        CHECK(now_ns() - start < 5 * NS_PER_S);
    }
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(pump)
{
    enum { COUNT = 20000 };
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    static i32 retvals[COUNT];
    request_head_t m = request_of(ctx, PING, 0);
    static const u32 depths[] = {1, 2, 7, 256, 100000};
    u8 *bytes = malloc(COUNT * sizeof m);
    for (u32 i = 0; i < COUNT; i++)
        memcpy(bytes + i * sizeof m, &m, sizeof m);
    for (u32 d = 0; d < sizeof depths / sizeof *depths; d++) {
        vapi_pump_t p = {.bytes = bytes,
                         .stride = sizeof m,
                         .count = depths[d] < 8 ? 1000 : COUNT,
                         .depth = depths[d],
                         .reply_id = vapi_find_msg(ctx, PING_REPLY),
                         .context_offset = 2,
                         .retval_offset = 6,
                         .retvals = retvals};
        memset(retvals, 0xee, sizeof retvals);
        vapi_error_e rv;
        while ((rv = vapi_pump(ctx, &p, NS_PER_S)) == VAPI_EAGAIN)
            ;
        CHECK_OK(ctx, rv);
        CHECK_EQ(p.sent, p.count);
        CHECK_EQ(p.received, p.count);
        CHECK_EQ(p.lost, 0);
        CHECK_EQ(p.failed, 0);
        for (u32 i = 0; i < p.count; i++)
            CHECK_EQ(retvals[i], 0);
    }
    free(bytes);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

/* Every third request is of a kind that gets no answer. */
ON_EACH_TRANSPORT(pump_counts_what_is_not_answered)
{
    enum { COUNT = 90 };
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    request_head_t bytes[COUNT];
    i32 retvals[COUNT];
    for (u32 i = 0; i < COUNT; i++)
        bytes[i] = request_of(ctx, i % 3 == 2 ? SILENT : PING, 0);
    vapi_pump_t p = {.bytes = (u8 *)bytes,
                     .stride = sizeof *bytes,
                     .count = COUNT,
                     .depth = 16,
                     .context_offset = 2,
                     .retval_offset = 6,
                     .retvals = retvals};
    vapi_error_e rv;
    while ((rv = vapi_pump(ctx, &p, NS_PER_S)) == VAPI_EAGAIN)
        ;
    CHECK_OK(ctx, rv);
    CHECK_EQ(p.received, COUNT - COUNT / 3);
    CHECK_EQ(p.lost, COUNT / 3);
    for (u32 i = 0; i < COUNT; i++)
        CHECK_EQ(retvals[i], i % 3 == 2 ? INT32_MIN : 0);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

/* Events in the middle of it: the pump must not lose them, nor wait for itself. */
ON_EACH_TRANSPORT_WITHIN(pump_under_a_flood_of_events, 60)
{
    enum { COUNT = 20000, EVENTS = 30000 };
    server_t s;
    server_start(&s);
    vapi_connect_options_t o = client_options(&s, transport);
    o.max_outstanding_requests = 64;
    o.response_queue_size = 64;
    vapi_ctx_t ctx = client_with(&o);
    request_head_t m = request_of(ctx, PING, 0);
    u8 *bytes = malloc(COUNT * sizeof m);
    for (u32 i = 0; i < COUNT; i++)
        memcpy(bytes + i * sizeof m, &m, sizeof m);
    vapi_pump_t p = {.bytes = bytes,
                     .stride = sizeof m,
                     .count = COUNT,
                     .depth = 256,
                     .context_offset = 2,
                     .retval_offset = 6};
    vapi_error_e rv = VAPI_EAGAIN;
    for (u32 i = 0; i < EVENTS || rv == VAPI_EAGAIN;) {
        if (i < EVENTS) {
            shout(&s, 1000);
            i += 1000;
        }
        if (rv == VAPI_EAGAIN)
            rv = vapi_pump(ctx, &p, NS_PER_MS);
    }
    CHECK_OK(ctx, rv);
    CHECK_EQ(p.received, COUNT);
    for (u32 i = 0; i < EVENTS; i++) {
        void *msg;
        size_t size;
        CHECK_OK(ctx, vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10));
        CHECK_EQ(load_be16(msg), vapi_find_msg(ctx, SHOUT));
        vapi_msg_free(ctx, msg);
    }
    CHECK_EQ(stats_of(ctx).dropped, 0);
    free(bytes);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(a_call_that_is_not_answered)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    request_head_t m = request_of(ctx, SILENT, 0);
    vapi_call_t *resume = NULL;
    void *reply = NULL;
    size_t size;
    u64 start = now_ns();
    CHECK_EQ(vapi_call(ctx, &m, sizeof m, 0, 2, &reply, &size, 30 * NS_PER_MS, &resume),
             VAPI_EAGAIN);
    CHECK(now_ns() - start >= 30 * NS_PER_MS);
    CHECK(resume != NULL);
    CHECK_EQ(vapi_call(ctx, &m, sizeof m, 0, 2, &reply, &size, 10 * NS_PER_MS, &resume),
             VAPI_EAGAIN);
    vapi_call_cancel(ctx, resume);
    CHECK_EQ(stats_of(ctx).sent, 1);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

/* The answer comes after the call was given up: nobody sees it. */
ON_EACH_TRANSPORT(a_late_answer_is_dropped)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    echo_t m = {.id = htobe16(vapi_find_msg(ctx, ECHO))};
    vapi_call_t *resume = NULL;
    void *reply = NULL;
    size_t size;
    store_release(&s.hold, 1);
    CHECK_EQ(vapi_call(ctx, &m, sizeof m, 0, 2, &reply, &size, 20 * NS_PER_MS, &resume),
             VAPI_EAGAIN);
    vapi_call_cancel(ctx, resume);
    store_release(&s.hold, 0);
    echo(ctx, 1, 1); /* in order: the late one has come before */
    CHECK_EQ(stats_of(ctx).late, 1);
    client_close(ctx);
    server_stop(&s);
}

/* Who looks again and again without waiting has VPP woken all the same. */
ON_EACH_TRANSPORT(looking_without_waiting_wakes_the_peer)
{
    enum { ROUNDS = 20 };
    server_t s;
    server_start(&s);
    vapi_connect_options_t o = client_options(&s, transport);
    o.mode = VAPI_MODE_NONBLOCKING;
    o.grace_ns = NS_PER_S; /* the drain thread would wake it, too */
    vapi_ctx_t ctx = client_with(&o);
    u64 before = stats_of(ctx).bells;
    for (u32 i = 0; i < ROUNDS; i++) {
        /* The peer falls asleep after 100 us, for ten milliseconds. */
        struct timespec pause = {.tv_nsec = (long)NS_PER_MS};
        nanosleep(&pause, NULL);
        CHECK_OK(ctx, send_ping(ctx, i));
        void *msg;
        size_t size;
        u64 began = now_ns();
        while (vapi_recv(ctx, &msg, &size, SVM_Q_NOWAIT, 0) == VAPI_EAGAIN)
            CHECK(now_ns() - began < 10 * NS_PER_S);
        vapi_msg_free(ctx, msg);
    }
    /* Now and then it wakes by itself just then. */
    if (transport != VAPI_TRANSPORT_SOCKET)
        CHECK(stats_of(ctx).bells - before >= ROUNDS / 2);
    client_close(ctx);
    server_stop(&s);
}

/* However deep, no more is in flight than VPP likes; and all of it is answered in the end. */
ON_EACH_TRANSPORT(a_pump_keeps_to_what_vpp_likes)
{
    enum { COUNT = 2000, DEPTH = 512 };
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    echo_t m = {.id = htobe16(vapi_find_msg(ctx, ECHO))};
    u8 *all = malloc(COUNT * sizeof m);
    for (u32 i = 0; i < COUNT; i++)
        memcpy(all + i * sizeof m, &m, sizeof m);
    vapi_pump_t pump = {.bytes = all,
                        .stride = sizeof m,
                        .count = COUNT,
                        .depth = DEPTH,
                        .context_offset = 2,
                        .retval_offset = 6};
    store_release(&s.hold, 1);
    CHECK_EQ(vapi_pump(ctx, &pump, 100 * NS_PER_MS), VAPI_EAGAIN);
    CHECK_EQ(pump.received, 0);
    if (transport == VAPI_TRANSPORT_SOCKET)
        CHECK(pump.sent >= 16 && pump.sent < 128);
    else
        CHECK_EQ(pump.sent, DEPTH);
    store_release(&s.hold, 0);
    vapi_error_e rv;
    while ((rv = vapi_pump(ctx, &pump, NS_PER_S)) == VAPI_EAGAIN)
        ;
    CHECK_OK(ctx, rv);
    CHECK_EQ(pump.received, COUNT);
    CHECK_EQ(pump.failed + pump.lost, 0);
    free(all);
    client_close(ctx);
    server_stop(&s);
}

/* Into the caller's memory when it is short, as a message when it is long, and whatever came before. */
ON_EACH_TRANSPORT(answers_come_into_their_place)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    vapi_answer_t answer = {0};
    u32 most = sizeof answer.bytes - (u32)sizeof(echo_reply_t);
    for (u32 count = 0; count < 3 * most; count += count < most - 2 || count > most + 2 ? 61 : 1) {
        u8 bytes[sizeof(echo_t) + 3 * VAPI_ANSWER_BYTES] = {0};
        echo_t *m = (void *)bytes;
        m->id = htobe16(vapi_find_msg(ctx, ECHO));
        m->count = htobe32(count);
        for (u32 i = 0; i < count; i++)
            m->bytes[i] = (u8)(i + count);
        i32 n = vapi_call_answer(ctx, m, sizeof *m + count, 0, 2, &answer, 10 * NS_PER_S);
        CHECK_EQ(n, count <= most ? (i32)(sizeof(echo_reply_t) + count) : 0);
        CHECK_EQ(answer.size, sizeof(echo_reply_t) + count);
        const echo_reply_t *r = n != 0 ? (void *)answer.bytes : answer.reply;
        CHECK_EQ(be16toh(r->id), vapi_find_msg(ctx, ECHO_REPLY));
        CHECK_MEM(r->bytes, m->bytes, count);
        if (n == 0)
            vapi_msg_free(ctx, answer.reply);
    }
    /* Not in time, then in time; and given up before and after it came. */
    echo_t m = {.id = htobe16(vapi_find_msg(ctx, ECHO))};
    for (u32 round = 0; round < 3; round++) {
        store_release(&s.hold, 1);
        CHECK_EQ(vapi_call_answer(ctx, &m, sizeof m, 0, 2, &answer, NS_PER_MS), -VAPI_EAGAIN);
        CHECK(answer.resume != NULL);
        if (round == 1)
            vapi_call_cancel(ctx, answer.resume);
        store_release(&s.hold, 0);
        if (round == 2) {
            echo(ctx, 1, 1); /* in order: it has come before */
            vapi_call_cancel(ctx, answer.resume);
        }
        if (round != 0)
            answer.resume = NULL;
        CHECK_EQ(vapi_call_answer(ctx, &m, sizeof m, 0, 2, &answer, 10 * NS_PER_S),
                 (i32)sizeof(echo_reply_t));
        CHECK(answer.resume == NULL);
    }
    CHECK_EQ(stats_of(ctx).late, 1);
    CHECK_EQ(stats_of(ctx).held, 0);
    CHECK_EQ(vapi_call_answer(ctx, &m, 3, 0, 2, &answer, NS_PER_S), -VAPI_EINVAL);
    CHECK_HAS(vapi_error_text(ctx), "must be 10 to");
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(what_others_wait_for_is_kept_for_them)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    for (u32 i = 0; i < 20; i++)
        CHECK_OK(ctx, send_ping(ctx, i));
    shout(&s, 3);
    echo(ctx, 100, 1);
    u32 pings = 0, shouts = 0;
    while (pings < 20 || shouts < 3) {
        void *msg;
        size_t size;
        CHECK_OK(ctx, vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10));
        if (load_be16(msg) == vapi_find_msg(ctx, SHOUT))
            shouts++;
        else
            CHECK_EQ(load_be32((const u8 *)msg + 2), pings++);
        vapi_msg_free(ctx, msg);
    }
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT_WITHIN(keepalives_are_answered, 60)
{
    server_t s;
    peer_options_t o = server_options(&s);
    o.keepalive_ns = 20 * NS_PER_MS;
    server_start_with(&s, &o);
    vapi_ctx_t ctx = client(&s, transport);
    /* An idle client that only drains by its thread must live through many scans. */
    peer_stats_t stats;
    u64 start = now_ns();
    do {
        void *msg;
        size_t size;
        CHECK_EQ(vapi_recv_many(ctx, &msg, (u32[1]){0}, 1, (u32[1]){0}, 50 * NS_PER_MS),
                 VAPI_EAGAIN);
        (void)size;
        peer_stats(s.peer, &stats);
    } while (now_ns() - start < NS_PER_S);
    /* Over memfd the same client is on the socket, too. */
    CHECK_EQ(transport == VAPI_TRANSPORT_SOCKET  ? stats.clients_socket
             : transport == VAPI_TRANSPORT_MEMFD ? stats.clients_memfd
                                                 : stats.clients_classic,
             1);
    CHECK_EQ(stats.reaped, 0);
    if (transport != VAPI_TRANSPORT_SOCKET)
        CHECK(stats.keepalives_received > 0);
    CHECK_EQ(stats_of(ctx).keepalives >= stats.keepalives_received, 1);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(an_interrupt_ends_a_wait)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    void *msg;
    size_t size;
    /* Nobody waits: the next one that would ends at once, the one after it does not. */
    vapi_interrupt(ctx);
    CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_WAIT, 0), VAPI_EAGAIN);
    u64 start = now_ns();
    CHECK_EQ(vapi_wait_until(ctx, 20 * NS_PER_MS), VAPI_EAGAIN);
    CHECK(now_ns() - start >= 20 * NS_PER_MS);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(a_child_may_not_use_it)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    pid_t child = fork();
    if (child == 0) {
        void *msg;
        size_t size;
        CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_NOWAIT, 0), VAPI_EINVAL);
        CHECK_EQ(vapi_send_bytes(ctx, "abcdefghij", 10, 0), VAPI_EINVAL);
        CHECK(vapi_msg_alloc(ctx, 10) == NULL);
        CHECK_EQ(vapi_disconnect(ctx), VAPI_EINVAL);
        /* Nor take it over. */
        vapi_connect_options_t o = client_options(&s, transport);
        CHECK_EQ(vapi_connect_options(ctx, &o), VAPI_EINVAL);
        CHECK_HAS(vapi_error_text(ctx), "parent");
        CHECK(vapi_msg_alloc(ctx, 10) == NULL);
        vapi_ctx_free(ctx);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    for (int i = 0; i < 100; i++)
        ping(ctx);
    client_close(ctx);
    server_stop(&s);
}
