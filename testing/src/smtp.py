# SPDX-License-Identifier: MPL-2.0
"""A mail server with moods, for tests. What it takes it prints, one JSON object a line.

Addresses decide how they are received: gone@ never (550), busy@ not the first time (451), spam@ when
the message is there (554).
"""
import argparse
import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

options = argparse.ArgumentParser()
options.add_argument("--port", type=int, default=0)
options.add_argument("--certificate")
options.add_argument("--key")
options.add_argument("--implicit", action="store_true", help="TLS from the first byte")
options.add_argument("--login", help="NAME:PASSWORD")
options.add_argument("--slow", type=float, default=0, help="seconds before each greeting")
options.add_argument("--break-off", type=int, default=0, help="so many messages, half-way through")
options.add_argument("--ascii", action="store_true", help="no SMTPUTF8")
options = options.parse_args()
busy = {"busy"}


def tell(what):
    print(json.dumps(what), flush=True)


class Moods:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        user = address.split("@")[0]
        if user == "gone":
            return "550 5.1.1 nobody here is called " + address
        if user in busy:
            busy.remove(user)
            return "451 4.7.1 later, please, " + address
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if any(to.startswith("spam@") for to in envelope.rcpt_tos):
            return "554 5.7.1 not that"
        tell(
            {
                "to": envelope.rcpt_tos,
                "from": envelope.mail_from,
                "tls": session.ssl is not None or options.implicit,
                "login": session.authenticated is True,
                "data": base64.b64encode(envelope.content).decode(),
            }
        )
        return "250 OK"


class Server(SMTP):
    async def _handle_client(self):
        await asyncio.sleep(options.slow)
        await super()._handle_client()

    async def smtp_DATA(self, arg):
        if options.break_off > 0:
            options.break_off -= 1
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


def login(server, session, envelope, mechanism, data):
    given = f"{data.login.decode()}:{data.password.decode()}"
    return AuthResult(success=given == options.login)


async def main():
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate, options.key)

    def server():
        return Server(
            Moods(),
            hostname="localhost",
            enable_SMTPUTF8=not options.ascii,
            tls_context=None if options.implicit else tls,
            authenticator=login if options.login else None,
            auth_require_tls=bool(tls) and not options.implicit,
            loop=asyncio.get_running_loop(),
        )

    listening = await asyncio.get_running_loop().create_server(
        server, "0.0.0.0", options.port, ssl=tls if options.implicit else None
    )
    tell({"port": listening.sockets[0].getsockname()[1]})
    # It does not outlive its test.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
