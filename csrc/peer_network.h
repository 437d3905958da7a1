/* SPDX-License-Identifier: Apache-2.0
 *
 * The small network behind the peer's API: loopbacks with addresses, tables and routes, bridge domains.
 * The peer's thread alone.
 */
#ifndef VAPI_CORE_PEER_NETWORK_H
#define VAPI_CORE_PEER_NETWORK_H

#include "peer_messages.h"

/* VPP's numbers for what goes wrong. */
#define RETVAL_INVALID_SW_IF_INDEX (-2)
#define RETVAL_NO_SUCH_FIB (-3)
#define RETVAL_NO_SUCH_ENTRY (-6)
#define RETVAL_INVALID_VALUE (-7)
#define RETVAL_ADDRESS_LENGTH_MISMATCH (-59)
#define RETVAL_ADDRESS_NOT_FOUND (-60)
#define RETVAL_ADDRESS_NOT_DELETABLE (-61)
#define RETVAL_INVALID_REGISTRATION (-31)
#define RETVAL_NO_PATHS (-52)
#define RETVAL_NO_MATCHING_INTERFACE (-54)
#define RETVAL_ADDRESS_IN_USE (-105)
#define RETVAL_DUPLICATE_IF_ADDRESS (-127)
#define RETVAL_BD_HAS_BVI (-152)
#define RETVAL_BD_ALREADY_EXISTS (-119)
#define RETVAL_BD_IN_USE (-120)
#define RETVAL_BD_ID_EXCEED_MAX (-122)
#define RETVAL_NO_MEMORY (-1)

typedef struct {
    u32 sw_if_index; /* the interface that has it */
    mp_prefix_t prefix;
} peer_address_t;

typedef struct {
    bool exists;
    bool is_loopback; /* else local0 */
    u32 instance;
    u8 mac[6];
    u32 flags; /* IF_STATUS_API_FLAG_* */
    u32 mtu[4];
    u32 bd_id; /* bridge domain it is a port of, UINT32_MAX: none */
    u32 port_type;
    u8 shg;
    char name[64];
} peer_interface_t;

typedef struct {
    u32 table_id;
    bool is_ip6;
    char name[64];
} peer_table_t;

/** Bytes of a path without its label stack. */
#define PEER_PATH_BYTES ((u32)offsetof(mp_fib_path_t, label_stack))
#define PEER_ROUTE_INLINE_BYTES 56u

/** A route. Its paths are kept as on the wire, each with only those labels that it has. */
typedef struct {
    u32 table_id;
    u32 next_free; /* of unused ones */
    mp_prefix_t prefix; /* host bits zero */
    u8 n_paths;
    u8 src;
    bool used;
    u32 path_bytes;
    union {
        u8 inlined[PEER_ROUTE_INLINE_BYTES]; /* when they fit: one path without labels does */
        u8 *owned;
    } paths;
} peer_route_t;

struct peer_network {
    peer_interface_t *interfaces; /* by sw_if_index */
    u32 interface_count, interface_room;
    u32 loopbacks_hint; /* no loopback instance under this one is free */
    peer_address_t *addresses;
    u32 address_count, address_room;
    peer_table_t *tables;
    u32 table_count, table_room;
    mp_bridge_domain_t *bridges;
    u32 bridge_count, bridge_room;
    peer_route_t *routes; /* index: stats_index; unused ones are chained */
    u32 route_count, route_room, route_used;
    u32 route_free; /* first unused one, UINT32_MAX: none */
    u32 *route_hash; /* index + 1, 0: free; open addressing */
    u32 route_hash_size;
};

typedef struct peer_network peer_network_t;

/** local0, and the tables 0 of both families. NULL: no memory. */
peer_network_t *peer_network_alloc(void);
/** NULL is allowed. */
void peer_network_free(peer_network_t *n);
/** The interface, NULL: no such. */
peer_interface_t *peer_network_interface(peer_network_t *n, u32 sw_if_index);
bool peer_network_has_table(const peer_network_t *n, u32 table_id, bool is_ip6);
/** How many routes there are. */
u32 peer_network_routes(const peer_network_t *n);
void peer_network_free_routes(peer_network_t *n);
/** Loses every address of an interface. */
void peer_network_drop_addresses(peer_network_t *n, u32 sw_if_index);
/** Makes room for one more in an array that grows; false: no memory. */
bool peer_array_grow(void **array, u32 count, u32 *room, size_t element_bytes);

#endif
