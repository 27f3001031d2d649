"""Runs Fathom's ModelBenchmark. JAVA_HOME names a JDK 25; built before by: mvn -q package -DskipTests."""
import os
import pathlib
import re
import subprocess
import sys

HOME = pathlib.Path(__file__).resolve().parent.parent


def run(command, errors=False):
    """What a command prints; with what it prints to its standard error, where that is asked for."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout + done.stderr if errors else done.stdout


def java():
    home = os.environ.get("JAVA_HOME", "")
    return os.path.join(home, "bin", "java") if home else "java"


def rates(model, backend, threads, runs, cells, *words):
    """Tokens per second of each run of every cell, and the line that says what was loaded."""
    jars = sorted((HOME / "engine/target/lib").glob("*.jar"))
    if not jars:
        sys.exit("Fathom is not built: mvn -q package -DskipTests")
    paths = [HOME / "bench/target/classes", HOME / "engine/target/classes", *jars]
    output = run([
        java(),
        "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-XX:+UseCompactObjectHeaders",
        "-cp", ":".join(map(str, paths)), "dev.fathom.bench.ModelBenchmark",
        model, backend, str(threads), str(runs), *cells, *words])
    found = dict(re.findall(r"^(\S+) +[\d.]+ tokens/s \(runs: ([\d. ]+)\)$", output, re.M))
    return {cell: [float(rate) for rate in found[cell].split()] for cell in cells}, output.splitlines()[0]
