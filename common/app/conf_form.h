// SPDX-License-Identifier: Apache-2.0
// What the text of an option has to look like, beyond being text: conf_row.form. Reads no file; what a path
// leads to is looked at by conf_path.c.
#pragma once

#include "app/config.h"

enum { CONF_WHY_MAX = 400 };

// ERR_BAD, with the value, what is wrong and how it should look in ret_why. Words left over from a template
// are wrong in every form, CONF_FORM_ANY included.
int conf_form_check(enum conf_form form, struct str value, char ret_why[CONF_WHY_MAX]);
// What a path leads to does not serve for the form; 0 for forms that are no paths.
int conf_path_check(enum conf_form form, struct str path, char ret_why[CONF_WHY_MAX]);
// The same about an address that connections or messages go to, or that is listened on.
int conf_addr_check(enum conf_use use, const struct addr *a, char ret_why[CONF_WHY_MAX]);
// How an address should have looked, for a text that is none: "is a name", "its port ...".
const char *conf_addr_hint(struct str text);
