namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// What one side of a session does with the frames that its peer sends; their form and order are checked. Called by one thread, outside the session's
/// gate unless said otherwise. secrets: DATA passes through.
/// </summary>
internal interface IFrameHandler
{
    /// <summary>The connection to the peer.</summary>
    Link From { get; }

    /// <summary>DATA, its padding unchecked.</summary>
    void OnData(FrameHeader header, ReadOnlySpan<byte> payload);

    /// <summary>A whole header block; the list is used again afterwards.</summary>
    void OnHeaders(int streamId, List<HeaderField> fields, bool endsStream);

    /// <summary>WINDOW_UPDATE of a stream.</summary>
    void OnWindowUpdate(int streamId, int increment);

    void OnRstStream(int streamId, Http2ErrorCode code);

    /// <summary>A frame of that length should not be on that stream.</summary>
    void OnWrongSize(int streamId, PeerFault fault);

    /// <summary>The peer changed its window for streams by so much. Within the gate, as what follows.</summary>
    void OnWindowChange(long difference);

    void OnGoAway(int lastStreamId, ReadOnlySpan<byte> payload);

    void OnPing(bool ack, ReadOnlySpan<byte> payload);

    /// <summary>Counts a frame that costs its sender nothing. Within the gate or not.</summary>
    /// <exception cref="Http2Exception">There were too many.</exception>
    void CountIdleWork();
}
