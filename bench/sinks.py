"""A mail server and an SMS gateway that accept and drop everything: `python -m bench.sinks SMTP HTTP`.

They only count, and do as little as possible, so that the senders are measured and not the sinks.
"""

from __future__ import annotations

import asyncio
import json
import sys

accepted = {"email": 0, "sms": 0}


async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak enough of RFC 5321 for a well-behaved client."""
    writer.write(b"220 sink ESMTP\r\n")
    try:
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                accepted["email"] += 1
                writer.write(b"250 accepted\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 sink\r\n")
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Count a message on POST; return the counts on GET."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            if head.startswith(b"POST"):
                accepted["sms"] += 1
            body = json.dumps({"id": f"sms-{accepted['sms']}", **accepted}).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (len(body), body)
            )
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main(smtp_port: int, http_port: int) -> None:
    """Serve until killed."""
    servers = [
        await asyncio.start_server(smtp, "127.0.0.1", smtp_port),
        await asyncio.start_server(http, "127.0.0.1", http_port),
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
