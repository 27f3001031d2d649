"""Joins the tests of the JSON Schema Test Suite: json_schema_suite.py CLONE OUTPUT.json.gz"""
import gzip
import json
import subprocess
import sys

clone, output = sys.argv[1:]


def git(*arguments):
    return subprocess.run(["git", "-C", clone, *arguments], capture_output=True, check=True).stdout


groups = []
for draft in ["draft2020-12", "draft7"]:
    for path in git("ls-tree", "-r", "--name-only", "HEAD").decode().split():
        if not path.startswith(f"tests/{draft}/") or not path.endswith(".json"):
            continue
        name = path.removeprefix(f"tests/{draft}/").removesuffix(".json")
        if name.startswith("optional/") and (draft == "draft7" or not name.startswith("optional/format/")):
            continue
        for group in json.loads(git("show", f"HEAD:{path}")):
            groups.append({
                "file": f"{draft}/{name}",
                "description": group["description"],
                "schema": group["schema"],
                "tests": [{key: test[key] for key in ("description", "data", "valid")} for test in group["tests"]],
            })
text = json.dumps(groups, separators=(",", ":"))
with open(output, "wb") as file:
    file.write(gzip.compress(text.encode(), 9, mtime=0))
print(len(groups), "groups,", sum(len(group["tests"]) for group in groups), "tests")
