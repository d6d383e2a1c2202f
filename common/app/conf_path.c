// SPDX-License-Identifier: Apache-2.0
// What a path of the configuration leads to, asked before it is needed.
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/conf_form.h"
#include "base/err.h"
#include "base/mem.h"

#define SAY(why, ...) ((void)snprintf((why), CONF_WHY_MAX, __VA_ARGS__), ERR_BAD)

// Files are made in the folder of a path, and beside it.
static int folder_check(char *path, char *why)
{
    struct stat st;
    char *slash = strrchr(path, '/'), kept = 0;
    const char *folder = !slash ? "." : slash == path ? "/" : path;
    if (slash) {
        kept = slash == path ? 0 : *slash;
        if (kept)
            *slash = 0;
    }
    int err = 0;
    if (stat(folder, &st))
        err = SAY(why, "its folder %s: %s", folder, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        err = SAY(why, "%s is no folder", folder);
    else if (access(folder, W_OK | X_OK))
        err = SAY(why, "its folder %s cannot be written by this user: %s", folder, strerror(errno));
    if (kept)
        *slash = kept;
    return err;
}

static int file_check(enum conf_form form, const char *path, char *why)
{
    struct stat st;
    if (stat(path, &st))
        return errno == ENOENT ? 0 : SAY(why, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return SAY(why, "%s is a folder; expected the path of a file in it", path);
    if (form == CONF_FORM_SOCKET && !S_ISSOCK(st.st_mode))
        return SAY(why, "%s is there and is no socket", path);
    if (form != CONF_FORM_SOCKET && access(path, R_OK | W_OK))
        return SAY(why, "%s cannot be read and written by this user: %s", path, strerror(errno));
    return 0;
}

int conf_path_check(enum conf_form form, struct str path, char ret_why[CONF_WHY_MAX])
{
    if (form != CONF_FORM_SOCKET && form != CONF_FORM_FILE && form != CONF_FORM_STORE)
        return 0;
    if (!path.n || (form == CONF_FORM_SOCKET && str_eq(path, STR("none"))) ||
        (form == CONF_FORM_STORE && str_eq(path, STR(":memory:"))))
        return 0;
    if (form == CONF_FORM_SOCKET && path.n >= sizeof((struct sockaddr_un *)0)->sun_path)
        return SAY(ret_why, "the path has %zu characters; a socket's has %zu at most", path.n,
                   sizeof((struct sockaddr_un *)0)->sun_path - 1);
    char *copy = str_cdup(path);
    if (!copy)
        return ERR_NOMEM;
    int err = file_check(form, copy, ret_why);
    if (!err)
        err = folder_check(copy, ret_why);
    mem_free(copy);
    return err;
}
