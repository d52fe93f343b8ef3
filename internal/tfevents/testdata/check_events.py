"""Prints what TensorBoard reads in a folder of event files: check_events.py DIR"""

import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

acc = EventAccumulator(sys.argv[1])
acc.Reload()
for tag in sorted(acc.Tags()["scalars"]):
    for e in acc.Scalars(tag):
        print("scalar", tag, e.step, repr(e.wall_time), repr(e.value))
for tag in sorted(acc.Tags()["tensors"]):
    metadata = acc.SummaryMetadata(tag)
    for e in acc.Tensors(tag):
        print(metadata.plugin_data.plugin_name, tag, e.step, repr(e.tensor_proto.string_val[0].decode()))
