/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes that came by a socket before somebody asked for them, in a file without a name: first in, first
 * out, whatever their number, and no memory of the process. One thread fills it, another reads.
 */
#ifndef VAPI_CORE_SPOOL_H
#define VAPI_CORE_SPOOL_H

#include <vapi/vapi_common.h>

#include <sys/types.h>

typedef struct spool spool_t;

/** NULL when out of memory. */
spool_t *spool_alloc(void);
/** NULL is allowed. */
void spool_free(spool_t *s);
/** How many bytes are in it; any thread. */
u64 spool_bytes(const spool_t *s);
/** As recv() that does not wait: what is in the spool first. */
ssize_t spool_recv(spool_t *s, int socket, void *to, size_t room);
/** Moves what is in the socket, up to a few hundred kilobytes, if the spool then has no more than `limit`
 * bytes: how many; 0: nothing is there, or its end, or there is no room for it. */
size_t spool_fill(spool_t *s, int socket, u64 limit);

#endif
