using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Kbs;

namespace Cloister.Broker.Tokens;

/// <summary>Certificates that a key of the authority signs. secrets: uses its private key.</summary>
internal static class AuthorityCertificates
{
    /// <summary>How far clocks may differ.</summary>
    internal static readonly TimeSpan ClockSkew = TimeSpan.FromHours(1);

    /// <summary>The issuer of brokers' certificates.</summary>
    internal static X500DistinguishedName Name(string authorityId) => new($"CN=Cloister broker authority {authorityId}");

    /// <summary>A server's certificate.</summary>
    /// <param name="issuer">The key that signs.</param>
    /// <param name="issuerName">Its name.</param>
    /// <param name="role">What it may be used as, of <see cref="CertificateRole"/>.</param>
    /// <param name="subject">Common name; not what clients look at.</param>
    /// <param name="key">The server's key.</param>
    /// <param name="names">Addresses and DNS names it is for; the role is added.</param>
    /// <param name="now">From an hour before.</param>
    /// <param name="end">Until then.</param>
    internal static X509Certificate2 Server(
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
}
