/* SPDX-License-Identifier: Apache-2.0
 *
 * The handlers in C, one for each request that the peer implements. Each gets a request whose length
 * has been checked against its layout (tail included), and answers call->client, which may be NULL.
 * The peer's thread alone.
 */
#ifndef VAPI_CORE_PEER_HANDLERS_H
#define VAPI_CORE_PEER_HANDLERS_H

#include "peer_state.h"

#define PEER_HANDLERS(H)                                                                           \
    H(memclnt_create)                                                                              \
    H(memclnt_create_v2)                                                                           \
    H(memclnt_delete)                                                                              \
    H(memclnt_keepalive)                                                                           \
    H(memclnt_keepalive_reply)                                                                     \
    H(get_first_msg_id)                                                                            \
    H(api_versions)                                                                                \
    H(sockclnt_create)                                                                             \
    H(sockclnt_delete)                                                                             \
    H(sock_init_shm)                                                                               \
    H(control_ping)                                                                                \
    H(get_api_json)                                                                                \
    H(show_version)                                                                                \
    H(cli_inband)                                                                                  \
    H(sw_interface_set_flags)                                                                      \
    H(sw_interface_set_mtu)                                                                        \
    H(want_interface_events)                                                                       \
    H(sw_interface_dump)                                                                           \
    H(sw_interface_add_del_address)                                                                \
    H(sw_interface_set_table)                                                                      \
    H(sw_interface_tag_add_del)                                                                    \
    H(sw_interface_set_mac_address)                                                                \
    H(sw_interface_get_mac_address)                                                                \
    H(create_vlan_subif)                                                                           \
    H(delete_subif)                                                                                \
    H(create_loopback)                                                                             \
    H(create_loopback_instance)                                                                    \
    H(delete_loopback)                                                                             \
    H(ip_table_add_del)                                                                            \
    H(ip_table_allocate)                                                                           \
    H(ip_table_flush)                                                                              \
    H(ip_table_dump)                                                                               \
    H(ip_route_add_del)                                                                            \
    H(ip_route_add_del_v2)                                                                         \
    H(ip_route_lookup)                                                                             \
    H(ip_route_dump)                                                                               \
    H(ip_route_v2_dump)                                                                            \
    H(ip_address_dump)                                                                             \
    H(bridge_domain_add_del_v2)                                                                    \
    H(bridge_domain_dump)                                                                          \
    H(sw_interface_set_l2_bridge)

#define H(name) void peer_on_##name(peer_t *p, const peer_call_t *call);
PEER_HANDLERS(H)
#undef H

#endif
