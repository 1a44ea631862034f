using Cloister.Enclave.Gateway.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// One side of a session: the connection to a peer, its windows, and what waits to be sent to it. Frames that are not DATA are written at
/// once into a buffer; DATA is taken from the legs that end here when the buffer is sent, in turn, as far as the windows go.
/// The session's gate guards it. secrets: DATA in its buffers, wiped once sent.
/// </summary>
internal sealed class Link
{
    // One write to the socket, about.
    private const int BatchSize = 64 * 1024;

    private readonly Lock _gate;
    private readonly Lock _sending = new();
    private readonly Queue<StreamLeg> _ready = [];
    private FrameWriter _output = new();
    private FrameWriter _spare = new();
    private long _sendWindow = FlowControl.DefaultWindow;
    private int _receiveWindow = FlowControl.DefaultWindow;
    private int _ungranted;
    private bool _tableLeft;

    internal Link(Stream stream, Lock gate, bool toServer)
    {
        Connection = stream;
        _gate = gate;
        Settings = new PeerSettings(ofServer: toServer);
    }

    internal Stream Connection { get; }

    internal PeerSettings Settings { get; }

    /// <summary>Its streams that are over.</summary>
    internal ClosedStreams Closed { get; } = new();

    /// <summary>Frames to this peer that are not DATA.</summary>
    internal FrameWriter Output => _output;

    /// <summary>Called for a leg whose pending bytes became fewer, or that is finished.</summary>
    internal required Action<StreamLeg> Sent { get; init; }

    /// <summary>HEADERS of a whole block.</summary>
    internal void Headers(int streamId, bool endsStream, byte[] block)
    {
        if (Settings.TableShrunk && !_tableLeft)
        {
            // A peer that makes its table smaller waits for a word that ours is not larger. Ours is empty from here on. Source: RFC 7541, section 4.2.
            _tableLeft = true;
            block = [0x20, .. block];
        }

        _output.Frame(FrameType.Headers, (byte)(FrameHeader.EndHeaders | (endsStream ? FrameHeader.EndStream : 0)), streamId, block);
    }

    /// <summary>Makes the connection's window as large as it stays.</summary>
    internal void OpenWindow()
    {
        _output.WindowUpdate(0, FlowControl.ConnectionWindow - _receiveWindow);
        _receiveWindow = FlowControl.ConnectionWindow;
    }

    /// <summary>Counts received DATA, padding and all, and grants it again: streams are what bounds memory.</summary>
    internal void Received(int length)
    {
        _receiveWindow -= length;
        if (_receiveWindow < 0)
        {
            throw new Http2Exception(Http2ErrorCode.FlowControlError, "more DATA than the connection's window");
        }

        _ungranted += length;
        if (_ungranted >= FlowControl.ConnectionWindow / 4)
        {
            _output.WindowUpdate(0, _ungranted);
            _receiveWindow += _ungranted;
            _ungranted = 0;
        }
    }

    /// <summary>The peer takes more on the connection.</summary>
    internal void Granted(int increment)
    {
        _sendWindow += increment;
        if (increment == 0 || _sendWindow > int.MaxValue)
        {
            throw new Http2Exception(
                increment == 0 ? Http2ErrorCode.ProtocolError : Http2ErrorCode.FlowControlError, "WINDOW_UPDATE of zero, or past the largest window");
        }
    }

    /// <summary>Lets a leg send, when it can.</summary>
    internal void Ready(StreamLeg leg)
    {
        if (!leg.Queued && leg.CanSend)
        {
            leg.Queued = true;
            _ready.Enqueue(leg);
        }
    }

    /// <summary>Sends what can be sent. Outside the gate: it may wait for the peer.</summary>
    /// <returns>True when there was something.</returns>
    internal bool Flush()
    {
        bool any = false;
        lock (_sending)
        {
            while (true)
            {
                FrameWriter batch;
                lock (_gate)
                {
                    TakeData();
                    if (_output.Length == 0)
                    {
                        return any;
                    }

                    batch = _output;
                    (_output, _spare) = (_spare, _output);
                }

                try
                {
                    Connection.Write(batch.Written);
                }
                finally
                {
                    batch.Clear();
                }

                any = true;
            }
        }
    }

    // Each ready leg sends one frame and stands at the end again, so that none waits for a long one.
    private void TakeData()
    {
        for (int turns = _ready.Count; _output.Length < BatchSize && _ready.TryPeek(out StreamLeg? leg); turns--)
        {
            if (leg.Stream.Gone || !leg.CanSend)
            {
                leg.Queued = false;
                _ready.Dequeue();
                continue;
            }

            if (leg.PendingLength > 0 && _sendWindow == 0)
            {
                // Others may have nothing but their end to send.
                if (turns <= 0)
                {
                    return;
                }

                _ready.Enqueue(_ready.Dequeue());
                continue;
            }

            _ready.Dequeue();
            leg.Queued = false;
            SendOne(leg);
            Ready(leg);
            Sent(leg);
        }
    }

    private void SendOne(StreamLeg leg)
    {
        int id = leg.Stream.Id;
        if (leg.Pending is { Length: > 0 } pending)
        {
            int length = (int)Math.Min(Math.Min(pending.Length, FrameReader.MaxPayload), Math.Min(leg.SendWindow, _sendWindow));
            bool last = length == pending.Length && leg is { Complete: true, Trailers: null };
            _output.Frame(FrameType.Data, last ? FrameHeader.EndStream : (byte)0, id, pending.Span[..length]);
            pending.Consume(length);
            leg.SendWindow -= length;
            _sendWindow -= length;
            leg.Ended = last;
        }
        else if (leg is { Complete: true, Trailers: { } trailers })
        {
            Headers(id, endsStream: true, trailers);
            leg.Ended = true;
        }
        else if (leg.Complete)
        {
            _output.Frame(FrameType.Data, FrameHeader.EndStream, id, default);
            leg.Ended = true;
        }

        if (leg is { PendingLength: 0, Reset: { } code } && (leg.Ended || !leg.Complete))
        {
            _output.RstStream(id, code);
            leg.Ended = true;
        }
    }
}
