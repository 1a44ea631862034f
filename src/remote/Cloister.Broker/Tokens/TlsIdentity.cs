using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Broker.Tokens;

/// <summary>
/// What a broker shows TLS clients when no certificate is given: a leaf of its own key, issued by the authority's key, and the authority's
/// certificate, by whose pin enclaves know it. Addresses and DNS names are not checked, keys and the role are.
/// secrets: the leaf's private key.
/// </summary>
public sealed class TlsIdentity : IDisposable
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(90);

    internal TlsIdentity(ECDsa authority, string authorityId, string role, DateTimeOffset now)
    {
        CertificateRequest root = new(AuthorityCertificates.Name(authorityId), authority, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, 0, critical: true));
        root.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, critical: true));

        // Signed by its own key under another issuer's name: a TLS server of .NET leaves self-issued certificates out of what it sends.
        Authority = root.Create(
            new X500DistinguishedName($"CN=Cloister broker {authorityId}"), X509SignatureGenerator.CreateForECDsa(authority),
            now - AuthorityCertificates.ClockSkew, now + Lifetime, RandomNumberGenerator.GetBytes(16));

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 issued = AuthorityCertificates.Server(
            authority, AuthorityCertificates.Name(authorityId), role, "cloister-broker", new PublicKey(key), new SubjectAlternativeNameBuilder(), now, now + Lifetime);
        Leaf = issued.CopyWithPrivateKey(key);
    }

    /// <summary>The leaf, with its key.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>The authority's certificate, to be sent behind the leaf.</summary>
    public X509Certificate2 Authority { get; }

    /// <inheritdoc />
    public void Dispose()
    {
        Leaf.Dispose();
        Authority.Dispose();
    }
}
