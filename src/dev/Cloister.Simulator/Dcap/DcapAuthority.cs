using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attestation.Certificates;

namespace Cloister.Simulator.Dcap;

/// <summary>A certificate with its private key.</summary>
public sealed class DcapAuthority : IDisposable
{
    private readonly ECDsa _key;
    private readonly X500DistinguishedName _name;

    private DcapAuthority(ECDsa key, byte[] der)
    {
        _key = key;
        Certificate = Certificate.Parse(der);
        _name = new X500DistinguishedName(Certificate.Subject.Span);
    }

    /// <summary>The certificate.</summary>
    public Certificate Certificate { get; }

    /// <summary>Makes a self-signed root.</summary>
    public static DcapAuthority CreateRoot(string commonName, DateTimeOffset from, DateTimeOffset until)
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(NameOf(commonName), key, HashAlgorithmName.SHA256);
        AddAuthorityExtensions(request, pathLength: 1);
        using X509Certificate2 issued = request.Create(request.SubjectName, X509SignatureGenerator.CreateForECDsa(key), from, until, NewSerial());
        return new DcapAuthority(key, issued.RawData);
    }

    /// <summary>Restores an authority from <see cref="Export"/>.</summary>
    public static DcapAuthority Import(string pem)
    {
        ECDsa key = ECDsa.Create();
        key.ImportFromPem(pem);
        using X509Certificate2 certificate = X509Certificate2.CreateFromPem(pem);
        return new DcapAuthority(key, certificate.RawData);
    }

    /// <summary>Issues a subordinate: an authority, or a leaf that signs data.</summary>
    public DcapAuthority Issue(string commonName, bool isAuthority, DateTimeOffset from, DateTimeOffset until, X509Extension? extension = null, ECCurve? curve = null)
    {
        ECDsa key = ECDsa.Create(curve ?? ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(NameOf(commonName), new PublicKey(key), HashAlgorithmName.SHA256);
        if (isAuthority)
        {
            AddAuthorityExtensions(request, pathLength: 0);
        }
        else
        {
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.NonRepudiation, true));
        }

        if (extension is not null)
        {
            request.CertificateExtensions.Add(extension);
        }

        using X509Certificate2 issued = request.Create(_name, X509SignatureGenerator.CreateForECDsa(_key), from, until, NewSerial());
        return new DcapAuthority(key, issued.RawData);
    }

    /// <summary>Makes a revocation list.</summary>
    public byte[] IssueCrl(DateTimeOffset thisUpdate, DateTimeOffset nextUpdate, params IEnumerable<Certificate> revoked)
    {
        ArgumentNullException.ThrowIfNull(revoked);
        CertificateRevocationListBuilder builder = new();
        foreach (Certificate certificate in revoked)
        {
            builder.AddEntry(certificate.SerialNumber.Span, thisUpdate, X509RevocationReason.KeyCompromise);
        }

        return builder.Build(
            _name, X509SignatureGenerator.CreateForECDsa(_key), 1, nextUpdate, HashAlgorithmName.SHA256,
            X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(SHA256.HashData(Certificate.Subject.Span).AsSpan(0, 20)), thisUpdate);
    }

    /// <summary>Signs with ECDSA and SHA-256, r || s.</summary>
    public byte[] Sign(ReadOnlySpan<byte> data) => _key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    /// <summary>Private key and certificate, PEM. A development secret.</summary>
    public string Export() => $"{_key.ExportPkcs8PrivateKeyPem()}\n{PemOf(Certificate)}";

    /// <summary>One certificate in PEM.</summary>
    public static string PemOf(Certificate certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return PemEncoding.WriteString("CERTIFICATE", certificate.Der.Span) + "\n";
    }

    /// <inheritdoc />
    public void Dispose() => _key.Dispose();

    private static void AddAuthorityExtensions(CertificateRequest request, int pathLength)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, pathLength, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
    }

    private static X500DistinguishedName NameOf(string commonName)
    {
        X500DistinguishedNameBuilder builder = new();
        builder.AddOrganizationName("Cloister simulator, not Intel");
        builder.AddCommonName(commonName);
        return builder.Build();
    }

    private static byte[] NewSerial()
    {
        byte[] serial = RandomNumberGenerator.GetBytes(20);
        serial[0] = (byte)(0x40 | (serial[0] & 0x3F));
        return serial;
    }
}
