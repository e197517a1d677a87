"""A process that imports one file and is killed while it does; it says on standard output how far it is.

Arguments: the database's path (or URL), the file. Lines: "begun" when the first rows came, "applied" at the end.
"""

import sys
from pathlib import Path

from safeborders.kit.logs import set_up_logs
from safeborders.node.storage.database import Place, open_store
from sbtest.import_files import KEY, importer


def main() -> None:
    """Import the file."""
    where, path = sys.argv[1:]
    set_up_logs(level=40)
    store = open_store(Place(url=where) if "://" in where else Place(path=Path(where), key_hex=KEY))
    said: list[int] = []

    def tell(_path: Path, read: int) -> None:
        if not said:
            sys.stdout.write("begun\n")
            sys.stdout.flush()
        said.append(read)

    importer(store).apply(Path(path), tell=tell)
    sys.stdout.write("applied\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
