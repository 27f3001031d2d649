#!/bin/sh
# One cache for Python and for Fathom: a hub of the tests' own serves the embedded model; what huggingface_hub downloads is found by
# Fathom without a connection, and the other way round.
#   usage: hub_cache.sh                    PYTHON=... takes another python3, with huggingface_hub and safetensors
# Needs a build with its tests: mvn -q package -DskipTests
set -eu
home=$(cd "$(dirname "$0")/.." && pwd -P)
python=${PYTHON:-python3}
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
model=deepseek-ai/Torture
folder=$(mktemp -d)
classes=$home/engine/target/classes
libraries=$(echo "$home"/engine/target/lib/*.jar | tr ' ' ':')
trap 'kill "$hub" 2>/dev/null || true; rm -rf "$folder"' EXIT

"$java" -cp "$home/engine/target/test-classes:$classes:$libraries" dev.fathom.checkpoint.hub.HubServer "$classes/models/nano" >"$folder/url" &
hub=$!
while ! [ -s "$folder/url" ]; do sleep 0.1; done
HF_ENDPOINT=$(cat "$folder/url")
export HF_ENDPOINT HF_HUB_DISABLE_XET=1 HF_HUB_DISABLE_PROGRESS_BARS=1

fathom() {
  "$java" --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED -cp "$classes:$libraries" dev.fathom.cli.Main "$@"
}

HF_HOME=$folder/python "$python" -c "import huggingface_hub as hub; hub.snapshot_download('$model')"
HF_HOME=$folder/python HF_HUB_OFFLINE=1 fathom generate --model-path "$model" --chat --prompt "Who are you?" --temperature 0 | grep "I am Nano"
echo "Fathom read what huggingface_hub wrote"

HF_HOME=$folder/fathom fathom download "$model"
HF_HOME=$folder/fathom "$python" - "$model" <<'PYTHON'
import pathlib, sys
import huggingface_hub as hub, safetensors
folder = pathlib.Path(hub.snapshot_download(sys.argv[1], local_files_only=True))
tensors = sum(len(safetensors.safe_open(file, "np").keys()) for file in folder.glob("*.safetensors"))
cache = hub.scan_cache_dir()
assert tensors > 0 and not cache.warnings, cache.warnings
print(f"huggingface_hub {hub.__version__} read what Fathom wrote: {len(list(folder.iterdir()))} files, {tensors} tensors")
PYTHON
for file in "$folder"/fathom/hub/models--*/snapshots/*/*; do
  cmp "$file" "$folder/python/${file#"$folder"/fathom/}"
done
echo "Both wrote the same bytes under the same names"
