/* SPDX-License-Identifier: Apache-2.0
 *
 * The classic shared segment: two files in /dev/shm, no socket needed. The client's own memory are
 * pages of the root region that VPP maps and does not use (page_carve).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "atomics.h"
#include "handshake.h"
#include "page_carve.h"
#include "sockio.h"
#include "transport_shm.h"

#define SHM_DIR "/dev/shm/"
#define LOCK_PATIENCE_NS (2 * NS_PER_S)
/* A long message is at most this, so that no client takes the root region for itself. */
#define LONG_MESSAGE_PAGES 1280u
#define LONGEST_PREFIX 64u

static void *root_pages_alloc(void *context, u32 pages)
{
    shm_transport_t *s = context;
    return page_carve(&s->regions[1], pages, deadline_in(LOCK_PATIENCE_NS), NULL);
}

static void root_pages_free(void *context, void *run, u32 pages)
{
    shm_transport_t *s = context;
    (void)pages;
    page_uncarve(&s->regions[1], run, false, deadline_in(LOCK_PATIENCE_NS));
}

static void release_memory(shm_transport_t *s, bool clean)
{
    deadline_t deadline = deadline_in(LOCK_PATIENCE_NS);
    for (u32 i = 0; i < s->arena.long_count; i++)
        page_uncarve(&s->regions[1], s->arena.longs[i].run, !clean, deadline);
    s->arena.long_count = 0;
    if (s->run != NULL)
        page_uncarve(&s->regions[1], s->run, !clean, deadline);
    s->run = NULL;
}

static vapi_error_e file_path(char *out, size_t bytes, const char *prefix, const char *name,
                              error_rec_t *error)
{
    size_t length = prefix == NULL ? 0 : strlen(prefix);
    if (length > LONGEST_PREFIX || (length != 0 && strchr(prefix, '/') != NULL))
        return error_set(error, VAPI_EINVAL, EINVAL,
                         "api-segment prefix '%.80s': must be up to %u bytes without a slash",
                         prefix, LONGEST_PREFIX);
    snprintf(out, bytes, SHM_DIR "%s%s%s", length != 0 ? prefix : "", length != 0 ? "-" : "", name);
    return VAPI_OK;
}

static vapi_error_e map_both(shm_transport_t *s, const transport_options_t *o, error_rec_t *error)
{
    char root_path[sizeof s->path];
    vapi_error_e rv = file_path(s->path, sizeof s->path, o->address, "vpe-api", error);
    if (rv == VAPI_OK)
        rv = file_path(root_path, sizeof root_path, o->address, "global_vm", error);
    if (rv == VAPI_OK)
        rv = region_map_file(&s->regions[0], s->path, o->deadline, error);
    if (rv == VAPI_OK)
        rv = region_map_file(&s->regions[1], root_path, o->deadline, error);
    /* The API region lies inside the root's addresses: it is looked into first. */
    s->space = (region_space_t){.regions = {&s->regions[0], &s->regions[1]}, .count = 2};
    return rv;
}

static vapi_error_e carve_memory(shm_transport_t *s, const transport_options_t *o,
                                 error_rec_t *error)
{
    const region_t *root = &s->regions[1];
    const page_source_t source = {.alloc = root_pages_alloc,
                                  .free = root_pages_free,
                                  .context = s,
                                  .header_bytes = CARVE_HEADER_BYTES,
                                  .max_pages = LONG_MESSAGE_PAGES};
    u64 bytes = CARVE_HEADER_BYTES + shm_memory_bytes(o->queue_size);
    s->run_bytes = (bytes + SHM_PAGE_SIZE - 1) / SHM_PAGE_SIZE * SHM_PAGE_SIZE;
    u32 pages = (u32)(s->run_bytes / SHM_PAGE_SIZE);
    deadline_t patience = deadline_slice(o->deadline, LOCK_PATIENCE_NS);
    s->run = page_carve(root, pages, patience, error);
    /* By its socket VPP has just answered. */
    if (s->run == NULL && s->bell.fd >= 0 &&
        page_carve_reclaim(root, &s->regions[0], patience) != 0)
        s->run = page_carve(root, pages, patience, error);
    if (s->run == NULL)
        return error == NULL ? VAPI_EMAP_FAIL : error->code;
    s->release_memory = release_memory;
    return shm_lay_out(s, root, s->run + CARVE_HEADER_BYTES, o->queue_size, &source, error);
}

static vapi_error_e open_bell(shm_transport_t *s, const transport_options_t *o, msg_table_t *table,
                              error_rec_t *error)
{
    if (o->bell_address == NULL)
        bell_find(&s->bell, s->base.server_pid, o->name, table, o->deadline);
    else if (o->bell_address[0] != 0)
        return bell_open(&s->bell, o->bell_address, o->name, table, o->deadline, error);
    return VAPI_OK;
}

/**
 * The table that VPP's answer points to, if it points to one. VPP may have cached a pointer into a
 * private segment, if its first client had one: then the table that came over the bell's socket must
 * do, which is of the same VPP.
 */
static vapi_error_e choose_table(shm_transport_t *s, u64 table_va, msg_table_t **by_socket,
                                 error_rec_t *error)
{
    msg_table_t *table = msg_table_alloc();
    if (table == NULL)
        return error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory");
    if (shm_read_table(s, table_va, table, error) == VAPI_OK &&
        msg_table_find(table, "memclnt_delete_7e1c04e3") == ID_MEMCLNT_DELETE) {
        msg_table_free(s->base.table);
        s->base.table = table;
        return VAPI_OK;
    }
    msg_table_free(table);
    if (msg_table_count(*by_socket) == 0)
        return error_set(error, VAPI_EINCOMPATIBLE, 0,
                         "%s: VPP's pointer to its message table is wrong (a known fault of VPP), "
                         "and there is no API socket to ask instead: name it as the bell's address",
                         s->path);
    msg_table_free(s->base.table);
    s->base.table = *by_socket;
    *by_socket = NULL;
    return VAPI_OK;
}

static vapi_error_e register_there(shm_transport_t *s, const transport_options_t *o,
                                   msg_table_t **by_socket, error_rec_t *error)
{
    u64 table_va = 0;
    /* v2 where the socket's table proves that this release has it. Otherwise the first version, which
       all releases have; it means "keepalive" as v2 with its byte set. */
    bool v2 = msg_table_find(*by_socket, "memclnt_create_v2_c4bd4882") == ID_MEMCLNT_CREATE_V2;
    vapi_error_e rv = shm_register(s, o, v2, &table_va, error);
    return rv != VAPI_OK ? rv : choose_table(s, table_va, by_socket, error);
}

static vapi_error_e join(shm_transport_t *s, const transport_options_t *o, error_rec_t *error)
{
    vapi_error_e rv = map_both(s, o, error);
    if (rv == VAPI_OK)
        rv = shm_attach(s, o->deadline, error);
    if (rv != VAPI_OK)
        return rv;
    s->base.sees_events = true;
    s->base.server_pid = load_relaxed(&s->hdr->vl_pid);
    /* A pid that does not exist here is one of another namespace, or of a VPP that died: the
       registration will tell. */
    s->watch_pid = s->base.server_pid > 0 && !(kill(s->base.server_pid, 0) != 0 && errno == ESRCH);
    msg_table_t *by_socket = msg_table_alloc();
    rv = by_socket == NULL ? error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory")
                           : open_bell(s, o, by_socket, error);
    if (rv == VAPI_OK)
        rv = carve_memory(s, o, error);
    if (rv == VAPI_OK)
        rv = transport_open_fds(&s->base, error);
    if (rv == VAPI_OK && s->bell.fd >= 0 && transport_watch_hangup(&s->base, s->bell.fd) != 0)
        rv = error_set(error, VAPI_ENOMEM, errno, "epoll: %s", strerror(errno));
    if (rv == VAPI_OK)
        rv = register_there(s, o, &by_socket, error);
    msg_table_free(by_socket);
    if (rv == VAPI_OK)
        page_carve_reclaim(&s->regions[1], &s->regions[0],
                           deadline_slice(o->deadline, LOCK_PATIENCE_NS));
    return rv;
}

/** VPP knows us, but the rest failed: leave as one should. */
static void leave_again(shm_transport_t *s)
{
    transport_t *t = &s->base;
    bool registered = s->handle != 0, goodbye = false;
    deadline_t deadline = deadline_in(2 * NS_PER_S);
    if (registered && shm_ops.leave(t) == 0)
        while (!goodbye && !deadline_passed(deadline)) {
            msg_ref_t ref;
            if (shm_ops.take(t, &ref, 1) == 1) {
                goodbye = shm_ops.is_goodbye(t, ref.body, ref.size);
                shm_ops.release(t, ref.body);
            } else if (shm_ops.sleep(t, false, deadline) == -ECONNRESET) {
                break;
            }
        }
    shm_ops.close(t, goodbye);
    shm_ops.destroy(t);
}

vapi_error_e transport_classic_connect(transport_t **t, const transport_options_t *o,
                                       error_rec_t *error)
{
    shm_transport_t *s = shm_transport_alloc(VAPI_TRANSPORT_SHM, o->stats);
    if (s == NULL)
        return error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory");
    vapi_error_e rv = join(s, o, error);
    if (rv != VAPI_OK) {
        leave_again(s);
        return rv;
    }
    memcpy(s->base.socket_path, s->bell.path, sizeof s->base.socket_path);
    *t = &s->base;
    return VAPI_OK;
}
