using System.Buffers;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>The gateway's cipher over a custody with one KEK, always the same, so that an input that was printed opens in another run.</summary>
internal sealed class StoredValues
{
    internal const string Key = "/registry/secrets/default/db";

    internal StoredValues()
    {
        SecretArena arena = new(4096);
        ManualCustody custody = new(new EnvelopeContext(EnvelopeContext.KmsPurpose, "fuzz", "tee"), arena, null);
        custody.Import("fuzz", 1, System.Security.Cryptography.SHA256.HashData("fuzz"u8), activate: true);
        SeedStore seeds = new(custody, arena, SeedOptions.Default, TimeProvider.System);
        Sealed = new(seeds, "tee", PlaintextMode.Sealed);
        Adopting = new(seeds, "tee", PlaintextMode.Adopt);
    }

    internal StockKmsV2Values Sealed { get; }

    internal StockKmsV2Values Adopting { get; }

    /// <summary>What etcd holds for <see cref="Key"/>.</summary>
    internal byte[] Stored(ReadOnlySpan<byte> plaintext)
    {
        ArrayBufferWriter<byte> output = new();
        Sealed.EncryptAsync(System.Text.Encoding.ASCII.GetBytes(Key), plaintext.ToArray(), output, default).AsTask().GetAwaiter().GetResult();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>What a stored value comes to, asked of the cipher itself.</summary>
    internal static (ValueOutcome Outcome, byte[] Plaintext) Open(StockKmsV2Values values, ReadOnlySpan<byte> key, ReadOnlySpan<byte> stored)
    {
        ArrayBufferWriter<byte> output = new();
        ValueOutcome outcome = values.DecryptAsync(key.ToArray(), stored.ToArray(), output, default).AsTask().GetAwaiter().GetResult();
        return (outcome, output.WrittenSpan.ToArray());
    }

    /// <summary>Rules and cipher in one.</summary>
    internal static EtcdMessages Messages(StockKmsV2Values values, PlaintextMode mode, int maxSize) =>
        new(new GatewayRules([GatewayRules.DefaultPrefix], mode, ["/registry/"]), values, maxSize);
}
