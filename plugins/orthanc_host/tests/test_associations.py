"""At the stop, accepted connections to the DICOM port are ended and nothing else is."""

from __future__ import annotations

import socket

from orthanc_host.associations import hang_up


def test_only_connections_that_were_accepted_on_the_port_are_shut_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.create_server(("127.0.0.1", 0)) as another:
        clients = [socket.create_connection(server.getsockname()) for server in (ours, another)]
        accepted = [server.accept()[0] for server in (ours, another)]
        assert hang_up(ours.getsockname()[1]) == 1
        assert clients[0].recv(1) == b"", "ended"
        accepted[1].sendall(b"x")
        assert clients[1].recv(1) == b"x", "still open"
        clients.append(socket.create_connection(ours.getsockname()))
        accepted.append(ours.accept()[0])
        for connection in (*clients, *accepted):
            connection.close()
