/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients that break the rules: each costs only itself, and the peer answers the next one.
 */
#include <sys/socket.h>

#include "peer_fixture.h"

static void raw(int fd, const void *bytes, size_t length)
{
    CHECK_EQ(sockio_send_all(fd, bytes, length, deadline_in(WAIT_NS)), 0);
}

TEST(malformed_frames_are_dropped_and_the_connection_survives)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = socket_client(f.path);
    u8 frame[64] = {0};
    raw(c->fd, frame, 16); /* data_len 0 */
    frame[11] = 1;
    raw(c->fd, frame, 17); /* data_len 1 */
    ping(c, 1);
    const u8 unknown[10] = {0xff, 0xf0};
    frame_send(c->fd, unknown, sizeof unknown);
    const u8 too_short[6] = {0, 23};
    frame_send(c->fd, too_short, sizeof too_short);
    u8 reply[14] = {0};
    store_be16(reply, id_of(c, "create_loopback_reply_5383d31f"));
    frame_send(c->fd, reply, sizeof reply);
    ping(c, 2);
    /* Garbage where VPP does not look, and a body that is longer than needed. */
    u8 odd[16 + 300];
    memset(odd, 0xa5, sizeof odd);
    store_be32(odd + 8, 300);
    store_be16(odd + 16, 23);
    store_raw32(odd + 18, c->index);
    store_raw32(odd + 22, 3);
    raw(c->fd, odd, sizeof odd);
    CHECK_EQ(expect_retval(c, "control_ping_reply_f6b0b8ca", 3), 0);
    /* Clients that are not there, and one that is another's: silence. */
    const u32 indexes[] = {0xffffffffu, 0, htobe32(5), htobe32(0x80000001u)};
    client_t *other = socket_client(f.path);
    for (u32 i = 0; i < 4; i++) {
        peer_request_header_t h = {htobe16(23), indexes[i], 9};
        frame_send(c->fd, &h, sizeof h);
    }
    ping(c, 4);
    CHECK_EQ(frame_recv(other, 20 * NS_PER_MS), -ETIMEDOUT);
    CHECK_EQ(stats_of(&f).dropped_clients, 0);
    client_drop(other);
    client_drop(c);
    fixture_end(&f);
}

TEST(frames_one_byte_at_a_time)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = socket_client(f.path);
    u8 frame[26] = {0};
    frame[11] = 10;
    store_be16(frame + 16, 23);
    store_raw32(frame + 18, c->index);
    for (u32 round = 0; round < 20; round++) {
        store_raw32(frame + 22, round);
        for (u32 i = 0; i < sizeof frame; i++)
            raw(c->fd, frame + i, 1);
        CHECK_EQ(expect_retval(c, "control_ping_reply_f6b0b8ca", round), 0);
    }
    CHECK_EQ(peer_fault_trickle(f.peer, 1), 0);
    for (u32 round = 0; round < 20; round++)
        ping(c, round);
    client_drop(c);
    fixture_end(&f);
}

TEST(absurd_lengths_close_their_client)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *good = socket_client(f.path);
    const u32 lengths[] = {0xffffffffu, 0xfffffff0u, 0x80000000u, (16u << 20) + 1};
    for (u32 i = 0; i < 4; i++) {
        client_t *c = socket_client(f.path);
        u8 header[16] = {0};
        store_be32(header + 8, lengths[i]);
        raw(c->fd, header, sizeof header);
        CHECK_EQ(frame_recv(c, WAIT_NS), -ECONNRESET);
        client_drop(c);
    }
    /* 16 MB that never come swallow what follows, and harm nobody. */
    client_t *c = socket_client(f.path);
    u8 header[16] = {0};
    store_be32(header + 8, 16u << 20);
    raw(c->fd, header, sizeof header);
    request(c, "control_ping_51077d14", 1, NULL, 0);
    CHECK_EQ(frame_recv(c, 20 * NS_PER_MS), -ETIMEDOUT);
    ping(good, 1);
    client_drop(c);
    client_drop(good);
    fixture_end(&f);
}

TEST(messages_of_the_other_transport_are_ignored)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = socket_client(f.path);
    mp_memclnt_create_t create = {.id = htobe16(25), .context = 1, .input_queue = 0xdeadbeef};
    frame_send(c->fd, &create, sizeof create);
    mp_memclnt_delete_t gone = {.id = htobe16(3), .handle = 0x4141414141414141ull};
    frame_send(c->fd, &gone, sizeof gone);
    u8 rpc[40] = {0, 8};
    frame_send(c->fd, rpc, sizeof rpc);
    ping(c, 1);
    client_drop(c);
    for (peer_transport_e t = PEER_MEMFD; t <= PEER_CLASSIC; t++) {
        c = any_client(&f, t);
        mp_sockclnt_create_t m = {.id = htobe16(15), .context = 5, .name = "shm"};
        shm_send(c, &m, sizeof m);
        mp_sockclnt_delete_t d = {.h = {htobe16(17), c->index, 4}, .index = c->index};
        shm_send(c, &d, sizeof d);
        mp_sock_init_shm_t i = {.h = {htobe16(19), c->index, 4}, .requested_size = 1 << 20};
        shm_send(c, &i, sizeof i);
        ping(c, 2);
        client_close(c);
    }
    fixture_end(&f);
}

TEST(bad_segment_requests_are_refused)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    const config_t good[] = {{0, 0, 4, 256}, {1, 0, 4, 256}, {2, 0, 16, 8}};
    const config_t no_queue[] = {{0, 0, 4, 256}, {1, 0, 4, 256}};
    const config_t two_queues[] = {{0, 0, 4, 256}, {1, 0, 4, 256}, {2, 0, 4, 8}, {2, 0, 4, 8}};
    const config_t only_one_way[] = {{0, 0, 4, 256}, {2, 0, 16, 8}};
    const config_t no_type[] = {{0, 0, 4, 256}, {1, 0, 4, 256}, {2, 0, 16, 8}, {9, 0, 1, 8}};
    const config_t nothing[] = {{0, 0, 0, 256}, {1, 0, 4, 0}, {2, 0, 0, 8}};
    const config_t huge[] = {{0, 0, 65535, 1 << 24}, {1, 0, 4, 256}, {2, 0, 16, 8}};
    const struct {
        const config_t *configs;
        u32 count, size;
        bool closes;
    } cases[] = {
        {good, 3, 0, false},
        {good, 3, 4096, true},
        {good, 3, (1 << 20) + 7, true},
        {good, 3, 0xffffffffu, false},
        {no_queue, 2, 1 << 20, true},
        {two_queues, 4, 1 << 20, true},
        {only_one_way, 2, 1 << 20, true},
        {no_type, 4, 1 << 20, true},
        {nothing, 3, 1 << 20, true},
        {huge, 3, 1 << 20, true},
    };
    for (u32 i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        client_t *c = socket_client(f.path);
        int fd;
        i32 retval = request_segment(c, cases[i].size, cases[i].configs, cases[i].count, &fd);
        CHECK(retval <= -100 && retval >= -105);
        if (cases[i].closes)
            CHECK_EQ(frame_recv(c, WAIT_NS), -ECONNRESET);
        else
            ping(c, i);
        client_drop(c);
    }
    client_t *c = socket_client(f.path);
    int fd;
    CHECK_EQ(request_segment(c, 1 << 20, good, 3, &fd), 0);
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && st.st_size == 1 << 20);
    CHECK(ftruncate(fd, 4096) != 0); /* or the peer would die of it */
    close(fd);
    ping(c, 5);
    client_drop(c);
    fixture_end(&f);
}

/** Whatever lies in the queue or the message, the peer goes on and others are served. */
static void poke(peer_transport_e transport)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *good = any_client(&f, transport);
    client_t *bad = any_client(&f, transport);
    /* Of the classic pair the root region, which holds the other. */
    const region_t *r = bad->own;
    const u64 addresses[] = {0,
                             1,
                             15,
                             UINT64_MAX,
                             UINT64_MAX - 15,
                             r->va - 1,
                             r->va,
                             r->va + 15,
                             r->va + r->size,
                             r->va + r->size - 1,
                             0xdeadbeef,
                             r->va + r->size + 4096};
    for (u32 i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        CHECK_EQ(shm_try_send_va(bad, addresses[i], WAIT_NS), 0);
    const u32 lengths[] = {0, 1, 2, 9, 0x7fffffff, 0xffffffff, 0xfffffff0, 60u << 20};
    for (u32 i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        msgbuf_t *m = arena_alloc(bad);
        memset(m->data, 0xff, 64);
        m->data_len = htobe32(lengths[i]);
        m->gc_mark = 0;
        m->q = 1;
        u64 va = region_va(bad->own, m->data);
        CHECK_EQ(shm_try_send_va(bad, va, WAIT_NS), 0);
    }
    /* A block that was never allocated comes back to be freed. */
    msgbuf_t *m = arena_alloc(bad);
    store_be16(m->data, 22);
    store_raw32(m->data + 2, bad->index);
    m->data_len = htobe32(6);
    m->q = 0;
    u64 va = region_va(bad->own, m->data);
    CHECK_EQ(shm_try_send_va(bad, va, WAIT_NS), 0);
    m->q = 1;
    /* Registrations that point anywhere. */
    for (u32 i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        mp_memclnt_create_t create = {
            .id = htobe16(25), .context = 1, .input_queue = addresses[i], .name = "nonsense"};
        shm_send(bad, &create, sizeof create);
    }
    ping(good, 1);
    ping(bad, 2);
    CHECK(stats_of(&f).bad_addresses >= 12);
    /* Its own queue's counters: it loses its connection, if anybody does. */
    store_relaxed(&bad->queue.shm->head, 77777);
    store_relaxed(&bad->queue.shm->cursize, -5);
    request(bad, "control_ping_51077d14", 3, NULL, 0);
    WAIT_FOR_STAT(&f, dropped_clients, 1);
    ping(good, 4);
    client_drop(bad);
    client_close(good);
    fixture_end(&f);
}

TEST(nonsense_in_a_memfd_segment) { poke(PEER_MEMFD); }
TEST(nonsense_in_the_classic_segment) { poke(PEER_CLASSIC); }

TEST(nonsense_in_the_servers_own_queue)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *bad = memfd_client(f.path);
    client_t *good = memfd_client(f.path);
    store_relaxed(&bad->server.shm->head, 0x7fffffff);
    store_relaxed(&bad->server.shm->cursize, 3);
    CHECK_EQ(frame_recv(bad, WAIT_NS), -ECONNRESET);
    ping(good, 1);
    client_drop(bad);
    client_close(good);
    /* Of everybody's queue what was in it is lost, and it works again. */
    client_t *c = classic_client(f.prefix);
    store_relaxed(&c->server.shm->head, 0x7fffffff);
    store_release(&c->server.shm->cursize, 3);
    WAIT_FOR_STAT(&f, locks_recovered, 1);
    ping(c, 2);
    client_close(c);
    fixture_end(&f);
}

static void die_with_a_lock(fixture_t *f, peer_transport_e transport)
{
    pid_t pid = fork();
    if (pid == 0) {
        client_t *c = any_client(f, transport);
        svm_queue_lock(&c->server, DEADLINE_NEVER);
        store_relaxed(&c->server.shm->tail,
                      (load_relaxed(&c->server.shm->tail) + 1) % (i32)c->server.maxsize);
        kill(getpid(), SIGKILL);
    }
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(a_client_dies_with_the_lock_of_the_input_queue)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    die_with_a_lock(&f, PEER_CLASSIC);
    die_with_a_lock(&f, PEER_MEMFD);
    client_t *c = classic_client(f.prefix);
    for (u32 i = 0; i < 100; i++)
        ping(c, i);
    client_close(c);
    fixture_end(&f);
}

TEST(a_lock_that_is_held_stops_nobody_else)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *holder = memfd_client(f.path), *good = classic_client(f.prefix);
    CHECK_EQ(svm_queue_lock(&holder->server, DEADLINE_NEVER), 0);
    CHECK_EQ(svm_queue_lock(&holder->queue, DEADLINE_NEVER), 0);
    for (u32 i = 0; i < 100; i++)
        ping(good, i);
    svm_queue_unlock(&holder->queue);
    svm_queue_unlock(&holder->server);
    ping(holder, 1);
    client_close(holder);
    client_close(good);
    fixture_end(&f);
}

TEST(clients_that_vanish_leave_nothing)
{
    fixture_t f;
    fixture_init(&f);
    f.options.keepalive_ns = 50 * NS_PER_MS;
    fixture_start(&f);
    pid_t pids[9];
    for (u32 i = 0; i < 9; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            client_t *c = any_client(&f, (peer_transport_e)(i % 3));
            ping(c, 1);
            kill(getpid(), SIGKILL);
        }
        CHECK_EQ(waitpid(pids[i], NULL, 0), pids[i]);
    }
    WAIT_FOR_STAT(&f, reaped, 6);
    CHECK(stats_of(&f).keepalives_sent >= 12);
    deadline_t until = deadline_in(WAIT_NS);
    while (peer_clients(f.peer, NULL, 0) != 0)
        CHECK(!deadline_passed(until));
    CHECK_EQ(stats_of(&f).heap_blocks, 1);
    fixture_end(&f);
}

TEST(a_silent_client_that_lives_is_kept)
{
    fixture_t f;
    fixture_init(&f);
    f.options.keepalive_ns = 20 * NS_PER_MS;
    fixture_start(&f);
    client_t *c = classic_client(f.prefix);
    WAIT_FOR_STAT(&f, keepalives_sent, 6);
    CHECK_EQ(stats_of(&f).reaped, 0);
    CHECK_EQ(shm_recv(c, WAIT_NS), 0);
    CHECK_EQ(load_be16(c->body), 21);
    CHECK_EQ(load_raw32(c->body + 2), c->index);
    while (shm_recv(c, NS_PER_MS) == 0)
        ;
    ping(c, 1);
    client_close(c);
    fixture_end(&f);
}
