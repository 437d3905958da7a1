/* SPDX-License-Identifier: Apache-2.0
 *
 * Rates of VAPI's C API, of whichever library this is compiled against: sync and pipelined control_ping,
 * and route additions. Prints one line: NAME MODE TRANSPORT DEPTH RATE LOST.
 *
 *   bench_vapi NAME sync|pipe|route uds|shm ADDRESS DEPTH COUNT
 *
 * ADDRESS: path of the API socket, or the prefix of the shared memory. LOST: requests without an answer,
 * or whose answer had an error. How to compile and what it printed: bench/RESULTS.md.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vapi/vapi.h>
/* The API's own messages, then a plugin's. */
#include <vapi/memclnt.api.vapi.h>
#include <vapi/ip.api.vapi.h>

DEFINE_VAPI_MSG_IDS_MEMCLNT_API_JSON;
DEFINE_VAPI_MSG_IDS_IP_API_JSON;

static unsigned answered, failed;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(vapi_error_e rv, const char *what)
{
    if (rv == VAPI_OK)
        return;
    fprintf(stderr, "%s: error %d\n", what, (int)rv);
    exit(1);
}

static vapi_error_e on_ping(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                            vapi_payload_control_ping_reply *reply)
{
    (void)ctx, (void)callback_ctx, (void)is_last;
    answered++;
    failed += rv != VAPI_OK || reply->retval != 0;
    return VAPI_OK;
}

static vapi_error_e on_route(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                             vapi_payload_ip_route_add_del_reply *reply)
{
    (void)ctx, (void)callback_ctx, (void)is_last;
    answered++;
    failed += rv != VAPI_OK || reply->retval != 0;
    return VAPI_OK;
}

/** Sends request number i: a ping, or a /32 that is dropped. VAPI_EAGAIN: not now. */
static vapi_error_e send_one(vapi_ctx_t ctx, bool is_route, unsigned i)
{
    if (!is_route) {
        vapi_msg_control_ping *ping = vapi_alloc_control_ping(ctx);
        if (ping == NULL)
            return VAPI_EAGAIN;
        vapi_error_e rv = vapi_control_ping(ctx, ping, on_ping, NULL);
        if (rv == VAPI_EAGAIN)
            vapi_msg_free(ctx, ping);
        return rv;
    }
    vapi_msg_ip_route_add_del *add = vapi_alloc_ip_route_add_del(ctx, 1);
    if (add == NULL)
        return VAPI_EAGAIN;
    unsigned address = __builtin_bswap32(0x0a000000u + i);
    add->payload.is_add = true;
    add->payload.is_multipath = false;
    memset(&add->payload.route, 0, sizeof add->payload.route);
    add->payload.route.prefix.len = 32;
    memcpy(&add->payload.route.prefix.address.un, &address, sizeof address);
    add->payload.route.n_paths = 1;
    memset(&add->payload.route.paths[0], 0, sizeof add->payload.route.paths[0]);
    add->payload.route.paths[0].sw_if_index = UINT32_MAX;
    add->payload.route.paths[0].type = FIB_API_PATH_TYPE_DROP;
    vapi_error_e rv = vapi_ip_route_add_del(ctx, add, on_route, NULL);
    if (rv == VAPI_EAGAIN)
        vapi_msg_free(ctx, add);
    return rv;
}

static double run_sync(vapi_ctx_t ctx, unsigned count)
{
    double started = seconds();
    for (unsigned i = 0; i < count; i++)
        must(send_one(ctx, false, i), "control_ping"); /* blocking: returns with the answer */
    return count / (seconds() - started);
}

/** Keeps `depth` in flight; ends early when nothing has come for two seconds. */
static double run_pipelined(vapi_ctx_t ctx, bool is_route, unsigned depth, unsigned count)
{
    double started = seconds(), last = started;
    unsigned sent = 0;
    while (answered < count) {
        while (sent < count && sent - answered < depth) {
            vapi_error_e rv = send_one(ctx, is_route, sent);
            if (rv == VAPI_EAGAIN)
                break;
            must(rv, "send");
            sent++;
        }
        unsigned before = answered;
        vapi_error_e rv = vapi_dispatch_one(ctx);
        if (rv != VAPI_EAGAIN)
            must(rv, "dispatch");
        if (answered != before) {
            last = seconds();
        } else if (seconds() - last > 2) {
            break;
        }
    }
    return answered / (last - started);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: bench_vapi NAME sync|pipe|route uds|shm ADDRESS DEPTH COUNT\n");
        return 2;
    }
    bool sync = strcmp(argv[2], "sync") == 0, uds = strcmp(argv[3], "uds") == 0;
    unsigned depth = (unsigned)atoi(argv[5]), count = (unsigned)atoi(argv[6]);
    vapi_mode_e mode = sync ? VAPI_MODE_BLOCKING : VAPI_MODE_NONBLOCKING;
    vapi_ctx_t ctx;
    must(vapi_ctx_alloc(&ctx), "alloc");
    must(vapi_connect_ex(ctx, "bench-vapi", argv[4], (int)depth + 1, 2 * (int)depth + 64, mode,
                         true, uds),
         "connect");
    double rate = sync ? run_sync(ctx, count)
                       : run_pipelined(ctx, strcmp(argv[2], "route") == 0, depth, count);
    printf("%s %s %s %u %.0f %u\n", argv[1], argv[2], argv[3], depth, rate,
           count - answered + failed);
    vapi_disconnect(ctx);
    vapi_ctx_free(ctx);
    return 0;
}
