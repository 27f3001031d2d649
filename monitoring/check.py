"""Shows that the dashboard works: a real Prometheus reads a running server, and every expression must have an answer.

    python3 check.py http://127.0.0.1:30000 [--prometheus PROGRAM]

Needs Debian's package prometheus, and a server with the embedded model and --enable-metrics.
"""

import argparse
import json
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).parent


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def get(url, body=None):
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as response:
        return response.read()


def expressions():
    dashboard = json.loads((HERE / "grafana/dashboards/fathom.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "20s")
            for variable in ("$model_name", "$instance"):
                expression = expression.replace(variable, ".*")
            assert "$" not in expression, f"{panel['title']}: a variable that nobody sets: {expression}"
            yield panel["title"], expression


def work(server, seconds):
    deadline = time.monotonic() + seconds
    body = json.dumps({"prompt": "Once upon a time there was a", "max_tokens": 8, "ignore_eos": True}).encode()
    while time.monotonic() < deadline:
        get(f"{server}/v1/completions", body)
        time.sleep(0.2)


def check(server, prometheus):
    for title, expression in expressions():
        answer = json.loads(get(f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
        assert answer["status"] == "success", f"{title}: {expression}: {answer}"
        assert answer["data"]["result"], f"{title}: no data: {expression}"
        print(f"ok: {title}: {expression}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--prometheus", default="prometheus")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "prometheus.yml")
        text = (HERE / "prometheus.yml").read_text()
        assert "127.0.0.1:30000" in text and "scrape_interval: 5s" in text
        config.write_text(text.replace("127.0.0.1:30000", urllib.parse.urlparse(options.server).netloc)
                          .replace("scrape_interval: 5s", "scrape_interval: 1s"))
        port = free_port()
        program = subprocess.Popen([options.prometheus, f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                                    f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"])
        try:
            work(options.server, 8)
            check(options.server, f"http://127.0.0.1:{port}")
        finally:
            program.terminate()
            program.wait()


main()
