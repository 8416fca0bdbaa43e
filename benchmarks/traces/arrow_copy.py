"""The Arrow export that nsys would write of a report whose SQLite export is given.

nsys 2024.2 writes each table as one stream of one record batch.
"""

import argparse
import sqlite3
from pathlib import Path

import pyarrow as pa
from adbc_driver_sqlite import dbapi


def write_arrow(sqlite: Path, folder: Path) -> None:
    """Write each table of a database to a file of `folder`."""
    folder.mkdir()
    with sqlite3.connect(sqlite) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
    with dbapi.connect(str(sqlite)) as connection, connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"SELECT * FROM {name}")
            table = cursor.fetch_arrow_table().combine_chunks()
            with pa.ipc.new_stream(str(folder / f"{name}.arrow"), table.schema) as stream:
                stream.write_table(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sqlite", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    write_arrow(given.sqlite, given.folder)
