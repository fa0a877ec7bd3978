"""Gets the gateways of others, as far as they can be had.

    python -m benchmarks.gateway.install

Those of `gateways.txt` get an environment each. nginx is taken as it is installed; else Debian's package is unpacked
beside them, which needs no rights, and where there is no apt it is left out.
"""

import subprocess
import sys
from pathlib import Path
from shutil import which

from ..peers import install
from .build import PLACE

LIST = Path(__file__).parents[1] / "gateways.txt"


def main() -> int:
    """Install them; report one that cannot be installed, and measure the others all the same."""
    PLACE.mkdir(exist_ok=True)
    install(LIST, PLACE)
    if which("nginx") is None and not _unpack_nginx(PLACE / "nginx"):
        print("nginx cannot be had, and will not be measured", file=sys.stderr)
    return 0


def _unpack_nginx(folder: Path) -> bool:
    """Unpack Debian's package."""
    if which("apt-get") is None or which("dpkg") is None:
        return False
    print("Unpacking nginx ...", flush=True)
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["apt-get", "download", "nginx"], cwd=folder, capture_output=True, text=True)
    packages = sorted(folder.glob("nginx_*.deb"))
    if done.returncode or not packages:
        return False
    return subprocess.run(["dpkg", "-x", str(packages[-1]), str(folder)], capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
