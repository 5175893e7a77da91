"""A supervisor over toy children, as a process of its own: `python supervised.py FOLDER`.

Each child beats by touching FOLDER/<name>.beat and writes its pid to FOLDER/<name>.pid; `worker`
forks a helper, whose pid is in FOLDER/helper.pid, and is told of a SIGHUP. `stubborn` ignores SIGTERM.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

from jobsite.supervisor.decisions import Signs
from jobsite.supervisor.run import Spec, Supervisor

LIMIT = 2.0
CHILD = """
import os, pathlib, signal, sys, time
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
def tell(path, text):
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)
def bye(*_):
    with (folder / "ends").open("a") as file:
        file.write(name + "\\n")
    sys.exit(0)
def again(*_):
    with (folder / "reloads").open("a") as file:
        file.write(name + "\\n")
signal.signal(signal.SIGTERM, signal.SIG_IGN if name == "stubborn" else bye)
signal.signal(signal.SIGHUP, again)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # it waits until the child is ready for it
if name == "worker" and not os.fork():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tell(folder / "helper.pid", str(os.getpid()))
    time.sleep(600)
tell(folder / f"{name}.pid", str(os.getpid()))
while True:
    (folder / f"{name}.beat").touch()
    time.sleep(0.1)
"""


def _signs(folder: Path, name: str) -> Signs:
    try:
        silence = time.time() - (folder / f"{name}.beat").stat().st_mtime
    except FileNotFoundError:
        return Signs(looked=True, limit=LIMIT)
    return Signs(looked=True, silence=max(0.0, silence), limit=LIMIT)


def _spec(folder: Path, name: str, turn: int) -> Spec:
    command = [sys.executable, "-c", CHILD, str(folder), name]
    return Spec(name, command, lambda _: _signs(folder, name), 1.0, turn=turn, reloads=name == "worker")


if __name__ == "__main__":
    logging.basicConfig(level="INFO")
    place = Path(sys.argv[1])
    supervisor = Supervisor([_spec(place, name, turn) for turn, name in enumerate(sys.argv[2:])], os.environ)
    went = supervisor.run(lambda: None)
    print("went by themselves" if went else "had to be killed", flush=True)
