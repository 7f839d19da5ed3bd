"""Every command on every hostile file, in one process whose memory is looked at; prints what went wrong, as JSON.

Usage: python hostile_commands.py FOLDER [EVERY], where EVERY = 4 takes every fourth file only; all take five minutes.
"""

import json
import os
import shutil
import sys
import traceback
import warnings
from pathlib import Path

from click.testing import CliRunner
from hostile_files import SECRET, changed, good_runs
from hostile_kinds import NOT_RESUMED, ODD, REFUSED

from torusflow.cli import main

READING = (
    "info RUN",
    "info RUN --verify",
    "plot RUN -o out.png --overwrite",
    "plot RUN --map -o out.png --overwrite",
    "plot RUN --fit -o out.png --overwrite",
    "compare RUN --with tangent-flow -o out.png --overwrite",
    "compare RUN --with porous-medium -o out.png --overwrite",
    "report RUN -o out.html --overwrite --seconds 0",
    "refine RUN -o new.h5 --overwrite",
    "export RUN -o out.csv --overwrite",
    "export RUN -o out.npz --overwrite",
    "export RUN -o out.nc --overwrite",
    "export RUN -o out.vti --overwrite",
    "sample RUN -n 10 -o out.csv --overwrite",
    "score RUN data.csv -o out.csv --overwrite",
)
RESUMING = ("resume RUN --only-check", "resume RUN --iterations 5")
# A run file where something else is asked for.
AS = ("fit RUN.toml -o new.h5 --overwrite", "fit RUN.csv -o new.h5 --overwrite", "fit RUN.png -o new.h5 --overwrite")
AS += ("check RUN.toml", "score good.h5 RUN.csv -o out.csv --overwrite")


def run(path: Path, words: str, codes: tuple) -> str:
    """What is wrong with the answer to a command; nothing if it is as it should be."""
    arguments = [word.replace("RUN", str(path)) for word in words.split()]
    outputs = [Path(name) for name in ("out.csv", "out.npz", "out.nc")]
    for output in outputs:
        output.unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = CliRunner().invoke(main, arguments)
    error = result.exception
    if error is not None and not isinstance(error, SystemExit):
        return "".join(traceback.format_exception(error)[-3:])
    said = result.output + result.stderr
    if "Traceback" in said or result.exit_code not in codes:
        return f"exit {result.exit_code}: {said}"
    if any(not letter.isprintable() and letter not in "\n\t" for letter in said):
        return f"raw: {said!r}"
    if any(SECRET.encode() in output.read_bytes() for output in outputs if output.exists()) or SECRET in said:
        return "it told the secret"
    if result.exit_code == 2 and not result.stderr.startswith("torusflow: "):
        return f"no sentence: {result.stderr}"
    return ""


def peak() -> float:
    """Megabytes that this program has had at most; what getrusage gives counts the one that started it too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def attack(folder: Path, every_nth: int) -> dict:
    os.chdir(folder)
    good = good_runs(Path("."))
    Path("secret.txt").write_text(SECRET * 1000)
    Path("data.csv").write_text("phi,psi\n10,20\n30,40\n")
    shutil.copy(good["density"], "good.h5")
    wrong = {}

    def ask(kind, path, words, codes):
        before = peak()
        fault = run(path, words, codes)
        if not fault and peak() > before + 150:
            fault = f"{peak() - before:.0f} MB"
        if fault:
            wrong[f"{kind}: {words}"] = fault[-1500:]
            print(kind, words, fault[-1500:], file=sys.stderr, flush=True)

    for name, path in good.items():  # what the commands take anyhow
        for words in (*READING, *RESUMING):
            shutil.copy(path, "copy.h5")
            ask(name, Path("copy.h5"), words, (0, 1, 2))
    wrong = {key: fault for key, fault in wrong.items() if not fault.endswith("MB")}
    start, path = peak(), Path("hostile.h5")
    every, any_code = (*READING, *RESUMING), (0, 1, 2)
    for kinds, commands, codes in ((REFUSED, every, (2,)), (NOT_RESUMED, RESUMING, (2,)), (ODD, every, any_code)):
        for number, (kind, (base, change)) in enumerate(list(kinds.items())[::every_nth]):
            changed(good[base], change, path)
            content = path.read_bytes()
            for words in commands:
                ask(kind, path, words, codes)
                if path.read_bytes() != content:
                    path.write_bytes(content)
            if number * every_nth % 20 == 0:
                for suffix in (".toml", ".csv", ".png"):
                    shutil.copy(path, f"{path}{suffix}")
                for words in AS:
                    ask(kind, path, words, (2,))
    return {"wrong": wrong, "megabytes": peak() - start}


if __name__ == "__main__":
    print(json.dumps(attack(Path(sys.argv[1]), int((*sys.argv, 1)[2]))))
