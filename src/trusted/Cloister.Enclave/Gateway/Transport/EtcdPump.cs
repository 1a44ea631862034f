using Cloister.Enclave.Gateway.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>Reads what etcd sends. secrets: responses pass through.</summary>
internal sealed class EtcdPump : FramePump
{
    internal EtcdPump(ProxySession session, FrameReader reader, MessageRewriter rewriter)
        : base(session, reader, rewriter)
    {
    }

    private protected override Link From => Session.Etcd;

    private protected override Link To => Session.Client;

    private protected override StreamLeg LegFrom(ProxyStream stream) => stream.Response;

    private protected override StreamLeg LegTo(ProxyStream stream) => stream.Request;

    private protected override void CountIdleWork()
    {
        // etcd can end its connections at any time; it needs no flood for that.
    }

    private protected override void OnReset(ProxyStream stream, Http2ErrorCode code) => Session.ResetFromEtcd(stream, code);

    private protected override void OnGoAway(int lastStreamId, ReadOnlySpan<byte> payload)
    {
        // The numbers of streams are the same on both sides, so the API server learns which calls etcd has not begun.
        Session.GoAwayLimit = Math.Min(Session.GoAwayLimit, lastStreamId);
        To.Output.Frame(FrameType.GoAway, 0, 0, payload);
    }

    private protected override void OnPing(bool ack, ReadOnlySpan<byte> payload)
    {
        // etcd measures its connection with a ping for nearly every request: asking the API server each time would cost as much as the
        // request. What is answered to one of the API server's goes back there.
        (ack ? To : From).Output.Frame(FrameType.Ping, FrameHeader.Ack, 0, payload);
    }

    private protected override void OnHeaders(int streamId, List<HeaderField> fields, bool endsStream)
    {
        if (Session.Find(streamId) is not { } stream || stream.Response.SourceEnded)
        {
            return;
        }

        StreamLeg leg = stream.Response;
        bool valid = stream.ResponseBegun ? endsStream && HeaderRules.IsTrailers(fields) : HeaderRules.IsResponse(fields);
        if (!valid)
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, "the headers of a response are malformed");
        }

        if (!stream.ResponseBegun && fields[0].Value[0] == (byte)'1')
        {
            // Interim responses say nothing in gRPC.
            return;
        }

        fields.RemoveAll(field => field.Is("content-length"u8));
        byte[] block = HpackEncoder.Encode(fields);
        stream.ResponseBegun = true;
        if (endsStream)
        {
            leg.Trailers = block;
            EndOfSource(leg);
        }
        else
        {
            To.Output.Frame(FrameType.Headers, FrameHeader.EndHeaders, streamId, block);
        }
    }
}
