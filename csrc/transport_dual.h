/* SPDX-License-Identifier: Apache-2.0
 *
 * A transport made of two: shared memory, and a socket to the same VPP for requests whose answers
 * could bring it down there, or whose events would not be seen there. See transport_dual.c.
 */
#ifndef VAPI_CORE_TRANSPORT_DUAL_H
#define VAPI_CORE_TRANSPORT_DUAL_H

#include "sockio.h"
#include "transport.h"

/** Puts the two-way transport in front of a shared-memory one, which it owns from then on. The socket
 * at `path` is connected when it is first needed, as a client of the same name. large_over_shm: as in
 * vapi_connect_options_t. */
vapi_error_e transport_dual_wrap(transport_t **t, const char *path, const char *name,
                                 bool large_over_shm, error_rec_t *error);

#endif
