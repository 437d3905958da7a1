/* SPDX-License-Identifier: Apache-2.0
 *
 * The small network: interfaces, addresses, routes, bridge domains, events; dumps of any size.
 */
#include "peer_fixture.h"

static u32 create_loopback(client_t *c)
{
    const u8 mac[6] = {0};
    request(c, "create_loopback_42bb5d22", 1, mac, 6);
    const mp_interface_reply_t *r = expect(c, "create_loopback_reply_5383d31f", 1);
    CHECK_EQ(r->h.retval, 0);
    return be32toh(r->sw_if_index);
}

static i32 set_flags(client_t *c, u32 sw_if_index, u32 flags)
{
    const u32 rest[2] = {htobe32(sw_if_index), htobe32(flags)};
    request(c, "sw_interface_set_flags_f5aec1b8", 2, rest, 8);
    return expect_retval(c, "sw_interface_set_flags_reply_e8d4e804", 2);
}

static void want_events(client_t *c, u32 on)
{
    const u32 rest[2] = {htobe32(on), htobe32(4711)};
    request(c, "want_interface_events_476f5a08", 3, rest, 8);
    CHECK_EQ(expect_retval(c, "want_interface_events_reply_e8d4e804", 3), 0);
}

static void expect_event(client_t *c, u32 sw_if_index, u32 flags, u8 deleted)
{
    const mp_sw_interface_event_t *e = expect(c, "sw_interface_event_2d3d95a7", c->index);
    CHECK_EQ(c->length, sizeof *e);
    CHECK_EQ(be32toh(e->sw_if_index), sw_if_index);
    CHECK_EQ(be32toh(e->flags), flags);
    CHECK_EQ(e->deleted, deleted);
    CHECK_EQ(be32toh(e->pid), 4711);
}

/** All details until the ping's answer; how many. */
static u32 dump(client_t *c, const char *name, const void *rest, u32 length, const char *details)
{
    u32 n = 0;
    request(c, name, 5, rest, length);
    request(c, "control_ping_51077d14", 6, NULL, 0);
    for (;;) {
        CHECK_EQ(client_recv(c, WAIT_NS), 0);
        if (load_be16(c->body) == 24)
            return n;
        CHECK_EQ(load_be16(c->body), id_of(c, details));
        CHECK_EQ(load_raw32(c->body + 2), 5);
        n++;
    }
}

static u32 dump_interfaces(client_t *c, const char *filter)
{
    u8 rest[64] = {0xff, 0xff, 0xff, 0xff};
    u32 length = 0;
    if (filter != NULL) {
        rest[4] = 1;
        length = (u32)strlen(filter);
        store_be32(rest + 5, length);
        memcpy(rest + 9, filter, length);
    }
    return dump(c, "sw_interface_dump_aa610c27", rest, 9 + length, "sw_interface_details_6c221fc7");
}

static void interfaces(peer_transport_e t)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = any_client(&f, t), *watcher = any_client(&f, t);
    want_events(watcher, 1);
    CHECK_EQ(dump_interfaces(c, NULL), 1);
    u32 first = create_loopback(c), second = create_loopback(c);
    CHECK_EQ(first, 1);
    CHECK_EQ(second, 2);
    expect_event(watcher, first, 0, 0);
    expect_event(watcher, second, 0, 0);
    CHECK_EQ(dump_interfaces(c, NULL), 3);
    CHECK_EQ(dump_interfaces(c, "loop"), 2);
    CHECK_EQ(dump_interfaces(c, "loop1"), 1);
    CHECK_EQ(set_flags(c, first, 1), 0);
    expect_event(watcher, first, 3, 0);
    CHECK_EQ(set_flags(c, 99, 1), -2);
    u32 index = htobe32(first);
    request(c, "delete_loopback_f9e6675e", 4, &index, 4);
    CHECK_EQ(expect_retval(c, "delete_loopback_reply_e8d4e804", 4), 0);
    expect_event(watcher, first, 0, 1);
    request(c, "delete_loopback_f9e6675e", 4, &index, 4);
    CHECK_EQ(expect_retval(c, "delete_loopback_reply_e8d4e804", 4), -2);
    want_events(watcher, 0);
    CHECK_EQ(set_flags(c, second, 1), 0);
    ping(watcher, 9);
    CHECK_EQ(create_loopback(c), 1);
    client_close(watcher);
    client_close(c);
    fixture_end(&f);
}

TEST(interfaces_on_the_socket) { interfaces(PEER_SOCKET); }
TEST(interfaces_on_memfd) { interfaces(PEER_MEMFD); }
TEST(interfaces_on_classic) { interfaces(PEER_CLASSIC); }

TEST(addresses)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = socket_client(f.path);
    u32 loop = create_loopback(c);
    u8 rest[24] = {0, 0, 0, (u8)loop, 1, 0, 0, 10, 0, 0, 1};
    rest[23] = 24;
    const char *name = "sw_interface_add_del_address_5463d73b";
    const char *reply = "sw_interface_add_del_address_reply_e8d4e804";
    request(c, name, 1, rest, 24);
    CHECK_EQ(expect_retval(c, reply, 1), 0);
    request(c, name, 1, rest, 24);
    CHECK_EQ(expect_retval(c, reply, 1), -105);
    const u8 which[5] = {0, 0, 0, (u8)loop, 0};
    CHECK_EQ(dump(c, "ip_address_dump_2d033de4", which, 5, "ip_address_details_ee29b797"), 1);
    rest[4] = 0;
    request(c, name, 1, rest, 24);
    CHECK_EQ(expect_retval(c, reply, 1), 0);
    request(c, name, 1, rest, 24);
    CHECK_EQ(expect_retval(c, reply, 1), -60);
    rest[23] = 33;
    request(c, name, 1, rest, 24);
    CHECK_EQ(expect_retval(c, reply, 1), -59);
    rest[3] = 77;
    request(c, name, 1, rest, 24);
    CHECK_EQ(expect_retval(c, reply, 1), -2);
    client_close(c);
    fixture_end(&f);
}

static i32 route(client_t *c, bool is_add, bool multipath, u32 address, u8 len, u32 n_paths)
{
    struct {
        u8 is_add, is_multipath;
        mp_ip_route_t route;
        mp_fib_path_t paths[3];
    } __attribute__((packed)) m;
    memset(&m, 0, sizeof m);
    m.is_add = is_add;
    m.is_multipath = multipath;
    m.route.prefix.len = len;
    store_be32(m.route.prefix.address, address);
    m.route.n_paths = (u8)n_paths;
    for (u32 i = 0; i < n_paths; i++) {
        store_be32(m.paths[i].nh_address, 0x0a000001 + i);
        m.paths[i].n_labels = (u8)(i * 2);
        m.paths[i].label_stack[1].label = 42;
    }
    u32 length = 2 + (u32)(sizeof m.route + n_paths * sizeof m.paths[0]);
    request(c, "ip_route_add_del_b8ecfe0d", 7, &m, length);
    return expect_retval(c, "ip_route_add_del_reply_1992deab", 7);
}

typedef struct __attribute__((packed)) {
    u8 src;
    mp_ip_table_t table;
} route_dump_t;

/** Those that somebody asked for: every table has some of its own. */
static u32 dump_routes(client_t *c, u32 table_id)
{
    route_dump_t m = {.src = 8, .table = {.table_id = htobe32(table_id)}};
    return dump(c, "ip_route_v2_dump_d16f72e6", &m, sizeof m, "ip_route_v2_details_b09aa6c0");
}

TEST(routes)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = classic_client(f.prefix);
    CHECK_EQ(route(c, true, false, 0x01020304, 24, 1), 0);
    CHECK_EQ(route(c, true, false, 0x01020305, 24, 3), 0); /* the same prefix */
    CHECK_EQ(dump_routes(c, 0), 1);
    mp_ip_table_t table = {0};
    CHECK_EQ(dump(c, "ip_route_dump_b9d2e09e", &table, sizeof table, "ip_route_details_bda8f315"),
             6);
    route_dump_t m = {.src = 8};
    request(c, "ip_route_v2_dump_d16f72e6", 5, &m, sizeof m);
    const mp_ip_route_v2_details_t *d = expect(c, "ip_route_v2_details_b09aa6c0", 5);
    CHECK_EQ(load_be32(d->route.prefix.address), 0x01020300);
    CHECK_EQ(d->route.n_paths, 3);
    CHECK_EQ(c->length, sizeof *d + 3 * sizeof(mp_fib_path_t));
    const mp_fib_path_t *paths = (const void *)(d + 1);
    CHECK_EQ(paths[2].n_labels, 4);
    CHECK_EQ(paths[2].label_stack[1].label, 42);
    CHECK_EQ(route(c, false, true, 0x01020300, 24, 2), 0);
    CHECK_EQ(dump_routes(c, 0), 1);
    CHECK_EQ(route(c, false, false, 0x01020300, 24, 0), 0);
    CHECK_EQ(route(c, true, false, 0x01020300, 33, 1), -171);
    CHECK_EQ(dump_routes(c, 0), 0);
    CHECK_EQ(dump_routes(c, 12), 0);
    CHECK_EQ(route(c, true, false, 0x01020300, 24, 0), -52);
    CHECK_EQ(route(c, false, false, 0x01020300, 24, 0), 0);
    for (u32 i = 0; i < 5000; i++)
        CHECK_EQ(route(c, true, false, i << 8, 24, 1), 0);
    for (u32 i = 0; i < 5000; i += 2)
        CHECK_EQ(route(c, false, false, i << 8, 24, 1), 0);
    CHECK_EQ(dump_routes(c, 0), 2500);
    CHECK_EQ(stats_of(&f).routes, 2500);
    client_close(c);
    fixture_end(&f);
}

/** Adds n /32 routes as fast as the transport takes them. */
static void add_routes(client_t *c, u32 n)
{
    u32 sent = 0, received = 0;
    struct {
        u8 is_add, is_multipath;
        mp_ip_route_t route;
        mp_fib_path_t path;
    } __attribute__((packed)) m;
    memset(&m, 0, sizeof m);
    m.is_add = 1;
    m.route.prefix.len = 32;
    m.route.n_paths = 1;
    while (received < n) {
        while (sent < n && sent - received < 100) {
            store_be32(m.route.prefix.address, sent);
            request(c, "ip_route_add_del_b8ecfe0d", sent++, &m, sizeof m);
        }
        CHECK_EQ(expect_retval(c, "ip_route_add_del_reply_1992deab", received), 0);
        received++;
    }
}

TEST_WITHIN(a_million_routes, 120)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    const char *scale = getenv("CHECK_SCALE");
    u32 n = scale != NULL ? 100000 : 1000000;
    client_t *c = classic_client_with(f.prefix, 1024);
    u64 began = now_ns();
    add_routes(c, n);
    fprintf(stderr, "added %u routes: %.0f a second\n", n, n / ((double)(now_ns() - began) / 1e9));
    for (peer_transport_e t = PEER_SOCKET; t <= PEER_CLASSIC; t++) {
        client_t *reader = any_client(&f, t);
        began = now_ns();
        CHECK_EQ(dump_routes(reader, 0), n);
        fprintf(stderr, "dumped over transport %d: %.0f a second\n", t,
                n / ((double)(now_ns() - began) / 1e9));
        client_close(reader);
    }
    /* Somebody who asks and does not read costs a bounded buffer, and keeps nobody waiting. */
    client_t *idle = socket_client(f.path);
    mp_ip_table_t table = {0};
    request(idle, "ip_route_dump_b9d2e09e", 5, &table, sizeof table);
    request(idle, "control_ping_51077d14", 6, NULL, 0);
    for (u32 i = 0; i < 100; i++)
        ping(c, i);
    CHECK_EQ(stats_of(&f).dropped_clients, 0);
    client_drop(idle);
    client_close(c);
    fixture_end(&f);
}

TEST(bridges)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = socket_client(f.path);
    struct {
        mp_bridge_domain_t bd;
        u8 is_add;
    } __attribute__((packed)) m = {.bd = {.bd_id = htobe32(7), .learn = 1}, .is_add = 1};
    const char *name = "bridge_domain_add_del_v2_600b7170";
    const char *reply = "bridge_domain_add_del_v2_reply_fcb1e980";
    request(c, name, 1, &m, sizeof m);
    CHECK_EQ(expect_retval(c, reply, 1), 0);
    u32 loop = create_loopback(c);
    struct {
        u32 sw_if_index, bd_id, port_type;
        u8 shg, enable;
    } __attribute__((packed)) port = {htobe32(loop), htobe32(7), htobe32(1), 0, 1};
    request(c, "sw_interface_set_l2_bridge_d0678b13", 2, &port, sizeof port);
    CHECK_EQ(expect_retval(c, "sw_interface_set_l2_bridge_reply_e8d4e804", 2), 0);
    const u32 all[2] = {0xffffffff, 0xffffffff};
    request(c, "bridge_domain_dump_74396a43", 3, all, 8);
    const mp_bridge_domain_details_t *d = expect(c, "bridge_domain_details_0fa506fd", 3);
    CHECK_EQ(be32toh(d->n_sw_ifs), 1);
    CHECK_EQ(be32toh(d->bvi_sw_if_index), loop);
    m.is_add = 0;
    request(c, name, 1, &m, sizeof m);
    CHECK_EQ(expect_retval(c, reply, 1), -120);
    port.enable = 0;
    request(c, "sw_interface_set_l2_bridge_d0678b13", 2, &port, sizeof port);
    CHECK_EQ(expect_retval(c, "sw_interface_set_l2_bridge_reply_e8d4e804", 2), 0);
    request(c, name, 1, &m, sizeof m);
    CHECK_EQ(expect_retval(c, reply, 1), 0);
    client_close(c);
    fixture_end(&f);
}

TEST(command_line)
{
    fixture_t f;
    fixture_init(&f);
    fixture_start(&f);
    client_t *c = memfd_client(f.path);
    const char *commands[] = {"show version", "show interface", "show ip fib summary",
                              "show errors",  "show  runtime ", "what is this"};
    for (u32 i = 0; i < 6; i++) {
        u8 rest[64];
        u32 length = (u32)strlen(commands[i]);
        store_be32(rest, length);
        memcpy(rest + 4, commands[i], length);
        request(c, "cli_inband_f8377302", i, rest, 4 + length);
        const mp_text_reply_t *r = expect(c, "cli_inband_reply_05879051", i);
        CHECK(be32toh(r->length) == c->length - sizeof *r && r->length != 0);
        if (i == 4)
            CHECK(c->length > 4096);
    }
    client_close(c);
    fixture_end(&f);
}
