/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes as clients add, delete and see them. They are kept in peer_rib.c.
 */
#include "peer_client.h"
#include "peer_handlers.h"
#include "peer_network.h"
#include "peer_out.h"
#include "peer_rib.h"

#define NO_INTERFACE UINT32_MAX

typedef enum {
    PATH_NORMAL = 0,
    PATH_LOCAL = 1,
    PATH_DROP = 2,
    PATH_ICMP_UNREACH = 5,
    PATH_ICMP_PROHIBIT = 6,
    PATH_SOURCE_LOOKUP = 7,
    PATH_CLASSIFY = 10,
} path_type_e;

typedef enum {
    PROTO_IP4 = 0,
    PROTO_IP6 = 1,
    PROTO_COUNT = 5,
} path_proto_e;

typedef struct {
    u32 table_id;
    const mp_prefix_t *prefix;
    bool is_add, is_multipath;
    u8 src;
    const mp_fib_path_t *paths;
    u32 n_paths;
} route_request_t;

/* ---- paths ---- */

/** What VPP would say of a path; others than those through an interface are not looked at closely. */
static i32 check_path(peer_network_t *n, const mp_fib_path_t *path)
{
    u32 sw_if_index = be32toh(path->sw_if_index), proto = be32toh(path->proto);
    u32 type = be32toh(path->type);
    if (proto >= PROTO_COUNT)
        return RETVAL_UNSPECIFIED;
    if (type == PATH_CLASSIFY)
        return RETVAL_NO_SUCH_TABLE; /* there is no way to make one */
    if ((type != PATH_NORMAL && type != PATH_SOURCE_LOOKUP) || proto > PROTO_IP6)
        return 0;
    if (sw_if_index != NO_INTERFACE)
        return peer_network_interface(n, sw_if_index) == NULL ? RETVAL_NO_MATCHING_INTERFACE : 0;
    return peer_network_has_table(n, be32toh(path->table_id), proto == PROTO_IP6)
               ? 0
               : RETVAL_NO_SUCH_FIB;
}

static bool is_zero(const u8 address[16])
{
    static const u8 zeros[16];
    return memcmp(address, zeros, sizeof zeros) == 0;
}

/** The path as a dump of VPP shows it: what has no meaning for its type is gone. */
static mp_fib_path_t shape_path(const mp_fib_path_t *from, const mp_prefix_t *prefix)
{
    mp_fib_path_t path = *from;
    u32 type = be32toh(path.type), proto = be32toh(path.proto);
    if (path.weight == 0)
        path.weight = 1;
    path.flags = 0;
    if (proto == PROTO_IP4)
        memset(path.nh_address + 4, 0, sizeof path.nh_address - 4);
    if (type == PATH_DROP || type == PATH_ICMP_UNREACH || type == PATH_ICMP_PROHIBIT) {
        path.sw_if_index = NO_INTERFACE;
        memset(path.nh_address, 0, sizeof path.nh_address);
    }
    if (be32toh(path.sw_if_index) == NO_INTERFACE)
        return path;
    path.table_id = 0;
    /* The host that is itself on the link. */
    if (type != PATH_LOCAL && proto <= PROTO_IP6 && is_zero(path.nh_address) &&
        prefix->len == (prefix->af == 0 ? 32 : 128))
        memcpy(path.nh_address, prefix->address, prefix->af == 0 ? 4 : 16);
    return path;
}

/** Fills in n->shaped. */
static i32 read_paths(peer_network_t *n, const route_request_t *q)
{
    mp_prefix_t prefix = *q->prefix;
    for (u32 i = 0; i < q->n_paths; i++) {
        i32 retval = check_path(n, &q->paths[i]);
        if (retval != 0)
            return retval;
        n->shaped[i] = shape_path(&q->paths[i], &prefix);
    }
    return 0;
}

/* ---- requests ---- */

void peer_network_count_routes(peer_t *p)
{
    store_relaxed(&p->stats.routes, p->network->routes_asked_for);
}

static i32 carry_out(peer_network_t *n, const route_request_t *q, u32 *index)
{
    peer_rib_key_t key = {.table_id = q->table_id, .src = q->src};
    if (!peer_network_has_table(n, q->table_id, q->prefix->af != 0))
        return RETVAL_NO_SUCH_FIB;
    i32 retval = read_paths(n, q);
    if (retval != 0)
        return retval;
    if (!peer_rib_normalize(q->prefix, &key.prefix))
        return RETVAL_INVALID_PREFIX_LENGTH;
    if (q->n_paths == 0 && (q->is_add || q->is_multipath))
        return RETVAL_NO_PATHS;
    if (q->is_add)
        return peer_rib_put(n, &key, q->is_multipath, n->shaped, q->n_paths, index);
    /* What is not there need not be deleted, says VPP. */
    if (q->is_multipath)
        peer_rib_remove_paths(n, &key, n->shaped, q->n_paths);
    else
        peer_rib_remove(n, &key);
    return 0;
}

static void answer(peer_t *p, const peer_call_t *call, peer_msg_e reply, const route_request_t *q)
{
    u32 index = PEER_NO_ROUTE;
    i32 retval = carry_out(p->network, q, &index);
    peer_network_count_routes(p);
    mp_ip_route_add_del_reply_t *r = peer_reply_begin(p, call, reply, sizeof *r);
    if (r == NULL)
        return;
    r->h.retval = (i32)htobe32((u32)retval);
    r->stats_index = htobe32(index);
    peer_out_end(p, call->client);
}

void peer_on_ip_route_add_del(peer_t *p, const peer_call_t *call)
{
    const mp_ip_route_add_del_t *m = (const void *)call->body;
    route_request_t q = {.table_id = be32toh(m->route.table_id),
                         .prefix = &m->route.prefix,
                         .is_add = m->is_add != 0,
                         .is_multipath = m->is_multipath != 0,
                         .src = PEER_SOURCE_API,
                         .paths = (const void *)(m + 1),
                         .n_paths = m->route.n_paths};
    answer(p, call, PEER_MSG_ip_route_add_del_reply, &q);
}

void peer_on_ip_route_add_del_v2(peer_t *p, const peer_call_t *call)
{
    const mp_ip_route_add_del_v2_t *m = (const void *)call->body;
    route_request_t q = {.table_id = be32toh(m->route.table_id),
                         .prefix = &m->route.prefix,
                         .is_add = m->is_add != 0,
                         .is_multipath = m->is_multipath != 0,
                         .src = m->route.src != 0 ? m->route.src : (u8)PEER_SOURCE_API,
                         .paths = (const void *)(m + 1),
                         .n_paths = m->route.n_paths};
    answer(p, call, PEER_MSG_ip_route_add_del_v2_reply, &q);
}

/** The route that a packet would take, or (`exact`) the one for this very prefix. */
static peer_route_t *look_up(const peer_network_t *n, u32 table_id, const mp_prefix_t *asked,
                             bool exact)
{
    mp_prefix_t at = *asked, prefix;
    for (;; at.len--) {
        peer_rib_normalize(&at, &prefix);
        peer_route_t *r = peer_rib_best(n, table_id, &prefix);
        if (r != NULL || exact || at.len == 0)
            return r;
    }
}

void peer_on_ip_route_lookup(peer_t *p, const peer_call_t *call)
{
    const mp_ip_route_lookup_t *m = (const void *)call->body;
    peer_network_t *n = p->network;
    u32 table_id = be32toh(m->table_id);
    peer_route_t *found = NULL;
    mp_prefix_t prefix;
    i32 retval = 0;
    if (!peer_network_has_table(n, table_id, m->prefix.af != 0))
        retval = RETVAL_NO_SUCH_FIB;
    else if (!peer_rib_normalize(&m->prefix, &prefix) ||
             (found = look_up(n, table_id, &prefix, m->exact != 0)) == NULL)
        retval = RETVAL_NO_SUCH_ENTRY;
    u32 n_paths = found == NULL ? 0 : found->n_paths;
    mp_ip_route_lookup_reply_t *r =
        peer_reply_begin(p, call, PEER_MSG_ip_route_lookup_reply,
                         (u32)(sizeof *r + n_paths * sizeof(mp_fib_path_t)));
    if (r == NULL)
        return;
    r->h.retval = (i32)htobe32((u32)retval);
    if (found != NULL) {
        r->route.table_id = htobe32(found->table_id);
        r->route.stats_index = htobe32((u32)(found - n->routes));
        r->route.prefix = found->prefix;
        r->route.n_paths = found->n_paths;
        peer_rib_unpack(found, (mp_fib_path_t *)(r + 1));
    }
    peer_out_end(p, call->client);
}

/* ---- dumps ---- */

#define DUMP_V2 0x100u
#define DUMP_IP6 0x200u
#define DUMP_SOURCE 0xffu

static void send_v1(peer_t *p, peer_client_t *c, u32 context, peer_route_t *r, u32 index)
{
    mp_ip_route_details_t *d =
        peer_out_begin(p, c, (u32)(sizeof *d + r->n_paths * sizeof(mp_fib_path_t)));
    if (d == NULL)
        return;
    d->id = htobe16(p->ids[PEER_MSG_ip_route_details]);
    d->context = context;
    d->route.table_id = htobe32(r->table_id);
    d->route.stats_index = htobe32(index);
    d->route.prefix = r->prefix;
    d->route.n_paths = r->n_paths;
    peer_rib_unpack(r, (mp_fib_path_t *)(d + 1));
    peer_out_end(p, c);
}

static void send_v2(peer_t *p, peer_client_t *c, u32 context, peer_route_t *r, u32 index)
{
    mp_ip_route_v2_details_t *d =
        peer_out_begin(p, c, (u32)(sizeof *d + r->n_paths * sizeof(mp_fib_path_t)));
    if (d == NULL)
        return;
    d->id = htobe16(p->ids[PEER_MSG_ip_route_v2_details]);
    d->context = context;
    d->route.table_id = htobe32(r->table_id);
    d->route.stats_index = htobe32(index);
    d->route.prefix = r->prefix;
    d->route.n_paths = r->n_paths;
    d->route.src = r->src;
    peer_rib_unpack(r, (mp_fib_path_t *)(d + 1));
    peer_out_end(p, c);
}

/* Looked at in one step, so that a table without routes among a million does not hold up others. */
#define LOOK_AT 65536u

static bool routes_step(peer_t *p, peer_client_t *c, peer_dump_t *d, u32 room)
{
    peer_network_t *n = p->network;
    for (u32 looked = 0; room != 0 && looked < LOOK_AT && d->cursor < n->route_count;
         d->cursor++, looked++) {
        peer_route_t *r = &n->routes[d->cursor];
        if (!r->used || !r->is_best || r->table_id != d->a ||
            (r->prefix.af != 0) != ((d->b & DUMP_IP6) != 0))
            continue;
        u32 source = d->b & DUMP_SOURCE;
        if ((d->b & DUMP_V2) == 0)
            send_v1(p, c, d->context, r, (u32)d->cursor);
        else if (source == 0 || source == r->src)
            send_v2(p, c, d->context, r, (u32)d->cursor);
        else
            continue;
        room--;
    }
    return d->cursor >= n->route_count;
}

static void dump_routes(peer_t *p, const peer_call_t *call, const mp_ip_table_t *table, u32 flags)
{
    if (call->client == NULL)
        return;
    call->client->dump = (peer_dump_t){.step = routes_step,
                                       .context = call->context,
                                       .a = be32toh(table->table_id),
                                       .b = flags | (table->is_ip6 ? DUMP_IP6 : 0)};
    peer_client_activate(p, call->client);
}

void peer_on_ip_route_dump(peer_t *p, const peer_call_t *call)
{
    const mp_ip_route_dump_t *m = (const void *)call->body;
    dump_routes(p, call, &m->table, 0);
}

void peer_on_ip_route_v2_dump(peer_t *p, const peer_call_t *call)
{
    const mp_ip_route_v2_dump_t *m = (const void *)call->body;
    dump_routes(p, call, &m->table, DUMP_V2 | m->src);
}
