%% SPDX-License-Identifier: Apache-2.0
%% erlang-diameter as a CSCF that asks an HSS.
%%   erl -noshell -pa DIR -s cx_ask main ask|storm DICT HOST REALM LOCAL-IP IP PORT FILE
%% FILE holds {user, K, OP}, then {Tag, Request, Map} in their order. "ask" sends each once and prints
%%   Tag Answer Code Errors Map       a 3GPP result's Code begins with "3gpp-"
%%   Tag vector SQN                   for each vector that a USIM with K and OP takes; else "forged"
%% "storm" sends the first again and again from 16 processes, also across lost connections, and prints
%% the SQN of every vector until it is ended.
-module(cx_ask).
-export([main/1, peer_up/3, peer_down/3, pick_peer/4, prepare_request/3, prepare_retransmit/3,
         handle_answer/4, handle_error/4, handle_request/3]).

-include("cx_node.hrl").

main(Args) ->
    [Mode, Dictionary, Host, Realm, Local, Ip, Port, File] = [atom_to_list(A) || A <- Args],
    {ok, [{user, K, Op} | Requests]} = file:consult(File),
    User = {K, milenage:opc(K, Op)},
    cx_node:start(Dictionary, Host, Realm, ?MODULE),
    cx_node:connect(Local, Ip, list_to_integer(Port)),
    run(Mode, User, Host, Requests).

run("ask", User, Host, Requests) ->
    lists:foreach(fun(R) -> ask(User, Host, R) end, Requests),
    ok = diameter:stop_service(cx_service),
    io:format("done~n"),
    halt(0);
run("storm", User, Host, [Request | _]) ->
    [spawn(fun() -> storm(User, Host, Request) end) || _ <- lists:seq(1, 16)],
    receive stop -> ok end.

call(Host, Name, Avps) ->
    diameter:call(cx_service, cx,
        [Name | maps:merge(#{'Session-Id' => diameter:session_id(Host), 'Auth-Session-State' => 1,
                             'Vendor-Specific-Application-Id' => cx_node:vsai()}, Avps)],
        [{timeout, 5000}]).

ask(User, Host, {Tag, Name, Avps}) ->
    case call(Host, Name, made(User, Avps)) of
        #diameter_packet{msg = [Answer | Map], errors = Errors} ->
            io:format("~s ~s ~s ~0p ~0p~n", [Tag, Answer, code(Map), Errors, Map]),
            [io:format("~s vector ~s~n", [Tag, V]) || V <- vectors(User, Map)];
        Other ->
            io:format("~s failed: ~0p~n", [Tag, Other])
    end.

storm(User, Host, {_, Name, Avps} = Request) ->
    case call(Host, Name, Avps) of
        #diameter_packet{msg = ['MAA' | Map], errors = []} ->
            [io:format("~s~n", [V]) || V <- vectors(User, Map)];
        _ ->
            timer:sleep(20)
    end,
    storm(User, Host, Request).

%% An item {resync, RAND, SQN} becomes the AUTS of a USIM with that SQN.
made({K, Opc}, #{'SIP-Auth-Data-Item' := [{resync, Rand, Sqn}]} = Avps) ->
    Auts = milenage:auts(K, Opc, Rand, Sqn),
    Avps#{'SIP-Auth-Data-Item' := [#{'SIP-Authentication-Scheme' => ["Digest-AKAv1-MD5"],
                                     'SIP-Authorization' => [<<Rand/binary, Auts/binary>>]}]};
made(_, Avps) -> Avps.

code(#{'Result-Code' := [C]}) -> integer_to_list(C);
code(#{'Result-Code' := C}) -> integer_to_list(C);
code(#{'Experimental-Result' := [#{'Vendor-Id' := 10415, 'Experimental-Result-Code' := C}]}) ->
    "3gpp-" ++ integer_to_list(C).

vectors(User, Map) ->
    [vector(User, I) || I <- maps:get('SIP-Auth-Data-Item', Map, []), is_map_key('SIP-Authenticate', I)].

vector({K, Opc}, #{'SIP-Authenticate' := [<<Rand:16/binary, Autn/binary>>], 'SIP-Authorization' := [Res],
                   'Confidentiality-Key' := [Ck], 'Integrity-Key' := [Ik]}) ->
    case milenage:open(K, Opc, Rand, Autn) of
        {Sqn, Res, Ck, Ik} -> io_lib:format("~12.16.0b", [Sqn]);
        _ -> "forged"
    end.

peer_up(_, _, S) -> S.
peer_down(_, _, S) -> S.
pick_peer([Peer | _], _, _, _) -> {ok, Peer};
pick_peer([], _, _, _) -> false.

prepare_request(#diameter_packet{msg = [Name | Avps]}, _, {_, Caps}) ->
    #diameter_caps{origin_host = {OH, _}, origin_realm = {OR, DR}} = Caps,
    {send, [Name | maps:merge(#{'Origin-Host' => OH, 'Origin-Realm' => OR, 'Destination-Realm' => DR},
                              Avps)]}.

prepare_retransmit(Packet, Service, Peer) -> prepare_request(Packet, Service, Peer).
handle_answer(Packet, _, _, _) -> Packet.
handle_error(Reason, _, _, _) -> {error, Reason}.
handle_request(_, _, _) -> {protocol_error, 3001}.
