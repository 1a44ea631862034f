using Cloister.Enclave.Gateway.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// One direction of a call: what came from its source and has not been made into messages, what waits to be sent on, and both windows.
/// The session's gate guards it. secrets: messages on their way, wiped as they go.
/// </summary>
internal sealed class StreamLeg
{
    internal StreamLeg(ProxyStream stream, EtcdMessage kind, int sendWindow)
    {
        Stream = stream;
        Kind = kind;
        SendWindow = sendWindow;
    }

    internal ProxyStream Stream { get; }

    /// <summary>The number of the stream where it comes from.</summary>
    internal int SourceId => this == Stream.Request ? Stream.Id : Stream.EtcdId;

    /// <summary>The number of the stream where it goes to.</summary>
    internal int DestinationId => this == Stream.Request ? Stream.EtcdId : Stream.Id;

    /// <summary>What its messages are; <see cref="EtcdMessage.Opaque"/> when bytes are sent on as they come.</summary>
    internal EtcdMessage Kind { get; }

    /// <summary>Received, not yet a whole message. Null until there is some.</summary>
    internal ByteQueue? Received { get; set; }

    /// <summary>To be sent. Null until there is some.</summary>
    internal ByteQueue? Pending { get; set; }

    /// <summary>What the destination takes; below zero after it made its windows smaller.</summary>
    internal long SendWindow { get; set; }

    /// <summary>What the source may still send.</summary>
    internal int ReceiveWindow { get; set; } = FlowControl.StreamWindow;

    /// <summary>What was taken from the source and not granted again.</summary>
    internal int Ungranted { get; set; }

    /// <summary>What content-length said that is still to come; null when it said nothing.</summary>
    internal long? Announced { get; set; }

    /// <summary>The source has sent END_STREAM.</summary>
    internal bool SourceEnded { get; set; }

    /// <summary>Nothing more will be added to what is pending.</summary>
    internal bool Complete { get; set; }

    /// <summary>Headers that end the message, sent after what is pending.</summary>
    internal List<HeaderField>? Trailers { get; set; }

    /// <summary>A reset that follows what is pending.</summary>
    internal Http2ErrorCode? Reset { get; set; }

    /// <summary>END_STREAM was sent to the destination, or nothing goes there any more.</summary>
    internal bool Ended { get; set; }

    /// <summary>It stands in its destination's queue.</summary>
    internal bool Queued { get; set; }

    /// <summary>A message of <see cref="Received"/> is being rewritten, outside the gate: it must stay.</summary>
    internal bool Busy { get; set; }

    /// <summary>Bytes that were sent on so far.</summary>
    internal long Sent { get; set; }

    /// <summary>How many they were when somebody looked, and when they last were others.</summary>
    internal (long Sent, long At) Seen { get; set; } = (0, Environment.TickCount64);

    internal int PendingLength => Pending?.Length ?? 0;

    /// <summary>Something can be sent, as far as the stream's own window goes.</summary>
    internal bool CanSend => !Ended && (PendingLength > 0 ? SendWindow > 0 : Complete || Reset is not null);
}
