/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "peer_out.h"
#include "peer_shm.h"

/* An id: serial number, slot, and one bit for the pool. Never reused, never 0. */
#define ID_SLOT_SHIFT 1u
#define ID_SERIAL_SHIFT 24u

static peer_pool_t *pool_of(peer_t *p, u8 transport)
{
    return transport == PEER_SOCKET ? &p->sockets : &p->shm_clients;
}

static int pool_grow(peer_pool_t *pool)
{
    u32 size = pool->size == 0 ? 64 : pool->size * 2;
    peer_client_t **at = realloc(pool->at, size * sizeof *at);
    if (at != NULL)
        pool->at = at;
    u32 *free_slots = realloc(pool->free_slots, size * sizeof *free_slots);
    if (free_slots != NULL)
        pool->free_slots = free_slots;
    if (at == NULL || free_slots == NULL)
        return -1;
    memset(at + pool->size, 0, (size - pool->size) * sizeof *at);
    /* The last one is handed out first, as from VPP's pools. */
    for (u32 slot = size; slot > pool->size; slot--)
        free_slots[pool->free_count++] = slot - 1;
    pool->size = size;
    return 0;
}

/** The lists can hold every client, so that putting one on them cannot fail. */
static int lists_grow(peer_t *p)
{
    u32 need = p->sockets.size + p->shm_clients.size;
    if (need <= p->lists_size)
        return 0;
    peer_client_t **dirty = realloc(p->dirty, need * sizeof(void *));
    if (dirty != NULL)
        p->dirty = dirty;
    peer_client_t **active = realloc(p->active, need * sizeof(void *));
    if (active != NULL)
        p->active = active;
    if (dirty == NULL || active == NULL)
        return -1;
    p->lists_size = need;
    return 0;
}

static void count_clients(peer_t *p, u8 transport, i32 by)
{
    u64 *n = transport == PEER_SOCKET  ? &p->stats.clients_socket
             : transport == PEER_MEMFD ? &p->stats.clients_memfd
                                       : &p->stats.clients_classic;
    store_relaxed(n, *n + (u64)(i64)by);
}

peer_client_t *peer_client_add(peer_t *p, u8 transport)
{
    peer_pool_t *pool = pool_of(p, transport);
    if (p->sockets.used + p->shm_clients.used >= p->options.max_clients)
        return NULL;
    peer_client_t *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    pthread_mutex_lock(&p->clients_lock);
    if ((pool->free_count == 0 && pool_grow(pool) != 0) || lists_grow(p) != 0) {
        pthread_mutex_unlock(&p->clients_lock);
        free(c);
        return NULL;
    }
    c->slot = pool->free_slots[--pool->free_count];
    c->transport = transport;
    c->fd = c->passed_fd = -1;
    c->id = ++p->next_serial << ID_SERIAL_SHIFT | (u64)c->slot << ID_SLOT_SHIFT |
            (transport != PEER_SOCKET);
    c->index_raw = transport == PEER_SOCKET ? htobe32(PEER_INDEX_SOCKET | c->slot)
                                            : c->slot << PEER_INDEX_EPOCH_BITS;
    pool->at[c->slot] = c;
    pool->used++;
    pthread_mutex_unlock(&p->clients_lock);
    count_clients(p, transport, 1);
    peer_count(p, clients_total, 1);
    return c;
}

static peer_client_t *at_slot(const peer_pool_t *pool, u32 slot)
{
    peer_client_t *c = slot < pool->size ? pool->at[slot] : NULL;
    return c != NULL && !c->doomed ? c : NULL;
}

peer_client_t *peer_client_find(peer_t *p, u64 id)
{
    const peer_pool_t *pool = (id & 1) != 0 ? &p->shm_clients : &p->sockets;
    u32 slot = (u32)(id >> ID_SLOT_SHIFT) & ((1u << (ID_SERIAL_SHIFT - ID_SLOT_SHIFT)) - 1);
    peer_client_t *c = at_slot(pool, slot);
    return c != NULL && c->id == id ? c : NULL;
}

peer_client_t *peer_client_of_index(peer_t *p, u32 index_raw)
{
    u32 index = be32toh(index_raw);
    if ((index & PEER_INDEX_SOCKET) != 0) {
        peer_client_t *c = at_slot(&p->sockets, index & ~PEER_INDEX_SOCKET);
        if (c != NULL)
            return c;
    }
    peer_client_t *c = at_slot(&p->shm_clients, index_raw >> PEER_INDEX_EPOCH_BITS);
    return c != NULL && c->index_raw == index_raw ? c : NULL;
}

void peer_client_set_name(peer_t *p, peer_client_t *c, const char name[64])
{
    pthread_mutex_lock(&p->clients_lock);
    memcpy(c->name, name, sizeof c->name - 1);
    pthread_cond_broadcast(&p->clients_changed);
    pthread_mutex_unlock(&p->clients_lock);
}

void peer_client_set_wants_events(peer_t *p, peer_client_t *c, bool wants)
{
    pthread_mutex_lock(&p->clients_lock);
    c->wants_events = wants;
    pthread_cond_broadcast(&p->clients_changed);
    pthread_mutex_unlock(&p->clients_lock);
}

bool peer_client_is_member(const peer_client_t *c, u64 target)
{
    if (target == PEER_SUBSCRIBERS)
        return c->wants_events;
    /* A connection that has not said its name has no use for events. */
    return c->name[0] != 0 || c->transport != PEER_SOCKET;
}

void peer_client_activate(peer_t *p, peer_client_t *c)
{
    if (c->active)
        return;
    c->active = true;
    p->active[p->active_count++] = c;
}

void peer_client_end_dump(peer_client_t *c)
{
    free(c->dump.owned);
    memset(&c->dump, 0, sizeof c->dump);
}

void peer_client_doom(peer_t *p, peer_client_t *c)
{
    c->doomed = true;
    p->any_doomed = true;
}

static void take_off(peer_client_t **list, u32 *count, const peer_client_t *c)
{
    u32 kept = 0;
    for (u32 i = 0; i < *count; i++)
        if (list[i] != c)
            list[kept++] = list[i];
    *count = kept;
}

static void bury(peer_t *p, peer_client_t *c)
{
    if (c->dirty)
        take_off(p->dirty, &p->dirty_count, c);
    if (c->active)
        take_off(p->active, &p->active_count, c);
    peer_out_forget(p, c);
    peer_client_end_dump(c);
    peer_letters_clear(&c->deferred);
    if (c->transport == PEER_SOCKET) {
        if (c->segment != NULL)
            peer_segment_orphan(p, c->segment);
        if (c->passed_fd >= 0) {
            close(c->passed_fd);
            p->waiting_fds--;
        }
        close(c->fd); /* leaves the epoll set by itself */
        free(c->in.bytes);
        free(c->out.bytes);
    } else {
        peer_segment_unregister(p, c->segment);
    }
    peer_pool_t *pool = pool_of(p, c->transport);
    pthread_mutex_lock(&p->clients_lock);
    pool->at[c->slot] = NULL;
    pool->free_slots[pool->free_count++] = c->slot;
    pool->used--;
    pthread_mutex_unlock(&p->clients_lock);
    count_clients(p, c->transport, -1);
    free(c);
}

static void bury_all(peer_t *p, peer_pool_t *pool, bool everybody)
{
    for (u32 slot = 0; slot < pool->size; slot++)
        if (pool->at[slot] != NULL && (everybody || pool->at[slot]->doomed))
            bury(p, pool->at[slot]);
}

void peer_clients_bury(peer_t *p)
{
    if (!p->any_doomed)
        return;
    p->any_doomed = false;
    bury_all(p, &p->sockets, false);
    bury_all(p, &p->shm_clients, false);
}

void peer_clients_clear(peer_t *p)
{
    bury_all(p, &p->shm_clients, true);
    bury_all(p, &p->sockets, true);
    p->any_doomed = false;
}

int peer_clients(peer_t *p, peer_client_info_t *clients, u32 max)
{
    u32 n = 0;
    pthread_mutex_lock(&p->clients_lock);
    for (u32 which = 0; which < 2; which++) {
        const peer_pool_t *pool = which == 0 ? &p->sockets : &p->shm_clients;
        for (u32 slot = 0; slot < pool->size; slot++) {
            const peer_client_t *c = pool->at[slot];
            if (c == NULL)
                continue;
            if (n < max) {
                clients[n] = (peer_client_info_t){.client_id = c->id,
                                                  .pid = c->pid,
                                                  .transport = c->transport,
                                                  .wants_events = c->wants_events};
                memcpy(clients[n].name, c->name, sizeof c->name);
            }
            n++;
        }
    }
    pthread_mutex_unlock(&p->clients_lock);
    return (int)n;
}

static u32 count_members(peer_t *p, u64 target)
{
    const peer_pool_t *pools[] = {&p->sockets, &p->shm_clients};
    u32 n = 0;
    for (u32 which = 0; which < 2; which++)
        for (u32 slot = 0; slot < pools[which]->size; slot++) {
            const peer_client_t *c = pools[which]->at[slot];
            n += c != NULL && peer_client_is_member(c, target);
        }
    return n;
}

int peer_await_clients(peer_t *p, u64 target, u64 timeout_ns)
{
    deadline_t deadline = deadline_in(timeout_ns);
    u32 n;
    pthread_mutex_lock(&p->clients_lock);
    while ((n = count_members(p, target)) == 0 && !deadline_passed(deadline)) {
        /* Slices, because a peer that stops tells nobody. */
        deadline_t slice = deadline_slice(deadline, NS_PER_S);
        struct timespec until = {.tv_sec = (time_t)(slice / NS_PER_S),
                                 .tv_nsec = (long)(slice % NS_PER_S)};
        pthread_cond_timedwait(&p->clients_changed, &p->clients_lock, &until);
    }
    pthread_mutex_unlock(&p->clients_lock);
    return n != 0 ? (int)n : -ETIMEDOUT;
}

void peer_clients_init(peer_t *p)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&p->clients_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->clients_changed, &attr);
    pthread_condattr_destroy(&attr);
}

void peer_clients_fini(peer_t *p)
{
    pthread_cond_destroy(&p->clients_changed);
    pthread_mutex_destroy(&p->clients_lock);
}
