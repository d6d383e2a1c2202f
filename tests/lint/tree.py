# SPDX-License-Identifier: Apache-2.0
"""Which files are the project's, with git and without."""
import os
import subprocess
from pathlib import Path

# As in .gitignore: what a build or a run leaves in the tree.
GENERATED = ("__pycache__", ".pytest_cache", "run", ".git")


def from_git(root):
    """Tracked and new files; None where the folder is no repository of its own or git cannot be asked."""
    if not (Path(root) / ".git").exists():
        return None
    try:
        listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"],
                                capture_output=True, text=True, check=False)
    except OSError:
        return None  # not installed
    return listed.stdout.splitlines() if listed.returncode == 0 else None


def from_disk(root):
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [s for s in subfolders if not s.startswith("build") and s not in GENERATED]
        for name in names:
            if not name.endswith((".o", ".pcap", ".pyc")) and name != ".git":
                yield str((Path(folder) / name).relative_to(root))


def files_of(root):
    """Names of all the tree's files, relative to root, in order."""
    names = from_git(root)
    if names is None:
        names = from_disk(root)
    return sorted({n for n in names if (Path(root) / n).is_file()})
