/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining, talking and leaving, on every transport.
 */
#include "peer_fixture.h"

static void talk(client_t *c)
{
    for (u32 i = 0; i < 5000; i++)
        ping(c, i);
    request(c, "show_version_51077d14", 7, NULL, 0);
    const mp_show_version_reply_t *v = expect(c, "show_version_reply_c919bde1", 7);
    CHECK_EQ(c->length, sizeof *v);
    CHECK_STR(v->program, "vpe");
    const char module[64] = "memclnt_b197c551";
    request(c, "get_first_msg_id_ebf79a66", 8, module, sizeof module);
    const mp_get_first_msg_id_reply_t *r = expect(c, "get_first_msg_id_reply_7d337472", 8);
    CHECK_EQ(r->h.retval, 0);
    CHECK_EQ(be16toh(r->first_msg_id), 1);
}

static void pipeline(client_t *c, u32 depth, u32 rounds)
{
    u32 sent = 0, received = 0;
    while (received < depth * rounds) {
        while (sent - received < depth && sent < depth * rounds)
            request(c, "control_ping_51077d14", sent++, NULL, 0);
        CHECK_EQ(expect_retval(c, "control_ping_reply_f6b0b8ca", received), 0);
        received++;
    }
}

static void whole_life(peer_transport_e transport)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    for (u32 i = 0; i < 3; i++) {
        client_t *c = any_client(&f, transport);
        talk(c);
        pipeline(c, 128, 100);
        client_close(c);
    }
    peer_stats_t s = stats_of(&f);
    CHECK_EQ(s.dropped_messages, 0);
    CHECK_EQ(s.dropped_clients, 0);
    CHECK_EQ(s.bad_addresses, 0);
    CHECK_EQ(s.heap_failures, 0);
    fixture_end(&f);
}

TEST(socket_life) { whole_life(PEER_SOCKET); }
TEST(memfd_life) { whole_life(PEER_MEMFD); }
TEST(classic_life) { whole_life(PEER_CLASSIC); }

TEST(files_have_their_modes_and_sizes)
{
    fixture_t f;
    struct stat st;
    char path[128];
    fixture_init(&f);
    /* What a dead peer left is replaced. */
    pid_t dead = fork();
    if (dead == 0) {
        fixture_start(&f);
        _exit(0);
    }
    CHECK_EQ(waitpid(dead, NULL, 0), dead);
    CHECK(stat(f.path, &st) == 0);
    fixture_start(&f);
    CHECK(stat(f.path, &st) == 0 && (st.st_mode & 0777) == 0660);
    snprintf(path, sizeof path, "/dev/shm/%s-vpe-api", f.prefix);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0660);
    CHECK_EQ(st.st_size, f.options.api_bytes + 1);
    snprintf(path, sizeof path, "/dev/shm/%s-global_vm", f.prefix);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0660);
    CHECK_EQ(st.st_size, f.options.root_bytes + 1);
    fixture_end(&f);
    CHECK(stat(path, &st) != 0);
}

TEST(stays_on_the_socket_after_leaving_the_segment)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = memfd_client(f.path);
    ping(c, 1);
    shm_leave(c);
    /* The socket's own index is in the second reply of sockclnt_create: ask again. */
    memset(&c->queue, 0, sizeof c->queue);
    mp_sockclnt_create_t m = {.id = htobe16(15), .context = 5, .name = "again"};
    frame_send(c->fd, &m, sizeof m);
    CHECK_EQ(frame_recv(c, WAIT_NS), 0);
    const mp_sockclnt_create_reply_t *r = (const void *)c->body;
    c->index = r->index;
    ping(c, 2);
    client_drop(c);
    fixture_end(&f);
}

TEST(socket_delete_answers_one_then_eof)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = socket_client(f.path);
    u32 wrong = htobe32(0x80000777u);
    request(c, "sockclnt_delete_8ac76db6", 3, &wrong, 4);
    CHECK_EQ(expect_retval(c, "sockclnt_delete_reply_8f38b1ee", 3), -1);
    request(c, "sockclnt_delete_8ac76db6", 4, &c->index, 4);
    CHECK_EQ(expect_retval(c, "sockclnt_delete_reply_8f38b1ee", 4), 1);
    CHECK_EQ(frame_recv(c, WAIT_NS), -ECONNRESET);
    client_drop(c);
    fixture_end(&f);
}

TEST(many_clients_at_once)
{
    fixture_t f;
    client_t *clients[63];
    fixture_init(&f);
    fixture_start(&f);
    for (u32 i = 0; i < 63; i++)
        clients[i] = any_client(&f, (peer_transport_e)(i % 3));
    for (u32 round = 0; round < 20; round++) {
        for (u32 i = 0; i < 63; i++)
            request(clients[i], "control_ping_51077d14", i * 1000 + round, NULL, 0);
        for (u32 i = 0; i < 63; i++)
            CHECK_EQ(expect_retval(clients[i], "control_ping_reply_f6b0b8ca", i * 1000 + round), 0);
    }
    peer_client_info_t info[128];
    CHECK_EQ(peer_clients(f.peer, info, 128), 63 + 21);
    for (u32 i = 0; i < 63; i++)
        client_close(clients[i]);
    WAIT_FOR_STAT(&f, clients_total, 84);
    deadline_t until = deadline_in(WAIT_NS);
    while (peer_clients(f.peer, info, 0) != 0)
        CHECK(!deadline_passed(until));
    CHECK_EQ(stats_of(&f).heap_blocks, 1); /* the classic segment's message table */
    fixture_end(&f);
}

TEST(heap_replies_return_to_sender)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    char *json = malloc(1500000);
    memset(json, 'x', 1500000);
    CHECK_EQ(peer_set_api_json(f.peer, json, 1500000), 0);
    for (peer_transport_e t = PEER_MEMFD; t <= PEER_CLASSIC; t++) {
        client_t *c = any_client(&f, t);
        u64 before = stats_of(&f).heap_used_bytes;
        for (u32 i = 0; i < 200; i++) {
            request(c, "get_api_json_51077d14", i, NULL, 0);
            const mp_text_reply_t *r = expect(c, "get_api_json_reply_ea715b59", i);
            CHECK_EQ(be32toh(r->length), 1500000);
            CHECK_EQ(c->message->q, 0);
        }
        CHECK_EQ(peer_fault_miss(f.peer, 1000), 0);
        for (u32 i = 0; i < 1000; i++)
            ping(c, i);
        ping(c, 1);
        ping(c, 2);
        CHECK_EQ(stats_of(&f).heap_used_bytes, before);
        client_close(c);
        /* Its segment's own message table goes with it. */
        deadline_t until = deadline_in(WAIT_NS);
        while (peer_clients(f.peer, NULL, 0) != 0)
            CHECK(!deadline_passed(until));
    }
    CHECK(stats_of(&f).heap_replies >= 1400);
    free(json);
    fixture_end(&f);
}

static u32 count_entries(const char *folder)
{
    char command[128];
    u32 n = 0;
    snprintf(command, sizeof command, "ls %s | wc -l", folder);
    FILE *f = popen(command, "r");
    CHECK(f != NULL && fscanf(f, "%u", &n) == 1);
    pclose(f);
    return n;
}

static void churn(const fixture_t *f, peer_transport_e t, u32 n, bool abruptly)
{
    for (u32 i = 0; i < n; i++) {
        client_t *c = any_client(f, t);
        ping(c, i);
        if (abruptly && t == PEER_SOCKET)
            client_drop(c);
        else
            client_close(c);
    }
}

TEST_WITHIN(ten_thousand_connects_leave_nothing, 120)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    churn(&f, PEER_SOCKET, 10, true);
    churn(&f, PEER_MEMFD, 10, false);
    char fds[64];
    snprintf(fds, sizeof fds, "/proc/%d/fd", (int)getpid());
    char files[64];
    snprintf(files, sizeof files, "-d /dev/shm/%s*", f.prefix);
    deadline_t until = deadline_in(WAIT_NS);
    while (peer_clients(f.peer, NULL, 0) != 0)
        CHECK(!deadline_passed(until));
    u32 before = count_entries(fds);
    u32 n = getenv("CHECK_SCALE") != NULL ? 1000 : 10000;
    churn(&f, PEER_SOCKET, n, true);
    churn(&f, PEER_MEMFD, n / 10, false);
    until = deadline_in(WAIT_NS);
    while (peer_clients(f.peer, NULL, 0) != 0)
        CHECK(!deadline_passed(until));
    /* A client is forgotten a moment before its descriptor is closed. */
    until = deadline_in(WAIT_NS);
    while (count_entries(fds) != before)
        CHECK(!deadline_passed(until));
    CHECK_EQ(count_entries(files), 2);
    CHECK_EQ(stats_of(&f).heap_blocks, 0); /* nobody came to the classic one */
    fixture_end(&f);
}

TEST_WITHIN(a_thousand_clients_at_once, 60)
{
    fixture_t f;
    static client_t *clients[1000];
    fixture_init(&f);
    fixture_start(&f);
    for (u32 i = 0; i < 1000; i++)
        clients[i] = i < 400 ? socket_client(f.path) : memfd_client_with(f.path, 1 << 20, 16);
    for (u32 i = 0; i < 1000; i++)
        request(clients[i], "control_ping_51077d14", i, NULL, 0);
    for (u32 i = 0; i < 1000; i++)
        CHECK_EQ(expect_retval(clients[i], "control_ping_reply_f6b0b8ca", i), 0);
    for (u32 i = 0; i < 1000; i++)
        client_close(clients[i]);
    fixture_end(&f);
}
