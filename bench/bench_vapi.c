/* SPDX-License-Identifier: Apache-2.0
 *
 * Rates of VAPI's C API, of whichever library this is compiled against: sync and pipelined control_ping,
 * route additions, and dumps. Prints one line: NAME MODE TRANSPORT DEPTH RATE LOST.
 *
 *   bench_vapi NAME sync|pipe|route|routes|interfaces uds|shm ADDRESS DEPTH COUNT
 *
 * ADDRESS: path of the API socket, or the prefix of the shared memory. LOST: requests without an answer,
 * or whose answer had an error; of dumps (`routes` of table DEPTH, `interfaces`) what is missing of the
 * COUNT details that are there, and the rate is the median of several dumps.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vapi/vapi.h>
/* The API's own messages, then a plugin's. */
#include <vapi/memclnt.api.vapi.h>
#include <vapi/interface.api.vapi.h>
#include <vapi/ip.api.vapi.h>

DEFINE_VAPI_MSG_IDS_MEMCLNT_API_JSON;
DEFINE_VAPI_MSG_IDS_INTERFACE_API_JSON;
DEFINE_VAPI_MSG_IDS_IP_API_JSON;

/* Dumps of which the median counts. */
#define DUMPS 5
/* Details that VPP may have in the queue; more would only hide a reader that is too slow. */
#define DUMP_QUEUE 1024

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

static vapi_error_e on_route_details(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv,
                                     bool is_last, vapi_payload_ip_route_v2_details *details)
{
    (void)ctx, (void)callback_ctx;
    answered += !is_last && details != NULL;
    failed += rv != VAPI_OK;
    return VAPI_OK;
}

static vapi_error_e on_interface_details(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv,
                                         bool is_last, vapi_payload_sw_interface_details *details)
{
    (void)ctx, (void)callback_ctx;
    answered += !is_last && details != NULL;
    failed += rv != VAPI_OK;
    return VAPI_OK;
}

static void dump_once(vapi_ctx_t ctx, bool is_routes, unsigned table)
{
    if (is_routes) {
        vapi_msg_ip_route_v2_dump *dump = vapi_alloc_ip_route_v2_dump(ctx);
        must(dump == NULL ? VAPI_ENOMEM : VAPI_OK, "alloc");
        memset(&dump->payload, 0, sizeof dump->payload);
        dump->payload.table.table_id = table;
        must(vapi_ip_route_v2_dump(ctx, dump, on_route_details, NULL), "ip_route_v2_dump");
    } else {
        vapi_msg_sw_interface_dump *dump = vapi_alloc_sw_interface_dump(ctx, 0);
        must(dump == NULL ? VAPI_ENOMEM : VAPI_OK, "alloc");
        memset(&dump->payload, 0, sizeof dump->payload);
        dump->payload.sw_if_index = UINT32_MAX;
        must(vapi_sw_interface_dump(ctx, dump, on_interface_details, NULL), "sw_interface_dump");
    }
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/** Blocking: each returns with the end of its dump. `answered` ends as that of the worst. */
static double run_dumps(vapi_ctx_t ctx, bool is_routes, unsigned table)
{
    double rates[DUMPS];
    unsigned least = UINT32_MAX;
    for (unsigned i = 0; i < DUMPS; i++) {
        answered = 0;
        double started = seconds();
        dump_once(ctx, is_routes, table);
        rates[i] = answered / (seconds() - started);
        least = answered < least ? answered : least;
    }
    answered = least;
    qsort(rates, DUMPS, sizeof *rates, by_value);
    return rates[DUMPS / 2];
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: bench_vapi NAME sync|pipe|route|routes|interfaces uds|shm ADDRESS "
                        "DEPTH COUNT\n");
        return 2;
    }
    bool sync = strcmp(argv[2], "sync") == 0, uds = strcmp(argv[3], "uds") == 0;
    bool routes = strcmp(argv[2], "routes") == 0;
    bool dumps = routes || strcmp(argv[2], "interfaces") == 0;
    unsigned depth = (unsigned)atoi(argv[5]), count = (unsigned)atoi(argv[6]);
    vapi_mode_e mode = sync || dumps ? VAPI_MODE_BLOCKING : VAPI_MODE_NONBLOCKING;
    int queue = dumps ? DUMP_QUEUE : 2 * (int)depth + 64;
    vapi_ctx_t ctx;
    must(vapi_ctx_alloc(&ctx), "alloc");
    must(vapi_connect_ex(ctx, "bench-vapi", argv[4], (int)depth + 2, queue, mode, true, uds),
         "connect");
    double rate = dumps  ? run_dumps(ctx, routes, depth)
                  : sync ? run_sync(ctx, count)
                         : run_pipelined(ctx, strcmp(argv[2], "route") == 0, depth, count);
    unsigned missing = answered < count ? count - answered : 0;
    printf("%s %s %s %u %.0f %u\n", argv[1], argv[2], argv[3], depth, rate, missing + failed);
    vapi_disconnect(ctx);
    vapi_ctx_free(ctx);
    return 0;
}
