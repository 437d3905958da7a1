/* SPDX-License-Identifier: Apache-2.0
 *
 * The diagnostics of vapi_dbg.h, switched on before the first inclusion.
 */
#define VAPI_DEBUG 1
#define VAPI_CPP_DEBUG_LEAKS 1
#include <optional>
#include <vapi/demo.api.vapi.hpp>

#include "client.h"

DEFINE_VAPI_MSG_IDS_DEMO_API_JSON;

using namespace vapi;

/** What `run` writes to stderr. */
template <typename F> static std::string told(F run)
{
    char path[] = "/tmp/capi-told.XXXXXX", text[4096] = {};
    int to = mkstemp(path), before = dup(STDERR_FILENO);
    CHECK(to >= 0 && before >= 0);
    fflush(stderr);
    dup2(to, STDERR_FILENO);
    run();
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    ssize_t n = pread(to, text, sizeof text - 1, 0);
    close(to);
    close(before);
    unlink(path);
    CHECK(n >= 0);
    return text;
}

OVER_EACH_TRANSPORT(what_outlives_its_connection)
{
    const auto options = server_options(server, transport, VAPI_MODE_BLOCKING);
    std::optional<Demo_dump> dump;
    auto run = [&](bool keep) {
        return told([&] {
            Connection con;
            CHECK_OK(con.connect(options));
            dump.emplace(con);
            dump->get_request().get_payload().count = 3;
            CHECK_OK(dump->execute());
            CHECK_OK(con.wait_for_response(*dump));
            if (!keep)
                dump.reset();
        });
    };
    CHECK_STR(run(false).c_str(), "");
    CHECK_HAS(run(true).c_str(), "vapi: 3 messages outlive their connection");
    /* They are whole all the same. */
    CHECK_EQ(dump->get_result_set().size(), 3);
    CHECK_EQ(dump->get_result_set().begin()->get_payload().index, 0);
}

TEST(log_lines)
{
    CHECK_HAS(told([] { VAPI_DBG("seen %d", 42); }).c_str(), "seen 42\n");
    CHECK_HAS(told([] { VAPI_ERR("wrong %s", "way"); }).c_str(), "ERR:");
    CHECK_HAS(told([] { VAPI_ERR("wrong"); }).c_str(), "test_leaks.cpp:");
}
