using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>Reads what etcd sends. secrets: responses pass through.</summary>
internal sealed class EtcdPump : StreamPump
{
    private readonly Action<ProxyStream, List<HeaderField>>? _onStatus;

    /// <param name="session">The calls.</param>
    /// <param name="rewriter">For responses.</param>
    /// <param name="onStatus">Told of the headers that end a call.</param>
    internal EtcdPump(ProxySession session, MessageRewriter rewriter, Action<ProxyStream, List<HeaderField>>? onStatus = null)
        : base(session, rewriter)
    {
        _onStatus = onStatus;
    }

    public override Link From => Session.Etcd;

    private protected override Link To => Session.Client;

    private protected override ProxyStream? Find(int streamId) => Session.FindAtEtcd(streamId);

    private protected override int LastId => Session.LastEtcdId;

    private protected override StreamLeg LegFrom(ProxyStream stream) => stream.Response;

    private protected override StreamLeg LegTo(ProxyStream stream) => stream.Request;

    public override void CountIdleWork()
    {
        // etcd can end its connections at any time; it needs no flood for that.
    }

    private protected override void OnReset(ProxyStream stream, Http2ErrorCode code) => Session.ResetFromEtcd(stream, code);

    public override void OnGoAway(int lastStreamId, ReadOnlySpan<byte> payload)
    {
        Session.GoAwayFromEtcd(lastStreamId, payload);
    }

    public override void OnPing(bool ack, ReadOnlySpan<byte> payload)
    {
        if (ack)
        {
            Session.PingAnswered(payload);
        }
        else
        {
            Session.PingFromEtcd(payload);
        }
    }

    private protected override bool HasHeaders(StreamLeg leg) => leg.Stream.ResponseBegun;

    private protected override void Fail(int streamId, ProxyStream? stream, PeerFault fault)
    {
        if (stream is null)
        {
            From.Output.RstStream(streamId, fault.Code);
        }
        else if (stream.Response.SourceEnded)
        {
            // The API server gets the answer, which was whole.
            From.Output.RstStream(streamId, fault.Code);
            stream.Request.Ended = true;
            Session.RemoveIfDone(stream);
        }
        else
        {
            // The call may have been carried out: a code that no client takes as a reason to repeat it.
            Session.Refuse(stream, FailureKind.Fault, $"etcd broke the rules of HTTP/2: {fault.Text}", fault.Code);
        }
    }

    public override void OnHeaders(int streamId, List<HeaderField> fields, bool endsStream)
    {
        lock (Session.Gate)
        {
            if (Find(streamId) is not { } stream)
            {
                OnClosed(streamId);
            }
            else if (!stream.Refused)
            {
                OnHeaders(stream, fields, endsStream);
            }
        }
    }

    private void OnHeaders(ProxyStream stream, List<HeaderField> fields, bool endsStream)
    {
        StreamLeg leg = stream.Response;
        if (leg.SourceEnded)
        {
            Fail(stream.EtcdId, stream, PeerFault.HeadersAfterEnd);
            return;
        }

        bool interim = !stream.ResponseBegun && fields is [{ Value: [(byte)'1', ..] }, ..];
        long? length = leg.Announced;
        bool valid = stream.ResponseBegun
            ? endsStream && HeaderRules.IsTrailers(fields)
            : HeaderRules.IsResponse(fields) && HeaderRules.TryLength(fields, out length) && !(interim && endsStream);
        if (!valid || (endsStream && length > 0))
        {
            Fail(stream.EtcdId, stream, PeerFault.MalformedResponse);
            return;
        }

        if (interim)
        {
            // Interim responses say nothing in gRPC.
            return;
        }

        leg.Announced = length;
        fields.RemoveAll(field => field.Is("content-length"u8));
        if (!stream.ResponseBegun)
        {
            stream.MoveTo(ProxyState.Answering);
            Session.Counters.Answered(stream);
        }

        if (endsStream)
        {
            _onStatus?.Invoke(stream, fields);
            leg.Trailers = [.. fields];
            EndOfSource(leg);
        }
        else
        {
            To.Headers(stream.Id, endsStream: false, fields);
        }
    }
}
