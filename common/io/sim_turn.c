// SPDX-License-Identifier: Apache-2.0
// What everything in the simulation stands on: lots, a node's turns, and what dies with it.
#include "io/sim_priv.h"

// Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014): SplitMix64.
uint64_t sim_draw(uint64_t *rng)
{
    uint64_t z = *rng += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

bool sim_chance(struct sim *s, uint32_t ppm)
{
    return ppm && sim_draw(&s->rng_net) % 1000000 < ppm;
}

// ---- turns ----

// Schedules the node's next turn that nothing from outside causes.
void sim_arm(struct sim_node *n)
{
    uint64_t at = UINT64_MAX, tick, now = n->sim->now;
    if (!n->base.dead && loop_pending(&n->base))
        at = now + SIM_US;
    else if (!n->base.dead && wheel_next(&n->base.wheel, &tick))
        at = tick * SIM_MS > now ? tick * SIM_MS : now;
    if (at == n->wake_at && n->wake.pos)
        return;
    n->wake_at = at;
    if (at == UINT64_MAX)
        sim_heap_remove(&n->sim->heap, &n->wake);
    else
        (void)sim_heap_put(&n->sim->heap, &n->wake, at, true);
}

void sim_turn_begin(struct sim_node *n)
{
    loop_turn_begin(&n->base);
}

void sim_turn_end(struct sim_node *n)
{
    loop_turn_end(&n->base);
    LIST_EACH(&n->graveyard, it) {
        struct sim_obj *o = LIST_ENTRY(it, struct sim_obj, link);
        list_del(it);
        o->destroy(o);
    }
    sim_arm(n);
}

// ---- objects ----

void sim_obj_add(struct sim_obj *o, struct sim_node *n, void (*crash)(struct sim_obj *o),
                 void (*destroy)(struct sim_obj *o))
{
    *o = (struct sim_obj){.node = n, .crash = crash, .destroy = destroy};
    list_init(&o->link);
    list_add(&n->objs, &o->link);
}

void sim_obj_close(struct sim_obj *o)
{
    if (o->closed)
        return;
    o->closed = true;
    list_del(&o->link);
    if (o->node->base.in_turn)
        list_add(&o->node->graveyard, &o->link);
    else
        o->destroy(o);
}
