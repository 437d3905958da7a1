/* SPDX-License-Identifier: Apache-2.0
 *
 * The small network behind the peer's API: loopbacks with addresses, tables and routes, bridge domains.
 * The peer's thread alone.
 */
#ifndef VAPI_CORE_PEER_NETWORK_H
#define VAPI_CORE_PEER_NETWORK_H

#include "peer_state.h"

/* VPP's numbers for what goes wrong. */
#define RETVAL_UNSPECIFIED (-1)
#define RETVAL_INVALID_SW_IF_INDEX (-2)
#define RETVAL_NO_SUCH_FIB (-3)
#define RETVAL_NO_SUCH_ENTRY (-6)
#define RETVAL_INVALID_VALUE (-7)
#define RETVAL_UNIMPLEMENTED (-9)
#define RETVAL_ADDRESS_LENGTH_MISMATCH (-59)
#define RETVAL_ADDRESS_NOT_FOUND (-60)
#define RETVAL_ADDRESS_NOT_DELETABLE (-61)
#define RETVAL_INVALID_REGISTRATION (-31)
#define RETVAL_NO_PATHS (-52)
#define RETVAL_NO_MATCHING_INTERFACE (-54)
#define RETVAL_INVALID_VLAN (-55)
#define RETVAL_VLAN_ALREADY_EXISTS (-56)
#define RETVAL_NO_SUCH_TABLE (-65)
#define RETVAL_INVALID_SUB_SW_IF_INDEX (-98)
#define RETVAL_ADDRESS_FOUND_FOR_INTERFACE (-114)
#define RETVAL_UNSUPPORTED (-126)
#define RETVAL_INVALID_PREFIX_LENGTH (-171)
#define RETVAL_ADDRESS_IN_USE (-105)
#define RETVAL_DUPLICATE_IF_ADDRESS (-127)
#define RETVAL_BD_HAS_BVI (-152)
#define RETVAL_BD_ALREADY_EXISTS (-119)
#define RETVAL_BD_IN_USE (-120)
#define RETVAL_BD_NOT_MODIFIABLE (-121)
#define RETVAL_BD_ID_EXCEED_MAX (-122)
#define RETVAL_NO_MEMORY (-1)

/* Of peer_interface_t.flags; that there is a link is seen by it. */
#define PEER_ADMIN_UP 1u
#define PEER_LOOPBACK_MTU 9000u

typedef struct {
    u32 sw_if_index; /* the interface that has it */
    mp_prefix_t prefix;
} peer_address_t;

typedef struct {
    bool exists;
    bool is_loopback; /* else a sub-interface, or local0 */
    u32 instance; /* of a loopback */
    u32 sup; /* the interface that it is a part of, itself if none */
    u32 vlan; /* of a sub-interface, else 0 */
    u8 mac[6];
    u32 flags; /* PEER_ADMIN_UP */
    u32 mtu[4];
    u32 bd_id; /* bridge domain it is a port of, UINT32_MAX: none */
    u32 port_type;
    u8 shg;
    u32 table_id[2]; /* where its addresses belong: IPv4, IPv6 */
    char name[64];
    char tag[64];
} peer_interface_t;

typedef struct {
    u32 table_id;
    bool is_ip6;
    bool is_wanted; /* by the API; else only interfaces keep it */
    char name[64];
} peer_table_t;

/** Bytes of a path without its label stack. */
#define PEER_PATH_BYTES ((u32)offsetof(mp_fib_path_t, label_stack))
#define PEER_ROUTE_INLINE_BYTES 56u

/** A route. Its paths are kept as on the wire, each with only those labels that it has. */
typedef struct {
    u32 table_id;
    u32 next_free; /* of unused ones */
    u32 worse; /* the next best of this prefix, UINT32_MAX: none */
    mp_prefix_t prefix; /* host bits zero */
    u8 n_paths;
    u8 src;
    bool used;
    bool is_best; /* of its prefix */
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
    u32 routes_asked_for; /* of them: those that a client added */
    mp_fib_path_t shaped[UINT8_MAX]; /* the paths of a request, as VPP would show them */
};

/** local0, and the tables 0 of both families. NULL: no memory. */
peer_network_t *peer_network_alloc(void);
/** NULL is allowed. */
void peer_network_free(peer_network_t *n);
/** The interface, NULL: no such. */
peer_interface_t *peer_network_interface(peer_network_t *n, u32 sw_if_index);
/** A table and the routes that every table has. 0, RETVAL_NO_MEMORY; nothing if it is there. */
i32 peer_network_add_table(peer_network_t *n, u32 table_id, bool is_ip6, const char *name);
bool peer_network_has_table(const peer_network_t *n, u32 table_id, bool is_ip6);
/** Tables that nobody wants any more go, with all their routes. */
void peer_network_drop_unused_tables(peer_network_t *n);
/** Tells the statistics. */
void peer_network_count_routes(peer_t *p);
/** Tells those who asked for events of interfaces. */
void peer_interface_send_event(peer_t *p, u32 sw_if_index, u32 flags, bool deleted);
/** Up or down, as IF_STATUS_API_FLAG_ADMIN_UP says; with its event. 0, RETVAL_NO_MEMORY. */
i32 peer_interface_set_flags(peer_t *p, u32 sw_if_index, u32 flags);
/** Loses every address of an interface. */
void peer_network_drop_addresses(peer_network_t *n, u32 sw_if_index);
bool peer_network_has_addresses(const peer_network_t *n, u32 sw_if_index, bool is_ip6);
/** The routes of an interface's addresses come (it is up now) or go. */
i32 peer_connected_set(peer_network_t *n, u32 sw_if_index, bool is_up);
/** The same for one address, which is among those of its interface. */
i32 peer_connected_add(peer_network_t *n, const peer_address_t *a);
void peer_connected_remove(peer_network_t *n, const peer_address_t *a);
/** Whether the first `bits` bits are the same. */
bool peer_same_net(const u8 *a, const u8 *b, u32 bits);
/** Makes room for one more in an array that grows; false: no memory. */
bool peer_array_grow(void **array, u32 count, u32 *room, size_t element_bytes);

#endif
