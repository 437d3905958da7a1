/* SPDX-License-Identifier: Apache-2.0
 *
 * The embedded peer with the messages of demo.api, answered by a thread: what the tests of the C and
 * C++ bindings talk to. In the process of the test, or (server_main.c) in one of its own.
 */
#ifndef CAPI_SERVER_H
#define CAPI_SERVER_H

#include <vapi/batch.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct capi_server capi_server_t;

/** Starts it; ends the program when that fails. */
capi_server_t *server_start(void);
/** Stops and frees it. */
void server_stop(capi_server_t *server);
const char *server_socket(const capi_server_t *server);
const char *server_prefix(const capi_server_t *server);

/** While 1, requests wait. */
void server_hold(capi_server_t *server, int on);
/** As if VPP had been killed and started again. */
void server_restart(capi_server_t *server);
/** Sends `count` demo_event to every client; with `cut`, that many bytes too short. */
void server_send_events(capi_server_t *server, u32 count, u32 cut);
/** Sends a demo_details to every client that claims `count` numbers but has none; context 0. */
void server_send_lie(capi_server_t *server, u16 count);
/** The next demo_echo is answered by a demo_pick_details. */
void server_confuse(capi_server_t *server);
/** How many demo_poke have come. */
u32 server_pokes(const capi_server_t *server);

/** Options for a connection to it. */
vapi_connect_options_t server_options(const capi_server_t *server, vapi_transport_e transport,
                                      vapi_mode_e mode);

#ifdef __cplusplus
}
#endif

#endif
