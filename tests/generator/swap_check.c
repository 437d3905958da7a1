/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads messages in host order and in network order, and compares what the generated functions make of
 * them: sizes, both swaps, and every shorter length, each in memory of exactly that size.
 *
 * Standard input, once a message: u32 length of the name, u32 length of the message, name_crc, host
 * bytes, network bytes. Output: how many were right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vapi/vapi_generated.h>

#include "registry.h"

static void fail(const char *name, const char *what, size_t size)
{
    fprintf(stderr, "%s: %s (%zu bytes)\n", name, what, size);
    exit(1);
}

static void read_all(void *to, size_t size)
{
    if (size != 0 && fread(to, size, 1, stdin) != 1)
        fail("input", "ends too early", size);
}

static const vapi_message_desc_t *find(const char *name)
{
    for (u32 i = 0; i < registry_count(); i++)
        if (strcmp(registry_get(i)->name_with_crc, name) == 0)
            return registry_get(i);
    fail(name, "not registered", 0);
    return NULL;
}

static u8 *copy(const u8 *from, size_t size)
{
    u8 *to = malloc(size != 0 ? size : 1);
    memcpy(to, from, size);
    return to;
}

static void check(const char *name, const u8 *host, const u8 *wire, size_t size)
{
    const vapi_message_desc_t *d = find(name);
    u8 *m = copy(host, size);
    if (d->verify_msg_size(m, size) != 0)
        fail(name, "size in host order refused", size);
    if (d->verify_msg_size(m, size - 1) == 0)
        fail(name, "short size in host order accepted", size);
    d->swap_to_be(m);
    if (memcmp(m, wire, size) != 0)
        fail(name, "wrong in network order", size);
    if (!vapi_msg_to_host(d->id, m, size))
        fail(name, "size in network order refused", size);
    if (memcmp(m, host, size) != 0)
        fail(name, "wrong in host order", size);
    free(m);
    for (size_t shorter = 0; shorter < size; shorter++) {
        m = copy(wire, shorter);
        if (vapi_msg_to_host(d->id, m, shorter))
            fail(name, "short size in network order accepted", shorter);
        if (memcmp(m, wire, shorter) != 0)
            fail(name, "swapped though too short", shorter);
        free(m);
    }
}

int main(void)
{
    u32 lengths[2], count = 0;
    while (fread(lengths, sizeof lengths, 1, stdin) == 1) {
        char name[80] = {0};
        u8 *host = malloc(lengths[1]), *wire = malloc(lengths[1]);
        if (lengths[0] >= sizeof name)
            fail("input", "name too long", lengths[0]);
        read_all(name, lengths[0]);
        read_all(host, lengths[1]);
        read_all(wire, lengths[1]);
        check(name, host, wire, lengths[1]);
        free(host);
        free(wire);
        count++;
    }
    printf("%u\n", count);
    return 0;
}
