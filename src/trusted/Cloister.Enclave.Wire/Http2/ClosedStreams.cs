namespace Cloister.Enclave.Wire.Http2;

/// <summary>How a stream ended, from where its peer stands: what the peer still sends on it is judged by that. Source: RFC 9113, section 5.1.</summary>
internal enum StreamEnd
{
    /// <summary>Not known: never opened, or too long ago.</summary>
    Unknown,

    /// <summary>Both sent END_STREAM.</summary>
    Finished,

    /// <summary>The peer reset it.</summary>
    ResetByPeer,

    /// <summary>It was reset or refused here, which the peer may not know yet.</summary>
    ResetHere,
}

/// <summary>The last streams of a connection that are over. Not thread-safe. secrets: none.</summary>
internal sealed class ClosedStreams
{
    private const int Capacity = 1024;

    private readonly (int Id, StreamEnd End)[] _last = new (int, StreamEnd)[Capacity];

    internal void Add(int streamId, StreamEnd end) => _last[Place(streamId)] = (streamId, end);

    internal StreamEnd Find(int streamId) => _last[Place(streamId)] is var (id, end) && id == streamId ? end : StreamEnd.Unknown;

    /// <summary>What the peer did wrong by DATA or HEADERS on a stream that is over; null: it did not know yet.</summary>
    /// <exception cref="Http2Exception">It had said itself that nothing more comes.</exception>
    internal PeerFault? Late(int streamId) => Find(streamId) switch
    {
        StreamEnd.Finished => throw new Http2Exception(PeerFault.FrameAfterEnd),
        StreamEnd.ResetByPeer => PeerFault.FrameAfterReset,
        _ => null,
    };

    // A client's numbers are odd, so neighbours have places of their own.
    private static int Place(int streamId) => (streamId >> 1) & (Capacity - 1);
}
