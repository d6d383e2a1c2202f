// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <stdio.h>

#include "app/app_priv.h"
#include "base/err.h"
#include "base/mem.h"

static const struct choice {
    const char *name, *arg, *help;
    enum cmdline_action action;
} choices[] = {
    {"config", "FILE", "configuration file; without it /etc/carillon/%s.yaml", CMD_RUN},
    {"check", NULL, "check the configuration, list every mistake, exit 0 or 1", CMD_CHECK},
    {"print-config-reference", NULL, "print all options as Markdown", CMD_REFERENCE},
    {"version", NULL, "print the version", CMD_VERSION},
    {"help", NULL, "print this", CMD_HELP},
};

static void usage_error(const char *nf)
{
    fprintf(stderr, "Try: carillon-%s --help\n", nf);
}

static int take(const struct choice *c, const char *nf, struct cmdline *cmd)
{
    if (!c->arg) {
        cmd->action = c->action;
        return 0;
    }
    int n = snprintf(cmd->config_path, sizeof cmd->config_path, "%s", optarg);
    if (n > 0 && (size_t)n < sizeof cmd->config_path)
        return 0;
    fprintf(stderr, "carillon-%s: --config: not a usable file name\n", nf);
    return ERR_INVAL;
}

int cmdline_parse(int argc, char **argv, const char *nf, struct cmdline *ret_cmd)
{
    struct option options[ARRAY_LEN(choices) + 1] = {0};
    for (size_t i = 0; i < ARRAY_LEN(choices); i++)
        options[i] = (struct option){
            choices[i].name, choices[i].arg ? required_argument : no_argument, NULL, 256 + (int)i};
    struct cmdline cmd = {.action = CMD_RUN};
    (void)snprintf(cmd.config_path, sizeof cmd.config_path, "/etc/carillon/%s.yaml", nf);
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == '?' || take(&choices[c - 256], nf, &cmd)) {
            usage_error(nf);
            return ERR_INVAL;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "carillon-%s: \"%s\" is not expected here\n", nf, argv[optind]);
        usage_error(nf);
        return ERR_INVAL;
    }
    *ret_cmd = cmd;
    return 0;
}

enum { HELP_COLUMN = 29 };

static void print_rows(const struct conf_row *rows)
{
    for (; rows && rows->name; rows++)
        printf("  %-*s %s%s\n", HELP_COLUMN, rows->name, rows->def ? "" : "(required) ",
               rows->help ? rows->help : "");
}

// The text, with the NF's name where it has %s.
static void print_help(const char *text, const char *nf)
{
    const char *gap = strstr(text, "%s");
    if (gap)
        printf("%.*s%s%s\n", (int)(gap - text), text, nf, gap + 2);
    else
        puts(text);
}

void cmdline_help(const struct app_nf *nf)
{
    printf("Usage: carillon-%s [OPTION]...\n%s\n\n", nf->name, nf->about);
    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", choices[i].name, choices[i].arg ? " " : "",
                       choices[i].arg ? choices[i].arg : "");
        printf("  %-*s ", HELP_COLUMN, left);
        print_help(choices[i].help, nf->name);
    }
    printf("\nSIGTERM and SIGINT finish what is under way, then stop; a second one stops at once.\n"
           "SIGHUP reads the configuration again. carillon-ctl %s help lists what can be asked of\n"
           "the running daemon.\n"
           "\nOptions of the configuration file (YAML), of this daemon:\n",
           nf->name);
    print_rows(nf->rows);
    printf("\nOf every daemon:\n");
    print_rows(app_common_rows);
}
