/* SPDX-License-Identifier: Apache-2.0
 *
 * When a sleeping VPP is kept awake: against a model of one that stays awake for 200 requests if it gets at
 * least `enough` messages.
 */
#include "check.h"
#include "rouse.h"

typedef struct {
    rouse_t r;
    u64 now, sent;
    u32 enough; /* messages that keep it awake; 0: nothing does */
    u64 given; /* messages in all */
    u32 bells;
} model_t;

#define AWAKE_FOR 200u

static void model_init(model_t *m, u32 enough)
{
    *m = (model_t){.now = NS_PER_S, .enough = enough};
    rouse_init(&m->r);
}

/** `count` requests, each `period_ns` after the one before. */
static void requests(model_t *m, u32 count, u64 period_ns)
{
    u32 awake = 0;
    for (u32 i = 0; i < count; i++) {
        m->now += period_ns;
        m->sent++;
        if (awake != 0) {
            awake--;
            continue;
        }
        m->bells++;
        u32 n = rouse_decide(&m->r, m->now, m->sent);
        CHECK(n <= ROUSE_MOST);
        m->given += n;
        awake = m->enough != 0 && n >= m->enough ? AWAKE_FOR : 0;
    }
}

TEST(requests_that_are_far_apart_are_left_alone)
{
    model_t m;
    model_init(&m, 100);
    requests(&m, 1000, NS_PER_MS);
    CHECK_EQ(m.given, 0);
    CHECK_EQ(m.bells, 1000);
    rouse_fini(&m.r);
}

TEST(the_first_few_are_left_alone)
{
    model_t m;
    model_init(&m, 100);
    requests(&m, 4, 20 * NS_PER_US);
    CHECK_EQ(m.given, 0);
    requests(&m, 2, 20 * NS_PER_US);
    CHECK(m.given != 0);
    rouse_fini(&m.r);
}

static void finds_how_many(u32 enough)
{
    model_t m;
    model_init(&m, enough);
    requests(&m, 20000, 5 * NS_PER_US);
    u32 bells = m.bells;
    u64 given = m.given;
    requests(&m, 100000, 5 * NS_PER_US);
    u32 least = 100000 / AWAKE_FOR;
    /* It learns all the time, and misses now and then. */
    CHECK(m.bells - bells < least * 5 / 4);
    CHECK(m.given - given < (u64)least * enough * 3 / 2 + least * 64);
    rouse_fini(&m.r);
}

TEST(it_finds_how_many_it_takes)
{
    finds_how_many(70);
    finds_how_many(150);
    finds_how_many(400);
}

TEST(what_is_of_no_use_is_given_up)
{
    model_t m;
    model_init(&m, 0);
    requests(&m, 1000000, 20 * NS_PER_US); /* 20 seconds */
    /* Eight tries, then a tenth of a second without, two tenths, ... */
    CHECK(m.given <= (u64)8 * 9 * ROUSE_MOST);
    CHECK(m.given != 0);
    /* And taken up again when it helps. */
    m.enough = 100;
    requests(&m, 2000000, 20 * NS_PER_US);
    u32 bells = m.bells;
    requests(&m, 10000, 20 * NS_PER_US);
    CHECK(m.bells - bells < 200);
    rouse_fini(&m.r);
}

TEST(it_stops_with_the_requests)
{
    model_t m;
    model_init(&m, 100);
    requests(&m, 10000, 5 * NS_PER_US);
    u64 given = m.given;
    CHECK(given != 0);
    requests(&m, 100, NS_PER_MS);
    /* The first of them follows closely. */
    CHECK(m.given - given <= ROUSE_MOST);
    rouse_fini(&m.r);
}

TEST(who_finds_it_taken_does_without)
{
    model_t m;
    model_init(&m, 100);
    requests(&m, 100, 20 * NS_PER_US);
    pthread_mutex_lock(&m.r.lock);
    CHECK_EQ(rouse_decide(&m.r, m.now, m.sent), 0);
    pthread_mutex_unlock(&m.r.lock);
    rouse_fini(&m.r);
}
