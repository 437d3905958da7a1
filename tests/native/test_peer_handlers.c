/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that another thread has, and leaves to the peer again; records and clients that are waited
 * for.
 */
#include "peer_fixture.h"

/** Takes one request and leaves it to the peer. */
static void pass_one(fixture_t *f)
{
    peer_request_t one;
    CHECK_EQ(peer_poll(f->peer, &one, 1, WAIT_NS), 1);
    CHECK_EQ(peer_pass(f->peer, &one), 0);
    peer_release(&one, 1);
}

static void passed_over(peer_transport_e transport)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = any_client(&f, transport);
    u32 create = peer_msg_id(f.peer, "create_loopback"),
        dump = peer_msg_id(f.peer, "ip_table_dump");
    CHECK_EQ(peer_set_handled(f.peer, create, 1), 0);
    CHECK_EQ(peer_set_handled(f.peer, dump, 1), 0);
    u8 mac[6] = {0};
    /* Three requests wait for the first, which Python has: they are answered in order. */
    request(c, "create_loopback_42bb5d22", 1, mac, sizeof mac);
    request(c, "ip_table_dump_51077d14", 2, NULL, 0);
    request(c, "control_ping_51077d14", 3, NULL, 0);
    pass_one(&f);
    CHECK_EQ(expect_retval(c, "create_loopback_reply_5383d31f", 1), 0);
    CHECK_EQ(stats_of(&f).interfaces, 1);
    pass_one(&f);
    expect(c, "ip_table_details_c79fca0f", 2);
    expect(c, "ip_table_details_c79fca0f", 2);
    CHECK_EQ(expect_retval(c, "control_ping_reply_f6b0b8ca", 3), 0);
    client_close(c);
    fixture_end(&f);
}

TEST(a_handler_leaves_it_to_the_peer_over_the_socket) { passed_over(PEER_SOCKET); }
TEST(a_handler_leaves_it_to_the_peer_over_memfd) { passed_over(PEER_MEMFD); }
TEST(a_handler_leaves_it_to_the_peer_over_classic) { passed_over(PEER_CLASSIC); }

TEST(a_request_of_somebody_who_went_is_passed_to_nobody)
{
    fixture_t f;
    peer_request_t one;
    fixture_init(&f);
    fixture_start(&f);
    client_t *gone = socket_client(f.path), *other = socket_client(f.path);
    CHECK_EQ(peer_set_handled(f.peer, peer_msg_id(f.peer, "show_version"), 1), 0);
    request(gone, "show_version_51077d14", 1, NULL, 0);
    CHECK_EQ(peer_poll(f.peer, &one, 1, WAIT_NS), 1);
    client_close(gone);
    WAIT_FOR_STAT(&f, clients_socket, 1);
    CHECK_EQ(peer_pass(f.peer, &one), 0);
    ping(other, 2);
    /* Bytes that are no message any more are none. */
    one.length = 1;
    CHECK_EQ(peer_pass(f.peer, &one), 0);
    ping(other, 3);
    peer_release(&one, 1);
    client_close(other);
    fixture_end(&f);
}

TEST(clients_are_waited_for)
{
    fixture_t f;
    u8 want[8] = {0, 0, 0, 1, 0, 0, 0, 7};
    peer_client_info_t info;
    fixture_init(&f);
    fixture_start(&f);
    CHECK_EQ(peer_await_clients(f.peer, PEER_ALL_CLIENTS, 10 * NS_PER_MS), -ETIMEDOUT);
    client_t *c = socket_client(f.path);
    CHECK_EQ(peer_await_clients(f.peer, PEER_ALL_CLIENTS, WAIT_NS), 1);
    CHECK_EQ(peer_await_clients(f.peer, PEER_SUBSCRIBERS, 10 * NS_PER_MS), -ETIMEDOUT);
    request(c, "want_interface_events_476f5a08", 1, want, sizeof want);
    CHECK_EQ(peer_await_clients(f.peer, PEER_SUBSCRIBERS, WAIT_NS), 1);
    CHECK_EQ(expect_retval(c, "want_interface_events_reply_e8d4e804", 1), 0);
    CHECK_EQ(peer_clients(f.peer, &info, 1), 1);
    CHECK_EQ(info.wants_events, 1);
    client_close(c);
    fixture_end(&f);
}

TEST(records_are_waited_for)
{
    fixture_t f;
    peer_request_t one;
    fixture_init(&f);
    fixture_start(&f);
    CHECK_EQ(peer_record(f.peer, 1 << 20), 0);
    client_t *c = socket_client(f.path);
    while (peer_recorded(f.peer, &one, 1) == 1)
        peer_release(&one, 1);
    CHECK_EQ(peer_await_recorded(f.peer, &one, 1, 10 * NS_PER_MS), -ETIMEDOUT);
    request(c, "control_ping_51077d14", 9, NULL, 0);
    CHECK_EQ(peer_await_recorded(f.peer, &one, 1, WAIT_NS), 1);
    CHECK_STR(peer_msg_name(f.peer, one.msg_id), "control_ping_51077d14");
    peer_release(&one, 1);
    CHECK_EQ(expect_retval(c, "control_ping_reply_f6b0b8ca", 9), 0);
    client_close(c);
    fixture_end(&f);
}
