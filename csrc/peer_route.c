/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables and routes. A route's index is its stats_index; a hash finds it by table and prefix. Dumps
 * walk the indexes, so that they can stop and go on while routes come and go.
 */
#include <stdio.h>
#include <stdlib.h>

#include "peer_client.h"
#include "peer_handlers.h"
#include "peer_network.h"
#include "peer_out.h"

#define NO_ROUTE UINT32_MAX
/* FIB_SOURCE of routes that come by the API, as ip_route_v2 shows it. */
#define SOURCE_API 8u

/* ---- tables ---- */

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

void peer_on_ip_table_add_del(peer_t *p, const peer_call_t *call)
{
    const mp_ip_table_add_del_t *m = (const void *)call->body;
    peer_network_t *n = p->network;
    u32 table_id = be32toh(m->table.table_id);
    bool is_ip6 = m->table.is_ip6 != 0;
    peer_table_t *t = find_table(n, table_id, is_ip6);
    i32 retval = 0;
    if (m->is_add && t == NULL) {
        if (!peer_array_grow((void **)&n->tables, n->table_count, &n->table_room,
                             sizeof *n->tables)) {
            retval = RETVAL_NO_MEMORY;
        } else {
            t = &n->tables[n->table_count++];
            *t = (peer_table_t){.table_id = table_id, .is_ip6 = is_ip6};
            memcpy(t->name, m->table.name, sizeof t->name - 1);
            if (t->name[0] == 0)
                snprintf(t->name, sizeof t->name, "ipv%c-VRF:%u", is_ip6 ? '6' : '4', table_id);
        }
    } else if (!m->is_add && t != NULL && table_id != 0) {
        *t = n->tables[--n->table_count];
    }
    peer_reply_retval(p, call, PEER_MSG_ip_table_add_del_reply, retval);
}

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

/* ---- the route table ---- */

u32 peer_network_routes(const peer_network_t *n) { return n->route_used; }

static u8 *paths_of(peer_route_t *r)
{
    return r->path_bytes <= PEER_ROUTE_INLINE_BYTES ? r->paths.inlined : r->paths.owned;
}

static void free_paths(peer_route_t *r)
{
    if (r->path_bytes > PEER_ROUTE_INLINE_BYTES)
        free(r->paths.owned);
    r->path_bytes = 0;
}

void peer_network_free_routes(peer_network_t *n)
{
    for (u32 i = 0; i < n->route_count; i++)
        if (n->routes[i].used)
            free_paths(&n->routes[i]);
    free(n->routes);
    free(n->route_hash);
}

static u32 hash_route(u32 table_id, const mp_prefix_t *prefix)
{
    u64 a, b;
    memcpy(&a, prefix->address, sizeof a);
    memcpy(&b, prefix->address + 8, sizeof b);
    u64 h = a * 0x9e3779b97f4a7c15ull ^
            (b + ((u64)prefix->len << 8 | prefix->af)) * 0xc2b2ae3d27d4eb4full;
    h = (h ^ h >> 29 ^ table_id) * 0xbf58476d1ce4e5b9ull;
    return (u32)(h >> 32);
}

static bool same_route(const peer_route_t *r, u32 table_id, const mp_prefix_t *prefix)
{
    return r->table_id == table_id && memcmp(&r->prefix, prefix, sizeof *prefix) == 0;
}

/** The slot where the route is, or the free one where it belongs. The hash is never full. */
static u32 find_slot(const peer_network_t *n, u32 table_id, const mp_prefix_t *prefix)
{
    u32 mask = n->route_hash_size - 1;
    u32 i = hash_route(table_id, prefix) & mask;
    while (n->route_hash[i] != 0 && !same_route(&n->routes[n->route_hash[i] - 1], table_id, prefix))
        i = (i + 1) & mask;
    return i;
}

static bool grow_hash(peer_network_t *n)
{
    if ((n->route_used + 1) * 2 <= n->route_hash_size)
        return true;
    u32 size = n->route_hash_size == 0 ? 1024 : n->route_hash_size * 2;
    u32 *grown = calloc(size, sizeof *grown);
    if (grown == NULL)
        return false;
    free(n->route_hash);
    n->route_hash = grown;
    n->route_hash_size = size;
    for (u32 i = 0; i < n->route_count; i++)
        if (n->routes[i].used)
            grown[find_slot(n, n->routes[i].table_id, &n->routes[i].prefix)] = i + 1;
    return true;
}

/** Closes the gap: whoever was pushed past it by a collision moves up. */
static void erase_slot(peer_network_t *n, u32 gap)
{
    u32 mask = n->route_hash_size - 1;
    for (u32 i = (gap + 1) & mask; n->route_hash[i] != 0; i = (i + 1) & mask) {
        const peer_route_t *r = &n->routes[n->route_hash[i] - 1];
        u32 home = hash_route(r->table_id, &r->prefix) & mask;
        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        n->route_hash[gap] = n->route_hash[i];
        gap = i;
    }
    n->route_hash[gap] = 0;
}

static peer_route_t *new_route(peer_network_t *n)
{
    if (n->route_free != NO_ROUTE) {
        peer_route_t *r = &n->routes[n->route_free];
        n->route_free = r->next_free;
        return r;
    }
    if (!peer_array_grow((void **)&n->routes, n->route_count, &n->route_room, sizeof *n->routes))
        return NULL;
    return &n->routes[n->route_count++];
}

/** The prefix with its host bits cleared and nothing in the bytes that its family has no use for. */
static bool normalize(const mp_prefix_t *from, mp_prefix_t *to)
{
    u32 bits = from->af == 0 ? 32 : 128;
    if (from->af > 1 || from->len > bits)
        return false;
    *to = (mp_prefix_t){.af = from->af, .len = from->len};
    memcpy(to->address, from->address, from->len / 8u);
    if (from->len % 8 != 0)
        to->address[from->len / 8] = from->address[from->len / 8] & (u8)(0xff00u >> from->len % 8);
    return true;
}

static u32 labels_of(const u8 *path)
{
    u32 n = path[offsetof(mp_fib_path_t, n_labels)];
    return n <= 16 ? n : 16;
}

static u32 packed_path_bytes(const u8 *path)
{
    return PEER_PATH_BYTES + labels_of(path) * (u32)sizeof(mp_fib_mpls_label_t);
}

/** Replaces the route's paths by `keep` bytes of the old ones and `n` from the wire. */
static bool set_paths(peer_route_t *r, u32 keep_bytes, u32 keep_paths, const u8 *wire, u32 n)
{
    u32 bytes = keep_bytes;
    if (keep_paths + n > UINT8_MAX)
        return false;
    for (u32 i = 0; i < n; i++)
        bytes += packed_path_bytes(wire + i * sizeof(mp_fib_path_t));
    u8 stack[PEER_ROUTE_INLINE_BYTES];
    u8 *to = bytes <= sizeof stack ? stack : malloc(bytes);
    if (to == NULL)
        return false;
    memcpy(to, paths_of(r), keep_bytes);
    u8 *at = to + keep_bytes;
    for (u32 i = 0; i < n; i++, wire += sizeof(mp_fib_path_t)) {
        memcpy(at, wire, packed_path_bytes(wire));
        at[offsetof(mp_fib_path_t, n_labels)] = (u8)labels_of(wire);
        if (at[offsetof(mp_fib_path_t, weight)] == 0)
            at[offsetof(mp_fib_path_t, weight)] = 1; /* as VPP has it */
        at += packed_path_bytes(wire);
    }
    free_paths(r);
    r->path_bytes = bytes;
    r->n_paths = (u8)(keep_paths + n);
    if (to == stack)
        memcpy(r->paths.inlined, stack, bytes);
    else
        r->paths.owned = to;
    return true;
}

/** A multipath delete takes out the paths that go the same way. */
static void remove_paths(peer_route_t *r, const u8 *wire, u32 n)
{
    u8 *at = paths_of(r);
    u32 left = r->n_paths, bytes = 0;
    u8 *kept = malloc(r->path_bytes == 0 ? 1 : r->path_bytes);
    if (kept == NULL)
        return;
    u32 kept_paths = 0;
    for (; left != 0; left--) {
        u32 size = packed_path_bytes(at);
        bool gone = false;
        for (u32 i = 0; i < n; i++) {
            const mp_fib_path_t *a = (const void *)at;
            const mp_fib_path_t *b = (const void *)(wire + i * sizeof *b);
            gone |= a->sw_if_index == b->sw_if_index && a->table_id == b->table_id &&
                    a->proto == b->proto &&
                    memcmp(a->nh_address, b->nh_address, sizeof a->nh_address) == 0;
        }
        if (!gone) {
            memcpy(kept + bytes, at, size);
            bytes += size;
            kept_paths++;
        }
        at += size;
    }
    free_paths(r);
    r->path_bytes = bytes;
    r->n_paths = (u8)kept_paths;
    if (bytes > PEER_ROUTE_INLINE_BYTES) {
        r->paths.owned = kept;
        return;
    }
    memcpy(r->paths.inlined, kept, bytes);
    free(kept);
}

/** Paths through an interface, the usual kind, need it; what others say of one is not looked at. */
static bool has_interfaces(peer_network_t *n, const u8 *wire, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        const mp_fib_path_t *path = (const void *)(wire + i * sizeof *path);
        u32 sw_if_index = be32toh(path->sw_if_index);
        if (path->type == 0 && sw_if_index != UINT32_MAX &&
            peer_network_interface(n, sw_if_index) == NULL)
            return false;
    }
    return true;
}

typedef struct {
    u32 table_id;
    mp_prefix_t prefix;
    bool is_multipath;
    u8 src;
    const u8 *paths;
    u32 n_paths;
} route_request_t;

static i32 add_route(peer_network_t *n, const route_request_t *q, u32 *index)
{
    if (!grow_hash(n))
        return RETVAL_NO_MEMORY;
    u32 slot = find_slot(n, q->table_id, &q->prefix);
    bool is_new = n->route_hash[slot] == 0;
    peer_route_t *r = is_new ? new_route(n) : &n->routes[n->route_hash[slot] - 1];
    if (r == NULL)
        return RETVAL_NO_MEMORY;
    *index = (u32)(r - n->routes);
    if (is_new) {
        *r = (peer_route_t){.table_id = q->table_id, .prefix = q->prefix, .used = true};
        n->route_hash[slot] = *index + 1;
        n->route_used++;
    }
    r->src = q->src;
    /* A path that is there already is not there twice. */
    if (q->is_multipath)
        remove_paths(r, q->paths, q->n_paths);
    u32 keep = q->is_multipath ? r->path_bytes : 0;
    return set_paths(r, keep, q->is_multipath ? r->n_paths : 0, q->paths, q->n_paths)
               ? 0
               : RETVAL_NO_MEMORY;
}

static i32 delete_route(peer_network_t *n, const route_request_t *q)
{
    u32 slot = n->route_hash_size == 0 ? 0 : find_slot(n, q->table_id, &q->prefix);
    if (n->route_hash_size == 0 || n->route_hash[slot] == 0)
        return 0; /* nothing to be done, says VPP */
    u32 index = n->route_hash[slot] - 1;
    peer_route_t *r = &n->routes[index];
    if (q->is_multipath) {
        remove_paths(r, q->paths, q->n_paths);
        if (r->n_paths != 0)
            return 0;
    }
    free_paths(r);
    erase_slot(n, slot);
    r->used = false;
    r->next_free = n->route_free;
    n->route_free = index;
    n->route_used--;
    return 0;
}

static void add_del(peer_t *p, const peer_call_t *call, peer_msg_e reply, bool is_add,
                    const mp_prefix_t *prefix, route_request_t *q)
{
    i32 retval;
    u32 index = NO_ROUTE;
    if (!normalize(prefix, &q->prefix))
        retval = RETVAL_INVALID_VALUE;
    else if (!peer_network_has_table(p->network, q->table_id, prefix->af != 0))
        retval = RETVAL_NO_SUCH_FIB;
    else if (!has_interfaces(p->network, q->paths, q->n_paths))
        retval = RETVAL_NO_MATCHING_INTERFACE;
    else if (is_add && q->n_paths == 0)
        retval = RETVAL_NO_PATHS;
    else
        retval = is_add ? add_route(p->network, q, &index) : delete_route(p->network, q);
    store_relaxed(&p->stats.routes, p->network->route_used);
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
                         .is_multipath = m->is_multipath != 0,
                         .src = SOURCE_API,
                         .paths = (const u8 *)(m + 1),
                         .n_paths = m->route.n_paths};
    add_del(p, call, PEER_MSG_ip_route_add_del_reply, m->is_add != 0, &m->route.prefix, &q);
}

void peer_on_ip_route_add_del_v2(peer_t *p, const peer_call_t *call)
{
    const mp_ip_route_add_del_v2_t *m = (const void *)call->body;
    route_request_t q = {.table_id = be32toh(m->route.table_id),
                         .is_multipath = m->is_multipath != 0,
                         .src = m->route.src != 0 ? m->route.src : (u8)SOURCE_API,
                         .paths = (const u8 *)(m + 1),
                         .n_paths = m->route.n_paths};
    add_del(p, call, PEER_MSG_ip_route_add_del_v2_reply, m->is_add != 0, &m->route.prefix, &q);
}

/* ---- dumps ---- */

#define DUMP_V2 0x100u
#define DUMP_IP6 0x200u
#define DUMP_SOURCE 0xffu

static void unpack_paths(peer_route_t *r, u8 *to)
{
    const u8 *from = paths_of(r);
    for (u32 i = 0; i < r->n_paths; i++) {
        u32 size = packed_path_bytes(from);
        memcpy(to, from, size);
        from += size;
        to += sizeof(mp_fib_path_t);
    }
}

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
    unpack_paths(r, (u8 *)(d + 1));
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
    unpack_paths(r, (u8 *)(d + 1));
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
        if (!r->used || r->table_id != d->a || (r->prefix.af != 0) != ((d->b & DUMP_IP6) != 0))
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
