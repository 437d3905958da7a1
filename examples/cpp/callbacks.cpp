/* SPDX-License-Identifier: Apache-2.0
 *
 * Many requests under way at once, each with a callback.
 *
 * Prints: 50 answers
 */
#include <vapi/vpe.api.vapi.hpp>

#include "example.hpp"

DEFINE_VAPI_MSG_IDS_VPE_API_JSON;

int main(int argc, char **argv)
{
    vapi::Connection con;
    example_connect(con, argc, argv);
    int answers = 0;
    std::vector<vapi::Show_version> requests; /* requests can be moved, also while outstanding */
    for (int i = 0; i < 50; i++) {
        requests.emplace_back(con, [&answers](vapi::Show_version &done) {
            check(done.get_response_state() == vapi::RESPONSE_READY ? VAPI_OK : VAPI_ENORESP,
                  "show_version");
            answers++;
            return VAPI_OK;
        });
        check(requests.back().execute(), "show_version");
    }
    check(con.dispatch(), "dispatch");
    std::cout << answers << " answers\n";
}
