// SPDX-License-Identifier: Apache-2.0
// Prints the interface tables: avp CODE VENDOR NAME TYPE FLAGS, command APP CODE REQUEST ANSWER.
#include <stdio.h>

#include "dia/codec/avp.h"

int main(void)
{
    static const char *const types[] = {"octets", "u32", "u64", "grouped", "i32", "i64"};
    const struct dia_interface *const *all = dia_interfaces;
    for (size_t k = 0; all[k]; k++) {
        for (size_t i = 0; i < all[k]->n_avps; i++) {
            const struct dia_avp *a = &all[k]->avps[i];
            printf("avp %u %u %s %s %u\n", a->code, a->vendor, a->name, types[a->type], a->flags);
        }
        for (size_t i = 0; i < all[k]->n_commands; i++) {
            const struct dia_command *c = &all[k]->commands[i];
            printf("command %u %u %s %s\n", all[k]->app, c->code, c->request, c->answer);
        }
    }
    return 0;
}
