"""The fence: the only place that touches what aiortc and aioice keep private.

Written against aiortc 1.16 and aioice 0.13; ``tests/unit/test_rtc_aiortc.py`` fails loudly when one of the
names below changes. Everything is done to one instance, never to a module, but for one constant and two functions that
aiortc reads from its modules wherever they are used. Each touch, and when it can go:

==================================================  ====================================================
touch                                               can go when
==================================================  ====================================================
``RTCRtpReceiver.__jitter_buffer``                  aiortc releases a video frame at its marker bit, and
                                                    sound without holding 4 packets, 16 after a loss
``RTCRtpReceiver.__decoder_queue``                  that queue is bounded (aiortc issue 283: ``stop`` joins
                                                    the thread on the loop, behind everything queued)
``RTCRtpReceiver.__codecs``                         with the jitter buffer
``RTCRtpReceiver.__remote_streams, __rtx_ssrc``     ``getStats`` tells a stream from its retransmissions
``RTCRtpReceiver.__decoder_thread``                 (only asked whether it exists)
``RTCRtpReceiver.__nack_generator``                 lost packets are asked for more than once
``RTCDtlsTransport._rtp_router.ssrc_table``         retransmissions find their receiver also when two sections
                                                    have the same payload types
``RTCRtpReceiver._send_rtcp_pli``                   there is a public way to ask for a keyframe
``RTCRtpSender._send_keyframe``                     a track of packets is told that a receiver asks for a
                                                    keyframe
``RTCRtpSender.__encoder`` and                      the range of bitrates is a setting of a sender (aiortc
``Vp8Encoder.__target_bitrate``                     issues 402 and 1159)
``RTCRtpSender._next_encoded_frame``                what is sent can be had encoded (W3C encoded transform)
``RTCRtpTransceiver._codecs``                       there is a public way to see what was negotiated
``RTCRtpReceiver._handle_rtcp_packet``              a BYE no longer ends a receiver for ever, and sender reports
                                                    can be read
``RemoteStreamTrack._queue``                        that queue is bounded
``RTCIceGatherer._connection`` and, of aioice,      aioice offers 127.0.0.1 when asked, takes a gathering
``get_component_candidates``, ``_nominated``,       deadline, and tells the selected pair and those tried
``_check_list``
``RTCSctpTransport._srtt``                          ``getStats`` of the data channel's transport has it
``RTCSctpTransport._last_sacked_tsn``, and its      there is a public way to see that what was sent is taken
queues ``_sent_queue``, ``_outbound_queue``
``rtcsctptransport.USERDATA_MAX_LENGTH``            the size of a chunk is a setting of aiortc's
``vpx.number_of_threads`` and                       codecs have the threads that a container's quota has room for
``rtcrtpreceiver.get_decoder``
==================================================  ====================================================
"""

from __future__ import annotations

from .connecting import (
    PairTypes,
    TriedPair,
    add_loopback_candidate,
    cap_gathering,
    cut_messages,
    read_sctp_progress,
    read_sctp_rtt_s,
    selected_pair,
    tried_pairs,
)
from .receiving import ReportedTime, StreamCounters, deliver_to, read_counters, watch_sender_reports
from .releasing import (
    VIDEO_QUEUE_FRAMES,
    EncodedHook,
    bound_decoder,
    end_decoder,
    queue_dropped,
    release_at_marker,
    release_in_order,
    request_keyframe,
    rtp_origin,
)
from .retransmissions import ask_for_lost_packets
from .sending import request_own_keyframe, sending_codec, tap_sender, use_bitrate, watch_keyframe_requests
from .threads import limit_threads

__all__ = [
    "VIDEO_QUEUE_FRAMES",
    "EncodedHook",
    "PairTypes",
    "ReportedTime",
    "StreamCounters",
    "TriedPair",
    "add_loopback_candidate",
    "ask_for_lost_packets",
    "bound_decoder",
    "cap_gathering",
    "cut_messages",
    "deliver_to",
    "end_decoder",
    "limit_threads",
    "queue_dropped",
    "read_counters",
    "read_sctp_progress",
    "read_sctp_rtt_s",
    "release_at_marker",
    "release_in_order",
    "request_keyframe",
    "request_own_keyframe",
    "rtp_origin",
    "selected_pair",
    "sending_codec",
    "tap_sender",
    "tried_pairs",
    "use_bitrate",
    "watch_keyframe_requests",
    "watch_sender_reports",
]
