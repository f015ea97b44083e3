# SPDX-License-Identifier: MIT
"""A mail server of 127.0.0.1 for the tests, made of aiosmtpd: STARTTLS and a login are a must.

smtp_server.py CERTIFICATE KEY [plain|tls]. The first line of standard output is the port; then one line of JSON for
each letter. What it does with a letter is said by the name of the receiver, as `refused@example.org`. Ends with its
standard input.
"""
import asyncio
import email
import email.policy
import email.utils
import json
import logging
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

REFUSALS = {
    "refused": "550 5.1.1 No such user",
    "greylisted": "450 4.7.1 Come back later",
    "full": "452 4.2.2 Mailbox full",
    "leaving": "421 4.3.2 Going down",
}


def say(value):
    print(json.dumps(value) if not isinstance(value, int) else value, flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name in REFUSALS:
            return REFUSALS[name]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.original_content
        message = email.message_from_bytes(raw, policy=email.policy.default)
        parts = [part for part in message.walk() if not part.is_multipart()]
        date = email.utils.parsedate_to_datetime(message["Date"])
        say({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "user": session.auth_data and session.auth_data.login.decode(),
            "tls": session.ssl is not None, "ehlo": session.host_name,
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "date": date.isoformat(),
            "texts": [part.get_content().replace("\r\n", "\n") for part in parts if not part.get_filename()],
            "files": {part.get_filename(): part.get_content() if part.get_content_maintype() == "text"
                      else part.get_payload(decode=True).decode() for part in parts if part.get_filename()},
            "types": [part.get_content_type() for part in parts],
            "defects": [str(defect) for part in message.walk() for defect in part.defects],
            "longest_line": max(len(line) for line in raw.split(b"\r\n")),
            "bare_line_ends": raw.replace(b"\r\n", b"").count(b"\n"),
        })
        names = [address.split("@")[0] for address in envelope.rcpt_tos]
        if "cut" in names:
            server.transport.abort()
        if "silent" in names:
            await asyncio.Event().wait()
        if "virus" in names:
            return "554 5.7.1 Refused by policy"
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    fine = isinstance(data, LoginPassword) and (data.login, data.password) == (b"bot", b"s3cret")
    return AuthResult(success=fine, handled=fine, auth_data=data)


async def main():
    logging.disable(logging.CRITICAL)
    certificate, key, *how = sys.argv[1:]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    if how == ["plain"]:
        make = lambda: SMTP(Handler(), loop=loop)
    elif how == ["tls"]:
        make = lambda: SMTP(Handler(), loop=loop, authenticator=authenticate, auth_required=True, auth_require_tls=False)
    else:
        make = lambda: SMTP(Handler(), loop=loop, tls_context=context, require_starttls=True,
                            authenticator=authenticate, auth_required=True)
    server = await loop.create_server(make, "127.0.0.1", 0, ssl=context if how == ["tls"] else None)
    say(server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    loop.stop()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (KeyboardInterrupt, RuntimeError):
        pass
