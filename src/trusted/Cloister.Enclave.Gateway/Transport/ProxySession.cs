using System.Buffers.Binary;
using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Grpc;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// The calls of one API server's connection and their way to one etcd connection: opened, refused, reset and forgotten here. One thread
/// reads each side; both hold <see cref="Gate"/> for whatever they change. secrets: see its streams.
/// </summary>
internal sealed class ProxySession : IFrameSession, IDisposable
{
    private const int MaxStreams = 2048;

    // Calls, and queues, that are counted with their connection; each one more counts by itself.
    private const int OwnStreams = 64;
    private const int OwnQueues = 128;
    private const int CallSize = 4096;
    private const int GrantAt = FlowControl.StreamWindow / 4;

    // Frames other than DATA that may wait for a peer: as long as more do, its pair is not read.
    private const int MaxBacklog = 256 * 1024;

    private const int FreshMilliseconds = 1000;

    private readonly Dictionary<int, ProxyStream> _streams = [];
    private readonly Dictionary<int, ProxyStream> _atEtcd = [];
    private readonly Stack<ByteQueue> _free = [];
    private readonly Stack<List<HeaderField>> _freeHeaders = [];
    private readonly MemoryBudget _calls;
    private readonly LatePings _pings;
    private int _queues;
    private long? _etcdAnswered;
    private int _etcdLimit = int.MaxValue;

    internal ProxySession(Stream client, Stream etcd, MemoryBudget budget, MemoryBudget calls, GatewayCounters counters)
    {
        Budget = budget;
        _calls = calls;
        Counters = counters;
        Client = new Link(client, Gate, toServer: false) { Sent = OnSent };
        Etcd = new Link(etcd, Gate, toServer: true) { Sent = OnSent };
        _pings = new LatePings(this, Client, Etcd);
    }

    public Lock Gate { get; } = new();

    internal Link Client { get; }

    internal Link Etcd { get; }

    internal GatewayCounters Counters { get; }

    /// <summary>Bytes of messages, of all connections.</summary>
    internal MemoryBudget Budget { get; }

    /// <summary>No etcd can be reached: calls are answered here, and at once.</summary>
    internal bool IsWithoutEtcd { get; init; }

    /// <summary>The newest stream that the API server opened.</summary>
    internal int LastStreamId { get; set; }

    /// <summary>Streams above it are not for this connection: etcd said so, and the API server was told.</summary>
    internal int GoAwayLimit { get; set; } = int.MaxValue;

    internal bool HasStreams
    {
        get
        {
            lock (Gate)
            {
                return _streams.Count > 0;
            }
        }
    }

    /// <summary>More frames wait for a peer than should.</summary>
    public bool IsCongested => Etcd.Backlog > MaxBacklog || Client.Backlog > MaxBacklog;

    internal bool IsFull => _streams.Count >= Math.Min(MaxStreams, Etcd.Settings.MaxStreams);

    /// <summary>The preface and settings of both sides.</summary>
    internal void Begin(ReadOnlySpan<byte> preface)
    {
        byte[] windows = PeerSettings.Payload((3, MaxStreams), (4, FlowControl.StreamWindow), (6, HpackDecoder.MaxListSize));
        Client.Output.Frame(FrameType.Settings, 0, 0, windows);
        Client.OpenWindow();
        Etcd.Output.Raw(preface);
        Etcd.Output.Frame(FrameType.Settings, 0, 0, PeerSettings.Payload((2, 0), (4, FlowControl.StreamWindow), (6, HpackDecoder.MaxListSize)));
        Etcd.OpenWindow();
    }

    /// <summary>Sends what waits on either side; what one side took can let the other grant more.</summary>
    public void Flush()
    {
        do
        {
            Etcd.Flush();
        }
        while (Client.Flush());
    }

    /// <summary>A PING of the API server's goes to the end and back, so that it learns that etcd is gone; unless etcd has just answered one.</summary>
    internal void PingFromClient(ReadOnlySpan<byte> payload)
    {
        if (IsWithoutEtcd || (_etcdAnswered is { } at && Environment.TickCount64 - at < FreshMilliseconds))
        {
            _pings.Answer(Client, payload);
        }
        else
        {
            Etcd.Output.Frame(FrameType.Ping, 0, 0, payload);
        }
    }

    /// <summary>etcd answered one of the API server's.</summary>
    internal void PingAnswered(ReadOnlySpan<byte> payload)
    {
        _etcdAnswered = Environment.TickCount64;
        Client.Output.Frame(FrameType.Ping, FrameHeader.Ack, 0, payload);
    }

    /// <summary>etcd's own are about this connection.</summary>
    internal void PingFromEtcd(ReadOnlySpan<byte> payload) => _pings.Answer(Etcd, payload);

    /// <summary>The stream, or null when it is over. A stream that was never opened ends the connection.</summary>
    internal ProxyStream? Find(int streamId) =>
        streamId > 0 && streamId <= LastStreamId && streamId % 2 == 1
            ? _streams.GetValueOrDefault(streamId)
            : throw new Http2Exception(PeerFault.StreamNotOpen);

    /// <summary>The newest stream that was opened at etcd.</summary>
    internal int LastEtcdId { get; private set; } = -1;

    /// <summary>The same by etcd's number. A number below the newest that was not used is of a stream that is over.</summary>
    internal ProxyStream? FindAtEtcd(int streamId) =>
        streamId > 0 && streamId <= LastEtcdId && streamId % 2 == 1
            ? _atEtcd.GetValueOrDefault(streamId)
            : throw new Http2Exception(PeerFault.StreamNotOpen);

    internal IEnumerable<ProxyStream> Streams => _streams.Values;

    /// <exception cref="FailureException">LimitReached: the budget is used up.</exception>
    internal void Open(ProxyStream stream)
    {
        if (_streams.Count >= OwnStreams)
        {
            _calls.Take(CallSize);
        }

        _streams.Add(stream.Id, stream);
        Counters.Called();
    }

    /// <summary>Keeps the headers of a request until its message is known to go to etcd.</summary>
    /// <exception cref="FailureException">LimitReached: the budget is used up.</exception>
    internal void Defer(ProxyStream stream, List<HeaderField> fields)
    {
        long size = 0;
        foreach (HeaderField field in fields)
        {
            size += field.Size;
        }

        _calls.Take(size);
        stream.OpeningSize = size;
        stream.Opening = _freeHeaders.TryPop(out List<HeaderField>? used) ? used : [];
        stream.Opening.AddRange(fields);
    }

    /// <summary>Opens a call at etcd, if it is not yet: with the API server's number where that is still free, as numbers there only grow.</summary>
    internal void OpenAtEtcd(ProxyStream stream)
    {
        if (stream.Opening is { } fields)
        {
            stream.Opening = null;
            try
            {
                OpenAtEtcd(stream, fields, endsStream: false);
            }
            finally
            {
                Forget(stream, fields);
            }
        }
    }

    internal void OpenAtEtcd(ProxyStream stream, List<HeaderField> fields, bool endsStream)
    {
        long id = Math.Max(stream.Id, LastEtcdId + 2L);
        if (id > _etcdLimit)
        {
            Unbegun(stream);
            return;
        }

        stream.EtcdId = LastEtcdId = (int)id;
        stream.MoveTo(ProxyState.Asked);
        _atEtcd.Add(stream.EtcdId, stream);
        Etcd.Headers(stream.EtcdId, endsStream, fields);
    }

    /// <summary>etcd goes: what it has not begun the API server may do again elsewhere.</summary>
    internal void GoAwayFromEtcd(int last, ReadOnlySpan<byte> payload)
    {
        _etcdLimit = Math.Min(_etcdLimit, last);
        int limit = last >= LastEtcdId ? last : _atEtcd.Values.Where(stream => stream.EtcdId <= last).Select(stream => stream.Id).DefaultIfEmpty(0).Max();
        GoAwayLimit = Math.Min(GoAwayLimit, limit);
        byte[] own = payload.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(own, limit);
        Client.Output.Frame(FrameType.GoAway, 0, 0, own);
        foreach (ProxyStream stream in _atEtcd.Values.Where(stream => stream.EtcdId > last).ToList())
        {
            Unbegun(stream);
        }
    }

    // gRPC's clients take it as never begun.
    private void Unbegun(ProxyStream stream)
    {
        Client.Output.RstStream(stream.Id, Http2ErrorCode.RefusedStream);
        Remove(stream, StreamEnd.ResetHere, StreamEnd.ResetHere);
    }

    private void DropOpening(ProxyStream stream)
    {
        if (stream.Opening is { } fields)
        {
            stream.Opening = null;
            Forget(stream, fields);
        }
    }

    private void Forget(ProxyStream stream, List<HeaderField> fields)
    {
        _calls.Return(stream.OpeningSize);
        fields.Clear();
        if (_freeHeaders.Count < OwnStreams)
        {
            _freeHeaders.Push(fields);
        }
    }

    internal Link DestinationOf(StreamLeg leg) => leg == leg.Stream.Request ? Etcd : Client;

    internal Link SourceOf(StreamLeg leg) => leg == leg.Stream.Request ? Client : Etcd;

    /// <summary>An empty queue.</summary>
    /// <exception cref="FailureException">LimitReached: the budget is used up.</exception>
    internal ByteQueue Rent()
    {
        if (_free.TryPop(out ByteQueue? queue))
        {
            return queue;
        }

        if (_queues >= OwnQueues)
        {
            _calls.Take(ByteQueue.SmallSize);
        }

        _queues++;
        return new ByteQueue(Budget);
    }

    /// <summary>Lets the source send more, once most of what it sent has gone on: a reader that does not read holds its writer up.</summary>
    internal void Grant(StreamLeg leg)
    {
        if (leg is { SourceEnded: false, Stream.Gone: false } && leg.Ungranted >= GrantAt && leg.PendingLength < FlowControl.StreamWindow)
        {
            SourceOf(leg).Output.WindowUpdate(leg.SourceId, leg.Ungranted);
            leg.ReceiveWindow += leg.Ungranted;
            leg.Ungranted = 0;
        }
    }

    /// <summary>Answers a call with a status, after what of its response is ready, and takes it away from etcd.</summary>
    /// <param name="stream">The call.</param>
    /// <param name="code">What the API server gets.</param>
    /// <param name="message">With that.</param>
    /// <param name="reset">What etcd gets.</param>
    internal void Refuse(ProxyStream stream, FailureKind code, string message, Http2ErrorCode reset = Http2ErrorCode.Cancel)
    {
        if (stream.Gone || stream.Response.Complete)
        {
            return;
        }

        Counters.CallRefused();
        StreamLeg request = stream.Request;
        StreamLeg response = stream.Response;
        DropOpening(stream);
        if (stream.EtcdId != 0 && (!request.Ended || !response.SourceEnded))
        {
            Etcd.Output.RstStream(stream.EtcdId, reset);
        }

        response.Trailers = GrpcAnswer.Status(code, message, trailers: stream.ResponseBegun);
        response.Reset = request.SourceEnded ? null : Http2ErrorCode.NoError;
        response.MoveSourceTo(SourceState.Complete);
        request.MoveSourceTo(SourceState.Ended);
        request.Ended = true;
        stream.MoveTo(ProxyState.Refused);
        Release(request);
        if (!response.Busy)
        {
            Return(response.Received);
            response.Received = null;
        }

        Client.Ready(response);
    }

    /// <summary>Ends a call for want of memory, with what gRPC reads as RESOURCE_EXHAUSTED where no status can follow.</summary>
    internal void Break(ProxyStream stream)
    {
        Counters.CallRefused();
        Client.Output.RstStream(stream.Id, Http2ErrorCode.EnhanceYourCalm);
        EndFromClient(stream, Http2ErrorCode.Cancel, StreamEnd.ResetHere);
    }

    /// <summary>The API server gave a call up (<see cref="StreamEnd.ResetByPeer"/>), or broke its rules and was told so.</summary>
    internal void EndFromClient(ProxyStream stream, Http2ErrorCode code, StreamEnd end)
    {
        if (stream.EtcdId != 0 && (!stream.Request.Ended || !stream.Response.SourceEnded))
        {
            Etcd.Output.RstStream(stream.EtcdId, code);
        }

        Remove(stream, end, StreamEnd.ResetHere);
    }

    /// <summary>etcd ended a call without, or after, its trailers: what came before is delivered first.</summary>
    internal void ResetFromEtcd(ProxyStream stream, Http2ErrorCode code)
    {
        stream.Request.Ended = true;
        stream.Response.MoveSourceTo(SourceState.Ended);
        if (stream.Response.Ended)
        {
            Client.Output.RstStream(stream.Id, code);
            Remove(stream, StreamEnd.ResetHere, StreamEnd.ResetByPeer);
            return;
        }

        stream.Response.Reset = code;
        Client.Ready(stream.Response);
    }

    internal void RemoveIfDone(ProxyStream stream)
    {
        if (stream.Request.Ended && stream.Response.Ended)
        {
            bool whole = stream is { Refused: false, Response.Reset: null };
            Counters.Done(stream);
            Remove(
                stream,
                client: whole ? StreamEnd.Finished : StreamEnd.ResetHere,
                etcd: whole ? StreamEnd.Finished : stream.Refused ? StreamEnd.ResetHere : StreamEnd.ResetByPeer);
        }
    }

    /// <summary>Forgets a call and wipes what there is of it.</summary>
    internal void Remove(ProxyStream stream, StreamEnd client, StreamEnd etcd)
    {
        stream.MoveTo(ProxyState.Gone);
        if (_streams.Remove(stream.Id) && _streams.Count >= OwnStreams)
        {
            _calls.Return(CallSize);
        }

        Client.Closed.Add(stream.Id, client);
        DropOpening(stream);
        if (_atEtcd.Remove(stream.EtcdId))
        {
            Etcd.Closed.Add(stream.EtcdId, etcd);
        }

        Release(stream.Request);
        Release(stream.Response);
    }

    /// <summary>Wipes a leg; what a thread works on it wipes itself, afterwards.</summary>
    internal void Release(StreamLeg leg)
    {
        if (leg.Busy)
        {
            return;
        }

        Return(leg.Received);
        Return(leg.ToSend);
        leg.Received = null;
        leg.ToSend = null;
    }

    /// <summary>Wipes everything, when no thread works on it any more.</summary>
    public void Dispose()
    {
        _pings.Dispose();
        lock (Gate)
        {
            foreach (ProxyStream stream in _streams.Values.ToList())
            {
                stream.Request.Busy = stream.Response.Busy = false;
                Remove(stream, StreamEnd.ResetHere, StreamEnd.ResetHere);
            }
        }
    }

    private void OnSent(OutgoingMessage message)
    {
        StreamLeg leg = (StreamLeg)message;
        if (leg.PendingLength == 0)
        {
            Return(leg.ToSend);
            leg.ToSend = null;
        }

        Grant(leg);
        RemoveIfDone(leg.Stream);
    }

    /// <summary>Takes the queue of a leg that has received nothing more than whole messages.</summary>
    internal void ReturnReceived(StreamLeg leg)
    {
        if (leg.Received is { Length: 0 })
        {
            Return(leg.Received);
            leg.Received = null;
        }
    }

    private void Return(ByteQueue? queue)
    {
        if (queue is null)
        {
            return;
        }

        queue.Clear();
        if (_queues <= OwnQueues)
        {
            _free.Push(queue);
            return;
        }

        _queues--;
        _calls.Return(ByteQueue.SmallSize);
    }
}
