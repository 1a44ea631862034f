using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>How far the source of a direction is.</summary>
internal enum SourceState
{
    /// <summary>It may send more.</summary>
    Open,

    /// <summary>It has sent END_STREAM; its last message is still being rewritten.</summary>
    Ended,

    /// <summary>All that will be sent on is pending.</summary>
    Complete,
}

/// <summary>
/// One direction of a call: what came from its source and has not been made into messages, what waits to be sent on, and both windows.
/// The session's gate guards it. secrets: messages on their way, wiped as they go.
/// </summary>
internal sealed class StreamLeg : OutgoingMessage
{
    internal StreamLeg(ProxyStream stream, EtcdMessage kind, int sendWindow)
        : base(sendWindow)
    {
        Stream = stream;
        Kind = kind;
    }

    internal ProxyStream Stream { get; }

    /// <summary>The number of the stream where it comes from.</summary>
    internal int SourceId => this == Stream.Request ? Stream.Id : Stream.EtcdId;

    internal override bool IsGone => Stream.Gone;

    internal override int DestinationId => this == Stream.Request ? Stream.EtcdId : Stream.Id;

    /// <summary>What its messages are; <see cref="EtcdMessage.Opaque"/> when bytes are sent on as they come.</summary>
    internal EtcdMessage Kind { get; }

    /// <summary>Received, not yet a whole message. Null until there is some.</summary>
    internal ByteQueue? Received { get; set; }

    /// <summary>To be sent. Null until there is some.</summary>
    internal ByteQueue? ToSend { get; set; }

    internal override int PendingLength => ToSend?.Length ?? 0;

    internal override ReadOnlySpan<byte> Pending => ToSend is { } queue ? queue.Span : [];

    /// <summary>What the source may still send.</summary>
    internal int ReceiveWindow { get; set; } = FlowControl.StreamWindow;

    /// <summary>What was taken from the source and not granted again.</summary>
    internal int Ungranted { get; set; }

    /// <summary>What content-length said that is still to come; null when it said nothing.</summary>
    internal long? Announced { get; set; }

    /// <summary>How far its source is.</summary>
    internal SourceState Source { get; private set; }

    /// <summary>The source has sent END_STREAM, or nothing that it sends counts any more.</summary>
    internal bool SourceEnded => Source >= SourceState.Ended;

    internal override bool Complete => Source == SourceState.Complete;

    /// <summary>A message of <see cref="Received"/> is being rewritten, outside the gate: it must stay.</summary>
    internal bool Busy { get; set; }

    internal override void Consume(int count) => ToSend!.Consume(count);

    /// <summary>The only way from one state to the next: forward.</summary>
    internal void MoveSourceTo(SourceState state) => Source = state > Source ? state : Source;
}
