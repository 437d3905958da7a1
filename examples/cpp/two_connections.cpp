/* SPDX-License-Identifier: Apache-2.0
 *
 * Two connections, each used by a thread of its own.
 *
 * Prints: 200 answers
 */
#include <atomic>
#include <thread>
#include <vapi/vpe.api.vapi.hpp>

#include "example.hpp"

DEFINE_VAPI_MSG_IDS_VPE_API_JSON;

int main(int argc, char **argv)
{
    std::atomic<int> answers{0};
    auto work = [&] {
        vapi::Connection con;
        example_connect(con, argc, argv);
        for (int i = 0; i < 100; i++) {
            vapi::Show_version request(con);
            call(con, request, "show_version");
            answers++;
        }
    };
    std::thread one(work), two(work);
    one.join();
    two.join();
    std::cout << answers << " answers\n";
}
