using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Broker.Tokens;

/// <summary>
/// What the authority's key signs as a certificate authority: TLS servers' certificates, and the certificate by which TLS clients that know no pins
/// (an API server, Go, OpenSSL) come to trust them. secrets: uses the authority's private key.
/// </summary>
internal static class AuthorityCertificates
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const int ValidYears = 10;

    /// <summary>How far clocks may differ.</summary>
    internal static readonly TimeSpan ClockSkew = TimeSpan.FromHours(1);

    /// <summary>The issuer of every certificate.</summary>
    internal static X500DistinguishedName Name(string authorityId) => new($"CN=Cloister broker authority {authorityId}");

    /// <summary>The authority as a root: self-signed, for ten years. Each call makes another one of the same name and key; any of them does.</summary>
    internal static X509Certificate2 Root(ECDsa authority, string authorityId, DateTimeOffset now)
    {
        CertificateRequest root = new(Name(authorityId), authority, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, 0, critical: true));
        root.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        root.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(root.PublicKey, critical: false));
        return root.Create(
            Name(authorityId), X509SignatureGenerator.CreateForECDsa(authority), now - ClockSkew, now.AddYears(ValidYears), RandomNumberGenerator.GetBytes(16));
    }

    /// <summary>A server's certificate.</summary>
    /// <param name="authority">The authority's key.</param>
    /// <param name="authorityId">Its name.</param>
    /// <param name="subject">Common name; not what clients look at.</param>
    /// <param name="key">The server's key.</param>
    /// <param name="names">Addresses and DNS names it is for, or null for none.</param>
    /// <param name="now">From an hour before.</param>
    /// <param name="end">Until then.</param>
    internal static X509Certificate2 Server(
        ECDsa authority, string authorityId, string subject, PublicKey key, SubjectAlternativeNameBuilder? names, DateTimeOffset now, DateTimeOffset end)
    {
        CertificateRequest leaf = new(new X500DistinguishedName($"CN={subject}"), key, HashAlgorithmName.SHA256);
        leaf.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        leaf.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        leaf.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuthentication)], critical: false));
        leaf.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(
            new X509SubjectKeyIdentifierExtension(new PublicKey(authority), critical: false)));
        if (names is not null)
        {
            leaf.CertificateExtensions.Add(names.Build());
        }

        return leaf.Create(Name(authorityId), X509SignatureGenerator.CreateForECDsa(authority), now - ClockSkew, end, RandomNumberGenerator.GetBytes(16));
    }
}
