using System.Buffers;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Services.Kms;
using Cloister.Enclave.Wire.Grpc;

namespace Cloister.Fuzz.Targets;

/// <summary>The KMS v1 and v2 message handlers with a KEK: the first byte selects the method.</summary>
internal sealed class KmsTarget : IFuzzTarget
{
    private readonly ServiceMethod[] _methods;

    internal KmsTarget()
    {
        ManualCustody custody = new(new EnvelopeContext(EnvelopeContext.KmsPurpose, "fuzz", "tee"), new SecretArena(1024), null);
        string keyId = custody.Create("fuzz").KeyId;
        KmsEngine engine = new(custody, "simulated", new CallCounters());
        _methods = [.. new KmsV2Service(engine).Methods.Select(method => method.Value), .. new KmsV1Service(engine, "0.0.0").Methods.Select(method => method.Value)];

        byte[] edek = new byte[Edek.MaxSize];
        int length = custody.EncryptAsync(new byte[32], edek, default).AsTask().GetAwaiter().GetResult().Length;
        Seeds =
        [
            [0],
            [1, .. Message(writer => writer.Bytes(1, new byte[32]))],
            [2, .. Message(writer =>
            {
                writer.Bytes(1, edek.AsSpan(0, length));
                writer.String(3, keyId);
                writer.MapEntry(4, KmsV2Service.TeeAnnotation, "simulated"u8);
            })],
            [3, .. Message(writer => writer.String(1, "v1beta1"))],
            [4, .. Message(writer =>
            {
                writer.String(1, "v1beta1");
                writer.Bytes(2, new byte[32]);
            })],
            [5, .. Message(writer =>
            {
                writer.String(1, "v1beta1");
                writer.Bytes(2, edek.AsSpan(0, length));
            })],
        ];
    }

    public string Name => "kms";

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
        catch (FailureException e) when (e.Kind is FailureKind.Invalid or FailureKind.NotFound)
        {
            return false;
        }
    }

    private static byte[] Message(Action<ProtoWriter> write)
    {
        ArrayBufferWriter<byte> output = new();
        write(new ProtoWriter(output));
        return output.WrittenSpan.ToArray();
    }
}
