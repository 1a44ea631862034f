using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Xaes;

namespace Cloister.Cli.Offline;

/// <summary>Opens EDEKs with a KEK in hand, as docs/envelope-format.md says. For key owners.</summary>
internal static class OfflineEdek
{
    /// <summary>The key that encrypts the payload of an EDEK: what the demonstrations look for in memory.</summary>
    /// <param name="kek">The KEK, 32 bytes: of the enclave (suite 1) or of the software KMS (suites 2 and 3).</param>
    /// <param name="context">Cluster and provider.</param>
    /// <param name="bytes">The EDEK.</param>
    internal static byte[] Dek(byte[] kek, EnvelopeContext context, byte[] bytes)
    {
        Edek edek = Edek.Parse(bytes);
        return edek.Suite switch
        {
            // The KEK's derived key for this nonce is the key of this one payload.
            EdekSuite.Kek => PortableXaes.DerivedKey(kek, edek.Nonce),
            EdekSuite.RemoteDek => FromSoftwareKms(kek, context.For(EnvelopeContext.DekPurpose), edek.Kek, edek.WrappedDek),

            // The payload itself is the DEK that an API server made.
            _ => FromSoftwareKms(kek, context, edek.Kek, edek.Payload),
        };
    }

    /// <summary>What an EDEK protects.</summary>
    internal static byte[] Plaintext(byte[] kek, EnvelopeContext context, byte[] bytes)
    {
        Edek edek = Edek.Parse(bytes);
        byte[] key = edek.Suite switch
        {
            EdekSuite.Kek => kek,
            EdekSuite.RemoteDek => FromSoftwareKms(kek, context.For(EnvelopeContext.DekPurpose), edek.Kek, edek.WrappedDek),
            _ => [],
        };
        return edek.Suite == EdekSuite.Remote
            ? FromSoftwareKms(kek, context, edek.Kek, edek.Payload)
            : PortableXaes.Decrypt(key, [.. edek.Nonce, .. edek.Payload], Aad(context, edek.Bound));
    }

    /// <summary>What an EDEK of custody remote protects, with its DEK in hand.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">It is not its DEK.</exception>
    internal static byte[] PlaintextWithDek(byte[] dek, EnvelopeContext context, byte[] bytes)
    {
        Edek edek = Edek.Parse(bytes);
        return PortableXaes.Decrypt(dek, [.. edek.Nonce, .. edek.Payload], Aad(context, edek.Bound));
    }

    private static byte[] FromSoftwareKms(byte[] kek, EnvelopeContext context, KeyFingerprint fingerprint, ReadOnlySpan<byte> ciphertext)
    {
        byte[] header = new byte[KeyFingerprint.Size];
        fingerprint.CopyTo(header);
        return PortableXaes.Decrypt(kek, ciphertext, Aad(context, header));
    }

    private static byte[] Aad(EnvelopeContext context, ReadOnlySpan<byte> header)
    {
        byte[] aad = new byte[context.AadSize(header.Length)];
        context.WriteAad(aad, header);
        return aad;
    }
}
