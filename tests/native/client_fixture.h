/* SPDX-License-Identifier: Apache-2.0
 *
 * A peer in this process and clients of it, over each of the three transports. ON_EACH_TRANSPORT()
 * makes three tests of one function.
 */
#ifndef CLIENT_FIXTURE_H
/* A queue's lock is held for the copy of a few addresses, but its holder may lose the core just then, on
 * a busy machine or under a sanitizer: what the peer waits for the lock is counted, too. A full queue
 * would hold it up for the seconds that these tests do not receive. */
#define PREEMPTED_NS (100 * NS_PER_MS)

#define CLIENT_FIXTURE_H

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <vapi/batch.h>
#include <vapi/vapi_internal.h>

#include "byteorder.h"
#include "deadline.h"
#include "peer.h"
#include "threads_fixture.h"

#define ON_EACH_TRANSPORT_WITHIN(name, seconds)                                                    \
    static void name##_over(vapi_transport_e transport);                                           \
    TEST_WITHIN(name##_socket, seconds) { name##_over(VAPI_TRANSPORT_SOCKET); }                    \
    TEST_WITHIN(name##_memfd, seconds) { name##_over(VAPI_TRANSPORT_MEMFD); }                      \
    TEST_WITHIN(name##_shm, seconds) { name##_over(VAPI_TRANSPORT_SHM); }                          \
    static void name##_over(vapi_transport_e transport)
#define ON_EACH_TRANSPORT(name) ON_EACH_TRANSPORT_WITHIN(name, 30)

#define PING "control_ping_51077d14"
#define PING_REPLY "control_ping_reply_f6b0b8ca"
#define VERSION "show_version_51077d14"
#define VERSION_REPLY "show_version_reply_c919bde1"
/* Messages of these tests: echo answers with the bytes it got, silent not at all, shout is an event. */
#define ECHO "test_echo_00000001"
#define ECHO_REPLY "test_echo_reply_00000002"
#define SILENT "test_silent_00000003"
#define SHOUT "test_shout_00000004"

typedef struct __attribute__((packed)) {
    u16 id;
    u32 client_index;
    u32 context;
    u32 count;
    u8 bytes[];
} echo_t;

typedef struct __attribute__((packed)) {
    u16 id;
    u32 context;
    i32 retval;
    u32 count;
    u8 bytes[];
} echo_reply_t;

typedef struct {
    peer_t *peer;
    char dir[64];
    char socket[96];
    char prefix[64];
    test_thread_t handler;
    u32 echo, echo_reply, silent, shout;
    u32 hold; /* the handler answers nothing while it is 1 */
} server_t;

__attribute__((unused)) static void answer_request(server_t *s, const peer_request_t *r)
{
    if (r->msg_id == s->echo) {
        const echo_t *m = (const void *)r->bytes;
        u32 count = be32toh(m->count);
        echo_reply_t *reply = malloc(sizeof *reply + count);
        reply->id = htobe16((u16)s->echo_reply);
        reply->context = m->context;
        reply->retval = 0;
        reply->count = m->count;
        memcpy(reply->bytes, m->bytes, count);
        CHECK_EQ(peer_send(s->peer, r->client_id, (u8 *)reply, (u32)sizeof *reply + count, 1), 0);
        free(reply);
    }
    peer_done(s->peer, r->token);
}

__attribute__((unused)) static void answer_all(void *argument)
{
    server_t *s = argument;
    peer_request_t requests[32];
    for (;;) {
        int n = peer_poll(s->peer, requests, 32, 100 * NS_PER_MS);
        if (n == -ETIMEDOUT || n == -EINTR)
            continue;
        if (n <= 0)
            return;
        while (load_acquire(&s->hold) != 0 && peer_is_running(s->peer))
            sched_yield();
        for (int i = 0; i < n; i++)
            answer_request(s, &requests[i]);
        peer_release(requests, (u32)n);
    }
}

__attribute__((unused)) static peer_options_t server_options(server_t *s)
{
    memset(s, 0, sizeof *s);
    snprintf(s->dir, sizeof s->dir, "/tmp/test_client.XXXXXX");
    CHECK(mkdtemp(s->dir) != NULL);
    snprintf(s->socket, sizeof s->socket, "%s/api.sock", s->dir);
    snprintf(s->prefix, sizeof s->prefix, "vapi-test-%d", (int)getpid());
    peer_options_t o;
    peer_options_init(&o);
    o.socket_path = s->socket;
    o.shm_prefix = s->prefix;
    return o;
}

__attribute__((unused)) static void server_start_with(server_t *s, const peer_options_t *o)
{
    s->peer = peer_alloc(o);
    CHECK(s->peer != NULL);
    CHECK(peer_add_builtin(s->peer) >= 0);
    peer_message_t echo = {.name_crc = ECHO,
                           .fixed_bytes = 14,
                           .tail_kind = PEER_TAIL_COUNTED,
                           .tail_count_offset = 10,
                           .tail_count_width = 4,
                           .tail_element_bytes = 1,
                           .context_offset = 6};
    peer_message_t echo_reply = {.name_crc = ECHO_REPLY,
                                 .fixed_bytes = 14,
                                 .tail_kind = PEER_TAIL_COUNTED,
                                 .tail_count_offset = 10,
                                 .tail_count_width = 4,
                                 .tail_element_bytes = 1};
    peer_message_t silent = {.name_crc = SILENT, .fixed_bytes = 10, .context_offset = 6};
    peer_message_t shout = {.name_crc = SHOUT, .fixed_bytes = 10};
    s->echo = (u32)peer_add_message(s->peer, &echo);
    s->echo_reply = (u32)peer_add_message(s->peer, &echo_reply);
    s->silent = (u32)peer_add_message(s->peer, &silent);
    s->shout = (u32)peer_add_message(s->peer, &shout);
    CHECK(s->echo < 65535 && s->echo_reply < 65535 && s->silent < 65535 && s->shout < 65535);
    CHECK_EQ(peer_set_handled(s->peer, s->echo, 1), 0);
    CHECK_EQ(peer_set_handled(s->peer, s->silent, 1), 0);
    if (peer_start(s->peer) != 0)
        check_fail(__FILE__, __LINE__, peer_error(s->peer));
    thread_start(&s->handler, answer_all, s);
}

__attribute__((unused)) static void server_start(server_t *s)
{
    peer_options_t o = server_options(s);
    server_start_with(s, &o);
}

__attribute__((unused)) static void server_stop(server_t *s)
{
    peer_stop(s->peer);
    thread_join(&s->handler);
    peer_free(s->peer);
    rmdir(s->dir);
    char path[128];
    snprintf(path, sizeof path, "/dev/shm/%s-vpe-api", s->prefix);
    CHECK_EQ(access(path, F_OK), -1);
    snprintf(path, sizeof path, "/dev/shm/%s-global_vm", s->prefix);
    CHECK_EQ(access(path, F_OK), -1);
    CHECK_EQ(access(s->socket, F_OK), -1);
    CHECK_EQ(access(s->dir, F_OK), -1);
}

__attribute__((unused)) static vapi_connect_options_t client_options(const server_t *s,
                                                                     vapi_transport_e transport)
{
    vapi_connect_options_t o;
    vapi_connect_options_init(&o);
    o.name = "test";
    o.transport = transport;
    o.address = transport == VAPI_TRANSPORT_SHM ? s->prefix : s->socket;
    o.bell_address = s->socket;
    return o;
}

#define CHECK_OK(ctx, call)                                                                        \
    do {                                                                                           \
        vapi_error_e rv_ = (call);                                                                 \
        if (rv_ != VAPI_OK) {                                                                      \
            char what_[600];                                                                       \
            snprintf(what_, sizeof what_, "%s: %s: %s", #call, vapi_error_name(rv_),               \
                     vapi_error_text(ctx));                                                        \
            check_fail(__FILE__, __LINE__, what_);                                                 \
        }                                                                                          \
    } while (0)

__attribute__((unused)) static vapi_ctx_t client_with(const vapi_connect_options_t *o)
{
    vapi_ctx_t ctx;
    CHECK_EQ(vapi_ctx_alloc(&ctx), VAPI_OK);
    CHECK_OK(ctx, vapi_connect_options(ctx, o));
    return ctx;
}

__attribute__((unused)) static vapi_ctx_t client(const server_t *s, vapi_transport_e transport)
{
    vapi_connect_options_t o = client_options(s, transport);
    return client_with(&o);
}

__attribute__((unused)) static void client_close(vapi_ctx_t ctx)
{
    CHECK_OK(ctx, vapi_disconnect(ctx));
    vapi_ctx_free(ctx);
}

/** The request header: number, client_index, context. */
typedef struct __attribute__((packed)) {
    u16 id;
    u32 client_index;
    u32 context;
} request_head_t;

typedef struct __attribute__((packed)) {
    u16 id;
    u32 context;
    i32 retval;
} reply_head_t;

__attribute__((unused)) static request_head_t request_of(vapi_ctx_t ctx, const char *name,
                                                         u32 context)
{
    u16 id = vapi_find_msg(ctx, name);
    CHECK(id != 0xffff);
    return (request_head_t){htobe16(id), vapi_client_index_raw(ctx), htobe32(context)};
}

/** Sends a ping from an allocated message, with this context (in host order). */
__attribute__((unused)) static vapi_error_e send_ping(vapi_ctx_t ctx, u32 context)
{
    request_head_t *m = vapi_msg_alloc(ctx, sizeof *m);
    if (m == NULL)
        return VAPI_EAGAIN;
    *m = request_of(ctx, PING, context);
    vapi_error_e rv = vapi_send(ctx, m);
    if (rv != VAPI_OK)
        vapi_msg_free(ctx, m);
    return rv;
}

/** Receives the reply to a ping and returns its context; anything else fails. */
__attribute__((unused)) static u32 receive_ping(vapi_ctx_t ctx)
{
    void *msg;
    size_t size;
    CHECK_OK(ctx, vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10));
    reply_head_t r;
    CHECK(size >= sizeof r);
    memcpy(&r, msg, sizeof r);
    CHECK_EQ(be16toh(r.id), vapi_find_msg(ctx, PING_REPLY));
    CHECK_EQ(r.retval, 0);
    vapi_msg_free(ctx, msg);
    return be32toh(r.context);
}

/** One ping there and back. */
__attribute__((unused)) static void ping(vapi_ctx_t ctx)
{
    CHECK_OK(ctx, send_ping(ctx, 77));
    CHECK_EQ(receive_ping(ctx), 77);
}

/** vapi_call() until it is done, whatever interrupts it. */
__attribute__((unused)) static vapi_error_e call(vapi_ctx_t ctx, const void *bytes, size_t size,
                                                 void **reply, size_t *reply_size)
{
    vapi_call_t *resume = NULL;
    deadline_t deadline = deadline_in(15 * NS_PER_S);
    vapi_error_e rv;
    while ((rv = vapi_call(ctx, bytes, size, 0, 2, reply, reply_size, deadline_left_ns(deadline),
                           &resume)) == VAPI_EAGAIN &&
           !deadline_passed(deadline))
        ;
    vapi_call_cancel(ctx, resume);
    return rv;
}

/** Sends `count` bytes there and back; the bytes follow from `seed`. */
__attribute__((unused)) static void echo(vapi_ctx_t ctx, u32 count, u32 seed)
{
    echo_t *m = calloc(1, sizeof *m + count);
    m->id = htobe16(vapi_find_msg(ctx, ECHO));
    m->count = htobe32(count);
    for (u32 i = 0; i < count; i++)
        m->bytes[i] = (u8)(i * 7 + (i >> 8) + seed);
    void *reply;
    size_t size;
    CHECK_OK(ctx, call(ctx, m, sizeof *m + count, &reply, &size));
    const echo_reply_t *r = reply;
    CHECK_EQ(be16toh(r->id), vapi_find_msg(ctx, ECHO_REPLY));
    CHECK_EQ(size, sizeof *r + count);
    CHECK_EQ(be32toh(r->count), count);
    CHECK_MEM(r->bytes, m->bytes, count);
    vapi_msg_free(ctx, reply);
    free(m);
}

/** Sends an event of 10 bytes, `count` times, to everyone. */
__attribute__((unused)) static void shout(server_t *s, u32 count)
{
    u8 event[10] = {0};
    store_be16(event, (u16)s->shout);
    CHECK_EQ(peer_send(s->peer, PEER_ALL_CLIENTS, event, sizeof event, count), 0);
}

__attribute__((unused)) static u32 open_fds(void)
{
    u32 n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

__attribute__((unused)) static vapi_stats_t stats_of(vapi_ctx_t ctx)
{
    vapi_stats_t stats;
    vapi_get_stats(ctx, &stats);
    return stats;
}

#endif
