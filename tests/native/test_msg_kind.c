/* SPDX-License-Identifier: Apache-2.0 */
#include "byteorder.h"
#include "check.h"
#include "msg_kind.h"

TEST(a_name_tells_its_kind)
{
    CHECK_EQ(msg_kind_of("show_version_51077d14"), MSG_KIND_PLAIN);
    CHECK_EQ(msg_kind_of("sw_interface_dump_aa610c27"), MSG_KIND_LARGE);
    CHECK_EQ(msg_kind_of("lcp_itf_pair_get_v2_f67e0b3f"), MSG_KIND_LARGE);
    CHECK_EQ(msg_kind_of("want_interface_events_476f5a08"), MSG_KIND_EVENTS);
    CHECK_EQ(msg_kind_of("memclnt_keepalive_51077d14"), MSG_KIND_LIFE);
    CHECK_EQ(msg_kind_of("cli_23bfbfff"), MSG_KIND_FORBIDDEN);
    CHECK_EQ(msg_kind_of("get_node_graph_51077d14"), MSG_KIND_FORBIDDEN);
    CHECK_EQ(msg_kind_of("show_version_reply_c919bde1"), MSG_KIND_REPLY);
    CHECK_EQ(msg_kind_of("policer_input_v2_reply_e8d4e804"), MSG_KIND_REPLY);
    CHECK_EQ(msg_kind_of("lcp_itf_pair_add_del_reply_v2_00000000"), MSG_KIND_REPLY);
    CHECK_EQ(msg_kind_of("graph_node_get_39c8792e"), MSG_KIND_GUARDED);
}

TEST(all_graph_nodes_at_once_are_deadly_and_one_is_not)
{
    u8 m[87] = {0};
    store_be32(m + 10, UINT32_MAX);
    store_be32(m + 14, UINT32_MAX);
    CHECK(msg_is_deadly(m, sizeof m));
    m[18] = 'x'; /* by name */
    CHECK(!msg_is_deadly(m, sizeof m));
    store_be32(m + 10, 7); /* a cursor: all nodes from there */
    CHECK(msg_is_deadly(m, sizeof m));
    m[18] = 0;
    store_be32(m + 10, UINT32_MAX);
    store_be32(m + 14, 3); /* by index */
    CHECK(!msg_is_deadly(m, sizeof m));
    CHECK(msg_is_deadly(m, 18)); /* too short to tell */
    CHECK(msg_is_deadly(m, 2));
}
