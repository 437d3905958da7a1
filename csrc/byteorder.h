/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads and stores at any alignment. `be` is network order, `raw` is the machine's own.
 */
#ifndef VAPI_CORE_BYTEORDER_H
#define VAPI_CORE_BYTEORDER_H

#include <endian.h>
#include <string.h>
#include <vapi/vapi_types.h>

static inline u16 load_raw16(const void *p)
{
    u16 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline u32 load_raw32(const void *p)
{
    u32 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline u64 load_raw64(const void *p)
{
    u64 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_raw16(void *p, u16 v) { memcpy(p, &v, sizeof v); }
static inline void store_raw32(void *p, u32 v) { memcpy(p, &v, sizeof v); }
static inline void store_raw64(void *p, u64 v) { memcpy(p, &v, sizeof v); }

static inline u16 load_be16(const void *p) { return be16toh(load_raw16(p)); }
static inline u32 load_be32(const void *p) { return be32toh(load_raw32(p)); }
static inline u64 load_be64(const void *p) { return be64toh(load_raw64(p)); }
static inline void store_be16(void *p, u16 v) { store_raw16(p, htobe16(v)); }
static inline void store_be32(void *p, u32 v) { store_raw32(p, htobe32(v)); }
static inline void store_be64(void *p, u64 v) { store_raw64(p, htobe64(v)); }

#endif
