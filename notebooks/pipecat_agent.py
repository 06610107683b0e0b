"""A voice agent as a Pipecat pipeline: it answers with two notes when you have finished, and can be interrupted.

pip install "smallrtc-lab[pipecat]"
smallrtc-lab run pipecat_agent.py
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from loguru import logger

logger.remove()  # Pipecat tells every step; before its first import
logger.add(sys.stderr, level="ERROR")

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    OutputAudioRawFrame,
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

RATE_HZ = 16_000


def notes(*pitches_hz: float) -> bytes:
    """One note after the other, 0.6 s each, that fade: int16 at ``RATE_HZ``."""
    times_s = np.arange(round(0.6 * RATE_HZ)) / RATE_HZ
    fading = 0.3 * np.exp(-4 * times_s)
    sound = np.concatenate([fading * np.sin(2 * np.pi * hz * times_s) for hz in pitches_hz])
    return (sound * 32767).astype(np.int16).tobytes()


class Agent(FrameProcessor):
    """Answers; a recogniser, a language model and a voice would stand in its place."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Voice activity decides whose turn it is; the sound that came in ends here."""
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            print("you began", flush=True)
            await self.broadcast_interruption()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            print("you ended: two notes", flush=True)
            await self.push_frame(OutputAudioRawFrame(notes(523.25, 659.26), RATE_HZ, 1))
        else:
            await self.push_frame(frame, direction)


async def bot(runner_args: Any) -> None:
    """One client, until it leaves."""
    sound = TransportParams(audio_in_enabled=True, audio_out_enabled=True)
    transport = await create_transport(runner_args, {"webrtc": lambda: sound})
    vad = VADProcessor(vad_analyzer=SileroVADAnalyzer(params=VADParams(stop_secs=0.5)))
    pipeline = Pipeline([transport.input(), vad, Agent(), transport.output()])
    rates = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ)
    worker = PipelineWorker(pipeline, params=rates, enable_rtvi=False)

    @transport.event_handler("on_client_disconnected")
    async def gone(transport: Any, client: Any) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
