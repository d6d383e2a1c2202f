%% SPDX-License-Identifier: Apache-2.0
%% Milenage (TS 35.206 4.1) a second time, so that ours is not its own judge.
-module(milenage).
-export([opc/2, vector/5, open/4, auts/4]).

opc(K, Op) ->
    x(aes(K, Op), Op).

aes(K, Block) ->
    crypto:crypto_one_time(aes_128_ecb, K, Block, true).

x(A, B) ->
    crypto:exor(A, B).

%% Bytes to rotate by and last byte of the constant, for f2 with f5, f3, f4 and f5*.
row(f25) -> {0, 1};
row(f3) -> {4, 2};
row(f4) -> {8, 4};
row(f5s) -> {12, 8}.

rotate(Block, N) ->
    <<Head:N/binary, Tail/binary>> = Block,
    <<Tail/binary, Head/binary>>.

f(Which, K, Opc, Rand) ->
    {N, C} = row(Which),
    Temp = aes(K, x(Rand, Opc)),
    x(aes(K, x(rotate(x(Temp, Opc), N), <<C:128>>)), Opc).

%% MAC-A and MAC-S
f1(K, Opc, Rand, Sqn, Amf) ->
    Temp = aes(K, x(Rand, Opc)),
    In = <<Sqn:48, Amf:16, Sqn:48, Amf:16>>,
    <<MacA:8/binary, MacS:8/binary>> = x(aes(K, x(Temp, rotate(x(In, Opc), 8))), Opc),
    {MacA, MacS}.

%% {RES, CK, IK, AUTN}
vector(K, Opc, Rand, Sqn, Amf) ->
    <<Ak:48, _:16, Res:8/binary>> = f(f25, K, Opc, Rand),
    {MacA, _} = f1(K, Opc, Rand, Sqn, Amf),
    {Res, f(f3, K, Opc, Rand), f(f4, K, Opc, Rand), <<(Sqn bxor Ak):48, Amf:16, MacA/binary>>}.

%% What a USIM reads from a challenge: {SQN, RES, CK, IK}, or forged.
open(K, Opc, Rand, <<Hidden:48, Amf:16, _/binary>> = Autn) ->
    <<Ak:48, _/binary>> = f(f25, K, Opc, Rand),
    Sqn = Hidden bxor Ak,
    case vector(K, Opc, Rand, Sqn, Amf) of
        {Res, Ck, Ik, Autn} -> {Sqn, Res, Ck, Ik};
        _ -> forged
    end.

%% TS 33.102 6.3.3: what a USIM answers when the SQN is out of its range.
auts(K, Opc, Rand, Sqn) ->
    <<Ak:48, _/binary>> = f(f5s, K, Opc, Rand),
    {_, MacS} = f1(K, Opc, Rand, Sqn, 0),
    <<(Sqn bxor Ak):48, MacS/binary>>.
