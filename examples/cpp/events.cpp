/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread that dispatches events while the main thread makes requests on a connection of its own.
 *
 * Prints: admin up
 */
#include <thread>
#include <vapi/interface.api.vapi.hpp>

#include "example.hpp"

DEFINE_VAPI_MSG_IDS_INTERFACE_API_JSON;

int main(int argc, char **argv)
{
    vapi::Connection con, events;
    example_connect(con, argc, argv);
    example_connect(events, argc, argv);
    vapi::Create_loopback create(con);
    call(con, create, "create_loopback");
    const u32 watched = create.get_response().get_payload().sw_if_index;

    using Events = vapi::Event_registration<vapi::Sw_interface_event>;
    Events registration(events, [watched](Events &e) {
        vapi_error_e rv = VAPI_OK;
        for (auto &event : e.get_result_set()) {
            auto &p = event.get_payload();
            if (p.sw_if_index == watched && (p.flags & IF_STATUS_API_FLAG_ADMIN_UP) != 0)
                rv = VAPI_EUSER; /* ends the dispatch below */
        }
        e.get_result_set().free_all_responses();
        return rv;
    });
    vapi::Want_interface_events want(events);
    want.get_request().get_payload().enable_disable = 1;
    call(events, want, "want_interface_events");
    std::thread thread([&events] {
        vapi_error_e rv;
        do
            rv = events.dispatch();
        while (rv == VAPI_OK);
        std::cout << (rv == VAPI_EUSER ? "admin up\n" : vapi_error_text(nullptr));
    });

    vapi::Sw_interface_set_flags flags(con);
    flags.get_request().get_payload().sw_if_index = watched;
    flags.get_request().get_payload().flags = IF_STATUS_API_FLAG_ADMIN_UP;
    call(con, flags, "sw_interface_set_flags");
    thread.join();
    vapi::Delete_loopback gone(con);
    gone.get_request().get_payload().sw_if_index = watched;
    call(con, gone, "delete_loopback");
}
