namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// What is sent on one stream, in the order: pending bytes as DATA, trailers or the end of the stream, a reset. A link sends it as far as the windows go.
/// The gate of its session guards it. secrets: what is pending.
/// </summary>
internal abstract class OutgoingMessage
{
    /// <param name="sendWindow">Bytes that the peer takes on a new stream.</param>
    private protected OutgoingMessage(int sendWindow)
    {
        SendWindow = sendWindow;
    }

    /// <summary>Its stream is over: nothing is sent any more.</summary>
    internal abstract bool IsGone { get; }

    /// <summary>The number of the stream where it goes to.</summary>
    internal abstract int DestinationId { get; }

    internal abstract int PendingLength { get; }

    internal abstract ReadOnlySpan<byte> Pending { get; }

    /// <summary>Nothing more will be added to what is pending.</summary>
    internal abstract bool Complete { get; }

    /// <summary>What the destination takes; below zero after it made its windows smaller.</summary>
    internal long SendWindow { get; set; }

    /// <summary>Headers that end the message, sent after what is pending.</summary>
    internal List<HeaderField>? Trailers { get; set; }

    /// <summary>A reset that follows what is pending.</summary>
    internal Http2ErrorCode? Reset { get; set; }

    /// <summary>END_STREAM was sent to the destination, or nothing goes there any more.</summary>
    internal bool Ended { get; set; }

    /// <summary>It stands in its destination's queue.</summary>
    internal bool Queued { get; set; }

    /// <summary>Bytes that were sent on so far.</summary>
    internal long Sent { get; set; }

    /// <summary>How many they were when somebody looked, and when they last were others.</summary>
    internal (long Sent, long At) Seen { get; set; } = (0, Environment.TickCount64);

    /// <summary>Something can be sent, as far as the stream's own window goes.</summary>
    internal bool CanSend => !Ended && (PendingLength > 0 ? SendWindow > 0 : Complete || Reset is not null);

    /// <summary>So many of the pending bytes are on their way.</summary>
    internal abstract void Consume(int count);

    /// <summary>Makes it a new one, on a stream that takes so many bytes.</summary>
    private protected void Begin(int sendWindow)
    {
        (SendWindow, Ended, Queued, Sent) = (sendWindow, false, false, 0);
        (Trailers, Reset, Seen) = (null, null, (0, Environment.TickCount64));
    }
}
