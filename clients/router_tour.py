"""Two workers behind sglang-router: round robin, cache-aware, and a worker that is killed under load.

usage: router_tour.py FATHOM   (FATHOM is the launcher, ./fathom)

Starts the workers and the routers itself, on free ports. Prints what it saw and exits with 1 if it was not right.
"""

import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

REQUESTS = 500
CLIENTS = 16
PATIENCE = 180  # seconds; a busy machine is slow


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url, timeout=10):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.read().decode()


def post(url, body, timeout=PATIENCE):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return json.loads(answer.read())


class Process:
    """A server that runs, with its output in a file."""

    def __init__(self, command, health):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                get(health, 5)
                return
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.fail("did not start")
                time.sleep(0.2)

    def fail(self, what):
        self.log.flush()
        self.log.seek(0)
        print(f"{self.process.args[:4]} {what}; its last lines:\n" + "".join(self.log.readlines()[-30:]))
        self.end(signal.SIGKILL)
        sys.exit(1)

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Worker(Process):
    def __init__(self, fathom):
        self.url = f"http://127.0.0.1:{free_port()}"
        super().__init__(
            [fathom, "serve", "--port", self.url.rsplit(":", 1)[1], "--skip-server-warmup", "--enable-metrics",
             "--enable-cache-report", "--log-level", "warning"],
            self.url + "/health")

    def metric(self, name):
        return float(re.search(rf"^sglang:{name}\{{[^}}]*\}} (\S+)$", get(self.url + "/metrics"), re.M).group(1))


class Router(Process):
    def __init__(self, policy, workers):
        self.url = f"http://127.0.0.1:{free_port()}"
        super().__init__(
            [sys.executable, "-m", "sglang_router.launch_router", "--host", "127.0.0.1", "--port",
             self.url.rsplit(":", 1)[1], "--policy", policy, "--prometheus-port", str(free_port()), "--log-level", "warn",
             "--health-check-interval-secs", "1", "--worker-startup-check-interval", "1", "--worker-urls",
             *[worker.url for worker in workers]],
            self.url + "/readiness")
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                post(self.url + "/generate", {"text": "Hi", "sampling_params": {"max_new_tokens": 1}})
                return
            except urllib.error.URLError:
                if time.monotonic() > deadline:
                    self.fail("does not answer")
                time.sleep(0.5)


def ask(router, i, tokens):
    """One chat; which of the groups shares the prefix is the number's business."""
    group = i % 8
    story = f"Story {group}: " + " ".join(f"word{group}{n}" for n in range(40))
    answer = post(router.url + "/v1/chat/completions", {
        "model": "default", "temperature": 0, "max_tokens": tokens, "ignore_eos": True,
        "messages": [{"role": "user", "content": f"{story}. Question {i}: what is {i} + 1?"}]})
    usage = answer["usage"]
    assert usage["completion_tokens"] == tokens, answer
    return usage["prompt_tokens_details"]["cached_tokens"] / usage["prompt_tokens"]


def load(router, count, tokens):
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(lambda i: ask(router, i, tokens), range(count)))


def round_robin(workers):
    router = Router("round_robin", workers)
    try:
        before = [worker.metric("num_requests_total") for worker in workers]
        began = time.monotonic()
        load(router, REQUESTS, 8)
        served = [int(worker.metric("num_requests_total") - b) for worker, b in zip(workers, before)]
        print(f"round_robin: {REQUESTS} answers in {time.monotonic() - began:.1f} s, by worker {served}")
        assert sum(served) == REQUESTS and min(served) >= REQUESTS * 0.45, served
    finally:
        router.end()


def cache_aware(workers):
    router = Router("cache_aware", workers)
    try:
        before = [worker.metric("num_requests_total") for worker in workers]
        began = time.monotonic()
        cached = load(router, REQUESTS, 8)
        served = [int(worker.metric("num_requests_total") - b) for worker, b in zip(workers, before)]
        print(f"cache_aware: {REQUESTS} answers in {time.monotonic() - began:.1f} s, by worker {served}, "
              f"{100 * sum(cached) / len(cached):.0f} % of prompt tokens cached")
        assert sum(served) == REQUESTS, served
        assert sum(cached) / len(cached) > 0.5
        assert get(router.url + "/v1/models") and get(router.url + "/get_model_info")
        assert get(router.url + "/get_loads")
        post(router.url + "/flush_cache", {})
    finally:
        router.end()


def kill_under_load(workers):
    router = Router("round_robin", workers)
    try:
        failed, ended = [], []
        moment = [float("inf")]

        def one(i):
            began = time.monotonic()
            try:
                ask(router, i, 32)
                ended.append(i)
            except (urllib.error.URLError, OSError, AssertionError) as e:
                failed.append((i, began, repr(e)))

        with ThreadPoolExecutor(CLIENTS) as clients:
            tasks = [clients.submit(one, i) for i in range(REQUESTS // 2)]
            while len(ended) < REQUESTS // 10:
                time.sleep(0.05)
            moment[0] = time.monotonic()
            workers[1].end(signal.SIGKILL)
            for task in tasks:
                task.result()
        late = [f for f in failed if f[1] > moment[0]]
        print(f"a worker killed after {REQUESTS // 10} answers: {len(ended)} of {REQUESTS // 2} answered, "
              f"{len(failed)} that were on it lost, {len(late)} others")
        assert not late, late
        assert len(failed) <= CLIENTS, failed
        health = json.loads(get(workers[0].url + "/get_load"))[0]
        assert health["num_reqs"] == 0, health
    finally:
        router.end()


def main():
    workers = []
    try:
        workers.append(Worker(sys.argv[1]))
        workers.append(Worker(sys.argv[1]))
        round_robin(workers)
        cache_aware(workers)
        kill_under_load(workers)
    finally:
        for worker in workers:
            worker.end()
    print("The router's tour went as it should.")


if __name__ == "__main__":
    main()
