// SPDX-License-Identifier: Apache-2.0
#include "tools/ue/tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

static const char help[] =
    "Usage: carillon-ue OPTION... STEP [+ STEP]...   one phone works through its steps\n"
    "       carillon-ue OPTION... --users N --rate R --seconds S [--load registrations|calls]\n"
    "\n"
    "Who the phone is:\n"
    "  --impi ID --impu URI --domain DOMAIN   001010000000001@D, sip:alice@D, D\n"
    "  --k HEX | --k-ascii TEXT               IMS-AKA: the key, with one of --op HEX, --opc HEX\n"
    "  --password TEXT                        SIP Digest in place of IMS-AKA\n"
    "  --sqn-file FILE                        keeps the USIM's sequence numbers between runs\n"
    "Where it is:\n"
    "  --local IP[:PORT]                      its own address, port 5060; IPv6 as [::1]:5060\n"
    "  --proxy IP[:PORT]                      the P-CSCF\n"
    "  --transport udp|tcp                    udp: what is larger than 1300 bytes goes by TCP all the same\n"
    "  --access TEXT                          P-Access-Network-Info, a cell of PLMN 001/01; \"\": none\n"
    "Otherwise:\n"
    "  --expires S                            registration asked for, 600000 seconds\n"
    "  --json                                 events as JSON objects, one a line\n"
    "  --version, --help\n"
    "\n"
    "Steps (S seconds, HZ a tone's frequency); the first that ends otherwise than expected ends the run:\n"
    "  register [expect=STATUS] [expect-cause=TEXT] [wrong-res=1]\n"
    "        registers, or re-registers; wrong-res: every response to a challenge is wrong\n"
    "  deregister [all=1] [expect=STATUS] [expect-cause=TEXT]\n"
    "        this contact, or all contacts of the user\n"
    "  call URI [talk=S] [hold=S] [cancel-after=S] [expect=STATUS] [expect-cause=TEXT] [tone=HZ]\n"
    "       [expect-tone=HZ]\n"
    "        tone: sent, 440; expect-tone: the step fails when it was not heard, 880; talk, hold: the\n"
    "        step fails when the other side hangs up before\n"
    "  answer [after=S] [calls=N] [talk=S] [tone=HZ] [expect-tone=HZ] [expect=487]\n"
    "        waits for N calls (1) and answers; talk: hangs up after that, else the caller does;\n"
    "        expect=487: the caller is to give up before\n"
    "  refuse [status=STATUS] [after=S] [calls=N]\n"
    "        waits for N calls (1) and refuses them with STATUS, 486\n"
    "  message URI [text=TEXT] [expect=STATUS] [expect-cause=TEXT]\n"
    "  subscribe URI [event=PACKAGE] [expires=S] [expect=STATUS] [expect-cause=TEXT] [expect-notify=TEXT]\n"
    "        ends well with the first NOTIFY\n"
    "  receive [messages=N]\n"
    "        waits for N MESSAGEs or NOTIFYs (1)\n"
    "  sleep S\n"
    "call and answer: [100rel=supported|required] [preconditions=1] [resources-after=S] [session-expires=S]\n"
    "[min-se=S] [refresher=me|peer] [dtmf=DIGITS] [expect-dtmf=DIGITS] [instance=1]; call: [late-offer=1] [refer=URI]\n"
    "[norefersub=1]; answer: [obey-refer=1]\n"
    "expect: the final response that is wanted, 200; a class is 4xx. expect-cause: a part of the text of its\n"
    "Warning or Reason header. A step that takes 60 seconds longer than its talk, hold, after and sleep fails;\n"
    "timeout=S sets another limit.\n"
    "\n"
    "Load: users IMSI@DOMAIN with one key, from --first-imsi N (001011000000000) upwards.\n"
    "  --load registrations                   R initial registrations a second, for S seconds\n"
    "  --load calls                           all register; then R calls a second from the first\n"
    "                                         half of the users to the second half\n"
    "  --hold MS                              length of a call, 1000\n"
    "  --setup-rate R                         of the registrations before calls, 1000 a second\n"
    "  --failures N                           so many of the operations that fail are told as events, 0\n"
    "  --spread N                             phones on N addresses from --local upwards, 1\n"
    "\n"
    "Exit status: 0 all steps ended as expected, 1 one did not or nothing could start, 2 wrong usage,\n"
    "128 and its number when a signal ended the run. With --json the last line is the verdict.\n"
    "SIGUSR1 lists the sessions and transactions that are there.\n";

enum { LOAD_DOMAIN_MAX = 96 }; // an identity is IMSI@DOMAIN, in load.c

enum {
    O_IMPI = 256, O_IMPU, O_DOMAIN, O_K, O_K_ASCII, O_OP, O_OPC, O_PASSWORD, O_SQN_FILE, O_LOCAL,
    O_PROXY, O_TRANSPORT, O_ACCESS, O_JSON, O_EXPIRES, O_USERS, O_RATE, O_SECONDS, O_LOAD, O_FIRST_IMSI, O_SPREAD,
    O_SETUP_RATE, O_FAILURES, O_HOLD, O_HELP, O_VERSION,
};

static const struct option longs[] = {
    {"impi", required_argument, NULL, O_IMPI},
    {"impu", required_argument, NULL, O_IMPU},
    {"domain", required_argument, NULL, O_DOMAIN},
    {"k", required_argument, NULL, O_K},
    {"k-ascii", required_argument, NULL, O_K_ASCII},
    {"op", required_argument, NULL, O_OP},
    {"opc", required_argument, NULL, O_OPC},
    {"password", required_argument, NULL, O_PASSWORD},
    {"sqn-file", required_argument, NULL, O_SQN_FILE},
    {"local", required_argument, NULL, O_LOCAL},
    {"proxy", required_argument, NULL, O_PROXY},
    {"transport", required_argument, NULL, O_TRANSPORT},
    {"access", required_argument, NULL, O_ACCESS},
    {"json", no_argument, NULL, O_JSON},
    {"expires", required_argument, NULL, O_EXPIRES},
    {"users", required_argument, NULL, O_USERS},
    {"rate", required_argument, NULL, O_RATE},
    {"seconds", required_argument, NULL, O_SECONDS},
    {"load", required_argument, NULL, O_LOAD},
    {"first-imsi", required_argument, NULL, O_FIRST_IMSI},
    {"spread", required_argument, NULL, O_SPREAD},
    {"setup-rate", required_argument, NULL, O_SETUP_RATE},
    {"failures", required_argument, NULL, O_FAILURES},
    {"hold", required_argument, NULL, O_HOLD},
    {"help", no_argument, NULL, O_HELP},
    {"version", no_argument, NULL, O_VERSION},
    {0},
};

static void usage(const struct options *o, const char *what, const char *value)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s%s%s", what, value ? ": " : "", value ? value : "");
    usage_exit(o, text);
}

static const char *nth_option(const void *arg, size_t i)
{
    (void)arg;
    return i < ARRAY_LEN(longs) ? longs[i].name : NULL;
}

// getopt has stopped at a word that is no option, or at one that wants a value.
static void wrong_option(const struct options *o, int opt, const char *word)
{
    if (opt == ':')
        usage(o, word, "requires an argument");
    const char *name = strncmp(word, "--", 2) == 0 ? word + 2 : word;
    const char *near = nearest_name(name, nth_option, NULL);
    char text[512];
    (void)snprintf(text, sizeof text, "%s%s%s%s", word, near ? ": did you mean --" : "", near ? near : "",
                   near ? "?" : "");
    usage(o, "there is no option", text);
}

static uint32_t number(const struct options *o, const char *name, const char *text, uint32_t least)
{
    uint32_t v;
    if (str_u32(str_from(text), &v) || v < least)
        usage(o, name, text);
    return v;
}

static void hex16(const struct options *o, const char *name, const char *text, uint8_t *out)
{
    if (str_unhex(str_from(text), out, 16))
        usage(o, name, "32 hexadecimal digits are wanted");
}

static void ascii16(const struct options *o, const char *text, uint8_t *out)
{
    if (strlen(text) != 16)
        usage(o, "--k-ascii", "sixteen characters are wanted");
    memcpy(out, text, 16);
}

static enum sip_proto transport(const struct options *o, const char *text)
{
    if (strcmp(text, "udp") == 0)
        return SIP_PROTO_UDP;
    if (strcmp(text, "tcp") == 0)
        return SIP_PROTO_TCP;
    usage(o, "--transport", text);
    return SIP_PROTO_UDP;
}

static void address(const struct options *o, const char *name, const char *text, struct addr *ret)
{
    if (addr_parse_port(str_from(text), 5060, ret))
        usage(o, name, text);
}

static void take_identity(int opt, struct options *o)
{
    switch (opt) {
    case O_IMPI: o->impi = optarg; break;
    case O_IMPU: o->impu = optarg; break;
    case O_DOMAIN: o->domain = optarg; break;
    case O_K: hex16(o, "--k", optarg, o->k); o->has_k = true; break;
    case O_K_ASCII: ascii16(o, optarg, o->k); o->has_k = true; break;
    case O_OP: hex16(o, "--op", optarg, o->op); o->has_op = true; break;
    case O_OPC: hex16(o, "--opc", optarg, o->opc); o->has_opc = true; break;
    case O_PASSWORD: o->password = optarg; break;
    case O_SQN_FILE: o->sqn_file = optarg; break;
    default: break;
    }
}

static const char *option_name(int opt)
{
    size_t i = 0;
    while (longs[i].name && longs[i].val != opt)
        i++;
    return longs[i].name;
}

static void take_load(int opt, struct options *o)
{
    if (opt != O_USERS)
        o->load_only = option_name(opt);
    switch (opt) {
    case O_USERS: o->users = number(o, "--users", optarg, 1); break;
    case O_RATE: o->rate = number(o, "--rate", optarg, 1); break;
    case O_SECONDS: o->seconds = number(o, "--seconds", optarg, 1); break;
    case O_SPREAD: o->spread = number(o, "--spread", optarg, 1); break;
    case O_SETUP_RATE: o->setup_rate = number(o, "--setup-rate", optarg, 1); break;
    case O_FAILURES: o->failures = number(o, "--failures", optarg, 0); break;
    case O_HOLD: o->hold_ms = number(o, "--hold", optarg, 0); break;
    case O_LOAD: o->kind = optarg; break;
    case O_FIRST_IMSI:
        if (str_u64(str_from(optarg), &o->first_imsi))
            usage(o, "--first-imsi", optarg);
        break;
    default: break;
    }
}

static void take_other(int opt, struct options *o)
{
    switch (opt) {
    case O_LOCAL: address(o, "--local", optarg, &o->local); break;
    case O_PROXY: address(o, "--proxy", optarg, &o->proxy); break;
    case O_TRANSPORT: o->proto = transport(o, optarg); break;
    case O_ACCESS: o->access = optarg; break;
    case O_JSON: o->json = true; break;
    case O_EXPIRES: o->expires = number(o, "--expires", optarg, 1); break;
    case O_HELP: fputs(help, stdout); exit(EXIT_OK);
    case O_VERSION: puts("carillon-ue " CARILLON_VERSION); exit(EXIT_OK);
    default: break;
    }
}

// What can stand in a header's value.
static bool header_text(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    return true;
}

static void check(const struct options *o)
{
    if (!o->domain)
        usage(o, "--domain is missing", NULL);
    if (o->local.sa.sa_family == 0 || o->proxy.sa.sa_family == 0)
        usage(o, "--local and --proxy are needed", NULL);
    if (addr_is_ip6(&o->local) != addr_is_ip6(&o->proxy))
        usage(o, "--local and --proxy have to be both IPv4 or both IPv6", NULL);
    if (o->has_k && !o->has_op && !o->has_opc)
        usage(o, "--k needs --op or --opc", NULL);
    if (!header_text(o->access))
        usage(o, "--access", "no line breaks and no other control characters");
    if (o->has_op && o->has_opc)
        usage(o, "--op and --opc say the same in two ways", "one of them");
    if (o->users) {
        if (o->n_steps)
            usage(o, "load has no steps", o->steps[0]);
        if (strlen(o->domain) > LOAD_DOMAIN_MAX)
            usage(o, "--domain is longer than load has room for", o->domain);
        if (strcmp(o->kind, "calls") == 0 && o->users < 2)
            usage(o, "--load calls", "two users are needed for a call");
        if (!o->rate || !o->seconds || !o->has_k)
            usage(o, "load needs --rate, --seconds and a key for all users", NULL);
        if (strcmp(o->kind, "registrations") && strcmp(o->kind, "calls"))
            usage(o, "--load", o->kind);
        return;
    }
    if (o->load_only)
        usage(o, "only load has this option, and it needs --users", o->load_only);
    if (!o->impi || !o->impu)
        usage(o, "--impi and --impu are needed", NULL);
    if (!o->has_k && !o->password)
        usage(o, "a key or a password is needed", NULL);
    if (o->n_steps == 0)
        usage(o, "no steps", NULL);
}

void options_parse(int argc, char **argv, struct options *o)
{
    int opt;
    *o = (struct options){.kind = "registrations", .hold_ms = 1000, .spread = 1,
                          .setup_rate = 1000, .first_imsi = 1011000000000,
                          .access = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=00101000100000001"};
    for (int i = 1; i < argc; i++) // before anything can be wrong
        o->json |= strcmp(argv[i], "--json") == 0;
    opterr = 0;
    while ((opt = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (opt == '?' || opt == ':')
            wrong_option(o, opt, argv[optind - 1]);
        else if (opt <= O_SQN_FILE && opt >= O_IMPI)
            take_identity(opt, o);
        else if (opt >= O_USERS && opt <= O_HOLD)
            take_load(opt, o);
        else
            take_other(opt, o);
    }
    o->steps = argv + optind;
    o->n_steps = argc - optind;
    check(o);
}
