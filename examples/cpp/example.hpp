/* SPDX-License-Identifier: Apache-2.0
 *
 * What all examples do: connect as their arguments say, and throw when something fails.
 *
 *     example socket /run/vpp/api.sock        example shm ""
 */
#ifndef EXAMPLE_HPP
#define EXAMPLE_HPP

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vapi/vapi.hpp>

inline void check(vapi_error_e rv, const char *what)
{
    if (rv != VAPI_OK)
        throw std::runtime_error(std::string(what) + ": " + vapi_error_name(rv) + ": " +
                                 vapi_error_text(nullptr));
}

inline void example_connect(vapi::Connection &con, int argc, char **argv)
{
    if (argc != 3)
        throw std::runtime_error("usage: socket PATH | shm PREFIX");
    check(con.connect("example", argv[2], 64, 128, true, std::string(argv[1]) == "socket"),
          argv[2]);
}

/** Sends a request and waits for its answer. */
template <typename R> void call(vapi::Connection &con, R &request, const char *what)
{
    check(request.execute(), what);
    check(con.wait_for_response(request), what);
}

#endif
