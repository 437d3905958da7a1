/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages by which clients come, look around and leave. Those that belong to the other transport
 * are dropped with a count; VPP would follow a pointer.
 */
#include <errno.h>
#include <unistd.h>

#include "peer_client.h"
#include "peer_handlers.h"
#include "peer_out.h"
#include "peer_shm.h"

/* What sock_init_shm_reply says when there is no segment. */
#define SHM_NO_SIZE (-101)
#define SHM_CREATE_FAILURE (-102)
#define SHM_SET_SIZE (-103)
#define SHM_MMAP (-104)
#define RETVAL_INVALID_VALUE (-7)

void peer_on_memclnt_create(peer_t *p, const peer_call_t *call)
{
    if (call->segment == NULL)
        peer_count(p, dropped_messages, 1);
    else
        peer_shm_register(p, call, false);
}

void peer_on_memclnt_create_v2(peer_t *p, const peer_call_t *call)
{
    if (call->segment == NULL)
        peer_count(p, dropped_messages, 1);
    else
        peer_shm_register(p, call, true);
}

void peer_on_memclnt_delete(peer_t *p, const peer_call_t *call)
{
    if (call->segment == NULL)
        peer_count(p, dropped_messages, 1);
    else
        peer_shm_unregister(p, call);
}

void peer_on_memclnt_keepalive(peer_t *p, const peer_call_t *call)
{
    peer_reply_retval(p, call, PEER_MSG_memclnt_keepalive_reply, 0);
}

void peer_on_memclnt_keepalive_reply(peer_t *p, const peer_call_t *call)
{
    peer_shm_heard(p, call);
}

void peer_on_control_ping(peer_t *p, const peer_call_t *call)
{
    mp_control_ping_reply_t *r = peer_reply_begin(p, call, PEER_MSG_control_ping_reply, sizeof *r);
    if (r == NULL)
        return;
    r->client_index = call->client->index_raw;
    r->vpe_pid = htobe32(p->pid);
    peer_out_end(p, call->client);
}

void peer_on_get_first_msg_id(peer_t *p, const peer_call_t *call)
{
    const mp_get_first_msg_id_t *m = (const void *)call->body;
    u16 first = 0;
    for (u32 i = 0; i < p->module_count; i++)
        if (strncmp(p->modules[i].name_crc, m->name, sizeof m->name) == 0)
            first = p->modules[i].first_id;
    mp_get_first_msg_id_reply_t *r =
        peer_reply_begin(p, call, PEER_MSG_get_first_msg_id_reply, sizeof *r);
    if (r == NULL)
        return;
    r->h.retval = (i32)htobe32(first == 0 ? (u32)RETVAL_INVALID_VALUE : 0);
    r->first_msg_id = htobe16(first == 0 ? UINT16_MAX : first);
    peer_out_end(p, call->client);
}

void peer_on_api_versions(peer_t *p, const peer_call_t *call)
{
    mp_api_versions_reply_t *r =
        peer_reply_begin(p, call, PEER_MSG_api_versions_reply,
                         (u32)(sizeof *r + p->module_count * sizeof(mp_module_version_t)));
    if (r == NULL)
        return;
    r->count = htobe32(p->module_count);
    mp_module_version_t *v = (void *)(r + 1);
    for (u32 i = 0; i < p->module_count; i++, v++) {
        const peer_module_t *module = &p->modules[i];
        const char *underscore = strrchr(module->name_crc, '_');
        size_t length =
            underscore != NULL ? (size_t)(underscore - module->name_crc) : strlen(module->name_crc);
        v->major = htobe32(module->version[0]);
        v->minor = htobe32(module->version[1]);
        v->patch = htobe32(module->version[2]);
        memcpy(v->name, module->name_crc, length);
        memcpy(v->name + length, ".api", length + 5 <= sizeof v->name ? 4 : 0);
    }
    peer_out_end(p, call->client);
}

void peer_on_sockclnt_create(peer_t *p, const peer_call_t *call)
{
    const mp_sockclnt_create_t *m = (const void *)call->body;
    peer_client_t *c = call->connection;
    if (c == NULL) {
        peer_count(p, dropped_messages, 1);
        return;
    }
    peer_client_set_name(p, c, m->name);
    u32 count = msg_table_count(p->table);
    mp_sockclnt_create_reply_t *r =
        peer_out_begin(p, c, (u32)sizeof *r + count * MSG_TABLE_ENTRY_BYTES);
    if (r == NULL)
        return;
    r->id = htobe16(p->ids[PEER_MSG_sockclnt_create_reply]);
    r->context = m->context;
    r->index = c->index_raw;
    r->count = htobe16((u16)count);
    memcpy(r + 1, p->table_entries, (size_t)count * MSG_TABLE_ENTRY_BYTES);
    peer_out_end(p, c);
}

void peer_on_sockclnt_delete(peer_t *p, const peer_call_t *call)
{
    const mp_sockclnt_delete_t *m = (const void *)call->body;
    peer_client_t *c = call->connection;
    if (c == NULL) {
        peer_count(p, dropped_messages, 1);
        return;
    }
    bool mine = m->index == c->index_raw;
    peer_reply_header_t *r = peer_out_begin(p, c, sizeof *r);
    if (r == NULL)
        return;
    r->id = htobe16(p->ids[PEER_MSG_sockclnt_delete_reply]);
    r->context = call->context;
    r->retval = (i32)htobe32(mine ? 1 : (u32)-1);
    peer_out_end(p, c);
    if (mine)
        c->closing = true;
}

/** Makes the segment; 0 or what the reply says. *fatal: VPP would have aborted here. */
static i32 make_segment(peer_t *p, peer_client_t *c, u32 size, const ring_config_t *configs,
                        u32 count, bool *fatal)
{
    int fd;
    *fatal = false;
    if (size == 0)
        return SHM_NO_SIZE;
    if (size > p->options.segment_max_bytes)
        return SHM_SET_SIZE;
    peer_segment_t *s = peer_segment_new(p, PEER_MEMFD);
    if (s == NULL)
        return SHM_CREATE_FAILURE;
    int rv = region_make_memfd(&s->shm, size, configs, count, &fd);
    if (rv != 0) {
        *fatal = rv == -EINVAL || rv == -ENOMEM;
        peer_segment_orphan(p, s);
        return rv == -EINVAL ? SHM_CREATE_FAILURE : rv == -ENOMEM ? SHM_SET_SIZE : SHM_MMAP;
    }
    peer_segment_guard(p, s);
    peer_count(p, heap_free_bytes, (u64)s->shm.heap.units * REGION_HEAP_MIN_BLOCK);
    if (c->segment != NULL)
        peer_segment_orphan(p, c->segment);
    s->owner = c;
    c->segment = s;
    c->passed_fd = fd;
    c->pass_after = deadline_in(NS_PER_S);
    p->waiting_fds++;
    return 0;
}

void peer_on_sock_init_shm(peer_t *p, const peer_call_t *call)
{
    const mp_sock_init_shm_t *m = (const void *)call->body;
    peer_client_t *c = call->connection;
    ring_config_t configs[UINT8_MAX];
    bool fatal;
    if (c == NULL) {
        peer_count(p, dropped_messages, 1);
        return;
    }
    u32 count = m->nitems;
    memcpy(configs, m + 1, count * sizeof configs[0]);
    i32 retval =
        make_segment(p, c, m->requested_size, count == 0 ? region_make_memfd_defaults : configs,
                     count == 0 ? region_make_memfd_defaults_count : count, &fatal);
    peer_reply_header_t *r = peer_out_begin(p, c, sizeof *r);
    if (r != NULL) {
        r->id = htobe16(p->ids[PEER_MSG_sock_init_shm_reply]);
        r->context = call->context;
        r->retval = (i32)htobe32((u32)retval);
        peer_out_end(p, c);
    }
    if (fatal) {
        peer_count(p, dropped_clients, 1);
        c->closing = true;
    } else if (c->passed_fd >= 0) {
        peer_client_activate(p, c);
    }
}

void peer_on_get_api_json(peer_t *p, const peer_call_t *call)
{
    pthread_mutex_lock(&p->json_lock);
    size_t length = p->json_length;
    mp_text_reply_t *r =
        peer_reply_begin(p, call, PEER_MSG_get_api_json_reply, (u32)(sizeof *r + length));
    if (r != NULL) {
        r->length = htobe32((u32)length);
        if (length != 0) /* NULL until somebody sets one */
            memcpy(r + 1, p->json, length);
        peer_out_end(p, call->client);
    }
    pthread_mutex_unlock(&p->json_lock);
}
