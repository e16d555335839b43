"""A peer of TLS that is not ours: Python's ssl module. For the tests of the built program.

serve KEY CERT [OPTION...]    listens on a free port of 127.0.0.1, answers 202 to each message
connect PORT [OPTION...]      sends stdin, shows what comes until there is an answer to each POST, or the peer ends
hold PORT COUNT               opens so many connections and keeps them until its stdin ends

Options: ciphers=LIST  max=1.2|1.3  client-ca=FILE (serve: demands a certificate)  cert=FILE key=FILE ca=FILE (connect)
delay=SECONDS (serve: before the handshake)  bare (ends without close_notify)
One JSON line on stdout for each event.
"""
import hashlib
import json
import os
import socket
import ssl
import sys
import threading
import time

words = sys.argv[1:]
options = dict(w.split("=", 1) if "=" in w else (w, "") for w in words if "=" in w or w == "bare")
plain = [w for w in words if w not in options and "=" not in w]


def tell(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def limit(context):
    if "ciphers" in options:
        context.set_ciphers(options["ciphers"])
    if options.get("max") == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2


def serve_one(context, connection):
    try:
        time.sleep(float(options.get("delay", "0")))
        connection = context.wrap_socket(connection, server_side=True)
    except (OSError, ssl.SSLError) as error:
        return tell(event="failed", why=str(error))
    tell(event="up", version=connection.version(), cipher=connection.cipher()[0])
    rest = b""
    try:
        while True:
            got = connection.recv(65536)
            if not got:
                break
            rest += got
            while b"\r\n0\r\n\r\n" in rest:
                message, rest = rest.split(b"\r\n0\r\n\r\n", 1)
                tell(event="message", bytes=(message + b"\r\n0\r\n\r\n").decode("latin-1"))
                connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
    except (OSError, ssl.SSLError) as error:
        tell(event="broken", why=str(error))
    tell(event="end")
    if "bare" in options:
        os.close(connection.detach())


def serve(key, cert):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    limit(context)
    if "client-ca" in options:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options["client-ca"])
    context.sni_callback = lambda _, name, __: tell(event="sni", name=name)
    listener = socket.create_server(("127.0.0.1", 0))
    tell(event="port", port=listener.getsockname()[1])
    while True:
        connection = listener.accept()[0]
        threading.Thread(target=serve_one, args=(context, connection), daemon=True).start()


def connect(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if "ca" in options:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options["ca"])
    if "cert" in options:
        context.load_cert_chain(options["cert"], options["key"])
    limit(context)
    got = b""
    try:
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))))
        shown = connection.getpeercert(True) or b""
        tell(event="up", version=connection.version(), cipher=connection.cipher()[0], certificate=hashlib.sha256(shown).hexdigest())
        said = sys.stdin.buffer.read()
        connection.sendall(said)
        connection.settimeout(30)
        while got.count(b"HTTP/1.1 ") < said.count(b"POST "):
            more = connection.recv(65536)
            if not more:
                break
            got += more
    except (OSError, ssl.SSLError) as error:
        tell(event="failed", why=str(error))
    tell(event="answer", bytes=got.decode("latin-1"))
    if "bare" in options:
        os.close(connection.detach())


def hold(port, count):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    held = [context.wrap_socket(socket.create_connection(("127.0.0.1", int(port)))) for _ in range(int(count))]
    tell(event="held", count=len(held))
    sys.stdin.read()


globals()[plain[0]](*plain[1:])
