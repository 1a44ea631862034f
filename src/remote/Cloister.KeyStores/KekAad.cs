using System.Buffers.Binary;
using System.Text;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;

namespace Cloister.KeyStores;

/// <summary>What wrapped keys and wrapped items are bound to.</summary>
internal static class KekAad
{
    /// <summary>Of an item: the context's prefix and the KEK's fingerprint.</summary>
    public static byte[] OfItem(KekIdentity kek, EnvelopeContext context)
    {
        byte[] fingerprint = FingerprintOf(kek);
        byte[] aad = new byte[context.AadSize(fingerprint.Length)];
        context.WriteAad(aad, fingerprint);
        return aad;
    }

    /// <summary>
    /// Of a KEK under a root key: label, authority, name, version (32 bits, big-endian), generation, each text preceded by its
    /// length (16 bits, big-endian), then the fingerprint.
    /// </summary>
    public static byte[] OfKek(KekIdentity kek)
    {
        using MemoryStream aad = new();
        Span<byte> number = stackalloc byte[4];
        Text(aad, "cloister-kek-material-v1");
        Text(aad, kek.Authority);
        Text(aad, kek.Name);
        BinaryPrimitives.WriteUInt32BigEndian(number, kek.Version);
        aad.Write(number);
        Text(aad, kek.Generation);
        aad.Write(FingerprintOf(kek));
        return aad.ToArray();
    }

    public static byte[] FingerprintOf(KekIdentity kek)
    {
        byte[] fingerprint = new byte[KeyFingerprint.Size];
        kek.Fingerprint().CopyTo(fingerprint);
        return fingerprint;
    }

    private static void Text(MemoryStream aad, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, checked((ushort)bytes.Length));
        aad.Write(length);
        aad.Write(bytes);
    }
}
