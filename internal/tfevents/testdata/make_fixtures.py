"""Makes events.bin, the events of the test as Python encodes them: run it in this folder."""

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import scalar, text

with open("events.bin", "wb") as f:
    w = RecordWriter(f)
    for event in [
        Event(wall_time=1700000000.0, file_version="brain.Event:2"),
        Event(wall_time=1700000001.25, step=1, summary=scalar("train/loss", 0.693)),
        Event(wall_time=1700000002.5, step=500, summary=scalar("train/loss", 0.0)),
        Event(wall_time=1700000003.0, step=2**40, summary=scalar("eval/größe", -1e30)),
        Event(wall_time=1700000000.0, summary=text("args", '{\n  "learning_rate": 5e-05\n}' * 10)),
        Event(wall_time=1700000004.0, summary=scalar("train/epoch", float("inf"))),
    ]:
        w.write(event.SerializeToString())
    w.flush()
