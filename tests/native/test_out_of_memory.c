/* SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation fails once: the call that meets it says so, and nothing is left behind. The program
 * is linked with malloc and its kin wrapped (see the Makefile).
 */
#include "client_fixture.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

/* Of this thread: the peer's goes on as usual. 0: none fails. */
static _Thread_local u32 fails_in;

static bool fails(void) { return fails_in != 0 && --fails_in == 0; }

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t n, size_t size) { return fails() ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *p, size_t size) { return fails() ? NULL : __real_realloc(p, size); }

/** Whether the n-th allocation since was reached; ends the failing. */
static bool has_failed(void)
{
    bool reached = fails_in == 0;
    fails_in = 0;
    return reached;
}

/** The peer is in this process, and closes its side a little later. */
static void check_fds(u32 expected)
{
    deadline_t deadline = deadline_in(10 * NS_PER_S);
    while (open_fds() != expected && !deadline_passed(deadline))
        sched_yield();
    CHECK_EQ(open_fds(), expected);
}

ON_EACH_TRANSPORT_WITHIN(connecting, 60)
{
    server_t s;
    server_start(&s);
    vapi_connect_options_t o = client_options(&s, transport);
    u32 fds = open_fds(), failures = 0;
    for (u32 n = 1;; n++) {
        vapi_ctx_t ctx = NULL;
        fails_in = n;
        vapi_error_e rv = vapi_ctx_alloc(&ctx);
        if (rv == VAPI_OK)
            rv = vapi_connect_options(ctx, &o);
        bool reached = has_failed();
        if (rv != VAPI_OK) {
            CHECK(reached);
            CHECK_EQ(rv, VAPI_ENOMEM);
            CHECK_HAS(vapi_error_text(ctx), "memory");
            CHECK(ctx == NULL || !vapi_is_connected(ctx));
            failures++;
        } else {
            /* Nothing failed, or something that can be done without. */
            ping(ctx);
            CHECK_OK(ctx, vapi_disconnect(ctx));
        }
        vapi_ctx_free(ctx);
        check_fds(fds);
        if (!reached)
            break;
    }
    CHECK(failures > 5);
    server_stop(&s);
}

ON_EACH_TRANSPORT(a_call_that_goes_on_later)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    request_head_t m = request_of(ctx, SILENT, 0);
    vapi_call_t *resume = NULL;
    void *reply;
    size_t size;
    bool gave_up = false;
    for (u32 n = 1; !gave_up && n < 10; n++) {
        fails_in = n;
        vapi_error_e rv =
            vapi_call(ctx, &m, sizeof m, 0, 2, &reply, &size, 20 * NS_PER_MS, &resume);
        has_failed();
        CHECK(rv == VAPI_EAGAIN || rv == VAPI_ENOMEM);
        /* With no memory to remember it in, its answer is dropped when it comes. */
        gave_up = resume == NULL;
        vapi_call_cancel(ctx, resume);
        resume = NULL;
    }
    CHECK(gave_up);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(sending_and_receiving)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    for (u32 n = 1; n < 20; n++) {
        fails_in = n;
        vapi_error_e sent = send_ping(ctx, n);
        has_failed();
        CHECK(sent == VAPI_OK || sent == VAPI_EAGAIN || sent == VAPI_ENOMEM);
        if (sent != VAPI_OK)
            continue;
        void *msg;
        size_t size;
        vapi_error_e rv;
        fails_in = 1;
        rv = vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10);
        has_failed();
        CHECK(rv == VAPI_OK || rv == VAPI_ENOMEM);
        if (rv == VAPI_OK)
            vapi_msg_free(ctx, msg);
    }
    /* Whatever was lost, the connection works; answers that were not received come first. */
    CHECK_OK(ctx, send_ping(ctx, 1000));
    while (receive_ping(ctx) != 1000)
        ;
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(pumping)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    request_head_t m = request_of(ctx, PING, 0);
    vapi_pump_t pump = {.bytes = (u8 *)&m,
                        .stride = 0,
                        .sizes = NULL,
                        .count = 1,
                        .depth = 1,
                        .context_offset = 2,
                        .retval_offset = 6};
    pump.stride = sizeof m;
    fails_in = 1;
    CHECK_EQ(vapi_pump(ctx, &pump, NS_PER_S), VAPI_ENOMEM);
    has_failed();
    CHECK_EQ(pump.sent, 0);
    CHECK_OK(ctx, vapi_pump(ctx, &pump, 10 * NS_PER_S));
    CHECK_EQ(pump.received, 1);
    client_close(ctx);
    server_stop(&s);
}

TEST_WITHIN(a_peer, 60)
{
    u32 fds = open_fds(), failures = 0;
    for (u32 n = 1;; n++) {
        server_t s;
        peer_options_t o = server_options(&s);
        fails_in = n;
        peer_t *peer = peer_alloc(&o);
        int rv = peer == NULL ? -ENOMEM : peer_add_builtin(peer);
        if (rv >= 0)
            rv = peer_start(peer);
        bool reached = has_failed();
        if (rv < 0) {
            CHECK(reached);
            CHECK_EQ(rv, -ENOMEM);
            CHECK(peer == NULL || peer_error(peer)[0] != 0);
            failures++;
        }
        peer_free(peer);
        rmdir(s.dir);
        CHECK_EQ(access(s.dir, F_OK), -1);
        CHECK_EQ(open_fds(), fds);
        if (!reached)
            break;
    }
    CHECK(failures > 20);
}
