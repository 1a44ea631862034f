using System.Buffers;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Services.Kms;
using Cloister.Enclave.Services.Secrets;
using Cloister.Enclave.Wire.Grpc;

namespace Cloister.Fuzz.Targets;

/// <summary>The message handlers of the secrets service with two KEKs, so that values are current and old: the first byte selects the method.</summary>
internal sealed class SecretsTarget : IFuzzTarget
{
    private readonly ServiceMethod[] _methods;

    internal SecretsTarget()
    {
        EnvelopeContext context = new(EnvelopeContext.KmsPurpose, "fuzz", "tee");
        SecretArena arena = new(4096);
        ManualCustody custody = new(context, arena, null);
        StockKmsV2Values values = new(new SeedStore(custody, arena, SeedOptions.Default, TimeProvider.System), "tee", PlaintextMode.Sealed);
        custody.Create("fuzz");
        byte[] old = Stored(values);
        custody.Create("fuzz");
        byte[] current = Stored(values);
        _methods = [.. new SecretsService(new KmsEngine(custody, "simulated", new CallCounters()), context, values).Methods.Select(method => method.Value)];

        List<byte[]> seeds = [[0]];
        foreach (byte[] value in (byte[][])[[1, 2, 3], old, current])
        {
            byte[] item = Message(writer =>
            {
                writer.Bytes(1, "k"u8);
                writer.Bytes(2, value);
            });
            byte[] batch = Message(writer =>
            {
                writer.Bytes(1, item);
                writer.Bytes(1, item);
            });
            seeds.AddRange(Enumerable.Range(1, 3).Select(i => (byte[])[(byte)i, .. item]));
            seeds.AddRange(Enumerable.Range(4, 4).Select(i => (byte[])[(byte)i, .. batch]));
        }

        Seeds = seeds;
    }

    public string Name => "secrets";

    public IReadOnlyList<byte[]> Seeds { get; }

    public bool Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return false;
        }

        try
        {
            using UnaryCall call = new();
            _methods[input[0] % _methods.Length](input[1..].ToArray(), new ArrayBufferWriter<byte>(), call).AsTask().GetAwaiter().GetResult();
            return true;
        }
        catch (FailureException e) when (e.Kind is FailureKind.Invalid or FailureKind.LimitReached)
        {
            return false;
        }
    }

    private static byte[] Stored(StockKmsV2Values values)
    {
        ArrayBufferWriter<byte> output = new();
        values.EncryptAsync("k"u8.ToArray(), new byte[16], output, default).AsTask().GetAwaiter().GetResult();
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Message(Action<ProtoWriter> write)
    {
        ArrayBufferWriter<byte> output = new();
        write(new ProtoWriter(output));
        return output.WrittenSpan.ToArray();
    }
}
