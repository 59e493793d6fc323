"""A storm of faults and kills over a loopback YouTube: does every segment end with its one right verdict?"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "support")]

import fault_storm  # noqa: E402 - a script's own folder
from truth_media import render  # noqa: E402

from audiosetzsl.show import say, show_table  # noqa: E402


def main() -> None:
    """Print what was injected, what came of it, and what is wrong; exit code 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument(
        "--blackouts", type=int, default=5, help="times at which the whole session is refused"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        render(folder / "media", seconds=fault_storm.ENDS_S)
        with fault_storm.serve(folder / "media") as server:
            storm = fault_storm.make_storm(folder / "work", server, options.segments, options.seed)
            config = fault_storm.write_config(server, folder / "yt-dlp.conf")
            start = time.perf_counter()
            fault_storm.run(storm, server, config, options.kills, options.seed, options.blackouts)
            seconds = time.perf_counter() - start
            sys.exit(report(storm, server, options, seconds))


def report(storm: fault_storm.Storm, server: object, options: argparse.Namespace, seconds: float) -> int:
    """Tables, and the number of things that are wrong."""
    injected = Counter(kind or "none" for kind in storm.kinds.values())
    ended = fault_storm.verdicts(storm)
    rows = []
    for kind, n in sorted(injected.items()):
        ids = [name for name, found in storm.kinds.items() if (found or "none") == kind]
        came = Counter(ended[name] for name in ids)
        right = sum(ended[name] == storm.right[name] for name in ids)
        rows.append(
            [kind, n, right, ", ".join(f"{count} {verdict}" for verdict, count in came.most_common())]
        )
    show_table(
        f"{options.segments} segments, {options.kills} kills",
        ["fault", "segments", "right", "ended as"],
        rows,
    )
    wrong = fault_storm.wrong(storm)
    checks = {
        "segments with another verdict than the right one (target: 0)": wrong.total(),
        "segments with more than one clip in the ledger (target: 0)": len(fault_storm.several_ends(storm)),
        "clips whose media were asked for after they were there (target: 0)": len(
            fault_storm.fetched_again(storm, server)
        ),
        "files that are no whole clip of the ledger (target: 0)": len(fault_storm.leftovers(storm)),
        "moments at which the ledger could not be read (target: 0)": len(storm.unreadable),
    }
    show_table("What is wrong", ["", ""], checks.items())
    say(f"the ledger was read {storm.looks} times meanwhile; {seconds:.0f} s in all")
    for what, n in wrong.most_common():
        say(f"{n} x {what}")
    return 1 if sum(checks.values()) else 0


if __name__ == "__main__":
    main()
