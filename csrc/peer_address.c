/* SPDX-License-Identifier: Apache-2.0
 *
 * The addresses of interfaces.
 */
#include "peer_client.h"
#include "peer_handlers.h"
#include "peer_network.h"
#include "peer_out.h"

void peer_network_drop_addresses(peer_network_t *n, u32 sw_if_index)
{
    u32 kept = 0;
    peer_connected_set(n, sw_if_index, false);
    for (u32 i = 0; i < n->address_count; i++)
        if (n->addresses[i].sw_if_index != sw_if_index)
            n->addresses[kept++] = n->addresses[i];
    n->address_count = kept;
}

bool peer_same_net(const u8 *a, const u8 *b, u32 bits)
{
    u32 whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

/** fe80::/10: one an interface, kept apart from its addresses, and no subnet. */
static bool is_link_local(const mp_prefix_t *prefix)
{
    return prefix->af != 0 && prefix->address[0] == 0xfe && (prefix->address[1] & 0xc0) == 0x80;
}

/** Of subnets that overlap in one table, only those are allowed that are the same, on the same interface. */
static bool is_in_the_way(const peer_network_t *n, const peer_address_t *a, u32 sw_if_index,
                          const mp_prefix_t *prefix)
{
    u32 bits = a->prefix.len < prefix->len ? a->prefix.len : prefix->len;
    if (a->prefix.af != prefix->af ||
        n->interfaces[a->sw_if_index].table_id[prefix->af] !=
            n->interfaces[sw_if_index].table_id[prefix->af] ||
        !peer_same_net(a->prefix.address, prefix->address, bits))
        return false;
    return a->sw_if_index != sw_if_index || a->prefix.len != prefix->len ||
           peer_same_net(a->prefix.address, prefix->address, prefix->af == 0 ? 32 : 128);
}

static i32 add_address(peer_network_t *n, u32 sw_if_index, const mp_prefix_t *prefix)
{
    if (is_link_local(prefix))
        return prefix->len == 128 ? 0 : RETVAL_ADDRESS_LENGTH_MISMATCH;
    for (u32 i = 0; i < n->address_count; i++)
        if (is_in_the_way(n, &n->addresses[i], sw_if_index, prefix))
            return prefix->af == 0 ? RETVAL_ADDRESS_IN_USE : RETVAL_DUPLICATE_IF_ADDRESS;
    if (!peer_array_grow((void **)&n->addresses, n->address_count, &n->address_room,
                         sizeof *n->addresses))
        return RETVAL_NO_MEMORY;
    peer_address_t *a = &n->addresses[n->address_count++];
    a->sw_if_index = sw_if_index;
    a->prefix = (mp_prefix_t){.af = prefix->af, .len = prefix->len};
    memcpy(a->prefix.address, prefix->address, prefix->af == 0 ? 4 : 16);
    if ((n->interfaces[sw_if_index].flags & PEER_ADMIN_UP) == 0)
        return 0;
    i32 retval = peer_connected_add(n, a);
    if (retval != 0) {
        peer_connected_remove(n, a);
        n->address_count--;
    }
    return retval;
}

/** The length does not matter. */
static i32 delete_address(peer_network_t *n, u32 sw_if_index, const mp_prefix_t *prefix)
{
    size_t bytes = prefix->af == 0 ? 4 : 16;
    if (is_link_local(prefix))
        return RETVAL_ADDRESS_NOT_DELETABLE;
    for (u32 i = 0; i < n->address_count; i++) {
        peer_address_t *a = &n->addresses[i];
        if (a->sw_if_index != sw_if_index || a->prefix.af != prefix->af ||
            memcmp(a->prefix.address, prefix->address, bytes) != 0)
            continue;
        if ((n->interfaces[sw_if_index].flags & PEER_ADMIN_UP) != 0)
            peer_connected_remove(n, a);
        memmove(a, a + 1, (n->address_count - i - 1) * sizeof *a);
        n->address_count--;
        return 0;
    }
    return RETVAL_ADDRESS_NOT_FOUND;
}

void peer_on_sw_interface_add_del_address(peer_t *p, const peer_call_t *call)
{
    const mp_sw_interface_add_del_address_t *m = (const void *)call->body;
    u32 sw_if_index = be32toh(m->sw_if_index);
    i32 retval;
    if (peer_network_interface(p->network, sw_if_index) == NULL) {
        retval = RETVAL_INVALID_SW_IF_INDEX;
    } else if (sw_if_index == 0 && !m->del_all) {
        retval = RETVAL_UNSUPPORTED; /* local0 has none */
    } else if (m->del_all) {
        peer_network_drop_addresses(p->network, sw_if_index);
        retval = 0;
    } else if (m->prefix.af > 1 || m->prefix.len > (m->prefix.af == 0 ? 32 : 128)) {
        retval = RETVAL_ADDRESS_LENGTH_MISMATCH;
    } else {
        retval = m->is_add ? add_address(p->network, sw_if_index, &m->prefix)
                           : delete_address(p->network, sw_if_index, &m->prefix);
    }
    peer_reply_retval(p, call, PEER_MSG_sw_interface_add_del_address_reply, retval);
}

bool peer_network_has_addresses(const peer_network_t *n, u32 sw_if_index, bool is_ip6)
{
    for (u32 i = 0; i < n->address_count; i++)
        if (n->addresses[i].sw_if_index == sw_if_index &&
            (n->addresses[i].prefix.af != 0) == is_ip6)
            return true;
    return false;
}

static bool addresses_step(peer_t *p, peer_client_t *c, peer_dump_t *d, u32 room)
{
    const peer_network_t *n = p->network;
    for (; room != 0 && d->cursor < n->address_count; d->cursor++) {
        const peer_address_t *a = &n->addresses[d->cursor];
        if (a->sw_if_index != d->a || a->prefix.af != d->b)
            continue;
        mp_ip_address_details_t *r = peer_out_begin(p, c, sizeof *r);
        if (r == NULL)
            continue;
        r->id = htobe16(p->ids[PEER_MSG_ip_address_details]);
        r->context = d->context;
        r->sw_if_index = htobe32(a->sw_if_index);
        r->prefix = a->prefix;
        peer_out_end(p, c);
        room--;
    }
    return d->cursor >= n->address_count;
}

void peer_on_ip_address_dump(peer_t *p, const peer_call_t *call)
{
    const mp_ip_address_dump_t *m = (const void *)call->body;
    if (call->client == NULL || peer_network_interface(p->network, be32toh(m->sw_if_index)) == NULL)
        return;
    call->client->dump = (peer_dump_t){.step = addresses_step,
                                       .context = call->context,
                                       .a = be32toh(m->sw_if_index),
                                       .b = m->is_ipv6 != 0};
    peer_client_activate(p, call->client);
}
