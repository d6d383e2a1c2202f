%% SPDX-License-Identifier: Apache-2.0
%% The service of a Cx node in erlang-diameter: its dictionary, its identity, its connection.
-module(cx_node).
-export([start/4, connect/3, listen/2, vsai/0]).

vsai() -> #{'Vendor-Id' => 10415, 'Auth-Application-Id' => [16777216]}.

%% The dictionary is compiled here: Debian ships diameterc without the header its output includes.
load(File) ->
    {ok, [Forms | _]} = diameter_make:codec(File, [return, forms]),
    {ok, cx, Beam} = compile:forms(Forms),
    {module, cx} = code:load_binary(cx, File, Beam).

start(Dictionary, Host, Realm, Module) ->
    load(Dictionary),
    ok = diameter:start(),
    ok = diameter:start_service(cx_service,
        [{'Origin-Host', Host}, {'Origin-Realm', Realm}, {'Vendor-Id', 10415},
         {'Product-Name', "erlang"}, {'Supported-Vendor-Id', [10415]},
         {'Vendor-Specific-Application-Id',
          [[{'Vendor-Id', 10415}, {'Auth-Application-Id', [16777216]}]]},
         {decode_format, map}, {string_decode, false},
         {application, [{alias, cx}, {dictionary, cx}, {module, Module}]}]),
    true = diameter:subscribe(cx_service).

%% A lost connection is dialled again within a second, and used without the watchdogs that RFC 3539
%% wants before that.
connect(Local, Ip, Port) ->
    {ok, L} = inet:parse_address(Local),
    {ok, R} = inet:parse_address(Ip),
    {ok, _} = diameter:add_transport(cx_service, {connect,
        [{connect_timer, 200}, {watchdog_timer, {erlang, abs, [500]}}, {watchdog_config, [{okay, 0}]},
         {transport_module, diameter_tcp},
         {transport_config, [{ip, L}, {raddr, R}, {rport, Port}, {reuseaddr, true}]}]}),
    receive {diameter_event, cx_service, Up} when element(1, Up) == up -> ok
    after 10000 -> io:format("failed: no connection~n"), halt(1)
    end.

listen(Ip, Port) ->
    {ok, L} = inet:parse_address(Ip),
    {ok, _} = diameter:add_transport(cx_service, {listen,
        [{transport_module, diameter_tcp}, {transport_config, [{ip, L}, {port, Port}, {reuseaddr, true}]}]}).
