/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_inbox.h"

#include <errno.h>
#include <stdlib.h>

int peer_inbox_init(peer_inbox_t *b)
{
    pthread_condattr_t attr;
    memset(b, 0, sizeof *b);
    b->max_bytes = UINT64_MAX;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int rv = pthread_cond_init(&b->ready, &attr);
    pthread_condattr_destroy(&attr);
    return -rv;
}

void peer_inbox_clear(peer_inbox_t *b)
{
    pthread_mutex_lock(&b->lock);
    for (; b->count != 0; b->count--) {
        free(b->ring[b->head].bytes);
        b->head = (b->head + 1) % b->size;
    }
    b->bytes = 0;
    pthread_mutex_unlock(&b->lock);
}

void peer_inbox_fini(peer_inbox_t *b)
{
    peer_inbox_clear(b);
    free(b->ring);
    b->ring = NULL;
    b->size = 0;
    pthread_cond_destroy(&b->ready);
    pthread_mutex_destroy(&b->lock);
}

void peer_inbox_set_max_bytes(peer_inbox_t *b, u64 max_bytes)
{
    pthread_mutex_lock(&b->lock);
    b->max_bytes = max_bytes;
    pthread_mutex_unlock(&b->lock);
}

void peer_inbox_close(peer_inbox_t *b, bool closed)
{
    pthread_mutex_lock(&b->lock);
    b->closed = closed;
    pthread_cond_broadcast(&b->ready);
    pthread_mutex_unlock(&b->lock);
}

static int grow(peer_inbox_t *b)
{
    u32 size = b->size == 0 ? 64 : b->size * 2;
    peer_request_t *ring = calloc(size, sizeof *ring);
    if (ring == NULL)
        return -ENOMEM;
    for (u32 i = 0; i < b->count; i++)
        ring[i] = b->ring[(b->head + i) % b->size];
    free(b->ring);
    b->ring = ring;
    b->size = size;
    b->head = 0;
    return 0;
}

int peer_inbox_put(peer_inbox_t *b, const peer_request_t *request, const u8 *body, u32 max_requests)
{
    u8 *copy = malloc(request->length == 0 ? 1 : request->length);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, body, request->length);
    pthread_mutex_lock(&b->lock);
    int rv = b->count >= max_requests || b->bytes + request->length > b->max_bytes ? -ENOSPC : 0;
    if (rv == 0 && b->count == b->size)
        rv = grow(b);
    if (rv == 0) {
        peer_request_t *slot = &b->ring[(b->head + b->count++) % b->size];
        *slot = *request;
        slot->bytes = copy;
        b->bytes += request->length;
        pthread_cond_signal(&b->ready);
    }
    pthread_mutex_unlock(&b->lock);
    if (rv != 0)
        free(copy);
    return rv;
}

int peer_inbox_take(peer_inbox_t *b, peer_request_t *requests, u32 max, deadline_t deadline)
{
    int rv = 0;
    pthread_mutex_lock(&b->lock);
    while (b->count == 0 && !b->closed && rv == 0) {
        if (deadline_passed(deadline)) {
            rv = -ETIMEDOUT;
        } else if (deadline == DEADLINE_NEVER) {
            pthread_cond_wait(&b->ready, &b->lock);
        } else {
            struct timespec until = {.tv_sec = (time_t)(deadline / NS_PER_S),
                                     .tv_nsec = (long)(deadline % NS_PER_S)};
            pthread_cond_timedwait(&b->ready, &b->lock, &until);
        }
    }
    u32 n = b->count < max ? b->count : max;
    for (u32 i = 0; i < n; i++) {
        requests[i] = b->ring[b->head];
        b->bytes -= requests[i].length;
        b->head = (b->head + 1) % b->size;
        b->count--;
    }
    if (n == 0 && rv == 0 && b->closed)
        rv = -ESHUTDOWN;
    pthread_mutex_unlock(&b->lock);
    return n != 0 ? (int)n : rv;
}
