using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;

namespace Cloister.Enclave.Services.Kms;

/// <summary>
/// What KMS v1 and v2 have in common: encrypt under the active KEK, decrypt under the KEK that the EDEK names. secrets: plaintexts pass
/// through.
/// </summary>
public sealed class KmsEngine
{
    /// <summary>Serves with the keys of one custody.</summary>
    /// <param name="custody">Where the KEKs are.</param>
    /// <param name="tee">Short name of the TEE.</param>
    /// <param name="counters">Where calls are counted.</param>
    public KmsEngine(ICustody custody, string tee, CallCounters counters)
    {
        Custody = custody;
        Tee = tee;
        Counters = counters;
    }

    /// <summary>The custody.</summary>
    public ICustody Custody { get; }

    /// <summary>Short name of the TEE.</summary>
    public string Tee { get; }

    /// <summary>Calls so far.</summary>
    public CallCounters Counters { get; }

    internal async ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation)
    {
        EncryptResult result = await Custody.EncryptAsync(plaintext, edek, cancellation);
        Counters.Encrypted();
        return result;
    }

    /// <summary>Opens an EDEK; a key_id given with it has to be the one the EDEK names, before anything is decrypted.</summary>
    internal async ValueTask<int> DecryptAsync(
        ReadOnlyMemory<byte> edek, KeyFingerprint? given, Memory<byte> plaintext, CancellationToken cancellation)
    {
        KeyFingerprint kek = ReadKek(edek.Span);
        if (given is { } expected && expected != kek)
        {
            throw new FailureException(FailureKind.Invalid, $"the ciphertext names KEK {kek}, the request names {expected}: they do not belong together");
        }

        int length = await Custody.DecryptAsync(kek, edek, plaintext, cancellation);
        Counters.Decrypted();
        return length;
    }

    private static KeyFingerprint ReadKek(ReadOnlySpan<byte> edek)
    {
        if (edek.IsEmpty)
        {
            throw new FailureException(FailureKind.Invalid, "the ciphertext is empty");
        }

        try
        {
            return Edek.Parse(edek).Kek;
        }
        catch (WireException e)
        {
            throw new FailureException(FailureKind.Invalid, $"the ciphertext is not an EDEK of this plugin: {e.Message}");
        }
    }
}
