"""The contract with aiortc 1.16 and aioice 0.13: everything private that the fence touches is still there."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections import deque
from fractions import Fraction

import aioice
import av
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender
from aiortc import rtcrtpreceiver as upstream
from aiortc import rtcsctptransport as sctp
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcsctptransport import RTCSctpTransport
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RtcpByePacket,
    RtcpPsfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
    pack_remb_fci,
)

from smallrtc_lab.rtc import _aiortc
from smallrtc_lab.rtc.bitrate import H264_RANGE, VP8_RANGE, VideoBitrate
from smallrtc_lab.rtc.decoder_queue import DecoderQueue

WHY = "aiortc changed; read smallrtc_lab/rtc/_aiortc and adapt it"


def peer() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


@pytest.fixture
async def receiver():
    pc = peer()
    yield pc.addTransceiver("video", "recvonly").receiver
    await pc.close()


async def test_the_names_of_a_receiver(receiver):
    """A receiver has the jitter buffer, queues, tables and methods the fence replaces or calls."""
    private = ("jitter_buffer", "decoder_queue", "decoder_thread", "codecs", "remote_streams", "rtx_ssrc")
    for name in (*private, "nack_generator"):
        assert hasattr(receiver, f"_RTCRtpReceiver__{name}"), WHY
    assert isinstance(receiver._RTCRtpReceiver__jitter_buffer, JitterBuffer), WHY
    assert receiver._RTCRtpReceiver__decoder_thread is None, WHY
    assert list(inspect.signature(receiver._send_rtcp_pli).parameters) == ["media_ssrc"], WHY
    assert list(inspect.signature(receiver._handle_rtcp_packet).parameters) == ["packet"], WHY
    assert list(inspect.signature(JitterBuffer.add).parameters) == ["self", "packet"], WHY
    assert list(inspect.signature(upstream.decoder_worker).parameters) == [
        "loop",
        "input_q",
        "output_q",
        "decode_error",
    ], WHY


def test_how_a_receiver_uses_them():
    """The queues go to the decoder thread when the receiver starts, and frames carry data and timestamp."""
    receive = inspect.getsource(RTCRtpReceiver.receive)
    assert "self.__decoder_queue," in receive, WHY
    assert "self._track._queue," in receive, WHY
    handle = inspect.getsource(RTCRtpReceiver._handle_rtp_packet)
    assert "pli_flag, encoded_frame = self.__jitter_buffer.add(packet)" in handle, WHY
    assert "packet._data = depayload(codec, packet.payload)" in handle, WHY
    worker = inspect.getsource(upstream.decoder_worker)
    assert "codec, encoded_frame = task" in worker, WHY
    assert "output_q.put(None)" in worker, WHY
    assert "output_q.put(frame)" in worker, WHY
    assert isinstance(upstream.RemoteStreamTrack("video")._queue, asyncio.Queue), WHY


def test_the_names_of_ice_and_sctp():
    """aioice gathers per component with addresses and a timeout, and keeps nominated pairs by component."""
    parameters = inspect.signature(aioice.Connection.get_component_candidates).parameters
    assert list(parameters) == ["self", "component", "addresses", "timeout"], WHY
    assert parameters["timeout"].default == 5, WHY
    gather = inspect.getsource(aioice.Connection.gather_candidates)
    assert "self.get_component_candidates(component=component, addresses=addresses)" in gather, WHY
    assert "self._nominated[pair.component] = pair" in inspect.getsource(aioice.Connection.check_complete), (
        WHY
    )
    assert "self._srtt: Optional[float] = None" in inspect.getsource(RTCSctpTransport.__init__), WHY


async def test_without_the_fence_127_0_0_1_is_not_offered():
    """aioice leaves 127.0.0.1 out by itself, and offers it once the fence asked."""
    bare, open_ = peer(), peer()
    for pc in (bare, open_):
        pc.createDataChannel("chat")
    _aiortc.add_loopback_candidate(open_)
    _aiortc.cap_gathering(open_, 1.0)
    for pc in (bare, open_):
        await pc.setLocalDescription(await pc.createOffer())
    assert " 127.0.0.1 " not in bare.localDescription.sdp
    assert " 127.0.0.1 " in open_.localDescription.sdp
    await bare.close()
    await open_.close()


async def test_a_dead_stun_server_costs_no_more_than_the_cap():
    """Gathering ends at the cap although a STUN server never answers."""
    from aiortc import RTCIceServer

    pc = RTCPeerConnection(RTCConfiguration(iceServers=[RTCIceServer("stun:192.0.2.1:3478")]))
    pc.createDataChannel("chat")
    _aiortc.add_loopback_candidate(pc)
    _aiortc.cap_gathering(pc, 0.3)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await pc.setLocalDescription(await pc.createOffer())
    assert loop.time() - began_s < 4.0, "aioice waits five seconds"
    await pc.close()


async def test_frames_go_to_the_bounded_queue_with_their_codec(receiver):
    """The adapter in the jitter buffer's place queues every whole frame and asks aiortc to decode none."""
    from aiortc.codecs import CODECS

    seen = []
    codec = next(c for c in CODECS["video"] if c.name == "VP8")
    receiver._RTCRtpReceiver__codecs[96] = codec
    _aiortc.release_at_marker(receiver, on_encoded=seen.append)
    buffer, queue = receiver._RTCRtpReceiver__jitter_buffer, receiver._RTCRtpReceiver__decoder_queue
    assert isinstance(queue, DecoderQueue)
    most = _aiortc.VIDEO_QUEUE_FRAMES
    for number in range(most + 12):
        packet = RtpPacket(payload_type=96, sequence_number=number, timestamp=number * 3000, marker=1)
        packet._data = b"\x51delta" if number else b"\x50key"
        asked, frame = buffer.add(packet)
        assert frame is None
        assert asked is (number == most)
    assert queue.qsize() == most
    assert _aiortc.queue_dropped(receiver) == 12
    assert seen[:2] == [(b"\x50key", "VP8", 90000, 0, True), (b"\x51delta", "VP8", 90000, 3000, False)]
    got_codec, got = queue.get()
    assert (got_codec, got.data, got.timestamp) == (codec, b"\x50key", 0)


async def test_after_a_lost_picture_a_keyframe_is_asked_for_until_it_comes(receiver, monkeypatch):
    """What is broken reaches neither decoder nor tap, and a request that is lost is made again."""
    from aiortc.codecs import CODECS

    now_s, seen = 0.0, []
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    receiver._RTCRtpReceiver__codecs[96] = next(c for c in CODECS["video"] if c.name == "VP8")
    _aiortc.release_at_marker(receiver, on_encoded=seen.append)
    buffer, asked = receiver._RTCRtpReceiver__jitter_buffer, []
    for number in (*range(5), *range(6, 50)):
        now_s = number / 30
        packet = RtpPacket(payload_type=96, sequence_number=number, timestamp=number * 3000, marker=1)
        packet._data = b"\x50key" if number in (0, 45) else b"\x51delta"
        asked += [number] if buffer.add(packet)[0] else []
        while receiver._RTCRtpReceiver__decoder_queue.qsize():
            receiver._RTCRtpReceiver__decoder_queue.get()
    monkeypatch.undo()
    assert [packet.pts // 3000 for packet in seen] == [0, 1, 2, 3, 4, 45, 46, 47, 48, 49]
    assert asked == [19, 34]


async def test_retransmissions_are_told_to_whom_they_belong(receiver):
    """aiortc tells its router of an SSRC for media only; asking for what is lost is ours, as often as it is of use."""
    from aiortc.rtcrtpparameters import RTCRtpDecodingParameters, RTCRtpReceiveParameters, RTCRtpRtxParameters

    assert "self.__nack_generator.add(packet):" in inspect.getsource(RTCRtpReceiver._handle_rtp_packet), WHY
    assert "sorted(self.__nack_generator.missing)" in inspect.getsource(RTCRtpReceiver._handle_rtp_packet), (
        WHY
    )
    encoding = RTCRtpDecodingParameters(ssrc=4, payloadType=96, rtx=RTCRtpRtxParameters(ssrc=5))
    parameters = RTCRtpReceiveParameters(encodings=[encoding])
    _aiortc.ask_for_lost_packets(receiver)
    generator = receiver._RTCRtpReceiver__nack_generator
    asked = [generator.add(RtpPacket(sequence_number=number)) for number in (7, 9, 10)]
    assert asked == [False, True, False]
    receiver._track = upstream.RemoteStreamTrack("video")
    await receiver.receive(parameters)
    table = receiver.transport._rtp_router.ssrc_table
    assert table[5] is receiver, WHY
    await receiver.stop()
    assert 5 not in table


async def test_sound_goes_to_the_bounded_queue_in_order():
    """Packets are queued with their codec in order, and those behind a lost one when a timer gives it up."""
    from aiortc.codecs import CODECS

    pc = peer()
    receiver = pc.addTransceiver("audio", "recvonly").receiver
    codec = next(c for c in CODECS["audio"] if c.name == "opus")
    receiver._RTCRtpReceiver__codecs[96] = codec
    tapped = []
    counters = _aiortc.release_in_order(receiver, on_encoded=tapped.append)
    buffer, queue = receiver._RTCRtpReceiver__jitter_buffer, receiver._RTCRtpReceiver__decoder_queue
    assert isinstance(queue, DecoderQueue)
    for number in (0, 2, 1, 4):
        packet = RtpPacket(payload_type=96, sequence_number=number, timestamp=number * 960)
        packet._data = b"%d" % number
        assert buffer.add(packet) == (False, None)
    assert queue.qsize() == 3
    got = [await asyncio.wait_for(asyncio.to_thread(queue.get), 10) for _ in range(4)]
    assert [(one, frame.data, frame.timestamp) for one, frame in got] == [
        (codec, b"%d" % number, number * 960) for number in (0, 1, 2, 4)
    ]
    assert tapped == [(b"%d" % number, "opus", 48000, number * 960, True) for number in (0, 1, 2, 4)]
    assert counters.packets_given_up == 1
    assert buffer._timer is None
    queue.put(None)
    late = RtpPacket(payload_type=96, sequence_number=9, timestamp=9 * 960)
    late._data = b"9"
    buffer.add(late)
    assert buffer._timer is None, "a timer would outlive the receiver"
    await pc.close()


def test_what_the_fence_knows_of_sound():
    """A codec tells its clock rate, and the buffer aiortc gives sound is the one replaced."""
    from aiortc.codecs import CODECS

    assert {c.name: c.clockRate for c in CODECS["audio"]}["opus"] == 48000, WHY
    init = inspect.getsource(RTCRtpReceiver.__init__)
    assert "self.__jitter_buffer = JitterBuffer(capacity=16, prefetch=4)" in init, WHY


async def test_a_bye_does_not_end_the_receiver(receiver):
    """After a BYE the decoder queue still takes frames: a source may be switched on again."""
    queue = _aiortc.bound_decoder(receiver, video=True)
    receiver._RTCRtpReceiver__decoder_thread = threading.Thread(target=lambda: None)
    await receiver._handle_rtcp_packet(RtcpByePacket(sources=[1]))
    assert receiver._RTCRtpReceiver__decoder_thread is not None
    receiver._RTCRtpReceiver__decoder_thread = None
    queue.put("frame")
    assert queue.get() == "frame"


async def test_a_receiver_that_runs_is_refused(receiver):
    """Installing too late would leave aiortc's own queue in use, so it raises."""
    receiver._RTCRtpReceiver__decoder_thread = threading.Thread(target=lambda: None)
    with pytest.raises(RuntimeError, match="track event"):
        _aiortc.release_at_marker(receiver)
    receiver._RTCRtpReceiver__decoder_thread = None


def test_vp8_frames_of_aiortc_end_with_a_marker():
    """aiortc's own sender marks the last packet, as the simulated peer relies on."""
    from aiortc.rtcrtpsender import RTCRtpSender

    assert "packet.marker = (i == len(enc_frame.payloads) - 1) and 1 or 0" in inspect.getsource(
        RTCRtpSender._run_rtp
    )
    assert Vp8Encoder is not None


async def test_the_progress_and_the_chunks_of_a_data_channel(monkeypatch):
    """A transport tells what was acknowledged and what waits, and has its chunk size in its module."""
    pc = peer()
    assert _aiortc.read_sctp_progress(pc) is None
    pc.createDataChannel("chat")
    assert pc.sctp is not None
    assert _aiortc.read_sctp_progress(pc) == (pc.sctp._last_sacked_tsn, False), WHY
    assert isinstance(pc.sctp._sent_queue, deque), WHY
    assert isinstance(pc.sctp._outbound_queue, deque), WHY
    assert 1100 <= sctp.USERDATA_MAX_LENGTH <= 1200, WHY
    monkeypatch.setattr(sctp, "USERDATA_MAX_LENGTH", sctp.USERDATA_MAX_LENGTH)  # put back afterwards
    _aiortc.cut_messages(800)
    assert sctp.USERDATA_MAX_LENGTH == 800
    await pc.close()


async def test_sender_reports_are_told_without_those_of_retransmissions(receiver):
    """A report of the media stream is handed on with its moment; an empty one and another stream's are not."""
    told = []
    receiver._RTCRtpReceiver__rtx_ssrc[5] = 4
    _aiortc.bound_decoder(receiver, video=True)
    _aiortc.watch_sender_reports(receiver, told.append)
    for ssrc, ntp_timestamp in ((4, 0), (5, 7 << 32), (4, (7 << 32) + (1 << 31))):
        info = RtcpSenderInfo(ntp_timestamp=ntp_timestamp, rtp_timestamp=90, packet_count=1, octet_count=1)
        await receiver._handle_rtcp_packet(RtcpSrPacket(ssrc=ssrc, sender_info=info))
    assert [(report.rtp_timestamp, report.ntp_s) for report in told] == [(90, 7.5)]
    assert receiver._RTCRtpReceiver__lsr[4] == (7 << 16) + (1 << 15), (
        "aiortc has it, too, for its own reports"
    )


async def test_the_rtp_timestamp_of_the_first_frame_is_known(receiver):
    """What became pts 0 can be laid beside a sender report's RTP timestamp."""
    assert _aiortc.rtp_origin(receiver) is None
    _aiortc.release_at_marker(receiver)
    assert _aiortc.rtp_origin(receiver) is None
    buffer = receiver._RTCRtpReceiver__jitter_buffer
    buffer._timestamps.unwrap(2**32 - 10)
    buffer._timestamps.unwrap(20)
    assert _aiortc.rtp_origin(receiver) == 2**32 - 10


async def test_a_sender_tells_that_a_keyframe_is_wanted():
    """PLI and FIR reach the fence, packets are packed without a look at them, and the codec is known."""
    pc = peer()
    transceiver = pc.addTransceiver("video", "sendonly")
    assert _aiortc.sending_codec(transceiver) is None
    await pc.createOffer()
    assert _aiortc.sending_codec(transceiver) == "VP8", WHY
    asked: list[bool] = []
    own = _aiortc.watch_keyframe_requests(transceiver.sender, lambda: asked.append(True))
    for fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
        await transceiver.sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=fmt, ssrc=1, media_ssrc=2))
    assert asked == [True, True], WHY
    assert transceiver.sender._RTCRtpSender__force_keyframe, WHY
    transceiver.sender._RTCRtpSender__force_keyframe = False
    own()
    assert transceiver.sender._RTCRtpSender__force_keyframe, WHY
    next_frame = inspect.getsource(RTCRtpSender._next_encoded_frame)
    assert "payloads, timestamp = self.__encoder.pack(data)" in next_frame, WHY
    await pc.close()


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_the_encoder_of_one_sender_follows_a_bitrate_of_its_own(codec):
    """It goes beyond the constants of aiortc's module, hears REMB, and other senders' encoders stay as they were."""
    pc = peer()
    sender, other = (pc.addTransceiver("video", "sendonly").sender for _ in range(2))
    assert sender._RTCRtpSender__encoder is None, WHY
    bitrate = VideoBitrate(6_000_000)
    assert _aiortc.use_bitrate(sender, codec, bitrate)
    encoder = sender._RTCRtpSender__encoder
    assert encoder.target_bitrate == 6_000_000
    for estimated_bps, target_bps in ((3_000_000, 3_000_000), (9_000_000, 6_000_000)):
        fci = pack_remb_fci(estimated_bps, [sender._ssrc])
        await sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=fci))
        assert encoder.target_bitrate == pytest.approx(target_bps, rel=0.01), WHY
    picture = av.VideoFrame(64, 64, "yuv420p")
    picture.pts, picture.time_base = 0, Fraction(1, 90_000)
    encoder.encode(picture)
    assert encoder.codec.bit_rate == 6_000_000, WHY
    assert other._RTCRtpSender__encoder is None
    own, usual = (Vp8Encoder(), VP8_RANGE) if codec == "VP8" else (H264Encoder(), H264_RANGE)
    assert own.target_bitrate == usual.start_bps, WHY
    own.target_bitrate = 6_000_000
    assert own.target_bitrate == usual.most_bps, "upstream has moved its cap: the fence's encoders may go"
    assert "self.__encoder is None" in inspect.getsource(RTCRtpSender._next_encoded_frame), WHY
    assert '"bufsize": str(self.__target_bitrate)' in inspect.getsource(Vp8Encoder.encode), WHY
    assert not _aiortc.use_bitrate(sender, "opus", bitrate)
    await pc.close()


async def test_what_a_sender_encodes_can_be_had():
    """The tap gets each encoded picture whole, with its timestamp, and the sender gets the same as before."""
    from fractions import Fraction

    import av
    from aiortc.codecs import CODECS
    from aiortc.mediastreams import VideoStreamTrack

    class Black(VideoStreamTrack):
        pts = 0

        async def recv(self):
            frame = av.VideoFrame(640, 480, "yuv420p")
            frame.pts, frame.time_base = self.pts, Fraction(1, 90000)
            self.pts += 3000
            return frame

    assert list(inspect.signature(RTCRtpSender._next_encoded_frame).parameters) == ["self", "codec"], WHY
    assert "await self._next_encoded_frame(codec)" in inspect.getsource(RTCRtpSender._run_rtp), WHY
    pc, seen = peer(), []
    sender = pc.addTransceiver(Black(), "sendonly").sender
    codec = next(c for c in CODECS["video"] if c.name == "VP8")
    _aiortc.tap_sender(sender, lambda: seen.append)
    sent = [await sender._next_encoded_frame(codec) for _ in range(2)]
    _aiortc.request_own_keyframe(sender)
    sent.append(await sender._next_encoded_frame(codec))
    assert [one.pts for one in seen] == [one.timestamp for one in sent]
    assert [one.keyframe for one in seen] == [True, False, True]
    decoder = av.CodecContext.create("vp8", "r")
    assert all(decoder.decode(av.Packet(one.content)) for one in seen)
    await pc.close()


def test_how_codecs_get_their_threads():
    """An encoder asks a function of its module before it is opened; a receiver's thread makes its decoder by one."""
    encode = inspect.getsource(Vp8Encoder.encode)
    assert "self.codec.thread_count = number_of_threads(" in encode, WHY
    assert "decoder = get_decoder(codec)" in inspect.getsource(upstream.decoder_worker), WHY
    assert 'self.codec = av.CodecContext.create("libx264", "w")' in inspect.getsource(H264Encoder), WHY


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_a_small_quota_means_few_threads(codec, monkeypatch):
    """Encoders and decoders of a big picture have one thread where there is one processor, whatever the machine has."""
    monkeypatch.setattr("multiprocessing.cpu_count", lambda: 64)
    monkeypatch.setattr("smallrtc_lab.rtc._aiortc.sending.codec_threads", lambda: 1)
    frame = av.VideoFrame(1280, 720, "yuv420p")
    frame.pts, frame.time_base = 0, Fraction(1, 90_000)
    parameters = RTCRtpCodecParameters(mimeType=f"video/{codec}", clockRate=90_000, payloadType=97)
    pc = peer()
    try:
        for most, expected in ((1, 1), (4, 2)):  # aiortc gives two to this size
            _aiortc.limit_threads(most)
            sender = pc.addTransceiver("video").sender
            _aiortc.use_bitrate(sender, codec, VideoBitrate())
            encoder = sender._RTCRtpSender__encoder
            encoder.encode(frame)
            assert encoder.codec.thread_count == (expected if codec == "VP8" else 1)
            assert upstream.get_decoder(parameters).codec.thread_count == most
    finally:
        _aiortc.limit_threads(64)
        await pc.close()
