# SPDX-License-Identifier: Apache-2.0
"""HEP3 collector: receives what the nodes trace and keeps it in SQLite for the ladders."""
import os
import signal
import socket
import sqlite3
import struct
import sys
import time

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, at_us INTEGER, node TEXT, proto TEXT, src TEXT, sport INTEGER,
    dst TEXT, dport INTEGER, call_id TEXT, payload BLOB);
CREATE INDEX IF NOT EXISTS by_call ON message (call_id);
"""
KEEP = 200_000  # messages; the oldest go

# HEP3 chunk types of vendor 0 (HEP specification, table of generic chunk types)
V4_SRC, V4_DST, V6_SRC, V6_DST, SPORT, DPORT, SEC, USEC, PROTO, PAYLOAD = 3, 4, 5, 6, 7, 8, 9, 10, 11, 15
CORRELATION, NODE_NAME = 17, 19
KINDS = {1: "sip", 56: "diameter"}


def parse_hep(data):
    """Chunks of a HEP3 packet by type; ValueError when it is not one."""
    if data[:4] != b"HEP3" or len(data) < 6 or struct.unpack(">H", data[4:6])[0] != len(data):
        raise ValueError("not HEP3")
    at, chunks = 6, {}
    while at < len(data):
        _vendor, kind, length = struct.unpack(">HHH", data[at:at + 6])
        if length < 6 or at + length > len(data):
            raise ValueError("chunk length")
        chunks[kind] = data[at + 6:at + length]
        at += length
    return chunks


def row_of(data):
    c = parse_hep(data)
    u16 = lambda k: struct.unpack(">H", c[k])[0]
    u32 = lambda k: struct.unpack(">I", c[k])[0]
    if V4_SRC in c:
        src, dst = (socket.inet_ntop(socket.AF_INET, c[k]) for k in (V4_SRC, V4_DST))
    else:
        src, dst = (socket.inet_ntop(socket.AF_INET6, c[k]) for k in (V6_SRC, V6_DST))
    if len(c[PROTO]) != 1:
        raise ValueError("protocol")
    kind = KINDS.get(c[PROTO][0], str(c[PROTO][0]))
    return (u32(SEC) * 1_000_000 + u32(USEC), c.get(NODE_NAME, b"").decode(), kind, src, u16(SPORT),
            dst, u16(DPORT), c.get(CORRELATION, b"").decode(errors="replace"), c[PAYLOAD])


def serve(path, ip, port):
    os.umask(0o077)  # what users say and where they are is nobody else's business
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(SCHEMA)
    s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    s.bind((ip, port))
    s.settimeout(0.1)
    print("collector ready", flush=True)
    batch, last = [], time.time()
    while True:
        try:
            batch.append(row_of(s.recv(65535)))
        except socket.timeout:
            pass
        except (ValueError, KeyError, struct.error) as e:
            print(f"dropped a packet: {e}", flush=True)
        if batch and (len(batch) >= 500 or time.time() - last > 0.05):
            store(db, batch)
            batch, last = [], time.time()


def store(db, batch):
    db.execute("BEGIN")
    db.executemany("INSERT INTO message (at_us, node, proto, src, sport, dst, dport, call_id, payload)"
                   " VALUES (?,?,?,?,?,?,?,?,?)", batch)
    db.execute("DELETE FROM message WHERE id <= (SELECT max(id) FROM message) - ?", (KEEP,))
    db.execute("COMMIT")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
