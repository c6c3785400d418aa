#!/usr/bin/env python3
"""Both ends of the conversations that record.sh records.

Nothing here says anything of the machine it runs on: addresses are given, contents are fixed,
and HTTP carries only the headers written below.
"""

import ctypes
import fcntl
import socket
import struct
import sys

PAGE = b"<!doctype html>\n<title>Switchyard</title>\n" + b"".join(
    b"<p>Track %d of the yard leads to program %d.</p>\n" % (n, n % 7) for n in range(60))
RECORDS = {
    ("www.example.com", 1): socket.inet_aton("192.0.2.10"),
    ("www.example.com", 28): socket.inet_pton(socket.AF_INET6, "2001:db8::10"),
    ("mail.example.com", 1): socket.inet_aton("192.0.2.25"),
    ("example.com", 16): b"\x0fv=spf1 mx -all\x0a",
    ("example.com", 15): b"\x00\x0a\x04mail\xc0\x0c",
}
BULK = 240_000


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def offloads(interface):
    """Packets as they would be on a cable: whole checksums, none longer than the MTU."""
    control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receive, transmit, segments, generic, merge = 0x15, 0x17, 0x1F, 0x24, 0x2C
    for command in (segments, generic, merge, transmit, receive):
        value = bytearray(struct.pack("II", command, 0))
        buffer = (ctypes.c_char * len(value)).from_buffer(value)
        address = ctypes.addressof(buffer)
        fcntl.ioctl(control, 0x8946, struct.pack("16sQ", interface.encode(), address) + bytes(16))


def listener(address, port, kind=socket.SOCK_STREAM):
    server = socket.socket(family(address), kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    if kind == socket.SOCK_STREAM:
        server.listen(8)
    print("ready", flush=True)
    return server


def read_until(connection, end):
    data = b""
    while end not in data:
        part = connection.recv(4096)
        if not part:
            break
        data += part
    return data


def http_server(address, requests):
    server = listener(address, 80)
    for _ in range(int(requests)):
        connection, _ = server.accept()
        path = read_until(connection, b"\r\n\r\n").split(b" ")[1]
        status, body = (b"200 OK", PAGE) if path == b"/" else (b"404 Not Found", b"no such track\n")
        connection.sendall(
            b"HTTP/1.1 " + status + b"\r\nServer: yard\r\nContent-Type: text/html\r\n"
            b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        connection.close()


def http_client(address, *paths):
    for path in paths:
        connection = socket.create_connection((address, 80))
        connection.sendall(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: www.example.com\r\n"
                           b"User-Agent: yard\r\nConnection: close\r\n\r\n")
        while connection.recv(4096):
            pass
        connection.close()


def encode_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def dns_server(address, queries):
    server = listener(address, 53, socket.SOCK_DGRAM)
    for _ in range(int(queries)):
        query, client = server.recvfrom(512)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12:at + 5]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        data = RECORDS.get((".".join(labels), kind))
        if data is None:
            reply = query[:2] + struct.pack("!5H", 0x8583, 1, 0, 0, 0) + question
        else:
            answer = struct.pack("!HHHIH", 0xC00C, kind, 1, 300, len(data)) + data
            reply = query[:2] + struct.pack("!5H", 0x8580, 1, 1, 0, 0) + question + answer
        server.sendto(reply, client)


def dns_client(address, *questions):
    client = socket.socket(family(address), socket.SOCK_DGRAM)
    client.settimeout(5)
    for number, question in enumerate(questions):
        name, kind = question.split("/")
        client.sendto(struct.pack("!6H", 0x1000 + number, 0x0100, 1, 0, 0, 0) + encode_name(name)
                      + struct.pack("!HH", int(kind), 1), (address, 53))
        client.recv(512)


def bulk_server(address, connections):
    server = listener(address, 5001)
    for _ in range(int(connections)):
        connection, _ = server.accept()
        while connection.recv(65536):
            pass
        connection.close()


def bulk_client(address, count=BULK):
    connection = socket.create_connection((address, 5001))
    for start in range(0, int(count), 1000):
        connection.sendall(bytes((start // 1000 + n) & 0xFF for n in range(1000)))
    connection.close()


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](*sys.argv[2:])
