#!/usr/bin/python3 -I
"""Echo on uvloop: a protocol for each connection. (-I: this file's own folder is not where modules are looked for.)"""

import asyncio
import resource
import signal

import uvloop


class Echo(asyncio.Protocol):
    def connection_made(self, transport):  # its socket has TCP_NODELAY
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


def report_usage():
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(round(used.ru_utime * 1e9), round(used.ru_stime * 1e9), flush=True)


async def serve():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, report_usage)
    server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


uvloop.install()
asyncio.run(serve())
