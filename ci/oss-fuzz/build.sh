#!/usr/bin/env bash
# Builds the fuzz targets the way OSS-Fuzz and ClusterFuzzLite call it: $SRC holds the sources,
# targets with their seeds and dictionaries go to $OUT. The gate calls it too, without Docker.
#
# $SANITIZER is theirs (address, or none for an engine without one). The code has no `unsafe`, so the
# gate and the nightly campaigns go without, which is several times as fast.
set -euo pipefail
cd "${LITESPEC:-$SRC/litespec}"

sanitizer=${SANITIZER:-address}
built=fuzz/target/x86_64-unknown-linux-gnu/release

cargo fuzz build -O --debug-assertions --sanitizer "$sanitizer"
mkdir -p "$OUT"
for dictionary in fuzz/dictionaries/*.dict; do
    target=$(basename "$dictionary" .dict)
    cp "$built/$target" "$OUT/$target"
    cp "$dictionary" "$OUT/$target.dict"
    python3 - "$OUT/${target}_seed_corpus.zip" "fuzz/corpus/$target" "fuzz/regressions/$target" <<'PYTHON'
# zip is not everywhere, Python is. A name says which folder a seed is from.
import sys, zipfile
from pathlib import Path

with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as seeds:
    for folder in map(Path, sys.argv[2:]):
        for file in sorted(folder.glob("*")):
            seeds.write(file, f"{folder.parent.name}-{file.name}")
PYTHON
done
# What a build for speed only has: two yardsticks, which are no targets.
if [ -n "${YARDSTICKS:-}" ]; then
    cp "$built/empty" "$built/value" "$OUT/"
fi
