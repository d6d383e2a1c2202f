// SPDX-License-Identifier: Apache-2.0
// What the stack's and Diameter's figures mean, for /metrics.
#include "app/app_priv.h"
#include "base/mem.h"

static const struct stat_name names[] = {
    {"sip_requests_in", false, "SIP requests received, without retransmissions."},
    {"sip_requests_out", false, "SIP requests sent, without retransmissions."},
    {"sip_responses_in", false, "SIP responses received."},
    {"sip_responses_out", false, "SIP responses sent."},
    {"sip_retransmits_in", false, "SIP messages received again."},
    {"sip_retransmits_out", false, "SIP messages sent again."},
    {"sip_malformed_in", false, "SIP messages that could not be parsed."},
    {"sip_oversize_in", false, "SIP messages above the size limit."},
    {"sip_limit_exceeded", false, "SIP messages beyond a limit of the configuration (message.*)."},
    {"sip_stray_responses_in", false, "SIP responses that belong to no transaction."},
    {"sip_stray_acks_in", false, "ACKs of refusals that nothing was kept for."},
    {"sip_keepalives_in", false, "Keep-alives received from user agents."},
    {"sip_bytes_in", false, "Bytes of SIP received."},
    {"sip_bytes_out", false, "Bytes of SIP sent."},
    {"sip_send_errors", false, "SIP messages that the transport did not take."},
    {"sip_targets_forbidden", false, "Requests whose target has no address that routing allows."},
    {"sip_overload_rejected", false, "Requests refused with 503, by overload control or at the transaction limit."},
    {"sip_overload_refused", false, "New requests refused with 503 by overload control."},
    {"sip_overload_dropped", false, "Datagrams dropped without an answer by overload control."},
    {"sip_overload_unread", false, "Of those dropped, the ones that a look at their beginning was enough for."},
    {"sip_overload_pushed_back", false, "503 of nodes behind that refused for their own load."},
    {"sip_overload_entered", false, "Times that overload control began to limit."},
    {"sip_overload_load_percent", true, "Load of the last tenth of a second; above 100 requests are limited."},
    {"sip_overload_limit", true, "New requests a second that may come in now; 0 when not limited."},
    {"sip_overload_registers_under_way", true, "First REGISTERs that wait for the network's answer now."},
    {"sip_overload_registers_window", true, "First REGISTERs that may wait for the network's answer at once."},
    {"sip_transaction_timeouts", false, "Transactions ended by timer B, F or H."},
    {"sip_requests_too_late", false, "Requests other than INVITE that were not answered in time (RFC 4320)."},
    {"sip_unreachable_reports", false, "ICMP errors about SIP over UDP."},
    {"sip_target_failovers", false, "Requests sent to a further address of their target."},
    {"sip_flows_opened", false, "Flows opened."},
    {"sip_flows_closed", false, "Flows closed."},
    {"sip_stream_errors", false, "TCP streams given up because their framing was lost."},
    {"sip_dns_queries", false, "DNS queries asked for SIP targets."},
    {"sip_strangers_refused", false, "Requests of strangers refused without state."},
    {"sip_strangers_unanswered", false,
     "Refusals not sent because the request was shorter than any response."},
    {"sip_limit_reached", false, "Messages and connections turned away, by limit."},
    {"sip_connections_evicted", false,
     "Idle TCP connections of strangers closed to make room for another one."},
    {"sip_idle_connections_closed", false, "TCP connections closed because they were idle."},
    {"sip_stranger_connections", true, "TCP connections of strangers open now."},
    {"sip_stranger_sources", true, "Source addresses that these come from."},
    {"sip_stranger_transactions", true, "Requests of strangers in progress now."},
    {"sip_transactions", true, "Transactions that run now."},
    {"sip_transactions_held", true, "Transactions in memory now."},
    {"sip_flows", true, "Flows open now."},
    {"dia_requests_sent", false, "Diameter requests sent."},
    {"dia_requests_received", false, "Diameter requests received."},
    {"dia_answers_sent", false, "Diameter answers sent."},
    {"dia_answers_received", false, "Diameter answers received."},
    {"dia_errors_sent", false, "Diameter answers sent with an error."},
    {"dia_timeouts", false, "Diameter requests without an answer in time."},
    {"dia_failovers", false, "Diameter requests moved to another peer."},
    {"dia_duplicates", false, "Diameter requests received again."},
    {"dia_full", false, "Diameter requests refused because the peer's queue was full."},
    {"dia_late_answers", false, "Diameter answers that nobody waited for any more."},
    {"dia_bad_messages", false, "Diameter messages that could not be decoded."},
    {"dia_peer_opened", false, "Times that the peer became open."},
    {"dia_peer_lost", false, "Times that the peer was lost."},
    {"dia_limit_exceeded", false, "What came beyond a limit, by limit."},
    {"dia_strangers", true, "Connections that have not sent a CER that was accepted."},
    {"dia_retries", false, "Diameter requests sent again: the peer refused, or is back."},
    {"dia_redirects", false, "Diameter requests that a peer redirected."},
    {"dia_answers_dropped", false, "Diameter answers that could not be sent."},
    {"dia_peer_suspected", false, "Times that the watchdog suspected the peer."},
    {"dia_peer_silent", false, "Times that the peer left a request without answer."},
    {"dia_peer_busy", false, "Answers DIAMETER_TOO_BUSY of the peer."},
    {"dia_throttled", false, "Diameter requests not sent because the peer is too busy."},
    {"dia_second_refused", false, "Connections refused because the peer is open and alive."},
    {"dia_peer_avoided", true, "1 while other peers are taken, since it is silent or too busy."},
    {"dia_peer_open", true, "1 when the peer is open."},
    {"dia_pending", true, "Requests that wait for the peer's answer now."},
    {"dia_serving", true, "Requests of the peer that are being answered now."},
    {"dia_parked", true, "Requests that wait for a peer to open now."},
    {"dia_unsent_bytes", true, "Bytes that the peer has not taken yet."},
};

struct stat_name stat_name_of(struct str name)
{
    bool counter = str_ends(name, STR("_total"));
    if (counter)
        name.n -= sizeof "_total" - 1;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(name, str_from(names[i].name)) && !(counter && names[i].gauge))
            return names[i];
    return (struct stat_name){.help = "Events since the start."};
}
