using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Grpc;
using Cloister.Enclave.Wire.Http2;
using Cloister.Fuzz.Targets.Gateway;
using Cloister.Sockets;

namespace Cloister.Fuzz.Targets;

/// <summary>
/// What a client sends to a socket of services, from its first frame to its last: read to the end, or refused with an error of HTTP/2; every call
/// goes through its states in order, and all memory is given back.
/// </summary>
internal sealed class ServerTarget : IFuzzTarget
{
    private const int Budget = 256 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly CallCounters _counters = new();
    private readonly ServerParts _parts;

    public ServerTarget()
    {
        ServerOptions options = new() { Address = ListenAddress.Parse("tcp:127.0.0.1:0", out _)!, RequestMemory = Budget, MaxCalls = 8, MaxMessageSize = 100_000 };
        ServiceMethod echo = (request, response, _) =>
        {
            request.Span.CopyTo(response.GetSpan(request.Length));
            response.Advance(request.Length);
            return ValueTask.CompletedTask;
        };
        ServiceMethod wait = async (_, _, call) => await Task.Delay(Timeout.Infinite, call.Cancellation);
        _parts = new ServerParts("kms", options, [new("/a/Echo", echo), new("/a/Wait", wait)], "none", _counters, new EnclaveLog((_, _, _) => { }));
    }

    public string Name => "server";

    public IReadOnlyList<byte[]> Seeds
    {
        get
        {
            FrameWriter frames = new();
            frames.Frame(FrameType.Settings, 0, 0, PeerSettings.Payload((4, 100)));
            Call(frames, 1, "/a/Echo", 50);
            Call(frames, 3, "/a/Wait", 5);
            Call(frames, 5, "/a/None", 5);
            frames.Frame(FrameType.Headers, FrameHeader.EndHeaders, 7, Headers("/a/Echo"));
            frames.Frame(FrameType.Data, 0, 7, [0, 0, 0, 0, 9, 1, 2]);
            frames.Frame(FrameType.Headers, FrameHeader.EndHeaders | FrameHeader.EndStream, 7, HeaderLiterals.Block(("grpc-x", "1")));
            frames.WindowUpdate(0, 1000);
            frames.WindowUpdate(1, 1000);
            frames.RstStream(3, Http2ErrorCode.Cancel);
            frames.Frame(FrameType.Ping, 0, 0, "12345678"u8);
            frames.GoAway(0, Http2ErrorCode.NoError, "bye");
            return [frames.Written.ToArray()];
        }
    }

    public byte[] Mutate(Mutator mutator, IReadOnlyList<byte[]> corpus) => FrameMutator.Mutate(mutator, corpus);

    public bool Run(ReadOnlySpan<byte> input)
    {
        using Replay stream = new(input.ToArray());
        ConnectionTable.Connection entry = _parts.Table.Enter(null, static () => { });
        ServerSession session = new(_parts, stream, entry, static () => true);
        session.Begin();
        using FrameReader reader = new(stream, frames: 2);
        bool valid = Replay.IsReadToEnd(new FramePump(session, reader, session));
        session.Dispose();
        entry.Leave();
        if (!SpinWait.SpinUntil(() => !session.HasCalls, Patience))
        {
            throw new InvalidOperationException("a call did not end with its connection");
        }

        return _parts.Budget.Left == Budget ? valid : throw new InvalidOperationException($"{Budget - _parts.Budget.Left} bytes were not given back");
    }

    private static byte[] Headers(string path) =>
        HeaderLiterals.Block((":method", "POST"), (":scheme", "http"), (":path", path), ("content-type", "application/grpc"), ("grpc-timeout", "5S"));

    private static void Call(FrameWriter frames, int id, string path, byte length)
    {
        frames.Frame(FrameType.Headers, FrameHeader.EndHeaders, id, Headers(path));
        frames.Frame(FrameType.Data, FrameHeader.EndStream, id, [0, 0, 0, 0, length, .. new byte[length]]);
    }
}
