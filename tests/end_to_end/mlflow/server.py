"""A real MLflow server on SQLite, and a door in front of it that can be shut, jammed and opened again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Literal

HOST = "127.0.0.1"
START = 90.0


class Server:
    """`mlflow server` on loopback, with database and artifacts in a folder."""

    def __init__(self, folder: Path, empty_database: Path) -> None:
        self.folder = folder
        self.port = free_port()
        shutil.copy(empty_database, folder / "server.db")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self.port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}"]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        environment["MLFLOW_DISABLE_TELEMETRY"] = "true"
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        deadline = time.monotonic() + START
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log.txt").read_text()
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.2)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class Door:
    """A port in front of a server: `open` lets requests through, `shut` refuses them, `jammed` never answers."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self.heard = bytearray()
        self._behind = port
        self._state: Literal["open", "shut", "jammed"] = "shut"
        self._listener: socket.socket | None = None
        self._connections: list[socket.socket] = []

    def open(self) -> None:
        self._switch("open")

    def jam(self) -> None:
        self._switch("jammed")

    def shut(self) -> None:
        self._state = "shut"
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        while self._connections:
            connection = self._connections.pop()
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _switch(self, state: Literal["open", "jammed"]) -> None:
        self.shut()
        self._state = state
        self._listener = socket.create_server((HOST, self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self._connections.append(client)
                if self._state == "open":
                    server = socket.create_connection((HOST, self._behind))
                    self._connections.append(server)
                    threading.Thread(target=self._pass_on, args=(client, server, self.heard), daemon=True).start()
                    threading.Thread(target=self._pass_on, args=(server, client, None), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket, heard: bytearray | None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if heard is not None:
                    heard += data
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as found:
        return int(found.getsockname()[1])
