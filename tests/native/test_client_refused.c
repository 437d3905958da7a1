/* SPDX-License-Identifier: Apache-2.0
 *
 * Servers that do not take a client, or are not quite VPP; shared memory that is not what it was.
 */
#include "client_fixture.h"

#include "conn.h"
#include "handshake.h"
#include "sockio.h"
#include "transport_shm.h"

static vapi_error_e refused(const vapi_connect_options_t *o, const char *must_say)
{
    vapi_ctx_t ctx;
    CHECK_EQ(vapi_ctx_alloc(&ctx), VAPI_OK);
    vapi_error_e rv = vapi_connect_options(ctx, o);
    CHECK_HAS(vapi_error_text(ctx), must_say);
    CHECK(!vapi_is_connected(ctx));
    vapi_ctx_free(ctx);
    return rv;
}

/* ---- refused by the peer */

ON_EACH_TRANSPORT(a_server_that_is_full)
{
    server_t s;
    peer_options_t limits = server_options(&s);
    limits.max_clients = 4;
    server_start_with(&s, &limits);
    vapi_ctx_t clients[5] = {0};
    vapi_connect_options_t o = client_options(&s, transport);
    u32 n = 0;
    for (; n < 5; n++) {
        CHECK_EQ(vapi_ctx_alloc(&clients[n]), VAPI_OK);
        if (vapi_connect_options(clients[n], &o) != VAPI_OK)
            break;
    }
    CHECK(n > 0 && n < 5);
    CHECK(vapi_error_text(clients[n])[0] != 0);
    /* Who is in is served. */
    for (u32 i = 0; i < n; i++)
        ping(clients[i]);
    for (u32 i = 0; i <= n; i++)
        vapi_ctx_free(clients[i]);
    /* And there is room again. */
    deadline_t deadline = deadline_in(10 * NS_PER_S);
    vapi_ctx_t ctx;
    CHECK_EQ(vapi_ctx_alloc(&ctx), VAPI_OK);
    while (vapi_connect_options(ctx, &o) != VAPI_OK)
        CHECK(!deadline_passed(deadline));
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

TEST(a_segment_that_is_too_large_for_the_server)
{
    server_t s;
    peer_options_t limits = server_options(&s);
    limits.segment_max_bytes = 1 << 20;
    server_start_with(&s, &limits);
    vapi_connect_options_t o = client_options(&s, VAPI_TRANSPORT_MEMFD);
    CHECK_EQ(refused(&o, "refused a private segment"), VAPI_ECON_FAIL);
    server_stop(&s);
}

ON_EACH_TRANSPORT(more_options_that_are_refused)
{
    server_t s;
    server_start(&s);
    vapi_connect_options_t o = client_options(&s, transport);
    o.grace_ns = 0;
    CHECK_EQ(refused(&o, "grace_ns: 0"), VAPI_EINVAL);
    o.grace_ns = 2 * NS_PER_S;
    CHECK_EQ(refused(&o, "grace_ns: 2000000000"), VAPI_EINVAL);
    o = client_options(&s, transport);
    if (transport == VAPI_TRANSPORT_SHM) {
        char prefix[128];
        o.address = "a/b";
        CHECK_EQ(refused(&o, "'a/b'"), VAPI_EINVAL);
        memset(prefix, 'p', sizeof prefix);
        prefix[127] = 0;
        o.address = prefix;
        CHECK_EQ(refused(&o, "without a slash"), VAPI_EINVAL);
    }
    server_stop(&s);
}

/* VPP would follow any address. */
ON_EACH_TRANSPORT(messages_that_are_not_for_sending)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport), other = client(&s, transport);
    void *own = vapi_msg_alloc(ctx, 10), *received, *foreign = vapi_msg_alloc(other, 10);
    size_t size;
    request_head_t ping_head = request_of(ctx, PING, 5);
    CHECK(own != NULL && foreign != NULL);
    CHECK_OK(ctx, send_ping(ctx, 4));
    CHECK_OK(ctx, vapi_recv(ctx, &received, &size, SVM_Q_TIMEDWAIT, 10));
    CHECK_EQ(vapi_send(ctx, received), VAPI_EINVAL);
    CHECK_HAS(vapi_error_text(ctx), "vapi_msg_alloc()");
    vapi_msg_free(ctx, received);
    if (transport != VAPI_TRANSPORT_SOCKET) {
        u64 elsewhere[8] = {0};
        CHECK_EQ(vapi_send(ctx, &elsewhere[4]), VAPI_EINVAL);
        CHECK_EQ(vapi_send(ctx, foreign), VAPI_EINVAL);
        CHECK_EQ(vapi_send2(ctx, own, foreign), VAPI_EINVAL);
    }
    vapi_msg_free(other, foreign);
    memcpy(own, &ping_head, sizeof ping_head);
    CHECK_OK(ctx, vapi_send(ctx, own));
    CHECK_EQ(receive_ping(ctx), 5);
    client_close(other);
    client_close(ctx);
    server_stop(&s);
}

/* Another thread may have held the lock when the process forked: it is not there to give it back. */
ON_EACH_TRANSPORT(a_child_gives_up_what_its_parent_began)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    request_head_t silent = request_of(ctx, SILENT, 0);
    vapi_call_t *resume = NULL;
    void *reply;
    size_t size;
    vapi_pump_t pump = {.bytes = (const u8 *)&silent,
                        .stride = sizeof silent,
                        .count = 1,
                        .depth = 1,
                        .context_offset = 2};
    CHECK_EQ(vapi_call(ctx, &silent, sizeof silent, 0, 2, &reply, &size, NS_PER_MS, &resume),
             VAPI_EAGAIN);
    CHECK_EQ(vapi_pump(ctx, &pump, NS_PER_MS), VAPI_EAGAIN);
    CHECK(resume != NULL && pump.handle != NULL);
    pthread_mutex_lock(&ctx->receive_lock);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        vapi_call_cancel(ctx, resume);
        vapi_pump_cancel(ctx, &pump);
        CHECK(pump.handle == NULL);
        _exit(0);
    }
    pthread_mutex_unlock(&ctx->receive_lock);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    vapi_call_cancel(ctx, resume);
    vapi_pump_cancel(ctx, &pump);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(messages_of_many_earlier_connections)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx;
    vapi_connect_options_t o = client_options(&s, transport);
    o.large_over_shm = true;
    CHECK_EQ(vapi_ctx_alloc(&ctx), VAPI_OK);
    void *held[8];
    size_t size;
    u32 n = 0;
    for (; n < 8; n++) {
        CHECK_OK(ctx, vapi_connect_options(ctx, &o));
        CHECK_OK(ctx, send_ping(ctx, n));
        CHECK_OK(ctx, vapi_recv(ctx, &held[n], &size, SVM_Q_TIMEDWAIT, 10));
        CHECK_OK(ctx, vapi_disconnect(ctx));
    }
    vapi_error_e rv = vapi_connect_options(ctx, &o);
    if (rv == VAPI_OK) {
        /* Over the socket what is received belongs to no transport. */
        CHECK_EQ(transport, VAPI_TRANSPORT_SOCKET);
    } else {
        CHECK_EQ(rv, VAPI_EINVAL);
        CHECK_HAS(vapi_error_text(ctx), "8 earlier connections are still held");
    }
    for (u32 i = 0; i < n; i++) {
        CHECK_EQ(be32toh(load_raw32((u8 *)held[i] + 2)), i);
        vapi_msg_free(ctx, held[i]);
    }
    if (rv != VAPI_OK)
        CHECK_OK(ctx, vapi_connect_options(ctx, &o));
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(pumps_that_cannot_be)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    request_head_t m = request_of(ctx, PING, 0);
    const vapi_pump_t good = {.bytes = (u8 *)&m,
                              .stride = sizeof m,
                              .count = 1,
                              .depth = 1,
                              .context_offset = 2,
                              .retval_offset = 6};
    vapi_pump_t p;
#define NO_PUMP(change, text)                                                                      \
    do {                                                                                           \
        p = good;                                                                                  \
        change;                                                                                    \
        CHECK_EQ(vapi_pump(ctx, &p, NS_PER_S), VAPI_EINVAL);                                       \
        CHECK_HAS(vapi_error_text(ctx), text);                                                     \
        CHECK_EQ(p.sent, 0);                                                                       \
    } while (0)
    NO_PUMP(p.bytes = NULL, "bytes");
    NO_PUMP(p.depth = 0, "depth 0");
    NO_PUMP(p.context_offset = 1, "context_offset 1");
    NO_PUMP(p.stride = 9, "9 bytes");
    NO_PUMP(p.stride = UINT32_MAX, "4294967295 bytes");
    NO_PUMP(p.count = UINT32_MAX, "too many");
    m.id = htobe16(ID_MEMCLNT_DELETE);
    NO_PUMP(, "memclnt_delete");
    m = request_of(ctx, PING, 0);
    p = good;
    p.count = 0; /* nothing to do is done */
    CHECK_OK(ctx, vapi_pump(ctx, &p, NS_PER_S));
    CHECK_EQ(vapi_pump(NULL, &p, NS_PER_S), VAPI_EINVAL);
    vapi_pump_cancel(ctx, &p);
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}

/* ---- a server of our own that says what it is told to */

typedef struct {
    char dir[64], path[96];
    int listen_fd;
    test_thread_t thread;
    /* what it answers */
    const char *const *names;
    u32 count;
    i32 response;
    /* to sock_init_shm: bytes behind the frame's header; 0: closes */
    const void *segment;
    u32 segment_bytes;
} fake_t;

static void fake_reply(int fd, const void *body, u32 length)
{
    msgbuf_t header;
    sockio_frame_header(&header, length);
    CHECK_EQ(sockio_send_all(fd, &header, sizeof header, deadline_in(5 * NS_PER_S)), 0);
    CHECK_EQ(sockio_send_all(fd, body, length, deadline_in(5 * NS_PER_S)), 0);
}

static bool fake_receive(int fd, u8 *body, u32 room)
{
    msgbuf_t header;
    if (sockio_recv_all(fd, &header, sizeof header, deadline_in(5 * NS_PER_S)) != 0)
        return false;
    u32 length = be32toh(header.data_len);
    CHECK(length <= room);
    return sockio_recv_all(fd, body, length, deadline_in(5 * NS_PER_S)) == 0;
}

static void fake_serve(void *argument)
{
    fake_t *f = argument;
    u8 in[1024];
    int fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    CHECK(fd >= 0);
    while (fake_receive(fd, in, sizeof in)) {
        if (load_be16(in) == ID_SOCKCLNT_CREATE) {
            u8 out[4096];
            msg_sockclnt_create_reply_t r = {.id = htobe16(ID_SOCKCLNT_CREATE_REPLY),
                                             .context = load_raw32(in + 2),
                                             .response = (i32)htobe32((u32)f->response),
                                             .index = htobe32(0x80000007),
                                             .count = htobe16((u16)f->count)};
            u32 at = sizeof r;
            memcpy(out, &r, sizeof r);
            for (u32 i = 0; i < f->count; i++, at += 66) {
                memset(out + at, 0, 66);
                store_be16(out + at, (u16)(20 + i));
                memcpy(out + at + 2, f->names[i], strlen(f->names[i]));
            }
            fake_reply(fd, out, at);
        } else if (load_be16(in) == ID_SOCK_INIT_SHM && f->segment_bytes != 0) {
            fake_reply(fd, f->segment, f->segment_bytes);
        } else {
            break;
        }
    }
    close(fd);
}

static vapi_connect_options_t fake_start(fake_t *f, vapi_transport_e transport)
{
    strcpy(f->dir, "/tmp/test_refused.XXXXXX");
    CHECK(mkdtemp(f->dir) != NULL);
    snprintf(f->path, sizeof f->path, "%s/api.sock", f->dir);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, f->path, strlen(f->path));
    f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(f->listen_fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_EQ(listen(f->listen_fd, 5), 0);
    thread_start(&f->thread, fake_serve, f);
    vapi_connect_options_t o;
    vapi_connect_options_init(&o);
    o.name = "test";
    o.transport = transport;
    o.address = f->path;
    o.timeout_ns = 5 * NS_PER_S;
    return o;
}

static void fake_stop(fake_t *f)
{
    thread_join(&f->thread);
    close(f->listen_fd);
    unlink(f->path);
    CHECK_EQ(rmdir(f->dir), 0);
}

static const char *const some_names[] = {"control_ping_51077d14", "control_ping_reply_f6b0b8ca",
                                         "memclnt_keepalive_51077d14",
                                         "memclnt_keepalive_reply_e8d4e804"};
static const char *const other_names[] = {"control_ping_00000001", "control_ping_reply_f6b0b8ca"};

TEST(a_server_with_another_control_ping)
{
    fake_t f = {.names = other_names, .count = 2};
    vapi_connect_options_t o = fake_start(&f, VAPI_TRANSPORT_SOCKET);
    CHECK_EQ(refused(&o, "no control_ping_51077d14"), VAPI_EINCOMPATIBLE);
    fake_stop(&f);
}

TEST(a_server_that_refuses)
{
    fake_t f = {.names = some_names, .count = 2, .response = -7};
    vapi_connect_options_t o = fake_start(&f, VAPI_TRANSPORT_SOCKET);
    CHECK_EQ(refused(&o, "refused the client 'test' (-7)"), VAPI_ECON_FAIL);
    fake_stop(&f);
}

TEST(a_server_without_keepalives)
{
    fake_t f = {.names = some_names, .count = 2};
    vapi_connect_options_t o = fake_start(&f, VAPI_TRANSPORT_SOCKET);
    vapi_ctx_t ctx = client_with(&o);
    CHECK(vapi_is_connected(ctx));
    CHECK_EQ(vapi_table_count(ctx), 2);
    vapi_disconnect(ctx); /* it does not know how to say goodbye */
    vapi_ctx_free(ctx);
    fake_stop(&f);
}

TEST(servers_that_do_not_hand_a_segment_over)
{
    msg_plain_reply_t no = {.id = htobe16(ID_SOCK_INIT_SHM_REPLY), .retval = (i32)htobe32(-102u)};
    msg_plain_reply_t yes = {.id = htobe16(ID_SOCK_INIT_SHM_REPLY)};
    msg_plain_reply_t other = {.id = htobe16(ID_CONTROL_PING)};
    u8 yes_and_no_descriptor[sizeof yes + 5] = {0};
    memcpy(yes_and_no_descriptor, &yes, sizeof yes);
    const struct {
        const void *bytes;
        u32 size;
        vapi_error_e code;
        const char *text;
    } cases[] = {
        {&no, sizeof no, VAPI_ECON_FAIL, "refused a private segment of 67108864 bytes (-102)"},
        {&other, sizeof other, VAPI_ECON_FAIL, "the answer to sock_init_shm is none"},
        {&yes, sizeof yes - 1, VAPI_ECON_FAIL, "sock_init_shm"},
        {NULL, 0, VAPI_ECONNRESET, "closed by the other side at sock_init_shm"},
    };
    for (u32 i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_t f = {.names = some_names,
                    .count = 4,
                    .segment = cases[i].bytes,
                    .segment_bytes = cases[i].size};
        vapi_connect_options_t o = fake_start(&f, VAPI_TRANSPORT_MEMFD);
        if (cases[i].size == sizeof yes - 1) /* the rest does not come */
            o.timeout_ns = 300 * NS_PER_MS;
        CHECK_EQ(refused(&o, cases[i].text), cases[i].code);
        fake_stop(&f);
    }
}

/* ---- shared memory that is corrupted under a connected client */

static shm_transport_t *memory_of(vapi_ctx_t ctx) { return (shm_transport_t *)ctx->transport; }

static vapi_ctx_t over_memory_alone(const server_t *s, vapi_transport_e transport)
{
    vapi_connect_options_t o = client_options(s, transport);
    o.large_over_shm = true; /* the transport is the shared memory's, with no socket around it */
    o.timeout_ns = NS_PER_S;
    return client_with(&o);
}

static void corrupt(vapi_transport_e transport, bool own)
{
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = over_memory_alone(&s, transport);
    ping(ctx);
    CHECK_EQ(peer_fault_stall(s.peer, UINT64_MAX), 0);
    shm_transport_t *t = memory_of(ctx);
    shm_queue_t *q = own ? t->own_queue.shm : t->vpp_queue.shm;
    i32 head = q->head, length = q->cursize;
    q->head = 0x7fffffff;
    q->tail = 0x7fffffff;
    q->cursize = 3;
    void *msg;
    size_t size;
    vapi_error_e rv = VAPI_OK;
    if (own)
        rv = vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 2);
    else
        for (u32 i = 0; i < 3 && rv == VAPI_OK; i++)
            rv = send_ping(ctx, 1);
    CHECK_EQ(rv, VAPI_ECONNRESET);
    CHECK_HAS(vapi_error_text(ctx), "a queue in shared memory is corrupt");
    CHECK(!vapi_is_connected(ctx));
    q->head = q->tail = head;
    q->cursize = length;
    CHECK_EQ(peer_fault_stall(s.peer, 0), 0);
    CHECK_EQ(vapi_disconnect(ctx), VAPI_ENORESP);
    vapi_ctx_free(ctx);
    server_stop(&s);
}

TEST(an_input_queue_of_nonsense_memfd) { corrupt(VAPI_TRANSPORT_MEMFD, true); }
TEST(an_input_queue_of_nonsense_shm) { corrupt(VAPI_TRANSPORT_SHM, true); }
TEST(a_vpp_queue_of_nonsense_memfd) { corrupt(VAPI_TRANSPORT_MEMFD, false); }
TEST(a_vpp_queue_of_nonsense_shm) { corrupt(VAPI_TRANSPORT_SHM, false); }
