// SPDX-License-Identifier: Apache-2.0
#include "stack/txn/glance.h"

#include "base/mem.h"

static bool begins_something(struct str method)
{
    static const struct str methods[] = {
        STR_INIT("INVITE"),  STR_INIT("REGISTER"), STR_INIT("MESSAGE"), STR_INIT("SUBSCRIBE"),
        STR_INIT("OPTIONS"), STR_INIT("PUBLISH"),  STR_INIT("REFER")};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (str_eq(method, methods[i]))
            return true;
    return false;
}

static bool has(struct str value, struct str text)
{
    return str_find(value, text) >= 0;
}

// A parameter in capitals, or with blanks before its "=", is one as well.
static bool has_tag(struct str to)
{
    while (to.n) {
        struct str before = str_split(&to, '=');
        while (before.n && (before.p[before.n - 1] == ' ' || before.p[before.n - 1] == '\t'))
            before = str_head(before, before.n - 1);
        if (to.p && before.n >= 3 && str_ieq(str_skip(before, before.n - 3), STR("tag")))
            return true;
    }
    return false;
}

// The answer to a challenge, or a refresh; the first REGISTER of an IMS phone has an empty
// response.
static bool has_credentials(struct str authorization)
{
    return has(authorization, STR("auts")) ||
           (has(authorization, STR("response")) && !has(authorization, STR("response=\"\"")));
}

struct sight {
    bool to, kept; // a To was seen; it is one to keep
};

static void look_at(struct str line, bool machine, struct sight *s)
{
    struct str value = line, name = str_trim(str_split(&value, ':'));
    if (str_ieq(name, STR("To")) || str_ieq(name, STR("t"))) {
        s->to = true;
        s->kept |= has_tag(value);
    } else if (machine && str_ieq(name, STR("Authorization"))) {
        s->kept |= has_credentials(value);
    }
}

// Does its name begin like one of those that are looked at?
static bool may_matter(char first, bool machine)
{
    return first == 't' || first == 'T' || (machine && (first == 'A' || first == 'a'));
}

static bool is_fold(struct str rest)
{
    return rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t');
}

// Everything up to the empty line, a whole REGISTER or the rest up to its To.
static struct sight look(struct str rest, bool machine)
{
    struct sight s = {false, false};
    while (rest.n && !s.kept && (machine || !s.to)) {
        struct str line = str_split(&rest, '\n');
        if (line.n <= 1)
            break;
        if (!may_matter(line.p[0], machine))
            continue;
        s.kept |= is_fold(rest); // who writes like that is read
        look_at(line, machine, &s);
    }
    return s;
}

enum overload_class glance_class(struct str bytes, bool *ret_machine)
{
    struct str rest = bytes, line = str_split(&rest, '\n');
    struct str method = str_split(&line, ' ');
    bool machine = str_eq(method, STR("REGISTER"));
    *ret_machine = machine;
    if (!begins_something(method) || str_istarts(line, STR("urn:service:sos")))
        return OVERLOAD_KEPT;
    struct sight s = look(rest, machine);
    return s.to && !s.kept ? OVERLOAD_NEW : OVERLOAD_KEPT;
}
