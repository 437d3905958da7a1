/* SPDX-License-Identifier: Apache-2.0
 *
 * Dumps packed into memory of the caller, and pumps that follow each other.
 */
#include "client_fixture.h"

#define DUMP "sw_interface_dump_aa610c27"
#define DETAILS "sw_interface_details_6c221fc7"
#define CREATE "create_loopback_42bb5d22"
#define LOOPS 300u
#define ROOM 4096u

typedef struct __attribute__((packed)) {
    u16 id;
    u32 client_index, context;
    u8 mac[6];
} create_t;

typedef struct __attribute__((packed)) {
    u16 id;
    u32 client_index, context, sw_if_index;
    u8 filter;
    u32 length;
} dump_t;

typedef struct __attribute__((packed)) {
    u16 id;
    u32 context, sw_if_index;
} head_t;

typedef struct __attribute__((packed)) {
    u16 id;
    u32 context;
    i32 retval;
    u32 sw_if_index;
} created_t;

typedef struct {
    vapi_collect_t c;
    u8 heads[ROOM], tails[ROOM];
    u32 ends[ROOM];
} collect_t;

static void give_memory(collect_t *k, u32 max, u32 tails_size)
{
    k->c.heads = k->heads;
    k->c.tails = k->tails;
    k->c.ends = k->ends;
    k->c.max = max;
    k->c.tails_size = tails_size;
}

static void of_interfaces(collect_t *k, vapi_ctx_t ctx, dump_t *request, u32 max)
{
    memset(k, 0, sizeof *k);
    *request = (dump_t){.id = htobe16(vapi_find_msg(ctx, DUMP)), .sw_if_index = ~0u};
    k->c = (vapi_collect_t){.request = request,
                            .request_size = sizeof *request,
                            .is_dump = true,
                            .details_id = vapi_find_msg(ctx, DETAILS),
                            .end_id = vapi_find_msg(ctx, PING_REPLY),
                            .details_context_offset = 2,
                            .end_context_offset = 2,
                            .head_size = sizeof(head_t)};
    give_memory(k, max, ROOM);
}

/** A dump whose one answer has `count` bytes behind its head of 14. */
static echo_t *of_echo(collect_t *k, server_t *s, vapi_ctx_t ctx, u32 count)
{
    echo_t *m = calloc(1, sizeof *m + count);
    m->id = htobe16(vapi_find_msg(ctx, ECHO));
    m->count = htobe32(count);
    for (u32 i = 0; i < count; i++)
        m->bytes[i] = (u8)(i * 7);
    memset(k, 0, sizeof *k);
    k->c = (vapi_collect_t){.request = m,
                            .request_size = (u32)sizeof *m + count,
                            .is_dump = true,
                            .details_id = (u16)s->echo_reply,
                            .end_id = vapi_find_msg(ctx, PING_REPLY),
                            .details_context_offset = 2,
                            .end_context_offset = 2,
                            .head_size = 14,
                            .count_offset = 10,
                            .count_width = 4,
                            .element_size = 1};
    give_memory(k, 8, ROOM);
    return m;
}

static vapi_error_e collect(vapi_ctx_t ctx, collect_t *k)
{
    vapi_error_e rv;
    while ((rv = vapi_collect(ctx, &k->c, NS_PER_S)) == VAPI_EAGAIN)
        ;
    return rv;
}

static void check_end(vapi_ctx_t ctx, collect_t *k)
{
    CHECK(k->c.ended);
    CHECK(k->c.handle == NULL);
    CHECK_EQ(load_be16(k->c.end), k->c.end_id);
    CHECK_EQ(k->c.end_size, 18);
    vapi_msg_free(ctx, k->c.end);
    vapi_collect_cancel(ctx, &k->c); /* nothing is left to give up */
}

/** Loopbacks, by a pump that keeps the replies. */
static void make_loops(vapi_ctx_t ctx)
{
    static create_t requests[LOOPS];
    static created_t replies[LOOPS];
    memset(replies, 0, sizeof replies);
    for (u32 i = 0; i < LOOPS; i++)
        requests[i] = (create_t){.id = htobe16(vapi_find_msg(ctx, CREATE))};
    vapi_pump_t p = {.bytes = (u8 *)requests,
                     .stride = sizeof *requests,
                     .count = LOOPS,
                     .depth = 64,
                     .context_offset = 2,
                     .retval_offset = 6,
                     .replies = (u8 *)replies,
                     .reply_stride = sizeof *replies};
    vapi_error_e rv;
    while ((rv = vapi_pump(ctx, &p, NS_PER_S)) == VAPI_EAGAIN)
        ;
    CHECK_OK(ctx, rv);
    for (u32 i = 0; i < LOOPS; i++) {
        CHECK_EQ(be32toh(replies[i].sw_if_index), i + 1);
        CHECK_EQ(replies[i].retval, 0);
    }
}

ON_EACH_TRANSPORT(heads_in_rows)
{
    static const u32 rooms[] = {1, 7, 64, 512};
    static collect_t k;
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    make_loops(ctx);
    for (u32 r = 0; r < sizeof rooms / sizeof *rooms; r++)
        for (u32 want = 0; want < 2; want++) {
            dump_t request;
            of_interfaces(&k, ctx, &request, rooms[r] < ROOM / 10 ? rooms[r] : ROOM / 10);
            k.c.want = want * k.c.max;
            u32 seen = 0;
            do {
                CHECK_OK(ctx, collect(ctx, &k));
                CHECK_EQ(k.c.tails_used, 0);
                CHECK_EQ(k.c.bad_size, 0);
                for (u32 i = 0; i < k.c.count; i++) {
                    const head_t *head = (const void *)(k.heads + i * sizeof *head);
                    CHECK_EQ(be16toh(head->id), k.c.details_id);
                    CHECK_EQ(be32toh(head->sw_if_index), seen++);
                }
            } while (!k.c.ended);
            CHECK_EQ(seen, LOOPS + 1);
            check_end(ctx, &k);
        }
    ping(ctx);
    CHECK_EQ(stats_of(ctx).held, 0);
    client_close(ctx);
    server_stop(&s);
}

/** All of a dump in memory of the library, over several calls, each of which has little time. */
ON_EACH_TRANSPORT(what_grows)
{
    static collect_t k;
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    make_loops(ctx);
    for (u32 dumps = 0; dumps < 8; dumps++) {
        dump_t request;
        of_interfaces(&k, ctx, &request, 1);
        give_memory(&k, 0, 0);
        k.c.heads = k.c.tails = NULL;
        k.c.ends = NULL;
        k.c.grows = true;
        k.c.want = UINT32_MAX;
        k.c.element_size = dumps % 2; /* with tails, and without */
        u32 before = 0;
        while (!k.c.ended) {
            vapi_error_e rv = vapi_collect(ctx, &k.c, NS_PER_MS);
            CHECK(k.c.count >= before);
            CHECK_EQ(rv, k.c.ended || k.c.count != before ? VAPI_OK : VAPI_EAGAIN);
            CHECK_EQ(k.c.needed, 0);
            before = k.c.count;
        }
        CHECK_EQ(k.c.count, LOOPS + 1);
        CHECK_EQ(k.c.ends[LOOPS], k.c.tails_used);
        CHECK_EQ(k.c.tails_used != 0, k.c.element_size != 0);
        for (u32 i = 0; i <= LOOPS; i++) {
            const head_t *head = (const void *)(k.c.heads + i * sizeof *head);
            CHECK_EQ(be16toh(head->id), k.c.details_id);
            CHECK_EQ(be32toh(head->sw_if_index), i);
            u32 start = i == 0 ? 0 : k.c.ends[i - 1];
            CHECK_EQ(k.c.ends[i] - start, k.c.tails_used / (LOOPS + 1));
        }
        check_end(ctx, &k);
        free(k.c.heads);
        free(k.c.tails);
        free(k.c.ends);
    }
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(tails_of_any_size)
{
    static collect_t k;
    static const u32 sizes[] = {0, 1, 100, ROOM - 14};
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    for (u32 i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        u32 size = sizes[i / 2];
        echo_t *m = of_echo(&k, &s, ctx, size);
        k.c.whole = i % 2 != 0;
        k.c.want = 8;
        CHECK_OK(ctx, collect(ctx, &k));
        CHECK_EQ(k.c.count, 1);
        u32 head = k.c.whole ? 14 : 0;
        CHECK_EQ(k.c.tails_used, head + size);
        CHECK_EQ(k.ends[0], head + size);
        CHECK(memcmp(k.tails + head, m->bytes, size) == 0);
        CHECK_EQ(load_be16(k.c.whole ? k.tails : k.heads), s.echo_reply);
        if (!k.c.ended)
            CHECK_OK(ctx, collect(ctx, &k));
        check_end(ctx, &k);
        free(m);
    }
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(tails_that_need_more_room)
{
    static collect_t k;
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    echo_t *m = of_echo(&k, &s, ctx, 100);
    k.c.tails_size = 99;
    CHECK_OK(ctx, collect(ctx, &k));
    while (k.c.needed == 0)
        CHECK_OK(ctx, collect(ctx, &k));
    CHECK_EQ(k.c.count, 0);
    CHECK_EQ(k.c.needed, 100);
    CHECK(!k.c.ended);
    k.c.tails_size = ROOM;
    CHECK_OK(ctx, collect(ctx, &k));
    CHECK_EQ(k.c.count, 1);
    CHECK_EQ(k.c.tails_used, 100);
    while (!k.c.ended)
        CHECK_OK(ctx, collect(ctx, &k));
    check_end(ctx, &k);
    free(m);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(answers_that_are_too_short)
{
    static collect_t k;
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    for (u32 how = 0; how < 3; how++) {
        echo_t *m = of_echo(&k, &s, ctx, 5);
        if (how == 0) /* a longer head than there is */
            k.c.head_size = 20;
        else if (how == 1) /* five elements of two bytes */
            k.c.element_size = 2;
        else { /* no count: elements up to the end, the last one cut */
            k.c.count_width = 0;
            k.c.element_size = 2;
        }
        CHECK_OK(ctx, collect(ctx, &k));
        CHECK_EQ(k.c.count, 0);
        CHECK_EQ(k.c.bad_size, 19);
        while (!k.c.ended)
            CHECK_OK(ctx, collect(ctx, &k));
        check_end(ctx, &k);
        free(m);
    }
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(given_up_and_late)
{
    static collect_t k;
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    make_loops(ctx);
    dump_t request;
    of_interfaces(&k, ctx, &request, 10);
    CHECK_OK(ctx, collect(ctx, &k));
    CHECK(k.c.count != 0);
    CHECK(!k.c.ended);
    vapi_collect_cancel(ctx, &k.c);
    CHECK(k.c.handle == NULL);
    ping(ctx);
    /* Nothing in time, and then it comes. */
    echo_t *m = of_echo(&k, &s, ctx, 3);
    store_release(&s.hold, 1);
    CHECK_EQ(vapi_collect(ctx, &k.c, 20 * NS_PER_MS), VAPI_EAGAIN);
    CHECK(k.c.handle != NULL);
    store_release(&s.hold, 0);
    CHECK_OK(ctx, collect(ctx, &k));
    CHECK_EQ(k.c.count + k.c.ended, k.c.ended ? 2 : 1);
    while (!k.c.ended)
        CHECK_OK(ctx, collect(ctx, &k));
    check_end(ctx, &k);
    free(m);
    client_close(ctx);
    server_stop(&s);
}

/** What nobody collects waits in private memory. */
ON_EACH_TRANSPORT(nobody_collects_for_a_while)
{
    static collect_t k;
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    make_loops(ctx);
    dump_t request;
    of_interfaces(&k, ctx, &request, 1);
    CHECK_OK(ctx, collect(ctx, &k));
    ping(ctx); /* answered behind the dump, so all of it has been received */
    u32 seen = k.c.count;
    k.c.max = 100;
    while (!k.c.ended) {
        CHECK_OK(ctx, collect(ctx, &k));
        seen += k.c.count;
    }
    CHECK_EQ(seen, LOOPS + 1);
    check_end(ctx, &k);
    client_close(ctx);
    server_stop(&s);
}

ON_EACH_TRANSPORT(descriptions_without_sense)
{
    static collect_t k;
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    dump_t request;
    for (u32 how = 0; how < 6; how++) {
        of_interfaces(&k, ctx, &request, 10);
        if (how == 0)
            k.c.request_size = 9;
        else if (how == 1)
            k.c.request = NULL;
        else if (how == 2)
            k.c.max = 0;
        else if (how == 3)
            k.c.end_id = k.c.details_id;
        else if (how == 4)
            k.c.details_context_offset = 0;
        else
            k.c.count_offset = 9, k.c.count_width = 4;
        CHECK_EQ(vapi_collect(ctx, &k.c, NS_PER_S), VAPI_EINVAL);
        CHECK(vapi_error_text(ctx)[0] != 0);
        CHECK(k.c.handle == NULL);
    }
    client_close(ctx);
    of_interfaces(&k, NULL, &request, 10);
    vapi_collect_cancel(NULL, &k.c);
    server_stop(&s);
}

/** Each is begun when little of the one before is under way; all answers go where they belong. */
ON_EACH_TRANSPORT(pumps_that_follow_each_other)
{
    enum { PUMPS = 20, EACH = 500, DEPTH = 64 };
    static request_head_t requests[EACH];
    static i32 retvals[PUMPS][EACH];
    server_t s;
    server_start(&s);
    vapi_ctx_t ctx = client(&s, transport);
    for (u32 i = 0; i < EACH; i++)
        requests[i] = request_of(ctx, PING, 0);
    static vapi_pump_t pumps[PUMPS];
    memset(retvals, 0xee, sizeof retvals);
    for (u32 i = 0; i < PUMPS; i++) {
        vapi_pump_t *p = &pumps[i], *before = i != 0 ? &pumps[i - 1] : NULL;
        *p = (vapi_pump_t){.bytes = (u8 *)requests,
                           .stride = sizeof *requests,
                           .count = EACH,
                           .depth = DEPTH,
                           .reply_id = vapi_find_msg(ctx, PING_REPLY),
                           .context_offset = 2,
                           .retval_offset = 6,
                           .retvals = retvals[i],
                           .ahead = DEPTH / 2,
                           .before = before};
        vapi_error_e rv;
        while ((rv = vapi_pump(ctx, p, NS_PER_S)) == VAPI_EAGAIN &&
               (p->sent < EACH || p->sent - p->received > DEPTH / 2))
            ;
        CHECK(rv == VAPI_OK || rv == VAPI_EAGAIN);
        CHECK_EQ(p->sent, EACH);
        if (before != NULL && before->handle != NULL) {
            before->ahead = 0;
            while ((rv = vapi_pump(ctx, before, NS_PER_S)) == VAPI_EAGAIN)
                ;
            CHECK_OK(ctx, rv);
        }
    }
    vapi_pump_t *last = &pumps[PUMPS - 1];
    last->ahead = 0;
    while (last->handle != NULL)
        CHECK(vapi_pump(ctx, last, NS_PER_S) != VAPI_ECONNRESET);
    for (u32 i = 0; i < PUMPS; i++) {
        CHECK_EQ(pumps[i].received, EACH);
        for (u32 j = 0; j < EACH; j++)
            CHECK_EQ(retvals[i][j], 0);
    }
    ping(ctx);
    client_close(ctx);
    server_stop(&s);
}
