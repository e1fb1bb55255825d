"""Orders at a given rate over several connections, in a process of its own: ``python -m benchmarks.order_load …``.

Each connection sends its next order when the last is answered and its turn has come. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass

from ris_suite import layout
from ris_testing.orders import an_order

END_BLOCK = b"\x1c\r"


@dataclass(frozen=True)
class OrderFigures:
    """What was measured."""

    sent: int
    accepted: int
    """Answered AA."""
    seconds: float
    median_ms: float
    p99_ms: float
    longest_ms: float

    @property
    def per_second(self) -> float:
        return self.accepted / self.seconds


def start(port: int, *, orders: int, connections: int = 4, per_second: float = 0) -> subprocess.Popen[str]:
    """Begin to send ``orders`` new orders to a port of this machine; ``per_second`` 0: as fast as they are answered."""
    return subprocess.Popen(
        [
            sys.executable, "-m", "benchmarks.order_load", str(port), "--orders", str(orders),
            "--connections", str(connections), "--per-second", str(per_second),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{layout.REPOSITORY / 'integration-tests'}:{layout.RIS_WEBAPP}"},
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> OrderFigures:
    """Wait for the load to end."""
    output, _ = process.communicate(timeout=300)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args, output)
    return OrderFigures(**json.loads(output))


def run(port: int, orders: int, connections: int, per_second: float) -> OrderFigures:
    """Send them, in this process."""
    messages = [an_order().message() for _ in range(orders)]
    seconds: list[list[float]] = [[] for _ in range(connections)]
    accepted = [0] * connections
    barrier = threading.Barrier(connections + 1)

    def send(number: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            barrier.wait()
            begun = time.perf_counter()
            for turn, message in enumerate(messages[number::connections]):
                if per_second:
                    time.sleep(max(0.0, begun + (turn * connections + number) / per_second - time.perf_counter()))
                sent_at = time.perf_counter()
                peer.sendall(b"\x0b" + message + END_BLOCK)
                answer = b""
                while not answer.endswith(END_BLOCK):
                    data = peer.recv(65536)
                    if not data:
                        raise ConnectionError("the server closed the connection")
                    answer += data
                seconds[number].append(time.perf_counter() - sent_at)
                accepted[number] += b"MSA|AA|" in answer

    threads = [threading.Thread(target=send, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    barrier.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - begun
    ordered = sorted(duration * 1000 for each in seconds for duration in each)
    return OrderFigures(
        sent=len(ordered),
        accepted=sum(accepted),
        seconds=taken,
        median_ms=ordered[len(ordered) // 2],
        p99_ms=ordered[int(len(ordered) * 0.99)],
        longest_ms=ordered[-1],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--per-second", type=float, default=0)
    arguments = parser.parse_args()
    print(json.dumps(asdict(run(arguments.port, arguments.orders, arguments.connections, arguments.per_second))))
