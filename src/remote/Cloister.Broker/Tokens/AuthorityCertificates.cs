using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Kbs;

namespace Cloister.Broker.Tokens;

/// <summary>Certificates that a key of the authority signs. secrets: uses its private key.</summary>
public static class AuthorityCertificates
{
    /// <summary>How far clocks may differ.</summary>
    internal static readonly TimeSpan ClockSkew = TimeSpan.FromHours(1);

    private const int ValidYears = 20;

    /// <summary>
    /// Certifies the key that follows this one as the authority's: whoever knows the authority by this key then knows it by the next one. For 20 years,
    /// which no reader looks at.
    /// </summary>
    /// <returns>DER.</returns>
    public static byte[] Succeed(SigningKey issuer, ReadOnlySpan<byte> next, DateTimeOffset now)
    {
        PublicKey key = PublicKey.CreateFromSubjectPublicKeyInfo(next, out _);
        return issuer.Use(one => Authority(one, Name(issuer.Name), key, now));
    }

    /// <summary>The certificate of an authority's first key.</summary>
    /// <returns>DER.</returns>
    public static byte[] First(SigningKey authority, DateTimeOffset now) =>
        authority.Use(key => Authority(key, new X500DistinguishedName($"CN=Cloister broker {authority.Name}"), new PublicKey(key), now));

    /// <summary>The authority that a chain of certificates is of: the name of its last key. Each is signed by the next, the last by its own key.</summary>
    /// <param name="chain">DER, the newest first.</param>
    /// <param name="key">The key of the first, SubjectPublicKeyInfo.</param>
    /// <returns>Null when it is no such chain.</returns>
    public static string? AuthorityOf(IReadOnlyList<byte[]> chain, byte[] key)
    {
        try
        {
            X509Certificate2[] certificates = [.. chain.Select(X509CertificateLoader.LoadCertificate)];
            byte[][] keys = [.. certificates.Select(one => one.PublicKey.ExportSubjectPublicKeyInfo())];
            bool isChain = certificates.Length > 0 && keys[0].SequenceEqual(key);
            for (int i = 0; isChain && i < certificates.Length; i++)
            {
                isChain = IsSigned(certificates[i], certificates[Math.Min(i + 1, certificates.Length - 1)]);
            }

            return isChain ? Convert.ToHexStringLower(SHA256.HashData(keys[^1]).AsSpan(0, 16)) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>The name of an authority's key, as issuer of brokers' certificates.</summary>
    internal static X500DistinguishedName Name(string key) => new($"CN=Cloister broker authority {key}");

    /// <summary>A leaf's certificate.</summary>
    /// <param name="issuer">The key that signs.</param>
    /// <param name="issuerName">Its name.</param>
    /// <param name="role">What it may be used as, of <see cref="CertificateRole"/>.</param>
    /// <param name="subject">Common name; not what clients look at.</param>
    /// <param name="key">The leaf's key.</param>
    /// <param name="names">Addresses and DNS names it is for; the role is added.</param>
    /// <param name="now">From an hour before.</param>
    /// <param name="end">Until then.</param>
    internal static X509Certificate2 Leaf(
        ECDsa issuer, X500DistinguishedName issuerName, string role, string subject, PublicKey key, SubjectAlternativeNameBuilder names, DateTimeOffset now, DateTimeOffset end)
    {
        CertificateRequest leaf = new(new X500DistinguishedName($"CN={subject}"), key, HashAlgorithmName.SHA256);
        leaf.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        leaf.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        leaf.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(CertificateRole.UsageOf(role))], critical: false));
        leaf.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(
            new X509SubjectKeyIdentifierExtension(new PublicKey(issuer), critical: false)));
        names.AddUri(new Uri(role));
        leaf.CertificateExtensions.Add(names.Build());
        return leaf.Create(issuerName, X509SignatureGenerator.CreateForECDsa(issuer), now - ClockSkew, end, RandomNumberGenerator.GetBytes(16));
    }

    /// <summary>The certificate of a key that signs leases, for as long as the authority's.</summary>
    internal static byte[] LeaseSigner(SigningKey authority, SigningKey leases, DateTimeOffset now)
    {
        PublicKey key = PublicKey.CreateFromSubjectPublicKeyInfo(leases.PublicKey, out _);
        using X509Certificate2 issued = authority.Use(issuer => Leaf(
            issuer, Name(authority.Name), CertificateRole.LeaseSigner, "cloister-leases", key, new SubjectAlternativeNameBuilder(), now, now.AddYears(ValidYears)));
        return issued.RawData;
    }

    // The last of a chain is signed by its own key under another issuer's name: a TLS server of .NET leaves self-issued certificates out of what it sends.
    private static byte[] Authority(ECDsa issuer, X500DistinguishedName issuerName, PublicKey key, DateTimeOffset now)
    {
        string name = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()).AsSpan(0, 16));
        CertificateRequest request = new(Name(name), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid(CertificateRole.UsageOf(CertificateRole.Authority)), new Oid(CertificateRole.UsageOf(CertificateRole.Broker))], critical: false));
        SubjectAlternativeNameBuilder names = new();
        names.AddUri(new Uri(CertificateRole.Authority));
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 made = request.Create(
            issuerName, X509SignatureGenerator.CreateForECDsa(issuer), now - ClockSkew, now.AddYears(ValidYears), RandomNumberGenerator.GetBytes(16));
        return made.RawData;
    }

    private static bool IsSigned(X509Certificate2 certificate, X509Certificate2 issuer)
    {
        using ECDsa? key = issuer.GetECDsaPublicKey();
        return key is not null && SignatureOf(certificate) is var (content, signature)
            && key.VerifyData(content.Span, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }

    private static (ReadOnlyMemory<byte> Content, byte[] Signature) SignatureOf(X509Certificate2 certificate)
    {
        try
        {
            AsnReader reader = new AsnReader(certificate.RawDataMemory, AsnEncodingRules.DER).ReadSequence();
            ReadOnlyMemory<byte> content = reader.ReadEncodedValue();
            reader.ReadEncodedValue();
            return (content, reader.ReadBitString(out _));
        }
        catch (AsnContentException e)
        {
            throw new CryptographicException("not a certificate", e);
        }
    }
}
