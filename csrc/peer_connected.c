/* SPDX-License-Identifier: Apache-2.0
 *
 * The routes that nobody asks for: of every table, and of the addresses of interfaces that are up.
 */
#include "peer_network.h"
#include "peer_rib.h"

#define PATH_NORMAL 0u
#define PATH_LOCAL 1u
#define PATH_DROP 2u
#define PROTO_IP4 0u
#define PROTO_IP6 1u
#define ANY_INTERFACE UINT32_MAX

static u32 bits_of(u8 af) { return af == 0 ? 32 : 128; }

/** A path of one of these kinds; `hop` NULL: none. */
static mp_fib_path_t path_of(u8 af, u32 type, u32 sw_if_index, const u8 *hop)
{
    mp_fib_path_t path = {.sw_if_index = htobe32(sw_if_index),
                          .weight = 1,
                          .type = htobe32(type),
                          .proto = htobe32(af == 0 ? PROTO_IP4 : PROTO_IP6)};
    if (hop != NULL)
        memcpy(path.nh_address, hop, bits_of(af) / 8);
    return path;
}

/* ---- of tables ---- */

static const struct {
    mp_prefix_t prefix;
    u8 src;
    u32 type;
} specials[] = {
    {{.af = 0, .len = 0}, PEER_SOURCE_DEFAULT, PATH_DROP},
    {{.af = 0, .len = 32}, PEER_SOURCE_DEFAULT, PATH_DROP},
    {{.af = 0, .address = {240}, .len = 4}, PEER_SOURCE_SPECIAL, PATH_DROP},
    {{.af = 0, .address = {224}, .len = 4}, PEER_SOURCE_SPECIAL, PATH_DROP},
    {{.af = 0, .address = {255, 255, 255, 255}, .len = 32}, PEER_SOURCE_DEFAULT, PATH_DROP},
    {{.af = 1, .len = 0}, PEER_SOURCE_DEFAULT, PATH_DROP},
    /* Looked up again in a table of the interface that it came by. */
    {{.af = 1, .address = {0xfe, 0x80}, .len = 10}, PEER_SOURCE_SPECIAL, PATH_NORMAL},
};

i32 peer_rib_add_specials(peer_network_t *n, u32 table_id, bool is_ip6)
{
    i32 retval = 0;
    for (u32 i = 0; i < sizeof specials / sizeof specials[0] && retval == 0; i++) {
        u8 af = specials[i].prefix.af;
        if ((af != 0) != is_ip6)
            continue;
        peer_rib_key_t key = {table_id, specials[i].prefix, specials[i].src};
        mp_fib_path_t path = path_of(af, specials[i].type, ANY_INTERFACE, NULL);
        u32 index;
        retval = peer_rib_put(n, &key, false, &path, 1, &index);
    }
    return retval;
}

/* ---- of addresses ---- */

/** Calls `change` for each route that an address brings. */
typedef i32 (*change_t)(peer_network_t *n, const peer_rib_key_t *key, const mp_fib_path_t *path);

static i32 put(peer_network_t *n, const peer_rib_key_t *key, const mp_fib_path_t *path)
{
    u32 index;
    return peer_rib_put(n, key, false, path, 1, &index);
}

static i32 take_out(peer_network_t *n, const peer_rib_key_t *key, const mp_fib_path_t *path)
{
    (void)path;
    peer_rib_remove(n, key);
    return 0;
}

/** A host of IPv4 in the subnet of an address: its first one, its last one, or the other of two. */
static i32 change_host(peer_network_t *n, const peer_address_t *a, u32 table_id, u32 host, u32 type,
                       change_t change)
{
    peer_rib_key_t key = {table_id, {.af = 0, .len = 32}, PEER_SOURCE_INTERFACE};
    store_be32(key.prefix.address, host);
    if (memcmp(key.prefix.address, a->prefix.address, 4) == 0)
        return 0; /* is its own address */
    mp_fib_path_t path = type == PATH_DROP ? path_of(0, type, ANY_INTERFACE, NULL)
                                           : path_of(0, type, a->sw_if_index, key.prefix.address);
    return change(n, &key, &path);
}

static i32 change_hosts(peer_network_t *n, const peer_address_t *a, u32 table_id, change_t change)
{
    u32 own = load_be32(a->prefix.address);
    if (a->prefix.len == 31)
        return change_host(n, a, table_id, own ^ 1, PATH_NORMAL, change);
    u32 hosts = UINT32_MAX >> a->prefix.len;
    i32 retval = change_host(n, a, table_id, own & ~hosts, PATH_DROP, change);
    return retval != 0 ? retval : change_host(n, a, table_id, own | hosts, PATH_DROP, change);
}

/** Whether another address of the interface among the first `count` has brought the subnet. */
static bool is_shared(const peer_network_t *n, const peer_address_t *a, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        const peer_address_t *other = &n->addresses[i];
        if (other != a && other->sw_if_index == a->sw_if_index &&
            other->prefix.af == a->prefix.af && other->prefix.len == a->prefix.len &&
            peer_same_net(other->prefix.address, a->prefix.address, a->prefix.len))
            return true;
    }
    return false;
}

static i32 change_all(peer_network_t *n, const peer_address_t *a, bool with_net, change_t change)
{
    u8 af = a->prefix.af;
    u32 table_id = n->interfaces[a->sw_if_index].table_id[af];
    peer_rib_key_t key = {table_id, a->prefix, PEER_SOURCE_INTERFACE};
    key.prefix.len = (u8)bits_of(af);
    mp_fib_path_t path = path_of(af, PATH_LOCAL, a->sw_if_index, a->prefix.address);
    i32 retval = change(n, &key, &path);
    if (retval != 0 || !with_net || a->prefix.len == bits_of(af))
        return retval;
    peer_rib_normalize(&a->prefix, &key.prefix);
    path = path_of(af, PATH_NORMAL, a->sw_if_index, NULL);
    retval = change(n, &key, &path);
    return retval != 0 || af != 0 ? retval : change_hosts(n, a, table_id, change);
}

i32 peer_connected_add(peer_network_t *n, const peer_address_t *a)
{
    return change_all(n, a, !is_shared(n, a, (u32)(a - n->addresses)), put);
}

void peer_connected_remove(peer_network_t *n, const peer_address_t *a)
{
    change_all(n, a, !is_shared(n, a, n->address_count), take_out);
}

i32 peer_connected_set(peer_network_t *n, u32 sw_if_index, bool is_up)
{
    i32 retval = 0;
    for (u32 i = 0; i < n->address_count && retval == 0; i++) {
        const peer_address_t *a = &n->addresses[i];
        if (a->sw_if_index == sw_if_index)
            retval = is_up ? peer_connected_add(n, a) : change_all(n, a, true, take_out);
    }
    return retval;
}
