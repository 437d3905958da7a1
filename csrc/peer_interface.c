/* SPDX-License-Identifier: Apache-2.0
 *
 * Interfaces come and go: loopbacks and their sub-interfaces. Events.
 */
#include <stdio.h>
#include <stdlib.h>

#include "peer_client.h"
#include "peer_handlers.h"
#include "peer_network.h"
#include "peer_out.h"
#include "peer_rib.h"

#define ANY_INTERFACE UINT32_MAX
#define NO_BRIDGE UINT32_MAX
#define LOOPBACKS_MAX (16u * 1024)
#define VLAN_MAX 4095u

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
    *f = (peer_interface_t){.exists = true, .sup = i, .bd_id = NO_BRIDGE};
    *sw_if_index = i;
    return f;
}

peer_network_t *peer_network_alloc(void)
{
    u32 local0;
    peer_network_t *n = calloc(1, sizeof *n);
    if (n == NULL)
        return NULL;
    n->route_free = UINT32_MAX;
    peer_interface_t *f = add_interface(n, &local0);
    if (f == NULL || peer_network_add_table(n, 0, false, "") != 0 ||
        peer_network_add_table(n, 0, true, "") != 0) {
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
    peer_rib_free(n);
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

void peer_interface_send_event(peer_t *p, u32 sw_if_index, u32 flags, bool deleted)
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
    if (instance >= LOOPBACKS_MAX || instance_is_used(n, instance))
        return RETVAL_INVALID_REGISTRATION;
    peer_interface_t *f = add_interface(n, sw_if_index);
    if (f == NULL)
        return RETVAL_NO_MEMORY;
    if (instance == n->loopbacks_hint)
        n->loopbacks_hint++;
    f->is_loopback = true;
    f->instance = instance;
    f->mtu[0] = PEER_LOOPBACK_MTU;
    snprintf(f->name, sizeof f->name, "loop%u", instance);
    if (memcmp(mac, no_mac, sizeof no_mac) != 0) {
        memcpy(f->mac, mac, sizeof f->mac);
    } else {
        const u8 base[6] = {0xde, 0xad, 0, 0, 0, (u8)instance};
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
        peer_interface_send_event(p, sw_if_index, 0, false);
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

/** Takes it away, and tells those who want to know. */
static void remove_interface(peer_t *p, u32 sw_if_index)
{
    peer_network_t *n = p->network;
    peer_interface_t *f = &n->interfaces[sw_if_index];
    peer_network_drop_addresses(n, sw_if_index);
    f->exists = false;
    if (f->is_loopback && f->instance < n->loopbacks_hint)
        n->loopbacks_hint = f->instance;
    peer_network_drop_unused_tables(n);
    peer_network_count_routes(p);
    count_interfaces(p, -1);
    peer_interface_send_event(p, sw_if_index, 0, true);
}

void peer_on_delete_loopback(peer_t *p, const peer_call_t *call)
{
    const mp_interface_request_t *m = (const void *)call->body;
    peer_network_t *n = p->network;
    u32 sw_if_index = be32toh(m->sw_if_index);
    peer_interface_t *f = peer_network_interface(n, sw_if_index);
    /* A sub-interface stands for what it is a part of. */
    u32 sup = f == NULL ? ANY_INTERFACE : f->sup;
    if (f == NULL || !n->interfaces[sup].is_loopback) {
        peer_reply_retval(p, call, PEER_MSG_delete_loopback_reply, RETVAL_INVALID_SW_IF_INDEX);
        return;
    }
    peer_reply_retval(p, call, PEER_MSG_delete_loopback_reply, 0);
    for (u32 i = 0; i < n->interface_count; i++)
        if (n->interfaces[i].exists && n->interfaces[i].sup == sup && i != sup)
            remove_interface(p, i);
    remove_interface(p, sup);
}

/* ---- sub-interfaces ---- */

static i32 create_subif(peer_t *p, u32 sup, u32 vlan, u32 *sw_if_index)
{
    peer_network_t *n = p->network;
    if (peer_network_interface(n, sup) == NULL)
        return RETVAL_INVALID_SW_IF_INDEX;
    sup = n->interfaces[sup].sup;
    if (vlan == 0 || vlan > VLAN_MAX)
        return RETVAL_INVALID_VLAN;
    for (u32 i = 0; i < n->interface_count; i++)
        if (n->interfaces[i].exists && n->interfaces[i].sup == sup && n->interfaces[i].vlan == vlan)
            return RETVAL_VLAN_ALREADY_EXISTS;
    peer_interface_t *f = add_interface(n, sw_if_index);
    if (f == NULL)
        return RETVAL_NO_MEMORY;
    f->sup = sup;
    f->vlan = vlan;
    snprintf(f->name, sizeof f->name, "%.50s.%u", n->interfaces[sup].name, vlan);
    count_interfaces(p, 1);
    return 0;
}

void peer_on_create_vlan_subif(peer_t *p, const peer_call_t *call)
{
    const mp_create_vlan_subif_t *m = (const void *)call->body;
    u32 sw_if_index = ANY_INTERFACE;
    i32 retval = create_subif(p, be32toh(m->sw_if_index), be32toh(m->vlan_id), &sw_if_index);
    announce(p, call, PEER_MSG_create_vlan_subif_reply, retval, sw_if_index);
}

void peer_on_delete_subif(peer_t *p, const peer_call_t *call)
{
    const mp_interface_request_t *m = (const void *)call->body;
    u32 sw_if_index = be32toh(m->sw_if_index);
    peer_interface_t *f = peer_network_interface(p->network, sw_if_index);
    i32 retval = f == NULL      ? RETVAL_INVALID_SW_IF_INDEX
                 : f->vlan == 0 ? RETVAL_INVALID_SUB_SW_IF_INDEX
                                : 0;
    peer_reply_retval(p, call, PEER_MSG_delete_subif_reply, retval);
    if (retval == 0)
        remove_interface(p, sw_if_index);
}
