#!/usr/bin/env python3
"""A Mesos agent that runs nothing: it registers with a master, and again when the master was gone.

  compactor serve 'slave(1)' --port 5051 --exec 'python3 agent.py master@127.0.0.1:5050'

Pings of the master need no line here: serve answers them with mesos.internal.PongSlaveMessage.
"""
import json
import os
import queue
import sys
import threading
import time

MESOS = "mesos.internal."
master = sys.argv[1]
host, port = os.environ["COMPACTOR_PID"].rpartition("@")[2].split(":")

slave = {
    "hostname": host,
    "port": int(port),
    "resources": [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 4}},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": 2048}},
        {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 32000}]}},
    ],
}
capabilities = [{"type": t} for t in ("MULTI_ROLE", "HIERARCHICAL_ROLE", "RESERVATION_REFINEMENT")]


def act(**action):
    print(json.dumps(action), flush=True)


def register():
    """As a new agent, or as the one that the master has given an id."""
    name = "ReregisterSlaveMessage" if "id" in slave else "RegisterSlaveMessage"
    body = {"slave": slave, "version": "1.11.0", "agent_capabilities": capabilities}
    act(link=master)
    act(send={"to": master, "name": MESOS + name, "body": body})


def read_events(events):
    for line in sys.stdin:
        events.put(json.loads(line))
    events.put({"type": "end"})


def tick(events):
    while True:
        events.put({"type": "tick"})
        time.sleep(1)


events = queue.Queue()
for source in (read_events, tick):
    threading.Thread(target=source, args=(events,), daemon=True).start()

registered = False
while (event := events.get())["type"] != "end":
    name, body = event.get("name", "").removeprefix(MESOS), event.get("body", {})
    if event["type"] == "tick" and not registered:  # the master, or its answer, may yet come
        register()
    elif event["type"] == "exited":
        registered = False
    elif name in ("SlaveRegisteredMessage", "SlaveReregisteredMessage") and "slave_id" in body:
        slave["id"] = body["slave_id"]
        registered = True
    elif name == "PingSlaveMessage" and body.get("connected") is False:  # the master takes us for gone
        registered = False
    elif name == "ShutdownMessage":
        act(terminate=True)
