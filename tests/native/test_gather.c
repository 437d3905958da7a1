/* SPDX-License-Identifier: Apache-2.0
 *
 * When the reader of a dump rests: for a long one whose messages come singly, and for nothing else.
 */
#include "byteorder.h"
#include "check.h"
#include "deadline.h"
#include "gather.h"

#define DETAILS 100
#define PING_REPLY 101

/** One read of `count` messages. */
static bool see(gather_t *g, u16 id, u32 context, u32 count)
{
    u8 body[10] = {0};
    store_be16(body, id);
    memcpy(body + 2, &context, sizeof context);
    const msg_ref_t last = {.body = body, .size = sizeof body};
    return gather_see(g, &last, count);
}

/** Reads of two messages each, 50 us after each other: what the last of them asks for. */
static u64 trickle(gather_t *g, u64 *now, u32 reads)
{
    for (u32 i = 0; i < reads; i++) {
        *now += 50 * NS_PER_US;
        if (see(g, DETAILS, 7, 2))
            gather_trickled(g, *now);
    }
    return g->rest_ns;
}

TEST(a_long_dump_that_trickles_rests_for_a_part_of_its_time)
{
    gather_t g = {0};
    u64 now = NS_PER_S;
    CHECK_EQ(trickle(&g, &now, 30), 0); /* 60 messages are not many */
    CHECK_EQ(trickle(&g, &now, 60), 0); /* 3 ms: a rest would not fill the socket */
    u64 rest = trickle(&g, &now, 60);
    CHECK(rest >= 500 * NS_PER_US && rest <= NS_PER_MS);
    CHECK_EQ(trickle(&g, &now, 1000), 2 * NS_PER_MS);
}

TEST(what_comes_in_pieces_is_read_at_once)
{
    gather_t g = {0};
    u64 now = NS_PER_S;
    trickle(&g, &now, 1000);
    CHECK(g.rest_ns != 0);
    CHECK(see(&g, DETAILS, 7, 64)); /* and no trickle */
    CHECK_EQ(g.rest_ns, 0);
}

TEST(the_end_of_a_dump_is_the_end_of_resting)
{
    gather_t g = {0};
    u64 now = NS_PER_S;
    trickle(&g, &now, 1000);
    CHECK(!see(&g, PING_REPLY, 7, 1));
    CHECK_EQ(g.rest_ns, 0);
    CHECK_EQ(trickle(&g, &now, 60), 0); /* the next one begins anew */
}

TEST(answers_to_many_requests_are_no_dump)
{
    gather_t g = {0};
    for (u32 context = 0; context < 1000; context++)
        CHECK(!see(&g, PING_REPLY, context, 16));
    CHECK_EQ(g.rest_ns, 0);
}

TEST(messages_without_a_context_are_no_harm)
{
    gather_t g = {0};
    u8 body[2] = {0, DETAILS};
    const msg_ref_t last = {.body = body, .size = sizeof body};
    for (int i = 0; i < 100; i++)
        gather_see(&g, &last, UINT32_MAX);
    CHECK(gather_see(&g, &last, UINT32_MAX));
    CHECK_EQ(g.rest_ns, 0);
}
