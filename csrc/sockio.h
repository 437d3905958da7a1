/* SPDX-License-Identifier: Apache-2.0
 *
 * A unix stream socket with VPP's framing: each message is a msgbuf_t header (data_len big-endian,
 * the rest zero) and its body. All descriptors here are non-blocking and close-on-exec; functions
 * that wait take a deadline and return early with -EINTR when a signal comes.
 *
 * Errors are negative errno. -ECONNRESET: the other side closed.
 */
#ifndef VAPI_CORE_SOCKIO_H
#define VAPI_CORE_SOCKIO_H

#include <sys/types.h>

#include "deadline.h"
#include "error.h"
#include "shm_layout.h"

/** Longest path of a unix socket, without the final NUL. */
#define SOCKIO_MAX_PATH 107u

/** Connects; the descriptor is the caller's. VAPI_ECON_FAIL, VAPI_EACCES, VAPI_ENOTSOCK + reason. */
vapi_error_e sockio_connect(const char *path, deadline_t deadline, int *fd, error_rec_t *error);

/** Process at the other end, 0 if the kernel does not say. */
pid_t sockio_peer_pid(int fd);

/** Waits for `events` (POLLIN, POLLOUT) on one descriptor: what is ready, -ETIMEDOUT or -EINTR. */
int sockio_wait(int fd, short events, deadline_t deadline);

/** Writes all bytes, waiting for room; only for handshakes, as nothing is read meanwhile. */
int sockio_send_all(int fd, const void *bytes, size_t length, deadline_t deadline);
/** Reads exactly `length` bytes. */
int sockio_recv_all(int fd, void *bytes, size_t length, deadline_t deadline);

/** One byte run with a descriptor attached: what VPP hands memfd segments over with. */
int sockio_send_fd(int fd, const void *bytes, size_t length, int passed_fd, deadline_t deadline);
/** Reads `length` bytes and the one descriptor that comes with them (-EBADMSG: none came). */
int sockio_recv_fd(int fd, void *bytes, size_t length, int *passed_fd, deadline_t deadline);

/** Fills a frame header. */
void sockio_frame_header(msgbuf_t *header, u32 body_bytes);

#endif
