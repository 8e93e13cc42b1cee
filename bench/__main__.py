"""python -m bench [NAME …]: run the measurements, each in its own process; exit 1 when one misses its goal."""

import subprocess
import sys
from pathlib import Path

#: Run only when named: an hour or so.
LONG = {"national_month"}


def main(names: list[str]) -> int:
    folder = Path(__file__).parent
    known = sorted(item.stem for item in folder.glob("*.py") if not item.stem.startswith("_"))
    unknown = set(names) - set(known)
    if unknown:
        print(f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}", file=sys.stderr)
        return 2
    outcomes = [
        subprocess.run(
            [sys.executable, "-m", f"bench.{name}"], cwd=folder.parent, check=False
        ).returncode
        for name in names or [name for name in known if name not in LONG]
    ]
    return 1 if any(outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
