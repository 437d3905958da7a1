/* SPDX-License-Identifier: Apache-2.0
 *
 * What all examples do: connect as their arguments say, and end with a sentence when something fails.
 *
 *     example socket /run/vpp/api.sock        example shm ""
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <vapi/batch.h>

static inline void check(vapi_ctx_t ctx, vapi_error_e rv, const char *what)
{
    if (rv == VAPI_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, vapi_error_name(rv), vapi_error_text(ctx));
    exit(1);
}

static inline vapi_ctx_t example_connect(int argc, char **argv, vapi_mode_e mode)
{
    vapi_ctx_t ctx = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: %s socket PATH | shm PREFIX\n", argv[0]);
        exit(2);
    }
    check(ctx, vapi_ctx_alloc(&ctx), "alloc");
    check(ctx,
          vapi_connect_ex(ctx, "example", argv[2], 64, 128, mode, true,
                          strcmp(argv[1], "socket") == 0),
          argv[2]);
    return ctx;
}

static inline void example_disconnect(vapi_ctx_t ctx)
{
    check(ctx, vapi_disconnect(ctx), "disconnect");
    vapi_ctx_free(ctx);
}

#endif
