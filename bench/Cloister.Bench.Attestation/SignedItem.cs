using System.Formats.Asn1;
using System.Security.Cryptography;

namespace Cloister.Bench.Attestation;

/// <summary>One signature that a verification verifies, ready for OpenSSL.</summary>
/// <param name="KeyInfo">SubjectPublicKeyInfo.</param>
/// <param name="IsPss">RSASSA-PSS with SHA-384; else ECDSA.</param>
/// <param name="Digest">Of what is signed.</param>
/// <param name="Signature">DER for ECDSA.</param>
internal sealed record SignedItem(byte[] KeyInfo, bool IsPss, byte[] Digest, byte[] Signature)
{
    private const string RsaEncryption = "1.2.840.113549.1.1.1";

    /// <summary>A certificate or a revocation list, signed by <paramref name="issuer"/>.</summary>
    public static SignedItem OfDer(ReadOnlyMemory<byte> der, ReadOnlyMemory<byte> issuer)
    {
        AsnReader outer = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
        ReadOnlyMemory<byte> signed = outer.ReadEncodedValue();
        outer.ReadSequence();
        return Of(KeyInfoOf(issuer), signed.Span, outer.ReadBitString(out _));
    }

    /// <summary>Data signed with r || s by the key of <paramref name="signer"/>.</summary>
    public static SignedItem OfPair(ReadOnlyMemory<byte> signer, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> pair) =>
        Of(KeyInfoOf(signer), signed, ToDer(pair));

    /// <summary>Data signed with r || s by a bare P-256 point.</summary>
    public static SignedItem OfPoint(ReadOnlySpan<byte> xy, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> pair)
    {
        using ECDsa key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = xy[..32].ToArray(), Y = xy[32..].ToArray() } });
        return Of(key.ExportSubjectPublicKeyInfo(), signed, ToDer(pair));
    }

    private static SignedItem Of(byte[] keyInfo, ReadOnlySpan<byte> signed, byte[] signature)
    {
        bool isPss = new AsnReader(keyInfo, AsnEncodingRules.DER).ReadSequence().ReadSequence().ReadObjectIdentifier() == RsaEncryption;

        // P-256 keys have 91 bytes.
        return new SignedItem(keyInfo, isPss, keyInfo.Length == 91 ? SHA256.HashData(signed) : SHA384.HashData(signed), signature);
    }

    private static byte[] KeyInfoOf(ReadOnlyMemory<byte> certificate)
    {
        AsnReader fields = new AsnReader(certificate, AsnEncodingRules.DER).ReadSequence().ReadSequence();
        for (int skip = 0; skip < 6; skip++)
        {
            fields.ReadEncodedValue();
        }

        return fields.ReadEncodedValue().ToArray();
    }

    private static byte[] ToDer(ReadOnlySpan<byte> pair)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteIntegerUnsigned(Trimmed(pair[..(pair.Length / 2)]));
            writer.WriteIntegerUnsigned(Trimmed(pair[(pair.Length / 2)..]));
        }

        return writer.Encode();
    }

    private static ReadOnlySpan<byte> Trimmed(ReadOnlySpan<byte> number)
    {
        ReadOnlySpan<byte> trimmed = number.TrimStart((byte)0);
        return trimmed.IsEmpty ? number[..1] : trimmed;
    }
}
