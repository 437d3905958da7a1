/* SPDX-License-Identifier: Apache-2.0
 *
 * The server as a process: prints its socket and its shared memory prefix, serves until its standard
 * input ends.
 */
#include <stdio.h>
#include <vapi/demo.api.vapi.h>

#include "server.h"

DEFINE_VAPI_MSG_IDS_DEMO_API_JSON;

int main(void)
{
    capi_server_t *server = server_start();
    printf("%s\n%s\n", server_socket(server), server_prefix(server));
    fflush(stdout);
    while (getchar() != EOF)
        ;
    server_stop(server);
    return 0;
}
