using System.Security.Cryptography;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Certificates;

/// <summary>
/// An X.509 version 3 certificate (RFC 5280, 4.1) read strictly from DER. It says what the certificate says; whether to believe it is for <see cref="CertificatePath"/>.
/// Read here rather than with X509Certificate2 because that accepts BER, unknown algorithms and trailing bytes, and may consult the machine.
/// </summary>
public sealed class Certificate
{
    /// <summary>Largest certificate read, in bytes. Vendors' certificates have at most 2 KiB.</summary>
    public const int MaximumLength = 16 * 1024;

    internal Certificate(CertificateFields fields)
    {
        Fields = fields;
    }

    private CertificateFields Fields { get; }

    /// <summary>The whole encoding.</summary>
    public ReadOnlyMemory<byte> Der => Fields.Der;

    /// <summary>SHA-256 of the whole encoding: what trust anchors are pinned by.</summary>
    public ReadOnlyMemory<byte> Sha256 => field.IsEmpty ? field = SHA256.HashData(Der.Span) : field;

    /// <summary>The serial number's content bytes.</summary>
    public ReadOnlyMemory<byte> SerialNumber => Fields.SerialNumber;

    /// <summary>The issuer's name as DER; names are compared byte for byte.</summary>
    public ReadOnlyMemory<byte> Issuer => Fields.Issuer;

    /// <summary>The subject's name as DER.</summary>
    public ReadOnlyMemory<byte> Subject => Fields.Subject;

    /// <summary>The subject's common name; empty when it has none.</summary>
    public string CommonName => field ??= DistinguishedName.CommonNameOf(Subject.Span);

    /// <summary>First moment of validity.</summary>
    public DateTimeOffset NotBefore => Fields.NotBefore;

    /// <summary>Last moment of validity.</summary>
    public DateTimeOffset NotAfter => Fields.NotAfter;

    /// <summary>The subject's key.</summary>
    public SubjectPublicKey PublicKey => Fields.PublicKey;

    /// <summary>Whether basicConstraints says that the subject is a certification authority.</summary>
    public bool IsAuthority => Fields.IsAuthority;

    /// <summary>basicConstraints pathLenConstraint, or null when absent.</summary>
    public int? PathLength => Fields.PathLength;

    /// <summary>keyUsage, or <see cref="CertificateKeyUsage.None"/> without the extension.</summary>
    public CertificateKeyUsage KeyUsage => Fields.KeyUsage;

    /// <summary>All extensions, in order.</summary>
    public IReadOnlyList<CertificateExtension> Extensions => Fields.Extensions;

    /// <summary>Whether every critical extension is one that this library understands.</summary>
    public bool HasUnknownCriticalExtension => Fields.HasUnknownCriticalExtension;

    /// <summary>Whether issuer and subject are the same name.</summary>
    public bool IsSelfIssued => Issuer.Span.SequenceEqual(Subject.Span);

    /// <summary>The scheme of the issuer's signature.</summary>
    public SignatureScheme SignatureScheme => Fields.SignatureScheme;

    /// <summary>Reads a certificate that fills <paramref name="der"/> exactly.</summary>
    /// <exception cref="EvidenceFormatException">It is not strict DER of a version 3 certificate with the accepted algorithms.</exception>
    public static Certificate Parse(ReadOnlyMemory<byte> der) => new(CertificateFields.Read(der));

    /// <summary>The extension whose identifier has these content bytes, or null. No certificate has two (reading refuses that).</summary>
    public CertificateExtension? Find(ReadOnlySpan<byte> oid)
    {
        foreach (CertificateExtension extension in Fields.Extensions)
        {
            if (extension.Oid.Span.SequenceEqual(oid))
            {
                return extension;
            }
        }

        return null;
    }

    /// <summary>Whether <paramref name="issuer"/> has the issuer's name and its key made the signature. Checks nothing else.</summary>
    public bool IsSignedBy(Certificate issuer)
    {
        ArgumentNullException.ThrowIfNull(issuer);
        return Issuer.Span.SequenceEqual(issuer.Subject.Span)
            && issuer.PublicKey.Verify(SignatureScheme, Fields.ToBeSigned.Span, Fields.Signature.Span, derEncoded: true);
    }
}
