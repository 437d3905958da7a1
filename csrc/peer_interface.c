/* SPDX-License-Identifier: Apache-2.0
 *
 * Interfaces and their addresses.
 */
#include <stdio.h>
#include <stdlib.h>

#include "peer_client.h"
#include "peer_handlers.h"
#include "peer_network.h"
#include "peer_out.h"

#define FLAG_ADMIN_UP 1u
#define FLAG_LINK_UP 2u
#define DEFAULT_MTU 9000u
#define ANY_INTERFACE UINT32_MAX
#define NO_BRIDGE UINT32_MAX

bool peer_array_grow(void **array, u32 count, u32 *room, size_t element_bytes)
{
    if (count < *room)
        return true;
    u32 size = *room == 0 ? 16 : *room * 2;
    void *grown = realloc(*array, size * element_bytes);
    if (grown == NULL)
        return false;
    *array = grown;
    *room = size;
    return true;
}

static peer_interface_t *add_interface(peer_network_t *n, u32 *sw_if_index)
{
    u32 i = 0;
    while (i < n->interface_count && n->interfaces[i].exists)
        i++;
    if (i == n->interface_count) {
        if (!peer_array_grow((void **)&n->interfaces, n->interface_count, &n->interface_room,
                             sizeof *n->interfaces))
            return NULL;
        n->interface_count++;
    }
    peer_interface_t *f = &n->interfaces[i];
    *f = (peer_interface_t){.exists = true, .bd_id = NO_BRIDGE};
    *sw_if_index = i;
    return f;
}

static bool add_table(peer_network_t *n, bool is_ip6)
{
    if (!peer_array_grow((void **)&n->tables, n->table_count, &n->table_room, sizeof *n->tables))
        return false;
    peer_table_t *t = &n->tables[n->table_count++];
    *t = (peer_table_t){.table_id = 0, .is_ip6 = is_ip6};
    snprintf(t->name, sizeof t->name, "ipv%c-VRF:0", is_ip6 ? '6' : '4');
    return true;
}

peer_network_t *peer_network_alloc(void)
{
    u32 local0;
    peer_network_t *n = calloc(1, sizeof *n);
    if (n == NULL)
        return NULL;
    n->route_free = UINT32_MAX;
    peer_interface_t *f = add_interface(n, &local0);
    if (f == NULL || !add_table(n, false) || !add_table(n, true)) {
        peer_network_free(n);
        return NULL;
    }
    snprintf(f->name, sizeof f->name, "local0");
    return n;
}

void peer_network_free(peer_network_t *n)
{
    if (n == NULL)
        return;
    peer_network_free_routes(n);
    free(n->interfaces);
    free(n->addresses);
    free(n->tables);
    free(n->bridges);
    free(n);
}

peer_interface_t *peer_network_interface(peer_network_t *n, u32 sw_if_index)
{
    if (sw_if_index >= n->interface_count || !n->interfaces[sw_if_index].exists)
        return NULL;
    return &n->interfaces[sw_if_index];
}

static void count_interfaces(peer_t *p, i32 by) { peer_count(p, interfaces, (i64)by); }

/* ---- events ---- */

static void send_event_to(peer_t *p, peer_client_t *c, u32 sw_if_index, u32 flags, bool deleted)
{
    mp_sw_interface_event_t *e = peer_out_begin(p, c, sizeof *e);
    if (e == NULL)
        return;
    e->id = htobe16(p->ids[PEER_MSG_sw_interface_event]);
    e->client_index = c->index_raw;
    e->pid = c->events_pid;
    e->sw_if_index = htobe32(sw_if_index);
    e->flags = htobe32(flags);
    e->deleted = deleted;
    peer_out_end(p, c);
}

static void send_event(peer_t *p, u32 sw_if_index, u32 flags, bool deleted)
{
    const peer_pool_t *pools[] = {&p->sockets, &p->shm_clients};
    if (p->ids[PEER_MSG_sw_interface_event] == 0)
        return;
    p->unasked = true;
    for (u32 i = 0; i < 2; i++)
        for (u32 slot = 0; slot < pools[i]->size; slot++)
            if (pools[i]->at[slot] != NULL && pools[i]->at[slot]->wants_events)
                send_event_to(p, pools[i]->at[slot], sw_if_index, flags, deleted);
    p->unasked = false;
}

void peer_on_want_interface_events(peer_t *p, const peer_call_t *call)
{
    const mp_want_interface_events_t *m = (const void *)call->body;
    i32 retval = 0;
    if (call->client == NULL)
        return;
    /* Asking twice for the same is an error in VPP. */
    if ((m->enable_disable != 0) == call->client->wants_events) {
        retval = RETVAL_INVALID_REGISTRATION;
    } else {
        peer_client_set_wants_events(p, call->client, m->enable_disable != 0);
        call->client->events_pid = m->pid;
    }
    peer_reply_retval(p, call, PEER_MSG_want_interface_events_reply, retval);
}

/* ---- loopbacks ---- */

static bool instance_is_used(const peer_network_t *n, u32 instance)
{
    for (u32 i = 0; i < n->interface_count; i++)
        if (n->interfaces[i].exists && n->interfaces[i].is_loopback &&
            n->interfaces[i].instance == instance)
            return true;
    return false;
}

/** `instance` UINT32_MAX: the lowest free one. */
static i32 create_loopback(peer_t *p, const u8 mac[6], u32 instance, u32 *sw_if_index)
{
    static const u8 no_mac[6];
    peer_network_t *n = p->network;
    if (instance == UINT32_MAX)
        for (instance = n->loopbacks_hint; instance_is_used(n, instance);)
            instance++;
    else if (instance_is_used(n, instance))
        return RETVAL_INVALID_REGISTRATION;
    peer_interface_t *f = add_interface(n, sw_if_index);
    if (f == NULL)
        return RETVAL_NO_MEMORY;
    if (instance == n->loopbacks_hint)
        n->loopbacks_hint++;
    f->is_loopback = true;
    f->instance = instance;
    f->mtu[0] = DEFAULT_MTU;
    snprintf(f->name, sizeof f->name, "loop%u", instance);
    if (memcmp(mac, no_mac, sizeof no_mac) != 0) {
        memcpy(f->mac, mac, sizeof f->mac);
    } else {
        const u8 base[6] = {0xde, 0xad, 0, 0, (u8)(instance >> 8), (u8)instance};
        memcpy(f->mac, base, sizeof f->mac);
    }
    count_interfaces(p, 1);
    return 0;
}

static void reply_interface(peer_t *p, const peer_call_t *call, peer_msg_e msg, i32 retval,
                            u32 sw_if_index)
{
    mp_interface_reply_t *r = peer_reply_begin(p, call, msg, sizeof *r);
    if (r == NULL)
        return;
    r->h.retval = (i32)htobe32((u32)retval);
    r->sw_if_index = htobe32(sw_if_index);
    peer_out_end(p, call->client);
}

/** The reply, then the event that there is a new interface. */
static void announce(peer_t *p, const peer_call_t *call, peer_msg_e msg, i32 retval,
                     u32 sw_if_index)
{
    reply_interface(p, call, msg, retval, sw_if_index);
    if (retval == 0)
        send_event(p, sw_if_index, 0, false);
}

void peer_on_create_loopback(peer_t *p, const peer_call_t *call)
{
    const mp_create_loopback_t *m = (const void *)call->body;
    u32 sw_if_index = ANY_INTERFACE;
    i32 retval = create_loopback(p, m->mac_address, UINT32_MAX, &sw_if_index);
    announce(p, call, PEER_MSG_create_loopback_reply, retval, sw_if_index);
}

void peer_on_create_loopback_instance(peer_t *p, const peer_call_t *call)
{
    const mp_create_loopback_instance_t *m = (const void *)call->body;
    u32 sw_if_index = ANY_INTERFACE;
    u32 instance = m->is_specified ? be32toh(m->user_instance) : UINT32_MAX;
    i32 retval = create_loopback(p, m->mac_address, instance, &sw_if_index);
    announce(p, call, PEER_MSG_create_loopback_instance_reply, retval, sw_if_index);
}

void peer_on_delete_loopback(peer_t *p, const peer_call_t *call)
{
    const mp_interface_request_t *m = (const void *)call->body;
    u32 sw_if_index = be32toh(m->sw_if_index);
    peer_interface_t *f = peer_network_interface(p->network, sw_if_index);
    if (f == NULL || !f->is_loopback) {
        peer_reply_retval(p, call, PEER_MSG_delete_loopback_reply, RETVAL_INVALID_SW_IF_INDEX);
        return;
    }
    f->exists = false;
    if (f->instance < p->network->loopbacks_hint)
        p->network->loopbacks_hint = f->instance;
    peer_network_drop_addresses(p->network, sw_if_index);
    count_interfaces(p, -1);
    peer_reply_retval(p, call, PEER_MSG_delete_loopback_reply, 0);
    send_event(p, sw_if_index, 0, true);
}

/* ---- flags, mtu ---- */

void peer_on_sw_interface_set_flags(peer_t *p, const peer_call_t *call)
{
    const mp_sw_interface_set_flags_t *m = (const void *)call->body;
    u32 sw_if_index = be32toh(m->sw_if_index);
    peer_interface_t *f = peer_network_interface(p->network, sw_if_index);
    if (f == NULL) {
        peer_reply_retval(p, call, PEER_MSG_sw_interface_set_flags_reply,
                          RETVAL_INVALID_SW_IF_INDEX);
        return;
    }
    u32 flags = (be32toh(m->flags) & FLAG_ADMIN_UP) != 0
                    ? FLAG_ADMIN_UP | (f->is_loopback ? FLAG_LINK_UP : 0)
                    : 0;
    bool changed = flags != f->flags;
    f->flags = flags;
    /* Events come after the reply, as VPP sends them from a process of its own. */
    peer_reply_retval(p, call, PEER_MSG_sw_interface_set_flags_reply, 0);
    if (changed)
        send_event(p, sw_if_index, flags, false);
}

void peer_on_sw_interface_set_mtu(peer_t *p, const peer_call_t *call)
{
    const mp_sw_interface_set_mtu_t *m = (const void *)call->body;
    peer_interface_t *f = peer_network_interface(p->network, be32toh(m->sw_if_index));
    for (u32 i = 0; f != NULL && i < 4; i++)
        f->mtu[i] = be32toh(m->mtu[i]);
    peer_reply_retval(p, call, PEER_MSG_sw_interface_set_mtu_reply,
                      f == NULL ? RETVAL_INVALID_SW_IF_INDEX : 0);
}

/* ---- dump ---- */

static void send_details(peer_t *p, peer_client_t *c, u32 context, u32 sw_if_index,
                         const peer_interface_t *f)
{
    mp_sw_interface_details_t *d = peer_out_begin(p, c, sizeof *d);
    if (d == NULL)
        return;
    d->id = htobe16(p->ids[PEER_MSG_sw_interface_details]);
    d->context = context;
    d->sw_if_index = d->sup_sw_if_index = htobe32(sw_if_index);
    memcpy(d->l2_address, f->mac, sizeof d->l2_address);
    d->flags = htobe32(f->flags);
    d->link_mtu = htobe16(f->is_loopback ? DEFAULT_MTU : 0);
    for (u32 i = 0; i < 4; i++)
        d->mtu[i] = htobe32(f->mtu[i]);
    memcpy(d->interface_name, f->name, sizeof d->interface_name);
    const char *type = f->is_loopback ? "Loopback" : "local";
    memcpy(d->interface_dev_type, type, strlen(type));
    peer_out_end(p, c);
}

static bool dump_step(peer_t *p, peer_client_t *c, peer_dump_t *d, u32 room)
{
    peer_network_t *n = p->network;
    const char *filter = d->owned;
    for (; room != 0 && d->cursor < n->interface_count; d->cursor++) {
        peer_interface_t *f = &n->interfaces[d->cursor];
        if (!f->exists || (filter != NULL && strstr(f->name, filter) == NULL))
            continue;
        send_details(p, c, d->context, (u32)d->cursor, f);
        room--;
    }
    return d->cursor >= n->interface_count;
}

void peer_on_sw_interface_dump(peer_t *p, const peer_call_t *call)
{
    const mp_sw_interface_dump_t *m = (const void *)call->body;
    u32 sw_if_index = be32toh(m->sw_if_index);
    peer_client_t *c = call->client;
    if (c == NULL)
        return;
    /* VPP takes 0 and ~0 for all. */
    if (sw_if_index != ANY_INTERFACE && sw_if_index != 0) {
        peer_interface_t *f = peer_network_interface(p->network, sw_if_index);
        if (f != NULL)
            send_details(p, c, call->context, sw_if_index, f);
        return;
    }
    c->dump = (peer_dump_t){.step = dump_step, .context = call->context};
    if (m->name_filter_valid)
        c->dump.owned = strndup((const char *)(m + 1), be32toh(m->name_filter_length));
    peer_client_activate(p, c);
}

/* ---- addresses ---- */

void peer_network_drop_addresses(peer_network_t *n, u32 sw_if_index)
{
    u32 kept = 0;
    for (u32 i = 0; i < n->address_count; i++)
        if (n->addresses[i].sw_if_index != sw_if_index)
            n->addresses[kept++] = n->addresses[i];
    n->address_count = kept;
}

/** Whether the first `bits` bits are the same. */
static bool same_net(const u8 *a, const u8 *b, u32 bits)
{
    u32 whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

/** fe80::/10: one an interface, kept apart from its addresses, and no subnet. */
static bool is_link_local(const mp_prefix_t *prefix)
{
    return prefix->af != 0 && prefix->address[0] == 0xfe && (prefix->address[1] & 0xc0) == 0x80;
}

/** Of subnets that overlap, only those are allowed that are the same, on the same interface. */
static bool is_in_the_way(const peer_address_t *a, u32 sw_if_index, const mp_prefix_t *prefix)
{
    u32 bits = a->prefix.len < prefix->len ? a->prefix.len : prefix->len;
    if (a->prefix.af != prefix->af || !same_net(a->prefix.address, prefix->address, bits))
        return false;
    return a->sw_if_index != sw_if_index || a->prefix.len != prefix->len ||
           same_net(a->prefix.address, prefix->address, prefix->af == 0 ? 32 : 128);
}

static i32 add_address(peer_network_t *n, u32 sw_if_index, const mp_prefix_t *prefix)
{
    if (is_link_local(prefix))
        return prefix->len == 128 ? 0 : RETVAL_ADDRESS_LENGTH_MISMATCH;
    for (u32 i = 0; i < n->address_count; i++)
        if (is_in_the_way(&n->addresses[i], sw_if_index, prefix))
            return prefix->af == 0 ? RETVAL_ADDRESS_IN_USE : RETVAL_DUPLICATE_IF_ADDRESS;
    if (!peer_array_grow((void **)&n->addresses, n->address_count, &n->address_room,
                         sizeof *n->addresses))
        return RETVAL_NO_MEMORY;
    peer_address_t *a = &n->addresses[n->address_count++];
    a->sw_if_index = sw_if_index;
    a->prefix = (mp_prefix_t){.af = prefix->af, .len = prefix->len};
    memcpy(a->prefix.address, prefix->address, prefix->af == 0 ? 4 : 16);
    return 0;
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
