#!/usr/bin/env python3
"""Answers each `work` with its text in capitals.

  compactor serve worker --port 5050 --exec 'python3 worker.py'
  compactor send worker@127.0.0.1:5050 work 'hello' --expect done
"""
import json
import sys

for line in sys.stdin:
    event = json.loads(line)
    if event.get("name") == "work":
        text = event.get("body_text", "").upper()
        # `n` says to which message this is the reply: another may have come meanwhile.
        reply = {"name": "done", "body_text": text, "n": event["n"]}
        print(json.dumps({"reply": reply}), flush=True)
