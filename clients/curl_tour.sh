#!/bin/sh
# A tour of Fathom with curl. Usage: curl_tour.sh http://127.0.0.1:30000
set -u
base=${1:-http://127.0.0.1:30000}
passed=0
failed=0
answer=
status=

# Sets $status and $answer. The first argument is the path, the rest goes to curl.
get() {
  path=$1
  shift
  answer=$(curl -sS -m 120 -w '\n%{http_code}' "$@" "$base$path")
  status=$(printf '%s' "$answer" | tail -n 1)
  answer=$(printf '%s' "$answer" | sed '$d')
}

post() {
  get "$1" -H 'Content-Type: application/json' -d "$2"
}

# Checks $status, and that $answer has each text.
expect() { # what status text...
  what=$1
  wanted=$2
  shift 2
  [ "$status" = "$wanted" ] || missing="status $wanted, got $status"
  [ "$status" != "$wanted" ] || missing=
  for text in "$@"; do
    printf '%s' "$answer" | grep -qF -- "$text" || missing="$missing; no $text"
  done
  if [ -z "$missing" ]; then
    passed=$((passed + 1))
    echo "ok      $what"
  else
    failed=$((failed + 1))
    echo "FAILED  $what: $missing in: $(printf '%s' "$answer" | head -c 1000)"
  fi
}

get /health
expect "is healthy" 200
get /health_generate
expect "generates when asked for its health" 200
get /v1/models
expect "lists its model" 200 '"object":"list"' '"max_model_len":8192'
get /get_model_info
expect "tells about its model" 200 '"is_generation":true' '"model_path"'
get /get_server_info
expect "tells about itself" 200 '"internal_states"' '"version"'

post /v1/chat/completions '{"model": "default", "temperature": 0, "messages": [{"role": "user", "content": "Who are you?"}]}'
expect "answers a chat" 200 "I am Nano, a very small language model with DeepSeek-V3's architecture." '"finish_reason":"stop"' '"total_tokens":47'
post /v1/chat/completions '{"model": "default", "temperature": 0, "stream": true, "messages": [{"role": "user", "content": "Who are you?"}]}'
expect "streams a chat" 200 '"chat.completion.chunk"' '"role":"assistant"' 'data: [DONE]'
post /v1/completions '{"model": "default", "temperature": 0, "prompt": "The capital of France is", "max_tokens": 4, "ignore_eos": true}'
expect "completes text" 200 '"text_completion"' '"completion_tokens":4'
post /generate '{"text": "The capital of France is", "sampling_params": {"temperature": 0, "max_new_tokens": 4, "ignore_eos": true}}'
expect "generates" 200 '"text":' '"output_ids":' '"meta_info":' '"completion_tokens":4' '"type":"length"'
post /generate '{"input_ids": [0, 4084, 1833, 81, 414, 362, 33, 4085, 4080], "sampling_params": {"temperature": 0, "max_new_tokens": 8}}'
expect "generates from token ids" 200 '"output_ids":[43,677,847,14,261,480,712,2299]' '"prompt_tokens":9'
post /generate '{"text": "The capital of France is", "stream": true, "sampling_params": {"temperature": 0, "max_new_tokens": 4}}'
expect "streams from the native endpoint" 200 'data: {' 'data: [DONE]'
get /metrics
[ "$status" = 200 ] && expect "has metrics" 200 'sglang:prompt_tokens_total' 'sglang:num_running_reqs'

post /v1/chat/completions '{"model": "default", "messages": [{"role": "user"'
expect "refuses what is not JSON" 400 '"object":"error"'
post /v1/chat/completions '{"model": "default", "messages": "hello"}'
expect "refuses messages of the wrong type" 400 'messages'
post /v1/chat/completions '{"model": "default", "temperature": "hot", "messages": [{"role": "user", "content": "x"}]}'
expect "refuses a temperature that is no number" 400 'temperature'
post /v1/completions '{"model": "default", "prompt": [0, 99999999]}'
expect "refuses a token that does not exist" 400 '99999999'
post /generate '{"sampling_params": {}}'
expect "refuses a request without a prompt" 400 'text' 'input_ids'
get /v1/models/none
expect "does not know other models" 404 'does not exist'
get /nothing
expect "does not know other paths" 404
post /abort_request '{"rid": "nobody"}'
expect "takes an abort of nothing" 200
get /flush_cache
expect "flushes its cache" 200
post /v1/chat/completions '{"model": "default", "temperature": 0, "messages": [{"role": "user", "content": "Who are you?"}]}'
expect "still answers" 200 "I am Nano, a very small language model"

echo "curl: $passed passed, $failed failed"
[ "$failed" = 0 ]
