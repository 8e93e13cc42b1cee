"""Resolve the dependencies of pyproject.toml into hash-checked lock files, the same for every supported Python.

The files name no index, no host and no path of the machine that made them: whoever installs chooses the mirror, and
the hashes vouch for what it serves. ``make lock`` keeps the versions it can; ``make lock ARGS=--upgrade`` takes newer.
"""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
UV = Path(sys.prefix) / "bin" / "uv"

# The widest set comes first and constrains the others, so that a package has one version everywhere.
LOCKS = {
    "requirements-dev.txt": ["pyproject.toml", "--extra", "embedded", "--group", "dev"],
    "requirements-run.txt": [
        "pyproject.toml", "--extra", "embedded", "--constraints", "requirements-dev.txt",
    ],
    "requirements.txt": ["pyproject.toml", "--constraints", "requirements-dev.txt"],
    "requirements-uv.txt": ["--group", "uv"],
}  # fmt: skip


def main(arguments: list[str]) -> int:
    for name, sources in LOCKS.items():
        done = subprocess.run(
            [
                UV,
                "pip",
                "compile",
                *sources,
                "--quiet",
                "--universal",
                "--python-version=3.11",
                "--generate-hashes",
                "--no-header",
                "--no-emit-index-url",
                "--no-strip-extras",
                "--annotation-style=line",
                f"--output-file={name}",
                *arguments,
            ],
            cwd=CHECKOUT,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
