/* SPDX-License-Identifier: Apache-2.0
 *
 * Variable arrays both ways: adds a route with two paths, finds it in the dump of its table, removes
 * it.
 *
 * Prints: 192\.0\.2\.0/24 with 2 paths
 */
#include <vapi/ip.api.vapi.h>

#include "example.h"

DEFINE_VAPI_MSG_IDS_IP_API_JSON;

static vapi_error_e on_change(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                              vapi_payload_ip_route_add_del_reply *reply)
{
    (void)callback_ctx;
    (void)is_last;
    check(ctx, rv, "ip_route_add_del");
    if (reply->retval != 0)
        fprintf(stderr, "ip_route_add_del: VPP says %d\n", reply->retval);
    return reply->retval == 0 ? VAPI_OK : VAPI_EUSER;
}

static vapi_error_e on_route(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                             vapi_payload_ip_route_details *details)
{
    check(ctx, rv, "ip_route_dump");
    if (is_last)
        return VAPI_OK;
    const vapi_type_prefix *p = &details->route.prefix;
    const u8 *ip = p->address.un.ip4;
    if (p->len == 24 && ip[0] == 192 && ip[1] == 0 && ip[2] == 2) {
        printf("%u.%u.%u.%u/%u with %u paths\n", ip[0], ip[1], ip[2], ip[3], p->len,
               details->route.n_paths);
        ++*(int *)callback_ctx;
    }
    return VAPI_OK;
}

static void change_route(vapi_ctx_t ctx, bool is_add)
{
    /* The number of paths is given here, and filled in: n_paths is 2 already. */
    vapi_msg_ip_route_add_del *m = vapi_alloc_ip_route_add_del(ctx, 2);
    m->payload.is_add = is_add;
    vapi_type_ip_route *route = &m->payload.route;
    route->prefix.address.af = ADDRESS_IP4;
    route->prefix.len = 24;
    memcpy(route->prefix.address.un.ip4, "\xc0\x00\x02\x00", 4);
    for (u8 i = 0; i < route->n_paths; i++) {
        route->paths[i].sw_if_index = 0;
        route->paths[i].weight = 1;
        route->paths[i].proto = FIB_API_PATH_NH_PROTO_IP4;
        memcpy(route->paths[i].nh.address.ip4, "\x0a\x00\x00\x01", 4);
        route->paths[i].nh.address.ip4[3] = (u8)(i + 1);
    }
    check(ctx, vapi_ip_route_add_del(ctx, m, on_change, NULL), "ip_route_add_del");
}

int main(int argc, char **argv)
{
    vapi_ctx_t ctx = example_connect(argc, argv, VAPI_MODE_BLOCKING);
    int found = 0;
    change_route(ctx, true);
    vapi_msg_ip_route_dump *dump = vapi_alloc_ip_route_dump(ctx);
    check(ctx, vapi_ip_route_dump(ctx, dump, on_route, &found), "ip_route_dump");
    change_route(ctx, false);
    example_disconnect(ctx);
    return found == 1 ? 0 : 1;
}
