using System.Formats.Asn1;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Certificates;

/// <summary>The fields of a certificate, as read.</summary>
internal sealed class CertificateFields
{
    private const int MaximumExtensions = 32;

    public required ReadOnlyMemory<byte> Der { get; init; }

    public ReadOnlyMemory<byte> ToBeSigned { get; private set; }

    public ReadOnlyMemory<byte> SerialNumber { get; private set; }

    public ReadOnlyMemory<byte> Issuer { get; private set; }

    public ReadOnlyMemory<byte> Subject { get; private set; }

    public DateTimeOffset NotBefore { get; private set; }

    public DateTimeOffset NotAfter { get; private set; }

    public SubjectPublicKey PublicKey { get; private set; } = null!;

    public SignatureScheme SignatureScheme { get; private set; }

    public ReadOnlyMemory<byte> Signature { get; private set; }

    public bool IsAuthority { get; private set; }

    public int? PathLength { get; private set; }

    public CertificateKeyUsage KeyUsage { get; private set; }

    public bool HasUnknownCriticalExtension { get; private set; }

    public List<CertificateExtension> Extensions { get; } = [];

    public static CertificateFields Read(ReadOnlyMemory<byte> der)
    {
        if (der.Length > Certificate.MaximumLength)
        {
            throw new EvidenceFormatException("certificate", 0, $"{der.Length} bytes, at most {Certificate.MaximumLength} are read");
        }

        CertificateFields fields = new() { Der = der };
        DerReader outer = new(der.Span, "certificate");
        DerReader certificate = outer.Sequence("certificate");
        outer.End();

        int start = certificate.Offset;
        DerReader copy = certificate;
        ReadOnlySpan<byte> toBeSigned = copy.Encoded("tbsCertificate");
        fields.ToBeSigned = der.Slice(start, toBeSigned.Length);
        fields.ReadToBeSigned(certificate.Sequence("tbsCertificate"), out ReadOnlySpan<byte> innerAlgorithm);

        copy = certificate;
        if (!copy.Encoded("signatureAlgorithm").SequenceEqual(innerAlgorithm))
        {
            throw certificate.Error("signatureAlgorithm", "differs from the signed one");
        }

        fields.SignatureScheme = SignatureSchemeReader.Read(ref certificate, "signatureAlgorithm");
        ReadOnlySpan<byte> signature = certificate.OctetAlignedBits("signatureValue");
        fields.Signature = der.Slice(certificate.Offset - signature.Length, signature.Length);
        certificate.End();
        return fields;
    }

    private void ReadToBeSigned(DerReader reader, out ReadOnlySpan<byte> algorithm)
    {
        DerReader version = reader.Constructed("version", new Asn1Tag(TagClass.ContextSpecific, 0, true));
        if (version.SmallInteger("version", 255) != 2)
        {
            throw version.Error("version", "not a version 3 certificate");
        }

        version.End();
        SerialNumber = Slice(reader.Integer("serialNumber"), reader.Offset);
        if (SerialNumber.Length > 21)
        {
            throw reader.Error("serialNumber", "longer than 20 bytes");
        }

        algorithm = reader.Encoded("signature");
        Issuer = Slice(reader.Encoded("issuer"), reader.Offset);
        DerReader validity = reader.Sequence("validity");
        NotBefore = validity.Time("notBefore");
        NotAfter = validity.Time("notAfter");
        validity.End();
        Subject = Slice(reader.Encoded("subject"), reader.Offset);
        PublicKey = SubjectPublicKey.Read(ref reader, Der);
        if (reader.HasData)
        {
            DerReader wrapper = reader.Constructed("extensions", new Asn1Tag(TagClass.ContextSpecific, 3, true));
            ReadExtensions(wrapper.Sequence("extensions"));
            wrapper.End();
        }

        reader.End();
    }

    private void ReadExtensions(DerReader reader)
    {
        while (reader.HasData)
        {
            DerReader extension = reader.Sequence("extension");
            ReadOnlyMemory<byte> oid = Slice(extension.Oid("extnID"), extension.Offset);
            bool critical = extension.NextIs(Asn1Tag.Boolean) && extension.Boolean("critical");
            ReadOnlyMemory<byte> value = Slice(extension.OctetString("extnValue"), extension.Offset);
            int offset = extension.Offset - value.Length;
            extension.End();
            if (Extensions.Count == MaximumExtensions || Extensions.Exists(e => e.Oid.Span.SequenceEqual(oid.Span)))
            {
                throw extension.Error("extnID", "the same extension twice, or too many");
            }

            Extensions.Add(new CertificateExtension(oid, critical, value, offset));
            Interpret(oid.Span, critical, new DerReader(value.Span, "extension", offset));
        }
    }

    private void Interpret(ReadOnlySpan<byte> oid, bool critical, DerReader value)
    {
        if (oid.SequenceEqual(DerOid.BasicConstraints))
        {
            DerReader constraints = value.Sequence("basicConstraints");
            value.End();
            IsAuthority = constraints.NextIs(Asn1Tag.Boolean) && constraints.Boolean("cA");
            PathLength = constraints.HasData ? constraints.SmallInteger("pathLenConstraint", 255) : null;
            constraints.End();
        }
        else if (oid.SequenceEqual(DerOid.KeyUsage))
        {
            ReadOnlySpan<byte> bits = value.Content("keyUsage", Asn1Tag.PrimitiveBitString);
            value.End();
            if (bits.Length is < 2 or > 3 || bits[0] > 7)
            {
                throw value.Error("keyUsage", "not a named bit list");
            }

            KeyUsage = ((bits[1] & 0x80) != 0 ? CertificateKeyUsage.DigitalSignature : 0)
                | ((bits[1] & 0x04) != 0 ? CertificateKeyUsage.CertificateSign : 0)
                | ((bits[1] & 0x02) != 0 ? CertificateKeyUsage.CrlSign : 0);
        }
        else if (critical)
        {
            HasUnknownCriticalExtension = true;
        }
    }

    /// <summary>The part of <see cref="Der"/> that the span just read covers; <paramref name="end"/> is the reader's offset after it.</summary>
    private ReadOnlyMemory<byte> Slice(ReadOnlySpan<byte> read, int end) => Der.Slice(end - read.Length, read.Length);
}
