"""`lstm-parity cache`: what all checkouts share in the user's cache, how large it is, and away with it."""

import shutil

from lstm_ref.files import user_cache
from lstm_ref.usage import UsageError, refusals

#: Folders of the cache, and what is in them.
KEPT = {"truth": "truths and rounding spreads", "jax": "what JAX has compiled", "page": "the charts' JavaScript"}


def cache(clear: bool) -> int:
    """Show the folders, or remove them; what is missing is made again when it is needed.

    Raises:
        UsageError: the cache is no folder, or a file can't be removed.
    """
    folder = user_cache()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"LSTM_PARITY_CACHE: expected a folder, found the file {folder}")
    print(f"{folder} (LSTM_PARITY_CACHE names another)")
    for name, what in KEPT.items():
        files = [path for path in (folder / name).rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        if clear and (folder / name).exists():
            with refusals():
                shutil.rmtree(folder / name)
        print(f"  {name:<6} {len(files):>6,} files {size / 2**20:>8,.1f} MiB  {what}{', removed' if clear else ''}")
    return 0
