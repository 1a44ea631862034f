using System.Security.Cryptography;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Certificates;

/// <summary>A public key read from SubjectPublicKeyInfo (RFC 5280, 4.1.2.7; RFC 5480), or a bare point of a quote. Verifies signatures; holds nothing secret.</summary>
public sealed class SubjectPublicKey
{
    private readonly ReadOnlyMemory<byte> _first;
    private readonly ReadOnlyMemory<byte> _second;

    private SubjectPublicKey(PublicKeyKind kind, ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        Kind = kind;
        _first = first;
        _second = second;
    }

    /// <summary>Which key it is.</summary>
    public PublicKeyKind Kind { get; }

    /// <summary>A P-256 or P-384 key from its affine coordinates, x then y, big-endian. Whether the point lies on the curve shows at the first use.</summary>
    public static SubjectPublicKey FromPoint(PublicKeyKind kind, ReadOnlyMemory<byte> xy)
    {
        int size = CoordinateSize(kind);
        return xy.Length == 2 * size
            ? new SubjectPublicKey(kind, xy[..size], xy[size..])
            : throw new ArgumentException($"A {kind} point has {2 * size} bytes.", nameof(xy));
    }

    /// <summary>
    /// Verifies <paramref name="signature"/> over <paramref name="message"/>. False for a wrong signature, a scheme that does not go with the key, and a point that is not on the curve.
    /// </summary>
    /// <param name="scheme">Hash and padding.</param>
    /// <param name="message">The signed bytes.</param>
    /// <param name="signature">ECDSA: DER when <paramref name="derEncoded"/>, else r || s of fixed width.</param>
    /// <param name="derEncoded">Certificates and CRLs carry DER; quotes, collateral and COSE carry r || s.</param>
    public bool Verify(SignatureScheme scheme, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, bool derEncoded)
    {
        try
        {
            return (scheme, Kind) switch
            {
                (SignatureScheme.EcdsaSha256, PublicKeyKind.P256) => VerifyEcdsa(HashAlgorithmName.SHA256, message, signature, derEncoded),
                (SignatureScheme.EcdsaSha384, PublicKeyKind.P384) => VerifyEcdsa(HashAlgorithmName.SHA384, message, signature, derEncoded),
                (SignatureScheme.RsaPssSha384, PublicKeyKind.Rsa4096) => VerifyPss(message, signature),
                _ => false,
            };
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <summary>Whether the key can be used at all: an elliptic-curve point must lie on its curve.</summary>
    public bool IsUsable()
    {
        try
        {
            if (Kind == PublicKeyKind.Rsa4096)
            {
                using RSA rsa = RSA.Create(RsaParameters());
            }
            else
            {
                using ECDsa ecdsa = ECDsa.Create(EcParameters());
            }

            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    internal static SubjectPublicKey Read(ref DerReader reader, ReadOnlyMemory<byte> der)
    {
        DerReader info = reader.Sequence("subjectPublicKeyInfo");
        DerReader algorithm = info.Sequence("algorithm");
        ReadOnlySpan<byte> oid = algorithm.Oid("algorithm");
        if (oid.SequenceEqual(DerOid.EcPublicKey))
        {
            return ReadPoint(ref info, ref algorithm, der);
        }

        if (!oid.SequenceEqual(DerOid.Rsa) || !algorithm.Content("parameters", System.Formats.Asn1.Asn1Tag.Null).IsEmpty)
        {
            throw algorithm.Error("algorithm", "neither an elliptic-curve key nor an RSA key");
        }

        algorithm.End();
        ReadOnlySpan<byte> bits = info.OctetAlignedBits("subjectPublicKey");
        DerReader key = new(bits, "subjectPublicKey", info.Offset - bits.Length);
        info.End();
        DerReader fields = key.Sequence("rsa");
        key.End();
        ReadOnlySpan<byte> modulus = fields.Integer("modulus");
        int modulusAt = fields.Offset - modulus.Length;
        ReadOnlySpan<byte> exponent = fields.Integer("exponent");
        int exponentAt = fields.Offset - exponent.Length;
        fields.End();
        if (modulus.Length != 513 || modulus[0] != 0 || modulus[1] < 0x80 || exponent is not [0x01, 0x00, 0x01])
        {
            throw fields.Error("modulus", "not an RSA key of 4096 bits with exponent 65537");
        }

        return new SubjectPublicKey(PublicKeyKind.Rsa4096, der.Slice(modulusAt + 1, 512), der.Slice(exponentAt, 3));
    }

    private static SubjectPublicKey ReadPoint(ref DerReader info, ref DerReader algorithm, ReadOnlyMemory<byte> der)
    {
        ReadOnlySpan<byte> curve = algorithm.Oid("curve");
        PublicKeyKind kind = curve.SequenceEqual(DerOid.P256) ? PublicKeyKind.P256
            : curve.SequenceEqual(DerOid.P384) ? PublicKeyKind.P384
            : throw algorithm.Error("curve", "neither P-256 nor P-384");
        algorithm.End();
        ReadOnlySpan<byte> point = info.OctetAlignedBits("subjectPublicKey");
        int at = info.Offset - point.Length;
        info.End();
        int size = CoordinateSize(kind);
        return point.Length == 1 + (2 * size) && point[0] == 0x04
            ? new SubjectPublicKey(kind, der.Slice(at + 1, size), der.Slice(at + 1 + size, size))
            : throw info.Error("subjectPublicKey", "not an uncompressed point");
    }

    private static int CoordinateSize(PublicKeyKind kind) => kind switch
    {
        PublicKeyKind.P256 => 32,
        PublicKeyKind.P384 => 48,
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private bool VerifyEcdsa(HashAlgorithmName hash, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, bool derEncoded) =>
        OpenSslSignatures.IsAvailable
            ? VerifyEcdsaByOpenSsl(hash, message, signature, derEncoded)
            : VerifyEcdsaByRuntime(hash, message, signature, derEncoded);

    private bool VerifyPss(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        OpenSslSignatures.IsAvailable
            ? OpenSslSignatures.VerifyPss(_first.Span, _second.Span, SHA384.HashData(message), signature)
            : VerifyPssByRuntime(message, signature);

    private bool VerifyEcdsaByOpenSsl(HashAlgorithmName hash, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, bool derEncoded)
    {
        Span<byte> digest = stackalloc byte[SHA384.HashSizeInBytes];
        digest = digest[..CryptographicOperations.HashData(hash, message, digest)];
        Span<byte> point = stackalloc byte[1 + (2 * SHA384.HashSizeInBytes)];
        point[0] = 0x04;
        _first.Span.CopyTo(point[1..]);
        _second.Span.CopyTo(point[(1 + _first.Length)..]);
        return OpenSslSignatures.VerifyEcdsa(Kind, point[..(1 + _first.Length + _second.Length)], digest, signature, derEncoded);
    }

    internal bool VerifyEcdsaByRuntime(HashAlgorithmName hash, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, bool derEncoded)
    {
        using ECDsa ecdsa = ECDsa.Create(EcParameters());
        return ecdsa.VerifyData(message, signature, hash, derEncoded ? DSASignatureFormat.Rfc3279DerSequence : DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    internal bool VerifyPssByRuntime(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        using RSA rsa = RSA.Create(RsaParameters());
        return rsa.VerifyData(message, signature, HashAlgorithmName.SHA384, RSASignaturePadding.Pss);
    }

    private ECParameters EcParameters() => new()
    {
        Curve = Kind == PublicKeyKind.P256 ? ECCurve.NamedCurves.nistP256 : ECCurve.NamedCurves.nistP384,
        Q = new ECPoint { X = _first.ToArray(), Y = _second.ToArray() },
    };

    private RSAParameters RsaParameters() => new() { Modulus = _first.ToArray(), Exponent = _second.ToArray() };
}
