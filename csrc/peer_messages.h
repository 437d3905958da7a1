/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages that the peer implements, laid out by hand in this one place: names, CRCs and shapes
 * of VPP 26.06. Packed; integers are big-endian unless a field says raw.
 */
#ifndef VAPI_CORE_PEER_MESSAGES_H
#define VAPI_CORE_PEER_MESSAGES_H

#include <vapi/vapi_types.h>

/* memclnt in declaration order: these have the ids 1 to 28. M(name, crc) */
#define PEER_MEMCLNT_MESSAGES(M)                                                                   \
    M(memclnt_create, 9c5e1c2f)                                                                    \
    M(memclnt_create_reply, 42ec4560)                                                              \
    M(memclnt_delete, 7e1c04e3)                                                                    \
    M(memclnt_delete_reply, 3d3b6312)                                                              \
    M(rx_thread_exit, c3a3a452)                                                                    \
    M(memclnt_rx_thread_suspend, c3a3a452)                                                         \
    M(memclnt_read_timeout, c3a3a452)                                                              \
    M(rpc_call, 7e8a2c95)                                                                          \
    M(rpc_call_reply, e8d4e804)                                                                    \
    M(get_first_msg_id, ebf79a66)                                                                  \
    M(get_first_msg_id_reply, 7d337472)                                                            \
    M(api_versions, 51077d14)                                                                      \
    M(api_versions_reply, 5f0d99d6)                                                                \
    M(trace_plugin_msg_ids, f476d3ce)                                                              \
    M(sockclnt_create, 455fb9c4)                                                                   \
    M(sockclnt_create_reply, 35166268)                                                             \
    M(sockclnt_delete, 8ac76db6)                                                                   \
    M(sockclnt_delete_reply, 8f38b1ee)                                                             \
    M(sock_init_shm, 51646d92)                                                                     \
    M(sock_init_shm_reply, e8d4e804)                                                               \
    M(memclnt_keepalive, 51077d14)                                                                 \
    M(memclnt_keepalive_reply, e8d4e804)                                                           \
    M(control_ping, 51077d14)                                                                      \
    M(control_ping_reply, f6b0b8ca)                                                                \
    M(memclnt_create_v2, c4bd4882)                                                                 \
    M(memclnt_create_v2_reply, 42ec4560)                                                           \
    M(get_api_json, 51077d14)                                                                      \
    M(get_api_json_reply, ea715b59)

/* The rest, by the module that declares them. */
#define PEER_VPE_MESSAGES(M)                                                                       \
    M(show_version, 51077d14)                                                                      \
    M(show_version_reply, c919bde1)
#define PEER_VLIB_MESSAGES(M)                                                                      \
    M(cli_inband, f8377302)                                                                        \
    M(cli_inband_reply, 05879051)
#define PEER_INTERFACE_MESSAGES(M)                                                                 \
    M(sw_interface_set_flags, f5aec1b8)                                                            \
    M(sw_interface_set_flags_reply, e8d4e804)                                                      \
    M(sw_interface_set_mtu, 5cbe85e5)                                                              \
    M(sw_interface_set_mtu_reply, e8d4e804)                                                        \
    M(sw_interface_event, 2d3d95a7)                                                                \
    M(want_interface_events, 476f5a08)                                                             \
    M(want_interface_events_reply, e8d4e804)                                                       \
    M(sw_interface_details, 6c221fc7)                                                              \
    M(sw_interface_dump, aa610c27)                                                                 \
    M(sw_interface_add_del_address, 5463d73b)                                                      \
    M(sw_interface_add_del_address_reply, e8d4e804)                                                \
    M(sw_interface_set_table, df42a577)                                                            \
    M(sw_interface_set_table_reply, e8d4e804)                                                      \
    M(sw_interface_tag_add_del, 426f8bc1)                                                          \
    M(sw_interface_tag_add_del_reply, e8d4e804)                                                    \
    M(sw_interface_set_mac_address, c536e7eb)                                                      \
    M(sw_interface_set_mac_address_reply, e8d4e804)                                                \
    M(sw_interface_get_mac_address, f9e6675e)                                                      \
    M(sw_interface_get_mac_address_reply, 40ef2c08)                                                \
    M(create_vlan_subif, af34ac8b)                                                                 \
    M(create_vlan_subif_reply, 5383d31f)                                                           \
    M(delete_subif, f9e6675e)                                                                      \
    M(delete_subif_reply, e8d4e804)                                                                \
    M(create_loopback, 42bb5d22)                                                                   \
    M(create_loopback_reply, 5383d31f)                                                             \
    M(create_loopback_instance, d36a3ee2)                                                          \
    M(create_loopback_instance_reply, 5383d31f)                                                    \
    M(delete_loopback, f9e6675e)                                                                   \
    M(delete_loopback_reply, e8d4e804)
#define PEER_IP_MESSAGES(M)                                                                        \
    M(ip_table_add_del, 0ffdaec0)                                                                  \
    M(ip_table_add_del_reply, e8d4e804)                                                            \
    M(ip_table_allocate, b9d2e09e)                                                                 \
    M(ip_table_allocate_reply, 1728303a)                                                           \
    M(ip_table_flush, b9d2e09e)                                                                    \
    M(ip_table_flush_reply, e8d4e804)                                                              \
    M(ip_table_dump, 51077d14)                                                                     \
    M(ip_table_details, c79fca0f)                                                                  \
    M(ip_route_add_del, b8ecfe0d)                                                                  \
    M(ip_route_add_del_v2, 521ef330)                                                               \
    M(ip_route_add_del_reply, 1992deab)                                                            \
    M(ip_route_add_del_v2_reply, 1992deab)                                                         \
    M(ip_route_dump, b9d2e09e)                                                                     \
    M(ip_route_v2_dump, d16f72e6)                                                                  \
    M(ip_route_lookup, 710d6471)                                                                   \
    M(ip_route_lookup_reply, 5d8febcb)                                                             \
    M(ip_route_details, bda8f315)                                                                  \
    M(ip_route_v2_details, b09aa6c0)                                                               \
    M(ip_address_details, ee29b797)                                                                \
    M(ip_address_dump, 2d033de4)
#define PEER_L2_MESSAGES(M)                                                                        \
    M(bridge_domain_add_del_v2, 600b7170)                                                          \
    M(bridge_domain_add_del_v2_reply, fcb1e980)                                                    \
    M(bridge_domain_dump, 74396a43)                                                                \
    M(bridge_domain_details, 0fa506fd)                                                             \
    M(sw_interface_set_l2_bridge, d0678b13)                                                        \
    M(sw_interface_set_l2_bridge_reply, e8d4e804)
#define PEER_ALL_MESSAGES(M)                                                                       \
    PEER_MEMCLNT_MESSAGES(M)                                                                       \
    PEER_VPE_MESSAGES(M)                                                                           \
    PEER_VLIB_MESSAGES(M)                                                                          \
    PEER_INTERFACE_MESSAGES(M)                                                                     \
    PEER_IP_MESSAGES(M)                                                                            \
    PEER_L2_MESSAGES(M)

/** Index of a message that the peer implements; its id is peer->ids[index]. */
typedef enum {
#define M(name, crc) PEER_MSG_##name,
    PEER_ALL_MESSAGES(M)
#undef M
        PEER_MSG_COUNT
} peer_msg_e;

#define PEER_MEMCLNT_COUNT 28u

#pragma pack(push, 1)

/* How most requests and replies begin. Contexts and client indexes are never swapped. */
typedef struct {
    u16 id;
    u32 client_index;
    u32 context;
} peer_request_header_t;

typedef struct {
    u16 id;
    u32 context;
    i32 retval;
} peer_reply_header_t;

/* ---- memclnt ---- */
typedef struct {
    u16 id;
    u32 context;
    i32 ctx_quota;
    u64 input_queue; /* raw */
    char name[64];
    u32 api_versions[8];
    u8 keepalive; /* v2 only */
} mp_memclnt_create_t;

typedef struct {
    u16 id;
    u32 context;
    i32 response;
    u64 handle; /* raw, as the next two */
    u32 index;
    u64 message_table;
} mp_memclnt_create_reply_t;

typedef struct {
    u16 id;
    u32 index;
    u64 handle;
    u8 do_cleanup;
} mp_memclnt_delete_t;

typedef struct {
    u16 id;
    i32 response; /* raw */
    u64 handle;
} mp_memclnt_delete_reply_t;

typedef struct {
    u16 id;
    u32 client_index;
    u32 context;
    char name[64];
} mp_get_first_msg_id_t;

typedef struct {
    peer_reply_header_t h;
    u16 first_msg_id;
} mp_get_first_msg_id_reply_t;

typedef struct {
    peer_reply_header_t h;
    u32 count;
} mp_api_versions_reply_t;

typedef struct {
    u32 major, minor, patch;
    char name[64];
} mp_module_version_t;

typedef struct {
    u16 id;
    u32 context;
    char name[64];
} mp_sockclnt_create_t;

typedef struct {
    u16 id;
    u32 client_index;
    u32 context;
    i32 response;
    u32 index;
    u16 count;
} mp_sockclnt_create_reply_t;

typedef struct {
    peer_request_header_t h;
    u32 index;
} mp_sockclnt_delete_t;

typedef struct {
    peer_request_header_t h;
    u32 requested_size; /* raw */
    u8 nitems;
} mp_sock_init_shm_t;

typedef struct {
    peer_reply_header_t h;
    u32 client_index;
    u32 vpe_pid;
} mp_control_ping_reply_t;

/* A reply that ends in a string: the text follows. */
typedef struct {
    peer_reply_header_t h;
    u32 length;
} mp_text_reply_t;

/* ---- vpe, vlib ---- */
typedef struct {
    peer_reply_header_t h;
    char program[32];
    char version[32];
    char build_date[32];
    char build_directory[256];
} mp_show_version_reply_t;

typedef struct {
    peer_request_header_t h;
    u32 length;
} mp_cli_inband_t;

/* ---- interface ---- */
typedef struct {
    peer_request_header_t h;
    u32 sw_if_index;
} mp_interface_request_t; /* delete_loopback, delete_subif, sw_interface_get_mac_address */

typedef struct {
    peer_reply_header_t h;
    u32 sw_if_index;
} mp_interface_reply_t; /* of everything that creates one */

typedef struct {
    peer_request_header_t h;
    u32 sw_if_index;
    u32 flags;
} mp_sw_interface_set_flags_t;

typedef struct {
    peer_request_header_t h;
    u32 sw_if_index;
    u32 mtu[4];
} mp_sw_interface_set_mtu_t;

typedef struct {
    u16 id;
    u32 client_index;
    u32 pid;
    u32 sw_if_index;
    u32 flags;
    u8 deleted;
} mp_sw_interface_event_t;

typedef struct {
    peer_request_header_t h;
    u32 enable_disable;
    u32 pid;
} mp_want_interface_events_t;

typedef struct {
    peer_request_header_t h;
    u32 sw_if_index;
    u8 name_filter_valid;
    u32 name_filter_length;
} mp_sw_interface_dump_t;

typedef struct {
    u16 id;
    u32 context;
    u32 sw_if_index;
    u32 sup_sw_if_index;
    u8 l2_address[6];
    u32 flags;
    u32 type;
    u32 link_duplex;
    u32 link_speed;
    u16 link_mtu;
    u32 mtu[4];
    u32 sub_id;
    u8 sub_number_of_tags;
    u16 sub_outer_vlan_id;
    u16 sub_inner_vlan_id;
    u32 sub_if_flags;
    u32 vtr_op;
    u32 vtr_push_dot1q;
    u32 vtr_tag1;
    u32 vtr_tag2;
    u16 outer_tag;
    u8 b_dmac[6];
    u8 b_smac[6];
    u16 b_vlanid;
    u32 i_sid;
    char interface_name[64];
    char interface_dev_type[64];
    char tag[64];
} mp_sw_interface_details_t;

typedef struct {
    u8 af; /* 0: ip4, 1: ip6 */
    u8 address[16];
    u8 len;
} mp_prefix_t;

typedef struct {
    peer_request_header_t h;
    u32 sw_if_index;
    u8 is_add;
    u8 del_all;
    mp_prefix_t prefix;
} mp_sw_interface_add_del_address_t;

typedef struct {
    peer_request_header_t h;
    u32 sw_if_index;
    u8 is_ipv6;
    u32 vrf_id;
} mp_sw_interface_set_table_t;

typedef struct {
    peer_request_header_t h;
    u8 is_add;
    u32 sw_if_index;
    char tag[64];
} mp_sw_interface_tag_add_del_t;

typedef struct {
    peer_request_header_t h;
    u32 sw_if_index;
    u8 mac_address[6];
} mp_sw_interface_set_mac_address_t;

typedef struct {
    peer_reply_header_t h;
    u8 mac_address[6];
} mp_sw_interface_get_mac_address_reply_t;

typedef struct {
    peer_request_header_t h;
    u32 sw_if_index;
    u32 vlan_id;
} mp_create_vlan_subif_t;

typedef struct {
    peer_request_header_t h;
    u8 mac_address[6];
} mp_create_loopback_t;

typedef struct {
    peer_request_header_t h;
    u8 mac_address[6];
    u8 is_specified;
    u32 user_instance;
} mp_create_loopback_instance_t;

/* ---- ip ---- */
typedef struct {
    u32 table_id;
    u8 is_ip6;
    char name[64];
} mp_ip_table_t;

typedef struct {
    peer_request_header_t h;
    u8 is_add;
    mp_ip_table_t table;
} mp_ip_table_add_del_t;

typedef struct {
    peer_request_header_t h;
    mp_ip_table_t table;
} mp_ip_table_request_t;

typedef mp_ip_table_request_t mp_ip_table_allocate_t;
typedef mp_ip_table_request_t mp_ip_table_flush_t;

typedef struct {
    peer_reply_header_t h;
    mp_ip_table_t table;
} mp_ip_table_allocate_reply_t;

typedef struct {
    u16 id;
    u32 context;
    mp_ip_table_t table;
} mp_ip_table_details_t;

typedef struct {
    u8 is_uniform;
    u32 label;
    u8 ttl;
    u8 exp;
} mp_fib_mpls_label_t;

typedef struct {
    u32 sw_if_index;
    u32 table_id;
    u32 rpf_id;
    u8 weight;
    u8 preference;
    u32 type;
    u32 flags;
    u32 proto;
    u8 nh_address[16];
    u32 nh_via_label;
    u32 nh_obj_id;
    u32 nh_classify_table_index;
    u8 n_labels;
    mp_fib_mpls_label_t label_stack[16];
} mp_fib_path_t;

typedef struct {
    u32 table_id;
    u32 stats_index;
    mp_prefix_t prefix;
    u8 n_paths;
} mp_ip_route_t; /* paths follow */

typedef struct {
    u32 table_id;
    u32 stats_index;
    mp_prefix_t prefix;
    u8 n_paths;
    u8 src;
} mp_ip_route_v2_t;

typedef struct {
    peer_request_header_t h;
    u8 is_add;
    u8 is_multipath;
    mp_ip_route_t route;
} mp_ip_route_add_del_t;

typedef struct {
    peer_request_header_t h;
    u8 is_add;
    u8 is_multipath;
    mp_ip_route_v2_t route;
} mp_ip_route_add_del_v2_t;

typedef struct {
    peer_reply_header_t h;
    u32 stats_index;
} mp_ip_route_add_del_reply_t;

typedef struct {
    peer_request_header_t h;
    mp_ip_table_t table;
} mp_ip_route_dump_t;

typedef struct {
    peer_request_header_t h;
    u8 src;
    mp_ip_table_t table;
} mp_ip_route_v2_dump_t;

typedef struct {
    peer_request_header_t h;
    u32 table_id;
    u8 exact;
    mp_prefix_t prefix;
} mp_ip_route_lookup_t;

typedef struct {
    peer_reply_header_t h;
    mp_ip_route_t route;
} mp_ip_route_lookup_reply_t;

typedef struct {
    u16 id;
    u32 context;
    mp_ip_route_t route;
} mp_ip_route_details_t;

typedef struct {
    u16 id;
    u32 context;
    mp_ip_route_v2_t route;
} mp_ip_route_v2_details_t;

typedef struct {
    peer_request_header_t h;
    u32 sw_if_index;
    u8 is_ipv6;
} mp_ip_address_dump_t;

typedef struct {
    u16 id;
    u32 context;
    u32 sw_if_index;
    mp_prefix_t prefix;
} mp_ip_address_details_t;

/* ---- l2 ---- */
typedef struct {
    u32 bd_id;
    u8 flood;
    u8 uu_flood;
    u8 forward;
    u8 learn;
    u8 arp_term;
    u8 arp_ufwd;
    u8 mac_age;
    char bd_tag[64];
} mp_bridge_domain_t;

typedef struct {
    peer_request_header_t h;
    mp_bridge_domain_t bd;
    u8 is_add;
} mp_bridge_domain_add_del_v2_t;

typedef struct {
    peer_reply_header_t h;
    u32 bd_id;
} mp_bridge_domain_add_del_v2_reply_t;

typedef struct {
    peer_request_header_t h;
    u32 bd_id;
    u32 sw_if_index;
} mp_bridge_domain_dump_t;

typedef struct {
    u16 id;
    u32 context;
    mp_bridge_domain_t bd;
    u32 bvi_sw_if_index;
    u32 uu_fwd_sw_if_index;
    u32 n_sw_ifs;
} mp_bridge_domain_details_t;

typedef struct {
    u32 context;
    u32 sw_if_index;
    u8 shg;
} mp_bridge_domain_sw_if_t;

typedef struct {
    peer_request_header_t h;
    u32 rx_sw_if_index;
    u32 bd_id;
    u32 port_type;
    u8 shg;
    u8 enable;
} mp_sw_interface_set_l2_bridge_t;

#pragma pack(pop)

#define MP_ASSERT(type, size) _Static_assert(sizeof(type) == (size), #type)
MP_ASSERT(mp_memclnt_create_t, 115);
MP_ASSERT(mp_sockclnt_create_reply_t, 20);
MP_ASSERT(mp_control_ping_reply_t, 18);
MP_ASSERT(mp_show_version_reply_t, 362);
MP_ASSERT(mp_fib_path_t, 167);
MP_ASSERT(mp_ip_route_t, 27);
MP_ASSERT(mp_sw_interface_event_t, 19);

#endif
