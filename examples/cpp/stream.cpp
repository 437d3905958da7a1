/* SPDX-License-Identifier: Apache-2.0
 *
 * A request with a list in it and a list as its answer. It is of the plugin in tests/capi/demo.api.
 *
 * Prints: 3 items: 100 200 300
 */
#include <vapi/demo.api.vapi.hpp>

#include "example.hpp"

DEFINE_VAPI_MSG_IDS_DEMO_API_JSON;

int main(int argc, char **argv)
{
    vapi::Connection con;
    example_connect(con, argc, argv);
    vapi::Demo_pick_get request(con, 3);
    for (u32 i = 0; i < 3; i++)
        request.get_request().get_payload().wanted[i] = 100 * (i + 1);
    call(con, request, "demo_pick_get");
    const u32 count = request.get_response().get_payload().count;
    std::cout << count << " items:";
    for (auto &item : request.get_result_set()) {
        const u32 wanted = item.get_payload().wanted;
        std::cout << " " << wanted;
    }
    std::cout << "\n";
}
