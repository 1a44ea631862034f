using System.Text;
using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Grpc;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>Reads what an API server sends. secrets: requests pass through.</summary>
internal sealed class ClientPump : StreamPump
{
    private const int MaxPathInText = 100;
    private const string WithoutEtcd = "the gateway reaches no endpoint of gateway.etcd.endpoints; its log says why";

    private readonly FloodGuard _flood = new();
    private readonly EnclaveLog _log;
    private readonly LogRateLimiter _refusals = new();

    internal ClientPump(ProxySession session, MessageRewriter rewriter, EnclaveLog log)
        : base(session, rewriter)
    {
        _log = log;
    }

    public override Link From => Session.Client;

    private protected override Link To => Session.Etcd;

    private protected override ProxyStream? Find(int streamId) => Session.Find(streamId);

    private protected override int LastId => Session.LastStreamId;

    private protected override StreamLeg LegFrom(ProxyStream stream) => stream.Request;

    private protected override StreamLeg LegTo(ProxyStream stream) => stream.Response;

    public override void CountIdleWork() => _flood.Count();

    private protected override bool HasHeaders(StreamLeg leg) => true;

    private protected override void OnReset(ProxyStream stream, Http2ErrorCode code) => Session.EndFromClient(stream, code, StreamEnd.ResetByPeer);

    private protected override void Fail(int streamId, ProxyStream? stream, PeerFault fault)
    {
        // A client could have calls begun and ended as fast as with resets of its own.
        CountIdleWork();
        From.Output.RstStream(streamId, fault.Code);
        From.Closed.Add(streamId, StreamEnd.ResetHere);
        if (stream is not null)
        {
            Session.EndFromClient(stream, Http2ErrorCode.Cancel, StreamEnd.ResetHere);
        }
    }

    public override void OnGoAway(int lastStreamId, ReadOnlySpan<byte> payload)
    {
        // It opens no more calls and closes when its last one is over.
    }

    public override void OnPing(bool ack, ReadOnlySpan<byte> payload)
    {
        if (!ack)
        {
            Session.PingFromClient(payload);
        }
    }

    public override void OnHeaders(int streamId, List<HeaderField> fields, bool endsStream)
    {
        lock (Session.Gate)
        {
            if (streamId % 2 == 0)
            {
                throw new Http2Exception(PeerFault.EvenStreamNumber);
            }

            if (streamId <= Session.LastStreamId)
            {
                OnTrailers(streamId, fields, endsStream);
            }
            else
            {
                OnCall(streamId, fields, endsStream);
            }
        }
    }

    private void OnCall(int streamId, List<HeaderField> fields, bool endsStream)
    {
        Session.LastStreamId = streamId;
        if (streamId > Session.GoAwayLimit)
        {
            From.Closed.Add(streamId, StreamEnd.ResetHere);
        }
        else if (!HeaderRules.IsRequest(fields) || !HeaderRules.TryLength(fields, out long? length) || (endsStream && length > 0))
        {
            Fail(streamId, null, PeerFault.MalformedRequest);
        }
        else if (Session.IsFull)
        {
            Fail(streamId, null, PeerFault.TooManyCalls);
        }
        else
        {
            Admit(streamId, fields, length, endsStream);
        }
    }

    private void OnTrailers(int streamId, List<HeaderField> fields, bool endsStream)
    {
        if (Session.Find(streamId) is not { } stream)
        {
            if (From.Closed.Find(streamId) == StreamEnd.Unknown)
            {
                throw new Http2Exception(PeerFault.StreamNumberWentBack);
            }

            OnClosed(streamId);
            return;
        }

        StreamLeg leg = stream.Request;
        if (stream.Refused)
        {
            return;
        }

        if (leg.SourceEnded)
        {
            Fail(streamId, stream, PeerFault.HeadersAfterEnd);
        }
        else if (!endsStream || !HeaderRules.IsTrailers(fields) || leg.Announced > 0)
        {
            Fail(streamId, stream, PeerFault.MalformedTrailers);
        }
        else
        {
            // gRPC has no trailers in requests: their end is all that matters.
            EndOfSource(leg);
        }
    }

    private void Admit(int streamId, List<HeaderField> fields, long? length, bool endsStream)
    {
        // CONNECT has none.
        byte[] path = fields.Find(field => field.Is(":path"u8)).Value ?? [];
        bool grpc = fields.Exists(field => field.Is(":method"u8) && field.Value.AsSpan().SequenceEqual("POST"u8))
            && fields.Exists(field => field.Is("content-type"u8) && field.Value.AsSpan().StartsWith("application/grpc"u8));
        EtcdMethod? method = EtcdMethod.Find(path);
        if (!grpc || method is null)
        {
            Answer(streamId, grpc ? Denial(path) : GrpcAnswer.NotGrpc(), endsStream);
            return;
        }

        if (Session.IsWithoutEtcd)
        {
            // Nothing was begun: gRPC's code for what may be tried again.
            Session.Counters.CallRefused();
            Answer(streamId, GrpcAnswer.Status(FailureKind.Unavailable, WithoutEtcd, trailers: false), endsStream);
            return;
        }

        ProxyStream stream = new(streamId, method, To.Settings.InitialWindow, From.Settings.InitialWindow);
        try
        {
            Session.Open(stream);
        }
        catch (FailureException e)
        {
            Session.Counters.CallRefused();
            Answer(streamId, GrpcAnswer.Status(e.Kind, e.Message, trailers: false), endsStream);
            return;
        }

        // Answers are to come uncompressed, and lengths may change.
        fields.RemoveAll(field => field.Is("grpc-accept-encoding"u8) || field.Is("content-length"u8));
        stream.Request.Announced = length;
        if (endsStream)
        {
            stream.Request.MoveSourceTo(SourceState.Complete);
            stream.Request.Ended = true;
        }

        if (endsStream || stream.IsWatch || stream.Request.Kind == EtcdMessage.Opaque)
        {
            Session.OpenAtEtcd(stream, fields, endsStream);
            return;
        }

        // What is refused for its message does not reach etcd at all.
        try
        {
            Session.Defer(stream, fields);
        }
        catch (FailureException e)
        {
            Session.Refuse(stream, e.Kind, e.Message);
        }
    }

    private List<HeaderField> Denial(byte[] path)
    {
        Session.Counters.CallRefused();
        string text = Encoding.ASCII.GetString(path.AsSpan(0, Math.Min(path.Length, MaxPathInText)));
        string printable = new([.. text.Select(c => c is > ' ' and <= '~' ? c : '?')]);
        string message = $"{printable} does not pass the gateway, which serves the calls that an API server makes; for anything else use etcd itself, such as with etcdctl";
        if (_refusals.TryAcquire(out long suppressed))
        {
            _log.CallFailed(printable, GrpcStatuses.Name(FailureKind.NotSupported), "not a call that an API server makes", suppressed);
        }

        return GrpcAnswer.Status(FailureKind.NotSupported, message, trailers: false);
    }

    // Without etcd.
    private void Answer(int streamId, List<HeaderField> headers, bool requestEnded)
    {
        CountIdleWork();
        From.Answer(streamId, headers, requestEnded);
    }
}
