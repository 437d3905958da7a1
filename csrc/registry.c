/* SPDX-License-Identifier: Apache-2.0 */
#include "registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"

/* Descriptions in the order of registration, and a hash from name_crc to it (open addressing, at most
 * half full). Readers take no lock: arrays only grow, and an old one is kept, as somebody may still
 * be reading it; all of VPP's messages make a dozen growths. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const vapi_message_desc_t **descriptions;
static u32 room;
static u32 count;
static u32 *slots; /* id + 1 */
static u32 slots_size;

static u32 hash_name(const char *name)
{
    u32 h = 2166136261u;
    for (; *name != 0; name++)
        h = (h ^ (u8)*name) * 16777619u;
    return h;
}

static u32 find_slot(const char *name)
{
    u32 i = hash_name(name) & (slots_size - 1);
    while (slots[i] != 0 && strcmp(descriptions[slots[i] - 1]->name_with_crc, name) != 0)
        i = (i + 1) & (slots_size - 1);
    return i;
}

static bool grow(void)
{
    u32 larger = room == 0 ? 256 : room * 2;
    const vapi_message_desc_t **grown = calloc((size_t)larger + 1, sizeof(*grown));
    u32 *grown_slots = calloc((size_t)larger * 2, sizeof *grown_slots);
    if (grown == NULL || grown_slots == NULL) {
        free(grown);
        free(grown_slots);
        return false;
    }
    if (count != 0)
        memcpy(grown, descriptions, count * sizeof(*grown));
    /* The place behind the last one leads to the array before, so that it is kept, not lost. */
    grown[larger] = (const void *)descriptions;
    store_release(&descriptions, grown);
    free(slots);
    slots = grown_slots;
    slots_size = larger * 2;
    room = larger;
    for (u32 i = 0; i < count; i++)
        slots[find_slot(descriptions[i]->name_with_crc)] = i + 1;
    return true;
}

vapi_msg_id_t vapi_register_msg(vapi_message_desc_t *msg)
{
    pthread_mutex_lock(&lock);
    msg->id = VAPI_INVALID_MSG_ID;
    if (count < room || grow()) {
        u32 slot = find_slot(msg->name_with_crc);
        if (slots[slot] == 0) {
            descriptions[count] = msg;
            slots[slot] = count + 1;
            /* Release: whoever sees the count sees the description. */
            store_release(&count, count + 1);
        }
        msg->id = slots[slot] - 1;
    }
    pthread_mutex_unlock(&lock);
    return msg->id;
}

u32 registry_count(void) { return load_acquire(&count); }

const vapi_message_desc_t *registry_get(vapi_msg_id_t id)
{
    return id < registry_count() ? load_acquire(&descriptions)[id] : NULL;
}

size_t vapi_get_message_count(void) { return registry_count(); }

const char *vapi_get_msg_name(vapi_msg_id_t id)
{
    const vapi_message_desc_t *d = registry_get(id);
    return d == NULL ? NULL : d->name;
}

int vapi_get_payload_offset(vapi_msg_id_t id)
{
    const vapi_message_desc_t *d = registry_get(id);
    return d == NULL ? -1 : (int)d->payload_offset;
}

generic_swap_fn_t vapi_get_swap_to_host_func(vapi_msg_id_t id)
{
    const vapi_message_desc_t *d = registry_get(id);
    return d == NULL ? NULL : d->swap_to_host;
}

generic_swap_fn_t vapi_get_swap_to_be_func(vapi_msg_id_t id)
{
    const vapi_message_desc_t *d = registry_get(id);
    return d == NULL ? NULL : d->swap_to_be;
}

size_t vapi_get_context_offset(vapi_msg_id_t id)
{
    const vapi_message_desc_t *d = registry_get(id);
    return d == NULL ? 0 : d->context_offset;
}

bool vapi_msg_is_with_context(vapi_msg_id_t id)
{
    const vapi_message_desc_t *d = registry_get(id);
    return d != NULL && d->has_context;
}

bool vapi_msg_to_host(vapi_msg_id_t id, void *msg, size_t size)
{
    const vapi_message_desc_t *d = registry_get(id);
    if (d == NULL)
        return false;
    size_t header = d->has_context ? d->context_offset + sizeof(u32) : sizeof(u16);
    if (size < header || (d->payload_offset != ~0u && size < d->payload_offset) ||
        (d->verify_wire_size != NULL && d->verify_wire_size(msg, size) != 0))
        return false;
    d->swap_to_host(msg);
    return d->verify_msg_size(msg, size) == 0;
}
