import subprocess
import sys
from pathlib import Path

import regulation

MODULES = sorted(
    f"regulation.{item.stem}"
    for item in Path(regulation.__file__).parent.glob("*.py")
    if item.stem != "__init__"
)


def test_the_law_loads_without_django() -> None:
    """In a process of its own: this one has Django in it already."""
    asked = f"import sys, {', '.join(MODULES)}; print('django' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", asked],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(regulation.__file__).parent.parent,
    )
    assert said.stdout == "False\n"


def test_no_module_of_the_law_reads_the_clock_or_names_a_float() -> None:
    for item in Path(regulation.__file__).parent.glob("*.py"):
        text = item.read_text("utf-8")
        for word in (".today()", ".now()", "float(", "time.time", "os.environ"):
            assert word not in text, (item.name, word)
