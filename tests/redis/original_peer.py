#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Another program that shares a Redis with us and knows only the original's format.

Behaves on the wire as the original system does (rows S20-S22, S28, S30-S35; transcripts/), its weaknesses included.
Standard library only. One request a line on standard input, as JSON; one answer a line on standard output:

    {"do": "start", "task_id", "tool_name", "user_id", "channel_id", "platform", "created_at"?}    {"done": "start"}
    {"do": "finish", "task_id", "user_id", "result" or "error"}                                    {"done": "finish"}
    {"do": "get_result", "task_id", "user_id"?}                                                    {"text": ...}
    {"do": "await_result", "task_id", "timeout"?, "user_id"?}    {"waiting": true} once it has subscribed, {"text": ...}

A user_id that is left out, or null, may ask for any task. Ends when standard input does.
"""
import argparse
import json
import socket
import sys
import time

LIFE_SECONDS = 86400
LARGEST_KEPT = 512 * 1024  # characters, in the older form
LARGE_NOTE = "Result too large for Redis; full body is still available via check_task on this bot process."


class Connection:
    """One RESP2 connection; blocking."""

    def __init__(self, where):
        if isinstance(where, int):
            self.socket = socket.create_connection(("127.0.0.1", where))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(where)
        self.unread = b""

    def send(self, *commands):
        wire = b""
        for command in commands:
            words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
            wire += b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.socket.sendall(wire)

    def ask(self, *command):
        self.send(command)
        return self.read()

    def take(self, until):
        """Waits until `until(self.unread)` tells how many bytes to take, and takes them."""
        while (count := until(self.unread)) is None:
            more = self.socket.recv(1 << 20)
            if not more:
                raise ConnectionError("the server closed the connection")
            self.unread += more
        taken, self.unread = self.unread[:count], self.unread[count:]
        return taken

    def read(self):
        line = self.take(lambda bytes_: None if (at := bytes_.find(b"\r\n")) < 0 else at + 2)
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RuntimeError(rest.decode())
        number = int(rest)
        if kind == b":":
            return number
        if number < 0:
            return None
        if kind == b"$":
            return self.take(lambda bytes_: number + 2 if len(bytes_) >= number + 2 else None)[:-2].decode()
        return [self.read() for _ in range(number)]

    def read_within(self, seconds):
        """The next message; None when none has begun to arrive in time."""
        if not self.unread:
            self.socket.settimeout(seconds)
            try:
                self.unread += self.socket.recv(1 << 20)
            except TimeoutError:
                return None
            finally:
                self.socket.settimeout(None)
        return self.read()

    def close(self):
        self.socket.close()


class Original:
    def __init__(self, where, compact):
        self.where = where
        self.redis = Connection(where)
        self.compact = compact

    def json(self, value):
        if self.compact:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return json.dumps(value)

    def start(self, task_id, tool_name, user_id, channel_id, platform, created_at=None):
        key = "sg:task:" + task_id
        fields = {
            "task_id": task_id,
            "tool_name": tool_name,
            "status": "running",
            "created_at": str(created_at or time.time()),
            "user_id": user_id,
            "channel_id": channel_id,
            "platform": platform,
        }
        self.redis.ask("HSET", key, *(part for field in fields.items() for part in field))
        self.redis.ask("EXPIRE", key, LIFE_SECONDS)

    def finish(self, task_id, user_id, result=None, error=None):
        older = {"task_id": task_id, "status": "completed" if error is None else "failed", "user_id": user_id}
        changes = ["status", older["status"]]
        if error is not None:
            changes += ["error", error]
            older["error"] = error
        else:
            changes += ["result", result]
            if len(result) > LARGEST_KEPT:
                older.update(result=None, result_omitted=True, result_note=LARGE_NOTE)
            else:
                older["result"] = result
        self.redis.send(
            ["MULTI"],
            ["HSET", "sg:task:" + task_id, *changes],
            ["PUBLISH", "sg:task:done:" + task_id, "1"],
            ["SET", "task_result:" + task_id, self.json(older), "EX", LIFE_SECONDS],
            ["EXEC"],
        )
        for _ in range(5):
            self.redis.read()

    def look(self, task_id):
        flat = self.redis.ask("HGETALL", "sg:task:" + task_id)
        return dict(zip(flat[::2], flat[1::2]))

    def not_found(self, task_id):
        return self.json({"error": f"Task '{task_id}' not found."})

    def finished(self, task_id, fields):
        """What is answered for a hash that shows the end of a task; None for any other."""
        if fields.get("status") == "completed":
            return fields.get("result", "")
        if fields.get("status") == "failed":
            return self.json({"task_id": task_id, "status": "failed", "error": fields.get("error")})
        return None

    def from_older_form(self, task_id, user_id):
        text = self.redis.ask("GET", "task_result:" + task_id)
        if text:
            try:
                older = json.loads(text)
                if user_id is not None and older.get("user_id", "") != user_id:
                    return self.not_found(older.get("task_id"))
                if older.get("status") == "completed":
                    return self.json(older) if older.get("result_omitted") else older.get("result", "")
                if older.get("status") == "failed":
                    return self.json({name: older.get(name) for name in ("task_id", "status", "error")})
            except (ValueError, AttributeError):
                pass  # what cannot be read is not there
        return self.not_found(task_id)

    def get_result(self, task_id, user_id=None):
        fields = self.look(task_id)
        if not fields:
            return self.from_older_form(task_id, user_id)
        if user_id is not None and fields.get("user_id", "") != user_id:
            return self.not_found(task_id)
        answer = self.finished(task_id, fields)
        if answer is not None:
            return answer
        return self.json({
            "task_id": task_id,
            "tool_name": fields.get("tool_name", ""),
            "status": "running",
            "elapsed_seconds": round(time.time() - float(fields.get("created_at", time.time())), 1),
        })

    def await_result(self, task_id, timeout=300.0, user_id=None):
        fields = self.look(task_id)
        if not fields:
            return self.from_older_form(task_id, user_id)
        if user_id is not None and fields.get("user_id", "") != user_id:
            return self.not_found(task_id)
        answer = self.finished(task_id, fields)
        if answer is not None:
            return answer
        channel = "sg:task:done:" + task_id
        notices = Connection(self.where)
        notices.send(["SUBSCRIBE", channel])
        begin = time.monotonic()
        try:
            while time.monotonic() - begin < timeout:
                message = notices.read_within(1.0)
                if message is not None and message[0] == "subscribe":
                    say({"waiting": True})
                elif message is not None:
                    # One look for the first message, whatever it finds.
                    answer = self.finished(task_id, self.look(task_id))
                    return answer if answer is not None else self.from_older_form(task_id, user_id)
                time.sleep(0.05)
            error = f"Task '{task_id}' did not complete within {timeout}s."
            return self.json({"task_id": task_id, "status": "timeout", "error": error})
        finally:
            notices.send(["UNSUBSCRIBE", channel])
            notices.close()


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    where = options.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=int, help="of a server on 127.0.0.1")
    where.add_argument("--socket", help="path of a server's unix socket")
    options.add_argument("--compact", action="store_true", help="write JSON without spaces and without ASCII escapes")
    given = options.parse_args()
    original = Original(given.port or given.socket, given.compact)
    for line in sys.stdin:
        request = json.loads(line)
        verb = request.pop("do")
        if verb in ("start", "finish"):
            getattr(original, verb)(**request)
            say({"done": verb})
        elif verb in ("get_result", "await_result"):
            say({"text": getattr(original, verb)(**request)})
        else:
            raise ValueError(f"unknown request: {verb}")


if __name__ == "__main__":
    main()
