#!/usr/bin/env python3
"""A room: who sends `join` is a member, and gets as `heard` what anybody sends as `say`.

  compactor serve room --port 5050 --exec 'python3 room.py'
  compactor serve me --port 5051
  compactor send room@127.0.0.1:5050 join --id me --advertise-port 5051
  compactor send room@127.0.0.1:5050 say 'hello, room'
"""
import json
import sys

members = set()


def act(**action):
    print(json.dumps(action), flush=True)


def tell_all(text):
    for member in members:
        act(send={"to": member, "name": "heard", "body_text": text, "report": True})


def leave(pid):
    if pid in members:
        members.remove(pid)
        tell_all(f"{pid} is gone")


for line in sys.stdin:
    event = json.loads(line)
    if event["type"] == "exited":  # its host or its program ended
        leave(event["pid"])
    elif event["type"] == "delivery" and event["outcome"] != "accepted":  # the program runs, its process does not
        leave(event["to"])
    elif event.get("name") == "say":
        tell_all(event.get("body_text", ""))
    elif event.get("name") == "join":
        members.add(event["from"])
        act(link=event["from"])
        act(reply={"name": "welcome", "n": event["n"]})
