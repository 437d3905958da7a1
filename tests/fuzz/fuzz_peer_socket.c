/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client may send to the peer over its socket. Byte 0, bit 0: register first, and put the
 * client_index that it gets wherever the input has the four bytes "IDX!". The rest is sent as it is,
 * then the client says nothing more; the peer must close, whatever came, and serve another client.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "byteorder.h"
#include "handshake.h"
#include "peer.h"
#include "sockio.h"

static peer_t *peer;
static char path[64];
static u32 index_raw;

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void stop_peer(void) { peer_free(peer); }

static void start_peer(void)
{
    static char dir[] = "/tmp/vapi-fuzz.XXXXXX";
    must(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/s", dir);
    peer_options_t o;
    peer_options_init(&o);
    o.socket_path = path;
    o.segment_max_bytes = 1 << 20;
    o.client_backlog_bytes = 1 << 20;
    o.frame_max_bytes = 1 << 16;
    o.idle_ns = 20 * NS_PER_MS; /* awake while there are inputs */
    peer = peer_alloc(&o);
    must(peer != NULL && peer_add_builtin(peer) >= 0 && peer_start(peer) == 0);
    atexit(stop_peer);
}

static int connect_peer(void)
{
    int fd;
    must(sockio_connect(path, deadline_in(10 * NS_PER_S), &fd, NULL) == VAPI_OK);
    return fd;
}

static void register_client(int fd)
{
    msg_table_t *table = msg_table_alloc();
    error_rec_t error;
    must(handshake_sockclnt_create(fd, "fuzz", path, table, &index_raw, deadline_in(10 * NS_PER_S),
                                   &error) == VAPI_OK);
    msg_table_free(table);
}

/** Writes while reading, until the peer closes. */
static void talk(int fd, const u8 *bytes, size_t size)
{
    deadline_t deadline = deadline_in(15 * NS_PER_S);
    bool said_all = false;
    for (;;) {
        u8 ignored[4096];
        if (!said_all) {
            ssize_t n = size == 0 ? 0 : send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n > 0) {
                bytes += n;
                size -= (size_t)n;
            } else if (n < 0 && errno != EAGAIN) {
                size = 0;
            }
            if (size == 0) {
                said_all = true;
                shutdown(fd, SHUT_WR);
            }
        }
        must(!deadline_passed(deadline));
        struct pollfd p = {.fd = fd, .events = (short)(POLLIN | (said_all ? 0 : POLLOUT))};
        if (poll(&p, 1, 15000) > 0 && (p.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            ssize_t n = recv(fd, ignored, sizeof ignored, MSG_DONTWAIT);
            if (n == 0 || (n < 0 && errno != EAGAIN))
                return;
        }
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static u32 runs;
    if (peer == NULL)
        start_peer();
    if (size == 0)
        return 0;
    u8 *bytes = malloc(size);
    memcpy(bytes, data, size);
    int fd = connect_peer();
    if (data[0] & 1) {
        register_client(fd);
        for (size_t i = 1; i + 4 <= size; i++)
            if (memcmp(bytes + i, "IDX!", 4) == 0)
                memcpy(bytes + i, &index_raw, 4);
    }
    talk(fd, bytes + 1, size - 1);
    close(fd);
    free(bytes);
    must(peer_is_running(peer));
    if (++runs % 64 == 0) {
        fd = connect_peer();
        register_client(fd);
        close(fd);
    }
    return 0;
}
