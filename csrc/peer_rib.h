/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the routes are kept. A prefix of a table may come from several sources (somebody's request, an
 * interface's address, the table itself); the best of them is what a dump shows, the others come to
 * light when it goes. The peer's thread alone.
 */
#ifndef VAPI_CORE_PEER_RIB_H
#define VAPI_CORE_PEER_RIB_H

#include "peer_network.h"

#define PEER_NO_ROUTE UINT32_MAX

/** VPP's numbers for sources, as ip_route_v2 shows them; a lower one is better. */
#define PEER_SOURCE_SPECIAL 1u
#define PEER_SOURCE_INTERFACE 4u
#define PEER_SOURCE_API 8u
#define PEER_SOURCE_DEFAULT 20u

/** Which route: a prefix (host bits zero) of a table, as one source has it. */
typedef struct {
    u32 table_id;
    mp_prefix_t prefix;
    u8 src;
} peer_rib_key_t;

/**
 * The prefix with its host bits cleared and nothing in the bytes that its family has no use for;
 * false: there is no such prefix.
 */
bool peer_rib_normalize(const mp_prefix_t *from, mp_prefix_t *to);

/**
 * Paths as on the wire, in place of what the source had there or (`is_multipath`) beside it. 0 and
 * the index, or RETVAL_NO_MEMORY.
 */
i32 peer_rib_put(peer_network_t *n, const peer_rib_key_t *key, bool is_multipath,
                 const mp_fib_path_t *paths, u32 n_paths, u32 *index);
/** Takes out what the source has there; nothing happens if that is nothing. */
void peer_rib_remove(peer_network_t *n, const peer_rib_key_t *key);
/** Takes out only paths that go the same ways, and the route with its last one. */
void peer_rib_remove_paths(peer_network_t *n, const peer_rib_key_t *key, const mp_fib_path_t *paths,
                           u32 n_paths);
/** Takes out what a source has in a table, or all sources (0). */
void peer_rib_clear(peer_network_t *n, u32 table_id, bool is_ip6, u8 src);
/** The best route for a prefix, NULL: none. */
peer_route_t *peer_rib_best(const peer_network_t *n, u32 table_id, const mp_prefix_t *prefix);
/** Its paths, one after the other, as on the wire. */
void peer_rib_unpack(const peer_route_t *r, mp_fib_path_t *to);
/** The routes that every table has. 0, RETVAL_NO_MEMORY. */
i32 peer_rib_add_specials(peer_network_t *n, u32 table_id, bool is_ip6);
void peer_rib_free(peer_network_t *n);

#endif
