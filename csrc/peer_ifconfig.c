/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be set of an interface, and what a dump shows of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "peer_client.h"
#include "peer_handlers.h"
#include "peer_network.h"
#include "peer_out.h"

#define FLAG_LINK_UP 2u
#define ANY_INTERFACE UINT32_MAX
#define TYPE_SUB 1u
/* One tag, and no other frames than those with it. */
#define SUB_IF_FLAGS 0x12u

i32 peer_interface_set_flags(peer_t *p, u32 sw_if_index, u32 flags)
{
    peer_network_t *n = p->network;
    peer_interface_t *f = &n->interfaces[sw_if_index];
    flags &= PEER_ADMIN_UP;
    /* Only what is a part of something that is up can be up. */
    if (flags != 0 && (n->interfaces[f->sup].flags & PEER_ADMIN_UP) == 0 && f->sup != sw_if_index)
        return RETVAL_UNSPECIFIED;
    if (flags == (f->flags & PEER_ADMIN_UP))
        return 0;
    i32 retval = peer_connected_set(n, sw_if_index, flags != 0);
    if (retval != 0) {
        peer_connected_set(n, sw_if_index, false);
        return retval;
    }
    f->flags = flags;
    return 0;
}

/** As a dump shows them: there is a link where the wire is. */
static u32 shown_flags(const peer_network_t *n, const peer_interface_t *f)
{
    const peer_interface_t *sup = &n->interfaces[f->sup];
    bool has_link = sup->is_loopback && (sup->flags & PEER_ADMIN_UP) != 0;
    return f->flags | (has_link ? FLAG_LINK_UP : 0);
}

/** As an event has them: it is the interface with the wire that has the link. */
static u32 event_flags(const peer_interface_t *f)
{
    return f->flags | (f->is_loopback && f->flags != 0 ? FLAG_LINK_UP : 0);
}

void peer_on_sw_interface_set_flags(peer_t *p, const peer_call_t *call)
{
    const mp_sw_interface_set_flags_t *m = (const void *)call->body;
    u32 sw_if_index = be32toh(m->sw_if_index);
    const peer_interface_t *f = peer_network_interface(p->network, sw_if_index);
    if (f == NULL) {
        peer_reply_retval(p, call, PEER_MSG_sw_interface_set_flags_reply,
                          RETVAL_INVALID_SW_IF_INDEX);
        return;
    }
    u32 before = f->flags;
    i32 retval = peer_interface_set_flags(p, sw_if_index, be32toh(m->flags));
    /* Events come after the reply, as VPP sends them from a process of its own. */
    peer_reply_retval(p, call, PEER_MSG_sw_interface_set_flags_reply, retval);
    if (f->flags != before)
        peer_interface_send_event(p, sw_if_index, event_flags(f), false);
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

void peer_on_sw_interface_tag_add_del(peer_t *p, const peer_call_t *call)
{
    const mp_sw_interface_tag_add_del_t *m = (const void *)call->body;
    peer_interface_t *f = peer_network_interface(p->network, be32toh(m->sw_if_index));
    i32 retval = 0;
    if (f == NULL)
        retval = RETVAL_INVALID_SW_IF_INDEX;
    else if (m->is_add && m->tag[0] == 0)
        retval = RETVAL_INVALID_VALUE;
    else if (m->is_add)
        snprintf(f->tag, sizeof f->tag, "%.63s", m->tag);
    else
        f->tag[0] = 0;
    peer_reply_retval(p, call, PEER_MSG_sw_interface_tag_add_del_reply, retval);
}

void peer_on_sw_interface_set_mac_address(peer_t *p, const peer_call_t *call)
{
    const mp_sw_interface_set_mac_address_t *m = (const void *)call->body;
    peer_interface_t *f = peer_network_interface(p->network, be32toh(m->sw_if_index));
    i32 retval = f == NULL         ? RETVAL_INVALID_SW_IF_INDEX
                 : !f->is_loopback ? RETVAL_UNIMPLEMENTED
                                   : 0;
    if (retval == 0)
        memcpy(f->mac, m->mac_address, sizeof f->mac);
    peer_reply_retval(p, call, PEER_MSG_sw_interface_set_mac_address_reply, retval);
}

void peer_on_sw_interface_get_mac_address(peer_t *p, const peer_call_t *call)
{
    const mp_interface_request_t *m = (const void *)call->body;
    const peer_interface_t *f = peer_network_interface(p->network, be32toh(m->sw_if_index));
    mp_sw_interface_get_mac_address_reply_t *r =
        peer_reply_begin(p, call, PEER_MSG_sw_interface_get_mac_address_reply, sizeof *r);
    if (r == NULL)
        return;
    if (f == NULL)
        r->h.retval = (i32)htobe32((u32)RETVAL_INVALID_SW_IF_INDEX);
    else
        memcpy(r->mac_address, p->network->interfaces[f->sup].mac, sizeof r->mac_address);
    peer_out_end(p, call->client);
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
    bool is_loopback = p->network->interfaces[f->sup].is_loopback;
    d->sw_if_index = htobe32(sw_if_index);
    d->sup_sw_if_index = htobe32(f->sup);
    memcpy(d->l2_address, f->mac, sizeof d->l2_address);
    d->flags = htobe32(shown_flags(p->network, f));
    d->link_mtu = htobe16(is_loopback ? PEER_LOOPBACK_MTU : 0);
    if (f->vlan != 0) {
        d->type = htobe32(TYPE_SUB);
        d->sub_id = htobe32(f->vlan);
        d->sub_number_of_tags = 1;
        d->sub_outer_vlan_id = htobe16((u16)f->vlan);
        d->sub_if_flags = htobe32(SUB_IF_FLAGS);
    }
    for (u32 i = 0; i < 4; i++)
        d->mtu[i] = htobe32(f->mtu[i]);
    memcpy(d->interface_name, f->name, sizeof d->interface_name);
    memcpy(d->tag, f->tag, sizeof d->tag);
    const char *type = is_loopback ? "Loopback" : "local";
    memcpy(d->interface_dev_type, type, strlen(type));
    peer_out_end(p, c);
}

static bool dump_step(peer_t *p, peer_client_t *c, peer_dump_t *d, u32 room)
{
    peer_network_t *n = p->network;
    const char *filter = d->owned;
    for (; room != 0 && d->cursor < n->interface_count; d->cursor++) {
        peer_interface_t *f = &n->interfaces[d->cursor];
        if (!f->exists || (filter != NULL && strcasestr(f->name, filter) == NULL))
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
    /* VPP takes 0 and ~0 for all, and a name before a number. */
    if (!m->name_filter_valid && sw_if_index != ANY_INTERFACE && sw_if_index != 0) {
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
