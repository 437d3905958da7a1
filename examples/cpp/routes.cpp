/* SPDX-License-Identifier: Apache-2.0
 *
 * Variable arrays both ways: adds a route with two paths, finds it in the dump of its table, removes
 * it.
 *
 * Prints: 198\.51\.100\.0/24 with 2 paths
 */
#include <vapi/ip.api.vapi.hpp>

#include "example.hpp"

DEFINE_VAPI_MSG_IDS_IP_API_JSON;

static void change_route(vapi::Connection &con, bool is_add)
{
    vapi::Ip_route_add_del request(con, 2); /* n_paths is filled in */
    auto &p = request.get_request().get_payload();
    p.is_add = is_add;
    p.route.prefix.address.af = ADDRESS_IP4;
    p.route.prefix.len = 24;
    memcpy(p.route.prefix.address.un.ip4, "\xc6\x33\x64\x00", 4);
    for (u8 i = 0; i < 2; i++) {
        p.route.paths[i].weight = 1;
        p.route.paths[i].proto = FIB_API_PATH_NH_PROTO_IP4;
        memcpy(p.route.paths[i].nh.address.ip4, "\x0a\x00\x00\x01", 4);
        p.route.paths[i].nh.address.ip4[3] = static_cast<u8>(i + 1);
    }
    call(con, request, "ip_route_add_del");
    if (request.get_response().get_payload().retval != 0)
        throw std::runtime_error("ip_route_add_del: refused");
}

int main(int argc, char **argv)
{
    vapi::Connection con;
    example_connect(con, argc, argv);
    change_route(con, true);
    vapi::Ip_route_dump dump(con);
    call(con, dump, "ip_route_dump");
    int found = 0;
    for (auto &item : dump.get_result_set()) {
        auto &route = item.get_payload().route;
        if (route.prefix.len != 24 ||
            memcmp(route.prefix.address.un.ip4, "\xc6\x33\x64\x00", 4) != 0)
            continue;
        std::cout << "198.51.100.0/24 with " << +route.n_paths << " paths\n";
        found++;
    }
    change_route(con, false);
    return found == 1 ? 0 : 1;
}
