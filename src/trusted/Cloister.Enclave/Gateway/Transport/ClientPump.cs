using System.Text;
using Cloister.Enclave.Gateway.Http2;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Rpc;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>Reads what an API server sends. secrets: requests pass through.</summary>
internal sealed class ClientPump : FramePump
{
    private const int MaxPathInText = 100;

    private readonly FloodGuard _flood = new();
    private readonly EnclaveLog _log;
    private readonly LineLimit _refusals = new();

    internal ClientPump(ProxySession session, FrameReader reader, MessageRewriter rewriter, EnclaveLog log)
        : base(session, reader, rewriter)
    {
        _log = log;
    }

    private protected override Link From => Session.Client;

    private protected override Link To => Session.Etcd;

    private protected override StreamLeg LegFrom(ProxyStream stream) => stream.Request;

    private protected override StreamLeg LegTo(ProxyStream stream) => stream.Response;

    private protected override void CountIdleWork() => _flood.Count();

    private protected override void OnReset(ProxyStream stream, Http2ErrorCode code) => Session.ResetFromClient(stream, code);

    private protected override void OnGoAway(int lastStreamId, ReadOnlySpan<byte> payload)
    {
        // It opens no more calls and closes when its last one is over.
    }

    private protected override void OnPing(bool ack, ReadOnlySpan<byte> payload)
    {
        // To the end and back: so the API server learns that etcd is gone, and etcd judges how often it is asked.
        if (!ack)
        {
            To.Output.Frame(FrameType.Ping, 0, 0, payload);
        }
    }

    private protected override void OnHeaders(int streamId, List<HeaderField> fields, bool endsStream)
    {
        if (streamId <= Session.LastStreamId)
        {
            OnTrailers(streamId, fields, endsStream);
            return;
        }

        if (streamId % 2 == 0)
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, "a client's streams have odd numbers");
        }

        Session.LastStreamId = streamId;
        if (streamId > Session.GoAwayLimit)
        {
            return;
        }

        if (!HeaderRules.IsRequest(fields) || Session.IsFull)
        {
            CountIdleWork();
            From.Output.RstStream(streamId, Session.IsFull ? Http2ErrorCode.RefusedStream : Http2ErrorCode.ProtocolError);
            return;
        }

        Admit(streamId, fields, endsStream);
    }

    private void OnTrailers(int streamId, List<HeaderField> fields, bool endsStream)
    {
        ProxyStream? stream = Session.Find(streamId);
        if (stream is { Refused: true })
        {
            return;
        }

        StreamLeg? leg = stream?.Request;
        if (leg is null or { SourceEnded: true })
        {
            throw new Http2Exception(Http2ErrorCode.StreamClosed, "HEADERS after the end of its stream");
        }

        if (!endsStream || !HeaderRules.IsTrailers(fields))
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, "second HEADERS of a stream are not trailers");
        }

        // gRPC has no trailers in requests: their end is all that matters.
        EndOfSource(leg);
    }

    private void Admit(int streamId, List<HeaderField> fields, bool endsStream)
    {
        byte[] path = fields.Find(field => field.Is(":path"u8)).Value;
        bool grpc = fields.Exists(field => field.Is(":method"u8) && field.Value.AsSpan().SequenceEqual("POST"u8))
            && fields.Exists(field => field.Is("content-type"u8) && field.Value.AsSpan().StartsWith("application/grpc"u8));
        EtcdMethod? method = EtcdMethod.Find(path);
        string text = Encoding.ASCII.GetString(path.AsSpan(0, Math.Min(path.Length, MaxPathInText)));
        if (!grpc || method is null)
        {
            Answer(streamId, grpc ? Denial(text) : GrpcAnswer.NotGrpc(), endsStream);
            return;
        }

        ProxyStream stream = new(streamId, text, method, To.Settings.InitialWindow, From.Settings.InitialWindow);
        Session.Open(stream);

        // Answers are to come uncompressed, and lengths may change.
        fields.RemoveAll(field => field.Is("grpc-accept-encoding"u8) || field.Is("content-length"u8));
        byte flags = endsStream ? (byte)(FrameHeader.EndHeaders | FrameHeader.EndStream) : FrameHeader.EndHeaders;
        To.Output.Frame(FrameType.Headers, flags, streamId, HpackEncoder.Encode(fields));
        stream.Request.SourceEnded = stream.Request.Complete = stream.Request.Ended = endsStream;
    }

    private byte[] Denial(string path)
    {
        Session.Counters.CallRefused();
        string printable = new([.. path.Select(c => c is > ' ' and <= '~' ? c : '?')]);
        string message = $"{printable} does not pass the gateway, which serves the calls that an API server makes; for anything else use etcd itself, such as with etcdctl";
        if (_refusals.MayPass(out long suppressed))
        {
            _log.CallFailed(printable, StatusCode.Unimplemented, "not a call that an API server makes", suppressed);
        }

        return GrpcAnswer.Status(StatusCode.Unimplemented, message, trailers: false);
    }

    // A whole answer without etcd; what the request still sends is not read.
    private void Answer(int streamId, byte[] headers, bool requestEnded)
    {
        From.Output.Frame(FrameType.Headers, FrameHeader.EndHeaders | FrameHeader.EndStream, streamId, headers);
        if (!requestEnded)
        {
            From.Output.RstStream(streamId, Http2ErrorCode.NoError);
        }
    }
}
