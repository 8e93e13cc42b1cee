"""What a bare machine lacks is named by the bootstrap, so that it can install it or say what to type."""

import re
import subprocess

from playwright._impl._driver import compute_driver_executable

from damancom.bootstrap import BROWSER_LIBRARIES

# Chromium or Python bring these along, on every Debian and Ubuntu.
PRESENT = {"linux-vdso", "ld-linux", "libc", "libdl", "libm", "libpthread", "libstdc++", "libgcc_s"}


def test_every_library_that_drives_the_browser_is_installed_for_it() -> None:
    node, _ = compute_driver_executable()
    done = subprocess.run(["ldd", node], capture_output=True, text=True, check=True)
    needed = set(re.findall(r"^\s+(?:/\S*/)?(\S+\.so\.\d+)\s", done.stdout, re.MULTILINE))
    assert "libc.so.6" in needed
    assert {
        name for name in needed if re.split(r"\.so|-x86|-aarch", name)[0] not in PRESENT
    } == set(BROWSER_LIBRARIES)
