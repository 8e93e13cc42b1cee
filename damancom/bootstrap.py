"""From a bare machine to a running target: virtual environment, locked packages, system libraries.

Run as a script by the Makefile, with the system's Python: standard library only, and nothing of ours imported.
Everything it installs for Python is in ``.venv``; a stamp there makes later starts skip all of it.
"""

import ctypes
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"

# For what the portal needs at run time, and for what working on it needs besides.
RUN_LOCKS = ("requirements-run.txt",)
DEV_LOCKS = ("requirements-dev.txt",)
UV_LOCK = "requirements-uv.txt"

# WeasyPrint loads these by name; without the last one it still works, but 7 to 11 times slower.
LIBRARIES = {
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}
# What the tests drive Chromium with needs this one, which neither Debian's Chromium nor its Python brings along.
BROWSER_LIBRARIES = {"libatomic.so.1": "libatomic1"}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def main(arguments: list[str]) -> NoReturn:
    target, rest = arguments[0], arguments[1:]
    os.chdir(CHECKOUT)
    if target == "run":
        _refuse_a_taken_port()
        install_packages("run", RUN_LOCKS)
        require_libraries()
        execute("-m", "damancom.start", *rest)
    if target == "resetdb":
        install_packages("run", RUN_LOCKS)
        execute("-m", "damancom.embedded", "reset")
    install_packages("dev", DEV_LOCKS)
    if target == "lock":
        execute("-m", "damancom.lock", *rest)
    if target == "messages":
        execute("-m", "damancom.messages", "update")
    if target == "test":
        require_chromium()
        execute("-m", "pytest", "-n", "2", "--dist", "loadgroup", *rest)
    require_libraries()
    if target == "check":
        execute("-m", "damancom.check", *rest)
    if target == "bench":
        execute("-m", "bench", *rest)
    if target == "drill":
        execute("-m", "drills", *rest)
    sys.exit(f"Cible inconnue : {target}")


def install_packages(profile: str, locks: "tuple[str, ...]") -> None:
    """Make ``.venv`` hold exactly-locked packages; does nothing when the lock files have not changed.

    uv is installed first, from its own hash-checked file, and installs the rest; where it fails (a mirror known to pip
    only), pip does the same work from the same files, more slowly.
    """
    stamp = VENV / f"damancom-{profile}.stamp"
    wanted = _fingerprint(locks)
    if stamp.exists() and stamp.read_text("ascii") == wanted and PYTHON.exists():
        return
    if not PYTHON.exists() or not (VENV.is_symlink() or _is_same_python()):
        say("Création de .venv…")
        if not _make_venv():
            _install_system_packages(
                ["python3-venv"], "Python ne peut pas créer d'environnement virtuel."
            )
            if not _make_venv():
                sys.exit(
                    "Python ne peut toujours pas créer d'environnement virtuel avec son module venv."
                )
    say("Installation des paquets verrouillés…")
    pip = [
        str(PYTHON),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--require-hashes",
    ]
    files = [part for lock in locks for part in ("-r", lock)]
    uv = VENV / "bin" / "uv"
    if subprocess.run([*pip, "-r", UV_LOCK]).returncode != 0:
        sys.exit(
            "Les paquets n'ont pas pu être téléchargés : vérifiez l'accès au réseau, puis recommencez."
        )
    with_uv = [
        str(uv),
        "pip",
        "install",
        "--quiet",
        "--python",
        str(PYTHON),
        "--require-hashes",
        "--link-mode",
        "copy",
    ]
    if subprocess.run([*with_uv, *files]).returncode != 0:
        say("uv n'a pas abouti ; pip prend le relais.")
        if subprocess.run([*pip, *files]).returncode != 0:
            sys.exit(
                "Les paquets n'ont pas pu être installés : le message ci-dessus dit lequel et pourquoi."
            )
    stamp.write_text(wanted, "ascii")
    if profile == "dev":  # the development packages contain all the others
        (VENV / "damancom-run.stamp").write_text(_fingerprint(RUN_LOCKS), "ascii")


def require_libraries() -> None:
    """Stop unless WeasyPrint's libraries load; as root, install the missing ones first."""
    missing = _missing(LIBRARIES)
    if missing:
        _install_system_packages(missing, "Il manque des bibliothèques pour les documents PDF.")
        _require_loaded(LIBRARIES)


def require_chromium() -> None:
    """Name the browser of the tests in CHROMIUM; all that the tests lack is asked for, or installed, in one go."""
    libraries = {**LIBRARIES, **BROWSER_LIBRARIES}
    missing = _missing(libraries)
    if not os.environ.get("CHROMIUM") and not _find_chromium():
        missing.append("chromium")
    if missing:
        _install_system_packages(missing, "Il manque de quoi essayer les pages et les documents.")
        _require_loaded(libraries)
    os.environ["CHROMIUM"] = (
        os.environ.get("CHROMIUM")
        or _find_chromium()
        or sys.exit("Chromium reste introuvable : donnez son chemin dans la variable CHROMIUM.")
    )


def execute(*arguments: str) -> NoReturn:
    """Become the target's own program: same process, so that a signal to make's child reaches it."""
    sys.stdout.flush()
    os.execv(PYTHON, [str(PYTHON), *arguments])


def say(text: str) -> None:
    print(text, flush=True)


def _refuse_a_taken_port() -> None:
    """Say so before anything is installed; after a crash, the supervisor clears its survivors and asks again."""
    if (CHECKOUT / "var" / "run.json").exists():
        return
    port = os.environ.get("PORT") or "8000"
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        sys.exit(f"PORT doit être un nombre entre 1 et 65535, pas « {port} ».")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((os.environ.get("HOST") or "127.0.0.1", int(port)))
        except OSError as reason:
            sys.exit(
                f"Le port {port} n'est pas libre ({reason.strerror}) : « make run PORT=8001 » en prend un autre."
            )


def _fingerprint(locks: "tuple[str, ...]") -> str:
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for name in (UV_LOCK, *locks):
        digest.update((CHECKOUT / name).read_bytes())
    return digest.hexdigest()


def _make_venv() -> bool:
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    return subprocess.run(command, capture_output=True).returncode == 0


def _is_same_python() -> bool:
    """Whether ``.venv`` was made by this version of Python (a system upgrade leaves it broken otherwise)."""
    probe = [str(PYTHON), "-c", "import sys, pip; print(*sys.version_info[:2])"]
    done = subprocess.run(probe, capture_output=True, text=True)
    return done.stdout.split() == [str(number) for number in sys.version_info[:2]]


def _missing(libraries: "dict[str, str]") -> "list[str]":
    return [package for library, package in libraries.items() if not _loads(library)]


def _require_loaded(libraries: "dict[str, str]") -> None:
    if _missing(libraries):
        sys.exit(
            f"Les bibliothèques {', '.join(libraries)} restent introuvables après l'installation."
        )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _find_chromium() -> "str | None":
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def _install_system_packages(packages: "list[str]", why: str) -> None:
    """As root, install Debian or Ubuntu packages; otherwise stop with the command to type."""
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(f"{why} Tapez : sudo {' '.join(command)}")
    say(f"{why} Installation : {' '.join(packages)}…")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for attempt in (command, ["apt-get", "update"], command):
        done = subprocess.run(attempt, env=environment, capture_output=True, text=True)
        if attempt is command and done.returncode == 0:
            return
    sys.exit(f"L'installation a échoué ; le détail vient en tapant : {' '.join(command)}")


if __name__ == "__main__":
    main(sys.argv[1:])
