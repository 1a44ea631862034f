using System.Formats.Asn1;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Certificates;

/// <summary>
/// An X.509 version 2 certificate revocation list (RFC 5280, 5.1), read strictly from DER. Full, direct lists only: a delta list, an indirect list or an
/// unknown critical extension is refused. Entries are checked once while reading and not copied.
/// </summary>
public sealed class RevocationList
{
    /// <summary>Largest list read, in bytes.</summary>
    public const int MaximumLength = 8 * 1024 * 1024;

    private ReadOnlyMemory<byte> _toBeSigned;
    private ReadOnlyMemory<byte> _signature;
    private ReadOnlyMemory<byte> _revoked;

    private RevocationList(ReadOnlyMemory<byte> der) => Der = der;

    /// <summary>The whole encoding.</summary>
    public ReadOnlyMemory<byte> Der { get; }

    /// <summary>The issuer's name as DER.</summary>
    public ReadOnlyMemory<byte> Issuer { get; private set; }

    /// <summary>When it was issued.</summary>
    public DateTimeOffset ThisUpdate { get; private set; }

    /// <summary>When the next one is due; a list without it is refused.</summary>
    public DateTimeOffset NextUpdate { get; private set; }

    /// <summary>How many certificates it revokes.</summary>
    public int Count { get; private set; }

    /// <summary>The scheme of the issuer's signature.</summary>
    public SignatureScheme SignatureScheme { get; private set; }

    /// <summary>Reads a list that fills <paramref name="der"/> exactly.</summary>
    /// <exception cref="EvidenceFormatException">It is not a full, direct, version 2 list in strict DER.</exception>
    public static RevocationList Parse(ReadOnlyMemory<byte> der)
    {
        if (der.Length > MaximumLength)
        {
            throw new EvidenceFormatException("crl", 0, $"{der.Length} bytes, at most {MaximumLength} are read");
        }

        RevocationList list = new(der);
        DerReader outer = new(der.Span, "crl");
        DerReader reader = outer.Sequence("certificateList");
        outer.End();
        DerReader copy = reader;
        list._toBeSigned = list.Slice(copy.Encoded("tbsCertList"), copy.Offset);
        list.ReadToBeSigned(reader.Sequence("tbsCertList"), out ReadOnlySpan<byte> innerAlgorithm);
        copy = reader;
        if (!copy.Encoded("signatureAlgorithm").SequenceEqual(innerAlgorithm))
        {
            throw reader.Error("signatureAlgorithm", "differs from the signed one");
        }

        list.SignatureScheme = SignatureSchemeReader.Read(ref reader, "signatureAlgorithm");
        ReadOnlySpan<byte> signature = reader.OctetAlignedBits("signatureValue");
        list._signature = list.Slice(signature, reader.Offset);
        reader.End();
        return list;
    }

    /// <summary>Whether <paramref name="certificate"/> stands in the list. Only asks for the serial number: the caller has matched the issuer.</summary>
    public bool Revokes(Certificate certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        DerReader entries = new(_revoked.Span, "crl.revokedCertificates");
        while (entries.HasData)
        {
            DerReader entry = entries.Sequence("entry");
            if (entry.Integer("userCertificate").SequenceEqual(certificate.SerialNumber.Span))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether <paramref name="issuer"/> has the issuer's name, may sign lists, and its key made the signature.</summary>
    public bool IsSignedBy(Certificate issuer)
    {
        ArgumentNullException.ThrowIfNull(issuer);
        return Issuer.Span.SequenceEqual(issuer.Subject.Span)
            && (issuer.KeyUsage & CertificateKeyUsage.CrlSign) != 0
            && issuer.PublicKey.Verify(SignatureScheme, _toBeSigned.Span, _signature.Span, derEncoded: true);
    }

    private void ReadToBeSigned(DerReader reader, out ReadOnlySpan<byte> algorithm)
    {
        if (reader.SmallInteger("version", 255) != 1)
        {
            throw reader.Error("version", "not a version 2 list");
        }

        algorithm = reader.Encoded("signature");
        Issuer = Slice(reader.Encoded("issuer"), reader.Offset);
        ThisUpdate = reader.Time("thisUpdate");
        NextUpdate = reader.Time("nextUpdate");
        if (reader.NextIs(Asn1Tag.Sequence))
        {
            DerReader entries = reader.Sequence("revokedCertificates");
            _revoked = Der.Slice(entries.Offset, reader.Offset - entries.Offset);
            ReadEntries(entries);
        }

        DerReader wrapper = reader.Constructed("crlExtensions", new Asn1Tag(TagClass.ContextSpecific, 0, true));
        reader.End();
        DerReader extensions = wrapper.Sequence("extensions");
        wrapper.End();
        RefuseUnknownExtensions(ref extensions);
    }

    private void ReadEntries(DerReader entries)
    {
        while (entries.HasData)
        {
            DerReader entry = entries.Sequence("entry");
            entry.Integer("userCertificate");
            entry.Time("revocationDate");
            if (entry.HasData)
            {
                DerReader extensions = entry.Sequence("crlEntryExtensions");
                entry.End();
                RefuseUnknownExtensions(ref extensions);
            }

            Count++;
        }
    }

    private static void RefuseUnknownExtensions(ref DerReader extensions)
    {
        while (extensions.HasData)
        {
            DerReader extension = extensions.Sequence("extension");
            ReadOnlySpan<byte> oid = extension.Oid("extnID");
            bool critical = extension.NextIs(Asn1Tag.Boolean) && extension.Boolean("critical");
            extension.OctetString("extnValue");
            extension.End();
            if (critical || oid.SequenceEqual(DerOid.DeltaCrlIndicator) || oid.SequenceEqual(DerOid.CertificateIssuer))
            {
                throw extension.Error("extnID", "a delta list, an indirect list or an unknown critical extension");
            }
        }
    }

    private ReadOnlyMemory<byte> Slice(ReadOnlySpan<byte> read, int end) => Der.Slice(end - read.Length, read.Length);
}
