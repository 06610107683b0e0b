"""Bots as one writes them for Pipecat's own runner: nothing of smallrtc-lab is in here.

``bot`` sends sound, pictures and messages back, through Pipecat's pipeline, and says when its voice activity
detection hears speech begin and end.
"""

from __future__ import annotations

from typing import Any

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputImageRawFrame,
    InputTransportMessageFrame,
    OutputAudioRawFrame,
    OutputImageRawFrame,
    OutputTransportMessageUrgentFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

__all__ = ["bot", "echo", "params"]

VOICE = {VADUserStartedSpeakingFrame: "started", VADUserStoppedSpeakingFrame: "stopped"}


class Echo(FrameProcessor):
    """What comes in goes out."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self.push_frame(OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels))
        elif isinstance(frame, InputImageRawFrame):
            await self.push_frame(OutputImageRawFrame(frame.image, frame.size, frame.format))
        elif isinstance(frame, InputTransportMessageFrame):
            await self.push_frame(OutputTransportMessageUrgentFrame({"echo": frame.message}))
        elif type(frame) in VOICE and direction is FrameDirection.DOWNSTREAM:
            await self.push_frame(OutputTransportMessageUrgentFrame({"speech": VOICE[type(frame)]}))
        else:
            await self.push_frame(frame, direction)


def params() -> TransportParams:
    """Sound and pictures both ways."""
    return TransportParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_out_10ms_chunks=2,
        video_in_enabled=True,
        video_out_enabled=True,
        video_out_is_live=True,
        video_out_width=160,
        video_out_height=120,
        video_out_framerate=15,
    )


async def echo(transport: Any, *, voice_activity: bool = True) -> None:
    """Run the pipeline on a transport until its client leaves."""
    vad = [VADProcessor(vad_analyzer=SileroVADAnalyzer())] if voice_activity else []
    pipeline = Pipeline([transport.input(), *vad, Echo(), transport.output()])
    rates = PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=16_000)
    worker = PipelineWorker(pipeline, params=rates, enable_rtvi=False)

    @transport.event_handler("on_client_connected")
    async def greet(transport: Any, client: Any) -> None:
        await transport.capture_participant_video(transport.get_client_id(client), framerate=15)
        await worker.queue_frame(OutputTransportMessageUrgentFrame({"hello": client.pc_id}))

    @transport.event_handler("on_client_disconnected")
    async def end(transport: Any, client: Any) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


async def bot(runner_args: Any) -> None:
    """One client."""
    await echo(await create_transport(runner_args, {"webrtc": params}))
