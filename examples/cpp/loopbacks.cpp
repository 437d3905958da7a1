/* SPDX-License-Identifier: Apache-2.0
 *
 * Creates three loopbacks, lists all interfaces, and takes the loopbacks away.
 *
 * Prints: 3 loopbacks among [0-9]+ interfaces
 */
#include <set>
#include <vapi/interface.api.vapi.hpp>

#include "example.hpp"

DEFINE_VAPI_MSG_IDS_INTERFACE_API_JSON;

int main(int argc, char **argv)
{
    vapi::Connection con;
    example_connect(con, argc, argv);
    std::set<u32> created;
    for (int i = 0; i < 3; i++) {
        vapi::Create_loopback request(con);
        call(con, request, "create_loopback");
        /* By value: members of packed structs cannot be bound to references. */
        const u32 index = request.get_response().get_payload().sw_if_index;
        created.insert(index);
    }
    vapi::Sw_interface_dump dump(con, 0); /* 0: bytes of the name filter */
    dump.get_request().get_payload().sw_if_index = ~0u;
    call(con, dump, "sw_interface_dump");
    std::size_t seen = 0;
    for (auto &item : dump.get_result_set()) {
        const u32 index = item.get_payload().sw_if_index;
        seen += created.count(index);
    }
    for (u32 index : created) {
        vapi::Delete_loopback request(con);
        request.get_request().get_payload().sw_if_index = index;
        call(con, request, "delete_loopback");
    }
    std::cout << seen << " loopbacks among " << dump.get_result_set().size() << " interfaces\n";
    return seen == created.size() ? 0 : 1;
}
