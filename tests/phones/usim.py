# SPDX-License-Identifier: Apache-2.0
"""A USIM: Milenage (TS 35.206), the check of AUTN, and AUTS (TS 33.102 6.3)."""
import ctypes
import ctypes.util

_CRYPTO = ctypes.CDLL(ctypes.util.find_library("crypto"))
for _name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_ecb"):
    getattr(_CRYPTO, _name).restype = ctypes.c_void_p


def aes(key, block):
    """One block of AES-128."""
    ctx, n = ctypes.c_void_p(_CRYPTO.EVP_CIPHER_CTX_new()), ctypes.c_int(0)
    out = ctypes.create_string_buffer(32)
    ok = _CRYPTO.EVP_EncryptInit_ex(ctx, ctypes.c_void_p(_CRYPTO.EVP_aes_128_ecb()), None, key, None) == 1 \
        and _CRYPTO.EVP_EncryptUpdate(ctx, out, ctypes.byref(n), block, 16) == 1
    _CRYPTO.EVP_CIPHER_CTX_free(ctx)
    assert ok and n.value == 16
    return out.raw[:16]


def xor(a, b):
    return bytes(p ^ q for p, q in zip(a, b))


class WrongMac(Exception):
    """The network could not prove that it knows the key (TS 24.229 5.1.1.5.3)."""


class OutOfRange(Exception):
    """The sequence number was used before; auts says which one is the next (TS 24.229 5.1.1.5.3)."""

    def __init__(self, auts):
        super().__init__("SQN out of range")
        self.auts = auts


class Usim:
    def __init__(self, k, op):
        self.k, self.opc, self.sqn = k, xor(op, aes(k, op)), -1

    def _f1(self, rand, sqn, amf):
        """f1 and f1*."""
        block = xor(2 * (sqn + amf), self.opc)
        t = aes(self.k, xor(rand, self.opc))
        out = xor(aes(self.k, xor(t, block[8:] + block[:8])), self.opc)
        return out[:8], out[8:]

    def _f(self, rand, turn, c):
        t = xor(aes(self.k, xor(rand, self.opc)), self.opc)
        t = t[turn:] + t[:turn]
        return xor(aes(self.k, xor(t, bytes(15) + bytes([c]))), self.opc)

    def answer(self, nonce):
        """RES for a nonce of RAND and AUTN (RFC 3310 3.2)."""
        rand, autn = nonce[:16], nonce[16:32]
        out = self._f(rand, 0, 1)
        ak, res = out[:6], out[8:]
        sqn, amf, mac = xor(autn[:6], ak), autn[6:8], autn[8:]
        if self._f1(rand, sqn, amf)[0] != mac:
            raise WrongMac
        if int.from_bytes(sqn, "big") <= self.sqn:
            raise OutOfRange(self._auts(rand))
        self.sqn = int.from_bytes(sqn, "big")
        return res

    def _auts(self, rand):
        sqn = self.sqn.to_bytes(6, "big")
        return xor(sqn, self._f(rand, 12, 8)[:6]) + self._f1(rand, sqn, b"\0\0")[1]
