/* SPDX-License-Identifier: Apache-2.0 */
#include "gather.h"

#include "byteorder.h"
#include "deadline.h"

/* Messages with one context and number that are a long dump. */
#define LONG_STREAM 64u
/* A rest is this part of the time that the dump has taken: so much later it ends at worst. */
#define REST_PART 8
/* Less does not fill the socket (measured: 280 small messages, 0.55 ms), and more lets VPP pile up what it
 * moves about each time that some of it goes out (2 ms: some 400 KB). */
#define LEAST_REST_NS (500 * NS_PER_US)
#define LONGEST_REST_NS (2 * NS_PER_MS)

static u64 stream_of(const msg_ref_t *ref)
{
    return ref->size < 6 ? 0
                         : (u64)load_be16(ref->body) << 32 | load_raw32((const u8 *)ref->body + 2);
}

bool gather_see(gather_t *g, const msg_ref_t *last, u32 count)
{
    u64 stream = stream_of(last);
    g->rest_ns = 0;
    if (stream != g->stream) {
        *g = (gather_t){.stream = stream};
        return false;
    }
    g->count = g->count > UINT32_MAX - count ? UINT32_MAX : g->count + count;
    return g->count >= LONG_STREAM;
}

void gather_trickled(gather_t *g, u64 now)
{
    if (g->since == 0)
        g->since = now;
    u64 rest = (now - g->since) / REST_PART;
    if (rest >= LEAST_REST_NS)
        g->rest_ns = rest < LONGEST_REST_NS ? rest : LONGEST_REST_NS;
}
