using System.Buffers;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>
/// What an API server sends, from its first frame to its last: read to the end, or refused with an error of HTTP/2,
/// and all memory given back.
/// </summary>
internal sealed class GatewayTarget : IFuzzTarget
{
    private static readonly EnclaveLog Log = new((_, _, _) => { });
    private static readonly EtcdMessages Messages =
        new(new GatewayRules([GatewayRules.DefaultPrefix], PlaintextMode.Adopt), new Reversing(), 1 << 20);

    public string Name => "gateway";

    public IReadOnlyList<byte[]> Seeds
    {
        get
        {
            byte[] call = HeaderLiterals.Block((":method", "POST"), (":scheme", "https"), (":path", "/etcdserverpb.KV/Txn"), ("content-type", "application/grpc"));
            byte[] put = [0x12, 0x19, 0x12, 0x17, 0x0a, 0x13, .. "/registry/secrets/a"u8, 0x12, 0x00];
            FrameWriter frames = new();
            frames.Frame(FrameType.Settings, 0, 0, PeerSettings.Payload((4, 100_000)));
            frames.Frame(FrameType.Headers, FrameHeader.EndHeaders, 1, call);
            frames.Frame(FrameType.Data, FrameHeader.EndStream, 1, [0, 0, 0, 0, (byte)put.Length, .. put]);
            frames.Frame(FrameType.Headers, FrameHeader.EndHeaders | FrameHeader.Padded, 3, [1, 0x83, 0x87, 0x41, 0x84, 0xf1, 0xe3, 0xc2, 0xff, 0]);
            frames.WindowUpdate(0, 1000);
            frames.WindowUpdate(1, 1000);
            frames.RstStream(1, Http2ErrorCode.Cancel);
            frames.Frame(FrameType.Ping, 0, 0, "12345678"u8);
            frames.GoAway(1, Http2ErrorCode.NoError, "bye");
            return [frames.Written.ToArray()];
        }
    }

    public byte[] Mutate(Mutator mutator, IReadOnlyList<byte[]> corpus) => FrameMutator.Mutate(mutator, corpus);

    public bool Run(ReadOnlySpan<byte> input)
    {
        MemoryBudget budget = new(1 << 20);
        MemoryBudget calls = new(1 << 20);
        using Replay client = new(input.ToArray());
        using Replay etcd = new([]);
        ProxySession session = new(client, etcd, budget, calls, new GatewayCounters());
        using FrameReader reader = new(client);
        FramePump pump = new(session, reader, new ClientPump(session, new MessageRewriter(Messages, Log, 1 << 20, CancellationToken.None), Log));
        bool valid = Replay.IsReadToEnd(pump);
        session.Dispose();
        long taken = budget.Taken + calls.Taken;
        return taken == 0 ? valid : throw new InvalidOperationException($"{taken} bytes were not given back");
    }

    /// <summary>Values backwards, and longer.</summary>
    private sealed class Reversing : IValueCipher
    {
        public ValueTask EncryptAsync(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> plaintext, IBufferWriter<byte> stored, CancellationToken cancellation)
        {
            byte[] value = plaintext.ToArray();
            Array.Reverse(value);
            stored.Write([.. value, .. value]);
            return ValueTask.CompletedTask;
        }

        public ValueTask<ValueOutcome> DecryptAsync(
            ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored, IBufferWriter<byte> plaintext, CancellationToken cancellation) =>
            ValueTask.FromResult(ValueOutcome.PassThrough);

        public FailureException KekAbsent(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored) => throw new InvalidOperationException("no value has a KEK here");
    }
}
