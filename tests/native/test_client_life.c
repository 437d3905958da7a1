/* SPDX-License-Identifier: Apache-2.0
 *
 * Connecting when it cannot work, misuse, and connecting again and again with nothing left behind.
 */
#include "client_fixture.h"

#include <sys/wait.h>

static vapi_error_e try_connect(const vapi_connect_options_t *o, const char *must_say)
{
    vapi_ctx_t ctx;
    u32 fds = open_fds();
    CHECK_EQ(vapi_ctx_alloc(&ctx), VAPI_OK);
    vapi_error_e rv = vapi_connect_options(ctx, o);
    CHECK(rv != VAPI_OK);
    CHECK(!vapi_is_connected(ctx));
    CHECK_HAS(vapi_error_text(ctx), must_say);
    CHECK_EQ(vapi_disconnect(ctx), VAPI_EINVAL);
    vapi_ctx_free(ctx);
    CHECK_EQ(open_fds(), fds);
    return rv;
}

static vapi_connect_options_t options_to(vapi_transport_e transport, const char *address)
{
    vapi_connect_options_t o;
    vapi_connect_options_init(&o);
    o.name = "test";
    o.transport = transport;
    o.address = address;
    o.bell_address = "";
    o.timeout_ns = 200 * NS_PER_MS;
    return o;
}

TEST(nobody_there)
{
    vapi_connect_options_t o = options_to(VAPI_TRANSPORT_SOCKET, "/nonexistent/api.sock");
    CHECK_EQ(try_connect(&o, "/nonexistent/api.sock"), VAPI_ECON_FAIL);
    o.transport = VAPI_TRANSPORT_MEMFD;
    CHECK_EQ(try_connect(&o, "/nonexistent/api.sock"), VAPI_ECON_FAIL);
    o = options_to(VAPI_TRANSPORT_SHM, "no-such-prefix");
    CHECK_EQ(try_connect(&o, "/dev/shm/no-such-prefix-vpe-api"), VAPI_EMAP_FAIL);
    o = options_to(VAPI_TRANSPORT_SOCKET, "/dev/null");
    CHECK_EQ(try_connect(&o, "/dev/null"), VAPI_ENOTSOCK);
}

ON_EACH_TRANSPORT(options_that_are_refused)
{
    server_t s;
    server_start(&s);
    vapi_connect_options_t good = client_options(&s, transport), o;
    char name[65];
    memset(name, 'n', 64);
    name[64] = 0;
#define REFUSED(change, text)                                                                      \
    do {                                                                                           \
        o = good;                                                                                  \
        change;                                                                                    \
        CHECK_EQ(try_connect(&o, text), VAPI_EINVAL);                                              \
    } while (0)
    REFUSED(o.name = NULL, "name");
    REFUSED(o.name = "", "0 bytes");
    REFUSED(o.name = name, "64 bytes");
    REFUSED(o.max_outstanding_requests = 0, "max_outstanding_requests");
    REFUSED(o.max_outstanding_requests = UINT32_MAX, "4294967295");
    REFUSED(o.response_queue_size = 0, "response_queue_size");
    REFUSED(o.response_queue_size = UINT32_MAX, "4294967295");
    REFUSED(o.mode = (vapi_mode_e)7, "7");
    REFUSED(o.transport = (vapi_transport_e)9, "9");
    name[63] = 0;
    o = good;
    o.name = name;
    client_close(client_with(&o));
    server_stop(&s);
}

TEST(misuse)
{
    vapi_ctx_t ctx;
    void *msg;
    size_t size;
    int fd;
    CHECK_EQ(vapi_ctx_alloc(NULL), VAPI_EINVAL);
    vapi_ctx_free(NULL);
    CHECK_EQ(vapi_ctx_alloc(&ctx), VAPI_OK);
    CHECK(!vapi_is_connected(ctx));
    CHECK_EQ(vapi_connect_options(ctx, NULL), VAPI_EINVAL);
    CHECK(vapi_msg_alloc(ctx, 10) == NULL);
    CHECK_EQ(vapi_send(ctx, NULL), VAPI_EINVAL);
    CHECK_EQ(vapi_send2(ctx, NULL, NULL), VAPI_EINVAL);
    CHECK_EQ(vapi_send_bytes(ctx, "abcdefghij", 10, 0), VAPI_EINVAL);
    CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_NOWAIT, 0), VAPI_EINVAL);
    CHECK_HAS(vapi_error_text(ctx), "not connected");
    CHECK_EQ(vapi_wait(ctx), VAPI_EINVAL);
    CHECK_EQ(vapi_dispatch(ctx), VAPI_EINVAL);
    CHECK_EQ(vapi_dispatch_one(ctx), VAPI_EINVAL);
    CHECK_EQ(vapi_get_fd(ctx, &fd), VAPI_EINVAL);
    CHECK_EQ(vapi_disconnect(ctx), VAPI_EINVAL);
    CHECK_EQ(vapi_connect_from_vpp(ctx, "x", 1, 1, VAPI_MODE_BLOCKING, true), VAPI_ENOTSUP);
    CHECK_EQ(vapi_find_msg(ctx, PING), 0xffff);
    vapi_interrupt(ctx);
    vapi_ctx_free(ctx);
}

ON_EACH_TRANSPORT(after_disconnect)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    vapi_connect_options_t o = client_options(&s, transport);
    CHECK_EQ(vapi_connect_options(ctx, &o), VAPI_EINVAL); /* connected already */
    CHECK_HAS(vapi_error_text(ctx), "already");
    ping(ctx);
    CHECK_OK(ctx, vapi_disconnect(ctx));
    CHECK(!vapi_is_connected(ctx));
    CHECK_EQ(vapi_disconnect(ctx), VAPI_EINVAL);
    CHECK(vapi_msg_alloc(ctx, 10) == NULL);
    CHECK_EQ(vapi_send_bytes(ctx, "abcdefghij", 10, 0), VAPI_EINVAL);
    void *msg;
    size_t size;
    CHECK_EQ(vapi_recv(ctx, &msg, &size, SVM_Q_WAIT, 0), VAPI_EINVAL);
    CHECK_OK(ctx, vapi_connect_options(ctx, &o));
    ping(ctx);
    vapi_ctx_free(ctx); /* disconnects by itself */
    server_stop(&s);
}

TEST(the_plain_connect_calls)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx;
    CHECK_EQ(vapi_ctx_alloc(&ctx), VAPI_OK);
    CHECK_OK(ctx, vapi_connect_ex(ctx, "test", s.socket, 16, 32, VAPI_MODE_BLOCKING, true, true));
    CHECK_EQ(vapi_get_transport(ctx), VAPI_TRANSPORT_SOCKET);
    ping(ctx);
    CHECK_OK(ctx, vapi_disconnect(ctx));
    CHECK_OK(ctx, vapi_connect(ctx, "test", s.prefix, 16, 32, VAPI_MODE_NONBLOCKING, true));
    CHECK_EQ(vapi_get_transport(ctx), VAPI_TRANSPORT_SHM);
    CHECK(vapi_is_nonblocking(ctx));
    ping(ctx);
    CHECK_OK(ctx, vapi_disconnect(ctx));
    CHECK_EQ(vapi_connect(ctx, "test", s.prefix, 0, 32, VAPI_MODE_BLOCKING, true), VAPI_EINVAL);
    CHECK_EQ(vapi_connect(ctx, "test", s.prefix, 16, -1, VAPI_MODE_BLOCKING, true), VAPI_EINVAL);
    vapi_ctx_free(ctx);
    server_stop(&s);
}

TEST(several_connections_in_a_process)
{
    enum { EACH = 8 };
    server_t s;
    server_start(&s);
    vapi_ctx_t c[3 * EACH];
    for (u32 i = 0; i < 3 * EACH; i++)
        c[i] = client(&s, (vapi_transport_e)(i % 3));
    for (u32 round = 0; round < 20; round++) {
        for (u32 i = 0; i < 3 * EACH; i++)
            CHECK_OK(c[i], send_ping(c[i], round * 100 + i));
        for (u32 i = 0; i < 3 * EACH; i++)
            CHECK_EQ(receive_ping(c[i]), round * 100 + i);
    }
    for (u32 i = 0; i < 3 * EACH; i++)
        client_close(c[i]);
    server_stop(&s);
}

/** Shared memory that is mapped here, the peer's included. The allocator's own mappings come and go. */
static u32 shared_mappings(void)
{
    u32 n = 0;
    char line[512];
    FILE *f = fopen("/proc/self/maps", "r");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f) != NULL)
        n += strstr(line, "/memfd:") != NULL || strstr(line, "/dev/shm/") != NULL;
    fclose(f);
    return n;
}

static u32 threads_now(void)
{
    char line[256];
    u32 n = 0;
    FILE *f = fopen("/proc/self/status", "r");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "Threads: %u", &n) == 1)
            break;
    fclose(f);
    return n;
}

/** One that was joined counts until the kernel has put it away. */
static void check_threads(u32 expected)
{
    deadline_t patience = deadline_in(10 * NS_PER_S);
    while (threads_now() != expected && !deadline_passed(patience))
        sched_yield();
    CHECK_EQ(threads_now(), expected);
}

static u64 clients_of(server_t *s)
{
    peer_stats_t stats;
    peer_stats(s->peer, &stats);
    return stats.clients_socket + stats.clients_memfd + stats.clients_classic;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ROUNDS 200u
#else
#define ROUNDS 1000u
#endif

/* Descriptors, mappings, threads, pages of the root region (which would run out after some hundred)
   and the peer's clients are as many after a thousand connections as after the first few. */
ON_EACH_TRANSPORT_WITHIN(connecting_a_thousand_times, 120)
{
    server_t s;
    server_start(&s);
    u32 fds = 0, threads = threads_now(), maps = 0;
    vapi_ctx_t ctx;
    CHECK_EQ(vapi_ctx_alloc(&ctx), VAPI_OK);
    vapi_connect_options_t o = client_options(&s, transport);
    for (u32 i = 0; i < ROUNDS; i++) {
        CHECK_OK(ctx, vapi_connect_options(ctx, &o));
        ping(ctx);
        CHECK_OK(ctx, vapi_disconnect(ctx));
        if (i == 20) {
            deadline_t patience = deadline_in(10 * NS_PER_S);
            while (clients_of(&s) != 0 && !deadline_passed(patience))
                sched_yield();
            fds = open_fds();
            maps = shared_mappings();
        }
    }
    vapi_ctx_free(ctx);
    deadline_t patience = deadline_in(10 * NS_PER_S);
    while ((clients_of(&s) != 0 || open_fds() > fds) && !deadline_passed(patience))
        sched_yield();
    CHECK_EQ(clients_of(&s), 0);
    CHECK_EQ(open_fds(), fds);
    check_threads(threads);
    CHECK_EQ(shared_mappings(), maps);
    server_stop(&s);
}

/* Connections that fail half way leave nothing either: the peer is stopped in the middle of them. */
ON_EACH_TRANSPORT_WITHIN(failing_a_hundred_times, 120)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx;
    CHECK_EQ(vapi_ctx_alloc(&ctx), VAPI_OK);
    vapi_connect_options_t o = client_options(&s, transport);
    o.timeout_ns = 5 * NS_PER_MS;
    u32 fds = open_fds(), threads = threads_now(), failed = 0;
    for (u32 i = 0; i < 100; i++) {
        CHECK_EQ(peer_fault_stall(s.peer, UINT64_MAX), 0);
        vapi_error_e rv = vapi_connect_options(ctx, &o);
        failed += rv != VAPI_OK;
        CHECK_EQ(peer_fault_stall(s.peer, 0), 0);
        if (rv == VAPI_OK)
            vapi_disconnect(ctx);
    }
    CHECK(failed > 50);
    o.timeout_ns = 10 * NS_PER_S;
    CHECK_OK(ctx, vapi_connect_options(ctx, &o));
    ping(ctx);
    CHECK_OK(ctx, vapi_disconnect(ctx));
    vapi_ctx_free(ctx);
    check_threads(threads);
    deadline_t patience = deadline_in(10 * NS_PER_S);
    while (open_fds() > fds && !deadline_passed(patience))
        sched_yield();
    CHECK_EQ(open_fds(), fds);
    server_stop(&s);
}
