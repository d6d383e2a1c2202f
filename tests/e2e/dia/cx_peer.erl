%% SPDX-License-Identifier: Apache-2.0
%% erlang-diameter as an S-CSCF that asks, or as an HSS that answers, with fixed values.
%%   erl -noshell -pa DIR -s cx_peer main client|server DICT HOST PORT [COUNT]
%% One line a result on stdout; the client ends with status 0 when every answer was good.
-module(cx_peer).
-export([main/1, peer_up/3, peer_down/3, pick_peer/4, prepare_request/3, prepare_retransmit/3,
         handle_answer/4, handle_error/4, handle_request/3]).

-include("cx_node.hrl").

main(Args) ->
    [Mode, File, Host, Port | Rest] = [atom_to_list(A) || A <- Args],
    cx_node:start(File, Host, "test", ?MODULE),
    run(Mode, list_to_integer(Port), Rest).

run("client", Port, Rest) ->
    cx_node:connect("127.0.0.1", "127.0.0.1", Port),
    lists:foreach(fun ask/1, requests()),
    many(case Rest of [N] -> list_to_integer(N); [] -> 0 end),
    ok = diameter:stop_service(cx_service),
    io:format("done~n"),
    halt(0);
run("server", Port, _) ->
    cx_node:listen("127.0.0.1", Port),
    io:format("ready~n"),
    receive stop -> ok end.

fail(Why) ->
    io:format("failed: ~p~n", [Why]),
    halt(1).

%% ---- client ----

requests() ->
    [{'UAR', #{'User-Name' => "alice@test", 'Public-Identity' => "sip:alice@test",
               'Visited-Network-Identifier' => "test", 'User-Authorization-Type' => [0]}, 'UAA'},
     {'UAR', #{'User-Name' => "unknown@test", 'Public-Identity' => "sip:unknown@test",
               'Visited-Network-Identifier' => "test"}, 'UAA'},
     {'LIR', #{'Public-Identity' => "sip:alice@test", 'Originating-Request' => [0]}, 'LIA'},
     {'MAR', mar(), 'MAA'},
     {'SAR', #{'User-Name' => ["alice@test"], 'Public-Identity' => ["sip:alice@test"],
               'Server-Name' => "sip:scscf.test:5060", 'Server-Assignment-Type' => 1,
               'User-Data-Already-Available' => 0}, 'SAA'}].

mar() ->
    #{'User-Name' => "alice@test", 'Public-Identity' => "sip:alice@test",
      'SIP-Auth-Data-Item' => #{'SIP-Authentication-Scheme' => ["Digest-AKAv1-MD5"]},
      'SIP-Number-Auth-Items' => 1, 'Server-Name' => "sip:scscf.test:5060"}.

call({Name, Avps}) ->
    diameter:call(cx_service, cx,
        [Name | Avps#{'Session-Id' => diameter:session_id("erl.test"),
                      'Vendor-Specific-Application-Id' => cx_node:vsai(), 'Auth-Session-State' => 1}]).

ask({Name, Avps, Expected}) ->
    case call({Name, Avps}) of
        #diameter_packet{msg = [Expected | Map], errors = []} ->
            io:format("~s ~0p~n", [Expected, Map]);
        Other ->
            fail(Other)
    end.

many(0) -> ok;
many(N) ->
    Self = self(),
    [spawn(fun() -> Self ! {answer, call({'MAR', mar()})} end) || _ <- lists:seq(1, N)],
    lists:foreach(fun(_) ->
        receive {answer, #diameter_packet{errors = []}} -> ok;
                {answer, Other} -> fail(Other)
        after 20000 -> fail("no answer")
        end end, lists:seq(1, N)),
    io:format("MANY ~p~n", [N]).

%% ---- callbacks of the application ----

peer_up(_, _, S) -> S.
peer_down(_, _, S) -> S.
pick_peer([Peer | _], _, _, _) -> {ok, Peer};
pick_peer([], _, _, _) -> false.

prepare_request(#diameter_packet{msg = [Name | Avps]}, _, {_, Caps}) ->
    #diameter_caps{origin_host = {OH, DH}, origin_realm = {OR, DR}} = Caps,
    Host = case Name of 'MAR' -> #{'Destination-Host' => [DH]}; _ -> #{} end,
    {send, [Name | maps:merge(Avps#{'Origin-Host' => OH, 'Origin-Realm' => OR,
                                    'Destination-Realm' => DR}, Host)]}.

prepare_retransmit(Packet, Service, Peer) -> prepare_request(Packet, Service, Peer).
handle_answer(Packet, _, _, _) -> Packet.
handle_error(Reason, _, _, _) -> {error, Reason}.

%% ---- server ----

handle_request(#diameter_packet{msg = [Name | Avps], errors = []}, _, {_, Caps}) ->
    #diameter_caps{origin_host = {OH, _}, origin_realm = {OR, _}} = Caps,
    io:format("~s ~0p~n", [Name, Avps]),
    {Answer, Map} = answer(Name, Avps),
    {reply, [Answer | Map#{'Session-Id' => maps:get('Session-Id', Avps), 'Origin-Host' => OH,
                           'Origin-Realm' => OR, 'Vendor-Specific-Application-Id' => cx_node:vsai(),
                           'Auth-Session-State' => 1}]};
handle_request(#diameter_packet{errors = Errors}, _, _) ->
    io:format("bad ~0p~n", [Errors]),
    {answer_message, 5012}.

experimental(Code) -> #{'Experimental-Result' => [#{'Vendor-Id' => 10415, 'Experimental-Result-Code' => Code}]}.

answer('UAR', #{'User-Name' := <<"unknown", _/binary>>}) ->
    {'UAA', experimental(5001)};
answer('UAR', _) ->
    M = experimental(2001),
    {'UAA', M#{'Server-Capabilities' => [#{'Mandatory-Capability' => [3, 4], 'Server-Name' => ["sip:e.test"]}]}};
answer('LIR', _) ->
    {'LIA', #{'Result-Code' => 2001, 'Server-Name' => ["sip:e.test"]}};
answer('MAR', #{'User-Name' := U, 'Public-Identity' := P}) ->
    {'MAA', #{'Result-Code' => 2001, 'User-Name' => [U], 'Public-Identity' => [P],
              'SIP-Number-Auth-Items' => [1],
              'SIP-Auth-Data-Item' => [#{'SIP-Item-Number' => [1],
                  'SIP-Authentication-Scheme' => ["Digest-AKAv1-MD5"],
                  'SIP-Authenticate' => [<<1:256>>], 'SIP-Authorization' => [<<2:64>>],
                  'Confidentiality-Key' => [<<3:128>>], 'Integrity-Key' => [<<4:128>>]}]}};
answer('SAR', #{'User-Name' := U}) ->
    {'SAA', #{'Result-Code' => 2001, 'User-Name' => U, 'User-Data' => [<<"<IMSSubscription/>">>],
              'Associated-Identities' => [#{'User-Name' => ["b@test", "c@test"]}],
              'Loose-Route-Indication' => [1]}}.
