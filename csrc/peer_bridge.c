/* SPDX-License-Identifier: Apache-2.0
 *
 * Bridge domains and their ports.
 */
#include "peer_client.h"
#include "peer_handlers.h"
#include "peer_network.h"
#include "peer_out.h"

#define ANY UINT32_MAX
#define PORT_BVI 1u
#define PORT_UU_FWD 2u
/* Was where unknown unicasts go, until another one was told to. */
#define PORT_FORMER_UU_FWD 3u
#define LARGEST_BD_ID ((1u << 24) - 1)

static mp_bridge_domain_t *find_bridge(peer_network_t *n, u32 bd_id)
{
    for (u32 i = 0; i < n->bridge_count; i++)
        if (be32toh(n->bridges[i].bd_id) == bd_id)
            return &n->bridges[i];
    return NULL;
}

static u32 count_ports(const peer_network_t *n, u32 bd_id)
{
    u32 ports = 0;
    for (u32 i = 0; i < n->interface_count; i++)
        ports += n->interfaces[i].exists && n->interfaces[i].bd_id == bd_id;
    return ports;
}

/** Those that a dump lists: not where unknown unicasts go. */
static u32 count_listed(const peer_network_t *n, u32 bd_id)
{
    u32 ports = 0;
    for (u32 i = 0; i < n->interface_count; i++)
        ports += n->interfaces[i].exists && n->interfaces[i].bd_id == bd_id &&
                 n->interfaces[i].port_type < PORT_UU_FWD;
    return ports;
}

/** There is one place where unknown unicasts go: the last that was told to. */
static void retire_uu_fwd(peer_network_t *n, u32 bd_id)
{
    for (u32 i = 0; i < n->interface_count; i++)
        if (n->interfaces[i].exists && n->interfaces[i].bd_id == bd_id &&
            n->interfaces[i].port_type == PORT_UU_FWD)
            n->interfaces[i].port_type = PORT_FORMER_UU_FWD;
}

static bool has_other_bvi(const peer_network_t *n, u32 bd_id, const peer_interface_t *but)
{
    for (u32 i = 0; i < n->interface_count; i++) {
        const peer_interface_t *f = &n->interfaces[i];
        if (f != but && f->exists && f->bd_id == bd_id && f->port_type == PORT_BVI)
            return true;
    }
    return false;
}

static i32 add_bridge(peer_network_t *n, const mp_bridge_domain_t *bd, u32 *bd_id)
{
    if (*bd_id == ANY)
        for (*bd_id = 1; find_bridge(n, *bd_id) != NULL;)
            ++*bd_id;
    if (*bd_id > LARGEST_BD_ID)
        return RETVAL_BD_ID_EXCEED_MAX;
    /* VPP keeps 0 for itself. */
    if (*bd_id == 0 || find_bridge(n, *bd_id) != NULL)
        return RETVAL_BD_ALREADY_EXISTS;
    if (!peer_array_grow((void **)&n->bridges, n->bridge_count, &n->bridge_room,
                         sizeof *n->bridges))
        return RETVAL_NO_MEMORY;
    n->bridges[n->bridge_count] = *bd;
    n->bridges[n->bridge_count++].bd_id = htobe32(*bd_id);
    return 0;
}

static i32 delete_bridge(peer_network_t *n, u32 bd_id)
{
    mp_bridge_domain_t *bd = find_bridge(n, bd_id);
    if (bd_id == 0)
        return RETVAL_BD_NOT_MODIFIABLE;
    if (bd == NULL)
        return RETVAL_NO_SUCH_ENTRY;
    if (count_ports(n, bd_id) != 0)
        return RETVAL_BD_IN_USE;
    *bd = n->bridges[--n->bridge_count];
    return 0;
}

void peer_on_bridge_domain_add_del_v2(peer_t *p, const peer_call_t *call)
{
    const mp_bridge_domain_add_del_v2_t *m = (const void *)call->body;
    u32 bd_id = be32toh(m->bd.bd_id);
    i32 retval =
        m->is_add ? add_bridge(p->network, &m->bd, &bd_id) : delete_bridge(p->network, bd_id);
    mp_bridge_domain_add_del_v2_reply_t *r =
        peer_reply_begin(p, call, PEER_MSG_bridge_domain_add_del_v2_reply, sizeof *r);
    if (r == NULL)
        return;
    r->h.retval = (i32)htobe32((u32)retval);
    r->bd_id = htobe32(bd_id);
    peer_out_end(p, call->client);
}

static void send_bridge(peer_t *p, peer_client_t *c, u32 context, const mp_bridge_domain_t *bd)
{
    peer_network_t *n = p->network;
    u32 bd_id = be32toh(bd->bd_id), ports = count_listed(n, bd_id);
    mp_bridge_domain_details_t *d =
        peer_out_begin(p, c, (u32)(sizeof *d + ports * sizeof(mp_bridge_domain_sw_if_t)));
    if (d == NULL)
        return;
    d->id = htobe16(p->ids[PEER_MSG_bridge_domain_details]);
    d->context = context;
    d->bd = *bd;
    d->bvi_sw_if_index = d->uu_fwd_sw_if_index = ANY;
    d->n_sw_ifs = htobe32(ports);
    mp_bridge_domain_sw_if_t *port = (void *)(d + 1);
    for (u32 i = 0; i < n->interface_count; i++) {
        const peer_interface_t *f = &n->interfaces[i];
        if (!f->exists || f->bd_id != bd_id)
            continue;
        if (f->port_type == PORT_UU_FWD)
            d->uu_fwd_sw_if_index = htobe32(i);
        if (f->port_type >= PORT_UU_FWD)
            continue;
        if (f->port_type == PORT_BVI)
            d->bvi_sw_if_index = htobe32(i);
        port->sw_if_index = htobe32(i);
        port->shg = f->shg;
        port++;
    }
    peer_out_end(p, c);
}

static bool bridges_step(peer_t *p, peer_client_t *c, peer_dump_t *d, u32 room)
{
    const peer_network_t *n = p->network;
    for (; room != 0 && d->cursor < n->bridge_count; d->cursor++) {
        const mp_bridge_domain_t *bd = &n->bridges[d->cursor];
        if (d->a != ANY && be32toh(bd->bd_id) != d->a)
            continue;
        send_bridge(p, c, d->context, bd);
        room--;
    }
    return d->cursor >= n->bridge_count;
}

void peer_on_bridge_domain_dump(peer_t *p, const peer_call_t *call)
{
    const mp_bridge_domain_dump_t *m = (const void *)call->body;
    /* VPP has no answer for one interface. */
    if (call->client == NULL || be32toh(m->sw_if_index) != ANY)
        return;
    call->client->dump =
        (peer_dump_t){.step = bridges_step, .context = call->context, .a = be32toh(m->bd_id)};
    peer_client_activate(p, call->client);
}

void peer_on_sw_interface_set_l2_bridge(peer_t *p, const peer_call_t *call)
{
    const mp_sw_interface_set_l2_bridge_t *m = (const void *)call->body;
    peer_interface_t *f = peer_network_interface(p->network, be32toh(m->rx_sw_if_index));
    i32 retval = 0;
    if (f == NULL) {
        retval = RETVAL_INVALID_SW_IF_INDEX;
    } else if (!m->enable) {
        f->bd_id = ANY;
    } else if (be32toh(m->port_type) > PORT_UU_FWD) {
        retval = RETVAL_INVALID_VALUE;
    } else {
        /* A bridge domain that is not there yet comes into being. */
        u32 bd_id = be32toh(m->bd_id);
        mp_bridge_domain_t bd = {.flood = 1, .uu_flood = 1, .forward = 1, .learn = 1};
        if (bd_id != 0 && find_bridge(p->network, bd_id) == NULL)
            retval = add_bridge(p->network, &bd, &bd_id);
        if (retval == 0 && be32toh(m->port_type) == PORT_BVI && has_other_bvi(p->network, bd_id, f))
            retval = RETVAL_BD_HAS_BVI;
    }
    if (retval == 0 && m->enable) {
        if (be32toh(m->port_type) == PORT_UU_FWD)
            retire_uu_fwd(p->network, be32toh(m->bd_id));
        f->bd_id = be32toh(m->bd_id);
        f->port_type = be32toh(m->port_type);
        f->shg = m->shg;
    }
    peer_reply_retval(p, call, PEER_MSG_sw_interface_set_l2_bridge_reply, retval);
}
