/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables, and which of them an interface belongs to.
 */
#include <stdio.h>

#include "peer_client.h"
#include "peer_handlers.h"
#include "peer_network.h"
#include "peer_out.h"
#include "peer_rib.h"

#define ANY_TABLE UINT32_MAX

static peer_table_t *find_table(const peer_network_t *n, u32 table_id, bool is_ip6)
{
    for (u32 i = 0; i < n->table_count; i++)
        if (n->tables[i].table_id == table_id && n->tables[i].is_ip6 == is_ip6)
            return &n->tables[i];
    return NULL;
}

bool peer_network_has_table(const peer_network_t *n, u32 table_id, bool is_ip6)
{
    return find_table(n, table_id, is_ip6) != NULL;
}

i32 peer_network_add_table(peer_network_t *n, u32 table_id, bool is_ip6, const char *name)
{
    peer_table_t *t = find_table(n, table_id, is_ip6);
    if (t != NULL) {
        t->is_wanted = true;
        return 0;
    }
    if (!peer_array_grow((void **)&n->tables, n->table_count, &n->table_room, sizeof *n->tables))
        return RETVAL_NO_MEMORY;
    t = &n->tables[n->table_count++];
    *t = (peer_table_t){.table_id = table_id, .is_ip6 = is_ip6, .is_wanted = true};
    if (name[0] != 0)
        snprintf(t->name, sizeof t->name, "%.63s", name);
    else
        snprintf(t->name, sizeof t->name, "ipv%c-VRF:%u", is_ip6 ? '6' : '4', table_id);
    return peer_rib_add_specials(n, table_id, is_ip6);
}

static bool is_used(const peer_network_t *n, const peer_table_t *t)
{
    if (t->is_wanted || t->table_id == 0)
        return true;
    for (u32 i = 0; i < n->interface_count; i++)
        if (n->interfaces[i].exists && n->interfaces[i].table_id[t->is_ip6] == t->table_id)
            return true;
    return false;
}

void peer_network_drop_unused_tables(peer_network_t *n)
{
    for (u32 i = 0; i < n->table_count;) {
        peer_table_t *t = &n->tables[i];
        if (is_used(n, t)) {
            i++;
            continue;
        }
        peer_rib_clear(n, t->table_id, t->is_ip6, 0);
        *t = n->tables[--n->table_count];
    }
}

void peer_on_ip_table_add_del(peer_t *p, const peer_call_t *call)
{
    const mp_ip_table_add_del_t *m = (const void *)call->body;
    peer_network_t *n = p->network;
    u32 table_id = be32toh(m->table.table_id);
    bool is_ip6 = m->table.is_ip6 != 0;
    peer_table_t *t = find_table(n, table_id, is_ip6);
    i32 retval = 0;
    if (m->is_add) {
        retval = peer_network_add_table(n, table_id, is_ip6, m->table.name);
    } else if (t != NULL) {
        /* Interfaces that belong to it keep it. */
        t->is_wanted = false;
        peer_network_drop_unused_tables(n);
        peer_network_count_routes(p);
    }
    peer_reply_retval(p, call, PEER_MSG_ip_table_add_del_reply, retval);
}

void peer_on_ip_table_allocate(peer_t *p, const peer_call_t *call)
{
    const mp_ip_table_allocate_t *m = (const void *)call->body;
    peer_network_t *n = p->network;
    bool is_ip6 = m->table.is_ip6 != 0;
    u32 table_id = be32toh(m->table.table_id);
    if (table_id == ANY_TABLE)
        for (table_id = 1; find_table(n, table_id, is_ip6) != NULL;)
            table_id++;
    i32 retval = peer_network_add_table(n, table_id, is_ip6, m->table.name);
    mp_ip_table_allocate_reply_t *r =
        peer_reply_begin(p, call, PEER_MSG_ip_table_allocate_reply, sizeof *r);
    if (r == NULL)
        return;
    r->h.retval = (i32)htobe32((u32)retval);
    r->table = m->table;
    r->table.table_id = htobe32(table_id);
    peer_out_end(p, call->client);
}

/** The routes that clients added go, and the interfaces of the table go down. */
void peer_on_ip_table_flush(peer_t *p, const peer_call_t *call)
{
    const mp_ip_table_flush_t *m = (const void *)call->body;
    peer_network_t *n = p->network;
    u32 table_id = be32toh(m->table.table_id);
    bool is_ip6 = m->table.is_ip6 != 0;
    if (find_table(n, table_id, is_ip6) == NULL) {
        peer_reply_retval(p, call, PEER_MSG_ip_table_flush_reply, RETVAL_NO_SUCH_FIB);
        return;
    }
    peer_rib_clear(n, table_id, is_ip6, PEER_SOURCE_API);
    peer_network_count_routes(p);
    peer_reply_retval(p, call, PEER_MSG_ip_table_flush_reply, 0);
    for (u32 i = 0; i < n->interface_count; i++)
        if (n->interfaces[i].exists && n->interfaces[i].table_id[is_ip6] == table_id)
            peer_interface_set_flags(p, i, 0);
}

void peer_on_sw_interface_set_table(peer_t *p, const peer_call_t *call)
{
    const mp_sw_interface_set_table_t *m = (const void *)call->body;
    peer_network_t *n = p->network;
    u32 sw_if_index = be32toh(m->sw_if_index), table_id = be32toh(m->vrf_id);
    bool is_ip6 = m->is_ipv6 != 0;
    peer_interface_t *f = peer_network_interface(n, sw_if_index);
    i32 retval = 0;
    if (f == NULL) {
        retval = RETVAL_INVALID_SW_IF_INDEX;
    } else if (find_table(n, table_id, is_ip6) == NULL) {
        retval = RETVAL_NO_SUCH_FIB;
    } else if (peer_network_has_addresses(n, sw_if_index, is_ip6)) {
        retval = RETVAL_ADDRESS_FOUND_FOR_INTERFACE;
    } else {
        f->table_id[is_ip6] = table_id;
        peer_network_drop_unused_tables(n);
        peer_network_count_routes(p);
    }
    peer_reply_retval(p, call, PEER_MSG_sw_interface_set_table_reply, retval);
}

/* ---- dump ---- */

static bool tables_step(peer_t *p, peer_client_t *c, peer_dump_t *d, u32 room)
{
    const peer_network_t *n = p->network;
    /* IPv4 first, then IPv6. */
    for (; room != 0 && d->cursor < 2ull * n->table_count; d->cursor++) {
        const peer_table_t *t = &n->tables[d->cursor % n->table_count];
        if (t->is_ip6 != (d->cursor >= n->table_count))
            continue;
        room--;
        mp_ip_table_details_t *r = peer_out_begin(p, c, sizeof *r);
        if (r == NULL)
            continue;
        r->id = htobe16(p->ids[PEER_MSG_ip_table_details]);
        r->context = d->context;
        r->table.table_id = htobe32(t->table_id);
        r->table.is_ip6 = t->is_ip6;
        memcpy(r->table.name, t->name, sizeof r->table.name);
        peer_out_end(p, c);
    }
    return d->cursor >= 2ull * n->table_count;
}

void peer_on_ip_table_dump(peer_t *p, const peer_call_t *call)
{
    if (call->client == NULL)
        return;
    call->client->dump = (peer_dump_t){.step = tables_step, .context = call->context};
    peer_client_activate(p, call->client);
}
