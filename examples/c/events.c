/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread that dispatches events while the main thread makes requests on a connection of its own.
 *
 * Prints: admin up
 */
#include <pthread.h>
#include <vapi/interface.api.vapi.h>

#include "example.h"

DEFINE_VAPI_MSG_IDS_INTERFACE_API_JSON;

typedef struct {
    vapi_ctx_t ctx;
    u32 watched; /* the interface; events of others are of no interest */
    bool up;
} watcher_t;

static vapi_error_e on_event(vapi_ctx_t ctx, void *callback_ctx,
                             vapi_payload_sw_interface_event *event)
{
    watcher_t *w = callback_ctx;
    (void)ctx;
    if (event->sw_if_index != w->watched || (event->flags & IF_STATUS_API_FLAG_ADMIN_UP) == 0)
        return VAPI_OK;
    printf("interface %u: admin up\n", event->sw_if_index);
    w->up = true;
    return VAPI_EUSER; /* ends the dispatch below */
}

static void *watch(void *argument)
{
    watcher_t *w = argument;
    vapi_error_e rv;
    while ((rv = vapi_dispatch_one(w->ctx)) == VAPI_OK)
        ;
    if (rv != VAPI_EUSER)
        check(w->ctx, rv, "dispatch");
    return NULL;
}

static vapi_error_e on_create(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                              vapi_payload_create_loopback_reply *reply)
{
    (void)is_last;
    check(ctx, rv, "create_loopback");
    *(u32 *)callback_ctx = reply->sw_if_index;
    return VAPI_OK;
}

static vapi_error_e on_flags(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                             vapi_payload_sw_interface_set_flags_reply *reply)
{
    (void)callback_ctx;
    (void)is_last;
    (void)reply;
    check(ctx, rv, "sw_interface_set_flags");
    return VAPI_OK;
}

static vapi_error_e on_want(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                            vapi_payload_want_interface_events_reply *reply)
{
    (void)callback_ctx;
    (void)is_last;
    (void)reply;
    check(ctx, rv, "want_interface_events");
    return VAPI_OK;
}

static vapi_error_e on_delete(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                              vapi_payload_delete_loopback_reply *reply)
{
    (void)callback_ctx;
    (void)is_last;
    (void)reply;
    check(ctx, rv, "delete_loopback");
    return VAPI_OK;
}

int main(int argc, char **argv)
{
    vapi_ctx_t ctx = example_connect(argc, argv, VAPI_MODE_BLOCKING);
    watcher_t watcher = {.ctx = example_connect(argc, argv, VAPI_MODE_BLOCKING)};
    check(ctx,
          vapi_create_loopback(ctx, vapi_alloc_create_loopback(ctx), on_create, &watcher.watched),
          "create_loopback");

    vapi_set_vapi_msg_sw_interface_event_event_cb(watcher.ctx, on_event, &watcher);
    vapi_msg_want_interface_events *want = vapi_alloc_want_interface_events(watcher.ctx);
    want->payload.enable_disable = 1;
    check(ctx, vapi_want_interface_events(watcher.ctx, want, on_want, NULL), "want");
    pthread_t thread;
    if (pthread_create(&thread, NULL, watch, &watcher) != 0)
        return 1;

    vapi_msg_sw_interface_set_flags *flags = vapi_alloc_sw_interface_set_flags(ctx);
    flags->payload.sw_if_index = watcher.watched;
    flags->payload.flags = IF_STATUS_API_FLAG_ADMIN_UP;
    check(ctx, vapi_sw_interface_set_flags(ctx, flags, on_flags, NULL), "set_flags");
    pthread_join(thread, NULL);

    vapi_msg_delete_loopback *gone = vapi_alloc_delete_loopback(ctx);
    gone->payload.sw_if_index = watcher.watched;
    check(ctx, vapi_delete_loopback(ctx, gone, on_delete, NULL), "delete_loopback");
    example_disconnect(watcher.ctx);
    example_disconnect(ctx);
    return watcher.up ? 0 : 1;
}
