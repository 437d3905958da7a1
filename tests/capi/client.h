/* SPDX-License-Identifier: Apache-2.0
 *
 * What the C tests of the bindings share: a server in this process, clients over each transport.
 */
#ifndef CAPI_CLIENT_H
#define CAPI_CLIENT_H

#include "check.h"
#include "server.h"

#define OVER_EACH_TRANSPORT(name)                                                                  \
    static void name(capi_server_t *server, vapi_transport_e transport);                           \
    TEST(name##_socket) { with_server(name, VAPI_TRANSPORT_SOCKET); }                              \
    TEST(name##_memfd) { with_server(name, VAPI_TRANSPORT_MEMFD); }                                \
    TEST(name##_shm) { with_server(name, VAPI_TRANSPORT_SHM); }                                    \
    static void name(capi_server_t *server, vapi_transport_e transport)

__attribute__((unused)) static void with_server(void (*run)(capi_server_t *, vapi_transport_e),
                                                vapi_transport_e transport)
{
    capi_server_t *server = server_start();
    run(server, transport);
    server_stop(server);
}

#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        vapi_error_e rv_ = (call);                                                                 \
        if (rv_ != VAPI_OK) {                                                                      \
            char what_[600];                                                                       \
            snprintf(what_, sizeof what_, "%s: %s: %s", #call, vapi_error_name(rv_),               \
                     vapi_error_text(NULL));                                                       \
            check_fail(__FILE__, __LINE__, what_);                                                 \
        }                                                                                          \
    } while (0)

__attribute__((unused)) static vapi_ctx_t client_open(capi_server_t *server,
                                                      vapi_transport_e transport, vapi_mode_e mode)
{
    vapi_connect_options_t o = server_options(server, transport, mode);
    vapi_ctx_t ctx;
    CHECK_OK(vapi_ctx_alloc(&ctx));
    CHECK_OK(vapi_connect_options(ctx, &o));
    return ctx;
}

__attribute__((unused)) static void client_close(vapi_ctx_t ctx)
{
    CHECK_OK(vapi_disconnect(ctx));
    vapi_ctx_free(ctx);
}

/** Dispatches in non-blocking mode until nothing is outstanding. */
__attribute__((unused)) static void settle(vapi_ctx_t ctx)
{
    while (!vapi_requests_empty(ctx)) {
        vapi_error_e rv = vapi_dispatch_until(ctx, 5000000000u);
        if (rv != VAPI_EAGAIN)
            CHECK_OK(rv);
    }
}

#endif
