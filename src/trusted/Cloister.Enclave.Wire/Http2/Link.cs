namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// One side of a session: the connection to a peer, its windows, and what waits to be sent to it. Frames that are not DATA are written at
/// once into a buffer; DATA is taken from the messages that wait when the buffer is sent, in turn, as far as the windows go.
/// The session's gate guards it. secrets: DATA in its buffers, wiped once sent.
/// </summary>
internal sealed class Link
{
    // One write to the socket, about.
    private const int BatchSize = 64 * 1024;

    // PINGs whose answers wait; more are answered at once.
    private const int MaxWaiting = 8;
    private const int PingSize = 8;
    private const int PingMilliseconds = 20;

    // A peer that measures its connection while so much goes to it makes its windows larger by what it finds: it is not kept waiting.
    private const int MuchData = 64 * 1024;

    private readonly Lock _gate;
    private readonly Queue<OutgoingMessage> _ready = [];
    private readonly HpackEncoder _hpack = new();
    private FrameWriter _output = new();
    private FrameWriter _spare = new();
    private long _sendWindow = FlowControl.DefaultWindow;
    private int _receiveWindow = FlowControl.DefaultWindow;
    private int _ungranted;
    private bool _sending;
    private bool _broken;
    private readonly byte[] _pings = new byte[MaxWaiting * PingSize];
    private int _pingsWaiting;
    private long _pingsDue;
    private long _dataSincePing;

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

    /// <summary>Bytes of frames that wait; looked at without the gate, so of a moment ago.</summary>
    internal int Backlog => _output.Length;

    /// <summary>Called for a message whose pending bytes became fewer, or that is finished.</summary>
    internal required Action<OutgoingMessage> Sent { get; init; }

    /// <summary>HEADERS of a whole block.</summary>
    internal void Headers(int streamId, bool endsStream, List<HeaderField> fields) =>
        _output.Frame(FrameType.Headers, (byte)(FrameHeader.EndHeaders | (endsStream ? FrameHeader.EndStream : 0)), streamId, _hpack.Encode(fields));

    /// <summary>The peer's settings changed.</summary>
    internal void Apply(ReadOnlySpan<byte> settings)
    {
        Settings.Apply(settings);

        // One frame may change it several times: a peer that went back to what it was expects to hear of that too. Source: RFC 7541, section 4.2.
        _hpack.Resize(Settings.LargestTableSize);
        _hpack.Resize(Settings.SmallestTableSize);
        _hpack.Resize(Settings.TableSize);
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
            throw new Http2Exception(PeerFault.ConnectionWindowExceeded);
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
            throw new Http2Exception(increment == 0 ? PeerFault.EmptyWindowUpdate : PeerFault.WindowTooLarge);
        }
    }

    /// <summary>The peer takes more of a message.</summary>
    /// <returns>What it did wrong; null: nothing.</returns>
    internal PeerFault? Granted(OutgoingMessage message, int increment)
    {
        message.SendWindow += increment;
        PeerFault? fault = increment == 0 ? PeerFault.EmptyWindowUpdate : message.SendWindow > int.MaxValue ? PeerFault.WindowTooLarge : null;
        if (fault is null)
        {
            Ready(message);
        }

        return fault;
    }

    /// <summary>The peer changed its window for streams.</summary>
    /// <exception cref="Http2Exception">It is too large for this message.</exception>
    internal void Widened(OutgoingMessage message, long difference)
    {
        message.SendWindow += difference;
        if (message.SendWindow > int.MaxValue)
        {
            throw new Http2Exception(PeerFault.WindowsTooLarge);
        }

        Ready(message);
    }

    /// <summary>A whole answer without a call; what the request still sends is not read.</summary>
    internal void Answer(int streamId, List<HeaderField> headers, bool requestEnded)
    {
        Headers(streamId, endsStream: true, headers);
        Closed.Add(streamId, requestEnded ? StreamEnd.Finished : StreamEnd.ResetHere);
        if (!requestEnded)
        {
            _output.RstStream(streamId, Http2ErrorCode.NoError);
        }
    }

    /// <summary>Lets a message send, when it can.</summary>
    internal void Ready(OutgoingMessage message)
    {
        if (!message.Queued && message.CanSend)
        {
            message.Queued = true;
            _ready.Enqueue(message);
        }
    }

    /// <summary>
    /// Answers a PING, in a moment unless much is sent to the peer: gRPC in Go sends the next one only then, so that not every call brings
    /// its own. Within the gate.
    /// </summary>
    /// <returns>True when the answer waits, for whatever is sent later or for <see cref="AnswerPings"/>.</returns>
    internal bool AnswerLater(ReadOnlySpan<byte> payload)
    {
        if (_dataSincePing >= MuchData || _pingsWaiting == MaxWaiting)
        {
            _dataSincePing = 0;
            _output.Frame(FrameType.Ping, FrameHeader.Ack, 0, payload);
            return false;
        }

        _pingsDue = _pingsWaiting == 0 ? Environment.TickCount64 + PingMilliseconds : _pingsDue;
        payload.CopyTo(_pings.AsSpan(_pingsWaiting++ * PingSize, PingSize));
        return true;
    }

    /// <summary>Answers what waits. Within the gate.</summary>
    internal void AnswerPings()
    {
        for (int i = 0; i < _pingsWaiting; i++)
        {
            _output.Frame(FrameType.Ping, FrameHeader.Ack, 0, _pings.AsSpan(i * PingSize, PingSize));
        }

        _pingsWaiting = 0;
        _dataSincePing = 0;
    }

    /// <summary>
    /// Sends what can be sent. Outside the gate: it may wait for the peer. Where another thread is sending already, that one takes along
    /// what is here, and this one goes on.
    /// </summary>
    /// <param name="may">Asked before each write, for who may not wait for the peer: false leaves what is here for whoever sends next.</param>
    /// <returns>True when this thread sent something.</returns>
    internal bool Flush(Func<bool>? may = null)
    {
        for (bool mine = false; ; mine = true)
        {
            FrameWriter batch;
            lock (_gate)
            {
                if (_broken)
                {
                    throw new IOException("the peer takes nothing more");
                }

                if (_sending && !mine)
                {
                    return false;
                }

                if (_pingsWaiting > 0 && Environment.TickCount64 >= _pingsDue)
                {
                    AnswerPings();
                }

                TakeData();
                _sending = _output.Length > 0;
                if (!_sending)
                {
                    return mine;
                }

                if (may?.Invoke() == false)
                {
                    _sending = false;
                    return mine;
                }

                batch = _output;
                (_output, _spare) = (_spare, _output);
            }

            bool sent = false;
            try
            {
                Connection.Write(batch.Written);
                sent = true;
            }
            finally
            {
                batch.Clear();
                if (!sent)
                {
                    StopSending();
                }
            }
        }
    }

    /// <summary>As <see cref="Flush"/>, and waits while another thread is sending, for so long.</summary>
    internal void FlushAll(int milliseconds)
    {
        long end = Environment.TickCount64 + milliseconds;
        while (!Flush() && IsSending() && Environment.TickCount64 < end)
        {
            Thread.Sleep(1);
        }
    }

    private bool IsSending()
    {
        lock (_gate)
        {
            return _sending;
        }
    }

    private void StopSending()
    {
        lock (_gate)
        {
            // A part of it may have left.
            _sending = false;
            _broken = true;
        }
    }

    // Each ready message sends one frame and stands at the end again, so that none waits for a long one.
    private void TakeData()
    {
        for (int turns = _ready.Count; _output.Length < BatchSize && _ready.TryPeek(out OutgoingMessage? message); turns--)
        {
            if (message.IsGone || !message.CanSend)
            {
                message.Queued = false;
                _ready.Dequeue();
                continue;
            }

            if (message.PendingLength > 0 && _sendWindow == 0)
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
            message.Queued = false;
            SendOne(message);
            Ready(message);
            Sent(message);
        }
    }

    private void SendOne(OutgoingMessage message)
    {
        int id = message.DestinationId;
        if (message.PendingLength is > 0 and var pending)
        {
            int length = (int)Math.Min(Math.Min(pending, FrameReader.MaxPayload), Math.Min(message.SendWindow, _sendWindow));
            bool last = length == pending && message is { Complete: true, Trailers: null };
            _output.Frame(FrameType.Data, last ? FrameHeader.EndStream : (byte)0, id, message.Pending[..length]);
            message.Consume(length);
            message.SendWindow -= length;
            message.Sent += length;
            _sendWindow -= length;
            _dataSincePing += length;
            message.Ended = last;
        }
        else if (message is { Complete: true, Trailers: { } trailers })
        {
            Headers(id, endsStream: true, trailers);
            message.Ended = true;
        }
        else if (message.Complete)
        {
            _output.Frame(FrameType.Data, FrameHeader.EndStream, id, default);
            message.Ended = true;
        }

        if (message is { PendingLength: 0, Reset: { } code } && (message.Ended || !message.Complete))
        {
            _output.RstStream(id, code);
            message.Ended = true;
        }
    }
}
