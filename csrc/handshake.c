/* SPDX-License-Identifier: Apache-2.0 */
#include "handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "byteorder.h"
#include "sockio.h"

/* 65535 entries are the most that the count can say. */
#define LARGEST_REPLY (sizeof(msg_sockclnt_create_reply_t) + 65535u * MSG_TABLE_ENTRY_BYTES)

vapi_error_e handshake_error(error_rec_t *error, int rv, const char *path, const char *step)
{
    switch (-rv) {
    case ETIMEDOUT:
        return error_set(error, VAPI_ECON_FAIL, ETIMEDOUT, "%s: no answer to %s in time", path,
                         step);
    case ECONNRESET:
    case EPIPE:
        return error_set(error, VAPI_ECONNRESET, ECONNRESET,
                         "%s: closed by the other side at %s: is this VPP's API socket?", path,
                         step);
    case EBADMSG:
        return error_set(error, VAPI_ECON_FAIL, EBADMSG, "%s: not a VPP: the answer to %s is none",
                         path, step);
    default:
        return error_set(error, VAPI_ECON_FAIL, -rv, "%s: %s: %s", path, step, strerror(-rv));
    }
}

static int send_create(int fd, const char *name, u32 context, deadline_t deadline)
{
    struct {
        msgbuf_t header;
        msg_sockclnt_create_t body;
    } frame;
    memset(&frame, 0, sizeof frame);
    sockio_frame_header(&frame.header, sizeof frame.body);
    frame.body.id = htobe16(ID_SOCKCLNT_CREATE);
    frame.body.context = context;
    memcpy(frame.body.name, name, strnlen(name, CLIENT_NAME_BYTES - 1));
    return sockio_send_all(fd, &frame, sizeof frame.header + sizeof frame.body, deadline);
}

vapi_error_e handshake_sockclnt_create(int fd, const char *name, const char *path,
                                       msg_table_t *table, u32 *client_index_raw,
                                       deadline_t deadline, error_rec_t *error)
{
    static const char step[] = "sockclnt_create";
    const u32 context = 0x1a2b3c4d;
    msgbuf_t header;
    msg_sockclnt_create_reply_t reply;
    int rv = send_create(fd, name, context, deadline);
    if (rv == 0)
        rv = sockio_recv_all(fd, &header, sizeof header, deadline);
    if (rv != 0)
        return handshake_error(error, rv, path, step);
    u32 length = be32toh(header.data_len);
    if (length < sizeof reply || length > LARGEST_REPLY)
        return handshake_error(error, -EBADMSG, path, step);
    rv = sockio_recv_all(fd, &reply, sizeof reply, deadline);
    if (rv != 0)
        return handshake_error(error, rv, path, step);
    size_t rest = length - sizeof reply;
    u32 count = be16toh(reply.count);
    if (be16toh(reply.id) != ID_SOCKCLNT_CREATE_REPLY || reply.context != context ||
        (size_t)count * MSG_TABLE_ENTRY_BYTES > rest)
        return handshake_error(error, -EBADMSG, path, step);
    i32 response = (i32)be32toh((u32)reply.response);
    if (response != 0)
        return error_set(error, VAPI_ECON_FAIL, 0, "%s: VPP refused the client '%s' (%d)", path,
                         name, response);
    u8 *entries = malloc(rest == 0 ? 1 : rest);
    if (entries == NULL)
        return error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory for the message table");
    rv = sockio_recv_all(fd, entries, rest, deadline);
    vapi_error_e result = rv != 0 ? handshake_error(error, rv, path, step)
                                  : msg_table_parse_entries(table, entries, rest, count, error);
    free(entries);
    *client_index_raw = reply.index;
    return result;
}

void handshake_part(int fd, u32 client_index_raw, deadline_t deadline)
{
    struct {
        msgbuf_t header;
        msg_sockclnt_delete_t body;
    } frame;
    char ignored[4096];
    memset(&frame, 0, sizeof frame);
    sockio_frame_header(&frame.header, sizeof frame.body);
    frame.body.id = htobe16(ID_SOCKCLNT_DELETE);
    frame.body.client_index = frame.body.index = client_index_raw;
    int rv = sockio_send_all(fd, &frame, sizeof frame.header + sizeof frame.body, deadline);
    while (rv == 0) {
        ssize_t n = recv(fd, ignored, sizeof ignored, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            break;
        if (n < 0 && (rv = sockio_wait(fd, POLLIN, deadline)) > 0)
            rv = 0;
    }
    close(fd);
}
