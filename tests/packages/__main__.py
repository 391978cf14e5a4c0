"""The table of the corpus: which functions of which packages are differentiated rightly, which are refused, and why.

    python -m tests.packages [--update] [--package NAME] [--only WORDS]

With `--update` the tables are written into docs/packages.md. The others print them.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from codegen.config import config
from tests.packages.all_cases import CASES
from tests.packages.cases import Case
from tests.packages.compare import Outcome, compare

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "packages.md"
BEGIN, END = "<!-- corpus -->", "<!-- /corpus -->"
Results = list[tuple[Case, Outcome]]


def measured(cases: Sequence[Case]) -> Results:
    """Compare the cases whose packages are installed; say which is done on the error stream."""
    results = []
    for case in cases:
        try:
            version(case.package)
        except PackageNotFoundError:
            print(f"{case.package} is not installed", file=sys.stderr)
            continue
        outcome = compare(case)
        print(f"{outcome.verdict:8} {case.title} {outcome.reason}", file=sys.stderr)
        results.append((case, outcome))
    return results


def counts(results: Results) -> str:
    """How many are right, refused, crashed and wrong, as cells of a table."""
    verdicts = [outcome.verdict for _, outcome in results]
    return " | ".join(str(verdicts.count(verdict)) for verdict in ("right", "refused", "crashed", "wrong"))


def package_table(results: Results) -> list[str]:
    """A row a package: its version, how many functions were right and refused, and the seconds of the first gradient."""
    lines = ["| package | version | functions | right | refused | crashed | wrong | first gradient, seconds: median, longest |",
             "|---|---|---:|---:|---:|---:|---:|---:|"]
    for package in sorted({case.package for case, _ in results}, key=str.lower):
        rows = [(case, outcome) for case, outcome in results if case.package == package]
        seconds = [outcome.seconds for _, outcome in rows if outcome.verdict == "right"]
        times = f"{median(seconds):.2f}, {max(seconds):.2f}" if seconds else "–"
        lines.append(f"| {package} | {version(package)} | {len(rows)} | {counts(rows)} | {times} |")
    return [*lines, f"| **all** | | {len(results)} | {counts(results)} | |"]


def reasons_table(results: Results) -> list[str]:
    """A row a reason, with the functions that are refused for it, and a row for each that is wrong."""
    found: dict[str, list[str]] = {}
    for case, outcome in results:
        if outcome.verdict != "right":
            words = outcome.reason.partition(", call")[0]
            if outcome.verdict != "refused":
                words = f"{outcome.verdict}: {words}"
            found.setdefault(words, []).append(f"`{case.title}`")
    lines = ["| reason | functions |", "|---|---|"]
    return lines + [f"| {reason.replace('|', chr(92) + '|')} | {', '.join(titles)} |" for reason, titles in sorted(found.items(), key=lambda r: -len(r[1]))]


def methods(results: Results) -> str:
    """How many were compared with the complex step, and how many with differences."""
    right = [outcome for _, outcome in results if outcome.verdict == "right"]
    exact = sum(outcome.method == "complex step" for outcome in right)
    paths = sum(outcome.along_path for outcome in right)
    return (f"Of the {len(right)} functions that are right, {exact} were compared with the complex step in every argument, the others with differences in at "
            f"least one; {paths} are compiled along the path that the numbers take.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the tables into docs/packages.md")
    parser.add_argument("--package", default="", help="cases of this package")
    parser.add_argument("--only", default="", help="cases with these words in their title")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    config.wait, config.cache = True, False
    results = measured([case for case in CASES if options.package in ("", case.package) and options.only in case.title])
    text = "\n".join([*package_table(results), "", methods(results), "", *reasons_table(results)])
    if not options.update:
        print(text)
        return
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
