#!/bin/sh
# Requests that Schemathesis makes from the server's OpenAPI document, right ones and wrong ones, for so many seconds: no answer may
# be a server error, and each has to come within a minute. Needs a running server (a short --context-length keeps answers
# short) and the package schemathesis. The seed is fixed; SEED=... takes another.
#   usage: fuzz_api.sh http://127.0.0.1:30000 [SECONDS]
# A paused server answers nobody, so that nothing may pause it.
schemathesis run "$1/openapi.json" --checks not_a_server_error --phases examples,coverage,fuzzing --max-time "${2:-60}" --seed "${SEED:-20261130}" --max-examples 2000 \
  --request-timeout 60 --exclude-path /pause_generation --workers 4 --continue-on-failure --warnings off --no-color --generation-database none
