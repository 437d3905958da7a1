/* SPDX-License-Identifier: Apache-2.0
 *
 * When one side dies, stalls, restarts or does not read. The peer runs in this process; clients that
 * are killed run in children.
 */
#include "client_fixture.h"

#include <sys/wait.h>

#include "peer_state.h"
#include "transport_shm.h"

static u64 clients_of(server_t *s, vapi_transport_e transport)
{
    peer_stats_t stats;
    peer_stats(s->peer, &stats);
    return transport == VAPI_TRANSPORT_SOCKET  ? stats.clients_socket
           : transport == VAPI_TRANSPORT_MEMFD ? stats.clients_memfd
                                               : stats.clients_classic;
}

static void wait_for_clients(server_t *s, vapi_transport_e transport, u64 count, u64 timeout_ns)
{
    deadline_t deadline = deadline_in(timeout_ns);
    while (clients_of(s, transport) != count && !deadline_passed(deadline))
        sched_yield();
    CHECK_EQ(clients_of(s, transport), count);
}

static void start_with_fast_scans(server_t *s)
{
    peer_options_t o = server_options(s);
    o.keepalive_ns = 20 * NS_PER_MS;
    /* What dead clients have not read stays in the heap until they are found to be dead. */
    o.api_bytes = 256ull << 20;
    o.root_bytes = 512ull << 20;
    server_start_with(s, &o);
}

/** A client in a child: after `ready` it does `work` until it is killed. */
static pid_t child_client(server_t *s, vapi_transport_e transport, void (*work)(vapi_ctx_t))
{
    int ready[2];
    char c;
    CHECK_EQ(pipe(ready), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        vapi_ctx_t ctx = client(s, transport);
        CHECK_EQ(write(ready[1], "x", 1), 1);
        work(ctx);
        for (;;)
            pause();
    }
    close(ready[1]);
    CHECK_EQ(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return child;
}

static void kill_child(pid_t child)
{
    int status;
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
}

static void ping_for_ever(vapi_ctx_t ctx)
{
    for (u32 i = 0;; i++) {
        if (send_ping(ctx, i) != VAPI_OK)
            _exit(3);
        receive_ping(ctx);
    }
}

static void send_without_receiving(vapi_ctx_t ctx)
{
    request_head_t m = request_of(ctx, PING, 0);
    for (;;)
        if (vapi_send_bytes(ctx, &m, sizeof m, UINT64_MAX) != VAPI_OK)
            _exit(3);
}

static void do_nothing(vapi_ctx_t ctx) { (void)ctx; }

ON_EACH_TRANSPORT_WITHIN(killed_clients_are_reaped, 60)
{
    static void (*const works[])(vapi_ctx_t) = {do_nothing, ping_for_ever, send_without_receiving};
    server_t s;
    start_with_fast_scans(&s);
    vapi_ctx_t witness = client(&s, transport);
    for (u32 i = 0; i < 3; i++) {
        pid_t child = child_client(&s, transport, works[i]);
        for (u32 k = 0; k < 200; k++)
            ping(witness);
        kill_child(child);
        /* Nobody else is held up meanwhile. */
        for (u32 k = 0; k < 200; k++)
            ping(witness);
        wait_for_clients(&s, transport, 1, 20 * NS_PER_S);
        ping(witness);
    }
    client_close(witness);
    server_stop(&s);
}

/* A registration that VPP handles when nobody waits for it any more: it finds the client dead, though the
 * process lives, and forgets it. */
TEST(a_registration_that_came_too_late)
{
    server_t s;
    start_with_fast_scans(&s);
    vapi_connect_options_t o = client_options(&s, VAPI_TRANSPORT_SHM);
    o.bell_address = "";
    o.timeout_ns = 50 * NS_PER_MS;
    vapi_ctx_t ctx;
    CHECK_EQ(vapi_ctx_alloc(&ctx), VAPI_OK);
    CHECK_EQ(peer_fault_stall(s.peer, UINT64_MAX), 0);
    for (u32 i = 0; i < 3; i++) {
        CHECK_EQ(vapi_connect_options(ctx, &o), VAPI_ECON_FAIL);
        CHECK_EQ(vapi_error_os_errno(ctx), ETIMEDOUT);
    }
    CHECK_EQ(peer_fault_stall(s.peer, 0), 0);
    ping(client(&s, VAPI_TRANSPORT_SHM));
    wait_for_clients(&s, VAPI_TRANSPORT_SHM, 1, 20 * NS_PER_S);
    peer_stats_t stats;
    peer_stats(s.peer, &stats);
    CHECK_EQ(stats.reaped, 3);
    vapi_ctx_free(ctx);
    server_stop(&s);
}

/* Killed at random moments, some of them with a lock held; the peer and the others go on. */
ON_EACH_TRANSPORT_WITHIN(clients_killed_at_random, 60)
{
    server_t s;
    start_with_fast_scans(&s);
    vapi_ctx_t witness = client(&s, transport);
    for (u32 i = 0; i < 20; i++) {
        pid_t child =
            child_client(&s, transport, i % 2 == 0 ? ping_for_ever : send_without_receiving);
        for (u32 k = 0; k < 20 + i * 7; k++)
            ping(witness);
        kill_child(child);
    }
    for (u32 k = 0; k < 1000; k++)
        ping(witness);
    wait_for_clients(&s, transport, 1, 30 * NS_PER_S);
    client_close(witness);
    server_stop(&s);
}

/* Answers that come out of VPP's heap go back to it before new requests bring more of them. */
ON_EACH_TRANSPORT_WITHIN(a_flood_that_nobody_receives_leaves_vpps_heap, 60)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t witness = client(&s, transport), flood = client(&s, transport);
    request_head_t m = request_of(flood, PING, 0);
    for (u32 i = 0; i < 200000; i++) {
        CHECK_OK(flood, vapi_send_bytes(flood, &m, sizeof m, 20 * NS_PER_S));
        if (i % 4096 == 0)
            ping(witness);
    }
    ping(witness);
    peer_stats_t stats;
    peer_stats(s.peer, &stats);
    CHECK_EQ(stats.heap_failures, 0);
    CHECK_EQ(stats.dropped_messages, 0);
    client_close(flood);
    client_close(witness);
    server_stop(&s);
}

static void die_with_vpps_lock(shm_transport_t *t)
{
    if (svm_queue_lock(&t->vpp_queue, DEADLINE_NEVER) == 0)
        kill(getpid(), SIGKILL);
}

static void die_with_own_lock(shm_transport_t *t)
{
    if (svm_queue_lock(&t->own_queue, DEADLINE_NEVER) == 0)
        kill(getpid(), SIGKILL);
}

static void die_within_an_add(shm_transport_t *t)
{
    svm_queue_t *q = &t->vpp_queue;
    if (svm_queue_lock(q, DEADLINE_NEVER) != 0)
        return;
    /* Stored and moved on, not counted: an address that leads nowhere becomes visible. */
    u64 nowhere = 0x1234;
    memcpy(q->shm->data + (size_t)q->shm->tail * 8, &nowhere, 8);
    q->shm->tail = (i32)(((u32)q->shm->tail + 1) % q->maxsize);
    kill(getpid(), SIGKILL);
}

/** A bare transport in a child, that dies as told. */
static pid_t dying_child(const server_t *s, vapi_transport_e kind, void (*die)(shm_transport_t *))
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child != 0)
        return child;
    static vapi_stats_t stats;
    transport_t *t;
    error_rec_t error;
    transport_options_t o = {.name = "doomed",
                             .address = kind == VAPI_TRANSPORT_SHM ? s->prefix : s->socket,
                             .bell_address = "",
                             .queue_size = 64,
                             .keepalive = true,
                             .deadline = deadline_in(10 * NS_PER_S),
                             .stats = &stats};
    CHECK_EQ(kind == VAPI_TRANSPORT_SHM ? transport_classic_connect(&t, &o, &error)
                                        : transport_memfd_connect(&t, &o, &error),
             VAPI_OK);
    die((shm_transport_t *)(void *)t);
    _exit(1);
}

/* Killed with a lock held that the peer and, in the classic region, everybody needs. */
TEST_WITHIN(clients_killed_with_a_lock_held, 60)
{
    static void (*const deaths[])(shm_transport_t *) = {die_with_vpps_lock, die_with_own_lock,
                                                        die_within_an_add};
    for (u32 k = 0; k < 2; k++) {
        vapi_transport_e transport = k == 0 ? VAPI_TRANSPORT_MEMFD : VAPI_TRANSPORT_SHM;
        server_t s;
        start_with_fast_scans(&s);
        vapi_ctx_t witness = client(&s, transport);
        for (u32 i = 0; i < 12; i++) {
            pid_t child = dying_child(&s, transport, deaths[i % 3]);
            for (u32 n = 0; n < 50; n++)
                ping(witness);
            int status;
            CHECK_EQ(waitpid(child, &status, 0), child);
            CHECK(WIFSIGNALED(status));
            for (u32 n = 0; n < 50; n++)
                ping(witness);
        }
        wait_for_clients(&s, transport, 1, 20 * NS_PER_S);
        peer_stats_t stats;
        peer_stats(s.peer, &stats);
        CHECK(transport == VAPI_TRANSPORT_MEMFD || stats.bad_addresses >= 4);
        client_close(witness);
        server_stop(&s);
    }
}

/** The thread of a process that has the lock of the queue which all classic clients share; 0: none. */
static u32 holder_in(const server_t *s, pid_t process)
{
    enum { TID = 0x3fffffff };
    char task[64];
    u32 holder = (u32)load_acquire(&s->peer->classic->shm.input.shm->mutex.__data.__lock) & TID;
    snprintf(task, sizeof task, "/proc/%d/task/%u", process, holder);
    return holder != 0 && access(task, F_OK) == 0 ? holder : 0;
}

/** Stops a child, but not with that lock: there VPP itself, and everybody, would wait for it. */
static void stop_child(const server_t *s, pid_t child)
{
    for (;;) {
        int status;
        CHECK_EQ(kill(child, SIGSTOP), 0);
        CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
        CHECK(WIFSTOPPED(status));
        u32 holder = holder_in(s, child);
        if (holder == 0)
            return;
        CHECK_EQ(kill(child, SIGCONT), 0);
        while (holder_in(s, child) == holder)
            sched_yield();
    }
}

ON_EACH_TRANSPORT_WITHIN(a_stopped_client_costs_only_itself, 60)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t witness = client(&s, transport);
    pid_t child = child_client(&s, transport, send_without_receiving);
    stop_child(&s, child);
    /* Its queue fills up, with it the peer's patience for it; ours does not. */
    shout(&s, 50000);
    u64 start = now_ns();
    u32 pings = 0, shouts = 0;
    while (pings < 200) {
        CHECK_OK(witness, send_ping(witness, pings));
        for (bool answered = false; !answered;) {
            void *msg;
            size_t size;
            CHECK_OK(witness, vapi_recv(witness, &msg, &size, SVM_Q_TIMEDWAIT, 10));
            answered = load_be16(msg) == vapi_find_msg(witness, PING_REPLY);
            shouts += !answered;
            vapi_msg_free(witness, msg);
        }
        pings++;
    }
    CHECK(now_ns() - start < 30 * NS_PER_S);
    while (shouts < 50000) {
        void *msg;
        size_t size;
        CHECK_OK(witness, vapi_recv(witness, &msg, &size, SVM_Q_TIMEDWAIT, 10));
        CHECK_EQ(load_be16(msg), vapi_find_msg(witness, SHOUT));
        vapi_msg_free(witness, msg);
        shouts++;
    }
    kill_child(child);
    client_close(witness);
    server_stop(&s);
}

/* A program that computes: its drain thread keeps the queue empty, and nothing is lost. */
ON_EACH_TRANSPORT_WITHIN(a_program_that_does_not_receive, 60)
{
    enum { EVENTS = 200000 };
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport), witness = client(&s, VAPI_TRANSPORT_SOCKET);
    vapi_ctx_t idle[2] = {ctx, witness};
    /* Over shared memory the drain thread takes them, in portions that VPP's heap holds: beyond it
       VPP would abort, and the peer drops. */
    for (u32 i = 0; i < EVENTS; i += 2000) {
        shout(&s, 2000);
        CHECK_EQ(peer_flush(s.peer, 30 * NS_PER_S), 0);
        while (transport != VAPI_TRANSPORT_SOCKET && stats_of(ctx).received < i + 2000)
            sched_yield();
    }
    peer_stats_t stats;
    peer_stats(s.peer, &stats);
    CHECK_EQ(stats.dropped_clients, 0);
    CHECK_EQ(stats.heap_failures, 0);
    for (u32 k = 0; k < 2; k++)
        for (u32 i = 0; i < EVENTS; i++) {
            void *msg;
            size_t size;
            CHECK_OK(idle[k], vapi_recv(idle[k], &msg, &size, SVM_Q_TIMEDWAIT, 10));
            CHECK_EQ(load_be16(msg), vapi_find_msg(ctx, SHOUT));
            vapi_msg_free(idle[k], msg);
        }
    if (transport != VAPI_TRANSPORT_SOCKET)
        CHECK(stats_of(ctx).backlogged > 0);
    CHECK_EQ(stats_of(ctx).dropped, 0);
    client_close(ctx);
    client_close(witness);
    server_stop(&s);
}

/* Beyond the backlog's bound, events are dropped and counted; the connection lives. */
ON_EACH_TRANSPORT_WITHIN(the_backlog_has_a_bound, 60)
{
    enum { EVENTS = 50000 };
    server_t s;
    server_start(&s);
    vapi_connect_options_t o = client_options(&s, transport);
    o.backlog_bytes = 1000 * 10;
    vapi_ctx_t ctx = client_with(&o);
    for (u32 i = 0; i < EVENTS / 1000; i++)
        shout(&s, 1000);
    CHECK_EQ(peer_flush(s.peer, 30 * NS_PER_S), 0);
    u32 received = 0;
    for (;;) {
        void *msg;
        size_t size;
        vapi_error_e rv = vapi_recv(ctx, &msg, &size, SVM_Q_NOWAIT, 0);
        CHECK(stats_of(ctx).backlog_bytes <= o.backlog_bytes);
        if (rv == VAPI_OK) {
            received++;
            vapi_msg_free(ctx, msg);
        } else {
            CHECK_EQ(rv, VAPI_EAGAIN);
            if (received + stats_of(ctx).dropped == EVENTS)
                break;
        }
    }
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(the_peer_stops_in_the_middle_of_a_call)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    request_head_t m = request_of(ctx, SILENT, 0);
    CHECK_OK(ctx, vapi_send_bytes(ctx, &m, sizeof m, NS_PER_S));
    ping(ctx);
    peer_stop(s.peer);
    void *msg;
    size_t size;
    CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 20), VAPI_ECONNRESET);
    CHECK(vapi_error_text(ctx)[0] != 0);
    vapi_error_e rv = vapi_send_bytes(ctx, &m, sizeof m, NS_PER_S);
    CHECK_EQ(rv, VAPI_ECONNRESET);
    CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_NOWAIT, 0), VAPI_ECONNRESET);
    u64 start = now_ns();
    CHECK_EQ(vapi_disconnect(ctx), VAPI_ENORESP);
    CHECK(now_ns() - start < 5 * NS_PER_S);
    CHECK(!vapi_is_connected(ctx));
    vapi_ctx_free(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(the_peer_restarts)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    ping(ctx);
    CHECK_EQ(peer_restart(s.peer), 0);
    void *msg;
    size_t size;
    CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 20), VAPI_ECONNRESET);
    vapi_disconnect(ctx);
    vapi_connect_options_t o = client_options(&s, transport);
    CHECK_OK(ctx, vapi_connect_options(ctx, &o));
    for (u32 i = 0; i < 100; i++)
        ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

/* The peer in a process of its own, killed in the middle of pings. */
ON_EACH_TRANSPORT_WITHIN(the_peer_is_killed, 60)
{
    server_t s;
    int ready[2];
    char c;
    CHECK_EQ(pipe(ready), 0);
    peer_options_t options = server_options(&s);
    pid_t child = fork();
    if (child == 0) {
        server_start_with(&s, &options);
        CHECK_EQ(write(ready[1], "x", 1), 1);
        for (;;)
            pause();
    }
    CHECK_EQ(read(ready[0], &c, 1), 1);
    vapi_ctx_t ctx = client(&s, transport);
    CHECK_EQ(vapi_get_server_pid(ctx), child);
    for (u32 i = 0; i < 100; i++)
        ping(ctx);
    for (u32 i = 0; i < 50; i++)
        CHECK_OK(ctx, send_ping(ctx, i));
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    u64 start = now_ns();
    vapi_error_e rv;
    void *msg;
    size_t size;
    while ((rv = vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 20)) == VAPI_OK)
        vapi_msg_free(ctx, msg);
    CHECK_EQ(rv, VAPI_ECONNRESET);
    CHECK(now_ns() - start < 15 * NS_PER_S);
    vapi_disconnect(ctx);
    vapi_ctx_free(ctx);
    /* Another one takes its place, files and all. */
    server_start_with(&s, &options);
    ctx = client(&s, transport);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT_WITHIN(a_peer_that_trickles, 60)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    CHECK_EQ(peer_fault_trickle(s.peer, 1), 0);
    for (u32 i = 0; i < 20; i++)
        ping(ctx);
    echo(ctx, 700, 3);
    CHECK_EQ(peer_fault_trickle(s.peer, 0), 0);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

TEST(a_socket_that_closes_within_a_message)
{
    server_t s;
    server_start(&s);
    for (u32 bytes = 1; bytes <= 40; bytes++) {
        vapi_ctx_t ctx = client(&s, VAPI_TRANSPORT_SOCKET);
        CHECK_EQ(peer_fault_close_after(s.peer, bytes), 0);
        /* Two replies have 2 * (16 + 18) bytes. */
        send_ping(ctx, 1);
        send_ping(ctx, 2);
        vapi_error_e rv;
        void *msg;
        size_t size;
        while ((rv = vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10)) == VAPI_OK)
            vapi_msg_free(ctx, msg);
        CHECK_EQ(rv, VAPI_ECONNRESET);
        vapi_disconnect(ctx);
        vapi_ctx_free(ctx);
    }
    server_stop(&s);
}

/* Replies that miss the rings come from the heap and go back to it. */
TEST_WITHIN(replies_from_the_heap_are_returned, 60)
{
    for (u32 k = 0; k < 2; k++) {
        vapi_transport_e transport = k == 0 ? VAPI_TRANSPORT_MEMFD : VAPI_TRANSPORT_SHM;
        server_t s;
        server_start(&s);
        vapi_ctx_t ctx = client(&s, transport);
        peer_stats_t before, after;
        ping(ctx);
        peer_stats(s.peer, &before);
        CHECK_EQ(peer_fault_miss(s.peer, UINT32_MAX), 0);
        for (u32 i = 0; i < 2000; i++)
            ping(ctx);
        for (u32 i = 0; i < 50; i++)
            echo(ctx, 200000, i);
        CHECK_EQ(peer_fault_miss(s.peer, 0), 0);
        CHECK(stats_of(ctx).returned >= 2000);
        deadline_t deadline = deadline_in(10 * NS_PER_S);
        do {
            ping(ctx);
            peer_stats(s.peer, &after);
        } while (after.heap_blocks > before.heap_blocks && !deadline_passed(deadline));
        CHECK(after.heap_replies >= 2000);
        CHECK_EQ(after.heap_blocks, before.heap_blocks);
        CHECK_EQ(after.heap_used_bytes, before.heap_used_bytes);
        client_close(ctx);
        server_stop(&s);
    }
}
