/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "peer_state.h"

/* An empty buffer larger than this is given back. */
#define KEEP_BYTES (1u << 20)

u8 *peer_buffer_reserve(peer_buffer_t *b, size_t bytes)
{
    if (b->size - b->end >= bytes)
        return b->bytes + b->end;
    size_t length = b->end - b->start;
    if (b->start != 0 && (b->start >= length || b->size - length >= bytes)) {
        memmove(b->bytes, b->bytes + b->start, length);
        b->start = 0;
        b->end = length;
        if (b->size - b->end >= bytes)
            return b->bytes + b->end;
    }
    size_t size = b->size < 4096 ? 4096 : b->size;
    while (size - b->end < bytes)
        size *= 2;
    u8 *grown = realloc(b->bytes, size);
    if (grown == NULL)
        return NULL;
    b->bytes = grown;
    b->size = size;
    return b->bytes + b->end;
}

void peer_buffer_consume(peer_buffer_t *b, size_t bytes)
{
    b->start += bytes;
    if (b->start < b->end)
        return;
    b->start = b->end = 0;
    if (b->size > KEEP_BYTES) {
        free(b->bytes);
        *b = (peer_buffer_t){0};
    }
}

void peer_letters_add(peer_letters_t *l, peer_letter_t *letter)
{
    letter->next = NULL;
    if (l->last != NULL)
        l->last->next = letter;
    else
        l->first = letter;
    l->last = letter;
    l->count++;
    l->bytes += sizeof *letter + letter->length;
}

peer_letter_t *peer_letters_take(peer_letters_t *l)
{
    peer_letter_t *letter = l->first;
    if (letter == NULL)
        return NULL;
    l->first = letter->next;
    if (l->first == NULL)
        l->last = NULL;
    l->count--;
    l->bytes -= sizeof *letter + letter->length;
    return letter;
}

peer_letter_t *peer_letter_copy(const u8 *bytes, u32 length)
{
    peer_letter_t *letter = malloc(sizeof *letter + length);
    if (letter == NULL)
        return NULL;
    letter->next = NULL;
    letter->length = length;
    if (bytes != NULL)
        memcpy(letter->bytes, bytes, length);
    return letter;
}

void peer_letters_clear(peer_letters_t *l)
{
    for (peer_letter_t *letter; (letter = peer_letters_take(l)) != NULL;)
        free(letter);
}
