"""Make the README's table of networks of what the tests of them found: `python scripts/networks.py rows.jsonl`.

    SMALLRTC_LAB_NETWORKS_INTO=rows.jsonl python -m pytest tests/network -m "soak or not soak" -k matrix
    python scripts/networks.py rows.jsonl

The table stands between two marks in README.md; without them it is printed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

__all__ = ["main", "put_between", "table"]

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- networks: made by scripts/networks.py -->", "<!-- /networks -->"
WAYS = {"direct": "direct", "turn": "TURN", "relay": "Jupyter"}
BROWSERS = ("Chromium", "Firefox")
HEAD = """\
| network | way | first picture: Chromium, Firefox | goal | camera → Python → page | the page says |
|---|---|---|---|---|---|"""

Row = dict[str, Any]


def main() -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(description="Make the table of networks.")
    parser.add_argument("rows", type=Path, help="what SMALLRTC_LAB_NETWORKS_INTO named during the tests")
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md", help="default: %(default)s")
    wanted = parser.parse_args()
    made = table([json.loads(line) for line in wanted.rows.read_text().splitlines() if line])
    text = wanted.readme.read_text()
    if BEGIN in text and END in text:
        wanted.readme.write_text(put_between(text, made))
    else:
        sys.stdout.write(f"{wanted.readme.name} has no place for it:\n\n{BEGIN}\n{made}\n{END}\n")
    return 0


def table(rows: list[Row]) -> str:
    """One line a network, in the order they were first met; of several rows of one browser the last one counts."""
    networks: dict[str, dict[str, Row]] = {}
    for row in rows:
        networks.setdefault(row["network"], {})[row["browser"]] = row
    return "\n".join([HEAD, *(_line(name, found) for name, found in networks.items())])


def put_between(text: str, made: str) -> str:
    """`text` with this between its marks."""
    head, rest = text.split(BEGIN, 1)
    return f"{head}{BEGIN}\n{made}\n{END}{rest.split(END, 1)[1]}"


def _line(network: str, found: dict[str, Row]) -> str:
    first = ", ".join(f"{found[name]['first_s']:.1f} s" if name in found else "–" for name in BROWSERS)
    row = found.get("Chromium") or next(iter(found.values()))
    ways = dict.fromkeys(_way(one) for one in found.values())
    back = "–" if row["delay_ms"] is None else f"{row['delay_ms']:.0f} ms"
    return f"| {network} | {', '.join(ways)} | {first} | {row['goal_s']:g} s | {back} | {_sentence(row)} |"


def _way(row: Row) -> str:
    way = WAYS[row["route"]]
    return way if not row["pair"] or row["route"] == "direct" else f"{way} ({row['pair'][2].upper()})"


def _sentence(row: Row) -> str:
    """Without the figures, which change all the time."""
    parts = [re.sub(r", \d+ ms$", "", part) for part in row["sentence"].split(" · ")]
    return " · ".join(part for part in parts if not re.match(r"\d", part))


if __name__ == "__main__":
    sys.exit(main())
