using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Tests.Support;

/// <summary>Keys and contexts for tests.</summary>
internal static class TestKeys
{
    internal static EnvelopeContext Context(string cluster = "cluster-1", string provider = "cloister") =>
        new(EnvelopeContext.KmsPurpose, cluster, provider);

    /// <summary>32 bytes, the same for the same number.</summary>
    internal static byte[] Of(byte value) => SHA256.HashData([value]);

    /// <summary>32 bytes, all alike: no KEK.</summary>
    internal static byte[] Filled(byte value)
    {
        byte[] key = new byte[SecretKey.Size];
        key.AsSpan().Fill(value);
        return key;
    }

    internal static byte[] Random(int length = SecretKey.Size) => RandomNumberGenerator.GetBytes(length);

    /// <summary>A custody with one KEK named "k".</summary>
    internal static ManualCustody Custody(SecretArena arena, byte key = 7, string cluster = "cluster-1", string provider = "cloister", KekRules? keks = null)
    {
        ManualCustody custody = new(Context(cluster, provider), arena, sealedKeks: null, keks);
        custody.Import("k", 1, Of(key), activate: true);
        return custody;
    }
}
