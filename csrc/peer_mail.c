/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_mail.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer_client.h"
#include "peer_dispatch.h"
#include "peer_loop.h"
#include "peer_out.h"

/* Copies that one pass sends of a message that is to be sent very often. */
#define SLICE 512u

int peer_mailbox_init(peer_mailbox_t *box)
{
    pthread_condattr_t attr;
    memset(box, 0, sizeof *box);
    box->closed = true;
    pthread_mutex_init(&box->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int rv = pthread_cond_init(&box->done, &attr);
    pthread_condattr_destroy(&attr);
    return -rv;
}

static void clear(peer_mailbox_t *box)
{
    while (box->first != NULL) {
        peer_mail_t *mail = box->first;
        box->first = mail->next;
        free(mail);
    }
    box->last = NULL;
    store_relaxed(&box->waiting, 0);
}

void peer_mailbox_fini(peer_mailbox_t *box)
{
    clear(box);
    pthread_cond_destroy(&box->done);
    pthread_mutex_destroy(&box->lock);
}

void peer_mailbox_close(peer_mailbox_t *box, bool closed)
{
    pthread_mutex_lock(&box->lock);
    box->closed = closed;
    if (closed)
        clear(box);
    pthread_cond_broadcast(&box->done);
    pthread_mutex_unlock(&box->lock);
}

void peer_wake(peer_t *p)
{
    u64 one = 1;
    ssize_t n = write(p->wake_fd, &one, sizeof one);
    (void)n; /* a full counter wakes just as well */
}

static int post(peer_t *p, peer_mail_t *mail)
{
    peer_mailbox_t *box = &p->mailbox;
    pthread_mutex_lock(&box->lock);
    bool closed = box->closed;
    if (!closed) {
        mail->next = NULL;
        if (box->last != NULL)
            box->last->next = mail;
        else
            box->first = mail;
        box->last = mail;
        box->posted++;
    }
    bool wake = !closed && load_relaxed(&box->waiting) == 0;
    if (!closed)
        store_release(&box->waiting, 1);
    pthread_mutex_unlock(&box->lock);
    if (closed)
        free(mail);
    else if (wake)
        peer_wake(p);
    return closed ? -ESHUTDOWN : 0;
}

static int post_simple(peer_t *p, peer_mail_e kind, u64 id, u32 count)
{
    peer_mail_t *mail = calloc(1, sizeof *mail);
    if (mail == NULL)
        return -ENOMEM;
    mail->kind = kind;
    mail->client_id = id;
    mail->count = count;
    return post(p, mail);
}

int peer_send_many(peer_t *p, u64 client_id, const u8 *bytes, const u32 *lengths, u32 count)
{
    size_t total = 0;
    for (u32 i = 0; i < count; i++) {
        if (lengths[i] < 2 || lengths[i] > p->options.frame_max_bytes)
            return -EINVAL;
        total += sizeof(u32) + lengths[i];
    }
    if (total > UINT32_MAX)
        return -EINVAL;
    peer_mail_t *mail = malloc(sizeof *mail + total);
    if (mail == NULL)
        return -ENOMEM;
    *mail = (peer_mail_t){.kind = PEER_MAIL_SEND,
                          .client_id = client_id,
                          .count = 1,
                          .messages = count,
                          .length = (u32)total};
    u8 *to = mail->bytes;
    for (u32 i = 0; i < count; i++) {
        store_raw32(to, lengths[i]);
        memcpy(to + sizeof(u32), bytes, lengths[i]);
        to += sizeof(u32) + lengths[i];
        bytes += lengths[i];
    }
    return post(p, mail);
}

int peer_send(peer_t *p, u64 client_id, const u8 *bytes, u32 length, u32 count)
{
    if (length < 2 || length > p->options.frame_max_bytes)
        return -EINVAL;
    peer_mail_t *mail = malloc(sizeof *mail + sizeof(u32) + length);
    if (mail == NULL)
        return -ENOMEM;
    *mail = (peer_mail_t){.kind = PEER_MAIL_SEND,
                          .client_id = client_id,
                          .count = count,
                          .messages = 1,
                          .length = (u32)sizeof(u32) + length};
    store_raw32(mail->bytes, length);
    memcpy(mail->bytes + sizeof(u32), bytes, length);
    return post(p, mail);
}

int peer_done(peer_t *p, u64 token) { return post_simple(p, PEER_MAIL_DONE, token, 0); }

int peer_pass(peer_t *p, const peer_request_t *request)
{
    peer_mail_t *mail = calloc(1, sizeof *mail + (size_t)request->length + PEER_SLACK_BYTES);
    if (mail == NULL)
        return -ENOMEM;
    mail->kind = PEER_MAIL_PASS;
    mail->client_id = request->client_id;
    mail->token = request->token;
    mail->length = request->length;
    memcpy(mail->bytes, request->bytes, request->length);
    return post(p, mail);
}

int peer_disconnect(peer_t *p, u64 client_id)
{
    return post_simple(p, PEER_MAIL_DISCONNECT, client_id, 0);
}

int peer_fault_drop(peer_t *p, u32 msg_id, u32 count)
{
    if (msg_id >= p->entries_size || !p->entries[msg_id].known)
        return -EINVAL;
    return post_simple(p, PEER_MAIL_DROP, msg_id, count);
}

/** Posts a command and waits until it is carried out. */
static int post_and_wait(peer_t *p, peer_mail_e kind, u64 id, deadline_t deadline)
{
    peer_mailbox_t *box = &p->mailbox;
    int rv = post_simple(p, kind, id, 0);
    if (rv != 0)
        return rv;
    pthread_mutex_lock(&box->lock);
    u64 mine = box->posted;
    while (box->carried_out < mine && !box->closed && rv == 0) {
        deadline_t slice = deadline_slice(deadline, NS_PER_S);
        struct timespec until = {.tv_sec = (time_t)(slice / NS_PER_S),
                                 .tv_nsec = (long)(slice % NS_PER_S)};
        if (pthread_cond_timedwait(&box->done, &box->lock, &until) == ETIMEDOUT &&
            deadline_passed(deadline))
            rv = -ETIMEDOUT;
    }
    if (rv == 0 && box->carried_out < mine)
        rv = -ESHUTDOWN;
    pthread_mutex_unlock(&box->lock);
    return rv;
}

int peer_flush(peer_t *p, u64 timeout_ns)
{
    return post_and_wait(p, PEER_MAIL_FLUSH, 0, deadline_in(timeout_ns));
}

int peer_fault_stall(peer_t *p, u64 duration_ns)
{
    if (duration_ns == 0) {
        store_relaxed(&p->stall_until, 0);
        peer_wake(p);
        return 0;
    }
    /* Already stalled, it would not come to its mail. */
    store_relaxed(&p->stall_until, 0);
    peer_wake(p);
    return post_and_wait(p, PEER_MAIL_STALL, deadline_in(duration_ns), deadline_in(60 * NS_PER_S));
}

int peer_restart(peer_t *p)
{
    u64 before = load_acquire(&p->stats.restarts);
    int rv = post_simple(p, PEER_MAIL_RESTART, 0, 0);
    if (rv == 0)
        rv = peer_flush(p, 60 * NS_PER_S);
    return rv == 0 && load_acquire(&p->stats.restarts) == before ? -EIO : rv;
}

/* ---- the peer's side ---- */

static void send_to(peer_t *p, peer_client_t *c, const u8 *body, u32 length)
{
    /* While a handler has a request of this client, it is taken for the answer. */
    p->unasked = c->hold_token == 0;
    peer_out_copy(p, c, body, length);
    p->unasked = false;
}

static void send_to_pool(peer_t *p, const peer_pool_t *pool, u64 target, const u8 *body, u32 length)
{
    for (u32 slot = 0; slot < pool->size; slot++)
        if (pool->at[slot] != NULL && peer_client_is_member(pool->at[slot], target))
            send_to(p, pool->at[slot], body, length);
}

static void send_one(peer_t *p, u64 target, const u8 *body, u32 length)
{
    if (target == PEER_ALL_CLIENTS || target == PEER_SUBSCRIBERS) {
        send_to_pool(p, &p->sockets, target, body, length);
        send_to_pool(p, &p->shm_clients, target, body, length);
        return;
    }
    peer_client_t *c = peer_client_find(p, target);
    if (c != NULL)
        send_to(p, c, body, length);
    else
        peer_count(p, dropped_messages, 1);
}

/** One slice; true when nothing of it is left. */
static bool send_mail(peer_t *p, peer_mail_t *mail)
{
    u32 n = mail->messages > 1 || mail->count < SLICE ? mail->count : SLICE;
    for (u32 i = 0; i < n; i++) {
        const u8 *at = mail->bytes;
        for (u32 m = 0; m < mail->messages; m++) {
            u32 length = load_raw32(at);
            send_one(p, mail->client_id, at + sizeof(u32), length);
            at += sizeof(u32) + length;
        }
    }
    mail->count -= n;
    return mail->count == 0;
}

static bool carry_out(peer_t *p, peer_mail_t *mail)
{
    peer_client_t *c;
    switch (mail->kind) {
    case PEER_MAIL_SEND:
        return send_mail(p, mail);
    case PEER_MAIL_DONE:
        peer_dispatch_done(p, mail->client_id);
        break;
    case PEER_MAIL_PASS:
        peer_dispatch_pass(p, mail->client_id, mail->token, mail->bytes, mail->length);
        break;
    case PEER_MAIL_DISCONNECT:
        c = peer_client_find(p, mail->client_id);
        if (c != NULL)
            peer_client_doom(p, c);
        break;
    case PEER_MAIL_DROP:
        p->entries[mail->client_id].drops = mail->count;
        break;
    case PEER_MAIL_STALL:
        store_relaxed(&p->stall_until, mail->client_id);
        break;
    case PEER_MAIL_RESTART:
        peer_loop_restart(p);
        break;
    case PEER_MAIL_FLUSH:
        peer_out_flush_dirty(p);
        break;
    }
    return true;
}

bool peer_mail_run(peer_t *p)
{
    peer_mailbox_t *box = &p->mailbox;
    if (load_acquire(&box->waiting) == 0)
        return false;
    pthread_mutex_lock(&box->lock);
    peer_mail_t *mail = box->first;
    box->first = box->last = NULL;
    store_relaxed(&box->waiting, 0);
    pthread_mutex_unlock(&box->lock);

    u64 done = 0;
    while (mail != NULL && carry_out(p, mail)) {
        peer_mail_t *next = mail->next;
        free(mail);
        mail = next;
        done++;
    }
    pthread_mutex_lock(&box->lock);
    if (mail != NULL) {
        /* A slice of a long one: what follows it stays behind it. */
        peer_mail_t *tail = mail;
        while (tail->next != NULL)
            tail = tail->next;
        tail->next = box->first;
        if (box->first == NULL)
            box->last = tail;
        box->first = mail;
        store_relaxed(&box->waiting, 1);
    }
    box->carried_out += done;
    if (done != 0)
        pthread_cond_broadcast(&box->done);
    pthread_mutex_unlock(&box->lock);
    return true;
}
