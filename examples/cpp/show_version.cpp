/* SPDX-License-Identifier: Apache-2.0
 *
 * One request, waited for.
 *
 * Prints: vpe \S+
 */
#include <vapi/vpe.api.vapi.hpp>

#include "example.hpp"

DEFINE_VAPI_MSG_IDS_VPE_API_JSON;

int main(int argc, char **argv)
{
    vapi::Connection con;
    example_connect(con, argc, argv);
    vapi::Show_version request(con);
    call(con, request, "show_version");
    auto &reply = request.get_response().get_payload();
    std::cout << reply.program << " " << reply.version << ", built " << reply.build_date << "\n";
}
