/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash finds the best route of a prefix, which leads to the worse ones. A route's index is its
 * stats_index; dumps walk the indexes, so that they can stop and go on while routes come and go.
 */
#include <stdlib.h>

#include "peer_rib.h"

/* ---- paths ---- */

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
static void drop_paths(peer_route_t *r, const u8 *wire, u32 n)
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

void peer_rib_unpack(const peer_route_t *r, mp_fib_path_t *to)
{
    const u8 *from = paths_of((peer_route_t *)r);
    for (u32 i = 0; i < r->n_paths; i++, to++) {
        memcpy(to, from, packed_path_bytes(from));
        from += packed_path_bytes(from);
    }
}

/* ---- the hash: table and prefix to the best route ---- */

bool peer_rib_normalize(const mp_prefix_t *from, mp_prefix_t *to)
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

static bool same_prefix(const peer_route_t *r, u32 table_id, const mp_prefix_t *prefix)
{
    return r->table_id == table_id && memcmp(&r->prefix, prefix, sizeof *prefix) == 0;
}

/** The slot where the route is, or the free one where it belongs. The hash is never full. */
static u32 find_slot(const peer_network_t *n, u32 table_id, const mp_prefix_t *prefix)
{
    u32 mask = n->route_hash_size - 1;
    u32 i = hash_route(table_id, prefix) & mask;
    while (n->route_hash[i] != 0 &&
           !same_prefix(&n->routes[n->route_hash[i] - 1], table_id, prefix))
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
        if (n->routes[i].used && n->routes[i].is_best)
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
    if (n->route_free != PEER_NO_ROUTE) {
        peer_route_t *r = &n->routes[n->route_free];
        n->route_free = r->next_free;
        return r;
    }
    if (!peer_array_grow((void **)&n->routes, n->route_count, &n->route_room, sizeof *n->routes))
        return NULL;
    return &n->routes[n->route_count++];
}

/* ---- sources ---- */

peer_route_t *peer_rib_best(const peer_network_t *n, u32 table_id, const mp_prefix_t *prefix)
{
    if (n->route_hash_size == 0)
        return NULL;
    u32 i = n->route_hash[find_slot(n, table_id, prefix)];
    return i == 0 ? NULL : &n->routes[i - 1];
}

/** Whether a client added it; the others come and go by themselves. */
static bool is_asked_for(const peer_route_t *r)
{
    return r->src != PEER_SOURCE_SPECIAL && r->src != PEER_SOURCE_INTERFACE &&
           r->src != PEER_SOURCE_DEFAULT;
}

/** What the source has there; NULL: nothing. */
static peer_route_t *find(const peer_network_t *n, const peer_rib_key_t *key)
{
    peer_route_t *r = peer_rib_best(n, key->table_id, &key->prefix);
    while (r != NULL && r->src != key->src)
        r = r->worse == PEER_NO_ROUTE ? NULL : &n->routes[r->worse];
    return r;
}

/** Puts a route where it belongs among those of its prefix. */
static void link_route(peer_network_t *n, u32 index)
{
    peer_route_t *r = &n->routes[index];
    u32 *at = &n->route_hash[find_slot(n, r->table_id, &r->prefix)];
    peer_route_t *best = *at == 0 ? NULL : &n->routes[*at - 1];
    r->is_best = best == NULL || r->src < best->src;
    if (r->is_best) {
        r->worse = best == NULL ? PEER_NO_ROUTE : *at - 1;
        if (best != NULL)
            best->is_best = false;
        *at = index + 1;
        return;
    }
    while (best->worse != PEER_NO_ROUTE && n->routes[best->worse].src < r->src)
        best = &n->routes[best->worse];
    r->worse = best->worse;
    best->worse = index;
}

static void unlink_route(peer_network_t *n, u32 index)
{
    peer_route_t *r = &n->routes[index];
    u32 slot = find_slot(n, r->table_id, &r->prefix);
    if (!r->is_best) {
        peer_route_t *better = &n->routes[n->route_hash[slot] - 1];
        while (better->worse != index)
            better = &n->routes[better->worse];
        better->worse = r->worse;
    } else if (r->worse == PEER_NO_ROUTE) {
        erase_slot(n, slot);
    } else {
        n->route_hash[slot] = r->worse + 1;
        n->routes[r->worse].is_best = true;
    }
}

i32 peer_rib_put(peer_network_t *n, const peer_rib_key_t *key, bool is_multipath,
                 const mp_fib_path_t *paths, u32 n_paths, u32 *index)
{
    if (!grow_hash(n))
        return RETVAL_NO_MEMORY;
    peer_route_t *r = find(n, key);
    bool is_new = r == NULL;
    if (is_new) {
        r = new_route(n);
        if (r == NULL)
            return RETVAL_NO_MEMORY;
        *r = (peer_route_t){.table_id = key->table_id, .prefix = key->prefix, .src = key->src};
    }
    *index = (u32)(r - n->routes);
    /* A path that is there already is not there twice. */
    if (is_multipath)
        drop_paths(r, (const u8 *)paths, n_paths);
    u32 keep_bytes = is_multipath ? r->path_bytes : 0;
    u32 keep_paths = is_multipath ? r->n_paths : 0;
    bool done = set_paths(r, keep_bytes, keep_paths, (const u8 *)paths, n_paths);
    if (!is_new)
        return done ? 0 : RETVAL_NO_MEMORY;
    if (!done) {
        r->next_free = n->route_free;
        n->route_free = *index;
        return RETVAL_NO_MEMORY;
    }
    r->used = true;
    n->route_used++;
    n->routes_asked_for += is_asked_for(r);
    link_route(n, *index);
    return 0;
}

static void remove_route(peer_network_t *n, peer_route_t *r)
{
    u32 index = (u32)(r - n->routes);
    unlink_route(n, index);
    free_paths(r);
    r->used = false;
    r->next_free = n->route_free;
    n->route_free = index;
    n->route_used--;
    n->routes_asked_for -= is_asked_for(r);
}

void peer_rib_remove(peer_network_t *n, const peer_rib_key_t *key)
{
    peer_route_t *r = find(n, key);
    if (r != NULL)
        remove_route(n, r);
}

void peer_rib_remove_paths(peer_network_t *n, const peer_rib_key_t *key, const mp_fib_path_t *paths,
                           u32 n_paths)
{
    peer_route_t *r = find(n, key);
    if (r == NULL)
        return;
    drop_paths(r, (const u8 *)paths, n_paths);
    if (r->n_paths == 0)
        remove_route(n, r);
}

void peer_rib_clear(peer_network_t *n, u32 table_id, bool is_ip6, u8 src)
{
    for (u32 i = 0; i < n->route_count; i++) {
        peer_route_t *r = &n->routes[i];
        if (r->used && r->table_id == table_id && (r->prefix.af != 0) == is_ip6 &&
            (src == 0 || r->src == src))
            remove_route(n, r);
    }
}

void peer_rib_free(peer_network_t *n)
{
    for (u32 i = 0; i < n->route_count; i++)
        if (n->routes[i].used)
            free_paths(&n->routes[i]);
    free(n->routes);
    free(n->route_hash);
}
