%% SPDX-License-Identifier: Apache-2.0
%% erlang-diameter as an HSS with subscribers, vectors and profiles of its own.
%%   erl -noshell -pa DIR -s cx_hss main DICT HOST REALM IP PORT FILE
%% FILE holds {IMPI, [IMPU, ...], {aka, K, OP} | {digest, Password}}, all of them binaries.
-module(cx_hss).
-export([main/1, peer_up/3, peer_down/3, handle_request/3]).

-include("cx_node.hrl").

main(Args) ->
    [Dictionary, Host, Realm, Ip, Port, File] = [atom_to_list(A) || A <- Args],
    {ok, Users} = file:consult(File),
    ets:new(users, [named_table, public]),
    ets:new(impus, [named_table, public]),
    ets:new(server, [named_table, public]),
    ets:new(sqn, [named_table, public]),
    [begin
         ets:insert(users, {Impi, User}),
         [ets:insert(impus, {Impu, Impi}) || Impu <- Impus]
     end || {Impi, Impus, _} = User <- Users],
    cx_node:start(Dictionary, Host, Realm, ?MODULE),
    cx_node:listen(Ip, list_to_integer(Port)),
    io:format("ready~n"),
    receive stop -> ok end.

peer_up(_, _, S) -> S.
peer_down(_, _, S) -> S.

handle_request(#diameter_packet{msg = [Name | Avps], errors = []}, _, {_, Caps}) ->
    #diameter_caps{origin_host = {OH, _}, origin_realm = {OR, _}} = Caps,
    io:format("~s ~0p~n", [Name, Avps]),
    {Answer, Map} = answer(Name, Avps),
    {reply, [Answer | Map#{'Session-Id' => maps:get('Session-Id', Avps), 'Origin-Host' => OH,
                           'Origin-Realm' => OR, 'Auth-Session-State' => 1,
                           'Vendor-Specific-Application-Id' => cx_node:vsai()}]};
handle_request(#diameter_packet{errors = Errors}, _, _) ->
    io:format("bad ~0p~n", [Errors]),
    {answer_message, 5012}.

success() -> #{'Result-Code' => [2001]}.
cx(Code) -> #{'Experimental-Result' => [#{'Vendor-Id' => 10415, 'Experimental-Result-Code' => Code}]}.

answer('UAR', #{'User-Name' := Impi}) ->
    case {ets:lookup(users, Impi), ets:lookup(server, Impi)} of
        {[], _} -> {'UAA', cx(5001)};
        {_, [{_, Name}]} -> {'UAA', (cx(2002))#{'Server-Name' => [Name]}};
        {_, []} -> {'UAA', (cx(2001))#{'Server-Capabilities' => [#{}]}}
    end;
answer('LIR', #{'Public-Identity' := Impu}) ->
    case ets:lookup(impus, Impu) of
        [] -> {'LIA', cx(5001)};
        [{_, Impi}] ->
            case ets:lookup(server, Impi) of
                [] -> {'LIA', cx(5003)};
                [{_, Name}] -> {'LIA', (success())#{'Server-Name' => [Name]}}
            end
    end;
answer('MAR', #{'User-Name' := Impi, 'Public-Identity' := Impu, 'Server-Name' := Server}) ->
    [{_, {_, _, Secret}}] = ets:lookup(users, Impi),
    ets:insert(server, {Impi, Server}),
    {'MAA', (success())#{'User-Name' => [Impi], 'Public-Identity' => [Impu],
                         'SIP-Number-Auth-Items' => [1], 'SIP-Auth-Data-Item' => [item(Impi, Secret)]}};
answer('SAR', #{'Server-Assignment-Type' := Type, 'User-Name' := [Impi]}) when Type =:= 1; Type =:= 2 ->
    {'SAA', (success())#{'User-Name' => [Impi], 'User-Data' => [profile(Impi)]}};
answer('SAR', #{'User-Name' := Name}) ->
    [ets:delete(server, Impi) || Impi <- Name],
    {'SAA', (success())#{'User-Name' => Name}}.

item(Impi, {aka, K, Op}) ->
    Sqn = ets:update_counter(sqn, Impi, 32, {Impi, 0}),
    Rand = crypto:strong_rand_bytes(16),
    {Res, Ck, Ik, Autn} = milenage:vector(K, milenage:opc(K, Op), Rand, Sqn, 16#8000),
    #{'SIP-Item-Number' => [1], 'SIP-Authentication-Scheme' => ["Digest-AKAv1-MD5"],
      'SIP-Authenticate' => [<<Rand/binary, Autn/binary>>], 'SIP-Authorization' => [Res],
      'Confidentiality-Key' => [Ck], 'Integrity-Key' => [Ik]};
item(Impi, {digest, Password}) ->
    [_, Realm] = binary:split(Impi, <<"@">>),
    Ha1 = crypto:hash(md5, [Impi, ":", Realm, ":", Password]),
    #{'SIP-Authentication-Scheme' => ["SIP Digest"],
      'SIP-Digest-Authenticate' => [#{'Digest-Realm' => Realm, 'Digest-QoP' => "auth",
                                      'Digest-Algorithm' => ["MD5"],
                                      'Digest-HA1' => string:lowercase(binary:encode_hex(Ha1))}]}.

profile(Impi) ->
    [{_, {_, Impus, _}}] = ets:lookup(users, Impi),
    iolist_to_binary(["<?xml version=\"1.0\" encoding=\"UTF-8\"?><IMSSubscription><PrivateID>", Impi,
        "</PrivateID><ServiceProfile>",
        [["<PublicIdentity><Identity>", I, "</Identity></PublicIdentity>"] || I <- Impus],
        "</ServiceProfile></IMSSubscription>"]).
