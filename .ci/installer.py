"""Who installs: uv if it is there, told where pip is configured to find packages, which it does not read by itself."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

#: uv's variable for each setting of pip's that says where packages come from, or which.
OF_PIP = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS",
          "no-index": "UV_NO_INDEX", "trusted-host": "UV_INSECURE_HOST", "constraint": "UV_CONSTRAINT",
          "cert": "SSL_CERT_FILE"}
#: Those after which it is the user who says where PyTorch comes from.
PLACES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "UV_NO_INDEX")


def said(command: list[str]) -> str:
    """What a command prints; '' where it fails."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return run.stdout if run.returncode == 0 else ""


def uv() -> str | None:
    """The program, which may be installed beside nox."""
    return shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


def installer() -> str:
    """'uv' where it is there, else 'pip'.

    Raises:
        LookupError: LSTM_PARITY_INSTALLER asks for another, or for a uv that is not there.
    """
    asked = os.environ.get("LSTM_PARITY_INSTALLER", "")
    if asked not in ("", "pip", "uv"):
        raise LookupError(f"LSTM_PARITY_INSTALLER: expected pip or uv, got {asked}")
    if asked == "uv" and not uv():
        raise LookupError("LSTM_PARITY_INSTALLER: uv is not on the PATH, nor beside nox; install it, or say pip")
    return asked or ("uv" if uv() else "pip")


def settings() -> dict[str, str]:
    """uv's variables: to do as pip does, with what pip is configured with, by its own account."""
    found: dict[str, str] = {}
    lines = said([sys.executable, "-m", "pip", "config", "list"]).splitlines()
    for line in sorted(lines, key=lambda line: line.startswith(":env:")):  # which goes before the files
        name, _, value = line.partition("=")
        if variable := OF_PIP.get(name.rpartition(".")[2]):
            found[variable] = str(ast.literal_eval(value))
    for variable, value in [*found.items()]:
        # pip leaves out a folder that is not there, and looks into all indexes for the newest.
        words = [word for word in value.split() if not word.startswith("file://") or Path(word[7:]).exists()]
        found[variable] = ("," if variable == "UV_FIND_LINKS" else " ").join(words)
    if found.get("UV_INDEX"):
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    found["UV_COMPILE_BYTECODE"] = "1"  # as pip does; where Python may not write, each start would compile all of it
    return {variable: value for variable, value in found.items() if value}
