// SPDX-License-Identifier: Apache-2.0
// Prints the interface tables: avp CODE VENDOR NAME TYPE FLAGS, command APP CODE REQUEST ANSWER.
#include <stdio.h>

#include "dia/base.h"

int main(void)
{
    static const struct dia_interface *const all[] = {&dia_base, &dia_cx};
    static const char *const types[] = {"octets", "u32", "u64", "grouped"};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        for (size_t i = 0; i < all[k]->n_avps; i++) {
            const struct dia_avp *a = &all[k]->avps[i];
            printf("avp %u %u %s %s %u\n", a->code, a->vendor, a->name, types[a->type], a->flags);
            if (dia_avp_row(a->id) != a || dia_avp_find(a->code, a->vendor) != a) {
                fprintf(stderr, "row of %s is not in the order of the ids\n", a->name);
                return 1;
            }
        }
        for (size_t i = 0; i < all[k]->n_commands; i++) {
            const struct dia_command *c = &all[k]->commands[i];
            printf("command %u %u %s %s\n", all[k]->app, c->code, c->request, c->answer);
        }
    }
    return 0;
}
