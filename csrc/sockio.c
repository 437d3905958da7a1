/* SPDX-License-Identifier: Apache-2.0 */
#include "sockio.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "byteorder.h"

static vapi_error_e connect_error(error_rec_t *error, const char *path, int e)
{
    struct stat st;
    /* Linux says "refused" for a path that is not a socket at all. */
    if (e == ECONNREFUSED && stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        e = ENOTSOCK;
    vapi_error_e code = e == EACCES || e == EPERM ? VAPI_EACCES
                        : e == ENOTSOCK           ? VAPI_ENOTSOCK
                                                  : VAPI_ECON_FAIL;
    const char *hint = e == ECONNREFUSED ? " (nobody listens: has VPP stopped?)" : "";
    return error_set(error, code, e, "%s: %s%s", path, strerror(e), hint);
}

vapi_error_e sockio_connect(const char *path, deadline_t deadline, int *fd, error_rec_t *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    *fd = -1;
    if (length == 0 || length > SOCKIO_MAX_PATH)
        return error_set(error, VAPI_EINVAL, length == 0 ? EINVAL : ENAMETOOLONG,
                         "socket path '%s': %zu bytes, must be 1 to %u", path, length,
                         SOCKIO_MAX_PATH);
    memcpy(address.sun_path, path, length + 1);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0)
        return connect_error(error, path, errno);
    /* A listener whose backlog is full answers EAGAIN, and there is nothing to poll for. */
    while (connect(s, (struct sockaddr *)&address, sizeof address) != 0) {
        int e = errno;
        if (e == EISCONN)
            break;
        if ((e != EAGAIN && e != EINTR && e != EINPROGRESS) || deadline_passed(deadline)) {
            close(s);
            return connect_error(error, path, e == EAGAIN ? ETIMEDOUT : e);
        }
        struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)NS_PER_MS};
        nanosleep(&pause, NULL);
    }
    *fd = s;
    return VAPI_OK;
}

pid_t sockio_peer_pid(int fd)
{
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
        return 0;
    return credentials.pid;
}

int sockio_wait(int fd, short events, deadline_t deadline)
{
    struct pollfd p = {.fd = fd, .events = events};
    for (;;) {
        int n = poll(&p, 1, deadline_poll_ms(deadline));
        if (n > 0)
            return p.revents;
        if (n < 0)
            return -errno;
        if (deadline_passed(deadline))
            return -ETIMEDOUT;
    }
}

static int wait_or_error(int fd, short events, deadline_t deadline)
{
    int rv = sockio_wait(fd, events, deadline);
    return rv < 0 ? rv : 0;
}

int sockio_send_all(int fd, const void *bytes, size_t length, deadline_t deadline)
{
    const u8 *at = bytes;
    while (length != 0) {
        ssize_t n = send(fd, at, length, MSG_NOSIGNAL);
        if (n >= 0) {
            at += n;
            length -= (size_t)n;
            continue;
        }
        int rv = errno == EAGAIN ? wait_or_error(fd, POLLOUT, deadline) : -errno;
        if (rv != 0 && rv != -EINTR)
            return rv == -EPIPE ? -ECONNRESET : rv;
    }
    return 0;
}

int sockio_recv_all(int fd, void *bytes, size_t length, deadline_t deadline)
{
    u8 *at = bytes;
    while (length != 0) {
        ssize_t n = recv(fd, at, length, 0);
        if (n > 0) {
            at += n;
            length -= (size_t)n;
            continue;
        }
        int rv = n == 0            ? -ECONNRESET
                 : errno == EAGAIN ? wait_or_error(fd, POLLIN, deadline)
                                   : -errno;
        if (rv != 0 && rv != -EINTR)
            return rv;
    }
    return 0;
}

int sockio_send_fd(int fd, const void *bytes, size_t length, int passed_fd, deadline_t deadline)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &passed_fd, sizeof passed_fd);
    for (;;) {
        ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (n >= 0)
            return sockio_send_all(fd, (const u8 *)bytes + n, length - (size_t)n, deadline);
        int rv = errno == EAGAIN ? wait_or_error(fd, POLLOUT, deadline) : -errno;
        if (rv != 0 && rv != -EINTR)
            return rv == -EPIPE ? -ECONNRESET : rv;
    }
}

int sockio_recv_fd(int fd, void *bytes, size_t length, int *passed_fd, deadline_t deadline)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(4 * sizeof(int))];
    } control;
    size_t got = 0;
    *passed_fd = -1;
    while (got < length) {
        struct iovec iov = {.iov_base = (u8 *)bytes + got, .iov_len = length - got};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = control.space,
                                 .msg_controllen = sizeof control.space};
        ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        int rv = n > 0             ? 0
                 : n == 0          ? -ECONNRESET
                 : errno == EAGAIN ? wait_or_error(fd, POLLIN, deadline)
                                   : -errno;
        if (rv != 0 && rv != -EINTR) {
            if (*passed_fd >= 0)
                close(*passed_fd);
            *passed_fd = -1;
            return rv;
        }
        if (n <= 0)
            continue;
        got += (size_t)n;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                continue;
            size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (size_t i = 0; i < count; i++) {
                int one;
                memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof one);
                /* Only the first is wanted; others would leak. */
                if (*passed_fd < 0)
                    *passed_fd = one;
                else
                    close(one);
            }
        }
    }
    return *passed_fd >= 0 ? 0 : -EBADMSG;
}

void sockio_frame_header(msgbuf_t *header, u32 body_bytes)
{
    *header = (msgbuf_t){.data_len = htobe32(body_bytes)};
}
