"""What Python's huggingface_hub does with the cache of hub.Client, for TestPython.

    interop.py download ID DATASET   downloads a model and a data set into the cache that the environment names
    interop.py find ID DATASET       finds both with HF_HUB_OFFLINE=1, by three functions of the library

    interop.py lock FILE             holds a lock of the library until its input ends

Prints the folders, or fails. Needs nothing but huggingface_hub; HF_ENDPOINT is the test's server on loopback.
"""

import os
import sys

action, *names = sys.argv[1:]
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
if action == "find":
    os.environ["HF_HUB_OFFLINE"] = "1"

import huggingface_hub  # noqa: E402 (reads the environment)

if action == "lock":
    from huggingface_hub.utils import WeakFileLock

    with WeakFileLock(names[0]):
        print("held", flush=True)
        sys.stdin.read()
    sys.exit()

model, dataset = names
folder = huggingface_hub.snapshot_download(model)
data = huggingface_hub.snapshot_download(dataset, repo_type="dataset")
config = huggingface_hub.hf_hub_download(model, "config.json")
assert config == os.path.join(folder, "config.json"), config
if action == "find":
    found = huggingface_hub.try_to_load_from_cache(model, "config.json")
    assert found == config, found
    files = huggingface_hub.scan_cache_dir()
    assert not files.warnings, files.warnings
    assert {r.repo_id for r in files.repos} == {model, dataset}, files
print(folder)
print(data)
